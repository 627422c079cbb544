//! The audit log: who did what, in the transaction of what it tells, chained per company and writer.
//!
//! ```text
//! hash = SHA-256( "v1" ‖ hash of the row before (32 zero bytes for the first)
//!                 ‖ company 16 bytes ‖ seq i64 LE ‖ at i64 LE, microseconds UTC ‖ actor 16 bytes
//!                 ‖ for writer, via, action, subject, before, after: length u32 LE ‖ UTF-8 )
//! ```
//!
//! Never in it: passwords, tokens, codes. The operator's own log has the same form with a nil company.

use chrono::{DateTime, SubsecRound as _, Utc};
use sha2::{Digest as _, Sha256};
use shared_model::{ActorId, CompanyId};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{StoreError, TenantTx};

/// From where something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The command line on the server itself.
    Console,
    /// The pages.
    Web,
    /// An edge, by sync.
    Sync,
    /// An employee's phone.
    Phone,
    /// The program by itself.
    System,
}

impl Via {
    /// Its name in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Web => "web",
            Self::Sync => "sync",
            Self::Phone => "phone",
            Self::System => "system",
        }
    }
}

/// Who does something, from where, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Author {
    /// Who.
    pub actor: ActorId,
    /// From where.
    pub via: Via,
    /// When.
    pub at: DateTime<Utc>,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What was done, `area.verb`.
    pub action: &'static str,
    /// To what.
    pub subject: String,
    /// What was there before, JSON or empty.
    pub before: String,
    /// What is there now, JSON or empty.
    pub after: String,
}

impl Entry {
    /// An entry without values.
    #[must_use]
    pub fn new(action: &'static str, subject: impl Into<String>) -> Self {
        Self { action, subject: subject.into(), before: String::new(), after: String::new() }
    }

    /// The same with what is there now.
    #[must_use]
    pub fn after(mut self, value: &serde_json::Value) -> Self {
        self.after = value.to_string();
        self
    }

    /// The same with what was there before.
    #[must_use]
    pub fn before(mut self, value: &serde_json::Value) -> Self {
        self.before = value.to_string();
        self
    }
}

/// What the cloud itself writes into a company's log.
const WRITER: &str = "cloud";

/// Adds entries to the company's log, in order. Locks the end of its chain until the transaction ends.
///
/// # Errors
/// The database's.
pub async fn write(tx: &mut TenantTx, author: Author, entries: &[Entry]) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let company = tx.company();
    let head: Option<(i64, Vec<u8>)> = sqlx::query_as(
        "INSERT INTO audit_head (company_id, writer, seq, hash) VALUES ($1, $2, 0, decode(repeat('00', 32), 'hex'))
         ON CONFLICT (company_id, writer) DO UPDATE SET seq = audit_head.seq
         RETURNING seq, hash",
    )
    .bind(company)
    .bind(WRITER)
    .fetch_optional(tx.connection())
    .await?;
    let (mut seq, mut hash) = head.unwrap_or_default();
    let at = author.at.trunc_subsecs(6);
    let mut seqs = Vec::with_capacity(entries.len());
    let mut hashes = Vec::with_capacity(entries.len());
    for entry in entries {
        seq += 1;
        hash = link(&hash, company.uuid(), WRITER, seq, author, entry).to_vec();
        seqs.push(seq);
        hashes.push(hash.clone());
    }
    let column = |of: fn(&Entry) -> &str| entries.iter().map(of).collect::<Vec<&str>>();
    sqlx::query(
        "INSERT INTO audit (company_id, writer, seq, at, actor, via, action, subject, before, after, hash)
         SELECT $1, $2, seq, $3, $4, $5, action, subject, before, after, hash
         FROM unnest($6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bytea[])
              AS t (seq, action, subject, before, after, hash)",
    )
    .bind(company)
    .bind(WRITER)
    .bind(at)
    .bind(author.actor)
    .bind(author.via.as_str())
    .bind(&seqs)
    .bind(column(|entry| entry.action))
    .bind(column(|entry| &entry.subject))
    .bind(column(|entry| &entry.before))
    .bind(column(|entry| &entry.after))
    .bind(&hashes)
    .execute(tx.connection())
    .await?;
    sqlx::query("UPDATE audit_head SET seq = $3, hash = $4 WHERE company_id = $1 AND writer = $2")
        .bind(company)
        .bind(WRITER)
        .bind(seq)
        .bind(&hash)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Adds an entry to the operator's log.
///
/// # Errors
/// The database's.
pub async fn write_operator(
    connection: &mut PgConnection,
    author: Author,
    company: Option<CompanyId>,
    entry: &Entry,
) -> Result<(), StoreError> {
    let (seq, before): (i64, Vec<u8>) =
        sqlx::query_as("SELECT seq, hash FROM operator_audit_head FOR UPDATE")
            .fetch_one(&mut *connection)
            .await?;
    let seq = seq + 1;
    let of = company.map_or(Uuid::nil(), CompanyId::uuid);
    let hash = link(&before, of, "operator", seq, author, entry);
    sqlx::query(
        "INSERT INTO operator_audit (seq, at, actor, via, action, company_id, subject, before, after, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(seq)
    .bind(author.at.trunc_subsecs(6))
    .bind(author.actor)
    .bind(author.via.as_str())
    .bind(entry.action)
    .bind(company)
    .bind(&entry.subject)
    .bind(&entry.before)
    .bind(&entry.after)
    .bind(hash.as_slice())
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE operator_audit_head SET seq = $1, hash = $2")
        .bind(seq)
        .bind(hash.as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// Checks a company's chain and says how many rows it has.
///
/// # Errors
/// [`StoreError::Corrupt`] names the first row that does not fit the one before it.
pub async fn verify(tx: &mut TenantTx) -> Result<i64, StoreError> {
    type Row = (i64, DateTime<Utc>, ActorId, String, String, String, String, String, Vec<u8>);
    let company = tx.company();
    let mut hash = vec![0; 32];
    let mut last = 0;
    loop {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT seq, at, actor, via, action, subject, before, after, hash FROM audit
             WHERE company_id = $1 AND writer = $2 AND seq > $3 ORDER BY seq LIMIT 1000",
        )
        .bind(company)
        .bind(WRITER)
        .bind(last)
        .fetch_all(tx.connection())
        .await?;
        if rows.is_empty() {
            return Ok(last);
        }
        for (seq, at, actor, via, action, subject, before, after, stored) in rows {
            let texts = [WRITER, &via, &action, &subject, &before, &after];
            let expected = link_of(&hash, company.uuid(), seq, at, actor, texts);
            if seq != last + 1 || expected.as_slice() != stored.as_slice() {
                let cause = "does not fit the row before it".to_owned();
                return Err(StoreError::Corrupt { table: "audit", id: seq.to_string(), cause });
            }
            (last, hash) = (seq, stored);
        }
    }
}

fn link(before: &[u8], company: Uuid, writer: &str, seq: i64, author: Author, entry: &Entry) -> [u8; 32] {
    let texts = [writer, author.via.as_str(), entry.action, &entry.subject, &entry.before, &entry.after];
    link_of(before, company, seq, author.at.trunc_subsecs(6), author.actor, texts)
}

fn link_of(
    before: &[u8],
    company: Uuid,
    seq: i64,
    at: DateTime<Utc>,
    actor: ActorId,
    texts: [&str; 6],
) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"v1");
    hash.update(before);
    hash.update(company.as_bytes());
    hash.update(seq.to_le_bytes());
    hash.update(at.timestamp_micros().to_le_bytes());
    hash.update(actor.uuid().as_bytes());
    for text in texts {
        hash.update(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().into()
}
