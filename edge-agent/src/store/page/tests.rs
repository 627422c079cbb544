use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use shared_model::entity::{
    Department, DepartmentLevel, Device, DeviceState, DirectionUse, Employee, Identity, Site, Transport,
};
use shared_model::punch::Reading;
use shared_model::text::{Code, Name};
use shared_model::zone::resolve_in;
use shared_model::{
    ClockSerial, DepartmentId, DeviceId, EmployeeId, IdentityId, Punch, PunchFlag, PunchId, RawTime, Route,
    SiteId, UserCode, ZoneHistory,
};
use tempfile::TempDir;
use uuid::Uuid;

use super::super::tests::open;
use super::super::{Author, Delivered, Delivery, ReadTx, Store};
use super::people::{PeopleFilter, PeopleSort};
use super::today::{DayFilter, DaySort, Standing};
use super::*;

const DATE: &str = "2026-11-20";

fn date() -> NaiveDate {
    DATE.parse().unwrap()
}

/// Nine in the morning of that day, at UTC.
fn now() -> DateTime<Utc> {
    date().and_hms_opt(9, 0, 0).unwrap().and_utc()
}

fn site() -> SiteId {
    SiteId::from_uuid(Uuid::from_u128(1))
}

fn department() -> DepartmentId {
    DepartmentId::from_uuid(Uuid::from_u128(2))
}

fn employee(number: u32) -> EmployeeId {
    EmployeeId::from_uuid(Uuid::from_u128(1000 + u128::from(number)))
}

fn add_person(store: &Store, number: u32, code: &str, name: &str, department: Option<DepartmentId>) {
    let record = Employee {
        name: Name::parse(name).unwrap(),
        department,
        ..crate::store::tests::employee(site(), code)
    };
    store.write_blocking(move |tx| tx.create(&Author::SYSTEM, employee(number), &record)).unwrap();
}

fn set_day(store: &Store, number: u32, status: &'static str, first_in: Option<i64>, late: i64) {
    store
        .write_blocking(move |tx| {
            tx.connection().execute(
                "INSERT INTO attendance_day (work_date, employee, status, provisional, first_in, late_seconds, record,
                    digest, engine, computed_at) VALUES (?1, ?2, ?3, 1, ?4, ?5, '{}', x'00', 'test', 0)",
                rusqlite::params![DATE, employee(number), status, first_in, late],
            )?;
            Ok(())
        })
        .unwrap();
}

fn factory() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    store
        .write_blocking(|tx| {
            let zones = ZoneHistory::single(Tz::Asia__Dhaka);
            let record = Site {
                name: Name::parse("Unit 2").unwrap(),
                code: Code::parse("U2").unwrap(),
                zones,
                address: None,
                latitude_e7: None,
                longitude_e7: None,
                radius_m: None,
                active: true,
            };
            tx.create(&Author::SYSTEM, site(), &record)?;
            let record = Department {
                name: Name::parse("Sewing").unwrap(),
                code: Code::parse("SEW").unwrap(),
                level: DepartmentLevel::Department,
                parent: None,
                site: None,
                active: true,
            };
            tx.create(&Author::SYSTEM, department(), &record)
        })
        .unwrap();
    (folder, store)
}

#[test]
fn every_person_is_counted_in_one_standing() {
    let (_folder, store) = factory();
    for (number, code) in ["1", "2", "3", "4", "5", "6", "7"].iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        add_person(&store, number, code, &format!("Person {code}"), (number < 3).then(department));
    }
    set_day(&store, 0, "present", Some(1), 0);
    set_day(&store, 1, "present", Some(2), 300);
    set_day(&store, 2, "pending", Some(3), 0);
    set_day(&store, 3, "absent", None, 0);
    set_day(&store, 4, "on_leave", None, 0);
    set_day(&store, 5, "holiday", None, 0);
    let counts = store.read_blocking(|tx| tx.day_counts(date(), now())).unwrap();
    assert_eq!((counts.people, counts.present, counts.late, counts.inside), (7, 3, 1, 3));
    assert_eq!((counts.absent, counts.open, counts.leave, counts.off), (1, 1, 1, 1));

    let departments = store.read_blocking(|tx| tx.day_counts_by_department(date(), now())).unwrap();
    let seen: Vec<(&str, u32, u32)> =
        departments.iter().map(|d| (d.name.as_str(), d.counts.people, d.counts.present)).collect();
    assert_eq!(seen, [("Sewing", 3, 3), ("", 4, 0)]);
    for standing in Standing::ALL {
        let filter = DayFilter { standing: Some(standing), ..DayFilter::default() };
        let list = store.read_blocking(|tx| tx.day_list(date(), &filter)).unwrap();
        assert_eq!(list.total, u64::from(counts.of(standing)), "{standing:?}");
    }
}

