//! Options: `name=value` texts of the clock.

use super::size::Sizes;
use crate::text::until_nul;

/// Longest option value kept, in bytes.
pub const MAX_VALUE: usize = 512;

/// Options that say who a clock is and how it writes its records, in the order they are asked.
pub const IDENTITY: [&str; 8] = [
    "~SerialNumber",
    "~DeviceName",
    "~Platform",
    "MAC",
    "~OEMVendor",
    "~ExtendFmt",
    "~PIN2Width",
    "AlarmReRec",
];

/// What a clock says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClockInfo {
    /// Serial number as the clock spells it.
    pub serial: Option<String>,
    /// Firmware version, such as `Ver 6.60 Apr 28 2018`.
    pub firmware: Option<String>,
    /// Model name.
    pub model: Option<String>,
    /// Hardware platform, such as `ZEM560_TFT`.
    pub platform: Option<String>,
    /// Network address of the hardware.
    pub mac: Option<String>,
    /// Brand.
    pub vendor: Option<String>,
    /// Minutes (by report) within which the clock drops a repeated punch of one user: a frequent cause of
    /// "missing" punches.
    pub repeat_window: Option<String>,
    /// All options that were asked for and answered, as read.
    pub options: Vec<(String, String)>,
    /// Counts and capacities.
    pub sizes: Sizes,
}

impl ClockInfo {
    /// Files an answered option under what it means.
    pub(crate) fn put(&mut self, name: &str, value: String) {
        if value.is_empty() {
            return;
        }
        let place = match name {
            "~SerialNumber" => &mut self.serial,
            "~DeviceName" => &mut self.model,
            "~Platform" => &mut self.platform,
            "MAC" => &mut self.mac,
            "~OEMVendor" => &mut self.vendor,
            "AlarmReRec" => &mut self.repeat_window,
            _ => &mut None,
        };
        *place = Some(value.clone());
        self.options.push((name.to_owned(), value));
    }
}

/// The value in a reply `name=value\0`: checked against the name asked for, cut at the first NUL, trimmed; `None`
/// when the reply is about something else.
#[must_use]
pub fn value(reply: &[u8], name: &str) -> Option<String> {
    let text = until_nul(reply);
    let value = text.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
    let value = value.get(..value.len().min(MAX_VALUE)).unwrap_or_default();
    Some(String::from_utf8_lossy(value).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_cut_at_nul_and_trimmed() {
        assert_eq!(value(b"~SerialNumber=SIM0000000001\0", "~SerialNumber").unwrap(), "SIM0000000001");
        assert_eq!(value(b"MAC= 00:17:61:00:00:01 \0\xff\xff", "MAC").unwrap(), "00:17:61:00:00:01");
        assert_eq!(value(b"LockOn=", "LockOn").unwrap(), "");
    }

    #[test]
    fn another_options_value_is_not_taken() {
        assert_eq!(value(b"MAC=00:17\0", "~SerialNumber"), None);
        assert_eq!(value(b"", "MAC"), None);
    }
}
