//! What people do, at edges and in the cloud, and what clocks deliver.

use std::collections::BTreeSet;

use chrono::DateTime;
use serde_json::{Value, json};
use shared_model::punch::Reading;
use shared_model::{ClockSerial, FieldMap, FieldTag, Kind, Punch, PunchId, RawTime, Route, UserCode};
use sync_protocol::cloud::RecordKey;
use sync_protocol::memory::{Disk, Edit};
use sync_protocol::message::{ConflictState, FeedConflict, FeedRecord};
use sync_protocol::{
    Change, ConflictId, Hlc, LedgerEntry, Observation, Op, Record, VersionVector, Watermark,
};
use uuid::Uuid;

use crate::disk::Form;
use crate::truth::{Arrived, Cid, SITE, STATE, Truth, Written};
use crate::world::{NAME, World, actor, site};

/// Fields that people edit: two that stand alone, one that this version does not know.
const PHONE: FieldTag = FieldTag(11);
const UNKNOWN: FieldTag = FieldTag(900);

impl World {
    pub(crate) fn edge_user(&mut self, at: usize) -> Result<(), String> {
        match self.dice.below(100) {
            0..28 => {
                let entry = self.entry();
                self.edges[at].store.collect(entry);
            }
            28..37 => {
                let edits = (0..=self.dice.below(2)).map(|_| self.new_record(Some(at))).collect();
                self.write(at, edits, &BTreeSet::new(), None, false)?;
            }
            what => self.edge_edit(at, what)?,
        }
        Ok(())
    }

    fn edge_edit(&mut self, at: usize, what: u64) -> Result<(), String> {
        let records: Vec<(RecordKey, Record)> =
            self.edges[at].store.look(|disk| disk.records.iter().map(|(key, r)| (*key, r.clone())).collect());
        if records.is_empty() {
            return Ok(());
        }
        let (key, view) = records[self.dice.pick(records.len())].clone();
        let saw = view.vv.clone();
        if view.deleted.is_some() {
            if what >= 90 {
                self.count("restores");
                let fields = self.some_fields(key.0);
                return self.write_one(at, Edit { key, op: Op::Restore, saw, fields }, None);
            }
            return Ok(());
        }
        match what {
            37..47 if key.0 == Kind::Leave => {
                self.count("decisions");
                let verdict = if self.dice.chance(500) { "approved" } else { "rejected" };
                let fields = [(STATE, json!(verdict))].into();
                self.write_one(at, Edit { key, op: Op::Decide, saw, fields }, None)
            }
            47..55 => {
                self.count("deletes");
                self.write_one(at, Edit { key, op: Op::Delete, saw, fields: FieldMap::new() }, None)
            }
            55..63 => self.edge_override(at, &records),
            63..68 => {
                let truth = self.seen_by(at, key)?;
                let relogs = self.edges[at].store.look(|disk| disk.relogs.len());
                self.edges[at].forms.push(Form { key, saw, truth, relogs });
                Ok(())
            }
            68..74 if !self.edges[at].forms.is_empty() => self.edge_old_form(at),
            74..77 => {
                self.count("poison");
                let name = ["refused", "foreign", " "][self.dice.pick(3)];
                let fields = [(NAME, json!(name))].into();
                let truth = self.seen_by(at, key)?;
                // What the database refuses is no poison where it loses against an unseen value.
                let always = name != "refused" || key.0 == Kind::Leave;
                self.write(at, vec![Edit { key, op: Op::Update, saw, fields }], &truth, None, always)
            }
            77..80 if key.0 == Kind::Employee => {
                // Moved to another of the edge's own sites.
                let sites = self.edges[at].enrolled.scope.sites.clone();
                let fields = [(SITE, json!(sites[self.dice.pick(sites.len())]))].into();
                self.write_one(at, Edit { key, op: Op::Update, saw, fields }, None)
            }
            _ => {
                let fields = self.some_fields(key.0);
                self.write_one(at, Edit { key, op: Op::Update, saw, fields }, None)
            }
        }
    }

