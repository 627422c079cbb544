//! Reading a frame.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use shared_model::punch::Reading;
use shared_model::{ClockSerial, Punch, PunchId, RawTime, Route, UserCode};

use super::{BadEntry, BadFrame, FORMAT, OBSERVATION, PUNCH, Row, WATERMARK, has_explicit_id};
use crate::chain::Item;
use crate::ledger::{observation_item, punch_item};
use crate::varint::{self, BadVarint};
use crate::{LedgerEntry, Observation, Watermark};

impl From<BadVarint> for BadFrame {
    fn from(BadVarint: BadVarint) -> Self {
        Self::Malformed("a number")
    }
}

/// Reads a frame of at most `max` entries.
///
/// Memory grows with the bytes that are there, never with a count that they declare: every entry and every text of
/// a dictionary costs at least one byte of input.
///
/// # Errors
/// [`BadFrame`] for another format, too many entries, or a broken layout.
pub fn decode(bytes: &[u8], max: usize) -> Result<Vec<Row>, BadFrame> {
    let (&format, rest) = bytes.split_first().ok_or(BadFrame::Malformed("empty"))?;
    if format != FORMAT {
        return Err(BadFrame::Format);
    }
    let mut input = Input(rest);
    let found = input.number()?;
    let count = usize::try_from(found).ok().filter(|count| *count <= max);
    let count = count.ok_or(BadFrame::TooMany { found, max })?;
    let serials =
        input.dictionary(count, |text| ClockSerial::parse(text).ok().filter(|s| s.as_str() == text))?;
    let codes = input.dictionary(count, |text| UserCode::parse(text).ok().filter(|c| c.as_str() == text))?;
    let zones = input.dictionary(count, |text| (text.len() <= 64).then(|| text.to_owned()))?;
    let work = input.dictionary(count, |text| (text.len() <= 64).then(|| text.to_owned()))?;
    let tags = input.bytes(count)?;
    let tagged = |tag: u8| tags.iter().filter(|t| **t == tag).count();
    let (punches, observations, watermarks) = (tagged(PUNCH), tagged(OBSERVATION), tagged(WATERMARK));
    if punches + observations + watermarks != count {
        return Err(BadFrame::Malformed("an entry of unknown sort"));
    }
    let readings = input.readings(punches + observations, &serials, &codes, &work)?;
    let places = input.places(punches, &zones)?;
    let marks = input.watermarks(watermarks, &serials)?;
    if !input.0.is_empty() {
        return Err(BadFrame::Malformed("bytes left over"));
    }
    assemble(tags, readings, places, marks)
}

/// The columns that punches and observations share.
struct Reported {
    id: PunchId,
    serial: ClockSerial,
    user_code: UserCode,
    raw_time: RawTime,
    route: u8,
    reading: Reading,
    received_at: DateTime<Utc>,
}

/// The columns that only punches have.
struct Place {
    zone: String,
    offset: i64,
}

fn assemble(
    tags: &[u8],
    readings: Vec<Reported>,
    places: Vec<Place>,
    marks: Vec<Watermark>,
) -> Result<Vec<Row>, BadFrame> {
    let (mut readings, mut places, mut marks) = (readings.into_iter(), places.into_iter(), marks.into_iter());
    let mut rows = Vec::with_capacity(tags.len());
    for &tag in tags {
        let short = BadFrame::Malformed("a column is short");
        rows.push(match tag {
            PUNCH => punch(readings.next().ok_or(short)?, &places.next().ok_or(short)?)?,
            OBSERVATION => observation(readings.next().ok_or(short)?),
            _ => {
                let entry = LedgerEntry::Watermark(marks.next().ok_or(short)?);
                Row { item: entry.chain_item(), entry: Ok(entry) }
            }
        });
    }
    Ok(rows)
}

