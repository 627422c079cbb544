use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use shared_model::entity::{
    Company, Device, DeviceState, DirectionUse, Entity, Identity, Policy, PunchNote, PunchNoteType, Roster,
    RosterBasis, RosterDay, ScopeKind, Shift, Transport, Weekday,
};
use shared_model::punch::Reading;
use shared_model::zone::resolve_in;
use shared_model::{
    ClockSerial, EmployeeId, IdentityId, Punch, PunchId, RawTime, Route, ShiftId, SiteId, UserCode,
};
use shift_engine::policy::{OvertimeRules, PolicyRules, Rate, Tier, WeeklyCounts, WeeklyOvertime};
use shift_engine::{DayRecord, Minutes, RosterDayShifts, RosterPattern, ShiftDefinition, Status, Typed as _};
use tempfile::TempDir;

use super::*;
use crate::store::tests::{self, TestEntropy};
use crate::store::{Author, Delivered, Delivery};

mod any_order;
mod day;
mod employment;
mod identity;
mod round;

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
    fn monotonic_ms(&self) -> u64 {
        0
    }
}

/// A site with one clock, one day shift from 08:00 to 17:00, and whoever a test adds.
struct Factory {
    _folder: TempDir,
    store: Store,
    clock: Arc<TestClock>,
    attendance: Attendance,
    site: SiteId,
    shift: ShiftId,
}

const CLOCK: &str = "GATE1";

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn wall(text: &str) -> DateTime<Utc> {
    resolve_in(Tz::Asia__Dhaka, text.parse().unwrap()).0
}

fn create<E: Entity + Send + 'static>(store: &Store, record: E) -> E::Id
where
    E::Id: Send,
{
    tests::create(store, record).unwrap()
}

