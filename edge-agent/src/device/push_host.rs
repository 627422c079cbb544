//! What posting clocks are answered: where to go on, and what they are asked to do.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{Offset as _, TimeZone as _};
use device_protocols::driver::{Refused, Sink};
use device_protocols::push::listener::UploadTable;
use device_protocols::push::{CommandId, CommandResult, HandshakeOptions, Hello, Host, PushCommand, Stamp};
use device_protocols::serial::Serial;
use parking_lot::Mutex;
use shared_model::ClockSerial;

use super::push_sink::{Pending, PushSink};
use crate::ingest::refused;
use crate::store::Stamps;

/// Commands that wait for one clock.
const COMMANDS: usize = 32;

/// Answers posting clocks.
#[derive(Debug)]
pub struct PushHost {
    sink: Arc<PushSink>,
    queues: Mutex<HashMap<Serial, VecDeque<(CommandId, PushCommand)>>>,
    next: AtomicU64,
}

impl PushHost {
    /// A host beside a sink.
    #[must_use]
    pub fn new(sink: Arc<PushSink>) -> Self {
        Self { sink, queues: Mutex::default(), next: AtomicU64::new(1) }
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
        let serial = clock.serial.clone();
        let stamps = self
            .sink
            .intake()
            .store()
            .read(move |tx| tx.stamps(&serial))
            .await
            .map_err(|error| refused(&error))?;
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
        Ok(self.queues.lock().get(serial).map(|queue| queue.iter().cloned().collect()).unwrap_or_default())
    }

    async fn results(&self, serial: &Serial, results: Vec<CommandResult>) -> Result<(), Refused> {
        let origin = device_protocols::driver::Origin {
            route: device_protocols::driver::Route::Push,
            serial: Some(serial.clone()),
        };
        self.sink.accept(&origin, device_protocols::driver::Observed::Heard).await?;
        let mut queues = self.queues.lock();
        let Some(queue) = queues.get_mut(serial) else { return Ok(()) };
        for result in results {
            tracing::info!(clock.serial = %serial, command = result.id.as_str(), code = result.code, "a command was answered");
            queue.retain(|(id, _)| *id != result.id);
        }
        if queue.is_empty() {
            queues.remove(serial);
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
        let written = self.sink.intake().store().write(move |tx| tx.set_stamps(&serial, &stamps)).await;
        written.map_err(|error| refused(&error))
    }

    async fn enqueue(&self, serial: &Serial, command: PushCommand) -> Result<(), Refused> {
        self.sink.adopted(serial.as_str(), Pending::default()).await?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(id) = CommandId::parse(&number.to_string()) else { return Err(Refused::Unavailable) };
        let mut queues = self.queues.lock();
        let queue = queues.entry(serial.clone()).or_default();
        if queue.iter().any(|(_, waiting)| *waiting == command) {
            return Ok(());
        }
        if queue.len() >= COMMANDS {
            return Err(Refused::Unavailable);
        }
        queue.push_back((id, command));
        Ok(())
    }
}
