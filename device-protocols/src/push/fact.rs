//! What a clock states about itself: its options, and the status it sends when it polls.

use crate::driver::ClockFacts;

/// Most options kept of one statement.
const MAX_OPTIONS: usize = 256;
/// Longest name or value kept, in characters.
const MAX_TEXT: usize = 256;

/// Reads `k=v,k=v` or one a line, as posted with `table=options`. Anything without `=` is left out.
#[must_use]
pub fn parse_options(body: &str) -> Vec<(String, String)> {
    let short = |text: &str| text.trim().chars().take(MAX_TEXT).collect::<String>();
    body.split([',', '\n', '\r'])
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (short(name), short(value)))
        .filter(|(name, _)| !name.is_empty())
        .take(MAX_OPTIONS)
        .collect()
}

/// The facts in a clock's options.
#[must_use]
pub fn of_options(options: Vec<(String, String)>) -> ClockFacts {
    let find = |names: &[&str]| {
        let known =
            |name: &str| names.iter().any(|known| name.trim_start_matches('~').eq_ignore_ascii_case(known));
        options.iter().find(|(name, _)| known(name)).map(|(_, value)| value.clone()).filter(|v| !v.is_empty())
    };
    let number = |names: &[&str]| find(names).and_then(|text| text.parse().ok());
    ClockFacts {
        firmware: find(&["FWVersion", "FirmVer"]),
        model: find(&["DeviceName"]),
        platform: find(&["Platform"]),
        mac: find(&["MAC"]),
        records: number(&["TransactionCount"]),
        record_capacity: number(&["MaxAttLogCount"]).map(|hundreds: u32| hundreds.saturating_mul(10_000)),
        users: number(&["UserCount"]),
        user_capacity: number(&["MaxUserCount"]).map(|hundreds: u32| hundreds.saturating_mul(100)),
        operations: None,
        options,
    }
}

/// Reads the comma list `INFO` of a poll: firmware, users, fingerprints, records, address and more.
#[must_use]
pub fn of_info(info: &str) -> ClockFacts {
    let mut fields = info.split(',').map(str::trim);
    let firmware = fields.next().filter(|text| !text.is_empty());
    let mut number = || fields.next().and_then(|text| text.parse().ok());
    let (users, _fingerprints, records) = (number(), number(), number());
    ClockFacts {
        firmware: firmware.map(|text| text.chars().take(MAX_TEXT).collect()),
        users,
        records,
        ..ClockFacts::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn options_come_with_commas_or_lines() {
        let body =
            "~DeviceName=SpeedFace,MAC=00:17:61:00:00:01,TransactionCount=5,~MaxAttLogCount=10,UserCount=3";
        for body in [body.to_owned(), body.replace(',', "\r\n")] {
            let facts = of_options(parse_options(&body));
            assert_eq!(facts.model.as_deref(), Some("SpeedFace"));
            assert_eq!(
                (facts.records, facts.record_capacity, facts.users),
                (Some(5), Some(100_000), Some(3))
            );
            assert_eq!(facts.options.len(), 5);
        }
    }

    #[test]
    fn a_polls_status_tells_counts() {
        let facts = of_info("Ver 8.0.4.3-20220721,12,20,3456,192.168.1.201,10,7,15,0,11100");
        assert_eq!(facts.firmware.as_deref(), Some("Ver 8.0.4.3-20220721"));
        assert_eq!((facts.users, facts.records), (Some(12), Some(3456)));
        assert_eq!(of_info(""), ClockFacts::default());
    }

    proptest! {
        #[test]
        fn no_statement_panics_or_grows(text in ".{0,4000}") {
            let options = parse_options(&text);
            prop_assert!(options.len() <= MAX_OPTIONS);
            let _ = (of_options(options), of_info(&text));
        }
    }
}
