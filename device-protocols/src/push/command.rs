//! Commands for push clocks: a fixed list, encoded so that no value can smuggle in a field or another command.
//!
//! `C:<id>:<command>` and LF, fields separated by TAB. What would erase a clock's records or run anything on it is not
//! on the list.

use chrono::{Days, NaiveDateTime};
use serde::{Deserialize, Serialize};

use crate::row::UserCode;
use crate::text::TextEncoding;

/// Bytes of commands that every firmware takes in one answer.
pub const MAX_ANSWER: usize = 40 * 1024;
/// Commands that every firmware takes in one answer.
pub const MAX_COMMANDS: usize = 200;

/// The name of a command towards the clock: 1 to 16 letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommandId(Box<str>);

impl CommandId {
    /// Takes an id; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Text for a command's field: never a TAB, a line break or another control character.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct FieldText(String);

impl FieldText {
    /// Takes a text without its control characters, at most 64 characters of it.
    #[must_use]
    pub fn cleaned(text: &str) -> Self {
        Self(text.chars().filter(|character| !character.is_control()).take(64).collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for FieldText {
    fn from(text: String) -> Self {
        Self::cleaned(&text)
    }
}

impl From<FieldText> for String {
    fn from(text: FieldText) -> Self {
        text.0
    }
}

/// The name of an option: letters, digits, `~` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OptionName(String);

impl OptionName {
    /// Takes a name; `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=40).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'_'));
        fits.then(|| Self(text.to_owned()))
    }
}

impl TryFrom<String> for OptionName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no name of an option")
    }
}

impl From<OptionName> for String {
    fn from(name: OptionName) -> Self {
        name.0
    }
}

/// What a clock may be told to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushCommand {
    /// Send the punches of a range again: the repair for gaps. Inclusive wall times.
    SendAttendance {
        /// From.
        from: NaiveDateTime,
        /// To.
        to: NaiveDateTime,
    },
    /// Count the punches of a range (newer firmware). Inclusive wall times.
    CountAttendance {
        /// From.
        from: NaiveDateTime,
        /// To.
        to: NaiveDateTime,
    },
    /// Send all users.
    SendUsers,
    /// Write a user.
    WriteUser {
        /// User id.
        user: UserCode,
        /// Name.
        name: FieldText,
        /// Whether the user may administer the clock.
        admin: bool,
        /// Card number; 0 for none.
        card: u64,
    },
    /// Delete a user; past punches stay.
    DeleteUser {
        /// User id.
        user: UserCode,
    },
    /// Send what is new, now.
    Check,
    /// Send what is new by the stamps, now.
    Log,
    /// Tell facts.
    Info,
    /// Set an option.
    SetOption {
        /// Which.
        name: OptionName,
        /// To what.
        value: FieldText,
    },
    /// Take changed options into use.
    ReloadOptions,
    /// Ask a finger of a user at the clock.
    EnrollFinger {
        /// User id.
        user: UserCode,
        /// Which finger, 0 to 9.
        finger: u8,
    },
    /// Restart. To be the last of an answer.
    Reboot,
}

/// How far back a whole log is asked for: no clock of this protocol is older.
const EPOCH: NaiveDateTime = match chrono::NaiveDate::from_ymd_opt(2000, 1, 1) {
    Some(day) => NaiveDateTime::new(day, chrono::NaiveTime::MIN),
    None => NaiveDateTime::MIN,
};

impl PushCommand {
    /// The command that has a clock send its whole log, in whatever zone it is.
    #[must_use]
    pub fn whole_log(now: NaiveDateTime) -> Self {
        let tomorrow = now.date().checked_add_days(Days::new(2)).unwrap_or(now.date());
        Self::SendAttendance { from: EPOCH, to: tomorrow.and_time(chrono::NaiveTime::MIN) }
    }

    /// Whether carrying it out twice is the same as once, so that it may be told again when no result came.
    #[must_use]
    pub const fn is_repeatable(&self) -> bool {
        match self {
            Self::SendAttendance { .. }
            | Self::CountAttendance { .. }
            | Self::SendUsers
            | Self::WriteUser { .. }
            | Self::DeleteUser { .. }
            | Self::Check
            | Self::Log
            | Self::Info
            | Self::SetOption { .. }
            | Self::ReloadOptions => true,
            Self::EnrollFinger { .. } | Self::Reboot => false,
        }
    }

