//! What can be asked of an agent, by command and on its pages.
//!
//! Each thing that can be asked is a type with its answer; [`Request`] and [`Answer`] list them all, and [`execute`]
//! carries one out. There is one way, whoever asks: a command on a machine where no agent runs opens the store and
//! executes here, and one on a machine where an agent runs sends the request to it over the [channel](serve), where the
//! same function executes it. The running agent holds the folder's lock, so there are never two writers.
//!
//! ```text
//! command ─ Request ─┬─ no agent runs:  open the store ─ execute ─ Answer | Refusal
//!                    └─ an agent runs:  channel ───────── execute ─ Progress* (Answer | Refusal)
//! ```

pub mod account;
pub mod approval;
pub mod calendar;
pub mod conflict;
pub mod device;
pub mod employee;
pub mod explain;
pub mod founding;
pub mod import;
pub mod organisation;
pub mod policy;
pub mod punch;
pub mod record;
pub mod roster;
pub mod shift;
pub mod status;
pub mod sync;

mod channel;
mod document;
mod find;
mod hidden;
mod progress;
mod refusal;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use shared_model::entity::Entity;
use shared_model::id::uuid_v7;
use shared_model::{Clock, Entropy};

use crate::config::CloudConfig;
use crate::device::FleetHandle;
use crate::store::{Author, ReadTx, Store, StoreError, WriteTx};

pub use channel::{CHANNEL, Client, ClientError, Serving, serve};
pub use document::check_documents;
pub use hidden::Hidden;
pub use progress::{Progress, Step};
pub use refusal::{Detail, Refusal, RefusalKind};

/// An agent that carries out requests: its store and, where it runs, its clocks.
#[derive(Clone)]
pub struct Agent {
    /// The database.
    pub store: Store,
    /// Who asks.
    pub author: Author,
    /// The data folder.
    pub folder: PathBuf,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The way to the cloud.
    pub cloud: CloudConfig,
    /// Where the pages are, once they are served.
    pub pages: Arc<OnceLock<String>>,
    /// The supervised clocks; `None` = no agent runs, a command has opened the store.
    pub fleet: Option<FleetHandle>,
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl From<&crate::run::Agent> for Agent {
    fn from(agent: &crate::run::Agent) -> Self {
        Self {
            store: agent.store.clone(),
            author: Author::CONSOLE,
            folder: agent.folder.clone(),
            clock: Arc::clone(&agent.clock),
            entropy: Arc::clone(&agent.entropy),
            cloud: agent.config.cloud.clone(),
            pages: Arc::clone(&agent.pages),
            fleet: Some(agent.fleet.clone()),
        }
    }
}

impl Agent {
    async fn write<T, F>(&self, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTx, &Author) -> Result<T, StoreError> + Send + 'static,
    {
        let author = self.author;
        Ok(self.store.write(move |tx| work(tx, &author)).await?)
    }

    async fn read<T, F>(&self, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&ReadTx) -> Result<T, StoreError> + Send + 'static,
    {
        Ok(self.store.read(work).await?)
    }
}

/// Something that can be asked, with what is answered.
pub trait Call: Into<Request> {
    /// What is answered.
    type Answer;

    /// The answer out of the list; `None` for the answer to something else.
    fn answer(answer: Answer) -> Option<Self::Answer>;
}

/// Asks an agent in this process.
///
/// # Errors
/// [`Refusal`]: nothing of it has happened, unless the text says so.
#[expect(private_bounds, reason = "what can be asked is listed here and nowhere else")]
pub async fn call<C: Act>(agent: &Agent, call: C, progress: &Progress) -> Result<C::Answer, Refusal> {
    call.act(agent, progress).await
}

/// How it is carried out.
trait Act: Call {
    async fn act(self, agent: &Agent, progress: &Progress) -> Result<Self::Answer, Refusal>;
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($call:ty) -> $answer:ty;)+) => {
        /// Everything that can be asked.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Request { $($(#[$doc])* $name($call),)+ }

        /// Everything that is answered.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Answer { $($(#[$doc])* $name($answer),)+ }

        $(
            impl From<$call> for Request {
                fn from(call: $call) -> Self {
                    Self::$name(call)
                }
            }

            impl Call for $call {
                type Answer = $answer;

                fn answer(answer: Answer) -> Option<$answer> {
                    if let Answer::$name(answer) = answer { Some(answer) } else { None }
                }
            }
        )+

        /// Carries out a request.
        ///
        /// # Errors
        /// [`Refusal`]: nothing of it has happened, unless the text says so.
        pub async fn execute(agent: &Agent, request: Request, progress: &Progress) -> Result<Answer, Refusal> {
            match request {
                $(Request::$name(call) => call.act(agent, progress).await.map(Answer::$name),)+
            }
        }
    };
}

