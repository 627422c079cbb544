//! `device`.

pub(super) mod address;
pub(super) mod alarm;
pub(super) mod event;
mod explain;
mod list;
mod log_print;
mod probe;
mod session;
pub(super) mod time;

use chrono_tz::Tz;
use clap::{Args, Subcommand, ValueEnum};
use shared_model::ClockSerial;
use shared_model::entity::{DirectionUse, Transport};
use shared_model::text::{Code, HostAddress, Line, Name};

use super::context::Context;
use super::exit::Exit;
use super::scope::choice;
use crate::control::device::{
    AddDevice, AskDevice, DeviceAnswer, DeviceWish, FindDevice, RetireDevice, SetDevice, is_wrong,
};
use crate::control::{Hidden, Refusal};
use address::Target;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add a clock: one that is read is asked for its serial number first
    #[command(after_help = "Examples:\n  muster-edge device add 192.168.1.201 --name \"Gate 1\"\n  \
        muster-edge device add --transport push --serial CJDE203260123 --name \"Gate 2\"")]
    Add(AddArgs),
    /// List the clocks and those that wait for adoption
    List {
        /// Retired ones as well
        #[arg(long)]
        all: bool,
    },
    /// Adopt a clock that posts to us and waits for it
    Adopt {
        /// Its serial number, as `device list` shows it
        serial: ClockSerial,
        /// What it is called; its serial number where not given
        #[arg(long)]
        name: Option<Name>,
        #[command(flatten)]
        options: Options,
    },
    /// Change a clock; what is not given stays
    Set {
        /// Its serial number
        serial: ClockSerial,
        /// What it is called
        #[arg(long)]
        name: Option<Name>,
        /// Where it is reached
        #[arg(long)]
        address: Option<HostAddress>,
        /// The code of the site where it hangs
        #[arg(long, value_name = "CODE")]
        site: Option<Code>,
        /// What its in/out keys are worth: ignore, trust, always-in or always-out
        #[arg(long, value_parser = choice(DirectionUse::parse, DirectionUse::ALL))]
        direction: Option<DirectionUse>,
        /// Whether the agent may set its time
        #[arg(long, value_name = "true|false")]
        set_time: Option<bool>,
        /// Its communication key; 0 for none
        #[arg(long, value_name = "KEY", env = "MUSTER_COMM_KEY", hide_env_values = true)]
        comm_key: Option<u32>,
    },
    /// Take a clock out of work; its punches stay
    Retire {
        /// Its serial number
        serial: ClockSerial,
    },
    /// Show a clock: what the agent knows of a serial number, what the clock at an address says
    Info(TargetArgs),
    /// Find out whether a clock can be reached, and if not, why and what to do
    Test(TargetArgs),
    /// Print a clock's log without storing it
    #[command(
        after_help = "Progress goes to standard error. Dates that do not exist are printed as the clock gave them."
    )]
    Pull {
        #[command(flatten)]
        target: TargetArgs,
        /// How rows are printed
        #[arg(long, value_enum, default_value_t = Format::Jsonl)]
        format: Format,
    },
    /// List what was done at a clock itself: menu opened, time set, users enrolled, log cleared
    Events {
        /// Its serial number
        serial: ClockSerial,
        /// How much of it, the newest first
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Let the running agent read a clock's whole log now, and take what is new
    Read {
        /// Its serial number
        serial: ClockSerial,
    },
    /// Show how far a clock's time is off, and set it
    Time {
        #[command(flatten)]
        target: TargetArgs,
        /// Set it to the true time
        #[arg(long)]
        set: bool,
        /// The zone of the clock's wall time, where it is not the site's
        #[arg(long, value_name = "ZONE")]
        zone: Option<Tz>,
    },
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Where a clock that is read is reached: host or host:port (4370 where not given)
    #[arg(value_name = "ADDRESS")]
    place: Option<HostAddress>,
    /// The same as a flag
    #[arg(long, conflicts_with = "place")]
    address: Option<HostAddress>,
    /// How it is reached: tcp (we read it) or push (it posts to us)
    #[arg(long, default_value = "tcp", value_parser = choice(Transport::parse, Transport::ALL))]
    transport: Transport,
    /// Its serial number; a clock that is read tells it by itself, and is not asked where this is given
    #[arg(long)]
    serial: Option<ClockSerial>,
    /// What it is called; its serial number where not given
    #[arg(long)]
    name: Option<Name>,
    /// Its communication key
    #[arg(long, value_name = "KEY", env = "MUSTER_COMM_KEY", hide_env_values = true)]
    comm_key: Option<u32>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The code of the site where it hangs, where it is not this agent's
    #[arg(long, value_name = "CODE")]
    site: Option<Code>,
    /// What its in/out keys are worth: ignore, trust, always-in or always-out
    #[arg(long, default_value = "ignore", value_parser = choice(DirectionUse::parse, DirectionUse::ALL))]
    direction: DirectionUse,
    /// Let the agent set its time when it is off
    #[arg(long)]
    set_time: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct TargetArgs {
    /// A clock's serial number, or where one is reached: host or host:port
    #[arg(value_name = "SERIAL|ADDRESS")]
    target: Target,
    /// The communication key of the clock at an address
    #[arg(long, value_name = "KEY", env = "MUSTER_COMM_KEY", hide_env_values = true)]
    comm_key: Option<u32>,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A line of JSON for each row
    Jsonl,
    /// Comma-separated values with a heading
    Csv,
}

impl Command {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Add(args) => add(context, args).await,
            Self::List { all } => list::list(context, all).await,
            Self::Adopt { serial, name, options } => {
                let device = new_device(serial, name, Transport::Push, options)?;
                context.save(AddDevice { waiting: true, ..device }).await
            }
            Self::Set { serial, name, address, site, direction, set_time, comm_key } => {
                let comm_key = comm_key.map(key_text);
                let change =
                    SetDevice { serial, name, site, address, direction_use: direction, set_time, comm_key };
                context.save(change).await
            }
            Self::Retire { serial } => context.save(RetireDevice { serial }).await,
            Self::Info(target) => match target.target {
                Target::Serial(serial) => list::show(context, serial).await,
                Target::Address(_) => probe::info(context, &target).await,
            },
            Self::Test(target) => test(context, target).await,
            Self::Pull { target, format } => log_print::pull(context, &target, format).await,
            Self::Events { serial, limit } => event::list(context, serial, limit).await,
            Self::Read { serial } => {
                let asked = context.read(AskDevice { serial, wish: DeviceWish::Read }).await?;
                context.output.answer(&asked, || if asked.queued { told(&asked) } else { rows(&asked) })?;
                Ok(Exit::Done)
            }
            Self::Time { target, set, zone } => time::time(context, target, set, zone).await,
        }
    }
}