    /// Settles a conflict by hand, with what arrived.
    fn edge_override(&mut self, at: usize, records: &[(RecordKey, Record)]) -> Result<(), String> {
        let rows: Vec<FeedConflict> = self.edges[at].store.look(|disk| open_rows(disk).cloned().collect());
        if rows.is_empty() {
            return Ok(());
        }
        let row = rows[self.dice.pick(rows.len())].clone();
        let found =
            records.iter().find(|((kind, key), _)| (u16::from(kind.number()), *key) == (row.kind, row.key));
        let Some((key, view)) = found.filter(|(_, view)| view.deleted.is_none()) else { return Ok(()) };
        let new_enough =
            self.edges[at].store.look(|disk| disk.base.get(key).is_some_and(|b| b.fseq >= row.rec_fseq));
        if !new_enough || row.slot.is_none() {
            return Ok(());
        }
        self.count("overrides");
        let edit = Edit { key: *key, op: Op::Update, saw: view.vv.clone(), fields: row.arriving.clone() };
        self.write_one(at, edit, Some(row.id))
    }

    fn edge_old_form(&mut self, at: usize) -> Result<(), String> {
        let nth = self.dice.pick(self.edges[at].forms.len());
        let Form { key, mut saw, truth, relogs } = self.edges[at].forms.remove(nth);
        let alive = self.edges[at].store.look(|disk| {
            disk.relogs[relogs.min(disk.relogs.len())..].iter().for_each(|relog| relog.vector(&mut saw));
            disk.records.get(&key).is_some_and(|record| record.deleted.is_none())
        });
        if !alive {
            return Ok(());
        }
        self.count("old forms");
        let fields = self.some_fields(key.0);
        self.write(at, vec![Edit { key, op: Op::Update, saw, fields }], &truth, None, false)
    }

    fn write_one(&mut self, at: usize, edit: Edit, resolves: Option<ConflictId>) -> Result<(), String> {
        let truth = self.seen_by(at, edit.key)?;
        self.write(at, vec![edit], &truth, resolves, false)
    }

    /// Writes one transaction at an edge.
    fn write(
        &mut self,
        at: usize,
        mut edits: Vec<Edit>,
        saw: &BTreeSet<Cid>,
        resolves: Option<ConflictId>,
        poison: bool,
    ) -> Result<(), String> {
        edits.retain(|edit| edit.op != Op::Update || !edit.fields.is_empty());
        let who = actor(self.dice.below(6));
        // Clocks go on unevenly, now and then by a year.
        let step = self.dice.next() >> if self.dice.chance(20) { 24 } else { 40 };
        let store = &self.edges[at].store;
        store.tick(Hlc::from_number(store.hlc().number() + i64::try_from(step).unwrap_or_default()));
        for change in self.edges[at].store.edit_as(&edits, who, resolves) {
            self.tell(|w| {
                format!(
                    "{} writes {:?} {:?} {} {:?} saw {:?}",
                    w.edges[at].name, change.dot, change.op, change.key, change.fields, change.ctx
                )
            });
            let kind =
                Kind::from_number(u8::try_from(change.kind).unwrap_or_default()).unwrap_or(Kind::Employee);
            self.truth.wrote(&change, Written { key: (kind, change.key), saw: saw.clone(), poison });
        }
        Ok(())
    }

    /// The changes that a person at an edge really has before his eyes when he opens a record.
    fn seen_by(&self, at: usize, key: RecordKey) -> Result<BTreeSet<Cid>, String> {
        let truth = &self.truth;
        self.edges[at].store.look(|disk| {
            let mut seen = match disk.base.get(&key) {
                Some(base) => truth
                    .known_in(key, base)
                    .ok_or_else(|| format!("{key:?} is at an edge as the cloud never had it: {base:?}"))?
                    .clone(),
                None => BTreeSet::new(),
            };
            let own = |change: &&Change| (u16::from(key.0.number()), key.1) == (change.kind, change.key);
            seen.extend(disk.waiting().filter(own).filter_map(|change| truth.cid(change)));
            // Rows of a former life were on this disk; until the next clean point the view may still show them.
            if let Some(view) = disk.records.get(&key) {
                let former = disk.closed.iter().flat_map(|(_, _, changes)| changes).filter(own);
                let shown = former.filter(|change| view.vv.covers(change.dot));
                seen.extend(shown.filter_map(|change| truth.cid(change)));
            }
            Ok(seen)
        })
    }

