//! Where each origin's logs stand: rows of `origin_state` and the chain's marks.

use chrono::{DateTime, Utc};
use shared_model::EdgeId;
use sync_protocol::cloud::{LogId, LogMove, LogState};
use sync_protocol::message::{Lease, Nonce};
use sync_protocol::{Chain, Dot, Mark, Origin, Stream, VersionVector};
use uuid::Uuid;

use super::{StoreError, TenantTx};

#[derive(sqlx::FromRow)]
struct Row {
    origin: i64,
    stream: String,
    edge_id: Option<Uuid>,
    applied_seq: i64,
    chain: Vec<u8>,
    durable_seq: i64,
    lease_no: i64,
    lease_nonce: Vec<u8>,
    epoch_born: i32,
    state: String,
}

impl Row {
    fn corrupt(&self, cause: &str) -> StoreError {
        let id = format!("{:016x}/{}", self.origin, self.stream);
        StoreError::Corrupt { table: "origin_state", id, cause: cause.to_owned() }
    }

    fn parse(&self) -> Result<(LogId, LogState), StoreError> {
        let origin = Origin::from_number(self.origin).ok_or_else(|| self.corrupt("no origin"))?;
        let stream = Stream::parse(&self.stream).ok_or_else(|| self.corrupt("no stream"))?;
        let nonce =
            self.lease_nonce.as_slice().try_into().map_err(|_| self.corrupt("the nonce is not 8 bytes"))?;
        let state = LogState {
            // The cloud's own origin belongs to no edge, and no edge has the nil id.
            edge: EdgeId::from_uuid(self.edge_id.unwrap_or_default()),
            applied: self.applied_seq,
            chain: Chain::from_bytes(&self.chain).map_err(|e| self.corrupt(&e.to_string()))?,
            durable: self.durable_seq,
            lease: Lease { no: self.lease_no, nonce: Nonce::from_bytes(nonce) },
            epoch_born: u32::try_from(self.epoch_born).map_err(|_| self.corrupt("a negative epoch"))?,
            expired: self.state != "open",
        };
        Ok(((origin, stream), state))
    }
}

/// Locks logs, in the order of their keys, and tells how far they are, in the order asked.
pub(super) async fn lock(tx: &mut TenantTx, of: &[LogId]) -> Result<Vec<Option<LogState>>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT origin, stream, edge_id, applied_seq, chain, durable_seq, lease_no, lease_nonce, epoch_born, state
         FROM origin_state
         WHERE company_id = $1
           AND (origin, stream) IN (SELECT o, s FROM unnest($2::bigint[], $3::text[]) AS asked (o, s))
         ORDER BY origin, stream FOR UPDATE",
    )
    .bind(tx.company())
    .bind(of.iter().map(|(origin, _)| origin.number()).collect::<Vec<_>>())
    .bind(of.iter().map(|(_, stream)| stream.as_str()).collect::<Vec<_>>())
    .fetch_all(tx.connection())
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        found.push(row.parse()?);
    }
    let state = |wanted: &LogId| found.iter().find(|(log, _)| log == wanted).map(|(_, state)| state.clone());
    Ok(of.iter().map(state).collect())
}

