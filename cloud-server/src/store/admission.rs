//! Whether an edge may make a change: what only the cloud can judge.
//!
//! A row's site must be one that the enrolment names, or one that the edge made itself. Rows of no site (a company-wide
//! shift, a holiday everywhere) may come from any edge of the company.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;
use shared_model::{CompanyId, EdgeId, Kind, SiteId};
use sync_protocol::cloud::Poison;
use sync_protocol::scope::site_field;
use sync_protocol::{Change, Op};
use uuid::Uuid;

use super::{StoreError, TenantTx, edge, phone_punch};

/// Judges changes of one edge, in order. A site that it makes is its own.
pub(super) async fn judge(
    tx: &mut TenantTx,
    edge: EdgeId,
    changes: &[&Change],
    now: DateTime<Utc>,
) -> Result<Vec<Result<(), Poison>>, StoreError> {
    let mut sites: BTreeSet<SiteId> = edge::sites(tx, edge).await?.into_iter().collect();
    let made =
        changes.iter().filter(|change| change.op == Op::Create && change.known_kind() == Some(Kind::Site));
    let made: Vec<Uuid> = made.map(|change| change.key).collect();
    if !made.is_empty() {
        // A key that exists already is somebody's: naming it in a create gives no right to it.
        let taken: Vec<Uuid> =
            sqlx::query_scalar("SELECT key FROM rec_site WHERE company_id = $1 AND key = ANY ($2)")
                .bind(tx.company())
                .bind(&made)
                .fetch_all(tx.connection())
                .await?;
        sites.extend(made.into_iter().filter(|key| !taken.contains(key)).map(SiteId::from_uuid));
    }
    let company = tx.company();
    let mut answers: Vec<_> = changes.iter().map(|change| judge_one(change, company, &sites)).collect();
    phone_punch::judge(tx, changes, &mut answers, now).await?;
    Ok(answers)
}

fn judge_one(change: &Change, company: CompanyId, sites: &BTreeSet<SiteId>) -> Result<(), Poison> {
    // Unknown kinds were kept aside before.
    let Some(kind) = change.known_kind() else { return Ok(()) };
    if kind == Kind::Company && change.key != company.uuid() {
        // An edge that was set up before it was enrolled named a company of its own.
        return Err(Poison { code: "company", detail: "the record is not this company's".to_owned() });
    }
    let site = if kind == Kind::Site {
        Some(SiteId::from_uuid(change.key))
    } else {
        let value = site_field(kind).and_then(|tag| change.fields.get(&tag)).and_then(Value::as_str);
        value.and_then(|text| text.parse().ok())
    };
    match site {
        Some(site) if !sites.contains(&site) => {
            Err(Poison { code: "scope", detail: format!("site {site} is none of this edge's") })
        }
        Some(_) | None => Ok(()),
    }
}
