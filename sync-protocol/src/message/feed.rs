//! What a page of the feed carries: one line of JSON an item.
//!
//! ```text
//! {"item":"record", …}       a record's whole state at its latest place
//! {"item":"left", …}         a record went to another site: an edge that loses it lets go of it
//! {"item":"conflict", …}     two versions of which one counts, or news of such a row
//! {"item":"quarantine", …}   a row of this edge that the cloud keeps aside
//! {"item":"punch", …}        a punch that this edge did not collect and needs
//! ```

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use shared_model::punch::Reading;
use shared_model::{ActorId, ClockSerial, FieldMap, Punch, PunchId, RawTime, Route, SiteId, UserCode};
use uuid::Uuid;

use super::FeedRecord;
use crate::merge::{Conflict, FieldRule};
use crate::{ConflictId, Dot, Hlc, Origin, Slot, Stream, limit};

/// One line of a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "item", rename_all = "snake_case")]
pub enum FeedItem {
    /// A record's state.
    Record(FeedRecord),
    /// A record that is no longer within the edge's scope.
    Left(FeedLeft),
    /// A conflict row as it stands now.
    Conflict(FeedConflict),
    /// A row of this edge's logs that the cloud keeps aside.
    Quarantine(FeedNotice),
    /// A punch.
    Punch(FeedPunch),
}

/// A record went from one site to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedLeft {
    /// Its place in the feed.
    pub fseq: i64,
    /// The record's kind by number.
    pub kind: u16,
    /// The record's key.
    pub key: Uuid,
    /// Where it was.
    pub from: SiteId,
    /// Where it went; `None` = to every site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<SiteId>,
}

/// Whether somebody still has to look at a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictState {
    /// Nobody has.
    Open,
    /// A change settled it by hand.
    Resolved,
    /// A later change saw both versions and overwrote them, or a later dispute of the same author took its place.
    Overtaken,
}

impl ConflictState {
    /// Its name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Overtaken => "overtaken",
        }
    }

    /// The state of a stored name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Resolved, Self::Overtaken].into_iter().find(|state| state.as_str() == text)
    }
}

/// A conflict row on its way down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedConflict {
    /// Its place in the feed.
    #[serde(default)]
    pub fseq: i64,
    /// Its id.
    pub id: ConflictId,
    /// Why: a name of [`crate::merge::Cause`], or one of a newer cloud.
    pub cause: String,
    /// The record's kind by number.
    pub kind: u16,
    /// The record's key.
    pub key: Uuid,
    /// The disputed slot; `None` where the whole record is.
    #[serde(default)]
    pub slot: Option<Slot>,
    /// The values that were at the cloud.
    pub standing: FieldMap,
    /// The changes that they came from.
    #[serde(default)]
    pub standing_dots: Vec<Dot>,
    /// The values that arrived.
    pub arriving: FieldMap,
    /// The changes that they came from.
    #[serde(default)]
    pub arriving_dots: Vec<Dot>,
    /// Which of them counts: `standing` or `arriving`.
    pub kept: FieldRule,
    /// Who wrote what arrived.
    pub actor: ActorId,
    /// When that was written.
    pub hlc: Hlc,
    /// The record's place when the conflict was found: it may be settled by hand where the record is at least as new.
    #[serde(default)]
    pub rec_fseq: i64,
    /// Whether it waits.
    #[serde(default = "ConflictState::open")]
    pub state: ConflictState,
    /// The record's site when the row was written; `None` = every site sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteId>,
}

impl ConflictState {
    const fn open() -> Self {
        Self::Open
    }
}

impl FeedConflict {
    /// A conflict as it is published. Its place is the store's to set.
    #[must_use]
    pub fn new(conflict: &Conflict, rec_fseq: i64, site: Option<SiteId>, state: ConflictState) -> Self {
        Self {
            fseq: 0,
            id: conflict.id,
            cause: conflict.cause.as_str().to_owned(),
            kind: conflict.kind.number().into(),
            key: conflict.key,
            slot: conflict.slot,
            standing: conflict.standing.values.clone(),
            standing_dots: conflict.standing.dots.clone(),
            arriving: conflict.arriving.values.clone(),
            arriving_dots: conflict.arriving.dots.clone(),
            kept: conflict.kept,
            actor: conflict.actor,
            hlc: conflict.hlc,
            rec_fseq,
            state,
            site,
        }
    }
}

