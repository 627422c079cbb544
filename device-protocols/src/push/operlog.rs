//! Operations, users and templates as a clock posts them.
//!
//! ```text
//! OPLOG op<TAB>admin<TAB>time<TAB>obj1<TAB>obj2<TAB>obj3<TAB>obj4
//! USER PIN=…<TAB>Name=…<TAB>Pri=…<TAB>Passwd=…<TAB>Card=…<TAB>Grp=…<TAB>TZ=…
//! FP | FACE | FVEIN | USERPIC | BIOPHOTO | BIODATA | ERRORLOG key=value<TAB>…
//! ```
//!
//! Values end at a TAB, so names may hold blanks and `=`. Templates and pictures are recognised and passed over: this
//! program keeps no biometrics.

use crate::driver::{BadRowReason, ClockUser};
use crate::operation::Operation;
use crate::row::{RawRow, UserCode, UserRef};
use crate::text::TextEncoding;

use super::attlog::time_of;

/// A line of an upload that holds no punches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperLine {
    /// Something was done at the clock.
    Operation(Operation),
    /// A user was written.
    User(ClockUser),
    /// A template, picture or fault report, passed over.
    PassedOver,
}

/// Reads a line in the clock's encoding. The table's name stands for a missing first word, since some firmware posts
/// `table=USERINFO` with bare `PIN=…` lines.
///
/// # Errors
/// [`BadRowReason`] for a line that is nothing known.
pub fn parse(raw: &[u8], table: &str, encoding: TextEncoding) -> Result<OperLine, BadRowReason> {
    let blank = raw.iter().position(|byte| matches!(byte, b' ' | b'\t'));
    let (word, rest) = match blank {
        Some(at) => (raw.get(..at).unwrap_or_default(), raw.get(at + 1..).unwrap_or_default()),
        None => (raw, &[][..]),
    };
    match word.to_ascii_uppercase().as_slice() {
        b"OPLOG" => operation(rest),
        b"USER" => user(rest, raw, encoding),
        b"FP" | b"FACE" | b"FVEIN" | b"USERPIC" | b"BIOPHOTO" | b"BIODATA" | b"ERRORLOG" => {
            Ok(OperLine::PassedOver)
        }
        _ if table.eq_ignore_ascii_case("USERINFO") || table.eq_ignore_ascii_case("USER") => {
            user(raw, raw, encoding)
        }
        _ => Err(BadRowReason::TooFewFields),
    }
}

fn operation(rest: &[u8]) -> Result<OperLine, BadRowReason> {
    let text = std::str::from_utf8(rest).map_err(|_| BadRowReason::Encoding)?;
    let mut fields = text.split('\t');
    let (Some(code), Some(admin), Some(time)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(BadRowReason::TooFewFields);
    };
    let code = code.trim().parse().map_err(|_| BadRowReason::Code)?;
    let objects = fields.take(Operation::OBJECTS).map(short).collect();
    Ok(OperLine::Operation(Operation { code, admin: short(admin), time: time_of(time), objects }))
}

/// A name, cut at a character's end.
fn short(text: &str) -> String {
    let text = text.trim();
    let end =
        (0..=text.len().min(Operation::TEXT)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}

fn user(fields: &[u8], raw: &[u8], encoding: TextEncoding) -> Result<OperLine, BadRowReason> {
    let value = |name: &[u8]| {
        fields.split(|byte| *byte == b'\t').find_map(|field| {
            let at = field.iter().position(|byte| *byte == b'=')?;
            let (key, value) = field.split_at(at);
            key.trim_ascii().eq_ignore_ascii_case(name).then(|| value.get(1..).unwrap_or_default())
        })
    };
    let text = |name: &[u8]| value(name).map(|value| encoding.decode(value));
    let code =
        text(b"PIN").and_then(|pin| UserCode::parse(pin.trim_end()).ok()).ok_or(BadRowReason::UserId)?;
    let privilege = value(b"Pri").or_else(|| value(b"Privilege")).unwrap_or_default();
    let privilege = std::str::from_utf8(privilege).ok().map(str::trim).filter(|text| !text.is_empty());
    Ok(OperLine::User(ClockUser {
        user: UserRef::Code(code),
        internal: None,
        name: text(b"Name").unwrap_or_default().trim_end().chars().take(64).collect(),
        card: text(b"Card").filter(|card| !card.is_empty() && card != "0" && card.len() <= 32),
        privilege: privilege.map_or(Ok(0), str::parse).map_err(|_| BadRowReason::Code)?,
        raw: RawRow::new(raw.get(..raw.len().min(super::line::KEPT)).unwrap_or_default()),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user_of(line: &[u8], encoding: TextEncoding) -> ClockUser {
        match parse(line, "OPERLOG", encoding) {
            Ok(OperLine::User(user)) => user,
            other => panic!("no user: {other:?}"),
        }
    }

    #[test]
    fn the_captured_user_is_read() {
        let line =
            b"USER PIN=1001\tName=Test Employee 1001\tPri=0\tPasswd=\tCard=0\tGrp=1\tTZ=0000000000000000";
        let user = user_of(line, TextEncoding::Utf8);
        assert_eq!((user.user.to_string().as_str(), user.name.as_str()), ("1001", "Test Employee 1001"));
        assert_eq!((user.card, user.privilege, user.internal), (None, 0, None));
    }

    #[test]
    fn names_may_hold_blanks_and_equals_signs_and_chinese() {
        let user = user_of(b"USER PIN=7\tName=A = B\tPrivilege=14\tCard=[0a1b]", TextEncoding::Utf8);
        assert_eq!((user.name.as_str(), user.privilege, user.card.as_deref()), ("A = B", 14, Some("[0a1b]")));
        let user = user_of(b"USER PIN=7\tName=\xd5\xc5\xc8\xfd\tPri=0", TextEncoding::Gb2312);
        assert_eq!(user.name, "张三");
    }

    #[test]
    fn operations_are_read() {
        let line = b"OPLOG 21\t0\t2026-11-20 23:47:08\t7\t0\t0\t0\t9";
        let Ok(OperLine::Operation(operation)) = parse(line, "OPERLOG", TextEncoding::Utf8) else {
            panic!("no operation")
        };
        assert_eq!((operation.code, operation.admin.as_str()), (21, "0"));
        assert_eq!(operation.objects, ["7", "0", "0", "0"]);
        assert_eq!(operation.time.unwrap().to_string(), "2026-11-20 23:47:08");
    }

    #[test]
    fn templates_are_passed_over_and_bare_user_rows_known_by_their_table() {
        let line = b"FP PIN=1\tFID=6\tSize=1232\tValid=1\tTMP=abc";
        assert_eq!(parse(line, "OPERLOG", TextEncoding::Utf8), Ok(OperLine::PassedOver));
        let line = b"PIN=7\tName=Nina";
        assert!(matches!(parse(line, "USERINFO", TextEncoding::Utf8), Ok(OperLine::User(_))));
        assert_eq!(parse(line, "OPERLOG", TextEncoding::Utf8), Err(BadRowReason::TooFewFields));
        assert_eq!(parse(b"USER Name=x", "OPERLOG", TextEncoding::Utf8), Err(BadRowReason::UserId));
    }

    proptest! {
        #[test]
        fn no_line_panics(raw in prop::collection::vec(any::<u8>(), 0..200), word in "(USER |OPLOG |FP )?") {
            let line = [word.as_bytes(), &raw].concat();
            for encoding in [TextEncoding::Utf8, TextEncoding::Gb2312] {
                let _ = parse(&line, "USERINFO", encoding);
            }
        }
    }
}
