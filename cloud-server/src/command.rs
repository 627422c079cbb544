//! The command line.
//!
//! Commands reach the same database as the server: through the private server's socket while it runs, through one
//! started for the while when it does not, or through `DATABASE_URL`.

mod company;
mod conflict;
mod edge;
mod employee_account;
mod grant;
mod inspect;
mod output;
mod restored;
mod serve;
mod site;
mod user;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use shared_model::access::Role;
use shared_model::{ActorId, Clock as _, CompanyId};

use crate::clock::SystemClock;
use crate::config::{Config, DatabaseSource};
use crate::database::Database;
use crate::store::Store;
use crate::store::audit::{Author, Via};

pub use output::Report;

/// The cloud of Muster: keeps companies apart, takes what their edges send, and shows each company its factories.
///
/// Exit codes: 0 done, 1 failed (the reason is on standard error), 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "muster-cloud", version)]
pub struct Arguments {
    /// Data folder: the private PostgreSQL and muster-cloud.toml
    #[arg(long, global = true, env = "MUSTER_CLOUD_DATA", default_value = "muster-cloud-data")]
    data: PathBuf,
    /// Settings file, instead of muster-cloud.toml in the data folder
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve pages and the edges' endpoints
    Serve {
        /// Address and port, instead of the settings' (port 0 = any)
        #[arg(long)]
        listen: Option<std::net::SocketAddr>,
    },
    /// Companies
    #[command(subcommand)]
    Company(company::Command),
    /// Sites of a company
    #[command(subcommand)]
    Site(site::Command),
    /// Edges of a company
    #[command(subcommand)]
    Edge(edge::Command),
    /// Conflicts between two sides' changes
    #[command(subcommand)]
    Conflict(conflict::Command),
    /// People who sign in
    #[command(subcommand)]
    User(user::Command),
    /// Who may decide about phone punches
    #[command(subcommand)]
    Grant(grant::Command),
    /// Phones of employees
    #[command(subcommand)]
    EmployeeAccount(employee_account::Command),
    /// Bring the database's schema to this version (serve does it too)
    Migrate,
    /// Settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Say that the database was put back to an earlier time: every edge then sends again what it lacks
    ///
    /// Run it once after each restore, with the server running or stopped. Until then edges that had more acknowledged do
    /// not sync and say so. Everybody is signed out; unused tokens and enrolment codes end.
    Restored,
    /// What the database holds, in numbers
    Status,
    /// Check this machine, the settings and the database
    Doctor,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print the settings in force; secrets are hidden
    Check,
}

impl Arguments {
    /// Whether this is the server, whose words are for a log.
    #[must_use]
    pub fn is_serve(&self) -> bool {
        matches!(self.command, Command::Serve { .. })
    }
}

/// Runs the command line and returns what is to be printed; `serve` prints by itself.
///
/// # Errors
/// What went wrong, in words for whoever typed the command.
pub async fn run(arguments: Arguments) -> Result<()> {
    let Arguments { data, config, json, command } = arguments;
    let settings = || Config::load(config.as_deref(), &data);
    let report = match command {
        Command::Serve { listen } => return serve::serve(&data, settings()?, listen).await,
        Command::Config(ConfigCommand::Check) => inspect::config(&settings()?)?,
        Command::Doctor => {
            let report = inspect::doctor(&data, settings()).await;
            report.print(json)?;
            return if report.is_good() { Ok(()) } else { bail!("not everything is in order") };
        }
        Command::Migrate => {
            let done =
                Database::migrate(&DatabaseSource::from_environment()?, &data, SystemClock.now()).await?;
            Report::new(
                serde_json::to_value(done)?,
                format!(
                    "The schema is at version {}; {} ledger partitions were made.",
                    done.version, done.partitions
                ),
            )
        }
        Command::Company(command) => {
            with_store(&data, async |store| company::run(store, command).await).await?
        }
        Command::Site(command) => with_store(&data, async |store| site::run(store, command).await).await?,
        Command::Edge(command) => with_store(&data, async |store| edge::run(store, command).await).await?,
        Command::Conflict(command) => {
            with_store(&data, async |store| conflict::run(store, command).await).await?
        }
        Command::User(command) => with_store(&data, async |store| user::run(store, command).await).await?,
        Command::Grant(command) => with_store(&data, async |store| grant::run(store, command).await).await?,
        Command::EmployeeAccount(command) => {
            with_store(&data, async |store| employee_account::run(store, command).await).await?
        }
        Command::Restored => with_store(&data, restored::run).await?,
        Command::Status => with_store(&data, inspect::status).await?,
    };
    report.print(json)
}

/// Opens the database for one command and closes it whatever the command says.
async fn with_store<F>(data: &std::path::Path, work: F) -> Result<Report>
where
    F: AsyncFnOnce(&Store) -> Result<Report>,
{
    let source = DatabaseSource::from_environment()?;
    let database = Database::attach(&source, data, SystemClock.now()).await?;
    let report = work(&database.store).await;
    database.close().await;
    report
}

/// Whoever can run commands on the server is the operator's console.
fn author() -> Author {
    Author { actor: ActorId::SYSTEM, via: Via::Console, at: SystemClock.now() }
}

/// The company that an argument means: an id or a name; the only one there is when none is given.
async fn find_company(store: &Store, named: Option<&str>) -> Result<CompanyId> {
    let companies = store.companies().await?;
    let Some(named) = named else {
        return match companies.as_slice() {
            [only] => Ok(only.company_id),
            [] => bail!("there is no company yet: make one with `muster-cloud company add --name NAME`"),
            _ => bail!("there are {} companies: say which with --company ID", companies.len()),
        };
    };
    let id = named.parse::<CompanyId>().ok();
    let mut fits = companies.iter().filter(|row| Some(row.company_id) == id || row.name == named);
    let found = fits.next().with_context(|| format!("there is no company {named:?}"))?;
    if fits.next().is_some() {
        bail!("several companies are called {named:?}: say which by its id");
    }
    Ok(found.company_id)
}

fn parse_role(text: &str) -> Result<Role, String> {
    let of_company = |role: &Role| !matches!(role, Role::LocalOwner | Role::Operator);
    Role::parse(text).filter(of_company).ok_or_else(|| {
        let names: Vec<&str> =
            Role::ALL.iter().filter(|role| of_company(role)).map(|role| role.as_str()).collect();
        format!("expected one of {}", names.join(", "))
    })
}
