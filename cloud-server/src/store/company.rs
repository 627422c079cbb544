//! Companies and their sites.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use shared_model::entity::{self, Entity as _, Weekday};
use shared_model::text::{Code, Name};
use shared_model::{CompanyId, Entropy, Kind, SiteId, ZoneHistory};
use sqlx::postgres::PgConnection;
use sync_protocol::Record;

use super::audit::{self, Author, Entry};
use super::own_change::{self, OwnChangeError};
use super::{CompanyAccess, Store, StoreError, TenantTx, feed, origin, record};

/// A company as the operator's list shows it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CompanyRow {
    /// Its id.
    pub company_id: CompanyId,
    /// Its name.
    pub name: String,
    /// Its plan.
    pub plan: String,
    /// `active` or `suspended`.
    pub state: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteRow {
    /// Its id.
    pub id: SiteId,
    /// Its name.
    pub name: String,
    /// Its short code.
    pub code: String,
    /// Its time zones.
    pub zones: ZoneHistory,
    /// Whether it still works.
    pub active: bool,
}

impl Store {
    /// Makes a company under a new id, with its feed, the cloud's own origin and its settings' record.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_company(
        &self,
        company: CompanyId,
        name: &Name,
        locale: &Code,
        author: Author,
        entropy: &(impl Entropy + ?Sized),
    ) -> Result<(), OwnChangeError> {
        let mut tx = self.begin(&CompanyAccess::of_operator(company, author.actor)).await?;
        sqlx::query(
            "INSERT INTO company (company_id, name, plan, state, created_at) VALUES ($1, $2, 'standard', 'active', $3)",
        )
        .bind(company)
        .bind(name.as_str())
        .bind(author.at)
        .execute(tx.connection())
        .await
        .map_err(StoreError::from)?;
        let ours = feed::start(&mut tx, entropy).await?;
        origin::open(&mut tx, ours, None, 1, author.at).await?;
        let settings =
            entity::Company { name: name.clone(), week_starts_on: Weekday::Saturday, locale: locale.clone() };
        own_change::create(&mut tx, company.uuid(), &settings, author).await?;
        let entry = Entry::new("company.add", company.to_string());
        let entry = entry.after(&serde_json::json!({ "name": name.as_str() }));
        audit::write_operator(tx.connection(), author, Some(company), &entry).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Every company, by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn companies(&self) -> Result<Vec<CompanyRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT company_id, name, plan, state, created_at FROM company ORDER BY lower(name), company_id",
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// One company.
    ///
    /// # Errors
    /// The database's.
    pub async fn company(&self, company: CompanyId) -> Result<Option<CompanyRow>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT company_id, name, plan, state, created_at FROM company WHERE company_id = $1",
        )
        .bind(company)
        .fetch_optional(&self.pool)
        .await?)
    }

    /// The operator looks into one company: an entry in the operator's log, then access to that company only.
    ///
    /// # Errors
    /// The database's.
    pub async fn enter_as_operator(
        &self,
        company: CompanyId,
        author: Author,
        reason: &'static str,
    ) -> Result<CompanyAccess, StoreError> {
        let mut tx = self.pool.begin().await?;
        audit::write_operator(&mut tx, author, Some(company), &Entry::new("company.enter", reason)).await?;
        tx.commit().await?;
        Ok(CompanyAccess::of_operator(company, author.actor))
    }
}

/// A company's name.
pub(super) async fn name(connection: &mut PgConnection, company: CompanyId) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar("SELECT name FROM company WHERE company_id = $1")
        .bind(company)
        .fetch_one(connection)
        .await?)
}

/// Adds a site in one time zone, under a new id.
///
/// # Errors
/// [`OwnChangeError`]; a code that another site has is kept by both, and a conflict row says so.
pub async fn add_site(
    tx: &mut TenantTx,
    site: SiteId,
    name: &Name,
    code: &Code,
    zone: Tz,
    author: Author,
) -> Result<(), OwnChangeError> {
    let row = entity::Site {
        name: name.clone(),
        code: code.clone(),
        zones: ZoneHistory::single(zone),
        address: None,
        latitude_e7: None,
        longitude_e7: None,
        radius_m: None,
        active: true,
    };
    own_change::create(tx, site.uuid(), &row, author).await
}

/// The company's sites, by name.
///
/// # Errors
/// The database's.
pub async fn sites(tx: &mut TenantTx) -> Result<Vec<SiteRow>, StoreError> {
    let mut rows: Vec<SiteRow> = Vec::new();
    for (key, Record { fields, .. }) in record::all(tx, Kind::Site).await? {
        // A site that lacks something is shown all the same.
        let text = |tag: u16| fields.get(&shared_model::FieldTag(tag)).and_then(serde_json::Value::as_str);
        let zones = entity::Site::from_fields(&fields)
            .map_or_else(|_| ZoneHistory::single(Tz::UTC), |site| site.zones);
        rows.push(SiteRow {
            id: SiteId::from_uuid(key),
            name: text(1).unwrap_or_default().to_owned(),
            code: text(2).unwrap_or_default().to_owned(),
            zones,
            active: fields
                .get(&shared_model::FieldTag(8))
                .and_then(serde_json::Value::as_bool)
                .unwrap_or(true),
        });
    }
    rows.sort_by(|a, b| a.name.to_lowercase().cmp(&b.name.to_lowercase()).then(a.id.cmp(&b.id)));
    Ok(rows)
}
