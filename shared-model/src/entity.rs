//! The mutable records, one type per [`Kind`], each field with its number for good.
//!
//! One macro makes the struct, its field list, and the way to and from a [`FieldMap`]; so the list cannot drift from
//! the struct. New fields get the next free tag and are optional.

mod choice;
pub mod phone;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::punch::{ClockSerial, PunchId, RawTime, UserCode};
use crate::record::{
    BadField, Document, FieldDef, FieldMap, FieldTag, FieldType, FieldValue, Kind, read_field, write_field,
};
use crate::text::{Code, EmployeeCode, HostAddress, Line, Name, Phone};
use crate::{
    CompanyId, CompanyRuleId, DayDecisionId, DepartmentId, DeviceId, EmployeeId, HolidayId, IdentityId,
    LeaveId, PayPeriodId, PhonePunchId, PolicyId, PunchNoteId, RosterDayId, RosterId, ShiftId, SiteId,
    UserId, ZoneHistory,
};

pub use choice::{
    DayDecisionType, DepartmentLevel, DeviceState, DirectionUse, EmployeeCategory, Gender, HolidayType,
    LeavePortion, PayPeriodState, PhoneDirection, PunchNoteType, RequestState, RosterBasis, ScopeKind,
    Transport, Weekday,
};

/// A typed record.
pub trait Entity: Sized {
    /// Its kind.
    const KIND: Kind;
    /// Its fields, by rising tag.
    const FIELDS: &'static [FieldDef];
    /// The type of its key.
    type Id: Copy + std::fmt::Display + From<uuid::Uuid> + Into<uuid::Uuid>;

    /// All fields as tagged values; `null` for what is not set.
    fn to_fields(&self) -> FieldMap;

    /// Reads a whole record.
    ///
    /// # Errors
    /// The first field that is missing or bad.
    fn from_fields(fields: &FieldMap) -> Result<Self, BadField>;

    /// Checks the values that are there.
    ///
    /// # Errors
    /// The first bad field.
    fn check_changed(fields: &FieldMap) -> Result<(), BadField>;

    /// The tagged values in which `self` differs from `old`: what an edit's change row carries.
    fn changed_from(&self, old: &Self) -> FieldMap {
        let old = old.to_fields();
        let mut new = self.to_fields();
        new.retain(|tag, value| old.get(tag) != Some(value));
        new
    }
}

macro_rules! entities {
    ($($(#[$doc:meta])* $name:ident($id:ty) {
        $($(#[$fdoc:meta])* $tag:literal $field:ident: $ty:ty $(, group $group:literal)?;)+
    })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
            pub struct $name { $($(#[$fdoc])* pub $field: $ty,)+ }

            impl Entity for $name {
                const KIND: Kind = Kind::$name;
                const FIELDS: &'static [FieldDef] = &[$(FieldDef {
                    tag: FieldTag($tag),
                    name: stringify!($field),
                    ty: <$ty as FieldValue>::TYPE,
                    optional: <$ty as FieldValue>::OPTIONAL,
                    group: 0 $(+ $group)?,
                },)+];
                type Id = $id;

                fn to_fields(&self) -> FieldMap {
                    FieldMap::from([$((FieldTag($tag), write_field(&self.$field)),)+])
                }

                fn from_fields(fields: &FieldMap) -> Result<Self, BadField> {
                    let mut defs = Self::FIELDS.iter();
                    Ok(Self { $($field: {
                        let Some(def) = defs.next() else { unreachable!("one definition a field") };
                        read_field(Self::KIND, def, fields)?
                    },)+ })
                }

                fn check_changed(fields: &FieldMap) -> Result<(), BadField> {
                    for def in Self::FIELDS {
                        if fields.contains_key(&def.tag) {
                            match def.tag.0 {
                                $($tag => { read_field::<$ty>(Self::KIND, def, fields)?; })+
                                _ => {}
                            }
                        }
                    }
                    Ok(())
                }
            }
        )+

        pub(crate) fn fields(kind: Kind) -> &'static [FieldDef] {
            match kind { $(Kind::$name => $name::FIELDS,)+ }
        }

        pub(crate) fn check_whole(kind: Kind, fields: &FieldMap) -> Result<(), BadField> {
            match kind { $(Kind::$name => $name::from_fields(fields).map(drop),)+ }
        }

        pub(crate) fn check_changed(kind: Kind, fields: &FieldMap) -> Result<(), BadField> {
            match kind { $(Kind::$name => $name::check_changed(fields),)+ }
        }
    };
}

