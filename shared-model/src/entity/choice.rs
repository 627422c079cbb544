//! What a field may be one of: each value with the name under which it is stored and sent, for good.

use serde::{Deserialize, Serialize};

use crate::record::{FieldType, FieldValue};

macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in storage, the API and locale keys.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value of a name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FieldValue for $name {
            const TYPE: FieldType = FieldType::Text { max: 32 };
        }
    )+};
}

choices! {
    /// Day of the week.
    Weekday {
        /// Monday.
        Monday = "monday",
        /// Tuesday.
        Tuesday = "tuesday",
        /// Wednesday.
        Wednesday = "wednesday",
        /// Thursday.
        Thursday = "thursday",
        /// Friday.
        Friday = "friday",
        /// Saturday.
        Saturday = "saturday",
        /// Sunday.
        Sunday = "sunday",
    }
    /// What a department is in the factory's own order.
    DepartmentLevel {
        /// A department.
        Department = "department",
        /// A section of a department.
        Section = "section",
        /// A sewing or finishing line.
        Line = "line",
        /// A floor.
        Floor = "floor",
    }
    /// Worker or staff: they often have other rules.
    EmployeeCategory {
        /// Paid by the month or hour on the floor.
        Worker = "worker",
        /// Office and management.
        Staff = "staff",
    }
    /// Gender, where the law makes it count (night work).
    Gender {
        /// Female.
        Female = "female",
        /// Male.
        Male = "male",
        /// Another.
        Other = "other",
    }
    /// Whom a roster or policy is for. The narrowest wins: employee, line or section, department, site, company.
    ScopeKind {
        /// Everybody.
        Company = "company",
        /// A site's people.
        Site = "site",
        /// A department's, section's or line's people.
        Department = "department",
        /// One person.
        Employee = "employee",
    }
    /// Whether an assignment is planned or what counts when nothing is planned.
    RosterBasis {
        /// Planned; goes before every default.
        Roster = "roster",
        /// Counts where no roster does.
        Default = "default",
    }
    /// How much of a day a holiday takes.
    HolidayType {
        /// The whole day.
        Public = "public",
        /// Half of it.
        HalfDay = "half_day",
    }
    /// How much of a day a leave takes.
    LeavePortion {
        /// Each day from first to last.
        Full = "full",
        /// The first half of one day.
        FirstHalf = "first_half",
        /// The second half of one day.
        SecondHalf = "second_half",
        /// Between two wall times of one day.
        Hours = "hours",
    }
    /// State of a request that somebody decides.
    RequestState {
        /// Waits for a decision.
        Pending = "pending",
        /// Decided for.
        Approved = "approved",
        /// Decided against.
        Rejected = "rejected",
        /// Taken back by the asker.
        Cancelled = "cancelled",
    }
    /// How a clock is reached.
    Transport {
        /// We poll its log over TCP.
        Tcp = "tcp",
        /// We poll its log over UDP.
        Udp = "udp",
        /// It posts to us (ADMS).
        Push = "push",
        /// Its files are imported.
        File = "file",
    }
    /// Whether a clock may feed the ledger.
    DeviceState {
        /// Seen, not yet adopted: its rows are not taken.
        Pending = "pending",
        /// Adopted.
        Active = "active",
        /// Taken down; its old punches stay.
        Retired = "retired",
    }
    /// What the clock's in/out keys are worth.
    DirectionUse {
        /// The keys are not used: pair by time.
        Ignore = "ignore",
        /// The keys are trusted.
        Trust = "trust",
        /// The clock stands where people only come in.
        AlwaysIn = "always_in",
        /// The clock stands where people only go out.
        AlwaysOut = "always_out",
    }
    /// What a punch note says.
    PunchNoteType {
        /// The punch does not count.
        Void = "void",
        /// The punch is the same act as another (`other`), which counts.
        SamePunch = "same_punch",
        /// The instant must be read in another zone (`zone`).
        ZoneCorrection = "zone_correction",
        /// A mark for review (`flag`).
        Flag = "flag",
    }
    /// What a day decision decides.
    DayDecisionType {
        /// So much overtime is approved (`seconds`).
        Overtime = "overtime",
        /// On duty elsewhere between two wall times.
        OnDuty = "on_duty",
        /// The day's status is set by hand (`status`).
        ManualStatus = "manual_status",
        /// One late is waived.
        WaiveLate = "waive_late",
    }
    /// What a person says on the phone.
    PhoneDirection {
        /// Coming.
        In = "in",
        /// Going.
        Out = "out",
    }
    /// State of a pay period.
    PayPeriodState {
        /// Records may change.
        Open = "open",
        /// Records are fixed; later changes become adjustments.
        Locked = "locked",
    }
}
