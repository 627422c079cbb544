//! What posting clocks are answered: where to go on, and what they are asked to do.

use std::sync::Arc;

use chrono::{Offset as _, TimeZone as _};
use device_protocols::driver::{Observed, Refused, Sink};
use device_protocols::push::listener::UploadTable;
use device_protocols::push::{
    Caller, CommandId, CommandResult, HandshakeOptions, Hello, Host, PushCommand, Stamp,
};
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
        let clock = self.sink.introduced(hello).await?;
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

    async fn commands(&self, caller: &Caller) -> Result<Vec<(CommandId, PushCommand)>, Refused> {
        let clock = self.sink.believed(caller, Pending::default()).await?;
        self.sink.polled(&clock.serial).await?;
        let (serial, now) = (clock.serial.clone(), self.sink.intake().clock().now());
        let waiting = self.store().read(move |tx| tx.has_commands(&serial, now)).await;
        if !waiting.map_err(|error| refused(&error))? {
            return Ok(Vec::new());
        }
        let serial = clock.serial.clone();
        self.store().write(move |tx| tx.take_commands(&serial)).await.map_err(|error| refused(&error))
    }

    async fn results(&self, caller: &Caller, results: Vec<CommandResult>) -> Result<(), Refused> {
        self.sink.accept(&caller.origin(), Observed::Heard).await?;
        let clock = self.sink.believed(caller, Pending::default()).await?;
        for CommandResult { id, code } in results {
            tracing::info!(clock.serial = %clock.serial, command = id.as_str(), code, "a command was answered");
            let serial = clock.serial.clone();
            let kept = self.store().write(move |tx| tx.answer_command(&serial, &id, code)).await;
            kept.map_err(|error| refused(&error))?;
        }
        Ok(())
    }

    async fn uploaded(&self, caller: &Caller, table: UploadTable, stamp: Stamp) -> Result<(), Refused> {
        let clock = self.sink.believed(caller, Pending::default()).await?;
        let text = Some(stamp.as_str().to_owned());
        let stamps = match table {
            UploadTable::Attendance => Stamps { attendance: text, ..Stamps::default() },
            UploadTable::Operations => Stamps { operations: text, ..Stamps::default() },
        };
        let serial: ClockSerial = clock.serial.clone();
        let written = self.store().write(move |tx| tx.set_stamps(&serial, &stamps)).await;
        written.map_err(|error| refused(&error))
    }

    async fn kept_back(&self, caller: &Caller) {
        // Whoever is not believed says nothing of the clock.
        if let Ok(clock) = self.sink.believed(caller, Pending::default()).await {
            self.sink.interrupted(&clock.serial);
        }
    }

    async fn enqueue(&self, serial: &Serial, command: PushCommand) -> Result<(), Refused> {
        let serial = self.sink.known(serial.as_str())?.serial.clone();
        let queued = self.store().write(move |tx| tx.queue_command(&serial, &command)).await;
        match queued.map_err(|error| refused(&error))? {
            Queueing::Queued | Queueing::Waits => Ok(()),
            Queueing::Full => Err(Refused::Unavailable),
        }
    }
}
