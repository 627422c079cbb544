//! The block of options that answers a clock's handshake.

use std::fmt::Write as _;

use chrono::FixedOffset;

use crate::serial::Serial;

/// Where a clock is to resume a table: opaque, the last value it sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp(String);

impl Stamp {
    /// Takes a stamp as the clock sent it: 1 to 32 printable ASCII characters. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The stamp as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a clock is told when it introduces itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeOptions {
    /// Where to resume punches; `None` sends all again, which is harmless.
    pub attlog_stamp: Option<Stamp>,
    /// Where to resume operations and users; `None` sends all again.
    pub operlog_stamp: Option<Stamp>,
    /// Seconds until the clock tries again after an error: 30 to 300.
    pub error_delay: u16,
    /// Seconds between polls: 2 to 60.
    pub delay: u16,
    /// Minutes between checks for new data.
    pub trans_interval: u16,
    /// The zone from which the clock makes wall time of our `Date`. `None` leaves the clock's zone alone.
    pub zone: Option<FixedOffset>,
    /// How the clock is told what to upload.
    pub flags: Flags,
    /// The clock's protocol version, from which ours follows.
    pub push_version: Option<(u16, u16, u16)>,
}

/// How a clock is told what to upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flags {
    /// By names between TABs.
    #[default]
    Tabs,
    /// By names between blanks, for a few old models.
    Blanks,
    /// By digits, in the order of the attendance push protocol, for models that do not know the names.
    Digits,
}

impl Flags {
    fn text(self) -> &'static str {
        match self {
            Self::Tabs => "TransData AttLog\tOpLog\tEnrollUser\tChgUser",
            Self::Blanks => "TransData AttLog OpLog EnrollUser ChgUser",
            Self::Digits => "1100101000",
        }
    }
}

impl Default for HandshakeOptions {
    fn default() -> Self {
        Self {
            attlog_stamp: None,
            operlog_stamp: None,
            error_delay: 30,
            delay: 10,
            trans_interval: 1,
            zone: None,
            flags: Flags::default(),
            push_version: None,
        }
    }
}

/// The newest protocol version this program speaks.
const OURS: (u16, u16, u16) = (2, 4, 1);
/// The version of clocks that do not tell theirs.
const SILENT: (u16, u16, u16) = (2, 2, 14);

impl HandshakeOptions {
    /// The block of lines, each ended by LF.
    ///
    /// Punches, operations, and users as they are enrolled or changed are asked for; photos, templates and pictures are
    /// not. They are asked for by name, since two orders of the digits are about.
    #[must_use]
    pub fn block(&self, serial: &Serial) -> String {
        let stamp = |stamp: &Option<Stamp>| stamp.as_ref().map_or("None", Stamp::as_str).to_owned();
        let (major, minor, patch) = OURS.min(self.push_version.unwrap_or(SILENT));
        let mut block = format!("GET OPTION FROM: {serial}\n");
        let mut line = |name: &str, value: &dyn std::fmt::Display| {
            // Writing to a string does not fail.
            let _ = writeln!(block, "{name}={value}");
        };
        line("ATTLOGStamp", &stamp(&self.attlog_stamp));
        line("OPERLOGStamp", &stamp(&self.operlog_stamp));
        line("ATTPHOTOStamp", &"None");
        line("ErrorDelay", &self.error_delay.clamp(30, 300));
        line("Delay", &self.delay.clamp(2, 60));
        line("TransTimes", &"00:00;14:05");
        line("TransInterval", &self.trans_interval);
        line("TransFlag", &self.flags.text());
        if let Some(zone) = self.zone {
            line("TimeZone", &zone_value(zone));
        }
        line("Realtime", &1);
        line("Encrypt", &"None");
        line("ServerVer", &"2.4.2");
        line("PushProtVer", &format!("{major}.{minor}.{patch}"));
        block
    }
}

/// Whole hours, or minutes where the offset has a fraction of an hour (330 for India).
fn zone_value(zone: FixedOffset) -> i32 {
    let minutes = zone.local_minus_utc() / 60;
    if minutes % 60 == 0 { minutes / 60 } else { minutes }
}

/// Reads a version such as `2.4.1` or `3.2.0-20230502`.
#[must_use]
pub fn parse_version(text: &str) -> Option<(u16, u16, u16)> {
    let plain = text.trim().split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    let mut parts = plain.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next().and_then(Result::ok).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_has_a_line_for_each_option() {
        let options = HandshakeOptions {
            attlog_stamp: Stamp::parse("9999"),
            zone: FixedOffset::east_opt(0),
            push_version: Some((2, 4, 1)),
            ..HandshakeOptions::default()
        };
        assert_eq!(
            options.block(&"SIM0000000001".parse().unwrap()),
            "GET OPTION FROM: SIM0000000001\nATTLOGStamp=9999\nOPERLOGStamp=None\nATTPHOTOStamp=None\nErrorDelay=30\n\
             Delay=10\nTransTimes=00:00;14:05\nTransInterval=1\nTransFlag=TransData AttLog\tOpLog\tEnrollUser\tChgUser\nTimeZone=0\nRealtime=1\n\
             Encrypt=None\nServerVer=2.4.2\nPushProtVer=2.4.1\n"
        );
    }

    #[test]
    fn zones_are_hours_or_else_minutes_or_left_alone() {
        let zone = |seconds| zone_value(FixedOffset::east_opt(seconds).unwrap());
        assert_eq!((zone(6 * 3600), zone(19_800), zone(-5 * 3600), zone(-12_600)), (6, 330, -5, -210));
        let left = HandshakeOptions::default().block(&"A1".parse().unwrap());
        assert!(!left.contains("TimeZone"), "{left}");
    }

    #[test]
    fn the_lower_version_of_both_is_spoken() {
        for (theirs, spoken) in [(Some((2, 2, 14)), "2.2.14"), (Some((3, 1, 2)), "2.4.1"), (None, "2.2.14")] {
            let options = HandshakeOptions { push_version: theirs, ..HandshakeOptions::default() };
            assert!(options.block(&"A1".parse().unwrap()).contains(&format!("PushProtVer={spoken}\n")));
        }
        assert_eq!(parse_version("2.4.1"), Some((2, 4, 1)));
        assert_eq!(parse_version("3.2.0-20230502"), Some((3, 2, 0)));
        assert_eq!(parse_version("new"), None);
    }

    #[test]
    fn stamps_are_opaque_but_one_word() {
        assert_eq!(Stamp::parse("2026-11-20T08:00:00").unwrap().as_str(), "2026-11-20T08:00:00");
        assert!(
            Stamp::parse("").is_none() && Stamp::parse("1\n2").is_none() && Stamp::parse("a b").is_none()
        );
    }
}
