//! What the database's own catalog says about the separation of companies.
//!
//! These tests read the schema that the migrations made, so a table added later is judged without a test being written
//! for it.

use std::collections::BTreeMap;

use anyhow::Result;
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::store::{CompanyAccess, company};
use shared_model::record::FieldType;
use shared_model::text::{Code, Name};
use shared_model::{CompanyId, Kind, SiteId};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use system_tests::cloud_http::author;
use system_tests::postgres::TestDatabase;

/// The global tables that hold a `company_id`: what must be found before the company is known, and what is the
/// operator's. Reviewed by hand; everything else with a `company_id` is a company's.
const GLOBAL: &[&str] = &[
    "company",
    "membership",
    "session",
    "enrolment_code",
    "edge_key",
    "clock_serial",
    "mobile_code",
    "mobile_session",
    "job",
    "operator_audit",
];

/// The global tables without one: nothing in them belongs to a company.
const GLOBAL_WITHOUT_COMPANY: &[&str] =
    &["_sqlx_migrations", "app_privilege", "app_user", "operator_audit_head", "password_token", "plan"];

async fn connect(database: &TestDatabase) -> Result<PgConnection> {
    Ok(PgConnection::connect_with(&database.superuser()).await?)
}

/// `(name, has a company_id, is a partition)` of every table.
async fn tables(connection: &mut PgConnection) -> Result<Vec<(String, bool, bool)>> {
    Ok(sqlx::query_as(
        "SELECT c.relname::text,
                EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'company_id'),
                c.relispartition
         FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
         ORDER BY c.relname",
    )
    .fetch_all(connection)
    .await?)
}

#[tokio::test]
async fn every_table_is_a_companys_or_in_the_reviewed_list() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let mut connection = connect(&database).await?;
    let all = tables(&mut connection).await?;
    let strangers: Vec<&str> = all
        .iter()
        .filter(|(name, has_company, _)| !has_company && !GLOBAL_WITHOUT_COMPANY.contains(&name.as_str()))
        .map(|(name, ..)| name.as_str())
        .collect();
    assert_eq!(strangers, Vec::<&str>::new(), "tables without company_id that nobody reviewed");
    for listed in GLOBAL.iter().chain(GLOBAL_WITHOUT_COMPANY) {
        assert!(all.iter().any(|(name, ..)| name == listed), "{listed} is listed but does not exist");
    }
    assert!(all.len() > 60, "the catalog was read: {} tables", all.len());
    Ok(())
}

/// The company tables that break a rule of separation, each with the rule.
async fn violations(connection: &mut PgConnection) -> Result<Vec<String>> {
    let found: Vec<String> = sqlx::query_scalar(
        "WITH company_table AS (
             SELECT c.* FROM pg_class c
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
               AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'company_id')
               AND NOT c.relname = ANY ($1)
         )
         SELECT relname || ': row-level security is not forced' FROM company_table
         WHERE NOT (relrowsecurity AND relforcerowsecurity)
         UNION ALL
         SELECT relname || ': has not exactly the one policy for every command, with USING and WITH CHECK'
         FROM company_table t
         WHERE 1 <> (SELECT count(*) FROM pg_policy p WHERE p.polrelid = t.oid)
            OR NOT EXISTS (
                SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polcmd = '*' AND p.polpermissive
                AND pg_get_expr(p.polqual, p.polrelid) = $2 AND pg_get_expr(p.polwithcheck, p.polrelid) = $2)
         UNION ALL
         SELECT t.relname || ': company_id may be NULL' FROM company_table t
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'company_id'
         WHERE NOT a.attnotnull OR a.atttypid <> 'uuid'::regtype
         UNION ALL
         SELECT t.relname || ': index ' || i.indexrelid::regclass || ' is not led by company_id'
         FROM company_table t JOIN pg_index i ON i.indrelid = t.oid
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'company_id'
         WHERE i.indkey[0] <> a.attnum
         UNION ALL
         SELECT t.relname || ': has no primary key' FROM company_table t
         WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)
         UNION ALL
         SELECT t.relname || ': foreign key ' || k.conname || ' is not led by company_id on both sides'
         FROM company_table t JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'f'
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'company_id'
         LEFT JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attname = 'company_id'
         WHERE k.conkey[1] IS DISTINCT FROM a.attnum OR k.confkey[1] IS DISTINCT FROM b.attnum
            OR k.confrelid IN (SELECT oid FROM pg_class WHERE relname = ANY ($1))
         UNION ALL
         SELECT t.relname || ': a partition is granted to ' || g.grantee::regrole FROM company_table t,
              aclexplode(t.relacl) g
         WHERE t.relispartition AND g.grantee <> t.relowner
         UNION ALL
         SELECT t.relname || ': ' || g.privilege_type || ' is granted to ' || g.grantee::regrole
         FROM company_table t, aclexplode(t.relacl) g
         WHERE g.grantee <> t.relowner AND g.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
         UNION ALL
         SELECT t.relname || ': everybody may ' || g.privilege_type FROM company_table t, aclexplode(t.relacl) g
         WHERE g.grantee = 0",
    )
    .bind(GLOBAL)
    .bind("(company_id = (NULLIF(current_setting('app.company_id'::text, true), ''::text))::uuid)")
    .fetch_all(connection)
    .await?;
    Ok(found)
}