calls! {
    /// Sets the company's own settings.
    SetCompany(organisation::SetCompany) -> Saved;
    /// Adds or changes a site.
    SetSite(organisation::SetSite) -> Saved;
    /// Lists the sites.
    ListSites(organisation::ListSites) -> Vec<organisation::SiteRow>;
    /// Adds a department, section, line or floor.
    AddDepartment(organisation::AddDepartment) -> Saved;
    /// Lists them.
    ListDepartments(organisation::ListDepartments) -> Vec<organisation::DepartmentRow>;
    /// Adds a shift.
    AddShift(shift::AddShift) -> Saved;
    /// Lists the shifts.
    ListShifts(shift::ListShifts) -> Vec<shift::ShiftRow>;
    /// Says why an employee's days are what they are.
    ExplainDays(explain::ExplainDays) -> Vec<crate::attendance::explain::ExplainedDay>;
    /// Says who works which shift from a date on.
    SetRoster(roster::SetRoster) -> Saved;
    /// Lists the assignments.
    ListRosters(roster::ListRosters) -> Vec<roster::RosterRow>;
    /// Sets the rules that count from a date on.
    SetPolicy(policy::SetPolicy) -> Saved;
    /// Lists the policies with their rules.
    ListPolicies(policy::ListPolicies) -> Vec<policy::PolicyRow>;
    /// Adds a holiday.
    AddHoliday(calendar::AddHoliday) -> Saved;
    /// Lists the holidays.
    ListHolidays(calendar::ListHolidays) -> Vec<calendar::HolidayRow>;
    /// Adds a leave.
    AddLeave(calendar::AddLeave) -> Saved;
    /// Lists the leaves.
    ListLeaves(calendar::ListLeaves) -> Vec<calendar::LeaveRow>;
    /// Adds one employee.
    AddEmployee(employee::AddEmployee) -> Saved;
    /// Lists employees.
    ListEmployees(employee::ListEmployees) -> employee::EmployeeList;
    /// Ends a clock code.
    EndCode(employee::EndCode) -> Saved;
    /// Adds and changes many employees.
    ImportEmployees(import::ImportEmployees) -> import::ImportReport;
    /// Adds a clock, or adopts one that waits for it.
    AddDevice(device::AddDevice) -> Saved;
    /// Changes a clock.
    SetDevice(device::SetDevice) -> Saved;
    /// Takes a clock out of work.
    RetireDevice(device::RetireDevice) -> Saved;
    /// Lists the clocks.
    ListDevices(device::ListDevices) -> device::DeviceList;
    /// Shows one clock.
    ShowDevice(device::ShowDevice) -> device::DeviceDetail;
    /// Lists what was done at a clock itself.
    ListClockEvents(device::ListClockEvents) -> device::ClockEventList;
    /// Tells how a clock is connected to.
    FindDevice(device::FindDevice) -> device::DeviceRoute;
    /// Asks a running agent to do something with a clock.
    AskDevice(device::AskDevice) -> device::DeviceAnswer;
    /// Notes that a command has set a clock's time.
    NoteTimeSet(device::NoteTimeSet) -> device::TimeSetNoted;
    /// Makes this agent one of a company's edges.
    Enroll(sync::Enroll) -> crate::sync::enroll::Enrolled;
    /// Tells how things stand with the cloud.
    SyncState(sync::SyncState) -> crate::sync::status::SyncStatus;
    /// Lists the conflicts, and what could not be exchanged.
    ListConflicts(conflict::ListConflicts) -> conflict::Aside;
    /// Settles a conflict.
    OverrideConflict(conflict::OverrideConflict) -> Saved;
    /// Tells the whole agent at a glance.
    AgentState(status::AgentState) -> status::AgentReport;
    /// Looks through the whole database.
    Examine(status::Examine) -> status::Examined;
    /// Makes a new one-time token for the first set-up.
    FreshSetUp(account::FreshSetUp) -> account::SetUpAnswer;
    /// Adds an account for the pages.
    AddUser(account::AddUser) -> Saved;
    /// Gives an account another password.
    SetPassword(account::SetPassword) -> Saved;
    /// Lets an account sign in or not.
    SetUserActive(account::SetUserActive) -> Saved;
    /// Lists the accounts.
    ListUsers(account::ListUsers) -> Vec<account::UserRow>;
    /// Lists the punches whose time is in doubt.
    ListFlags(punch::ListFlags) -> Vec<crate::store::FlaggedPunch>;
    /// Lists the phone punches that wait, and those decided lately.
    ListApprovals(approval::ListApprovals) -> Vec<approval::ApprovalRow>;
    /// Decides phone punches.
    DecideApprovals(approval::DecideApprovals) -> Vec<approval::Decided>;
    /// Adds and changes records of any kind.
    ImportRecords(record::ImportRecords) -> record::RecordReport;
    /// Lists the records of a kind.
    ListRecords(record::ListRecords) -> record::RecordPage;
}

/// A record that was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Its kind's name.
    pub kind: String,
    /// Its key.
    pub id: uuid::Uuid,
    /// The code or name by which people know it.
    pub label: String,
    /// What was done.
    pub outcome: Outcome,
}

/// Saves a record in the place of the one that it is another version of, or as a new one.
fn put<E: Entity>(
    tx: &WriteTx,
    author: &Author,
    label: String,
    record: &E,
    same: impl Fn(&E) -> bool,
) -> Result<Saved, StoreError> {
    match tx.records::<E>()?.into_iter().find(|found| same(&found.record)) {
        Some(found) => {
            let changed = tx.update(author, found.id, None, record)?.is_some();
            Ok(saved::<E>(found.id, label, Outcome::of_update(changed)))
        }
        None => {
            let id = E::Id::from(uuid_v7(tx.clock(), tx.entropy()));
            tx.create(author, id, record)?;
            Ok(saved::<E>(id, label, Outcome::Created))
        }
    }
}

fn saved<E: Entity>(id: E::Id, label: String, outcome: Outcome) -> Saved {
    Saved { kind: E::KIND.as_str().to_owned(), id: id.into(), label, outcome }
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was not there and is now.
    Created,
    /// Some of its fields changed.
    Updated,
    /// It was so already.
    Unchanged,
}

impl Outcome {
    const fn of_update(changed: bool) -> Self {
        if changed { Self::Updated } else { Self::Unchanged }
    }

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
        }
    }
}
