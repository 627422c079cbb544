//! Edges: enrolment codes, keys, sites, and what is shown of them.

use chrono::{DateTime, TimeDelta, Utc};
use shared_model::{CompanyId, EdgeId, Entropy, Kind, SiteId};
use sqlx::PgConnection;
use sync_protocol::{Origin, Record};
use uuid::Uuid;

use super::audit::{self, Author, Entry, Via};
use super::{CompanyAccess, Store, StoreError, TenantTx, record};
use crate::one_time_code::OneTimeCode;

/// How long an enrolment code is good for.
pub const CODE_LIFE: TimeDelta = TimeDelta::minutes(15);

/// An enrolment code that was just made. Shown once.
#[derive(Debug, Clone)]
pub struct NewCode {
    /// The code.
    pub code: OneTimeCode,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Whether an enrolment is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeState {
    /// It may sync.
    Active,
    /// It was revoked: the edge keeps collecting, the cloud takes nothing.
    Retired,
}

impl EdgeState {
    /// Its name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}

/// What a request's edge id leads to, before the company is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeKey {
    /// The company that the edge belongs to.
    pub company: CompanyId,
    /// Its Ed25519 public key.
    pub public_key: [u8; 32],
    /// Whether the enrolment is in force.
    pub state: EdgeState,
}

/// An edge as lists show it.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeRow {
    /// Its id.
    pub id: EdgeId,
    /// What it is called.
    pub name: String,
    /// The sites that it serves.
    pub sites: Vec<SiteId>,
    /// Whether the enrolment is in force.
    pub state: EdgeState,
    /// When it was enrolled.
    pub enrolled_at: DateTime<Utc>,
    /// When it last said hello or pushed.
    pub last_seen: Option<DateTime<Utc>>,
    /// Its program's version.
    pub app_version: Option<String>,
    /// Its last hello, as JSON.
    pub hello: Option<serde_json::Value>,
    /// When its data folder was last noticed to be a copy or put back from one, and how many rows it then had to send.
    pub new_life: Option<(DateTime<Utc>, i64)>,
}

/// What an edge said of one of its clocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockCounts {
    /// The clock's serial.
    pub serial: String,
    /// Rows in the clock's own log, as it last reported.
    pub clock: Option<i64>,
    /// Punches of the clock in the edge's ledger.
    pub ledger: i64,
    /// Rows that the clock delivered again.
    pub repeat: Option<i64>,
    /// Rows that cannot be punches.
    pub quarantined: Option<i64>,
}

impl EdgeRow {
    /// What the edge last said of its clocks. An edge's words are shown, never believed: what cannot be read is left out.
    #[must_use]
    pub fn clocks(&self) -> Vec<ClockCounts> {
        let clocks = self.hello.as_ref().and_then(|hello| hello.get("clocks")?.as_object());
        let read = |(serial, said): (&String, &serde_json::Value)| {
            let number = |name: &str| said.get(name).and_then(serde_json::Value::as_i64);
            Some(ClockCounts {
                serial: serial.clone(),
                clock: number("clock"),
                ledger: number("ledger")?,
                repeat: number("repeat"),
                quarantined: number("quarantined"),
            })
        };
        clocks.into_iter().flatten().filter_map(read).collect()
    }

    /// When it told what [`EdgeRow::clocks`] and [`EdgeRow::outbox`] say.
    #[must_use]
    pub fn told_at(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.hello.as_ref()?.get("server_time")?.as_i64()?)
    }

    /// Whether it was told at its last hello that it knows more than this database, and so holds back.
    #[must_use]
    pub fn is_ahead(&self) -> bool {
        let verdict = self.hello.as_ref().and_then(|hello| hello.get("verdict")?.get("verdict")?.as_str());
        self.state == EdgeState::Active && verdict == Some("cloud_regressed")
    }

    /// Rows that waited at the edge when it last said hello.
    #[must_use]
    pub fn outbox(&self) -> Option<i64> {
        self.hello.as_ref()?.get("counts")?.get("outbox")?.as_i64()
    }
}

/// A new edge's enrolment.
#[derive(Debug, Clone, PartialEq)]
pub struct Enrolment {
    /// The edge's id.
    pub edge: EdgeId,
    /// Its company.
    pub company: CompanyId,
    /// The company's name.
    pub company_name: String,
    /// The sites that it serves.
    pub sites: Vec<SiteId>,
    /// The company's and the sites' records, which it needs before its first page of the feed.
    pub records: Vec<(Kind, Uuid, Record)>,
}

