//! `status`, `config check` and `doctor`: looking without changing.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use shared_model::Clock as _;

use super::Report;
use crate::clock::SystemClock;
use crate::config::{BadConfig, Config, DatabaseSource};
use crate::database::Database;
use crate::private_postgres::Installation;
use crate::store::{CompanyAccess, Store, attention, audit, edge, grant, quarantine, schema, tally};

pub(super) fn config(settings: &Config) -> Result<Report> {
    let source = DatabaseSource::from_environment()?;
    let database = database_words(&source);
    let text = format!("{}\n# database: {database}", toml::to_string(settings)?);
    let mut json = serde_json::to_value(settings)?;
    json["database"]["source"] = json!(database);
    Ok(Report::new(json, text))
}

fn database_words(source: &DatabaseSource) -> String {
    match source {
        DatabaseSource::Private => "a private PostgreSQL in the data folder".to_owned(),
        DatabaseSource::External { owner, app } => format!(
            "{}:{}, served as {}{}",
            app.get_host(),
            app.get_port(),
            app.get_username(),
            owner.as_ref().map(|owner| format!(", migrated as {}", owner.get_username())).unwrap_or_default(),
        ),
    }
}

pub(super) async fn status(store: &Store) -> Result<Report> {
    let now = SystemClock.now();
    let mut companies = Vec::new();
    let mut text = Vec::new();
    for company in store.companies().await? {
        let mut tx = store.begin(&CompanyAccess::of_system(company.company_id)).await?;
        let clocks = tally::by_clock(&mut tx).await?;
        let punches: i64 = clocks.iter().map(|clock| clock.punches).sum();
        let edges = edge::list(&mut tx).await?;
        let quarantined = quarantine::open_count(&mut tx).await?;
        let waiting = attention::count(&mut tx).await?;
        let last = clocks.iter().map(|clock| clock.last_instant).max();
        text.push(format!(
            "{}  {}: {punches} punches of {} clocks, {} edges, {quarantined} in quarantine",
            company.company_id,
            company.name,
            clocks.len(),
            edges.len()
        ));
        for (edge, (at, rows)) in edges.iter().filter_map(|edge| Some((edge, edge.new_life?))) {
            text.push(format!(
                "    {}: its data folder was restored or copied; noticed {}, {rows} rows waited then",
                edge.name,
                at.format("%Y-%m-%d %H:%M UTC")
            ));
        }
        for edge in edges.iter().filter(|edge| edge.is_ahead()) {
            text.push(format!("    {}", ahead_words(&edge.name)));
        }
        if waiting.count() > 0 {
            text.push(format!("    needs attention: {}", attention_words(waiting)));
        }
        companies.push(json!({
            "company": company.company_id, "name": company.name, "punches": punches, "quarantined": quarantined, "attention": waiting,
            "last_punch": last, "clocks": clocks.iter().map(|clock| json!({
                "serial": clock.serial, "punches": clock.punches, "last_punch": clock.last_instant,
            })).collect::<Vec<_>>(),
            "edges": edges.iter().map(|edge| json!({
                "edge": edge.id, "name": edge.name, "state": edge.state.as_str(), "last_seen": edge.last_seen,
                "new_life_at": edge.new_life.map(|(at, _)| at), "new_life_rows": edge.new_life.map(|(_, rows)| rows),
                "cloud_regressed": edge.is_ahead(),
            })).collect::<Vec<_>>(),
        }));
    }
    if text.is_empty() {
        text.push("There is no company yet.".to_owned());
    }
    let jobs = store.job_backlog(now).await?;
    if jobs.failing > 0 {
        text.push(format!("{} jobs fail; the server's log says why", jobs.failing));
    }
    let jobs = json!({ "due": jobs.due, "failing": jobs.failing });
    Ok(Report::new(json!({ "at": now, "companies": companies, "jobs": jobs }), text.join("\n")))
}

/// One thing looked at.
struct Finding {
    what: &'static str,
    good: bool,
    words: String,
}