    /// Its name, without what it is about.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SendAttendance { .. } => "send_attendance",
            Self::CountAttendance { .. } => "count_attendance",
            Self::SendUsers => "send_users",
            Self::WriteUser { .. } => "write_user",
            Self::DeleteUser { .. } => "delete_user",
            Self::Check => "check",
            Self::Log => "log",
            Self::Info => "info",
            Self::SetOption { .. } => "set_option",
            Self::ReloadOptions => "reload_options",
            Self::EnrollFinger { .. } => "enroll_finger",
            Self::Reboot => "reboot",
        }
    }

    /// The command's line with its LF, in the clock's encoding. Characters without a place in it are left out.
    #[must_use]
    pub fn line(&self, id: &CommandId, encoding: TextEncoding) -> Vec<u8> {
        let mut line = format!("C:{}:", id.as_str()).into_bytes();
        let text = self.text();
        match encoding.encode(&text, usize::MAX) {
            Some(bytes) => line.extend(bytes),
            None => {
                let known = text.chars().filter_map(|c| encoding.encode(c.encode_utf8(&mut [0; 4]), 8));
                known.for_each(|bytes| line.extend(bytes));
            }
        }
        line.push(b'\n');
        line
    }

    fn text(&self) -> String {
        let range = |from: &NaiveDateTime, to: &NaiveDateTime| {
            let format = "%Y-%m-%d %H:%M:%S";
            format!("StartTime={}\tEndTime={}", from.format(format), to.format(format))
        };
        match self {
            Self::SendAttendance { from, to } => format!("DATA QUERY ATTLOG {}", range(from, to)),
            Self::CountAttendance { from, to } => format!("VERIFY SUM ATTLOG {}", range(from, to)),
            Self::SendUsers => "DATA QUERY USERINFO".into(),
            Self::WriteUser { user, name, admin, card } => {
                let privilege = if *admin { 14 } else { 0 };
                let card = if *card == 0 { String::new() } else { card.to_string() };
                format!(
                    "DATA UPDATE USERINFO PIN={user}\tName={}\tPri={privilege}\tPasswd=\tCard={card}\tGrp=1\tTZ=",
                    name.as_str()
                )
            }
            Self::DeleteUser { user } => format!("DATA DELETE USERINFO PIN={user}"),
            Self::Check => "CHECK".into(),
            Self::Log => "LOG".into(),
            Self::Info => "INFO".into(),
            Self::SetOption { name, value } => format!("SET OPTION {}={}", name.0, value.as_str()),
            Self::ReloadOptions => "RELOAD OPTIONS".into(),
            Self::EnrollFinger { user, finger } => {
                format!("ENROLL_FP PIN={user}\tFID={}\tRETRY=3\tOVERWRITE=1", finger.min(&9))
            }
            Self::Reboot => "REBOOT".into(),
        }
    }
}

/// The answer to a poll: as many commands as fit one answer, in order, or `OK` for none. Returns how many are in it.
#[must_use]
pub fn answer(commands: &[(CommandId, PushCommand)], encoding: TextEncoding) -> (Vec<u8>, usize) {
    let mut body = Vec::new();
    let mut count = 0;
    for (id, command) in commands.iter().take(MAX_COMMANDS) {
        let line = command.line(id, encoding);
        if body.len() + line.len() > MAX_ANSWER {
            break;
        }
        body.extend(line);
        count += 1;
    }
    if count == 0 { (b"OK".to_vec(), 0) } else { (body, count) }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;

    fn id() -> CommandId {
        CommandId::parse("a1").unwrap()
    }

    fn line(command: &PushCommand) -> String {
        String::from_utf8(command.line(&id(), TextEncoding::Utf8)).unwrap()
    }

    #[test]
    fn commands_are_written_as_the_clock_reads_them() {
        let from = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
        let to = from + chrono::TimeDelta::hours(23);
        assert_eq!(
            line(&PushCommand::SendAttendance { from, to }),
            "C:a1:DATA QUERY ATTLOG StartTime=2026-11-01 00:00:00\tEndTime=2026-11-01 23:00:00\n"
        );
        let user = UserCode::parse("007").unwrap();
        let name = FieldText::cleaned("Nina\tPri=14\r\nC:x:REBOOT");
        assert_eq!(
            line(&PushCommand::WriteUser { user, name, admin: false, card: 0 }),
            "C:a1:DATA UPDATE USERINFO PIN=007\tName=NinaPri=14C:x:REBOOT\tPri=0\tPasswd=\tCard=\tGrp=1\tTZ=\n"
        );
        assert_eq!(line(&PushCommand::Info), "C:a1:INFO\n");
    }

    #[test]
    fn names_are_written_in_the_clocks_encoding() {
        let command = PushCommand::WriteUser {
            user: UserCode::parse("1").unwrap(),
            name: FieldText::cleaned("张三"),
            admin: false,
            card: 0,
        };
        let bytes = command.line(&id(), TextEncoding::Gb2312);
        assert!(bytes.windows(4).any(|window| window == [0xd5, 0xc5, 0xc8, 0xfd]));
        // What the encoding has no place for is left out, and the command stays whole.
        let bytes = command.line(&id(), TextEncoding::Windows1251);
        assert!(String::from_utf8(bytes).unwrap().contains("\tName=\tPri=0\t"));
    }

    #[test]
    fn an_answer_has_at_most_what_every_firmware_takes() {
        assert_eq!(answer(&[], TextEncoding::Utf8), (b"OK".to_vec(), 0));
        let many = vec![(id(), PushCommand::Check); 300];
        assert_eq!(answer(&many, TextEncoding::Utf8).1, MAX_COMMANDS);
        let name = FieldText::cleaned(&"ক".repeat(64));
        let user = UserCode::parse("1").unwrap();
        let long = vec![(id(), PushCommand::WriteUser { user, name, admin: true, card: 7 }); 200];
        let (body, count) = answer(&long, TextEncoding::Utf8);
        assert!(body.len() <= MAX_ANSWER && count < 200 && count > 0);
    }

    #[test]
    fn ids_and_option_names_are_plain() {
        assert!(CommandId::parse("").is_none() && CommandId::parse("a:b").is_none());
        assert!(CommandId::parse("12345678901234567").is_none());
        assert!(OptionName::parse("~ComKey").is_some() && OptionName::parse("a\tb").is_none());
    }

    proptest! {
        #[test]
        fn no_text_adds_a_field_or_a_line(text in any::<String>(), card: u64, admin: bool) {
            let user = UserCode::parse("1").unwrap();
            let command = PushCommand::WriteUser { user, name: FieldText::cleaned(&text), admin, card };
            let line = line(&command);
            prop_assert_eq!(line.matches('\t').count(), 6);
            prop_assert_eq!(line.matches(['\n', '\r']).count(), 1);
            let command = PushCommand::SetOption {
                name: OptionName::parse("X").unwrap(),
                value: FieldText::cleaned(&text),
            };
            prop_assert_eq!(super::tests::line(&command).matches(['\t', '\n', '\r']).count(), 1);
        }
    }
}
