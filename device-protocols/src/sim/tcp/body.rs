//! The bytes of a table, made as they are asked for.

use std::sync::Arc;

use crate::sim::SimClock;

const JUNK: &[u8] = b"\xff255\0\0\0\0\0";

/// A table as it was when it was prepared.
pub(super) enum Body {
    /// Users: few enough to be written down.
    Written(Vec<u8>),
    /// The attendance log, by its records' places.
    Log(LogBody),
}

impl Body {
    pub(super) fn users(sim: &SimClock) -> Self {
        let mut records = Vec::new();
        let written = sim.extra_users.lock();
        for user in sim.users() {
            sim.config().format.write_user(&user, &mut records);
        }
        for record in written.iter() {
            records.extend_from_slice(record);
        }
        Self::Written(with_length(records, 0))
    }

    pub(super) fn log(sim: &Arc<SimClock>) -> Self {
        let faults = sim.faults();
        let logged = sim.logged();
        let (oldest, records) = (logged.start, logged.end - logged.start);
        let junk_at =
            faults.junk_before_row.and_then(|row| row.checked_sub(oldest)).filter(|row| *row < records);
        Self::Log(LogBody { sim: Arc::clone(sim), oldest, records, junk_at, extra: faults.length_word_extra })
    }

    pub(super) fn operations(sim: &SimClock) -> Self {
        let mut records = Vec::new();
        for operation in sim.operations() {
            records.extend_from_slice(&operation.admin.to_le_bytes());
            records.extend_from_slice(&[operation.code, 0]);
            records.extend_from_slice(&operation.time.pack().to_le_bytes());
            records.extend(operation.objects.iter().flat_map(|object| object.to_le_bytes()));
        }
        Self::Written(with_length(records, 0))
    }

    pub(super) fn empty() -> Self {
        Self::Written(with_length(Vec::new(), 0))
    }

    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Written(bytes) => u64::try_from(bytes.len()).unwrap_or(0),
            Self::Log(log) => 4 + log.record_bytes(),
        }
    }

    /// The bytes from `start`, at most `length`, fewer at the end.
    pub(super) fn bytes(&self, start: u64, length: u64) -> Vec<u8> {
        let length = length.min(self.length().saturating_sub(start));
        match self {
            Self::Written(bytes) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX);
                let length = usize::try_from(length).unwrap_or(0);
                bytes.iter().skip(start).take(length).copied().collect()
            }
            Self::Log(log) => log.bytes(start, length),
        }
    }
}

fn with_length(records: Vec<u8>, extra: u32) -> Vec<u8> {
    let mut bytes =
        u32::try_from(records.len()).unwrap_or(u32::MAX).saturating_add(extra).to_le_bytes().to_vec();
    bytes.extend(records);
    bytes
}

/// The attendance log up to the record it had when it was prepared.
pub(super) struct LogBody {
    sim: Arc<SimClock>,
    /// The first record that the log still has.
    oldest: u64,
    records: u64,
    junk_at: Option<u64>,
    extra: u32,
}

impl LogBody {
    fn stride(&self) -> u64 {
        u64::try_from(self.sim.config().format.stride()).unwrap_or(40)
    }

    fn junk(&self) -> u64 {
        if self.junk_at.is_some() { u64::try_from(JUNK.len()).unwrap_or(0) } else { 0 }
    }

    fn record_bytes(&self) -> u64 {
        self.records * self.stride() + self.junk()
    }

    fn bytes(&self, start: u64, length: u64) -> Vec<u8> {
        let end = start + length;
        // Whole records around what is asked for, then cut.
        let first = start.saturating_sub(4 + self.junk()) / self.stride();
        let mut at = if first == 0 { 0 } else { 4 + first * self.stride() };
        if self.junk_at.is_some_and(|row| row < first) {
            at += self.junk();
        }
        let from = at;
        let mut out = Vec::new();
        if first == 0 {
            let declared = u32::try_from(self.record_bytes()).unwrap_or(u32::MAX).saturating_add(self.extra);
            out.extend_from_slice(&declared.to_le_bytes());
            at += 4;
        }
        let mut index = first;
        while at < end && index < self.records {
            let before = out.len();
            if self.junk_at == Some(index) {
                out.extend_from_slice(JUNK);
            }
            if let Some(punch) = self.sim.punch_at(self.oldest + index) {
                let user = self.sim.config().generator.user(punch.user);
                self.sim.config().format.write(&punch, &user, &mut out);
            }
            at += u64::try_from(out.len() - before).unwrap_or(0);
            index += 1;
        }
        let skip = usize::try_from(start - from).unwrap_or(0);
        let length = usize::try_from(length).unwrap_or(0);
        out.drain(..skip.min(out.len()));
        out.truncate(length);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{RecordFormat, SimConfig};

    #[test]
    fn a_full_log_has_the_newest_records() {
        let mut config = SimConfig::new("SIM1");
        config.records = 12;
        let whole = Body::log(&SimClock::open(config.clone()).unwrap()).bytes(0, 1000);
        config.faults.capacity = Some(5);
        let full = Body::log(&SimClock::open(config).unwrap());
        assert_eq!(full.length(), 4 + 5 * 40);
        assert_eq!(full.bytes(4, 1000), whole[4 + 7 * 40..]);
    }

    #[test]
    fn any_window_of_a_log_is_cut_from_the_same_bytes() {
        for (format, junk) in
            [("40", None), ("49", Some(3)), ("16s", Some(0)), ("8b", None), ("8a", Some(11))]
        {
            let mut config = SimConfig::new("SIM1");
            config.format = format.parse::<RecordFormat>().unwrap();
            config.records = 12;
            config.faults.junk_before_row = junk;
            let body = Body::log(&SimClock::open(config).unwrap());
            let whole = body.bytes(0, u64::MAX / 2);
            assert_eq!(u64::try_from(whole.len()).unwrap(), body.length(), "{format}");
            for start in 0..whole.len() {
                for length in [1, 7, 41, 1000] {
                    let window = body.bytes(u64::try_from(start).unwrap(), length);
                    let end = whole.len().min(start + usize::try_from(length).unwrap());
                    assert_eq!(window, whole[start..end], "{format} {start}+{length}");
                }
            }
        }
    }
}