#[tokio::test]
async fn every_company_table_is_closed_and_led_by_company_id() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let mut connection = connect(&database).await?;
    assert_eq!(violations(&mut connection).await?, Vec::<String>::new());
    Ok(())
}

/// The check above must see what it is there for.
#[tokio::test]
async fn the_catalog_check_sees_each_violation() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let mut connection = connect(&database).await?;
    for (breakage, seen) in [
        (
            "CREATE TABLE leak (company_id uuid NOT NULL, n int, PRIMARY KEY (company_id, n))",
            "leak: row-level security",
        ),
        ("ALTER TABLE ledger NO FORCE ROW LEVEL SECURITY", "ledger: row-level security"),
        ("DROP POLICY own_company ON ledger_default", "ledger_default: has not exactly the one policy"),
        ("CREATE POLICY second ON audit USING (true)", "audit: has not exactly the one policy"),
        (
            "GRANT SELECT ON ledger_default TO muster_app",
            "ledger_default: a partition is granted to muster_app",
        ),
        ("GRANT TRUNCATE ON ledger_log TO muster_app", "ledger_log: TRUNCATE is granted to muster_app"),
        (
            "CREATE UNIQUE INDEX bad ON rec_employee (code)",
            "rec_employee: index bad is not led by company_id",
        ),
        (
            "ALTER TABLE edge ADD CONSTRAINT out FOREIGN KEY (company_id) REFERENCES company",
            "edge: foreign key out",
        ),
    ] {
        let mut tx = connection.begin().await?;
        sqlx::raw_sql(AssertSqlSafe(breakage)).execute(&mut *tx).await?;
        let found = violations(&mut tx).await?;
        assert!(found.iter().any(|line| line.starts_with(seen)), "{breakage} went unseen: {found:?}");
        tx.rollback().await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_ledger_and_the_logs_are_only_added_to() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let mut connection = connect(&database).await?;
    for table in ["ledger", "ledger_log", "observation", "audit", "operator_audit"] {
        let granted: Vec<String> = sqlx::query_scalar(
            "SELECT privilege_type::text FROM information_schema.role_table_grants
             WHERE table_name = $1 AND grantee = 'muster_app' ORDER BY 1",
        )
        .bind(table)
        .fetch_all(&mut connection)
        .await?;
        assert_eq!(granted, ["INSERT", "SELECT"], "{table}");
        // Not even the owner or a superuser: triggers refuse it.
        for change in [format!("TRUNCATE {table}")] {
            let refused = sqlx::raw_sql(AssertSqlSafe(change)).execute(&mut connection).await.unwrap_err();
            assert!(refused.to_string().contains("append-only"), "{table}: {refused}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_ledger_has_a_partition_for_each_month_around_now() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let mut connection = connect(&database).await?;
    let months: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'ledger'::regclass AND c.relname ~ '^ledger_[0-9]{4}_[0-9]{2}$'",
    )
    .fetch_one(&mut connection)
    .await?;
    assert_eq!(months, 24 + 1 + 18);
    let bound: String =
        sqlx::query_scalar("SELECT ledger_bound('2026-11-01')::text").fetch_one(&mut connection).await?;
    let first = shared_model::RawTime::new("2026-11-01T00:00:00".parse()?);
    assert_eq!(bound, shared_model::PunchId::lower_bound(first).to_string());
    Ok(())
}

#[tokio::test]
async fn each_kind_of_record_has_its_fields_as_columns() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let mut connection = connect(&database).await?;
    for kind in Kind::ALL {
        let columns: Vec<(String, String)> = sqlx::query_as(
            "SELECT column_name::text, udt_name::text FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = 'rec_' || $1
               AND column_name NOT IN ('company_id', 'key', 'ext', 'vv', 'dots', 'deleted_dot', 'fseq')
             ORDER BY ordinal_position",
        )
        .bind(kind.as_str())
        .fetch_all(&mut connection)
        .await?;
        let expected: Vec<(String, String)> = kind
            .fields()
            .iter()
            .map(|field| {
                let ty = match field.ty {
                    FieldType::Bool => "bool",
                    FieldType::Int => "int8",
                    FieldType::Text { .. } => "text",
                    FieldType::Id => "uuid",
                    FieldType::Date => "date",
                    FieldType::WallTime => "timestamp",
                    FieldType::Instant => "timestamptz",
                    FieldType::Json { .. } => "jsonb",
                };
                (field.name.to_owned(), ty.to_owned())
            })
            .collect();
        assert_eq!(columns, expected, "{}", kind.as_str());
    }
    Ok(())
}

#[tokio::test]
async fn a_record_is_written_only_with_a_logged_change() -> Result<()> {
    let database = TestDatabase::migrated().await?;
    let store = database.store().await?;
    let company = CompanyId::mint(&SystemClock, &OsEntropy);
    store.add_company(company, &Name::parse("K")?, &Code::parse("en")?, author(), &OsEntropy).await?;
    for kind in Kind::ALL {
        let table = kind.as_str();
        for statement in [
            format!(
                "INSERT INTO rec_{table} (company_id, key, vv, dots, fseq)
                 VALUES ('{company}', gen_random_uuid(), '', '', 1000)"
            ),
            format!("UPDATE rec_{table} SET ext = '{{}}' WHERE company_id = '{company}'"),
        ] {
            // As the serving role, in a transaction of the company; as the superuser.
            let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
            let refused = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(tx.connection()).await;
            assert!(is_unlogged(&refused.err()), "{statement}");
            let refused =
                sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut connect(&database).await?).await;
            assert!(is_unlogged(&refused.err()), "{statement}");
        }
    }
    // The one write function leaves nothing open for the rest of its transaction.
    let mut tx = store.begin(&CompanyAccess::of_system(company)).await?;
    let site = SiteId::mint(&SystemClock, &OsEntropy);
    let (name, code) = (Name::parse("Gazipur")?, Code::parse("F1")?);
    company::add_site(&mut tx, site, &name, &code, chrono_tz::Tz::Asia__Dhaka, author()).await?;
    let refused = sqlx::raw_sql("UPDATE rec_site SET active = false").execute(tx.connection()).await;
    assert!(is_unlogged(&refused.err()));
    Ok(())
}

fn is_unlogged(error: &Option<sqlx::Error>) -> bool {
    error.as_ref().is_some_and(|error| error.to_string().contains("with a logged change only"))
}

#[test]
fn migrations_are_numbered_once_on_each_side() -> Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    for side in ["cloud", "edge"] {
        let mut numbers = BTreeMap::new();
        for file in std::fs::read_dir(folder.join(side))? {
            let name = file?.file_name().to_string_lossy().into_owned();
            let number: u32 = name.split('_').next().unwrap_or_default().parse()?;
            let other = numbers.insert(number, name.clone());
            assert_eq!(other, None, "{side}: {name} has its number too");
        }
        assert!(!numbers.is_empty(), "{side}");
    }
    Ok(())
}
