//! Changes that the cloud itself writes: the same rows, through the same merge, under the cloud's own origin.

use serde_json::Value;
use shared_model::entity::Entity;
use shared_model::record::BadField;
use shared_model::{EdgeId, FieldMap, FieldTag, Kind};
use sync_protocol::cloud::{ChangeBatch, LogMove, LoggedChange, Outcome, RecordWrite, merge_own};
use sync_protocol::merge::{FieldRule, Orphan, Rules};
use sync_protocol::message::ConflictState;
use sync_protocol::{Change, ConflictId, Dot, Effect, Hlc, Mark, Op, Stream, VersionVector};
use uuid::Uuid;

use super::audit::Author;
use super::{StoreError, TenantTx, change, conflict, feed, origin, record};

/// Version of the fields' schema that this program writes.
const SCHEMA_VER: u16 = 1;

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum OwnChangeError {
    /// A field is missing or cannot be.
    #[error(transparent)]
    Field(#[from] BadField),
    /// The record is not there.
    #[error("there is no such record")]
    NotFound,
    /// The key is taken.
    #[error("the record exists already")]
    Exists,
    /// A decision that was taken by right is not turned round.
    #[error("the first decision stands: a punch is taken back by a note that voids it")]
    Decided,
    /// The database's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Orphan> for OwnChangeError {
    fn from(_: Orphan) -> Self {
        Self::NotFound
    }
}

/// Makes a record under a new key.
///
/// # Errors
/// [`OwnChangeError`]; nothing is written then.
pub async fn create<E: Entity>(
    tx: &mut TenantTx,
    key: Uuid,
    entity: &E,
    author: Author,
) -> Result<(), OwnChangeError> {
    // What is not said is left open for whoever says it, as at an edge.
    let mut fields = entity.to_fields();
    fields.retain(|_, value| !value.is_null());
    let draft =
        Draft { op: Op::Create, kind: E::KIND, key, fields, ctx: VersionVector::new(), resolves: None };
    write(tx, draft, author).await
}

/// Changes some fields of a record. `ctx` is the record's vector when the form was opened.
///
/// # Errors
/// [`OwnChangeError`]; nothing is written then.
pub async fn update(
    tx: &mut TenantTx,
    kind: Kind,
    key: Uuid,
    fields: FieldMap,
    ctx: VersionVector,
    author: Author,
) -> Result<(), OwnChangeError> {
    write(tx, Draft { op: Op::Update, kind, key, fields, ctx, resolves: None }, author).await
}

/// Deletes a record. `ctx` is the record's vector as its author saw it.
///
/// # Errors
/// [`OwnChangeError`]; nothing is written then.
pub async fn delete(
    tx: &mut TenantTx,
    kind: Kind,
    key: Uuid,
    ctx: VersionVector,
    author: Author,
) -> Result<(), OwnChangeError> {
    write(tx, Draft { op: Op::Delete, kind, key, fields: FieldMap::new(), ctx, resolves: None }, author).await
}

/// Settles a conflict by hand: the chosen version counts everywhere, unless somebody has written meanwhile who is not among
/// what the row shows. The change dominates both versions.
///
/// # Errors
/// [`OwnChangeError::NotFound`] for a row that is not open; nothing is written then.
pub async fn settle(
    tx: &mut TenantTx,
    id: ConflictId,
    choice: FieldRule,
    author: Author,
) -> Result<(), OwnChangeError> {
    let row = conflict::one(tx, id).await?.filter(|row| row.state == ConflictState::Open);
    let row = row.ok_or(OwnChangeError::NotFound)?;
    let kind = u8::try_from(row.kind).ok().and_then(Kind::from_number).ok_or(OwnChangeError::NotFound)?;
    if kind == Kind::PhonePunch && choice == FieldRule::Arriving {
        // What was decided by right is in the ledger, or is not: a voiding note takes it back, not another version.
        return Err(OwnChangeError::Decided);
    }
    let record = record::one(tx, kind, row.key).await?.ok_or(OwnChangeError::NotFound)?;
    let mut ctx = record.vv;
    for dot in row.standing_dots.iter().chain(&row.arriving_dots) {
        // A full vector claims less than it could, which costs at worst another row.
        let _ = ctx.raise(*dot);
    }
    let (chosen, other) = match choice {
        FieldRule::Standing => (row.standing, row.arriving),
        FieldRule::Arriving => (row.arriving, row.standing),
    };
    let whole = row.slot.is_none();
    let (op, fields) = if whole && chosen.is_empty() {
        (Op::Delete, chosen)
    } else if record.deleted.is_some() {
        (Op::Restore, chosen)
    } else {
        // What the chosen version leaves open is emptied, where the kind lets it be empty.
        let mut fields = chosen;
        let optional = |tag: FieldTag| kind.field(tag).is_none_or(|def| def.optional);
        for tag in other.keys().filter(|tag| !whole && optional(**tag)) {
            fields.entry(*tag).or_insert(Value::Null);
        }
        (Op::Update, fields)
    };
    write(tx, Draft { op, kind, key: row.key, fields, ctx, resolves: Some(id) }, author).await
}

/// Settles a record's waiting state, once.
///
/// # Errors
/// [`OwnChangeError`]; nothing is written then.
pub async fn decide(
    tx: &mut TenantTx,
    kind: Kind,
    key: Uuid,
    fields: FieldMap,
    ctx: VersionVector,
    author: Author,
) -> Result<(), OwnChangeError> {
    write(tx, Draft { op: Op::Decide, kind, key, fields, ctx, resolves: None }, author).await
}

/// A change that is to be written.
struct Draft {
    op: Op,
    kind: Kind,
    key: Uuid,
    fields: FieldMap,
    ctx: VersionVector,
    resolves: Option<ConflictId>,
}

async fn write(tx: &mut TenantTx, draft: Draft, author: Author) -> Result<(), OwnChangeError> {
    let Draft { op, kind, key, fields, ctx, resolves } = draft;
    kind.check(&fields, op == Op::Create)?;
    let ours = feed::cloud_origin(tx).await?;
    let company = feed::state(tx).await?;
    let log = origin::lock(tx, &[(ours, Stream::Records)]).await?.pop().flatten();
    let Some(log) = log else {
        let id = ours.to_string();
        return Err(StoreError::Corrupt {
            table: "origin_state",
            id,
            cause: "the cloud's own row is missing".into(),
        }
        .into());
    };
    let dot = Dot::new(ours, log.applied + 1);
    let written = Change {
        dot,
        hlc: Hlc::at(author.at),
        grp: dot.seq,
        kind: u16::from(kind.number()),
        key,
        op,
        ctx,
        fields,
        seen: company.feed_head,
        actor: author.actor,
        resolves,
        relog_of: None,
        ver: SCHEMA_VER,
    };
    let standing = record::lock(tx, &[(kind, key)]).await?.pop().flatten();
    if op == Op::Create && standing.is_some() {
        return Err(OwnChangeError::Exists);
    }
    let before = standing.as_ref().map(|record| record.fields.clone());
    let open = if standing.is_some() { conflict::open(tx, &[(kind, key)]).await? } else { Vec::new() };
    let rules = Rules::of(kind, &written.ctx, &company.folded);
    let (merged, moved) = merge_own(standing, &written, rules, open)?;
    let line = written.line();
    let batch = ChangeBatch {
        records: vec![RecordWrite { key: (kind, key), before, record: merged.record }],
        log: vec![LoggedChange {
            dot,
            edge: EdgeId::from_uuid(Uuid::nil()),
            identity: written.identity(),
            change: Some(&written),
            line: &line,
            outcome: Outcome::Merged(merged.effect),
        }],
        conflicts: merged.conflicts,
        quarantined: Vec::new(),
        moved,
    };
    debug_assert!(op != Op::Create || merged.effect == Effect::Created, "a new key makes a record");
    let to = Mark { seq: dot.seq, chain: log.chain.then(&written.chain_item()) };
    origin::advance(tx, &[LogMove { log: (ours, Stream::Records), to, marks: vec![to] }], author.at).await?;
    change::store(tx, &batch, author).await?;
    Ok(())
}