#[test]
fn going_through_the_pages_forwards_and_backwards_shows_everybody_once() {
    let (_folder, store) = factory();
    let people: u32 = 2 * PAGE + 7;
    for number in 0..people {
        // Codes of different lengths, names that repeat.
        add_person(&store, number, &(number * 7).to_string(), &format!("Name {}", number % 5), None);
    }
    for sort in [PeopleSort::Code, PeopleSort::Name, PeopleSort::Department, PeopleSort::Joined] {
        for order in [Order::Up, Order::Down] {
            let page = |place| {
                let filter = PeopleFilter { sort, order, place, ..PeopleFilter::default() };
                store.read_blocking(|tx| tx.people(&filter)).unwrap()
            };
            let (mut seen, mut pages, mut place) = (Vec::new(), Vec::new(), Place::First);
            loop {
                let list = page(place);
                assert_eq!(list.total, u64::from(people));
                assert_eq!(list.has_before, !pages.is_empty());
                seen.extend(list.rows.iter().map(|row| row.id));
                place = Place::After(list.rows.last().unwrap().id.uuid());
                let more = list.has_after;
                pages.push(list.rows);
                if !more {
                    break;
                }
            }
            assert_eq!(pages.len(), 3);
            let mut once = seen.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), seen.len(), "{sort:?} {order:?}");
            let back = page(Place::Before(pages[1][0].id.uuid()));
            assert_eq!(back.rows, pages[0], "{sort:?} {order:?}");
            assert!(!back.has_before && back.has_after);
        }
    }
}

#[test]
fn numbers_sort_as_numbers() {
    let (_folder, store) = factory();
    for (number, code) in ["10", "9", "A-1", "100"].iter().enumerate() {
        add_person(&store, u32::try_from(number).unwrap(), code, "Somebody", None);
    }
    let list = store.read_blocking(|tx| tx.people(&PeopleFilter::default())).unwrap();
    let codes: Vec<&str> = list.rows.iter().map(|row| row.code.as_str()).collect();
    assert_eq!(codes, ["9", "10", "100", "A-1"]);
}

#[test]
fn a_search_finds_parts_of_names_and_codes_as_they_are_typed() {
    let (_folder, store) = factory();
    add_person(&store, 1, "A%1", "Rahima 'Begum'", Some(department()));
    add_person(&store, 2, "B_2", "রহিমা", None);
    let found = |text: &str| {
        let filter = PeopleFilter { text: text.to_owned(), ..PeopleFilter::default() };
        let day = DayFilter { text: text.to_owned(), sort: DaySort::In, ..DayFilter::default() };
        let rows = store.read_blocking(|tx| Ok((tx.people(&filter)?, tx.day_list(date(), &day)?))).unwrap();
        assert_eq!(rows.0.total, rows.1.total);
        rows.0.total
    };
    assert_eq!(found("rahima"), 1);
    assert_eq!(found("'begum'"), 1);
    assert_eq!(found("রহি"), 1);
    assert_eq!(found("%"), 1, "a percent sign is a percent sign");
    assert_eq!(found("_"), 1);
    assert_eq!(found("' OR 1=1 --"), 0);
    assert_eq!(found("  "), 2);
}

