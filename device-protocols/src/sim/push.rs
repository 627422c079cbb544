//! A simulated clock's push side: it introduces itself, posts its users and punches until they are acknowledged, polls
//! for commands and carries them out.
//!
//! Its texts are written here a second time from the protocol, with other verify codes, states and work codes than the
//! TCP side of the same clock uses for the same punch, as firmware does.

mod http;
mod text;

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDateTime;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::SimClock;
use http::Line;
pub use http::PushError;

/// Where a simulated clock pushes to, and how eagerly.
#[derive(Debug, Clone)]
pub struct PushTarget {
    /// The server, such as `http://127.0.0.1:8081`, with a path prefix if there is one.
    pub server: ::http::Uri,
    /// Punches in one post.
    pub batch: u64,
    /// Wait after an error; the server's `ErrorDelay` if `None`.
    pub retry: Option<Duration>,
    /// Between polls; the server's `Delay` if `None`.
    pub poll: Option<Duration>,
    /// For an answer.
    pub timeout: Duration,
    /// The clock's own IPv4 address, where this machine has several; any if `None`.
    pub from: Option<std::net::Ipv4Addr>,
}

impl PushTarget {
    /// A target with a real clock's habits, except that it tries again after a second.
    #[must_use]
    pub fn new(server: ::http::Uri) -> Self {
        let second = Some(Duration::from_secs(1));
        Self { server, batch: 100, retry: second, poll: second, timeout: Duration::from_secs(10), from: None }
    }
}

/// What the server told in the handshake.
struct Terms {
    error_delay: Duration,
    delay: Duration,
}

/// Why a round with the server ended.
enum Broken {
    /// Not answered, or not with 200: tried again after a while.
    Later(PushError),
    /// The clock restarts, by command.
    Reboot,
}

impl From<PushError> for Broken {
    fn from(error: PushError) -> Self {
        Self::Later(error)
    }
}