pub(super) async fn doctor(data: &Path, settings: Result<Config, BadConfig>) -> Report {
    let mut findings = Vec::new();
    let mut found = |what, result: Result<String, String>| {
        let good = result.is_ok();
        findings.push(Finding { what, good, words: result.unwrap_or_else(|words| words) });
    };
    found("settings", settings.map(|_| "readable".to_owned()).map_err(|e| e.to_string()));
    let source = DatabaseSource::from_environment();
    if matches!(source, Ok(DatabaseSource::Private)) {
        let installation = Installation::find(None);
        found(
            "PostgreSQL",
            installation.map(|i| format!("version {} installed", i.major())).map_err(|e| e.to_string()),
        );
    }
    match source {
        Err(error) => found("database", Err(error.to_string())),
        Ok(source) => match Database::attach(&source, data, SystemClock.now()).await {
            Err(error) => found("database", Err(chain(&error))),
            Ok(database) => {
                let newest = schema::newest();
                found("database", Ok(format!("reachable; schema {newest}; the serving role owns nothing")));
                let audits = verify_audits(&database.store).await;
                found("audit logs", audits.map_err(|e| e.to_string()));
                found("shared keys", shared_keys(&database.store).await);
                found("edges", edges_ahead(&database.store).await);
                found("approvers", unlinked_approvers(&database.store).await);
                database.close().await;
            }
        },
    }
    let good = findings.iter().all(|finding| finding.good);
    let line = |finding: &Finding| {
        format!("{}  {}: {}", if finding.good { "ok " } else { "BAD" }, finding.what, finding.words)
    };
    let text: Vec<String> = findings.iter().map(line).collect();
    let json: Vec<Value> = findings
        .iter()
        .map(|finding| json!({ "what": finding.what, "good": finding.good, "words": finding.words }))
        .collect();
    Report::findings(json!({ "good": good, "findings": json }), text.join("\n"), good)
}

async fn verify_audits(store: &Store) -> Result<String, crate::store::StoreError> {
    let mut rows = 0;
    let companies = store.companies().await?;
    for company in &companies {
        let mut tx = store.begin(&CompanyAccess::of_system(company.company_id)).await?;
        rows += audit::verify(&mut tx).await?;
    }
    Ok(format!("{rows} rows of {} companies fit their chains", companies.len()))
}

fn attention_words(waiting: attention::Waiting) -> String {
    format!(
        "{} numbers shared by records in use, {} records without their number; see the page /attention",
        waiting.shared_keys, waiting.without_key
    )
}

/// Whether two records in use have one key anywhere; says in which company.
async fn shared_keys(store: &Store) -> Result<String, String> {
    let mut found = Vec::new();
    for company in store.companies().await.map_err(|e| chain(&e))? {
        let access = CompanyAccess::of_system(company.company_id);
        let mut tx = store.begin(&access).await.map_err(|e| chain(&e))?;
        let waiting = attention::count(&mut tx).await.map_err(|e| chain(&e))?;
        if waiting.count() > 0 {
            found.push(format!("{}: {}", company.name, attention_words(waiting)));
        }
    }
    if found.is_empty() { Ok("none".to_owned()) } else { Err(found.join("; ")) }
}

fn ahead_words(edge: &str) -> String {
    format!(
        "edge {edge} knows more than this database: it was restored to an earlier time; run `muster-cloud restored`"
    )
}

/// Whether an edge holds back because this database knows less than it had acknowledged; says which.
async fn edges_ahead(store: &Store) -> Result<String, String> {
    let mut found = Vec::new();
    for company in store.companies().await.map_err(|e| chain(&e))? {
        let access = CompanyAccess::of_system(company.company_id);
        let mut tx = store.begin(&access).await.map_err(|e| chain(&e))?;
        let edges = edge::list(&mut tx).await.map_err(|e| chain(&e))?;
        let ahead = edges.iter().filter(|edge| edge.is_ahead());
        found.extend(ahead.map(|edge| format!("{}: {}", company.name, ahead_words(&edge.name))));
    }
    if found.is_empty() { Ok("none knows more than this database".to_owned()) } else { Err(found.join("; ")) }
}

/// Who decides about phone punches without being known as an employee. Not a fault: an owner may be none.
async fn unlinked_approvers(store: &Store) -> Result<String, String> {
    let mut found = Vec::new();
    for company in store.companies().await.map_err(|e| chain(&e))? {
        let access = CompanyAccess::of_system(company.company_id);
        let mut tx = store.begin(&access).await.map_err(|e| chain(&e))?;
        let unlinked = grant::unlinked(&mut tx, SystemClock.now()).await.map_err(|e| chain(&e))?;
        if !unlinked.is_empty() {
            found.push(format!("{}: {}", company.name, unlinked.join(", ")));
        }
    }
    if found.is_empty() {
        return Ok("each with a grant is linked to an employee".to_owned());
    }
    Ok(format!(
        "linked to no employee, so that nothing keeps them from deciding about their own punches: {}; whoever is an \
         employee: `muster-cloud employee-account link`",
        found.join("; ")
    ))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}