fn punch(code: &str, wall: &str) -> Delivered {
    let (serial, user_code) = (ClockSerial::parse("C1").unwrap(), UserCode::parse(code).unwrap());
    let raw_time = RawTime::new(wall.parse().unwrap());
    Delivered::Punch(Punch {
        id: PunchId::of_clock(&serial, &user_code, raw_time),
        serial,
        user_code,
        raw_time,
        zone: Tz::Asia__Dhaka,
        instant: resolve_in(Tz::Asia__Dhaka, raw_time.wall()).0,
        reading: Reading { state: Some(0), verify: Some(1), work_code: "".into() },
        route: Route::Pull,
        received_at: DateTime::<Utc>::default(),
        raw: Box::default(),
    })
}

fn take(store: &Store, rows: Vec<Delivered>) {
    let delivery =
        Delivery { serial: ClockSerial::parse("C1").unwrap(), route: Route::Pull, after: None, rows };
    store.write_blocking(move |tx| tx.take(&delivery)).unwrap();
}

#[test]
fn the_feed_shows_new_punches_of_the_day_with_their_people() {
    let (_folder, store) = factory();
    add_person(&store, 1, "17", "Rahima", None);
    store
        .write_blocking(|tx| {
            let record = Identity {
                serial: None,
                user_code: UserCode::parse("17").unwrap(),
                employee: employee(1),
                from: None,
                to: None,
            };
            tx.create(&Author::SYSTEM, IdentityId::from_uuid(Uuid::from_u128(5)), &record)?;
            let record = Device {
                serial: ClockSerial::parse("C1").unwrap(),
                name: Name::parse("Gate 1").unwrap(),
                site: site(),
                transport: Transport::Push,
                address: None,
                state: DeviceState::Active,
                zones: None,
                direction_use: DirectionUse::Ignore,
                model: None,
                firmware: None,
                set_time: false,
            };
            tx.create(&Author::SYSTEM, DeviceId::from_uuid(Uuid::from_u128(6)), &record)
        })
        .unwrap();
    let wall: chrono::NaiveDateTime = "2026-11-20T09:00:00".parse().unwrap();
    take(&store, vec![punch("17", "2026-11-20T08:00:00")]);
    let head = store.read_blocking(ReadTx::ledger_head).unwrap();
    take(
        &store,
        vec![
            punch("99", "2026-11-20T08:30:00"),
            punch("17", "2020-01-01T08:00:00"),
            punch("17", "2031-01-01T00:00:00"),
        ],
    );
    let (since, newest, clock, unknown) = store
        .read_blocking(|tx| {
            let now = wall.and_utc();
            let serial = ClockSerial::parse("C1").unwrap();
            Ok((
                tx.punches_since(head, wall, 10)?,
                tx.newest_punches(wall, 10)?,
                tx.clock_punches(&serial, now, 10)?,
                tx.unknown_codes(now)?,
            ))
        })
        .unwrap();
    assert_eq!(since.len(), 1, "old and future punches are no news: {since:?}");
    assert_eq!((since[0].user_code.as_str(), since[0].person.as_ref()), ("99", None));
    let people: Vec<Option<&str>> =
        newest.iter().map(|punch| punch.person.as_ref().map(|person| person.name.as_str())).collect();
    assert_eq!(people, [None, Some("Rahima"), Some("Rahima")]);
    assert_eq!(newest[0].clock, "Gate 1");
    assert_eq!(clock.len(), 3);
    assert_eq!(
        unknown.iter().map(|code| (code.code.as_str(), code.punches)).collect::<Vec<_>>(),
        [("99", 1)]
    );
}

