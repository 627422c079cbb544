//! What every command has at hand.

use std::path::PathBuf;
use std::sync::Arc;

use shared_model::{Clock, Entropy};

use super::access::Access;
use super::exit::Exit;
use super::output::Output;
use crate::clock::{OsEntropy, SystemClock};
use crate::config::{Flags, Loaded, load};
use crate::control::{Call, Saved};

/// The folder, the way of printing, time and randomness.
pub(super) struct Context {
    pub(super) data: PathBuf,
    config: Option<PathBuf>,
    pub(super) output: Output,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Context {
    pub(super) fn new(data: PathBuf, config: Option<PathBuf>, json: bool) -> Self {
        Self {
            data,
            config,
            output: Output { json },
            clock: Arc::new(SystemClock::start()),
            entropy: Arc::new(OsEntropy),
        }
    }

    /// The configuration in force.
    pub(super) fn config(&self, flags: &Flags) -> anyhow::Result<Loaded> {
        let environment = |name: &str| std::env::var(name).ok();
        Ok(load(&self.data, self.config.as_deref(), environment, flags)?)
    }

    /// Asks the agent something that changes nothing: there must be one.
    pub(super) async fn read<C: Call>(&self, call: C) -> anyhow::Result<C::Answer> {
        Access::existing(self).await?.ask(call, &self.output.progress()).await
    }

    /// Asks the agent to change something; where there is no database yet, it is made.
    pub(super) async fn write<C: Call>(&self, call: C) -> anyhow::Result<C::Answer> {
        Access::made(self).await?.ask(call, &self.output.progress()).await
    }

    /// Saves a record and tells what became of it.
    pub(super) async fn save<C: Call<Answer = Saved>>(&self, call: C) -> anyhow::Result<Exit> {
        let saved = self.write(call).await?;
        let text = || format!("{} {} {}", saved.kind.replace('_', " "), saved.label, saved.outcome.as_str());
        self.output.answer(&saved, text)?;
        Ok(Exit::Done)
    }
}
