//! Writing a frame.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use shared_model::punch::Reading;
use shared_model::{ClockSerial, PunchId, RawTime, Route, UserCode};

use super::{FORMAT, OBSERVATION, PUNCH, WATERMARK, has_explicit_id};
use crate::varint::{put, put_signed};
use crate::{LedgerEntry, Watermark};

/// Writes entries, in order, as one frame.
#[must_use]
pub fn encode(entries: &[LedgerEntry]) -> Vec<u8> {
    let mut out = vec![FORMAT];
    put(&mut out, entries.len() as u64);
    let dictionaries = Dictionaries::of(entries, &mut out);
    let readings: Vec<_> = entries.iter().filter_map(Reported::of).collect();
    for entry in entries {
        out.push(match entry {
            LedgerEntry::Punch(_) => PUNCH,
            LedgerEntry::Observation(_) => OBSERVATION,
            LedgerEntry::Watermark(_) => WATERMARK,
        });
    }
    write_readings(&mut out, &readings, &dictionaries);
    write_punches(&mut out, entries, &dictionaries);
    write_watermarks(&mut out, entries, &dictionaries);
    out
}

/// The columns that punches and observations share.
struct Reported<'a> {
    id: PunchId,
    serial: &'a ClockSerial,
    user_code: &'a UserCode,
    raw_time: RawTime,
    route: Route,
    reading: &'a Reading,
    received_at: DateTime<Utc>,
}

impl<'a> Reported<'a> {
    fn of(entry: &'a LedgerEntry) -> Option<Self> {
        match entry {
            LedgerEntry::Punch(p) => Some(Self {
                id: p.id,
                serial: &p.serial,
                user_code: &p.user_code,
                raw_time: p.raw_time,
                route: p.route,
                reading: &p.reading,
                received_at: p.received_at,
            }),
            LedgerEntry::Observation(o) => Some(Self {
                id: o.punch,
                serial: &o.serial,
                user_code: &o.user_code,
                raw_time: o.raw_time,
                route: o.route,
                reading: &o.reading,
                received_at: o.received_at,
            }),
            LedgerEntry::Watermark(_) => None,
        }
    }
}

/// The places of the texts that occur.
struct Dictionaries<'a> {
    serials: BTreeMap<&'a str, u64>,
    codes: BTreeMap<&'a str, u64>,
    zones: BTreeMap<&'a str, u64>,
    work: BTreeMap<&'a str, u64>,
}

impl<'a> Dictionaries<'a> {
    fn of(entries: &'a [LedgerEntry], out: &mut Vec<u8>) -> Self {
        let mut sets: [BTreeSet<&str>; 4] = Default::default();
        for entry in entries {
            if let Some(reported) = Reported::of(entry) {
                sets[0].insert(reported.serial.as_str());
                sets[1].insert(reported.user_code.as_str());
                if !reported.reading.work_code.is_empty() {
                    sets[3].insert(&reported.reading.work_code);
                }
            }
            match entry {
                LedgerEntry::Punch(punch) => sets[2].insert(punch.zone.name()),
                LedgerEntry::Watermark(mark) => sets[0].insert(mark.serial.as_str()),
                LedgerEntry::Observation(_) => false,
            };
        }
        let [serials, codes, zones, work] = sets.map(|set| write_dictionary(out, set));
        Self { serials, codes, zones, work }
    }
}

fn write_dictionary<'a>(out: &mut Vec<u8>, texts: BTreeSet<&'a str>) -> BTreeMap<&'a str, u64> {
    put(out, texts.len() as u64);
    let mut before = "";
    for text in &texts {
        let shared = before.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
        put(out, shared as u64);
        put(out, (text.len() - shared) as u64);
        out.extend(&text.as_bytes()[shared..]);
        before = text;
    }
    texts.into_iter().zip(0..).collect()
}

/// The place of a text that went into the dictionary.
fn place(dictionary: &BTreeMap<&str, u64>, text: &str) -> u64 {
    dictionary.get(text).copied().unwrap_or_default()
}

/// Writes each value less the one before it.
fn put_deltas(out: &mut Vec<u8>, values: impl Iterator<Item = i64>) {
    let mut before = 0i64;
    for value in values {
        put_signed(out, value.wrapping_sub(before));
        before = value;
    }
}

fn write_readings(out: &mut Vec<u8>, rows: &[Reported<'_>], dictionaries: &Dictionaries<'_>) {
    rows.iter().for_each(|row| put(out, place(&dictionaries.serials, row.serial.as_str())));
    rows.iter().for_each(|row| put(out, place(&dictionaries.codes, row.user_code.as_str())));
    put_deltas(out, rows.iter().map(|row| row.raw_time.seconds()));
    for row in rows.iter().filter(|row| has_explicit_id(row.serial.as_str())) {
        out.extend(row.id.uuid().as_bytes());
    }
    out.extend(rows.iter().map(|row| row.route.number()));
    let number = |value: Option<u8>| value.map_or(0, |value| u64::from(value) + 1);
    rows.iter().for_each(|row| put(out, number(row.reading.state)));
    rows.iter().for_each(|row| put(out, number(row.reading.verify)));
    for row in rows {
        let work = &*row.reading.work_code;
        put(out, if work.is_empty() { 0 } else { place(&dictionaries.work, work) + 1 });
    }
    put_deltas(out, rows.iter().map(|row| row.received_at.timestamp_millis()));
}

fn write_punches(out: &mut Vec<u8>, entries: &[LedgerEntry], dictionaries: &Dictionaries<'_>) {
    let punches = || {
        entries.iter().filter_map(|entry| match entry {
            LedgerEntry::Punch(punch) => Some(punch),
            LedgerEntry::Observation(_) | LedgerEntry::Watermark(_) => None,
        })
    };
    punches().for_each(|punch| put(out, place(&dictionaries.zones, punch.zone.name())));
    put_deltas(out, punches().map(|punch| punch.raw_time.seconds().wrapping_sub(punch.instant.timestamp())));
}

fn write_watermarks(out: &mut Vec<u8>, entries: &[LedgerEntry], dictionaries: &Dictionaries<'_>) {
    let marks: Vec<&Watermark> = entries
        .iter()
        .filter_map(|entry| match entry {
            LedgerEntry::Watermark(mark) => Some(mark),
            LedgerEntry::Punch(_) | LedgerEntry::Observation(_) => None,
        })
        .collect();
    marks.iter().for_each(|mark| put(out, place(&dictionaries.serials, mark.serial.as_str())));
    put_deltas(out, marks.iter().map(|mark| mark.position));
    for mark in &marks {
        match mark.raw_time {
            None => put(out, 0),
            Some(raw) => {
                put(out, 1);
                put_signed(out, raw.seconds().wrapping_sub(mark.through.timestamp()));
            }
        }
    }
    put_deltas(out, marks.iter().map(|mark| mark.through.timestamp()));
    for mark in &marks {
        let through_ms = mark.through.timestamp().wrapping_mul(1000);
        put_signed(out, mark.observed_at.timestamp_millis().wrapping_sub(through_ms));
    }
}
