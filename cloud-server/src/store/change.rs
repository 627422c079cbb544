//! Storing what a run of record changes does, all in one transaction: records, conflicts, quarantine, look-ups, audit and
//! what must be worked out again.

pub(super) mod business_key;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use shared_model::{FieldMap, FieldTag, Kind, SiteId};
use sync_protocol::cloud::{ChangeBatch, ConflictMove, LoggedChange, Outcome, Quarantined, RecordWrite};
use sync_protocol::message::{ConflictState, FeedConflict};
use sync_protocol::{ChangeHash, Effect};
use uuid::Uuid;

use self::business_key::SharedKeys;
use super::audit::{self, Author};
use super::recompute;
use super::{StoreError, TenantTx, conflict, feed, phone_punch, quarantine, record};

/// Which of these changes were considered before, under whatever origin.
pub(super) async fn considered(
    tx: &mut TenantTx,
    changes: &[ChangeHash],
) -> Result<BTreeSet<ChangeHash>, StoreError> {
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT change_hash FROM applied_change WHERE company_id = $1 AND change_hash = ANY ($2)",
    )
    .bind(tx.company())
    .bind(changes.iter().map(|hash| hash.as_bytes().to_vec()).collect::<Vec<_>>())
    .fetch_all(tx.connection())
    .await?;
    Ok(hashes.iter().filter_map(|bytes| ChangeHash::from_bytes(bytes)).collect())
}

/// Stores a batch. Each change is audited under its own actor; `author` is who brings them.
pub(super) async fn store(
    tx: &mut TenantTx,
    batch: &ChangeBatch<'_>,
    author: Author,
) -> Result<(), StoreError> {
    let now = author.at;
    let records = &batch.records;
    log_changes(tx, &batch.log).await?;
    look_ups(tx, batch, records).await?;
    ask_for_affected(tx, records, now).await?;
    let mut entries: Vec<_> = batch.log.iter().filter_map(|logged| audit_entry(logged, records)).collect();
    entries.extend(batch.quarantined.iter().map(quarantine_entry));
    audit_by_actor(tx, batch, entries, author).await?;

    let entered = phone_punch::entered(tx, records).await?;

    // The feed's counter comes last: its lock orders all changes of the company.
    let (mut first, mut shared) = (0, SharedKeys::default());
    if !records.is_empty() {
        let left = records.iter().filter(|write| write.left().is_some()).count();
        first = feed::take(tx, records.len() + left).await?;
        let logged = batch.log.first().map(|logged| logged.identity);
        record::save(tx, records, first, logged).await?;
        feed::put_departures(tx, records, first + i64::try_from(records.len()).unwrap_or_default()).await?;
        shared = business_key::look(tx, records, batch).await?;
        say_shared(tx, &shared, author).await?;
    }
    put_conflicts(tx, batch, first, shared, now).await?;
    feed::punch::put_punches(tx, &entered).await?;
    quarantine::keep(tx, &batch.quarantined, now).await?;
    Ok(())
}

/// Publishes the conflict rows that are new and those that moved, behind their records, whose first place is `records_at`.
async fn put_conflicts(
    tx: &mut TenantTx,
    batch: &ChangeBatch<'_>,
    records_at: i64,
    shared: SharedKeys,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut rows: Vec<FeedConflict> = batch
        .conflicts
        .iter()
        .map(|found| FeedConflict::new(found, 0, None, ConflictState::Open))
        .chain(shared.found)
        .collect();
    let moved: Vec<ConflictMove> = batch.moved.iter().copied().chain(shared.settled).collect();
    if rows.is_empty() && moved.is_empty() {
        return Ok(());
    }
    for row in &mut rows {
        let kind = u8::try_from(row.kind).ok().and_then(Kind::from_number);
        let is_it = |write: &RecordWrite| kind.is_some_and(|kind| write.key == (kind, row.key));
        let Some(nth) = batch.records.iter().position(is_it) else { continue };
        row.rec_fseq = records_at + i64::try_from(nth).unwrap_or_default();
        row.site = batch.records[nth].site();
    }
    let first = feed::take(tx, rows.len() + moved.len()).await?;
    let next = conflict::keep(tx, &mut rows, first, now).await?;
    conflict::move_on(tx, &moved, &batch.records, next).await
}

async fn say_shared(tx: &mut TenantTx, shared: &SharedKeys, author: Author) -> Result<(), StoreError> {
    let name = |kind: u16| u8::try_from(kind).ok().and_then(Kind::from_number).map_or("record", Kind::as_str);
    let entry = |row: &FeedConflict| {
        let values: Vec<&Value> = row.arriving.values().collect();
        audit::Entry::new("record.shared_key", format!("{}:{}", name(row.kind), row.key))
            .after(&json!({ "key": values, "conflict": row.id }))
    };
    let settled = |moved: &ConflictMove| audit::Entry::new("record.key_settled", moved.id.uuid().to_string());
    let entries: Vec<_> = shared.found.iter().map(entry).chain(shared.settled.iter().map(settled)).collect();
    if entries.is_empty() { Ok(()) } else { audit::write(tx, author, &entries).await }
}