entities! {
    /// The company's own settings.
    Company(CompanyId) {
        /// What it is called.
        1 name: Name;
        /// First day of the week for weekly totals.
        2 week_starts_on: Weekday;
        /// The language texts for everybody are made in (BCP 47).
        3 locale: Code;
    }
    /// A factory or office.
    Site(SiteId) {
        /// What it is called.
        1 name: Name;
        /// Its short code; unique in the company.
        2 code: Code;
        /// Its time zones.
        3 zones: ZoneHistory;
        /// Its postal address, for printed registers.
        4 address: Option<Line>;
        /// Centre of the allowed place for phone punches, degrees north times 10^7.
        5 latitude_e7: Option<i64>, group 1;
        /// Degrees east times 10^7.
        6 longitude_e7: Option<i64>, group 1;
        /// Radius of the allowed place, metres.
        7 radius_m: Option<i64>, group 1;
        /// Whether it still works.
        8 active: bool;
    }
    /// A department, section, line or floor.
    Department(DepartmentId) {
        /// What it is called.
        1 name: Name;
        /// Its short code; unique in the company.
        2 code: Code;
        /// What it is.
        3 level: DepartmentLevel;
        /// The one it belongs to.
        4 parent: Option<DepartmentId>;
        /// The site it is at; `None` = at every site.
        5 site: Option<SiteId>;
        /// Whether it still exists.
        6 active: bool;
    }
    /// A worker.
    Employee(EmployeeId) {
        /// The number on the card; unique in the company.
        1 code: EmployeeCode;
        /// What the person is called.
        2 name: Name;
        /// Home site.
        3 site: SiteId;
        /// Department, section or line.
        4 department: Option<DepartmentId>;
        /// Nature of work.
        5 designation: Option<Line>;
        /// Worker or staff.
        6 category: EmployeeCategory;
        /// Gender, where given.
        7 gender: Option<Gender>;
        /// First day of work.
        8 joined: Option<NaiveDate>;
        /// Last day of work.
        9 left: Option<NaiveDate>;
        /// Whether the person counts in reports of today.
        10 active: bool;
        /// Telephone number.
        11 phone: Option<Phone>;
        /// Number of the badge card.
        12 card: Option<Code>;
    }
    /// A shift's definition. What `definition` holds is the shift engine's.
    Shift(ShiftId) {
        /// Its short code; unique in the company.
        1 code: Code;
        /// What it is called.
        2 name: Name;
        /// Start, end, breaks, windows, other hours on some weekdays.
        3 definition: Document;
        /// Whether it may be assigned.
        4 active: bool;
    }
    /// A roster assignment: a shift or a repeating pattern for somebody from a date on.
    Roster(RosterId) {
        /// Whom it is for.
        1 scope_kind: ScopeKind, group 1;
        /// Employee, department or site; `None` for the company.
        2 scope: Option<uuid::Uuid>, group 1;
        /// Roster or default.
        3 basis: RosterBasis;
        /// First work date.
        4 from: NaiveDate, group 2;
        /// Last work date; `None` = until further notice.
        5 to: Option<NaiveDate>, group 2;
        /// The shifts and offs, as the shift engine reads them.
        6 pattern: Document, group 2;
    }
    /// One edited cell: it replaces what assignments say for that employee and date.
    RosterDay(RosterDayId) {
        /// Whose.
        1 employee: EmployeeId, group 1;
        /// Work date.
        2 date: NaiveDate, group 1;
        /// The shifts of the day, in order; empty = off.
        3 shifts: Document, group 1;
        /// Why it was changed.
        4 note: Option<Line>;
    }
    /// A version of an attendance policy. What `rules` holds is the shift engine's.
    Policy(PolicyId) {
        /// What it is called.
        1 name: Name;
        /// First work date it counts for.
        2 effective_from: NaiveDate, group 1;
        /// Whom it is for.
        3 scope_kind: ScopeKind, group 1;
        /// Department or site; `None` for the company.
        4 scope: Option<uuid::Uuid>, group 1;
        /// The rules.
        5 rules: Document;
    }
    /// A holiday.
    Holiday(HolidayId) {
        /// The date.
        1 date: NaiveDate;
        /// What it is called.
        2 name: Name;
        /// Whole or half.
        3 holiday_type: HolidayType;
        /// The site it is kept at; `None` = at every site.
        4 site: Option<SiteId>;
        /// The group it is for (a religion, say); `None` = for everybody.
        5 group: Option<Code>;
    }
    /// A leave of an employee.
    Leave(LeaveId) {
        /// Whose.
        1 employee: EmployeeId;
        /// First date.
        2 from: NaiveDate, group 1;
        /// Last date.
        3 to: NaiveDate, group 1;
        /// How much of each day.
        4 portion: LeavePortion, group 1;
        /// Start of an hourly leave, wall time.
        5 start: Option<NaiveDateTime>, group 1;
        /// End of an hourly leave, wall time.
        6 end: Option<NaiveDateTime>, group 1;
        /// Its type: CL, SL, EL, ML …
        7 leave_type: Code;
        /// Whether it is paid.
        8 paid: bool;
        /// Where the request stands.
        9 state: RequestState;
        /// Why.
        10 reason: Option<Line>;
    }
    /// A clock. Its keys and passwords are not here: they stay on the edge that talks to it.
    Device(DeviceId) {
        /// Its serial number; unique in the company.
        1 serial: ClockSerial;
        /// What it is called ("Gate 2").
        2 name: Name;
        /// The site where it hangs.
        3 site: SiteId;
        /// How it is reached.
        4 transport: Transport, group 1;
        /// Where it is reached; `None` for clocks that post to us.
        5 address: Option<HostAddress>, group 1;
        /// Whether it may feed the ledger.
        6 state: DeviceState;
        /// The zones of its wall time where they are not the site's.
        7 zones: Option<ZoneHistory>;
        /// What its in/out keys are worth.
        8 direction_use: DirectionUse;
        /// Model, as it reports it.
        9 model: Option<Line>;
        /// Firmware, as it reports it.
        10 firmware: Option<Line>;
        /// Whether the agent may set its time.
        11 set_time: bool;
    }
    /// Whose a clock's user code is, for a time.
    Identity(IdentityId) {
        /// The clock; `None` = the code means the same on every clock of the company.
        1 serial: Option<ClockSerial>;
        /// The code.
        2 user_code: UserCode;
        /// Whose it is.
        3 employee: EmployeeId;
        /// First instant.
        4 from: Option<DateTime<Utc>>, group 1;
        /// First instant at which it is no longer.
        5 to: Option<DateTime<Utc>>, group 1;
    }
    /// A note on a punch. The punch itself never changes.
    PunchNote(PunchNoteId) {
        /// The punch.
        1 punch: PunchId;
        /// What the note says.
        2 note_type: PunchNoteType, group 1;
        /// The punch that counts instead.
        3 other: Option<PunchId>, group 1;
        /// The zone to read it in.
        4 zone: Option<Code>, group 1;
        /// The mark.
        5 flag: Option<Code>, group 1;
        /// Why.
        6 reason: Option<Line>;
    }
    /// A decision about an employee's day.
    DayDecision(DayDecisionId) {
        /// Whose day.
        1 employee: EmployeeId;
        /// Work date.
        2 date: NaiveDate;
        /// What is decided.
        3 decision_type: DayDecisionType, group 1;
        /// Seconds approved.
        4 seconds: Option<i64>, group 1;
        /// Start, wall time.
        5 start: Option<RawTime>, group 1;
        /// End, wall time.
        6 end: Option<RawTime>, group 1;
        /// Status set by hand.
        7 status: Option<Code>, group 1;
        /// Where it stands.
        8 state: RequestState;
        /// Why.
        9 reason: Option<Line>;
    }
    /// A pay period.
    PayPeriod(PayPeriodId) {
        /// The site; `None` = the company.
        1 site: Option<SiteId>;
        /// First date.
        2 from: NaiveDate, group 1;
        /// Last date.
        3 to: NaiveDate, group 1;
        /// Open or locked.
        4 state: PayPeriodState;
    }
    /// A company's own rule over a day's facts. What `rule` holds is the shift engine's.
    CompanyRule(CompanyRuleId) {
        /// What it is called.
        1 name: Name;
        /// First work date it counts for.
        2 effective_from: NaiveDate;
        /// Expression and effect.
        3 rule: Document;
        /// Whether it counts.
        4 active: bool;
    }
    /// A punch made on a phone. The cloud makes it and nothing of it changes but the decision, which either side takes once;
    /// see [`phone`].
    PhonePunch(PhonePunchId) {
        /// Whose.
        1 employee: EmployeeId;
        /// The person's home site when it was made.
        2 site: SiteId;
        /// The person's department when it was made.
        3 department: Option<DepartmentId>;
        /// When the person punched, whole seconds.
        4 instant: DateTime<Utc>;
        /// The home site's zone then.
        5 zone: Code;
        /// In or out.
        6 direction: PhoneDirection;
        /// Where the phone was, degrees north times 10^7.
        7 latitude_e7: Option<i64>;
        /// Degrees east times 10^7.
        8 longitude_e7: Option<i64>;
        /// How far off that may be, metres.
        9 accuracy_m: Option<i64>;
        /// The phone, as its app names it.
        10 phone: Code;
        /// The app's own id of the punch: sent twice, it is one punch.
        11 client_id: uuid::Uuid;
        /// How long the phone had kept it before it could send it, seconds.
        12 offline_s: i64;
        /// When the cloud received it.
        13 received_at: DateTime<Utc>;
        /// Where it stands.
        14 state: RequestState, group 1;
        /// Who decided.
        15 decided_by: Option<UserId>, group 1;
        /// When, by the cloud's time as the decider's side knew it.
        16 decided_at: Option<DateTime<Utc>>, group 1;
        /// The epoch of the grants by which he decided.
        17 epoch: Option<i64>, group 1;
        /// When those grants were issued to his side; `None` where the cloud itself was asked.
        18 bundle_at: Option<DateTime<Utc>>, group 1;
        /// Why.
        19 reason: Option<Line>, group 1;
    }
}

impl FieldValue for uuid::Uuid {
    const TYPE: FieldType = FieldType::Id;
}

#[cfg(test)]
mod tests;