/// Pushes until stopped. Errors of the server and the network are what a clock waits out.
pub async fn run(sim: Arc<SimClock>, target: PushTarget, stop: CancellationToken) {
    let retry = target.retry;
    let mut pusher = Pusher { live: sim.listen(), line: Line::new(&target), sim, target };
    let mut error_delay = Duration::from_secs(30);
    loop {
        let round = tokio::select! {
            () = stop.cancelled() => return,
            round = pusher.round(&mut error_delay) => round,
        };
        let wait = match round {
            Broken::Later(error) => {
                tracing::debug!(error = %error, "the push server did not take it");
                retry.unwrap_or(error_delay)
            }
            Broken::Reboot => Duration::from_millis(pusher.sim.faults().reboot_ms),
        };
        pusher.line.close();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

struct Pusher {
    sim: Arc<SimClock>,
    target: PushTarget,
    line: Line,
    live: broadcast::Receiver<super::SimPunch>,
}

impl Pusher {
    /// From the handshake until something breaks.
    async fn round(&mut self, error_delay: &mut Duration) -> Broken {
        match self.converse(error_delay).await {
            Ok(never) => match never {},
            Err(broken) => broken,
        }
    }

    async fn converse(&mut self, error_delay: &mut Duration) -> Result<std::convert::Infallible, Broken> {
        let terms = self.introduce().await?;
        *error_delay = terms.error_delay;
        self.post_users().await?;
        let mut acknowledged = self.sim.acknowledged.subscribe();
        let mut told = 0;
        loop {
            self.post_operations(&mut told).await?;
            while self.sim.acknowledged() < self.sim.count() {
                self.post_next().await?;
            }
            self.poll().await?;
            tokio::select! {
                () = tokio::time::sleep(self.target.poll.unwrap_or(terms.delay)) => {}
                // A punch is sent as soon as it is made; whether it was heard of here does not matter, the count does.
                _ = self.live.recv() => {}
                _ = acknowledged.changed() => {}
            }
        }
    }

    async fn pause(&self) {
        tokio::time::sleep(Duration::from_millis(self.sim.faults().push_delay_ms)).await;
    }

    async fn introduce(&mut self) -> Result<Terms, Broken> {
        self.pause().await;
        let config = self.sim.config();
        let key =
            if config.comm_key == 0 { String::new() } else { format!("&pushcommkey={}", config.comm_key) };
        let query = format!("cdata?SN={}&options=all&pushver=2.4.1&language=69{key}", config.serial);
        let block = self.line.get(&query).await?;
        if !block.starts_with("GET OPTION FROM:") {
            return Err(PushError::Answer.into());
        }
        let option = |name: &str| {
            block
                .lines()
                .filter_map(|line| line.split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
        };
        let seconds = |name: &str, otherwise| {
            Duration::from_secs(option(name).and_then(|value| value.parse().ok()).unwrap_or(otherwise))
        };
        // The server says where it wants to go on; without a stamp it wants everything.
        let resume = option("ATTLOGStamp").and_then(|stamp| stamp.parse::<u64>().ok()).unwrap_or(0);
        self.sim.acknowledged.send_replace(resume.min(self.sim.count()));
        Ok(Terms { error_delay: seconds("ErrorDelay", 30), delay: seconds("Delay", 10) })
    }

    async fn post_users(&mut self) -> Result<(), Broken> {
        let users: Vec<_> = self.sim.users().collect();
        for some in users.chunks(100) {
            let body: String = some.iter().map(text::user).collect();
            let query = format!("cdata?SN={}&table=OPERLOG&OpStamp=9999", self.sim.config().serial);
            self.post(&query, body, some.len()).await?;
        }
        Ok(())
    }

    /// Posts what was done at the clock since it was last told.
    async fn post_operations(&mut self, told: &mut usize) -> Result<(), Broken> {
        let operations = self.sim.operations();
        let new = operations.get(*told..).unwrap_or_default();
        if !new.is_empty() {
            let body: String = new.iter().map(text::operation).collect();
            let query = format!("cdata?SN={}&table=OPERLOG&OpStamp=9999", self.sim.config().serial);
            self.post(&query, body, new.len()).await?;
            *told = operations.len();
        }
        Ok(())
    }

    /// Posts the next punches; they are acknowledged when the server has answered.
    async fn post_next(&mut self) -> Result<(), Broken> {
        let from = self.sim.acknowledged();
        let until = self.sim.count().min(from + self.target.batch.max(1));
        let body = self.punches((from..until).filter_map(|index| self.sim.punch_at(index)));
        let count = usize::try_from(until - from).unwrap_or(0);
        let query = format!("cdata?SN={}&table=ATTLOG&Stamp={until}", self.sim.config().serial);
        if self.sim.faults().push_drops() {
            // The line breaks after the post: the server may have kept it, the clock cannot know.
            self.sim.change_faults(super::Faults::count_push_drop);
            self.line.post_and_hang_up(&query, &body).await?;
            return Err(PushError::Closed.into());
        }
        self.sim.change_faults(super::Faults::count_push_batch);
        self.post(&query, body.clone(), count).await?;
        if self.sim.faults().push_twice {
            self.post(&query, body, count).await?;
        }
        // Unless somebody asked for everything again meanwhile.
        self.sim.acknowledged.send_if_modified(|at| {
            let same = *at == from;
            if same {
                *at = until;
            }
            same
        });
        Ok(())
    }

    fn punches(&self, punches: impl Iterator<Item = super::SimPunch>) -> String {
        punches.map(|punch| text::punch(&punch, &self.sim.config().generator.user(punch.user))).collect()
    }

    async fn post(&mut self, query: &str, body: String, lines: usize) -> Result<(), Broken> {
        self.pause().await;
        let answer = self.line.post(query, body).await?;
        let counted = answer.trim().strip_prefix("OK:").and_then(|count| count.trim().parse().ok());
        if counted.is_some_and(|count: usize| count != lines) || !answer.starts_with("OK") {
            return Err(PushError::Answer.into());
        }
        Ok(())
    }

    async fn poll(&mut self) -> Result<(), Broken> {
        self.pause().await;
        let (users, logged) = (self.sim.config().generator.users(), self.sim.logged());
        let records = logged.end - logged.start;
        let info = format!("Ver%202.0.31-sim,{users},0,{records},127.0.0.1,10,7,15,0,111");
        let query = format!("getrequest?SN={}&INFO={info}", self.sim.config().serial);
        let answer = self.line.get(&query).await?;
        let mut reboot = false;
        for line in answer.lines() {
            let Some((id, command)) = line.strip_prefix("C:").and_then(|rest| rest.split_once(':')) else {
                continue;
            };
            let (code, name) = self.obey(command).await?;
            reboot |= name == "REBOOT";
            let query = format!("devicecmd?SN={}", self.sim.config().serial);
            self.line.post(&query, format!("ID={id}&Return={code}&CMD={name}\n")).await?;
        }
        if reboot { Err(Broken::Reboot) } else { Ok(()) }
    }

    /// Carries out a command; the return code and the command's short name.
    async fn obey(&mut self, command: &str) -> Result<(i64, String), Broken> {
        let name = command.split_ascii_whitespace().next().unwrap_or_default().to_owned();
        let code = match command.split_once("ATTLOG ") {
            Some(("DATA QUERY ", range)) => self.send_range(range).await?,
            Some(("VERIFY SUM ", range)) => i64::try_from(self.range(range).count()).unwrap_or(-1),
            _ if command.starts_with("DATA QUERY USERINFO") => {
                self.post_users().await?;
                0
            }
            _ if command.starts_with("DATA UPDATE USERINFO")
                || command.starts_with("DATA DELETE USERINFO") =>
            {
                0
            }
            _ => match name.as_str() {
                "CHECK" | "LOG" | "INFO" | "SET" | "RELOAD" | "REBOOT" => 0,
                _ => -1002,
            },
        };
        Ok((code, name))
    }

    async fn send_range(&mut self, range: &str) -> Result<i64, Broken> {
        let wanted: Vec<_> = self.range(range).collect();
        for some in wanted.chunks(usize::try_from(self.target.batch.max(1)).unwrap_or(100)) {
            let body = self.punches(some.iter().copied());
            let query = format!(
                "cdata?SN={}&table=ATTLOG&Stamp={}",
                self.sim.config().serial,
                self.sim.acknowledged()
            );
            self.post(&query, body, some.len()).await?;
        }
        Ok(i64::try_from(wanted.len()).unwrap_or(-1))
    }

    /// The punches within `StartTime=…<TAB>EndTime=…`.
    fn range(&self, range: &str) -> impl Iterator<Item = super::SimPunch> + '_ {
        let bound = |name: &str| {
            let text = range.split('\t').find_map(|field| field.trim().strip_prefix(name))?;
            NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()
        };
        let (from, to) = (bound("StartTime="), bound("EndTime="));
        let within = move |punch: &super::SimPunch| {
            // A date that does not exist is in no range, so the clock sends it with every one.
            punch
                .time
                .existing()
                .is_none_or(|time| from.is_none_or(|f| f <= time) && to.is_none_or(|t| time <= t))
        };
        self.sim.logged().filter_map(|index| self.sim.punch_at(index)).filter(within)
    }
}
