//! The cloud's store against a real PostgreSQL, as the role that serves.

use anyhow::Result;
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::private_postgres::APP_ROLE;
use cloud_server::store::{CompanyAccess, OpenError, Store, TenantTx, Unfit, schema};
use shared_model::{Clock as _, CompanyId};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use system_tests::postgres::TestDatabase;

fn company() -> CompanyAccess {
    CompanyAccess::of_system(CompanyId::mint(&SystemClock, &OsEntropy))
}

async fn add_edge(tx: &mut TenantTx, company: CompanyId) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO edge (company_id, edge_id, name, state, enrolled_at, scope_ver)
         VALUES ($1, gen_random_uuid(), 'gate', 'active', now(), 1)",
    )
    .bind(company)
    .execute(tx.connection())
    .await
    .map(drop)
}

async fn count(tx: &mut TenantTx) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM edge").fetch_one(tx.connection()).await?)
}

#[tokio::test]
async fn a_company_sees_and_writes_only_its_own_rows() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let store = database.store().await?;
    let (ours, theirs) = (company(), company());
    let mut tx = store.begin(&ours).await?;
    add_edge(&mut tx, ours.company()).await?;
    tx.commit().await?;

    let mut tx = store.begin(&theirs).await?;
    assert_eq!(count(&mut tx).await?, 0);
    for attempt in [
        format!("UPDATE edge SET name = 'stolen' WHERE company_id = '{}'", ours.company()),
        format!("UPDATE edge SET company_id = '{}'", theirs.company()),
    ] {
        let done = sqlx::raw_sql(AssertSqlSafe(attempt)).execute(tx.connection()).await?;
        assert_eq!(done.rows_affected(), 0);
    }
    let refused = add_edge(&mut tx, ours.company()).await.unwrap_err().to_string();
    assert!(refused.contains("row-level security"), "{refused}");
    drop(tx);

    let mut tx = store.begin(&ours).await?;
    assert_eq!(count(&mut tx).await?, 1);
    let moved = format!("UPDATE edge SET company_id = '{}'", theirs.company());
    let refused = sqlx::raw_sql(AssertSqlSafe(moved)).execute(tx.connection()).await.unwrap_err().to_string();
    assert!(refused.contains("row-level security"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn without_a_company_nothing_is_seen_before_or_after_one() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let ours = company();
    let mut connection = PgConnection::connect_with(&database.app()).await?;
    let seen = "SELECT count(*) FROM edge";
    assert_eq!(sqlx::query_scalar::<_, i64>(seen).fetch_one(&mut connection).await?, 0);
    let mut tx = connection.begin().await?;
    let set = format!("SET LOCAL app.company_id = '{}'", ours.company());
    sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut *tx).await?;
    let insert = format!(
        "INSERT INTO edge (company_id, edge_id, name, state, enrolled_at, scope_ver)
         VALUES ('{}', gen_random_uuid(), 'gate', 'active', now(), 1)",
        ours.company()
    );
    sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut *tx).await?;
    tx.commit().await?;
    // The setting is now the empty string: it must mean nobody, not an error and not everybody.
    assert_eq!(sqlx::query_scalar::<_, i64>(seen).fetch_one(&mut connection).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_connection_that_keeps_a_company_is_not_lent_again() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let store = Store::open(database.app(), 1).await?;
    let ours = company();
    let mut tx = store.begin(&ours).await?;
    // What a bug would do: a plain SET survives the transaction.
    let set = format!("SET SESSION app.company_id = '{}'", ours.company());
    sqlx::raw_sql(AssertSqlSafe(set)).execute(tx.connection()).await?;
    let before: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(tx.connection()).await?;
    tx.commit().await?;
    let mut tx = store.begin(&company()).await?;
    let after: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(tx.connection()).await?;
    assert_ne!(before, after);
    Ok(())
}

