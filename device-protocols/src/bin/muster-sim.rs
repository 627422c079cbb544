//! `muster-sim`: simulated attendance clocks.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chrono::{Days, NaiveDate};
use clap::{Args, Parser, Subcommand, ValueEnum};
use device_protocols::clock::{Clock, SystemClock};
use device_protocols::sim::control::ControlServer;
use device_protocols::sim::push::PushTarget;
use device_protocols::sim::tcp::TcpServer;
use device_protocols::sim::{Faults, Generator, RecordFormat, SimClock, SimConfig, Transfer, live, push};
use tokio_util::sync::CancellationToken;

/// Simulated attendance clocks: ZKTeco over TCP, ADMS push, or one clock on both.
///
/// Prints one line of JSON with the addresses it listens on, then serves until stopped.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A clock that is read over TCP.
    Tcp {
        /// Address to listen on; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:4370")]
        listen: SocketAddr,
        /// Push to this server as well: one clock, both routes.
        #[arg(long)]
        server: Option<http::Uri>,
        #[command(flatten)]
        push: PushArgs,
        #[command(flatten)]
        clock: ClockArgs,
    },
    /// A clock that pushes to a server (ADMS).
    Push {
        /// The server, such as http://127.0.0.1:8081, with a path prefix if there is one.
        #[arg(long)]
        server: http::Uri,
        #[command(flatten)]
        push: PushArgs,
        #[command(flatten)]
        clock: ClockArgs,
    },
}

#[derive(Debug, Args)]
struct PushArgs {
    /// Push: punches in one post.
    #[arg(long, default_value_t = 100)]
    batch: u64,
    /// Push: milliseconds after an error; by default what the server says.
    #[arg(long)]
    retry_ms: Option<u64>,
    /// Push: milliseconds between polls; by default what the server says.
    #[arg(long)]
    poll_ms: Option<u64>,
}

impl PushArgs {
    fn target(&self, server: http::Uri) -> PushTarget {
        PushTarget {
            batch: self.batch,
            retry: self.retry_ms.map(Duration::from_millis),
            poll: self.poll_ms.map(Duration::from_millis),
            ..PushTarget::new(server)
        }
    }
}

