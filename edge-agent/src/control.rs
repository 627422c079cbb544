//! What can be asked of an agent by command.
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
pub mod calendar;
pub mod device;
pub mod employee;
pub mod import;
pub mod organisation;
pub mod policy;
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
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared_model::{Clock, Entropy};

use crate::config::CloudConfig;
use crate::device::FleetHandle;
use crate::store::{ReadTx, Store, StoreError, WriteTx};

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
    /// The data folder.
    pub folder: PathBuf,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The way to the cloud.
    pub cloud: CloudConfig,
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
            folder: agent.folder.clone(),
            clock: Arc::clone(&agent.clock),
            entropy: Arc::clone(&agent.entropy),
            cloud: agent.config.cloud.clone(),
            fleet: Some(agent.fleet.clone()),
        }
    }
}

impl Agent {
    async fn write<T, F>(&self, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&WriteTx) -> Result<T, StoreError> + Send + 'static,
    {
        Ok(self.store.write(work).await?)
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
    ShowDevice(device::ShowDevice) -> device::DeviceRow;
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
    /// Tells the whole agent at a glance.
    AgentState(status::AgentState) -> status::AgentReport;
    /// Looks through the whole database.
    Examine(status::Examine) -> status::Examined;
    /// Adds an account for the pages.
    AddUser(account::AddUser) -> Saved;
    /// Gives an account another password.
    SetPassword(account::SetPassword) -> Saved;
    /// Lets an account sign in or not.
    SetUserActive(account::SetUserActive) -> Saved;
    /// Lists the accounts.
    ListUsers(account::ListUsers) -> Vec<account::UserRow>;
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
