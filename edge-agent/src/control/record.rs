//! Records of any kind, as lines of JSON: `{"kind":"holiday","key":"<uuid>","fields":{"date":"2026-12-16", …}}`.
//!
//! A line without a key is that of the living record with the same code or serial, where its kind has one, else a new
//! record. Fields that are not named stay as they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_model::entity::{
    Company, CompanyRule, DayDecision, Department, Device, Employee, Entity, Holiday, Identity, Leave,
    PayPeriod, PhonePunch, Policy, PunchNote, Roster, RosterDay, Shift, Site,
};
use shared_model::{FieldMap, Kind};
use sync_protocol::Op;
use uuid::Uuid;

use super::find::Records;
use super::{Act, Agent, Detail, Outcome, Progress, Refusal, check_documents};
use crate::store::{Author, Edit, StoreError, WriteTx};

/// Lines of one transaction.
const GROUP: usize = 200;
const _: () = assert!(GROUP <= sync_protocol::limit::GROUP_ROWS, "a group that the cloud refuses");
/// The most lines taken at once.
const LINES: usize = 100_000;

/// Adds and changes records of any kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportRecords {
    /// The lines, in order.
    pub lines: Vec<RecordLine>,
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordLine {
    /// Its number, from 1.
    pub line: u64,
    /// The record.
    #[serde(flatten)]
    pub record: RecordRow,
}

/// A record as a line of JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordRow {
    /// The kind's name.
    pub kind: String,
    /// Its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Uuid>,
    /// Its fields, by name.
    pub fields: BTreeMap<String, Value>,
}

/// What came of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordReport {
    /// Lines of the file.
    pub read: u64,
    /// New records.
    pub created: u64,
    /// Records of which something changed.
    pub updated: u64,
    /// Records that are as the file says.
    pub unchanged: u64,
    /// The keys, in the order of the lines.
    pub keys: Vec<Uuid>,
}

/// Lists the records of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRecords {
    /// The kind's name.
    pub kind: String,
}

/// Records of a kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordPage(pub Vec<RecordRow>);

/// Runs something for the entity of a kind.
macro_rules! with_entity {
    ($kind:expr, $entity:ident => $work:expr, $($name:ident)+) => {
        match $kind { $(Kind::$name => { type $entity = $name; $work })+ }
    };
    ($kind:expr, $entity:ident => $work:expr) => {
        with_entity!($kind, $entity => $work,
            Company Site Department Employee Shift Roster RosterDay Policy Holiday Leave Device Identity PunchNote
            DayDecision PayPeriod CompanyRule PhonePunch)
    };
}

fn kind_of(name: &str) -> Result<Kind, String> {
    Kind::ALL.iter().copied().find(|kind| kind.as_str() == name).ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("there is no kind {name}: one of {}", names.join(", "))
    })
}

/// A line whose kind and fields are known.
#[derive(Clone)]
struct Typed {
    line: u64,
    kind: Kind,
    key: Option<Uuid>,
    fields: FieldMap,
}

impl Typed {
    fn read(line: RecordLine) -> Result<Self, Detail> {
        let number = line.line;
        let wrong =
            |column: &str, cause: String| Detail { line: number, column: Some(column.to_owned()), cause };
        let kind = kind_of(&line.record.kind).map_err(|cause| wrong("kind", cause))?;
        let mut fields = FieldMap::new();
        for (name, value) in line.record.fields {
            let def = kind.fields().iter().find(|def| def.name == name);
            let def = def.ok_or_else(|| wrong(&name, format!("a {} has no such field", kind.as_str())))?;
            fields.insert(def.tag, value);
        }
        kind.check(&fields, false).map_err(|error| wrong("fields", error.to_string()))?;
        check_documents(kind, &fields).map_err(|error| wrong("fields", error.to_string()))?;
        Ok(Self { line: number, kind, key: line.record.key, fields })
    }

    /// The stored record that the line is about, with its fields.
    fn stored(&self, tx: &impl Records) -> Result<Option<(Uuid, FieldMap)>, StoreError> {
        with_entity!(self.kind, E => self.stored_as::<E>(tx))
    }