/// What an edge says of itself when it enrols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applicant {
    /// Its public key.
    pub public_key: [u8; 32],
    /// What to call it.
    pub name: String,
    /// Its program's version.
    pub app_version: String,
}

/// Makes a one-time code for a site's next edge.
///
/// # Errors
/// The database's. The site must exist; the caller has looked it up.
pub async fn make_code(
    tx: &mut TenantTx,
    site: SiteId,
    author: Author,
    entropy: &(impl Entropy + ?Sized),
) -> Result<NewCode, StoreError> {
    let code = OneTimeCode::enrolment(entropy);
    let expires_at = author.at + CODE_LIFE;
    sqlx::query(
        "INSERT INTO enrolment_code (code_hash, company_id, site_id, created_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(code.hash().as_slice())
    .bind(tx.company())
    .bind(site)
    .bind(author.actor)
    .bind(author.at)
    .bind(expires_at)
    .execute(tx.connection())
    .await?;
    audit::write(tx, author, &[Entry::new("edge.code", site.to_string())]).await?;
    Ok(NewCode { code, expires_at })
}

impl Store {
    /// Finds what is needed to check a request's signature.
    ///
    /// # Errors
    /// The database's.
    pub async fn edge_key(&self, edge: EdgeId) -> Result<Option<EdgeKey>, StoreError> {
        key_of(&mut *self.pool.acquire().await?, edge).await
    }

    /// Turns a one-time code and a key into an edge. `None` for a code that is wrong, used or too old; the same code with
    /// the same key again gives the same edge.
    ///
    /// # Errors
    /// The database's.
    pub async fn enrol(
        &self,
        code: &OneTimeCode,
        applicant: &Applicant,
        new_id: EdgeId,
        now: DateTime<Utc>,
    ) -> Result<Option<Enrolment>, StoreError> {
        // The code tells the company, so it is read before; the transaction of that company then locks it.
        let Some(company) = self.company_of_code(code).await? else { return Ok(None) };
        let access = CompanyAccess::of_verified_edge(company, new_id);
        let mut tx = self.begin(&access).await?;
        let row: Option<(SiteId, DateTime<Utc>, Option<EdgeId>)> = sqlx::query_as(
            "SELECT site_id, expires_at, edge_id FROM enrolment_code WHERE code_hash = $1 AND company_id = $2 FOR UPDATE",
        )
        .bind(code.hash().as_slice())
        .bind(company)
        .fetch_optional(tx.connection())
        .await?;
        let Some((site, expires_at, used_by)) = row else { return Ok(None) };
        let edge = match used_by {
            Some(edge) => {
                let key = key_of(tx.connection(), edge).await?;
                if key.is_none_or(|key| {
                    key.public_key != applicant.public_key || key.state != EdgeState::Active
                }) {
                    return Ok(None);
                }
                edge
            }
            None if expires_at <= now => return Ok(None),
            None => {
                insert(&mut tx, new_id, site, applicant, now).await?;
                sqlx::query("UPDATE enrolment_code SET used_at = $2, edge_id = $3 WHERE code_hash = $1")
                    .bind(code.hash().as_slice())
                    .bind(now)
                    .bind(new_id)
                    .execute(tx.connection())
                    .await?;
                new_id
            }
        };
        let company_name = super::company::name(tx.connection(), company).await?;
        let sites = sites(&mut tx, edge).await?;
        let mut records = Vec::new();
        let keys = sites.iter().map(|site| (Kind::Site, site.uuid()));
        for (kind, key) in [(Kind::Company, company.uuid())].into_iter().chain(keys) {
            if let Some(record) = record::one(&mut tx, kind, key).await? {
                records.push((kind, key, record));
            }
        }
        crate::fault_point!("cloud.enroll.before-commit");
        tx.commit().await?;
        crate::fault_point!("cloud.enroll.after-commit");
        Ok(Some(Enrolment { edge, company, company_name, sites, records }))
    }

    async fn company_of_code(&self, code: &OneTimeCode) -> Result<Option<CompanyId>, StoreError> {
        Ok(sqlx::query_scalar("SELECT company_id FROM enrolment_code WHERE code_hash = $1")
            .bind(code.hash().as_slice())
            .fetch_optional(&self.pool)
            .await?)
    }
}

async fn insert(
    tx: &mut TenantTx,
    edge: EdgeId,
    site: SiteId,
    applicant: &Applicant,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO edge_key (edge_id, company_id, site_id, public_key, state, enrolled_at)
         VALUES ($1, $2, $3, $4, 'active', $5)",
    )
    .bind(edge)
    .bind(tx.company())
    .bind(site)
    .bind(applicant.public_key.as_slice())
    .bind(now)
    .execute(tx.connection())
    .await?;
    sqlx::query(
        "INSERT INTO edge (company_id, edge_id, name, state, enrolled_at, app_version, scope_ver)
         VALUES ($1, $2, $3, 'active', $4, $5, 1)",
    )
    .bind(tx.company())
    .bind(edge)
    .bind(&applicant.name)
    .bind(now)
    .bind(&applicant.app_version)
    .execute(tx.connection())
    .await?;
    sqlx::query("INSERT INTO edge_site (company_id, edge_id, site_id) VALUES ($1, $2, $3)")
        .bind(tx.company())
        .bind(edge)
        .bind(site)
        .execute(tx.connection())
        .await?;
    let entry = Entry::new("edge.enrol", edge.to_string())
        .after(&serde_json::json!({ "site": site, "name": applicant.name }));
    let author = Author { actor: tx.actor(), via: Via::Sync, at: now };
    audit::write(tx, author, &[entry]).await
}