/// A key as it is stored: none for 0.
fn key_text(key: u32) -> Hidden {
    Hidden::new(if key == 0 { String::new() } else { key.to_string() })
}

fn new_device(
    serial: ClockSerial,
    name: Option<Name>,
    transport: Transport,
    options: Options,
) -> anyhow::Result<AddDevice> {
    let name = match name {
        Some(name) => name,
        None => Name::parse(serial.as_str())?,
    };
    Ok(AddDevice {
        serial,
        name,
        site: options.site,
        transport,
        address: None,
        direction_use: options.direction,
        set_time: options.set_time,
        comm_key: Hidden::default(),
        model: None,
        firmware: None,
        waiting: false,
    })
}

async fn add(context: &Context, args: AddArgs) -> anyhow::Result<Exit> {
    let address = args.place.or(args.address);
    let comm_key = args.comm_key.map(key_text).unwrap_or_default();
    match args.transport {
        Transport::Push => {
            let serial = args.serial.ok_or_else(|| {
                Refusal::refused(
                    "a clock that posts is added by its serial number: give --serial (it is on the clock's \
                    label and in its menu under System Info)",
                )
            })?;
            let device = new_device(serial, args.name, args.transport, args.options)?;
            context.save(AddDevice { comm_key, ..device }).await
        }
        Transport::Tcp => {
            let address = address
                .ok_or_else(|| Refusal::refused("where is the clock? Give its address: host or host:port"))?;
            let site = args.options.site.clone();
            let (serial, model, firmware, shows) = match args.serial {
                Some(serial) => (serial, None, None, None),
                None => probe::who(context, &address, args.comm_key).await?,
            };
            let device = new_device(serial, args.name, args.transport, args.options)?;
            let line = |text: Option<String>| text.and_then(|text| Line::parse(&text).ok());
            let (model, firmware) = (line(model), line(firmware));
            let name = device.serial.clone();
            let add = AddDevice { address: Some(address), comm_key, model, firmware, ..device };
            let exit = context.save(add).await?;
            if let Some(shows) = shows
                && let Some(zone) = time::zone_of_site(context, site.as_ref()).await?
                && let Some(drift) = time::drift(&shows, zone).filter(|drift| is_wrong(*drift))
            {
                let alarm::Alarm { found, fix } = alarm::wrong_time(name.as_str(), drift);
                context.output.note(&format!("WARNING: {found}\n  -> {fix}"));
            }
            Ok(exit)
        }
        Transport::Udp | Transport::File => {
            Err(Refusal::refused("clocks are read over tcp, or post to us (push)").into())
        }
    }
}

async fn test(context: &Context, target: TargetArgs) -> anyhow::Result<Exit> {
    if let Target::Serial(serial) = &target.target {
        let route = context.read(FindDevice { serial: serial.clone() }).await?;
        if route.supervised {
            return ask_agent(context, serial.clone(), DeviceWish::Test).await;
        }
        if route.transport == Transport::Push {
            let message =
                "this clock posts to us, it cannot be called: `device info` tells when it was last heard";
            return Err(Refusal::refused(message).into());
        }
    }
    probe::test(context, &target).await
}

/// Lets the running agent ask a clock, and explains a failure by what the agent has found out.
async fn ask_agent(context: &Context, serial: ClockSerial, wish: DeviceWish) -> anyhow::Result<Exit> {
    match context.read(AskDevice { serial: serial.clone(), wish }).await {
        Ok(answer) => {
            context.output.answer(&answer, || told(&answer))?;
            Ok(Exit::Done)
        }
        Err(error) if Exit::of(&error) == Exit::Unreachable => {
            let known = context.read(crate::control::device::ShowDevice { serial }).await?;
            Err(error.context(explain::of_link(&known.device.link)))
        }
        Err(error) => Err(error),
    }
}

fn rows(answer: &DeviceAnswer) -> String {
    format!(
        "{} rows read: {} new punches, {} known, {} that cannot be punches",
        answer.read, answer.new, answer.repeat, answer.quarantined
    )
}

fn told(answer: &DeviceAnswer) -> String {
    if answer.queued {
        return "The clock is asked when it next comes by.".to_owned();
    }
    let mut text = "The clock answers.".to_owned();
    if answer.read > 0 {
        text = rows(answer);
    }
    if let Some(drift) = answer.drift_seconds {
        text.push_str(&format!("\nIts time: {}.", time::off(drift)));
        if is_wrong(drift) {
            text.push_str(&format!("\n{}", alarm::OFF));
        }
    }
    text
}
