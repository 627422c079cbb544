//! Enrolment, and how things stand with the cloud.

use std::error::Error as _;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::hidden::Hidden;
use super::{Act, Agent, Progress, Refusal};
use crate::store::ReadTx;
use crate::sync::client::ClientError;
use crate::sync::enroll::{Application, EnrollError, Enrolled, enroll};
use crate::sync::status::SyncStatus;
use crate::sync::url::CloudUrl;

/// Makes this agent one of a company's edges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enroll {
    /// Where the cloud is.
    pub cloud: String,
    /// The one-time code.
    pub code: Hidden,
    /// What to call this agent.
    pub name: String,
}

/// Asks how things stand with the cloud.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncState {}

impl Act for Enroll {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<Enrolled, Refusal> {
        let url: CloudUrl = self
            .cloud
            .parse()
            .map_err(|error: crate::sync::url::BadCloudUrl| Refusal::refused(error.to_string()))?;
        let application = Application { url, code: self.code.reveal().to_owned(), name: self.name };
        let enrolled = enroll(
            &agent.store,
            &agent.folder,
            &agent.cloud,
            Arc::clone(&agent.clock),
            Arc::clone(&agent.entropy),
            &application,
        );
        enrolled.await.map_err(|error| refusal(&error))
    }
}

fn refusal(error: &EnrollError) -> Refusal {
    let text = with_causes(error);
    match error {
        EnrollError::Already(_) | EnrollError::OtherCompany => Refusal::refused(text),
        EnrollError::Client(cause) => match cause {
            ClientError::Transport(_) => Refusal::unreachable(format!(
                "{text}. Is the address right, does this machine reach the internet, and does it need a proxy \
                 ([cloud] proxy)?"
            )),
            ClientError::Status(_) | ClientError::TooLong | ClientError::Body(_) => Refusal::unreachable(
                format!("{text}. Is this the cloud's address, or does a proxy answer in its place?"),
            ),
            ClientError::Refused(_) => Refusal::refused(format!(
                "{text}. A code is good once and for a short time: ask for a new one where this one came from"
            )),
            ClientError::Setup(_) | ClientError::Write(_) | ClientError::Ended => Refusal::failed(text),
        },
        EnrollError::Key(_) | EnrollError::Store(_) => Refusal::failed(text),
    }
}

/// An error with its causes in one line.
fn with_causes(error: &EnrollError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

impl Act for SyncState {
    async fn act(self, agent: &Agent, _: &Progress) -> Result<SyncStatus, Refusal> {
        agent.read(ReadTx::sync_status).await
    }
}