fn punch(from: Reported, place: &Place) -> Result<Row, BadFrame> {
    let instant = from.raw_time.seconds().checked_sub(place.offset);
    // No place on earth is a day away from UTC.
    let near = place.offset.checked_abs().is_some_and(|offset| offset <= 86_400);
    let instant = instant.filter(|_| near).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let instant = instant.ok_or(BadFrame::Malformed("an instant"))?;
    let item = punch_item(from.id);
    let zone = place.zone.parse::<Tz>();
    let entry = match (Route::from_number(from.route), zone) {
        (Some(route), Ok(zone)) => Ok(LedgerEntry::Punch(Punch {
            id: from.id,
            serial: from.serial,
            user_code: from.user_code,
            raw_time: from.raw_time,
            zone,
            instant,
            reading: from.reading,
            route,
            received_at: from.received_at,
            raw: Box::default(),
        })),
        (None, _) => Err(unknown_route(&from)),
        (Some(_), Err(_)) => Err(bad("unknown_zone", place.zone.clone(), &from)),
    };
    Ok(Row { item, entry })
}

fn observation(from: Reported) -> Row {
    let item: Item = observation_item(from.id, from.route, &from.reading);
    let entry = match Route::from_number(from.route) {
        Some(route) => Ok(LedgerEntry::Observation(Observation {
            punch: from.id,
            serial: from.serial,
            user_code: from.user_code,
            raw_time: from.raw_time,
            route,
            reading: from.reading,
            received_at: from.received_at,
        })),
        None => Err(unknown_route(&from)),
    };
    Row { item, entry }
}

fn unknown_route(from: &Reported) -> BadEntry {
    bad("unknown_route", from.route.to_string(), from)
}

fn bad(code: &'static str, detail: String, from: &Reported) -> BadEntry {
    let raw = serde_json::json!({
        "id": from.id, "serial": from.serial, "user_code": from.user_code, "raw_time": from.raw_time,
        "route": from.route, "reading": from.reading, "received_at": from.received_at,
    });
    BadEntry { code, detail, raw: raw.to_string() }
}

