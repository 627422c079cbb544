//! What a person must look at: records in use that share a key, and records without theirs.
//!
//! Read from the records themselves, not from the conflict rows that tell edges of it: what is listed here is so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared_model::entity::{Entity as _, Identity};
use shared_model::{EdgeId, EmployeeId, FieldMap, FieldTag, Kind, SiteId};
use sqlx::AssertSqlSafe;
use sync_protocol::{Origin, Record, Slot};
use uuid::Uuid;

use super::audit::{self, Author, Entry};
use super::change::business_key;
use super::own_change::{self, OwnChangeError};
use super::{StoreError, TenantTx, grant, mobile, record};

/// Keys listed for one kind.
const SHOWN: i64 = 100;

/// Kinds of which people know a record by a key.
const KINDS: [Kind; 5] = [Kind::Employee, Kind::Device, Kind::Shift, Kind::Department, Kind::Site];

/// A key that several records in use have, or that records lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedKey {
    /// What they are.
    pub kind: Kind,
    /// The key; `None` = they have none.
    pub value: Option<String>,
    /// The records, the first made first.
    pub records: Vec<Claimant>,
}

/// One of the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// Its id.
    pub key: Uuid,
    /// What it is called.
    pub name: String,
    /// The site it belongs to; `None` = the whole company's.
    pub site: Option<SiteId>,
    /// The edge at which the key was given; `None` = here.
    pub edge: Option<(EdgeId, String)>,
    /// Punches that are a person's; `None` for other kinds.
    pub punches: Option<i64>,
}

/// How many keys need a look, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Waiting {
    /// Keys that several records in use have.
    pub shared_keys: i64,
    /// Records without a key.
    pub without_key: i64,
}

impl Waiting {
    /// How many there are in all.
    #[must_use]
    pub const fn count(self) -> i64 {
        self.shared_keys + self.without_key
    }
}

/// Counts what needs a look.
///
/// # Errors
/// The database's.
pub async fn count(tx: &mut TenantTx) -> Result<Waiting, StoreError> {
    let mut waiting = Waiting::default();
    for kind in KINDS {
        let Some((_, column)) = business_key::column(kind) else { continue };
        let (table, used) = (kind.as_str(), business_key::in_use(kind, "r"));
        let sql = format!(
            "SELECT count(*) FILTER (WHERE n > 1 AND value IS NOT NULL),
                    coalesce(sum(n) FILTER (WHERE value IS NULL), 0)::bigint
             FROM (SELECT r.{column} AS value, count(*) AS n FROM rec_{table} r
                   WHERE r.company_id = $1 AND {used} GROUP BY r.{column}) keys"
        );
        let (shared, without): (i64, i64) =
            sqlx::query_as(AssertSqlSafe(sql)).bind(tx.company()).fetch_one(tx.connection()).await?;
        waiting.shared_keys += shared;
        waiting.without_key += without;
    }
    Ok(waiting)
}

/// What needs a look, by kind and key; of a kind no more keys than a page can show.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn shared_keys(tx: &mut TenantTx) -> Result<Vec<SharedKey>, StoreError> {
    let mut found = Vec::new();
    for kind in KINDS {
        let Some((tag, column)) = business_key::column(kind) else { continue };
        let (table, used) = (kind.as_str(), business_key::in_use(kind, "r"));
        let sql = format!(
            "SELECT r.{column}, array_agg(r.key ORDER BY r.key) FROM rec_{table} r
             WHERE r.company_id = $1 AND {used} GROUP BY r.{column}
             HAVING count(*) > 1 OR r.{column} IS NULL ORDER BY r.{column} LIMIT {SHOWN}"
        );
        let groups: Vec<(Option<String>, Vec<Uuid>)> =
            sqlx::query_as(AssertSqlSafe(sql)).bind(tx.company()).fetch_all(tx.connection()).await?;
        if groups.is_empty() {
            continue;
        }
        let keys: Vec<Uuid> = groups.iter().flat_map(|(_, keys)| keys).copied().collect();
        let mut claimants = claimants(tx, kind, tag, &keys).await?;
        found.extend(groups.into_iter().map(|(value, keys)| SharedKey {
            kind,
            value,
            records: keys.iter().filter_map(|key| claimants.remove(key)).collect(),
        }));
    }
    Ok(found)
}

