use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use proptest::prelude::*;
use shared_model::entity::{
    Company, Device, DeviceState, DirectionUse, Employee, EmployeeCategory, Entity, Identity, Policy,
    PunchNote, PunchNoteType, Roster, RosterBasis, RosterDay, ScopeKind, Shift, Site, Transport, Weekday,
};
use shared_model::punch::Reading;
use shared_model::zone::resolve_in;
use shared_model::{
    ClockSerial, EmployeeId, Entropy, IdentityId, Punch, PunchId, RawTime, Route, ShiftId, SiteId, UserCode,
    ZoneHistory,
};
use shift_engine::policy::{OvertimeRules, PolicyRules, Rate, Tier, WeeklyCounts, WeeklyOvertime};
use shift_engine::{DayRecord, Minutes, RosterDayShifts, RosterPattern, ShiftDefinition, Status, Typed as _};
use tempfile::TempDir;

use super::*;
use crate::store::{Author, Delivered, Delivery};

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
    fn monotonic_ms(&self) -> u64 {
        0
    }
}

struct TestEntropy(AtomicU64);

impl Entropy for TestEntropy {
    fn fill(&self, target: &mut [u8]) {
        let seed = self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes();
        blake3::Hasher::new().update(&seed).finalize_xof().fill(target);
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
    let made = store.write_blocking(move |tx| {
        let id = E::Id::from(shared_model::id::uuid_v7(tx.clock(), tx.entropy()));
        tx.create(&Author::CONSOLE, id, &record).map(|_| id)
    });
    made.unwrap()
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
        let site = create(
            &store,
            Site {
                name: "Gazipur".parse().unwrap(),
                code: "GZP".parse().unwrap(),
                zones: ZoneHistory::single(Tz::Asia__Dhaka),
                address: None,
                latitude_e7: None,
                longitude_e7: None,
                radius_m: None,
                active: true,
            },
        );
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
        let record = Employee {
            code: code.parse().unwrap(),
            name: "Rahima Khatun".parse().unwrap(),
            site: self.site,
            department: None,
            designation: None,
            category: EmployeeCategory::Worker,
            gender: None,
            joined: None,
            left: None,
            active: true,
            phone: None,
            card: None,
        };
        create(&self.store, record)
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

    /// Forgets everything that was worked out, and works it out from nothing.
    fn start_over(&mut self) {
        self.store
            .write_blocking(|tx| {
                tx.connection().execute_batch(
                    "DELETE FROM attendance_day; DELETE FROM attendance_period; DELETE FROM day_punch;
                     DELETE FROM attendance_intake; DELETE FROM attendance_stray;
                     DELETE FROM attendance_clock; DELETE FROM attendance_site",
                )?;
                Ok(())
            })
            .unwrap();
        self.attendance = Attendance::new(self.store.clone(), self.clock.clone());
        self.work();
    }
}

#[test]
fn a_day_of_two_punches_becomes_a_record() {
    let mut factory = Factory::new("2026-11-19T09:00:00");
    let employee = factory.worker("7");
    let punches = factory.punch("7", &["2026-11-19T08:20:00"]);
    factory.work();
    let morning = factory.day(employee, "2026-11-19").unwrap();
    assert_eq!((morning.status, morning.state), (Status::Present, shift_engine::DayState::Provisional));
    assert_eq!(morning.figures.late.whole_minutes(), 20);

    factory.punch("7", &["2026-11-19T17:30:00"]);
    factory.at("2026-11-20T00:00:00");
    factory.read_through("2026-11-19T23:59:00");
    factory.work();
    let evening = factory.day(employee, "2026-11-19").unwrap();
    assert_eq!((evening.status, evening.state), (Status::Present, shift_engine::DayState::Final));
    assert_eq!(evening.figures.worked.whole_minutes(), 550);
    assert_eq!(evening.overtime.counted.whole_minutes(), 30);
    let part: String = factory
        .store
        .read_blocking(move |tx| {
            let sql = "SELECT part FROM day_punch WHERE employee = ?1 AND work_date = '2026-11-19' AND punch_id = ?2";
            Ok(tx.connection().query_row(sql, rusqlite::params![employee, punches[0]], |row| row.get(0))?)
        })
        .unwrap();
    assert_eq!(part, "in");
}

#[test]
fn the_explanation_of_a_day_is_of_the_day_that_is_stored() {
    let mut factory = Factory::new("2026-11-19T09:00:00");
    let employee = factory.worker("7");
    factory.punch("7", &["2026-11-18T08:00:00", "2026-11-19T08:20:00", "2026-11-19T17:30:00"]);
    factory.at("2026-11-20T00:00:00");
    factory.read_through("2026-11-19T23:59:00");
    factory.work();
    let (span, now) = ((date("2026-11-19"), date("2026-11-19")), factory.clock.now());
    let explained = |employee| {
        factory.store.read_blocking(move |tx| super::explain::explain(tx, employee, span, now)).unwrap()
    };
    let days = explained(employee);
    assert_eq!(days.len(), 1);
    assert_eq!(days[0].day["worked"], "9:10");
    assert_eq!(days[0].day["shifts"][0], "D");
    let stored = factory.day(employee, "2026-11-19").unwrap();
    let late = days[0].steps.iter().filter(|step| step.figure == shift_engine::Figure::Late);
    assert_eq!(late.map(|step| step.effect).sum::<shift_engine::Seconds>(), stored.figures.late);
    let text = shift_engine::brief::text(&days[0].day, &days[0].steps);
    assert!(text.contains("after_start      from 2026-11-19 08:00, to 2026-11-19 08:20"), "{text}");
    let nobody = factory.person("8");
    assert_eq!(explained(nobody)[0].day["status"], "absent");
}

#[test]
fn nobody_is_absent_because_a_clock_was_offline() {
    let mut factory = Factory::new("2026-11-19T07:00:00");
    let (came, stayed) = (factory.worker("1"), factory.worker("2"));
    factory.punch("1", &["2026-11-19T08:00:00"]);
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-19"), Some(Status::Pending));

    factory.at("2026-11-20T06:00:00");
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-19"), Some(Status::Pending), "the clock has not reported");
    factory.read_through("2026-11-19T22:59:59");
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-19"), Some(Status::Pending), "the window is open to 23:00:00");
    factory.read_through("2026-11-19T23:00:01");
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-19"), Some(Status::Absent));
    assert_eq!(factory.status(came, "2026-11-19"), Some(Status::Present));
}

#[test]
fn the_wait_of_the_policy_is_waited_for() {
    let mut factory = Factory::new("2026-11-19T07:00:00");
    let (_, stayed) = (factory.worker("1"), factory.worker("2"));
    factory.punch("1", &["2026-11-19T08:00:00"]);
    factory.at("2026-11-19T23:10:00");
    factory.read_through("2026-11-19T23:10:00");
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-19"), Some(Status::Pending), "thirty minutes are not over");
    factory.at("2026-11-19T23:31:00");
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-19"), Some(Status::Absent));
}

#[test]
fn who_does_not_punch_has_a_record_for_each_new_date() {
    let mut factory = Factory::new("2026-11-19T07:00:00");
    let (_, stayed) = (factory.worker("1"), factory.worker("2"));
    factory.punch("1", &["2026-11-19T08:00:00"]);
    factory.work();
    factory.at("2026-11-22T09:00:00");
    factory.read_through("2026-11-22T09:00:00");
    factory.work();
    let days = ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"];
    assert_eq!(
        days.map(|day| factory.status(stayed, day)),
        [
            None,
            Some(Status::Absent),
            Some(Status::WeeklyOff),
            Some(Status::Absent),
            Some(Status::Pending),
            None
        ],
        "before the first punch there was nothing to know, and tomorrow is not today"
    );
}

#[test]
fn punches_of_an_unknown_code_count_once_it_has_an_owner() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let employee = factory.person("A-7");
    factory.punch("900", &["2026-11-19T08:00:00", "2026-11-19T17:00:00"]);
    factory.work();
    assert_eq!(factory.status(employee, "2026-11-19"), Some(Status::Pending));
    factory.identity(employee, "900");
    factory.work();
    assert_eq!(factory.status(employee, "2026-11-19"), Some(Status::Present));
}