    fn stored_as<E: Entity>(&self, tx: &impl Records) -> Result<Option<(Uuid, FieldMap)>, StoreError> {
        let found = match (self.key, E::KIND.business_key()) {
            (Some(key), _) => tx.one::<E>(E::Id::from(key))?,
            (None, Some(tag)) => {
                let code = self.fields.get(&tag).and_then(Value::as_str);
                code.map(|code| tx.with::<E>(tag.0, code)).transpose()?.flatten()
            }
            (None, None) => None,
        };
        Ok(found.map(|found| (found.id.into(), found.record.to_fields())))
    }

    fn save(self, tx: &WriteTx, author: &Author) -> Result<(Uuid, Outcome), StoreError> {
        let in_line = |error: StoreError| {
            let refused = matches!(
                error,
                StoreError::BadField(_)
                    | StoreError::Stale { .. }
                    | StoreError::Missing { .. }
                    | StoreError::Exists { .. }
                    | StoreError::Invalid(_)
            );
            if refused { StoreError::Invalid(format!("line {}: {error}", self.line)) } else { error }
        };
        let mut fields = self.fields.clone();
        let (key, op) = match self.stored(tx)? {
            Some((key, before)) => {
                fields.retain(|tag, value| before.get(tag).unwrap_or(&Value::Null) != value);
                if fields.is_empty() {
                    return Ok((key, Outcome::Unchanged));
                }
                (key, Op::Update)
            }
            None => {
                fields.retain(|_, value| !value.is_null());
                (self.key.unwrap_or_else(|| shared_model::id::uuid_v7(tx.clock(), tx.entropy())), Op::Create)
            }
        };
        let edit = Edit { kind: self.kind, key, op, seen: None, fields, resolves: None };
        tx.change(author, edit).map_err(in_line)?;
        Ok((key, if op == Op::Create { Outcome::Created } else { Outcome::Updated }))
    }
}

impl Act for ImportRecords {
    async fn act(self, agent: &Agent, progress: &Progress) -> Result<RecordReport, Refusal> {
        if self.lines.len() > LINES {
            return Err(Refusal::refused(format!(
                "at most {LINES} lines are imported at once: split the file"
            )));
        }
        let (mut typed, mut wrong) = (Vec::new(), Vec::new());
        for line in self.lines {
            match Typed::read(line) {
                Ok(line) => typed.push(line),
                Err(detail) => wrong.push(detail),
            }
        }
        if !wrong.is_empty() {
            let message = format!("{} lines are wrong, so nothing was imported", wrong.len());
            return Err(Refusal::refused(message).with(wrong));
        }
        let total = u64::try_from(typed.len()).unwrap_or(u64::MAX);
        let mut report = RecordReport { read: total, ..RecordReport::default() };
        for group in typed.chunks(GROUP) {
            let lines = group.to_vec();
            let saved = agent.write(move |tx, author| {
                lines.into_iter().map(|line| line.save(tx, author)).collect::<Result<Vec<_>, _>>()
            });
            for (key, outcome) in saved.await? {
                report.keys.push(key);
                *match outcome {
                    Outcome::Created => &mut report.created,
                    Outcome::Updated => &mut report.updated,
                    Outcome::Unchanged => &mut report.unchanged,
                } += 1;
            }
            progress.tell("records", u64::try_from(report.keys.len()).unwrap_or(u64::MAX), Some(total));
        }
        Ok(report)
    }
}

impl Act for ListRecords {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<RecordPage, Refusal> {
        let kind = kind_of(&self.kind).map_err(Refusal::refused)?;
        agent
            .read(move |tx| {
                let rows = with_entity!(kind, E => tx
                    .records::<E>()?
                    .into_iter()
                    .map(|stored| row(kind, stored.id.into(), stored.record.to_fields()))
                    .collect::<Vec<_>>());
                Ok(RecordPage(rows))
            })
            .await
    }
}

fn row(kind: Kind, key: Uuid, fields: FieldMap) -> RecordRow {
    let fields = fields
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .filter_map(|(tag, value)| kind.field(tag).map(|def| (def.name.to_owned(), value)))
        .collect();
    RecordRow { kind: kind.as_str().to_owned(), key: Some(key), fields }
}
