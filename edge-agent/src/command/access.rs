//! The way to the agent: the running one, or the store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::context::Context;
use crate::config::Flags;
use crate::control::{Agent, Answer, Call, Client, Progress, Refusal, RefusalKind, execute};
use crate::store::{Author, FILE, Store, StoreError};
use crate::sync::boot;

/// How often a folder is tried that another command has for a moment.
const TRIES: u32 = 50;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// How requests reach the agent.
pub(super) enum Access {
    /// It runs: over the channel.
    Running(Client),
    /// It does not: this command has the store.
    Own(Agent),
}

impl Access {
    /// The way to an agent that there is.
    pub(super) async fn existing(context: &Context) -> anyhow::Result<Self> {
        let folder = &context.data;
        let there = folder.join(FILE).try_exists().with_context(|| {
            format!(
                "{} cannot be looked into: run this command as the user to whom it belongs",
                folder.display()
            )
        })?;
        if !there {
            let message = format!(
                "there is no agent in {}: name its folder with --data, or make one with `muster-edge run`",
                folder.display()
            );
            return Err(Refusal::refused(message).into());
        }
        Self::open(context).await
    }

    /// The way to an agent; the folder and the database are made where they are missing.
    pub(super) async fn made(context: &Context) -> anyhow::Result<Self> {
        make_folder(&context.data)?;
        Self::open(context).await
    }

    async fn open(context: &Context) -> anyhow::Result<Self> {
        for _ in 0..TRIES {
            if let Some(client) = Client::connect(&context.data).await? {
                return Ok(Self::Running(client));
            }
            check_owner(&context.data)?;
            let cloud = context.config(&Flags::default())?.config.cloud;
            match open_store(context).await {
                // Another command has it for a moment, or an agent is just starting or ending.
                Err(StoreError::InUse) => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(error.into()),
                Ok(store) => {
                    return Ok(Self::Own(Agent {
                        store,
                        author: Author::CONSOLE,
                        folder: context.data.clone(),
                        clock: Arc::clone(&context.clock),
                        entropy: Arc::clone(&context.entropy),
                        cloud,
                        pages: Arc::default(),
                        fleet: None,
                    }));
                }
            }
        }
        let message = format!(
            "another muster-edge has {} and does not answer commands: wait until it has started, or end it",
            context.data.display()
        );
        Err(Refusal { kind: RefusalKind::InUse, message, details: Vec::new() }.into())
    }

    /// Asks, and lets go of what was opened for it.
    pub(super) async fn ask<C: Call>(self, call: C, progress: &Progress) -> anyhow::Result<C::Answer> {
        match self {
            Self::Running(client) => Ok(client.ask(call, progress).await?),
            Self::Own(agent) => {
                let outcome = execute(&agent, call.into(), progress).await;
                // The folder is free for others when this command ends, not some time after.
                tokio::task::spawn_blocking(move || agent.store.close()).await?;
                let answer: Answer = outcome?;
                C::answer(answer).context("the answer is another request's")
            }
        }
    }
}

async fn open_store(context: &Context) -> Result<Store, StoreError> {
    let (folder, clock, entropy) =
        (context.data.clone(), Arc::clone(&context.clock), Arc::clone(&context.entropy));
    let opened = tokio::task::spawn_blocking(move || {
        let store = Store::open(&folder, clock, Arc::clone(&entropy))?;
        // A command that writes on a copied disk must not write under the other disk's origin.
        match boot::check(&store, &boot::TokenFile::of(&folder), &*entropy) {
            Ok(_) => Ok(store),
            Err(error) => {
                store.close();
                Err(error)
            }
        }
    })
    .await;
    opened.unwrap_or(Err(StoreError::Panicked))
}

/// Refuses to write as root into another user's folder: files that root makes there are none that the agent can write.
#[cfg(unix)]
fn check_owner(folder: &Path) -> Result<(), Refusal> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = std::fs::metadata(folder).map_or(0, |folder| folder.uid());
    if owner == 0 || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let message = format!(
        "{} belongs to user {owner}: run this command as that user (sudo -u '#{owner}' muster-edge …), or while its agent \
         runs",
        folder.display()
    );
    Err(Refusal::refused(message))
}

#[cfg(not(unix))]
const fn check_owner(_folder: &Path) -> Result<(), Refusal> {
    Ok(())
}

/// Makes the data folder, for its owner alone.
pub(super) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).with_context(|| format!("the data folder {} cannot be made", folder.display()))
}
