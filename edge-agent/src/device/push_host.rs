//! What posting clocks are answered: where to go on, and what they are asked to do.

use std::sync::Arc;

use chrono::{Offset as _, TimeZone as _};
use device_protocols::driver::{Observed, Origin, Refused, Route, Sink};
use device_protocols::push::listener::UploadTable;
use device_protocols::push::{CommandId, CommandResult, HandshakeOptions, Hello, Host, PushCommand, Stamp};
use device_protocols::serial::Serial;
use shared_model::ClockSerial;

use super::push_sink::{Pending, PushSink};
use crate::ingest::refused;
use crate::store::{Queueing, Stamps, Store};

/// Answers posting clocks.
#[derive(Debug)]
pub struct PushHost {
    sink: Arc<PushSink>,
}

impl PushHost {
    /// A host beside a sink.
    #[must_use]
    pub const fn new(sink: Arc<PushSink>) -> Self {
        Self { sink }
    }

    fn store(&self) -> &Store {
        self.sink.intake().store()
    }
}

impl Host for PushHost {
    async fn greet(&self, hello: &Hello) -> Result<HandshakeOptions, Refused> {
        let model = hello.device_type.as_deref().unwrap_or_default();
        let clock = self.sink.adopted(hello.serial.as_str(), Pending { model, ..Pending::default() }).await?;
        if clock.comm_key.is_some() && clock.comm_key != hello.key {
            tracing::warn!(clock.serial = %clock.serial, "the clock presents another key than the stored one");
            return Err(Refused::UnknownClock);
        }
        self.sink.interrupted(&clock.serial);
        let serial = clock.serial.clone();
        let forgotten = self.store().write(move |tx| tx.forget_sent_commands(&serial)).await;
        forgotten.map_err(|error| refused(&error))?;
        let serial = clock.serial.clone();
        let stamps =
            self.store().read(move |tx| tx.stamps(&serial)).await.map_err(|error| refused(&error))?;
        let now = self.sink.intake().clock().now();
        let zone = clock.zones.zone_on(now.naive_utc().date());
        let offset = zone.offset_from_utc_datetime(&now.naive_utc()).fix();
        let stamp = |text: Option<String>| text.as_deref().and_then(Stamp::parse);
        Ok(HandshakeOptions {
            attlog_stamp: stamp(stamps.attendance),
            operlog_stamp: stamp(stamps.operations),
            zone: clock.device.set_time.then_some(offset),
            ..HandshakeOptions::default()
        })
    }

    async fn commands(&self, serial: &Serial) -> Result<Vec<(CommandId, PushCommand)>, Refused> {
        let clock = self.sink.adopted(serial.as_str(), Pending::default()).await?;
        self.sink.polled(&clock.serial).await?;
        let (serial, now) = (clock.serial.clone(), self.sink.intake().clock().now());
        let waiting = self.store().read(move |tx| tx.has_commands(&serial, now)).await;
        if !waiting.map_err(|error| refused(&error))? {
            return Ok(Vec::new());
        }
        let serial = clock.serial.clone();
        self.store().write(move |tx| tx.take_commands(&serial)).await.map_err(|error| refused(&error))
    }

    async fn results(&self, serial: &Serial, results: Vec<CommandResult>) -> Result<(), Refused> {
        let origin = Origin { route: Route::Push, serial: Some(serial.clone()) };
        self.sink.accept(&origin, Observed::Heard).await?;
        let clock = self.sink.adopted(serial.as_str(), Pending::default()).await?;
        for CommandResult { id, code } in results {
            tracing::info!(clock.serial = %serial, command = id.as_str(), code, "a command was answered");
            let serial = clock.serial.clone();
            let kept = self.store().write(move |tx| tx.answer_command(&serial, &id, code)).await;
            kept.map_err(|error| refused(&error))?;
        }
        Ok(())
    }

    async fn uploaded(
        &self,
        serial: &Serial,
        table: UploadTable,
        stamp: Option<Stamp>,
    ) -> Result<(), Refused> {
        let clock = self.sink.adopted(serial.as_str(), Pending::default()).await?;
        let text = stamp.map(|stamp| stamp.as_str().to_owned());
        if text.is_none() {
            return Ok(());
        }
        let stamps = match table {
            UploadTable::Attendance => Stamps { attendance: text, ..Stamps::default() },
            UploadTable::Operations => Stamps { operations: text, ..Stamps::default() },
        };
        let serial: ClockSerial = clock.serial.clone();
        let written = self.store().write(move |tx| tx.set_stamps(&serial, &stamps)).await;
        written.map_err(|error| refused(&error))
    }

    async fn enqueue(&self, serial: &Serial, command: PushCommand) -> Result<(), Refused> {
        let clock = self.sink.adopted(serial.as_str(), Pending::default()).await?;
        let serial = clock.serial.clone();
        let queued = self.store().write(move |tx| tx.queue_command(&serial, &command)).await;
        match queued.map_err(|error| refused(&error))? {
            Queueing::Queued | Queueing::Waits => Ok(()),
            Queueing::Full => Err(Refused::Unavailable),
        }
    }
}
