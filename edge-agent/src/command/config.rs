//! `config`.

use clap::Subcommand;
use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use crate::config::{DEFAULT, Flags};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check the configuration and print what is in force, secrets hidden
    Check {
        #[command(flatten)]
        flags: Flags,
    },
    /// Print the default configuration with its explanation
    Default,
}

impl Command {
    pub(super) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Check { flags } => {
                let loaded = context.config(&flags)?;
                let file = loaded.file.as_ref().map(|file| file.display().to_string());
                let text = toml::to_string(&loaded.config)?;
                let value = json!({
                    "config": loaded.config, "file": file, "environment": loaded.environment,
                });
                context.output.answer(&value, || {
                    let file = file.as_deref().unwrap_or("no file: everything is as by default");
                    let mut head = format!("# {file}\n");
                    for name in &loaded.environment {
                        head.push_str(&format!("# {name} of the environment\n"));
                    }
                    format!("{head}\n{}", text.trim_end())
                })?;
            }
            Self::Default => {
                context.output.answer(&json!({"default": DEFAULT}), || DEFAULT.trim_end().to_owned())?;
            }
        }
        Ok(Exit::Done)
    }
}