/// Registers both logs of an origin, empty. `edge` is `None` for the cloud's own.
pub(super) async fn open(
    tx: &mut TenantTx,
    origin: Origin,
    edge: Option<EdgeId>,
    epoch: u32,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for stream in Stream::ALL {
        sqlx::query(
            "INSERT INTO origin_state (company_id, origin, stream, edge_id, applied_seq, chain, durable_seq,
                 lease_no, lease_nonce, epoch_born, state, acked_fseq, head_at_ack, last_seen)
             VALUES ($1, $2, $3, $4, 0, $5, 0, 0, $6, $7, 'open', 0, 0, $8)",
        )
        .bind(tx.company())
        .bind(origin.number())
        .bind(stream.as_str())
        .bind(edge)
        .bind(Chain::start(origin, stream).as_bytes().as_slice())
        .bind([0_u8; 8].as_slice())
        .bind(i32::try_from(epoch).unwrap_or(i32::MAX))
        .bind(now)
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

/// Ends both logs of an origin where they are; tells the last record change of it.
pub(super) async fn close(tx: &mut TenantTx, origin: Origin) -> Result<i64, StoreError> {
    let places: Vec<(String, i64)> = sqlx::query_as(
        "UPDATE origin_state SET state = 'closed', final_seq = applied_seq
         WHERE company_id = $1 AND origin = $2 RETURNING stream, applied_seq",
    )
    .bind(tx.company())
    .bind(origin.number())
    .fetch_all(tx.connection())
    .await?;
    let of_records = places.iter().find(|(stream, _)| stream == Stream::Records.as_str());
    Ok(of_records.map_or(0, |(_, applied)| *applied))
}

/// Gives both logs of an origin to a session.
pub(super) async fn set_lease(
    tx: &mut TenantTx,
    origin: Origin,
    lease: Lease,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE origin_state SET lease_no = $3, lease_nonce = $4, last_seen = $5
         WHERE company_id = $1 AND origin = $2",
    )
    .bind(tx.company())
    .bind(origin.number())
    .bind(lease.no)
    .bind(lease.nonce.to_bytes().as_slice())
    .bind(now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The marks kept at any of these places of a log.
pub(super) async fn marks(
    tx: &mut TenantTx,
    (origin, stream): LogId,
    at: &[i64],
) -> Result<Vec<Mark>, StoreError> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT seq, chain FROM chain_mark
         WHERE company_id = $1 AND origin = $2 AND stream = $3 AND seq = ANY ($4) ORDER BY seq",
    )
    .bind(tx.company())
    .bind(origin.number())
    .bind(stream.as_str())
    .bind(at)
    .fetch_all(tx.connection())
    .await?;
    let mark = |(seq, chain): (i64, Vec<u8>)| {
        let corrupt = |cause: String| StoreError::Corrupt { table: "chain_mark", id: seq.to_string(), cause };
        let chain = Chain::from_bytes(&chain).map_err(|e| corrupt(e.to_string()))?;
        Ok(Mark { seq, chain })
    };
    rows.into_iter().map(mark).collect()
}

/// Moves logs on and keeps their marks.
pub(super) async fn advance(
    tx: &mut TenantTx,
    moves: &[LogMove],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // A log that grew by several pushes of one transaction stands where the last of them left it.
    let mut last: Vec<&LogMove> = Vec::with_capacity(moves.len());
    for grown in moves {
        last.retain(|earlier| earlier.log != grown.log);
        last.push(grown);
    }
    let marks = || moves.iter().flat_map(|grown| grown.marks.iter().map(move |mark| (grown.log, mark)));
    sqlx::query(
        "WITH moved AS (
             UPDATE origin_state o SET applied_seq = m.seq, chain = m.chain, last_seen = $6
             FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::bytea[]) AS m (origin, stream, seq, chain)
             WHERE o.company_id = $1 AND o.origin = m.origin AND o.stream = m.stream
         )
         INSERT INTO chain_mark (company_id, origin, stream, seq, chain)
         SELECT $1, origin, stream, seq, chain
         FROM unnest($7::bigint[], $8::text[], $9::bigint[], $10::bytea[]) AS m (origin, stream, seq, chain)
         ON CONFLICT DO NOTHING",
    )
    .bind(tx.company())
    .bind(last.iter().map(|grown| grown.log.0.number()).collect::<Vec<_>>())
    .bind(last.iter().map(|grown| grown.log.1.as_str()).collect::<Vec<_>>())
    .bind(last.iter().map(|grown| grown.to.seq).collect::<Vec<_>>())
    .bind(last.iter().map(|grown| grown.to.chain.as_bytes().to_vec()).collect::<Vec<_>>())
    .bind(now)
    .bind(marks().map(|((origin, _), _)| origin.number()).collect::<Vec<_>>())
    .bind(marks().map(|((_, stream), _)| stream.as_str()).collect::<Vec<_>>())
    .bind(marks().map(|(_, mark)| mark.seq).collect::<Vec<_>>())
    .bind(marks().map(|(_, mark)| mark.chain.as_bytes().to_vec()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The last record change applied of each of these origins.
pub(super) async fn applied(tx: &mut TenantTx, origins: &[Origin]) -> Result<VersionVector, StoreError> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "SELECT origin, applied_seq FROM origin_state
         WHERE company_id = $1 AND stream = 'R' AND origin = ANY ($2) AND applied_seq > 0",
    )
    .bind(tx.company())
    .bind(origins.iter().map(|origin| origin.number()).collect::<Vec<_>>())
    .fetch_all(tx.connection())
    .await?;
    let mut applied = VersionVector::new();
    for (origin, seq) in rows {
        if let Some(origin) = Origin::from_number(origin) {
            // A full vector claims less than it could, which costs at worst a needless conflict.
            let _ = applied.raise(Dot::new(origin, seq));
        }
    }
    Ok(applied)
}
