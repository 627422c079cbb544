//! The operation log: records of 16 bytes behind their length.
//!
//! ```text
//! u16 admin, u8 operation, u8 -, u32 time, 4 x u16 objects
//! ```

use super::time::Parts;
use super::{u16_at, u32_at};
use crate::operation::Operation;
use crate::row::BadTime;

const RECORD: usize = 16;

/// Reads a table of operations in the clock's order; bytes after the last whole record are left out.
#[must_use]
pub fn parse_table(body: &[u8]) -> Vec<Operation> {
    body.get(4..).unwrap_or_default().chunks_exact(RECORD).filter_map(record).collect()
}

fn record(bytes: &[u8]) -> Option<Operation> {
    let parts = Parts::unpack(u32_at(bytes, 4)?);
    let objects = (0..Operation::OBJECTS).filter_map(|at| u16_at(bytes, 8 + 2 * at));
    Some(Operation {
        code: bytes.get(2).copied()?.into(),
        admin: u16_at(bytes, 0)?.to_string(),
        time: parts.existing().ok_or_else(|| BadTime::new(&parts.to_string())),
        objects: objects.map(|object| object.to_string()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_captured_record_is_read() {
        let body = hex::decode("10000000 0000062ac29b6823030000000700 0205".replace(' ', "")).unwrap();
        let read = parse_table(&body);
        let [operation] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!((operation.code, operation.admin.as_str()), (6, "0"));
        assert_eq!(operation.objects, ["3", "0", "7", "1282"]);
        assert_eq!(operation.time.as_ref().unwrap().to_string(), "2018-06-25 16:09:38");
    }

    #[test]
    fn a_date_that_does_not_exist_stays_with_its_record() {
        let time = Parts { year: 2026, month: 2, day: 31, hour: 8, minute: 0, second: 0 };
        let mut body = vec![16, 0, 0, 0, 1, 0, 23, 0];
        body.extend(time.pack().to_le_bytes());
        body.extend([0; 8]);
        assert_eq!(parse_table(&body)[0].time.as_ref().unwrap_err().said(), "2026-02-31 08:00:00");
    }

    proptest! {
        #[test]
        fn no_table_panics(body in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(parse_table(&body).len() <= body.len() / RECORD);
        }
    }
}
