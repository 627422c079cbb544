//! The cloud's own PostgreSQL: made from nothing, taken over after every kind of end.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use cloud_server::private_postgres::{PrivatePostgres, StartError};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tempfile::TempDir;

/// A folder that the server's account may pass through even when the tests run as root.
fn folder() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))?;
    Ok(folder)
}

async fn owner_query(server: &PrivatePostgres, statement: &'static str) -> Result<i64> {
    let mut connection = PgConnection::connect_with(&server.owner()).await?;
    let value = sqlx::query_scalar(statement).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(value)
}

fn postmaster(data: &Path) -> Result<Pid> {
    let text = std::fs::read_to_string(data.join("postgres/cluster/postmaster.pid"))?;
    let pid = text.lines().next().context("an empty postmaster.pid")?.parse()?;
    Pid::from_raw(pid).context("no pid")
}

#[tokio::test]
async fn it_is_made_from_nothing_and_keeps_what_was_committed() -> Result<()> {
    let folder = folder()?;
    let data = folder.path().join("data");
    let server = PrivatePostgres::start(&data).await?;
    owner_query(&server, "WITH made AS (SELECT 1) SELECT count(*) FROM made").await?;
    let mut owner = PgConnection::connect_with(&server.owner()).await?;
    sqlx::raw_sql("CREATE TABLE kept AS SELECT 41::bigint AS n").execute(&mut owner).await?;
    let listens: String = sqlx::query_scalar("SHOW listen_addresses").fetch_one(&mut owner).await?;
    assert_eq!(listens, "", "on the socket only");
    drop(owner);
    let mode = std::fs::metadata(data.join("postgres"))?.permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
    let pid = postmaster(&data)?;
    server.stop().await;
    assert!(rustix::process::test_kill_process(pid).is_err(), "nothing is left running");

    let server = PrivatePostgres::start(&data).await?;
    assert_eq!(owner_query(&server, "SELECT n FROM kept").await?, 41);
    server.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_folder_in_use_is_refused() -> Result<()> {
    let folder = folder()?;
    let server = PrivatePostgres::start(folder.path()).await?;
    let second = PrivatePostgres::start(folder.path()).await;
    assert!(matches!(second, Err(StartError::Locked(_))), "{second:?}");
    server.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_killed_server_comes_back_by_itself() -> Result<()> {
    let folder = folder()?;
    let server = PrivatePostgres::start(folder.path()).await?;
    let mut owner = PgConnection::connect_with(&server.owner()).await?;
    sqlx::raw_sql("CREATE TABLE kept AS SELECT 41::bigint AS n").execute(&mut owner).await?;
    kill_process(postmaster(folder.path())?, Signal::KILL)?;
    let came_back = async {
        while owner_query(&server, "SELECT n FROM kept").await.ok() != Some(41) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), came_back).await?;
    server.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_pid_file_that_names_another_process_is_cleared() -> Result<()> {
    let folder = folder()?;
    let server = PrivatePostgres::start(folder.path()).await?;
    server.stop().await;
    // What a container leaves after a kill: the number now belongs to somebody else (here: to us).
    let stale = format!("{}\n{}\n", std::process::id(), folder.path().join("postgres/cluster").display());
    std::fs::write(folder.path().join("postgres/cluster/postmaster.pid"), &stale)?;
    std::fs::write(folder.path().join("postgres/run/.s.PGSQL.5432.lock"), &stale)?;
    let server = PrivatePostgres::start(folder.path()).await?;
    assert_eq!(owner_query(&server, "SELECT 1::bigint").await?, 1);
    server.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_database_that_is_gone_is_missed_and_not_made_anew() -> Result<()> {
    let folder = folder()?;
    let data = folder.path().join("data");
    PrivatePostgres::start(&data).await?.stop().await;
    let aside = folder.path().join("aside");
    for gone in ["postgres/cluster", "postgres"] {
        std::fs::rename(data.join(gone), &aside)?;
        let refused = PrivatePostgres::start(&data).await.err().context("it starts without its database")?;
        let words = refused.to_string();
        assert!(words.contains("postgres/cluster is gone") && words.contains("backup"), "{words}");
        assert!(!data.join("postgres/cluster").exists(), "nothing was made in its place");
        let _ = std::fs::remove_dir_all(data.join(gone));
        std::fs::rename(&aside, data.join(gone))?;
    }
    PrivatePostgres::start(&data).await?.stop().await;

    // Another database in its place is not taken for it, until a person says so.
    let other = folder.path().join("other");
    PrivatePostgres::start(&other).await?.stop().await;
    std::fs::rename(data.join("postgres/cluster"), &aside)?;
    std::fs::rename(other.join("postgres/cluster"), data.join("postgres/cluster"))?;
    let refused = PrivatePostgres::start(&data).await.err().context("it starts with another database")?;
    assert!(refused.to_string().contains("another database"), "{refused}");
    std::fs::remove_file(data.join("muster-cloud.cluster"))?;
    PrivatePostgres::start(&data).await?.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_deep_folder_has_its_socket_elsewhere() -> Result<()> {
    let folder = folder()?;
    let deep = folder.path().join("a-folder-whose-name-is-long-enough-to-matter/".repeat(3));
    let server = PrivatePostgres::start(&deep).await?;
    assert_eq!(owner_query(&server, "SELECT 1::bigint").await?, 1);
    server.stop().await;
    Ok(())
}