impl Factory {
    fn new(now: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(wall(now).timestamp_millis())));
        let store =
            Store::open(folder.path(), clock.clone(), Arc::new(TestEntropy(AtomicU64::new(1)))).unwrap();
        create(
            &store,
            Company {
                name: "Works".parse().unwrap(),
                week_starts_on: Weekday::Saturday,
                locale: "en".parse().unwrap(),
            },
        );
        let site = create(&store, tests::site());
        let day = ShiftDefinition::fixed("08:00".parse().unwrap(), "17:00".parse().unwrap());
        let shift = Shift {
            code: "D".parse().unwrap(),
            name: "Day".parse().unwrap(),
            definition: day.to_document(),
            active: true,
        };
        let shift = create(&store, shift);
        create(
            &store,
            Roster {
                scope_kind: ScopeKind::Company,
                scope: None,
                basis: RosterBasis::Default,
                from: date("2000-01-01"),
                to: None,
                pattern: RosterPattern::every_day(shift).to_document(),
            },
        );
        create(
            &store,
            Device {
                serial: CLOCK.parse().unwrap(),
                name: "Gate".parse().unwrap(),
                site,
                transport: Transport::Tcp,
                address: None,
                state: DeviceState::Active,
                zones: None,
                direction_use: DirectionUse::Ignore,
                model: None,
                firmware: None,
                set_time: false,
            },
        );
        let attendance = Attendance::new(store.clone(), clock.clone());
        Self { _folder: folder, store, clock, attendance, site, shift }
    }

    fn person(&self, code: &str) -> EmployeeId {
        create(&self.store, tests::employee(self.site, code))
    }

    /// A person with a joining date, known to the clocks by his own code.
    fn joined(&self, code: &str, joined: &str) -> EmployeeId {
        let employee = self.worker(code);
        self.join(employee, joined);
        employee
    }

    fn join(&self, employee: EmployeeId, joined: &str) {
        let joined = Some(date(joined));
        let change = move |tx: &crate::store::WriteTx| {
            let mut record = tx.record::<shared_model::entity::Employee>(employee)?.unwrap().record;
            record.joined = joined;
            tx.update(&Author::SYSTEM, employee, None, &record).map(drop)
        };
        self.store.write_blocking(change).unwrap();
    }

    fn identity(&self, employee: EmployeeId, code: &str) -> IdentityId {
        let user_code = code.parse().unwrap();
        create(&self.store, Identity { serial: None, user_code, employee, from: None, to: None })
    }

    /// A person known to the clocks by his own code.
    fn worker(&self, code: &str) -> EmployeeId {
        let employee = self.person(code);
        self.identity(employee, code);
        employee
    }

    fn punch(&self, code: &str, times: &[&str]) -> Vec<PunchId> {
        let serial: ClockSerial = CLOCK.parse().unwrap();
        let user_code: UserCode = code.parse().unwrap();
        let punches: Vec<Punch> = times
            .iter()
            .map(|time| {
                let raw_time = RawTime::new(time.parse().unwrap());
                Punch {
                    id: PunchId::of_clock(&serial, &user_code, raw_time),
                    serial: serial.clone(),
                    user_code: user_code.clone(),
                    raw_time,
                    zone: Tz::Asia__Dhaka,
                    instant: wall(time),
                    reading: Reading::default(),
                    route: Route::Pull,
                    received_at: self.clock.now(),
                    raw: Box::default(),
                }
            })
            .collect();
        let ids = punches.iter().map(|punch| punch.id).collect();
        let rows = punches.into_iter().map(Delivered::Punch).collect();
        let delivery = Delivery { serial, route: Route::Pull, after: None, rows };
        self.store.write_blocking(move |tx| tx.take(&delivery)).unwrap();
        ids
    }

    /// The clock's log has been read up to an instant.
    fn read_through(&self, through: &str) {
        let through = wall(through);
        self.store.write_blocking(move |tx| tx.read_through(&CLOCK.parse().unwrap(), through, true)).unwrap();
    }

    fn at(&self, now: &str) {
        self.clock.0.store(wall(now).timestamp_millis(), Ordering::SeqCst);
    }

    fn work(&mut self) {
        self.attendance.work_off().unwrap();
        assert_eq!(self.store.read_blocking(crate::store::ReadTx::recompute_waiting).unwrap(), 0);
    }

    fn day(&self, employee: EmployeeId, on: &str) -> Option<DayRecord> {
        let on = date(on);
        self.store.read_blocking(move |tx| tx.attendance_record(employee, on)).unwrap()
    }

    fn status(&self, employee: EmployeeId, on: &str) -> Option<Status> {
        self.day(employee, on).map(|day| day.status)
    }

    /// Everything that was worked out, in order.
    fn stored(&self) -> Vec<String> {
        self.store
            .read_blocking(|tx| {
                let mut all = Vec::new();
                for sql in [
                    "SELECT 'day ' || hex(employee) || ' ' || work_date || record FROM attendance_day ORDER BY 1",
                    "SELECT 'period ' || hex(employee) || kind || record FROM attendance_period ORDER BY 1",
                    "SELECT 'punch ' || hex(employee) || work_date || hex(punch_id) || part FROM day_punch ORDER BY 1",
                ] {
                    let mut query = tx.connection().prepare(sql)?;
                    let rows = query.query_map([], |row| row.get::<_, String>(0))?;
                    all.extend(rows.collect::<Result<Vec<_>, _>>()?);
                }
                Ok(all)
            })
            .unwrap()
    }

    /// Forgets everything that was worked out, and works it out from nothing, as if every punch had just come.
    fn start_over(&mut self) {
        self.store
            .write_blocking(|tx| {
                tx.connection().execute_batch(
                    "DELETE FROM attendance_day; DELETE FROM attendance_period; DELETE FROM day_punch;
                     DELETE FROM attendance_intake; DELETE FROM attendance_stray;
                     DELETE FROM attendance_clock_date; DELETE FROM attendance_employment;
                     DELETE FROM attendance_site;
                     INSERT INTO recompute_queue (scope, key, date_from, date_to, queued_at)
                     SELECT DISTINCT 'code', CAST(user_code AS BLOB), date(raw_time, 'unixepoch'),
                        date(raw_time, 'unixepoch'), 0 FROM ledger",
                )?;
                Ok(())
            })
            .unwrap();
        self.attendance = Attendance::new(self.store.clone(), self.clock.clone());
        self.work();
    }
}
