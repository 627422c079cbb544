//! User records: 72 bytes on colour-screen firmware, 28 on older.
//!
//! ```text
//! 72: u16 sn | u8 privilege | 8 password | 24 name | u32 card | u8 group | u16 ×4 time zones | 24 user id
//! 28: u16 sn | u8 privilege | 5 password |  8 name | u32 card | u8 card's 5th byte | u8 group | u16 time zones | u32 number
//! ```
//!
//! A record keeps all its bytes. Changing a user changes the fields asked for and leaves the rest as the clock wrote
//! it: clients disagree about the group and time zone fields, and a rebuilt record would lock people out.

use crate::row::{RawRow, UserCode, UserRef};
use crate::text::{TextEncoding, until_nul};

use super::{u16_at, u32_at};

/// Width of a clock's user records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserWidth {
    /// 28 bytes, user numbers.
    Narrow,
    /// 72 bytes, user ids as text.
    Wide,
}

impl UserWidth {
    /// Bytes of one record.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Narrow => 28,
            Self::Wide => 72,
        }
    }

    fn password(self) -> std::ops::Range<usize> {
        match self {
            Self::Narrow => 3..8,
            Self::Wide => 3..11,
        }
    }

    fn name(self) -> std::ops::Range<usize> {
        match self {
            Self::Narrow => 8..16,
            Self::Wide => 11..35,
        }
    }

    fn card(self) -> usize {
        match self {
            Self::Narrow => 16,
            Self::Wide => 35,
        }
    }

    fn group(self) -> usize {
        match self {
            Self::Narrow => 21,
            Self::Wide => 39,
        }
    }

    /// The width of the records in a body of `bytes`, told apart by the clock's own user count and by how the bytes
    /// look, since 504 bytes are 7 wide or 18 narrow records.
    fn of(records: &[u8], count: Option<u32>) -> Option<Self> {
        let fits = |width: Self| records.len().is_multiple_of(width.bytes());
        let counted = |width: Self| {
            let rows = u32::try_from(records.len() / width.bytes()).unwrap_or(u32::MAX);
            count.is_some_and(|count| rows.abs_diff(count) <= 1)
        };
        let looks = |width: Self| {
            records.chunks_exact(width.bytes()).filter(|row| width.is_plausible(row)).count() * width.bytes()
        };
        let score = |width: Self| (counted(width), looks(width));
        [Self::Wide, Self::Narrow].into_iter().filter(|width| fits(*width)).max_by_key(|width| score(*width))
    }

    fn is_plausible(self, row: &[u8]) -> bool {
        let privileged = row.get(2).is_some_and(|byte| matches!(byte >> 1, 0..=7));
        let id = match self {
            Self::Narrow => u32_at(row, 24).is_some_and(|number| number > 0),
            Self::Wide => row.get(48..72).is_some_and(|field| UserCode::from_padded(field).is_some()),
        };
        privileged && id
    }
}

/// What a user may do at the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privilege(pub u8);

impl Privilege {
    /// Punches only.
    pub const USER: Self = Self(0);
    /// May do everything at the clock.
    pub const ADMIN: Self = Self(14);

    /// Whether the user is switched off.
    #[must_use]
    pub fn is_disabled(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether the user may change anything at the clock (enroller, manager or administrator).
    #[must_use]
    pub fn is_privileged(self) -> bool {
        self.0 & !1 != 0
    }
}

/// One user of a clock: the record's bytes and their meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    width: UserWidth,
    raw: Vec<u8>,
}

impl UserRecord {
    /// A record of 28 or 72 bytes; `None` for another length.
    #[must_use]
    pub fn from_bytes(raw: &[u8]) -> Option<Self> {
        let width =
            [UserWidth::Narrow, UserWidth::Wide].into_iter().find(|width| width.bytes() == raw.len())?;
        Some(Self { width, raw: raw.to_vec() })
    }

    /// A new ordinary user. Groups and time zones are left at the clock's defaults (zero).
    #[must_use]
    pub fn new_wide(sn: u16, code: UserCode) -> Self {
        let mut raw = vec![0; UserWidth::Wide.bytes()];
        put(&mut raw, 0, &sn.to_le_bytes());
        put(&mut raw, 48, code.as_str().as_bytes());
        Self { width: UserWidth::Wide, raw }
    }

    /// A new ordinary user on a clock that knows numbers only.
    #[must_use]
    pub fn new_narrow(sn: u16, number: u32) -> Self {
        let mut raw = vec![0; UserWidth::Narrow.bytes()];
        put(&mut raw, 0, &sn.to_le_bytes());
        put(&mut raw, 24, &number.to_le_bytes());
        Self { width: UserWidth::Narrow, raw }
    }

