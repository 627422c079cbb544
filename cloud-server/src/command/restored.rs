//! `muster-cloud restored`

use anyhow::Result;
use serde_json::json;

use super::{Report, author};
use crate::clock::OsEntropy;
use crate::store::Store;

pub(super) async fn run(store: &Store) -> Result<Report> {
    let (begun, ended) = store.restored(author(), &OsEntropy).await?;
    let mut text: Vec<String> = begun
        .iter()
        .map(|epoch| format!("{}  {}: epoch {} begins", epoch.company, epoch.name, epoch.epoch))
        .collect();
    if text.is_empty() {
        text.push("There is no company yet.".to_owned());
    }
    text.push(format!(
        "Edges send again what this database lacks: at their next hello, within a quarter of an hour. {} sessions, {} \
         tokens and {} codes were ended. Not known here any more: edges enrolled, edges and phones retired, people and \
         rights changed after the time of the backup. Retire and enrol such edges again, and go through members, \
         phones and grants.",
        ended.sessions, ended.tokens, ended.codes
    ));
    Ok(Report::new(json!({ "epochs": begun, "ended": ended }), text.join("\n")))
}
