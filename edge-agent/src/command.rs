//! The command line of `muster-edge`.
//!
//! Commands read arguments, ask the agent (the running one, or the store that they open themselves; see
//! [`control`](crate::control)) and print. With `--json` a command prints one line of JSON on standard output and
//! nothing else there; progress and complaints go to standard error. What the exit code tells is in [`Exit`].

mod access;
mod approvals;
mod calendar;
mod company;
mod config;
mod context;
mod department;
mod device;
mod doctor;
mod employee;
mod exit;
mod file;
mod log;
mod output;
mod policy;
mod punch;
mod record;
mod roster;
mod run;
mod scope;
mod shift;
mod site;
mod status;
mod sync;
mod table;
mod user;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use context::Context;
pub use exit::Exit;

/// Collects punches from attendance clocks, works out attendance, shows it, and syncs it.
#[derive(Debug, Parser)]
#[command(name = "muster-edge", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 not found or refused, \
    4 a clock or the cloud cannot be reached, 5 the data folder is in use, 6 doctor found something to repair."
)]
struct Cli {
    /// The folder with the agent's database and keys
    #[arg(long, global = true, value_name = "DIR", env = "MUSTER_EDGE_DATA", default_value_os_t = default_folder())]
    data: PathBuf,
    /// The configuration, instead of muster-edge.toml in the data folder
    #[arg(long, global = true, value_name = "FILE", env = "MUSTER_EDGE_CONFIG")]
    config: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent until it is told to stop
    Run(run::RunArgs),
    /// Tell how the whole agent is doing
    Status,
    /// Look for everything that usually goes wrong, and say what to do
    Doctor,
    /// Show and check the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Clocks: add, test, read, set
    #[command(subcommand)]
    Device(device::Command),
    /// The company's own settings
    #[command(subcommand)]
    Company(company::Command),
    /// Sites: factories and offices
    #[command(subcommand)]
    Site(site::Command),
    /// Departments, sections, lines and floors
    #[command(subcommand)]
    Department(department::Command),
    /// Employees
    #[command(subcommand)]
    Employee(employee::Command),
    /// Shifts: hours, breaks, punch windows
    #[command(subcommand)]
    Shift(shift::Command),
    /// Who works which shift
    #[command(subcommand)]
    Roster(roster::Command),
    /// Attendance policies: grace, overtime, weekly offs
    #[command(subcommand)]
    Policy(policy::Command),
    /// Holidays
    #[command(subcommand)]
    Holiday(calendar::HolidayCommand),
    /// Leave
    #[command(subcommand)]
    Leave(calendar::LeaveCommand),
    /// Print a fresh one-time token for the first set-up of the running agent, while nobody has an account
    SetupToken,
    /// Accounts for the local pages
    #[command(subcommand)]
    User(user::Command),
    /// Make this agent one of a company's, by a one-time code from its cloud
    Enroll(sync::EnrollArgs),
    /// The exchange with the cloud
    #[command(subcommand)]
    Sync(sync::Command),
    /// Punches that somebody should look at
    #[command(subcommand)]
    Punch(punch::Command),
    /// Phone punches that wait for approval
    #[command(subcommand)]
    Approvals(approvals::Command),
    /// Records of any kind, as lines of JSON
    #[command(subcommand)]
    Record(record::Command),
}

/// Where an installed agent keeps its data.
fn default_folder() -> PathBuf {
    if cfg!(windows) {
        let base = std::env::var_os("ProgramData").unwrap_or_else(|| OsString::from(r"C:\ProgramData"));
        PathBuf::from(base).join("Muster").join("edge")
    } else {
        PathBuf::from("/var/lib/muster-edge")
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for; everything else is wrong usage.
            let _ = error.print();
            if !error.use_stderr() {
                return Exit::Done.into();
            }
            // The flag itself may stand behind what is wrong.
            if std::env::args_os().any(|argument| argument == "--json") {
                output::usage(&error);
            }
            return Exit::Usage.into();
        }
    };
    // One provider for every connection, whatever the libraries were built with; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let context = Context::new(cli.data, cli.config, cli.json);
    let outcome = match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let outcome = runtime.block_on(run(cli.command, &context));
            // A thread that waits for a name server must not hold up the end.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(error.into()),
    };
    outcome.unwrap_or_else(|error| context.output.failed(&error)).into()
}

async fn run(command: Command, context: &Context) -> anyhow::Result<Exit> {
    if !matches!(command, Command::Run(_)) {
        log::start_for_command();
    }
    match command {
        Command::Run(args) => args.run(context).await,
        Command::Device(command) => command.run(context).await,
        Command::Status => status::status(context).await,
        Command::Doctor => doctor::doctor(context).await,
        Command::SetupToken => user::setup_token(context).await,
        Command::User(command) => command.run(context).await,
        Command::Config(command) => command.run(context),
        Command::Company(command) => command.run(context).await,
        Command::Site(command) => command.run(context).await,
        Command::Department(command) => command.run(context).await,
        Command::Employee(command) => command.run(context).await,
        Command::Shift(command) => command.run(context).await,
        Command::Roster(command) => command.run(context).await,
        Command::Policy(command) => command.run(context).await,
        Command::Holiday(command) => command.run(context).await,
        Command::Leave(command) => command.run(context).await,
        Command::Enroll(args) => args.run(context).await,
        Command::Sync(command) => command.run(context).await,
        Command::Punch(command) => command.run(context).await,
        Command::Approvals(command) => command.run(context).await,
        Command::Record(command) => command.run(context).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    const GUIDE: &str = include_str!("../../docs/edge-cli.md");

    fn check(command: &clap::Command, path: &str) {
        let below: Vec<_> = command.get_subcommands().filter(|below| below.get_name() != "help").collect();
        if below.is_empty() {
            assert!(GUIDE.contains(&format!("| `{path}")), "{path} is not in docs/edge-cli.md");
        }
        for next in below {
            check(next, &format!("{path} {}", next.get_name()));
        }
    }

    #[test]
    fn every_command_is_in_the_guide_with_an_example() {
        super::Cli::command().debug_assert();
        check(&super::Cli::command(), "muster-edge");
    }
}