#[test]
fn punches_follow_a_code_that_is_given_to_another_person() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let (wrong, right) = (factory.person("A"), factory.person("B"));
    let id = factory.identity(wrong, "900");
    factory.punch("900", &["2026-11-19T08:00:00", "2026-11-19T17:00:00"]);
    factory.work();
    assert_eq!(factory.status(wrong, "2026-11-19"), Some(Status::Present));
    factory
        .store
        .write_blocking(move |tx| {
            let user_code = UserCode::parse("900").unwrap();
            let new = Identity { serial: None, user_code, employee: right, from: None, to: None };
            tx.update(&Author::CONSOLE, id, None, &new)
        })
        .unwrap();
    factory.work();
    assert_eq!(factory.status(wrong, "2026-11-19"), Some(Status::Pending));
    assert_eq!(factory.status(right, "2026-11-19"), Some(Status::Present));
}

#[test]
fn a_void_punch_counts_no_longer() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let employee = factory.worker("7");
    let punches = factory.punch("7", &["2026-11-19T08:00:00", "2026-11-19T19:00:00"]);
    factory.punch("7", &["2026-11-19T17:00:00"]);
    factory.work();
    assert_eq!(factory.day(employee, "2026-11-19").unwrap().figures.worked.whole_minutes(), 660);
    let (note_type, other, zone, flag, reason) = (PunchNoteType::Void, None, None, None, None);
    create(&factory.store, PunchNote { punch: punches[1], note_type, other, zone, flag, reason });
    factory.work();
    assert_eq!(factory.day(employee, "2026-11-19").unwrap().figures.worked.whole_minutes(), 540);
}