/// What is left of the frame.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn number(&mut self) -> Result<u64, BadVarint> {
        varint::take(&mut self.0)
    }

    fn signed(&mut self) -> Result<i64, BadVarint> {
        varint::take_signed(&mut self.0)
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], BadFrame> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(BadFrame::Malformed("cut off"))?;
        self.0 = rest;
        Ok(bytes)
    }

    /// `count` values, each less the one before it.
    fn deltas(&mut self, count: usize) -> Result<Vec<i64>, BadVarint> {
        let mut before = 0i64;
        let step = |_| {
            before = before.wrapping_add(self.signed()?);
            Ok(before)
        };
        (0..count).map(step).collect()
    }

    fn column<T>(&mut self, count: usize, one: impl Fn(u64) -> Option<T>) -> Result<Vec<T>, BadFrame> {
        (0..count).map(|_| one(self.number()?).ok_or(BadFrame::Malformed("a value out of range"))).collect()
    }

    /// A sorted dictionary of at most one text an entry.
    fn dictionary<T>(&mut self, max: usize, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, BadFrame> {
        const BAD: BadFrame = BadFrame::Malformed("a dictionary");
        let count = usize::try_from(self.number()?).ok().filter(|count| *count <= max).ok_or(BAD)?;
        let mut texts = Vec::new();
        let mut text: Vec<u8> = Vec::new();
        for nth in 0..count {
            let shared =
                usize::try_from(self.number()?).ok().filter(|shared| *shared <= text.len()).ok_or(BAD)?;
            let further = usize::try_from(self.number()?).map_err(|_| BAD)?;
            let tail = self.bytes(further)?;
            if nth > 0 && text[shared..] >= *tail {
                return Err(BAD);
            }
            text.truncate(shared);
            text.extend(tail);
            // A bound on the whole text, so that sharing cannot build long ones from few bytes.
            if text.len() > 64 {
                return Err(BAD);
            }
            texts.push(std::str::from_utf8(&text).ok().and_then(&parse).ok_or(BAD)?);
        }
        Ok(texts)
    }

    fn readings(
        &mut self,
        count: usize,
        serials: &[ClockSerial],
        codes: &[UserCode],
        work: &[String],
    ) -> Result<Vec<Reported>, BadFrame> {
        let serials = self.column(count, |at| serials.get(usize::try_from(at).ok()?).cloned())?;
        let codes = self.column(count, |at| codes.get(usize::try_from(at).ok()?).cloned())?;
        let mut times = Vec::new();
        for seconds in self.deltas(count)? {
            times.push(RawTime::from_seconds(seconds).ok_or(BadFrame::Malformed("a raw time"))?);
        }
        let mut ids = Vec::new();
        for ((serial, code), &raw_time) in serials.iter().zip(&codes).zip(&times) {
            ids.push(self.punch_id(serial, code, raw_time)?);
        }
        let routes = self.bytes(count)?;
        let number = |value: u64| match value {
            0 => Some(None),
            value => u8::try_from(value - 1).ok().map(Some),
        };
        let states = self.column(count, number)?;
        let verifies = self.column(count, number)?;
        let work = self.column(count, |at| match usize::try_from(at).ok()?.checked_sub(1) {
            None => Some(""),
            Some(at) => work.get(at).map(String::as_str),
        })?;
        let received = self.deltas(count)?;
        let mut rows = Vec::with_capacity(count);
        let columns = serials.into_iter().zip(codes).zip(times).zip(ids);
        for (nth, (((serial, user_code), raw_time), id)) in columns.enumerate() {
            let received_at = DateTime::from_timestamp_millis(received[nth]);
            rows.push(Reported {
                id,
                serial,
                user_code,
                raw_time,
                route: routes[nth],
                reading: Reading { state: states[nth], verify: verifies[nth], work_code: work[nth].into() },
                received_at: received_at.ok_or(BadFrame::Malformed("a time of receipt"))?,
            });
        }
        Ok(rows)
    }

    fn punch_id(
        &mut self,
        serial: &ClockSerial,
        code: &UserCode,
        raw_time: RawTime,
    ) -> Result<PunchId, BadFrame> {
        if !has_explicit_id(serial.as_str()) {
            return Ok(PunchId::of_clock(serial, code, raw_time));
        }
        let bytes = self.bytes(16)?.try_into().map_err(|_| BadFrame::Malformed("cut off"))?;
        let uuid = uuid::Uuid::from_bytes(bytes);
        // An id leads with its raw time; another one would stand in another month's partition.
        let lead = PunchId::lower_bound(raw_time).uuid();
        if uuid.as_bytes()[..6] == lead.as_bytes()[..6] && uuid.get_version_num() == 8 {
            Ok(PunchId::from_uuid(uuid))
        } else {
            Err(BadFrame::Malformed("an explicit id of another time"))
        }
    }

    fn places(&mut self, count: usize, zones: &[String]) -> Result<Vec<Place>, BadFrame> {
        let zones = self.column(count, |at| zones.get(usize::try_from(at).ok()?).cloned())?;
        let offsets = self.deltas(count)?;
        Ok(zones.into_iter().zip(offsets).map(|(zone, offset)| Place { zone, offset }).collect())
    }

    fn watermarks(&mut self, count: usize, serials: &[ClockSerial]) -> Result<Vec<Watermark>, BadFrame> {
        const TIME: BadFrame = BadFrame::Malformed("a watermark's time");
        let serials = self.column(count, |at| serials.get(usize::try_from(at).ok()?).cloned())?;
        let positions = self.deltas(count)?;
        let mut leads = Vec::new();
        for _ in 0..count {
            leads.push(match self.number()? {
                0 => None,
                1 => Some(self.signed()?),
                _ => return Err(TIME),
            });
        }
        let throughs = self.deltas(count)?;
        let mut rows = Vec::with_capacity(count);
        for (nth, serial) in serials.into_iter().enumerate() {
            let through = throughs[nth];
            let observed = through.wrapping_mul(1000).wrapping_add(self.signed()?);
            let raw_time = match leads[nth] {
                None => None,
                Some(lead) => Some(RawTime::from_seconds(through.wrapping_add(lead)).ok_or(TIME)?),
            };
            rows.push(Watermark {
                serial,
                position: positions[nth],
                raw_time,
                through: DateTime::from_timestamp(through, 0).ok_or(TIME)?,
                observed_at: DateTime::from_timestamp_millis(observed).ok_or(TIME)?,
            });
        }
        Ok(rows)
    }
}