    pub(crate) fn cloud_user(&mut self) -> Result<(), String> {
        let what = self.dice.below(100);
        if what < 22 {
            let edit = self.new_record(None);
            return self.cloud_write(&edit, BTreeSet::new(), None);
        }
        if self.cloud.records.is_empty() {
            return Ok(());
        }
        let nth = self.dice.pick(self.cloud.records.len());
        let Some((key, record)) = self.cloud.records.iter().nth(nth) else { return Ok(()) };
        let (key, saw) = (*key, record.vv.clone());
        let truth = Truth::known_now(&self.cloud_truth, key);
        if record.deleted.is_some() {
            if what >= 92 {
                self.count("restores");
                let edit = Edit { key, op: Op::Restore, saw, fields: self.some_fields(key.0) };
                return self.cloud_write(&edit, truth, None);
            }
            return Ok(());
        }
        let edit = match what {
            22..30 => Edit { key, op: Op::Delete, saw, fields: FieldMap::new() },
            30..40 if key.0 == Kind::Employee => {
                self.count("site moves");
                let fields = [(SITE, json!(site(self.dice.below(2))))].into();
                Edit { key, op: Op::Update, saw, fields }
            }
            30..40 => {
                let fields = [(STATE, json!("approved"))].into();
                Edit { key, op: Op::Decide, saw, fields }
            }
            40..46 => {
                self.cloud_forms.push(Form { key, saw, truth, relogs: 0 });
                return Ok(());
            }
            46..54 if !self.cloud_forms.is_empty() => {
                let nth = self.dice.pick(self.cloud_forms.len());
                let Form { key, saw, truth, .. } = self.cloud_forms.remove(nth);
                let alive = self.cloud.records.get(&key).is_some_and(|record| record.deleted.is_none());
                if !alive {
                    return Ok(());
                }
                self.count("old forms");
                let fields = self.some_fields(key.0);
                return self.cloud_write(&Edit { key, op: Op::Update, saw, fields }, truth, None);
            }
            54..60 => {
                let open = |row: &&FeedConflict| row.state == ConflictState::Open && row.slot.is_some();
                let mine = |row: &&FeedConflict| (row.kind, row.key) == (u16::from(key.0.number()), key.1);
                let Some(row) = self.cloud.disputes.values().filter(open).find(mine).cloned() else {
                    return Ok(());
                };
                self.count("overrides");
                let edit = Edit { key, op: Op::Update, saw, fields: row.arriving };
                return self.cloud_write(&edit, truth, Some(row.id));
            }
            _ => Edit { key, op: Op::Update, saw, fields: self.some_fields(key.0) },
        };
        self.cloud_write(&edit, truth, None)
    }

    fn cloud_write(
        &mut self,
        edit: &Edit,
        saw: BTreeSet<Cid>,
        resolves: Option<ConflictId>,
    ) -> Result<(), String> {
        if edit.op == Op::Update && edit.fields.is_empty() {
            return Ok(());
        }
        let who = actor(self.dice.below(6));
        let Some(change) = self.cloud.edit(edit, who, resolves) else { return Ok(()) };
        self.tell(|_| {
            format!(
                "the cloud writes {:?} {:?} {} {:?} saw {:?}",
                change.dot, change.op, change.key, change.fields, change.ctx
            )
        });
        self.truth.wrote(&change, Written { key: edit.key, saw, poison: false });
        let row = Arrived { change, aside: None, scope: None, group: 1 };
        self.truth.arrived(&mut self.cloud_truth, &[row], &self.cloud)
    }

    /// A new employee of a site, or a new request for leave.
    fn new_record(&mut self, edge: Option<usize>) -> Edit {
        let key = self.key();
        let sites =
            edge.map_or_else(|| vec![site(0), site(1)], |at| self.edges[at].enrolled.scope.sites.clone());
        let at = sites[self.dice.pick(sites.len())];
        let (kind, fields) = if self.dice.chance(700) {
            let whole = [
                (FieldTag(1), json!(format!("E{}", self.made))),
                (NAME, json!("Name")),
                (SITE, json!(at)),
                (FieldTag(6), json!("worker")),
                (FieldTag(10), json!(true)),
            ];
            (Kind::Employee, whole.to_vec())
        } else {
            let whole = [
                (FieldTag(1), json!(Uuid::from_u128(7))),
                (FieldTag(2), json!("2026-11-02")),
                (FieldTag(3), json!("2026-11-03")),
                (FieldTag(4), json!("full")),
                (FieldTag(7), json!("CL")),
                (FieldTag(8), json!(true)),
                (STATE, json!("pending")),
            ];
            (Kind::Leave, whole.to_vec())
        };
        Edit {
            key: (kind, key),
            op: Op::Create,
            saw: VersionVector::new(),
            fields: fields.into_iter().collect(),
        }
    }