#[test]
fn older_punches_of_a_clock_that_is_read_late_bring_their_days() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let (early, stayed) = (factory.worker("1"), factory.worker("2"));
    factory.punch("1", &["2026-11-19T08:00:00"]);
    factory.work();
    assert_eq!(factory.status(stayed, "2026-11-16"), None);
    factory.punch("1", &["2026-11-16T08:00:00", "2026-11-16T17:00:00"]);
    factory.read_through("2026-11-19T20:00:00");
    factory.work();
    assert_eq!(factory.status(early, "2026-11-16"), Some(Status::Present));
    assert_eq!(factory.status(stayed, "2026-11-16"), Some(Status::Absent));
    assert_eq!(factory.status(stayed, "2026-11-17"), Some(Status::Absent));
}

#[test]
fn what_waits_in_the_queue_survives_a_restart() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let employee = factory.worker("7");
    factory.punch("7", &["2026-11-19T08:00:00", "2026-11-19T17:00:00"]);
    assert!(factory.store.read_blocking(crate::store::ReadTx::recompute_waiting).unwrap() > 0);
    factory.attendance = Attendance::new(factory.store.clone(), factory.clock.clone());
    factory.work();
    assert_eq!(factory.status(employee, "2026-11-19"), Some(Status::Present));
}

#[test]
fn a_second_round_with_nothing_new_writes_nothing() {
    let mut factory = Factory::new("2026-11-19T20:00:00");
    let employee = factory.worker("7");
    factory.punch("7", &["2026-11-19T08:00:00", "2026-11-19T17:00:00"]);
    factory.work();
    let computed_at = |factory: &Factory| -> i64 {
        let sql = "SELECT max(computed_at) FROM attendance_day";
        factory
            .store
            .read_blocking(move |tx| Ok(tx.connection().query_row(sql, [], |row| row.get(0))?))
            .unwrap()
    };
    let before = computed_at(&factory);
    factory.at("2026-11-19T20:05:00");
    let ask = move |tx: &crate::store::WriteTx| {
        let scope = crate::store::RecomputeScope::Employee(employee);
        tx.ask_recompute(&scope, crate::store::DateSpan::ALWAYS)
    };
    factory.store.write_blocking(ask).unwrap();
    factory.work();
    assert_eq!(computed_at(&factory), before);
}

