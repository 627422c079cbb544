//! Storing ledger rows: in one call when all are sound, else down to the row that is not.

use shared_model::{ClockSerial, EdgeId};

use super::store::{CloudStore, LedgerRow, Poison, Quarantined};
use crate::{LedgerEntry, Origin, Stream, frame};

/// A ledger row that has come in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub(super) edge: EdgeId,
    pub(super) origin: Origin,
    pub(super) seq: i64,
    pub(super) row: &'a frame::Row,
}

pub(super) async fn store<S: CloudStore>(store: &mut S, incoming: &[Incoming<'_>]) -> Result<(), S::Error> {
    let mut sound = Vec::with_capacity(incoming.len());
    let mut aside = Vec::new();
    for row in incoming {
        match judge(row) {
            Ok(ledger_row) => sound.push(ledger_row),
            Err(quarantined) => aside.push(quarantined),
        }
    }
    // Ranges that are still to be stored, the earliest on top.
    let mut waiting = vec![&sound[..]];
    while let Some(rows) = waiting.pop() {
        let Some((first, rest)) = rows.split_first() else { continue };
        if let Err(poison) = store.store_ledger(rows).await? {
            if rest.is_empty() {
                aside.push(keep_aside(first, poison));
            } else {
                let (front, back) = rows.split_at(rows.len() / 2);
                waiting.extend([back, front]);
            }
        }
    }
    if aside.is_empty() { Ok(()) } else { store.quarantine(&aside).await }
}

fn judge<'a>(incoming: &Incoming<'a>) -> Result<LedgerRow<'a>, Quarantined> {
    let Incoming { edge, origin, seq, row } = *incoming;
    let aside = |raw: String, poison| Quarantined {
        origin,
        stream: Stream::Ledger,
        seq,
        edge,
        raw: raw.into_bytes(),
        poison,
    };
    let entry = row
        .entry
        .as_ref()
        .map_err(|bad| aside(bad.raw.clone(), Poison { code: bad.code, detail: bad.detail.clone() }))?;
    let serial = match entry {
        LedgerEntry::Punch(punch) => &punch.serial,
        LedgerEntry::Observation(seen) => &seen.serial,
        LedgerEntry::Watermark(mark) => &mark.serial,
    };
    if matches!(serial.as_str(), ClockSerial::MOBILE | ClockSerial::CORRECTION) {
        // Only the cloud enters these, after it has checked who approved them.
        let detail = format!("an edge cannot enter punches under the serial {serial}");
        return Err(aside(readable(entry), Poison { code: "not_from_an_edge", detail }));
    }
    Ok(LedgerRow { origin, seq, edge, entry })
}

fn keep_aside(row: &LedgerRow<'_>, poison: Poison) -> Quarantined {
    let LedgerRow { origin, seq, edge, entry } = *row;
    Quarantined { origin, stream: Stream::Ledger, seq, edge, raw: readable(entry).into_bytes(), poison }
}

/// An entry as JSON, for people and for a later version that can take it.
fn readable(entry: &LedgerEntry) -> String {
    let json = match entry {
        LedgerEntry::Punch(p) => serde_json::json!({
            "entry": "punch", "id": p.id, "serial": p.serial, "user_code": p.user_code, "raw_time": p.raw_time,
            "zone": p.zone.name(), "instant": p.instant, "route": p.route, "reading": p.reading,
            "received_at": p.received_at,
        }),
        LedgerEntry::Observation(o) => serde_json::json!({
            "entry": "observation", "id": o.punch, "serial": o.serial, "user_code": o.user_code,
            "raw_time": o.raw_time, "route": o.route, "reading": o.reading, "received_at": o.received_at,
        }),
        LedgerEntry::Watermark(w) => serde_json::json!({
            "entry": "watermark", "serial": w.serial, "position": w.position, "raw_time": w.raw_time,
            "through": w.through, "observed_at": w.observed_at,
        }),
    };
    json.to_string()
}