#[tokio::test]
async fn the_program_cannot_change_what_is_append_only() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let store = database.store().await?;
    for table in ["ledger", "ledger_log", "observation", "audit"] {
        for change in [
            format!("UPDATE {table} SET company_id = company_id"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
        ] {
            let mut tx = store.begin(&company()).await?;
            let refused = sqlx::raw_sql(AssertSqlSafe(change)).execute(tx.connection()).await.unwrap_err();
            assert!(refused.to_string().contains("permission denied"), "{refused}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn nobody_changes_a_ledger_row_not_even_a_superuser() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let mut connection = PgConnection::connect_with(&database.superuser()).await?;
    sqlx::raw_sql(
        "INSERT INTO ledger VALUES (gen_random_uuid(), ledger_bound('2026-11-01'), 'A', '1', '2026-11-01', 'UTC',
         '2026-11-01', NULL, NULL, '', 1, now(), NULL)",
    )
    .execute(&mut connection)
    .await?;
    for change in ["UPDATE ledger SET user_code = '2'", "DELETE FROM ledger", "DELETE FROM ledger_2026_11"] {
        let refused = sqlx::raw_sql(change).execute(&mut connection).await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{change}: {refused}");
    }
    Ok(())
}

#[tokio::test]
async fn partitions_are_closed_to_the_serving_role() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let store = database.store().await?;
    let mut tx = store.begin(&company()).await?;
    let read = sqlx::raw_sql("SELECT * FROM ledger_default").execute(tx.connection()).await;
    assert!(read.unwrap_err().to_string().contains("permission denied"));
    Ok(())
}

#[tokio::test]
async fn serving_is_refused_to_superusers_owners_and_those_who_bypass() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let refusal = |options| async move {
        match Store::open(options, 1).await {
            Err(OpenError::Unfit(unfit)) => unfit,
            other => panic!("not refused: {other:?}"),
        }
    };
    assert!(matches!(refusal(database.superuser()).await, Unfit::Superuser { .. }));
    assert!(matches!(refusal(database.owner()).await, Unfit::Owner { .. }));
    let mut admin = PgConnection::connect_with(&database.superuser()).await?;
    let suffix: String = sqlx::query_scalar("SELECT current_database()::text").fetch_one(&mut admin).await?;
    for (made, setup) in [("bypass", "BYPASSRLS"), ("becomes_owner", "IN ROLE muster_owner")] {
        let role = format!("{made}_{suffix}");
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE ROLE {role} LOGIN {setup}"))).execute(&mut admin).await?;
        let unfit = refusal(database.as_role(&role)).await;
        sqlx::raw_sql(AssertSqlSafe(format!("DROP ROLE {role}"))).execute(&mut admin).await?;
        match made {
            "bypass" => assert!(matches!(unfit, Unfit::BypassesRowSecurity { .. }), "{unfit}"),
            _ => assert!(matches!(unfit, Unfit::Owner { .. }), "{unfit}"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_database_of_another_version_is_refused() -> Result<()> {
    let database = TestDatabase::empty().await?;
    assert!(matches!(Store::open(database.app(), 1).await, Err(OpenError::Schema(_))), "without tables");
    schema::migrate(&database.owner(), APP_ROLE, SystemClock.now()).await?;
    Store::open(database.app(), 1).await?.close().await;
    let mut owner = PgConnection::connect_with(&database.owner()).await?;
    sqlx::raw_sql("INSERT INTO _sqlx_migrations VALUES (999999, 'from the future', now(), true, '', 0)")
        .execute(&mut owner)
        .await?;
    let refused = Store::open(database.app(), 1).await.unwrap_err();
    assert!(matches!(refused, OpenError::Schema(schema::WrongSchema::Newer { found: 999_999 })), "{refused}");
    let refused = schema::migrate(&database.owner(), APP_ROLE, SystemClock.now()).await;
    assert!(refused.is_err(), "an older program must not migrate a newer database");
    Ok(())
}