    /// Some of the fields that people change, with few different values, so that equal ones meet.
    fn some_fields(&mut self, kind: Kind) -> FieldMap {
        let mut fields = FieldMap::new();
        if kind == Kind::Leave {
            // From and to are one group; the reason stands alone.
            if self.dice.chance(500) {
                fields.insert(FieldTag(2), json!(format!("2026-11-0{}", self.dice.below(9) + 1)));
            }
            if self.dice.chance(300) {
                fields.insert(FieldTag(3), json!(format!("2026-12-0{}", self.dice.below(9) + 1)));
            }
            if self.dice.chance(300) {
                fields.insert(FieldTag(10), json!(format!("R{}", self.dice.below(9))));
            }
            return fields;
        }
        for tag in [NAME, PHONE, UNKNOWN] {
            if self.dice.chance(if tag == UNKNOWN { 100 } else { 500 }) {
                let value = if tag == PHONE {
                    json!(format!("+88017{:08}", self.dice.below(60)))
                } else {
                    json!(format!("N{}", self.dice.below(60)))
                };
                fields.insert(tag, value);
            }
        }
        fields
    }

    fn entry(&mut self) -> LedgerEntry {
        let serial = ["CLOCK1", "CLOCK2"][self.dice.pick(2)];
        let code = if self.dice.chance(20) { "refused".to_owned() } else { self.dice.below(30).to_string() };
        let seconds = 1_795_000_000 + i64::try_from(self.dice.below(30)).unwrap_or_default();
        self.made += 1;
        let position = i64::try_from(self.made).unwrap_or_default();
        let sort = self.dice.below(12);
        let made = || {
            let (serial, user_code) = (ClockSerial::parse(serial).ok()?, UserCode::parse(&code).ok()?);
            let raw_time = RawTime::from_seconds(seconds)?;
            let at = DateTime::from_timestamp(seconds, 0)?;
            let id = PunchId::of_clock(&serial, &user_code, raw_time);
            let reading = Reading { state: Some(0), verify: None, work_code: "".into() };
            Some(match sort {
                0 => {
                    let (raw_time, through, observed_at) = (Some(raw_time), at, at);
                    LedgerEntry::Watermark(Watermark { serial, position, raw_time, through, observed_at })
                }
                1 => {
                    let (route, received_at, punch) = (Route::Push, at, id);
                    let seen =
                        Observation { punch, serial, user_code, raw_time, route, reading, received_at };
                    LedgerEntry::Observation(seen)
                }
                _ => LedgerEntry::Punch(Punch {
                    id,
                    serial,
                    user_code,
                    raw_time,
                    zone: chrono_tz::Tz::UTC,
                    instant: at,
                    reading,
                    route: Route::Pull,
                    received_at: at,
                    raw: Box::default(),
                }),
            })
        };
        #[expect(
            clippy::expect_used,
            reason = "serials, codes and times are written here and within their limits"
        )]
        made().expect("a sound entry")
    }

    /// A row of the feed that no edge can take: a kind of a newer cloud, or a value that cannot be.
    pub(crate) fn publish_nonsense(&mut self) {
        self.count("nonsense in the feed");
        let key = self.key();
        let newer = self.dice.chance(500);
        let kind = if newer { 900 } else { u16::from(Kind::Employee.number()) };
        let value: Value = if newer { json!({"moon": "full"}) } else { json!([]) };
        let record = FeedRecord {
            kind,
            key,
            fseq: 0,
            fields: [(NAME, value)].into(),
            dots: [].into(),
            vv: VersionVector::new(),
            deleted: None,
        };
        self.cloud.publish_foreign(record, None);
    }
}

fn open_rows(disk: &Disk) -> impl Iterator<Item = &FeedConflict> {
    disk.conflicts.values().filter(|row| row.state == ConflictState::Open)
}