#[derive(Debug, Args)]
struct ClockArgs {
    /// Serial number.
    #[arg(long, default_value = "SIM0000000001")]
    serial: String,
    /// Record layout over TCP: 8a, 8b, 16s (state first), 16v (verify first), or the bytes of a long record from 40.
    #[arg(long, default_value = "40", alias = "record-format")]
    stride: RecordFormat,
    /// Users.
    #[arg(long, default_value_t = 50)]
    users: u32,
    /// User id of the first user; the others follow.
    #[arg(long, default_value_t = 1001)]
    first_code: u32,
    /// Records the clock holds from the start.
    #[arg(long, default_value_t = 0)]
    records: u64,
    /// Where those records come from.
    #[arg(long, value_enum, default_value_t = GeneratorName::Shifts)]
    generator: GeneratorName,
    /// Day of the first record; by default so that the last is from yesterday.
    #[arg(long)]
    from: Option<NaiveDate>,
    /// Chooses who comes when.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Communication key; 0 for none.
    #[arg(long, default_value_t = 0)]
    comm_key: u32,
    /// Minutes east of UTC of the clock's wall time.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    utc_offset_minutes: i32,
    /// Punches a second made live; 0 for none.
    #[arg(long, default_value_t = 0)]
    rate: u32,
    /// Milliseconds between live punches; instead of --rate.
    #[arg(long, conflicts_with = "rate")]
    every_ms: Option<u64>,
    /// Live punches after which nobody comes any more.
    #[arg(long)]
    live_limit: Option<u64>,
    /// File in which live punches outlive a crash of this program.
    #[arg(long)]
    state_file: Option<PathBuf>,
    /// File to write the list of all punches the clock has kept to (JSON lines).
    #[arg(long)]
    sent_file: Option<PathBuf>,
    /// Loopback address for control over HTTP.
    #[arg(long)]
    control: Option<SocketAddr>,
    #[command(flatten)]
    faults: FaultArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum GeneratorName {
    /// Workers in a day and a night shift.
    Shifts,
    /// The fixed sequence of the protocol's test vectors (three users).
    Vector,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TransferName {
    /// In chunks as asked.
    Chunks,
    /// In chunks, each in packets of 1,024 bytes.
    Pieces,
    /// At once, if below a million bytes.
    Inline,
}

/// Faults; more of them can be set over --control.
#[derive(Debug, Args)]
#[command(next_help_heading = "Faults")]
struct FaultArgs {
    /// How tables are sent.
    #[arg(long, value_enum, default_value_t = TransferName::Chunks)]
    transfer: TransferName,
    /// Close the connection, once, after so many chunks of a read.
    #[arg(long)]
    drop_after_chunk: Option<u64>,
    /// Restart, once, after so many chunks of a read.
    #[arg(long)]
    reboot_after_chunk: Option<u64>,
    /// Milliseconds a restart takes.
    #[arg(long, default_value_t = 1000)]
    reboot_ms: u64,
    /// Milliseconds before each reply.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Write at most so many bytes at once.
    #[arg(long)]
    torn: Option<usize>,
    /// Write all packets of an answer at once, with an event behind them.
    #[arg(long)]
    coalesce: bool,
    /// A row, counted from 0, whose date is 31 February; may be repeated.
    #[arg(long)]
    bad_date_row: Vec<u64>,
    /// By how much the count of records is wrong.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    count_off: i64,
    /// Refuse the buffered way of reading tables (1503).
    #[arg(long)]
    refuse_buffer: bool,
    /// Know options only by the name without a final NUL.
    #[arg(long)]
    bare_options: bool,
    /// Nine bytes of junk before this row.
    #[arg(long)]
    junk_before_row: Option<u64>,
    /// Room in the log over TCP, in records; the oldest make place for new ones.
    #[arg(long)]
    capacity: Option<u64>,
    /// Push: send each batch twice.
    #[arg(long)]
    push_twice: bool,
    /// Push: hang up before the answer, every so many batches.
    #[arg(long)]
    push_drop_every: Option<u64>,
}

impl From<FaultArgs> for Faults {
    fn from(args: FaultArgs) -> Self {
        Self {
            transfer: match args.transfer {
                TransferName::Chunks => Transfer::Chunks,
                TransferName::Pieces => Transfer::Pieces,
                TransferName::Inline => Transfer::Inline,
            },
            drop_after_chunk: args.drop_after_chunk,
            reboot_after_chunk: args.reboot_after_chunk,
            reboot_ms: args.reboot_ms,
            delay_ms: args.delay_ms,
            torn: args.torn,
            coalesce: args.coalesce,
            bad_date_rows: args.bad_date_row.into_iter().collect(),
            count_off: args.count_off,
            refuse_buffer: args.refuse_buffer,
            bare_options: args.bare_options,
            junk_before_row: args.junk_before_row,
            capacity: args.capacity,
            push_twice: args.push_twice,
            push_drop_every: args.push_drop_every,
            ..Self::default()
        }
    }
}

/// What a clock does besides answering.
struct Running {
    sim: Arc<SimClock>,
    control: Option<SocketAddr>,
    every: Option<Duration>,
    limit: Option<u64>,
}

impl ClockArgs {
    fn open(self) -> anyhow::Result<Running> {
        let clock = SystemClock;
        let shifts = |from| Generator::Shifts {
            users: self.users,
            first_code: self.first_code,
            seed: self.seed,
            from,
        };
        let generator = match self.generator {
            GeneratorName::Vector => Generator::Vector,
            GeneratorName::Shifts => {
                let today = clock.now().date_naive();
                let days = self.records.div_ceil(shifts(today).punches_a_day());
                let from = self.from.or_else(|| today.checked_sub_days(Days::new(days)));
                shifts(from.context("so many records do not fit the calendar: give --from or more --users")?)
            }
        };
        let every = match (self.every_ms, self.rate) {
            (Some(every), _) => Some(Duration::from_millis(every.max(1))),
            (None, 0) => None,
            (None, rate) => Some(Duration::from_secs(1) / rate),
        };
        let sim = SimClock::open(SimConfig {
            serial: self.serial,
            format: self.stride,
            generator,
            records: self.records,
            comm_key: self.comm_key,
            state_file: self.state_file,
            sent_file: self.sent_file,
            utc_offset_minutes: self.utc_offset_minutes,
            faults: self.faults.into(),
        })?;
        Ok(Running { sim, control: self.control, every, limit: self.live_limit })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Push { server, push, clock } => {
            let target = push.target(server);
            clock.open()?.run(None, Some(target)).await
        }
        Command::Tcp { listen, server, push, clock } => {
            let running = clock.open()?;
            let target = server.map(|server| push.target(server));
            let tcp = TcpServer::start(Arc::clone(&running.sim), listen, SystemClock)
                .await
                .with_context(|| format!("cannot listen on {listen}"))?;
            running.run(Some(tcp), target).await
        }
    }
}

impl Running {
    async fn run(self, tcp: Option<TcpServer>, push: Option<PushTarget>) -> anyhow::Result<()> {
        let control = match self.control {
            Some(address) => Some(ControlServer::start(Arc::clone(&self.sim), address, SystemClock).await?),
            None => None,
        };
        announce(&serde_json::json!({
            "serial": self.sim.config().serial,
            "tcp": tcp.as_ref().map(TcpServer::address),
            "control": control.as_ref().map(ControlServer::address),
        }))?;
        let stop = CancellationToken::new();
        if let Some(target) = push {
            tokio::spawn(push::run(Arc::clone(&self.sim), target, stop.clone()));
        }
        let punching = async {
            if let Some(every) = self.every {
                live::run(self.sim, SystemClock, every, self.limit, stop.clone()).await?;
            }
            // Nobody comes any more, but the clock stays.
            std::future::pending::<anyhow::Result<()>>().await
        };
        tokio::select! {
            ended = punching => ended,
            signal = tokio::signal::ctrl_c() => Ok(signal?),
        }
    }
}

/// One line for whoever started this.
fn announce(line: &serde_json::Value) -> std::io::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