/// The sites that an edge serves.
///
/// # Errors
/// The database's.
pub async fn sites(tx: &mut TenantTx, edge: EdgeId) -> Result<Vec<SiteId>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT site_id FROM edge_site WHERE company_id = $1 AND edge_id = $2 ORDER BY site_id",
    )
    .bind(tx.company())
    .bind(edge)
    .fetch_all(tx.connection())
    .await?)
}

/// Gives an edge a site that it made.
pub(super) async fn add_site(tx: &mut TenantTx, edge: EdgeId, site: SiteId) -> Result<(), StoreError> {
    let added = sqlx::query(
        "INSERT INTO edge_site (company_id, edge_id, site_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(tx.company())
    .bind(edge)
    .bind(site)
    .execute(tx.connection())
    .await?;
    if added.rows_affected() > 0 {
        sqlx::query("UPDATE edge SET scope_ver = scope_ver + 1 WHERE company_id = $1 AND edge_id = $2")
            .bind(tx.company())
            .bind(edge)
            .execute(tx.connection())
            .await?;
    }
    Ok(())
}

/// The version of an edge's scope.
///
/// # Errors
/// The database's, or no such edge.
pub async fn scope_ver(tx: &mut TenantTx, edge: EdgeId) -> Result<u32, StoreError> {
    let ver: i32 = sqlx::query_scalar("SELECT scope_ver FROM edge WHERE company_id = $1 AND edge_id = $2")
        .bind(tx.company())
        .bind(edge)
        .fetch_one(tx.connection())
        .await?;
    Ok(u32::try_from(ver).unwrap_or_default())
}

/// Notes what an edge said of itself.
///
/// # Errors
/// The database's.
pub async fn seen(
    tx: &mut TenantTx,
    edge: EdgeId,
    app_version: &str,
    hello: &serde_json::Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE edge SET last_seen = $3, app_version = $4, hello = $5 WHERE company_id = $1 AND edge_id = $2",
    )
    .bind(tx.company())
    .bind(edge)
    .bind(now)
    .bind(app_version.chars().filter(|c| !c.is_control()).take(64).collect::<String>())
    .bind(hello)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Whether an edge has been met under this origin.
///
/// # Errors
/// The database's.
pub async fn knows_origin(tx: &mut TenantTx, edge: EdgeId, origin: Origin) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM origin_state WHERE company_id = $1 AND edge_id = $2 AND origin = $3)",
    )
    .bind(tx.company())
    .bind(edge)
    .bind(origin.number())
    .fetch_one(tx.connection())
    .await?)
}