#[test]
fn a_code_that_punches_after_its_end_or_on_another_clock_belongs_to_nobody() {
    let (_folder, store) = factory();
    let found = |store: &Store| {
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        let read = move |tx: &ReadTx| Ok((tx.unknown_code_count(now)?, tx.unknown_codes(now)?));
        let (count, codes) = store.read_blocking(read).unwrap();
        (count, codes.into_iter().map(|code| (code.code, code.punches)).collect::<Vec<_>>())
    };
    store
        .write_blocking(|tx| {
            let codes =
                [(1, "17", None, "2026-11-20T02:15:00Z"), (2, "18", Some("C2"), "2027-01-01T00:00:00Z")];
            for (n, code, serial, to) in codes {
                let record = Identity {
                    serial: serial.map(|serial| ClockSerial::parse(serial).unwrap()),
                    user_code: UserCode::parse(code).unwrap(),
                    employee: employee(n),
                    from: Some("2026-11-20T02:00:00Z".parse().unwrap()),
                    to: Some(to.parse().unwrap()),
                };
                tx.create(&Author::SYSTEM, IdentityId::from_uuid(Uuid::from_u128(n.into())), &record)?;
                tx.connection().execute(
                    "INSERT INTO attendance_stray VALUES (?1, ?2, ?2)",
                    rusqlite::params![code, RawTime::new("2026-11-20T08:30:00".parse().unwrap()).seconds()],
                )?;
            }
            Ok(())
        })
        .unwrap();
    take(&store, vec![punch("17", "2026-11-20T08:00:00"), punch("17", "2026-11-20T08:14:59")]);
    assert_eq!(found(&store), (0, vec![]), "in Dhaka it is six hours later: they lie within");
    take(&store, vec![punch("17", "2026-11-20T07:59:59"), punch("17", "2026-11-20T08:15:00")]);
    take(&store, vec![punch("18", "2026-11-20T08:10:00")]);
    assert_eq!(found(&store), (2, vec![("17".to_owned(), 2), ("18".to_owned(), 1)]));
}

#[test]
fn what_waits_for_the_cloud_is_counted_and_dated() {
    let (_folder, store) = factory();
    take(&store, vec![punch("17", "2026-11-20T08:00:00"), punch("18", "2026-11-20T08:00:00")]);
    let (backlog, outline) = store.read_blocking(|tx| Ok((tx.sync_backlog()?, tx.outline()?))).unwrap();
    assert_eq!((backlog.punches, backlog.ledger_head, backlog.ledger_acked), (2, 2, 0));
    assert!(backlog.oldest_unsent.is_some());
    assert_eq!(outline.sync.ledger_unsent, 2);
    assert!(!outline.sync.enrolled);
    assert_eq!(outline.site.unwrap().name, "Unit 2");
}

#[test]
fn doubts_about_a_punch_are_shown_on_its_person_s_day() {
    let (_folder, store) = factory();
    add_person(&store, 1, "17", "Rahima", None);
    add_person(&store, 2, "18", "Salma", None);
    // Received in 1970: both are from the future, and the second fell from the first.
    let rows = vec![punch("17", "2026-11-20T09:00:00"), punch("18", "2026-11-20T08:00:00")];
    take(&store, rows.clone());
    for (number, row) in (1..).zip(rows) {
        let Delivered::Punch(Punch { id, .. }) = row else { panic!() };
        store
            .write_blocking(move |tx| {
                let sql =
                    "INSERT INTO day_punch (employee, work_date, punch_id, part) VALUES (?1, ?2, ?3, 'in')";
                tx.connection().execute(sql, rusqlite::params![employee(number), DATE, id])?;
                Ok(())
            })
            .unwrap();
    }
    let flags = |number| {
        let read = move |tx: &ReadTx| tx.person_punches(employee(number), date(), date());
        store.read_blocking(read).unwrap()[0].flags.clone()
    };
    assert_eq!(flags(1), [PunchFlag::DeviceSkew]);
    let mut second = flags(2);
    second.sort();
    assert_eq!(second, [PunchFlag::DeviceSkew, PunchFlag::DeviceBackwards]);
    let doubtful = |date: NaiveDate| {
        let found = store.read_blocking(move |tx| tx.doubtful_days(date, 10)).unwrap();
        found.into_iter().map(|person| person.name).collect::<Vec<_>>()
    };
    assert_eq!(doubtful(date()), ["Rahima", "Salma"]);
    assert_eq!(doubtful(date().succ_opt().unwrap()), [""; 0]);
}