async fn claimants(
    tx: &mut TenantTx,
    kind: Kind,
    tag: FieldTag,
    keys: &[Uuid],
) -> Result<BTreeMap<Uuid, Claimant>, StoreError> {
    let records = record::matching(tx, kind, "key = ANY ($2)", keys, None).await?;
    let given_by = |record: &Record| record.dots.0.get(&Slot::of(kind, tag)).map(|dot| dot.origin);
    let origins: BTreeSet<Origin> = records.iter().filter_map(|(_, record)| given_by(record)).collect();
    let edges: Vec<(i64, EdgeId, String)> = sqlx::query_as(
        "SELECT DISTINCT o.origin, e.edge_id, e.name FROM origin_state o
         JOIN edge e ON e.company_id = o.company_id AND e.edge_id = o.edge_id
         WHERE o.company_id = $1 AND o.origin = ANY ($2)",
    )
    .bind(tx.company())
    .bind(origins.iter().map(|origin| origin.number()).collect::<Vec<_>>())
    .fetch_all(tx.connection())
    .await?;
    let edges: BTreeMap<i64, (EdgeId, String)> =
        edges.into_iter().map(|(origin, id, name)| (origin, (id, name))).collect();
    let punches = if kind == Kind::Employee { Some(punches(tx, keys).await?) } else { None };
    let name_tag = kind.fields().iter().find(|def| def.name == "name").map(|def| def.tag);
    let text = |record: &Record, tag| record.fields.get(&tag).and_then(Value::as_str).map(str::to_owned);
    let claimant = |(key, record): (Uuid, Record)| {
        let of_edge = given_by(&record).and_then(|origin| edges.get(&origin.number()).cloned());
        let claimant = Claimant {
            key,
            name: name_tag.and_then(|tag| text(&record, tag)).unwrap_or_default(),
            site: sync_protocol::scope::site_of(kind, key, &record.fields),
            edge: of_edge,
            punches: punches.as_ref().map(|punches| punches.get(&key).copied().unwrap_or_default()),
        };
        (key, claimant)
    };
    Ok(records.into_iter().map(claimant).collect())
}

/// How many punches are each person's.
async fn punches(tx: &mut TenantTx, people: &[Uuid]) -> Result<BTreeMap<Uuid, i64>, StoreError> {
    let rows: Vec<(Uuid, i64)> = sqlx::query_as(
        "SELECT employee, count(DISTINCT punch_id) FROM day_punch
         WHERE company_id = $1 AND employee = ANY ($2) GROUP BY employee",
    )
    .bind(tx.company())
    .bind(people)
    .fetch_all(tx.connection())
    .await?;
    Ok(rows.into_iter().collect())
}

/// Why two records cannot become one.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// They are no longer two records in use with one key.
    #[error("these are not two people in use with one code")]
    NotShared,
    /// A change of it was not made.
    #[error(transparent)]
    Change(#[from] OwnChangeError),
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes one person of two that share a code: the clock codes of `other` become those of `kept`, and with them every punch;
/// so do the phones of `other`, where `kept` has none, and whoever is linked to it. `other` is no longer in use. Nothing is
/// deleted. Phone punches of `other` that wait stay its own: none can be approved any more.
///
/// # Errors
/// [`MergeError`]; nothing may be committed then.
pub async fn keep_one_employee(
    tx: &mut TenantTx,
    kept: Uuid,
    other: Uuid,
    author: Author,
) -> Result<(), MergeError> {
    let pair = record::matching(tx, Kind::Employee, "key = ANY ($2)", &[kept, other], None).await?;
    let find = |key| pair.iter().find(|(found, _)| *found == key).map(|(_, record)| record);
    let (Some(kept_record), Some(other_record)) = (find(kept), find(other)) else {
        return Err(MergeError::NotShared);
    };
    let code = |record: &Record| record.fields.get(&FieldTag(1)).and_then(Value::as_str).map(str::to_owned);
    let in_use =
        |record: &Record| record.fields.get(&FieldTag(10)).is_none_or(|active| *active == json!(true));
    let both = in_use(kept_record) && in_use(other_record);
    if kept == other || !both || code(kept_record).is_none() || code(kept_record) != code(other_record) {
        return Err(MergeError::NotShared);
    }
    let identities =
        record::matching(tx, Kind::Identity, "employee = ANY ($2)", &[kept, other], None).await?;
    let meaning = |record: &Record| {
        let identity = Identity::from_fields(&record.fields).ok()?;
        Some((identity.serial, identity.user_code, identity.from, identity.to, identity.employee.uuid()))
    };
    let known: Vec<_> = identities.iter().filter_map(|(_, record)| meaning(record)).collect();
    for (key, identity) in identities {
        let Some((serial, code, from, to, employee)) = meaning(&identity) else { continue };
        if employee != other {
            continue;
        }
        if known.contains(&(serial, code, from, to, kept)) {
            own_change::delete(tx, Kind::Identity, key, identity.vv, author).await?;
        } else {
            let fields = FieldMap::from([(FieldTag(3), json!(kept))]);
            own_change::update(tx, Kind::Identity, key, fields, identity.vv, author).await?;
        }
    }
    let ended = FieldMap::from([(FieldTag(10), json!(false))]);
    let saw = other_record.vv.clone();
    own_change::update(tx, Kind::Employee, other, ended, saw, author).await?;
    let (to, from) = (EmployeeId::from_uuid(kept), EmployeeId::from_uuid(other));
    let phones = mobile::take_over(tx, from, to, author).await?;
    let links = grant::move_links(tx, from, to, author).await?;
    let moved = json!({ "other": other, "phones": phones, "links": links });
    let entry = Entry::new("employee.keep_one", kept.to_string()).after(&moved);
    audit::write(tx, author, &[entry]).await?;
    Ok(())
}