#[test]
fn months_of_two_stores_with_the_same_facts_have_the_same_digest() {
    let digest = |order: &[&str]| {
        let mut factory = Factory::new("2026-11-21T20:00:00");
        factory.worker("7");
        for time in order {
            factory.punch("7", &[time]);
            factory.work();
        }
        factory.read_through("2026-11-21T20:00:00");
        factory.work();
        let digest = factory.store.read_blocking(|tx| tx.month_digest(date("2026-11-01"), None)).unwrap();
        assert!(digest.days > 0);
        digest
    };
    let times = ["2026-11-19T08:00:00", "2026-11-19T17:00:00", "2026-11-18T08:10:00", "2026-11-18T19:00:00"];
    let mut turned = times;
    turned.reverse();
    assert_eq!(digest(&times), digest(&turned));
}

/// Something that happens in a factory.
#[derive(Debug, Clone)]
enum Act {
    Punch { who: u8, day: u8, minute: u16 },
    Cell { who: u8, day: u8, off: bool },
    Policy { grace: u8, day: u8 },
    Read { day: u8 },
    Pass { hours: u8 },
    Work,
}

fn act() -> impl Strategy<Value = Act> {
    let (who, day) = (0..3u8, 1..21u8);
    prop_oneof![
        8 => (who.clone(), day.clone(), 360..1430u16).prop_map(|(who, day, minute)| Act::Punch { who, day, minute }),
        1 => (who, day.clone(), any::<bool>()).prop_map(|(who, day, off)| Act::Cell { who, day, off }),
        1 => (0..20u8, day.clone()).prop_map(|(grace, day)| Act::Policy { grace, day }),
        2 => day.prop_map(|day| Act::Read { day }),
        1 => (1..30u8).prop_map(|hours| Act::Pass { hours }),
        3 => Just(Act::Work),
    ]
}

impl Factory {
    fn act(&mut self, people: &[EmployeeId], act: &Act) {
        let day_of = |day: u8| format!("2026-11-{day:02}");
        match act {
            Act::Punch { who, day, minute } => {
                let time = format!("{}T{:02}:{:02}:00", day_of(*day), minute / 60, minute % 60);
                self.punch(&who.to_string(), &[&time]);
            }
            Act::Cell { who, day, off } => {
                let shifts = RosterDayShifts(if *off { Vec::new() } else { vec![self.shift] });
                let (employee, date) = (people[usize::from(*who)], date(&day_of(*day)));
                create(&self.store, RosterDay { employee, date, shifts: shifts.to_document(), note: None });
            }
            Act::Policy { grace, day } => {
                let mut rules = PolicyRules::default();
                rules.grace.late_min = Minutes::new((*grace).into());
                // The week makes days depend on each other.
                let tiers =
                    vec![Tier { id: "week".into(), over_min: Minutes::new(1200), rate: Rate::DOUBLE }];
                let weekly = Some(WeeklyOvertime { tiers, counts: WeeklyCounts::NotDailyOt });
                rules.overtime = OvertimeRules { weekly, ..OvertimeRules::default() };
                let policy = Policy {
                    name: "Policy".parse().unwrap(),
                    effective_from: date(&day_of(*day)),
                    scope_kind: ScopeKind::Company,
                    scope: None::<uuid::Uuid>,
                    rules: rules.to_document(),
                };
                create(&self.store, policy);
            }
            Act::Read { day } => self.read_through(&format!("{}T23:30:00", day_of(*day))),
            Act::Pass { hours } => {
                let more = i64::from(*hours) * 3_600_000;
                self.clock.0.fetch_add(more, Ordering::SeqCst);
            }
            Act::Work => self.work(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_was_worked_out_bit_by_bit_equals_a_recompute_of_everything(acts in prop::collection::vec(act(), 1..40)) {
        let mut factory = Factory::new("2026-11-15T12:00:00");
        let people = ["0", "1", "2"].map(|code| factory.worker(code));
        for act in &acts {
            factory.act(&people, act);
        }
        factory.work();
        let bit_by_bit = factory.stored();
        factory.start_over();
        let at_once = factory.stored();
        let only_in = |a: &[String], b: &[String]| a.iter().filter(|row| !b.contains(row)).cloned().collect::<Vec<_>>();
        prop_assert_eq!(only_in(&bit_by_bit, &at_once), only_in(&at_once, &bit_by_bit));
    }
}
