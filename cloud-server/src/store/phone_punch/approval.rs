//! What an approval does beside the record: the punch is in the ledger, its person's, and on its way to the home site's
//! edge, all in the transaction that stores the decision.

use serde_json::Value;
use shared_model::entity::{Entity as _, PhonePunch, RequestState, phone};
use shared_model::{FieldMap, Kind, PhonePunchId, Punch, SiteId};
use sync_protocol::cloud::RecordWrite;
use sync_protocol::message::FeedPunch;

use crate::store::{StoreError, TenantTx};

/// Enters the punches that these writes approve, and returns them for the feed, each with the site whose edges need it. One that
/// the ledger has (it was approved before) is not among them.
pub(in crate::store) async fn entered(
    tx: &mut TenantTx,
    records: &[RecordWrite],
) -> Result<Vec<(Option<SiteId>, FeedPunch)>, StoreError> {
    let mut entered = Vec::new();
    for write in records.iter().filter(|write| approves(write)) {
        let id = PhonePunchId::from_uuid(write.key.1);
        let corrupt =
            |cause: String| StoreError::Corrupt { table: "rec_phone_punch", id: id.to_string(), cause };
        let approved = PhonePunch::from_fields(&write.record.fields).map_err(|e| corrupt(e.to_string()))?;
        let punch = approved.punch(tx.company(), id).ok_or_else(|| corrupt("its zone is none".to_owned()))?;
        if enter(tx, &punch).await? {
            assign(tx, &approved, &punch).await?;
            entered.push((Some(home(tx, &approved).await?), FeedPunch::new(&punch, 0)));
        }
    }
    Ok(entered)
}

fn approves(write: &RecordWrite) -> bool {
    let approved = |fields: &FieldMap| {
        fields.get(&phone::STATE).and_then(Value::as_str) == Some(RequestState::Approved.as_str())
    };
    write.key.0 == Kind::PhonePunch
        && write.record.deleted.is_none()
        && approved(&write.record.fields)
        && !write.before.as_ref().is_some_and(approved)
}

async fn enter(tx: &mut TenantTx, punch: &Punch) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO ledger (company_id, punch_id, serial, user_code, raw_time, zone, instant, state, verify,
             work_code, route, received_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, '', $9, $10) ON CONFLICT DO NOTHING",
    )
    .bind(tx.company())
    .bind(punch.id.uuid())
    .bind(punch.serial.as_str())
    .bind(punch.user_code.as_str())
    .bind(punch.raw_time.wall())
    .bind(punch.zone.name())
    .bind(punch.instant)
    .bind(punch.reading.state.map(i16::from))
    .bind(i16::from(punch.route.number()))
    .bind(punch.received_at)
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Its owner is known: it goes straight to him. The day is worked out again because of the record.
async fn assign(tx: &mut TenantTx, approved: &PhonePunch, punch: &Punch) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO day_punch (company_id, employee, work_date, punch_id, part) VALUES ($1, $2, $3, $4, '')
         ON CONFLICT DO NOTHING",
    )
    .bind(tx.company())
    .bind(approved.employee)
    .bind(punch.raw_time.wall().date())
    .bind(punch.id.uuid())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Where the person is at home now: a ledger follows its people.
async fn home(tx: &mut TenantTx, approved: &PhonePunch) -> Result<SiteId, StoreError> {
    let site: Option<Option<SiteId>> =
        sqlx::query_scalar("SELECT site FROM rec_employee WHERE company_id = $1 AND key = $2")
            .bind(tx.company())
            .bind(approved.employee)
            .fetch_optional(tx.connection())
            .await?;
    Ok(site.flatten().unwrap_or(approved.site))
}