async fn log_changes(tx: &mut TenantTx, log: &[LoggedChange<'_>]) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO applied_change (company_id, change_hash, origin, seq)
         SELECT $1, * FROM unnest($2::bytea[], $3::bigint[], $4::bigint[]) ON CONFLICT DO NOTHING",
    )
    .bind(tx.company())
    .bind(log.iter().map(|logged| logged.identity.as_bytes().to_vec()).collect::<Vec<_>>())
    .bind(log.iter().map(|logged| logged.dot.origin.number()).collect::<Vec<_>>())
    .bind(log.iter().map(|logged| logged.dot.seq).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Keeps the look-ups in step: the company's name, in which companies a clock is known, an edge's own sites.
async fn look_ups(
    tx: &mut TenantTx,
    batch: &ChangeBatch<'_>,
    records: &[RecordWrite],
) -> Result<(), StoreError> {
    let company = tx.company();
    for write in records {
        let text = |tag: u16| write.record.fields.get(&FieldTag(tag)).and_then(Value::as_str);
        match write.key.0 {
            Kind::Company => {
                if let Some(name) = text(1) {
                    sqlx::query("UPDATE company SET name = $2 WHERE company_id = $1 AND name <> $2")
                        .bind(company)
                        .bind(name)
                        .execute(tx.connection())
                        .await?;
                }
            }
            Kind::Device => {
                if let Some(serial) = text(1) {
                    sqlx::query("INSERT INTO clock_serial (serial, company_id) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                        .bind(serial)
                        .bind(company)
                        .execute(tx.connection())
                        .await?;
                }
            }
            Kind::Site
            | Kind::Department
            | Kind::Employee
            | Kind::Shift
            | Kind::Roster
            | Kind::RosterDay
            | Kind::Policy
            | Kind::Holiday
            | Kind::Leave
            | Kind::Identity
            | Kind::PunchNote
            | Kind::DayDecision
            | Kind::PayPeriod
            | Kind::CompanyRule
            | Kind::PhonePunch => {}
        }
    }
    for logged in &batch.log {
        let Some(change) = logged.change else { continue };
        let made =
            logged.outcome == Outcome::Merged(Effect::Created) && change.known_kind() == Some(Kind::Site);
        // The cloud's own changes come from no edge.
        if made && !logged.edge.uuid().is_nil() {
            super::edge::add_site(tx, logged.edge, SiteId::from_uuid(change.key)).await?;
        }
    }
    Ok(())
}

async fn ask_for_affected(
    tx: &mut TenantTx,
    records: &[RecordWrite],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut asked = BTreeSet::new();
    let mut punches = Vec::new();
    for write in records {
        let (kind, key) = write.key;
        for fields in write.before.iter().chain([&write.record.fields]) {
            asked.extend(shift_engine::scope::affected(kind, key, fields));
            if kind == Kind::PunchNote {
                let punch = fields.get(&FieldTag(1)).and_then(Value::as_str);
                punches.extend(punch.and_then(|text| text.parse::<Uuid>().ok()));
            }
        }
    }
    recompute::ask(tx, &asked.into_iter().collect::<Vec<_>>(), now).await?;
    recompute::ask_for_punches(tx, &punches, now).await
}

fn audit_entry(logged: &LoggedChange<'_>, records: &[RecordWrite]) -> Option<audit::Entry> {
    let change = logged.change?;
    let Outcome::Merged(effect) = logged.outcome else { return None };
    let kind = change.known_kind()?;
    let action = match effect {
        Effect::Created => "record.create",
        Effect::Changed => "record.update",
        Effect::Deleted => "record.delete",
        Effect::Restored => "record.restore",
        Effect::Nothing => "record.consider",
    };
    let before =
        records.iter().find(|write| write.key == (kind, change.key)).and_then(|write| write.before.as_ref());
    let mut entry = audit::Entry::new(action, format!("{}:{}", kind.as_str(), change.key));
    if let Some(before) = before {
        let changed = before.iter().filter(|(tag, _)| change.fields.contains_key(tag));
        let changed: FieldMap = changed.map(|(tag, value)| (*tag, value.clone())).collect();
        entry = entry.before(&named(kind, &changed));
    }
    Some(entry.after(&named(kind, &change.fields)))
}

/// The values under their fields' names; telephone numbers only by their last digits.
fn named(kind: Kind, fields: &FieldMap) -> Value {
    let name = |tag: FieldTag| kind.field(tag).map_or_else(|| tag.0.to_string(), |def| def.name.to_owned());
    let value = |name: &str, value: &Value| match value.as_str() {
        Some(text) if name == "phone" => {
            let shown = text.char_indices().rev().nth(1).map_or("", |(at, _)| &text[at..]);
            Value::String(format!("…{shown}"))
        }
        Some(_) | None => value.clone(),
    };
    let entries = fields.iter().map(|(tag, v)| {
        let name = name(*tag);
        let shown = value(&name, v);
        (name, shown)
    });
    Value::Object(entries.collect::<Map<_, _>>())
}

fn quarantine_entry(row: &Quarantined) -> audit::Entry {
    let subject = format!("{}/{}/{}", row.origin, row.stream, row.seq);
    audit::Entry::new("sync.quarantine", subject).after(&json!({ "code": row.poison.code }))
}

/// Writes the entries, each under its change's actor; those of quarantined rows under the edge's.
async fn audit_by_actor(
    tx: &mut TenantTx,
    batch: &ChangeBatch<'_>,
    entries: Vec<audit::Entry>,
    author: Author,
) -> Result<(), StoreError> {
    let actors = batch
        .log
        .iter()
        .filter(|logged| matches!(logged.outcome, Outcome::Merged(_)))
        .filter_map(|logged| logged.change.filter(|change| change.known_kind().is_some()))
        .map(|change| change.actor);
    let own = std::iter::repeat(author.actor);
    let by: Vec<_> = actors.chain(own).zip(entries).collect();
    for run in by.chunk_by(|a, b| a.0 == b.0) {
        let entries: Vec<_> = run.iter().map(|(_, entry)| entry.clone()).collect();
        audit::write(tx, Author { actor: run[0].0, ..author }, &entries).await?;
    }
    Ok(())
}