/// A row that the cloud could not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedNotice {
    /// Its place in the feed.
    #[serde(default)]
    pub fseq: i64,
    /// The log that it came by.
    pub origin: Origin,
    /// Which of the logs.
    pub stream: Stream,
    /// Its place there.
    pub seq: i64,
    /// A short fixed name of the cause.
    pub code: String,
    /// The same for people.
    #[serde(default)]
    pub detail: String,
}

/// A punch on its way down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedPunch {
    /// Its place in the feed; 0 in a snapshot.
    #[serde(default)]
    pub fseq: i64,
    /// Its identity. What a clock recorded must fit it; an approved phone punch or correction brings its own.
    pub id: PunchId,
    /// The clock, `mobile` or `correction`.
    pub serial: ClockSerial,
    /// The person as the clock names him.
    pub user_code: UserCode,
    /// Wall time as the clock gave it.
    pub raw_time: RawTime,
    /// The zone used to find the instant.
    pub zone: Tz,
    /// The instant, UTC.
    pub instant: DateTime<Utc>,
    /// State, verify mode and work code.
    pub reading: Reading,
    /// The way it came, by number.
    pub route: u8,
    /// When a store first received it.
    pub received_at: DateTime<Utc>,
}

impl FeedPunch {
    /// A punch as it is sent. Its raw bytes stay where they were received.
    #[must_use]
    pub fn new(punch: &Punch, fseq: i64) -> Self {
        Self {
            fseq,
            id: punch.id,
            serial: punch.serial.clone(),
            user_code: punch.user_code.clone(),
            raw_time: punch.raw_time,
            zone: punch.zone,
            instant: punch.instant,
            reading: punch.reading.clone(),
            route: punch.route.number(),
            received_at: punch.received_at,
        }
    }

    /// The punch; `None` for an id that is not what its clock, code and time make, or a route that is not known here.
    #[must_use]
    pub fn into_punch(self) -> Option<Punch> {
        let route = Route::from_number(self.route)?;
        let granted = matches!(self.serial.as_str(), ClockSerial::MOBILE | ClockSerial::CORRECTION);
        let fits = granted || self.id == PunchId::of_clock(&self.serial, &self.user_code, self.raw_time);
        fits.then(|| Punch {
            id: self.id,
            serial: self.serial,
            user_code: self.user_code,
            raw_time: self.raw_time,
            zone: self.zone,
            instant: self.instant,
            reading: self.reading,
            route,
            received_at: self.received_at,
            raw: Box::default(),
        })
    }
}

/// A line that is no item, or an item that this version does not know. It is parked, not lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadItem {
    /// Longer than [`limit::ITEM`].
    #[error("item of {0} bytes, at most {max} are taken", max = limit::ITEM)]
    TooLong(usize),
    /// Not the JSON of an item.
    #[error("not an item: {0}")]
    Json(String),
    /// An item of a newer cloud.
    #[error("items of the sort {0:?} are not known here")]
    Unknown(String),
}

#[derive(Deserialize)]
struct Tag {
    item: String,
}

fn read<T: serde::de::DeserializeOwned>(line: &[u8]) -> Result<T, BadItem> {
    serde_json::from_slice(line).map_err(|e| BadItem::Json(e.to_string()))
}

impl FeedItem {
    /// Its line, without the line break.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        // Every key is text or a number and every value is JSON already.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`BadItem`].
    pub fn parse(line: &[u8]) -> Result<Self, BadItem> {
        if line.len() > limit::ITEM {
            return Err(BadItem::TooLong(line.len()));
        }
        // Read twice instead of by a tagged enum, which would read numbers in front of values as texts.
        let Tag { item } = read(line)?;
        Ok(match item.as_str() {
            "record" => Self::Record(read(line)?),
            "left" => Self::Left(read(line)?),
            "conflict" => Self::Conflict(read(line)?),
            "quarantine" => Self::Quarantine(read(line)?),
            "punch" => Self::Punch(read(line)?),
            _ => return Err(BadItem::Unknown(item)),
        })
    }

    /// Its place in the feed.
    #[must_use]
    pub const fn fseq(&self) -> i64 {
        match self {
            Self::Record(record) => record.fseq,
            Self::Left(left) => left.fseq,
            Self::Conflict(conflict) => conflict.fseq,
            Self::Quarantine(notice) => notice.fseq,
            Self::Punch(punch) => punch.fseq,
        }
    }
}