/// Notes that an edge comes under an origin that is new in a feed epoch in which it already had one: its data folder was put
/// back from a copy, or is one. Says whether that is so.
///
/// # Errors
/// The database's.
pub async fn note_new_life(
    tx: &mut TenantTx,
    edge: EdgeId,
    origin: Origin,
    waiting: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let noted = sqlx::query(
        "UPDATE edge SET new_life_at = $4, new_life_rows = $5
         WHERE company_id = $1 AND edge_id = $2 AND EXISTS (
             SELECT FROM origin_state former JOIN origin_state new USING (company_id, edge_id, stream, epoch_born)
             WHERE company_id = $1 AND edge_id = $2 AND stream = 'R' AND new.origin = $3 AND former.origin <> $3)",
    )
    .bind(tx.company())
    .bind(edge)
    .bind(origin.number())
    .bind(now)
    .bind(waiting)
    .execute(tx.connection())
    .await?;
    if noted.rows_affected() == 0 {
        return Ok(false);
    }
    let entry = Entry::new("edge.new_life", edge.to_string())
        .after(&serde_json::json!({ "origin": origin, "waiting": waiting }));
    let author = Author { actor: tx.actor(), via: Via::Sync, at: now };
    audit::write(tx, author, &[entry]).await?;
    Ok(true)
}

/// Revokes an enrolment: the edge keeps collecting and says so, the cloud takes nothing from it. Says whether it was in
/// force.
///
/// # Errors
/// The database's.
pub async fn retire(tx: &mut TenantTx, edge: EdgeId, author: Author) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE edge SET state = 'retired', retired_at = $3
         WHERE company_id = $1 AND edge_id = $2 AND state = 'active'",
    )
    .bind(tx.company())
    .bind(edge)
    .bind(author.at)
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query(
        "UPDATE edge_key SET state = 'retired', retired_at = $3 WHERE company_id = $1 AND edge_id = $2",
    )
    .bind(tx.company())
    .bind(edge)
    .bind(author.at)
    .execute(tx.connection())
    .await?;
    audit::write(tx, author, &[Entry::new("edge.retire", edge.to_string())]).await?;
    Ok(true)
}

/// The company's edges, the newest first.
///
/// # Errors
/// The database's, or a row that cannot be read.
pub async fn list(tx: &mut TenantTx) -> Result<Vec<EdgeRow>, StoreError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        edge_id: EdgeId,
        name: String,
        sites: Vec<SiteId>,
        state: String,
        enrolled_at: DateTime<Utc>,
        last_seen: Option<DateTime<Utc>>,
        app_version: Option<String>,
        hello: Option<serde_json::Value>,
        new_life_at: Option<DateTime<Utc>>,
        new_life_rows: Option<i64>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT e.edge_id, e.name, e.state, e.enrolled_at, e.app_version, e.hello,
                e.new_life_at, e.new_life_rows,
                greatest(e.last_seen, (SELECT max(o.last_seen) FROM origin_state o
                                       WHERE o.company_id = e.company_id AND o.edge_id = e.edge_id)) AS last_seen,
                ARRAY (SELECT s.site_id FROM edge_site s
                       WHERE s.company_id = e.company_id AND s.edge_id = e.edge_id ORDER BY s.site_id) AS sites
         FROM edge e WHERE e.company_id = $1 ORDER BY e.enrolled_at DESC, e.edge_id",
    )
    .bind(tx.company())
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            let Row { edge_id: id, name, sites, state, enrolled_at, last_seen, app_version, hello, .. } = row;
            let new_life = row.new_life_at.zip(row.new_life_rows);
            let state = state_of(&state).ok_or_else(|| StoreError::Corrupt {
                table: "edge",
                id: id.to_string(),
                cause: "unknown state".to_owned(),
            })?;
            Ok(EdgeRow { id, name, sites, state, enrolled_at, last_seen, app_version, hello, new_life })
        })
        .collect()
}

fn state_of(text: &str) -> Option<EdgeState> {
    [EdgeState::Active, EdgeState::Retired].into_iter().find(|state| state.as_str() == text)
}

async fn key_of(connection: &mut PgConnection, edge: EdgeId) -> Result<Option<EdgeKey>, StoreError> {
    let row: Option<(CompanyId, Vec<u8>, String)> =
        sqlx::query_as("SELECT company_id, public_key, state FROM edge_key WHERE edge_id = $1")
            .bind(edge)
            .fetch_optional(connection)
            .await?;
    let Some((company, key, state)) = row else { return Ok(None) };
    let corrupt =
        |cause: &str| StoreError::Corrupt { table: "edge_key", id: edge.to_string(), cause: cause.into() };
    Ok(Some(EdgeKey {
        company,
        public_key: key.try_into().map_err(|_| corrupt("the key is not 32 bytes"))?,
        state: state_of(&state).ok_or_else(|| corrupt("unknown state"))?,
    }))
}