    /// All records of a table's body (`u32` length and records). A length word that disagrees with the body is cut to
    /// what is there. `count` is the clock's own number of users. `None` when no width fits.
    #[must_use]
    pub fn parse_table(body: &[u8], count: Option<u32>) -> Option<Vec<Self>> {
        let Some(declared) = u32_at(body, 0) else {
            return Some(Vec::new());
        };
        let records = body.get(4..).unwrap_or_default();
        let declared = usize::try_from(declared).unwrap_or(usize::MAX);
        let records = records.get(..declared.min(records.len())).unwrap_or_default();
        if records.is_empty() {
            return Some(Vec::new());
        }
        let width = UserWidth::of(records, count)?;
        Some(records.chunks_exact(width.bytes()).map(|raw| Self { width, raw: raw.to_vec() }).collect())
    }

    /// The record as the clock wrote it, or is to write it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.raw
    }

    /// The record's width, which writes must keep.
    #[must_use]
    pub fn width(&self) -> UserWidth {
        self.width
    }

    /// The internal serial, reused after a deletion.
    #[must_use]
    pub fn sn(&self) -> u16 {
        u16_at(&self.raw, 0).unwrap_or(0)
    }

    /// Whom punches of this user name.
    #[must_use]
    pub fn user(&self) -> UserRef {
        match self.width {
            UserWidth::Narrow => UserRef::Number(u32_at(&self.raw, 24).unwrap_or(0)),
            UserWidth::Wide => {
                let field = self.raw.get(48..72).unwrap_or_default();
                UserCode::from_padded(field).map_or(UserRef::Unreadable, UserRef::Code)
            }
        }
    }

    /// What the user may do at the clock.
    #[must_use]
    pub fn privilege(&self) -> Privilege {
        Privilege(self.raw.get(2).copied().unwrap_or(0))
    }

    /// The name as shown on the clock.
    #[must_use]
    pub fn name(&self, encoding: TextEncoding) -> String {
        encoding.decode(until_nul(self.raw.get(self.width.name()).unwrap_or_default()))
    }

    /// The card number; 0 for none.
    #[must_use]
    pub fn card(&self) -> u32 {
        u32_at(&self.raw, self.width.card()).unwrap_or(0)
    }

    /// The access group.
    #[must_use]
    pub fn group(&self) -> u8 {
        self.raw.get(self.width.group()).copied().unwrap_or(0)
    }

    /// Whether a password is set.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.raw.get(self.width.password()).is_some_and(|field| field.first() != Some(&0))
    }

    /// Sets the name, cut at a character's end to the field less its final NUL; `None`, and nothing changed, when a
    /// character has no place in the encoding.
    #[must_use]
    pub fn with_name(mut self, name: &str, encoding: TextEncoding) -> Option<Self> {
        let field = self.width.name();
        // The old firmware uses all eight bytes, the new one ends its names with NUL.
        let room = match self.width {
            UserWidth::Narrow => field.len(),
            UserWidth::Wide => field.len() - 1,
        };
        let text = encoding.encode(name, room)?;
        self.raw.get_mut(field.clone())?.fill(0);
        put(&mut self.raw, field.start, &text);
        Some(self)
    }

    /// Sets the card number.
    #[must_use]
    pub fn with_card(mut self, card: u32) -> Self {
        put(&mut self.raw, self.width.card(), &card.to_le_bytes());
        self
    }

    /// Sets the privilege.
    #[must_use]
    pub fn with_privilege(mut self, privilege: Privilege) -> Self {
        put(&mut self.raw, 2, &[privilege.0]);
        self
    }

    /// Sets the password; `None`, and nothing changed, when it has more bytes than the field.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Option<Self> {
        let field = self.width.password();
        if password.len() > field.len() {
            return None;
        }
        self.raw.get_mut(field.clone())?.fill(0);
        put(&mut self.raw, field.start, password.as_bytes());
        Some(self)
    }

    /// The record for keeping beside what was made of it.
    #[must_use]
    pub fn to_raw_row(&self) -> RawRow {
        RawRow::new(&self.raw)
    }
}

/// The serial for a new user: the lowest from 1 that is free. `None` when all 65,534 are taken.
#[must_use]
pub fn lowest_free_sn(users: &[UserRecord]) -> Option<u16> {
    let taken: std::collections::HashSet<u16> = users.iter().map(UserRecord::sn).collect();
    (1..=65_534).find(|sn| !taken.contains(sn))
}

fn put(raw: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, from) in raw.iter_mut().skip(at).zip(bytes) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests;
