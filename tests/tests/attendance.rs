//! The same facts on an edge's SQLite and in the cloud's PostgreSQL become the same records, to the byte.

#![expect(clippy::unwrap_used, reason = "values made for the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Result;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use cloud_server::clock::OsEntropy;
use cloud_server::store::{CompanyAccess, attention, digest, own_change};
use cloud_server::wake::Wake;
use edge_agent::store::{Author, Delivered, Delivery};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use shared_model::entity::{
    Device, DeviceState, DirectionUse, Employee, EmployeeCategory, Entity, Identity, Leave, LeavePortion,
    Policy, PunchNote, PunchNoteType, RequestState, Roster, RosterBasis, RosterDay, ScopeKind, Shift, Site,
    Transport, Weekday,
};
use shared_model::punch::Reading;
use shared_model::text::{Code, Name};
use shared_model::zone::resolve_in;
use shared_model::{
    Clock, ClockSerial, CompanyId, EmployeeId, Kind, Punch, PunchId, RawTime, Route, ShiftId, SiteId,
    UserCode, ZoneHistory,
};
use shift_engine::policy::{OvertimeRules, PolicyRules, Rate, Tier, WeeklyCounts, WeeklyOvertime};
use shift_engine::roster::{CyclePattern, Run};
use shift_engine::{Minutes, RosterDayShifts, RosterPattern, ShiftDefinition, Typed as _};
use system_tests::cloud_http::author;
use system_tests::postgres::TestDatabase;
use tempfile::TempDir;
use uuid::Uuid;

/// A clock that the test moves.
#[derive(Debug)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
    fn monotonic_ms(&self) -> u64 {
        0
    }
}

const GATE: &str = "GATE1";

fn wall(text: &str) -> DateTime<Utc> {
    resolve_in(Tz::Asia__Dhaka, text.parse().unwrap()).0
}

/// An edge and the cloud, given the same facts without a wire between them.
struct Pair {
    clock: Arc<TestClock>,
    _folder: TempDir,
    edge: edge_agent::store::Store,
    edge_attendance: Option<edge_agent::attendance::Attendance>,
    cloud: cloud_server::store::Store,
    cloud_attendance: cloud_server::attendance::Attendance,
    access: CompanyAccess,
    site: SiteId,
    seq: i64,
    _database: TestDatabase,
}

impl Pair {
    async fn new(now: &str) -> Result<Self> {
        let clock = Arc::new(TestClock(AtomicI64::new(wall(now).timestamp_millis())));
        let folder = TempDir::new()?;
        let edge = edge_agent::store::Store::open(
            folder.path(),
            clock.clone(),
            Arc::new(edge_agent::clock::OsEntropy),
        )?;
        let database = TestDatabase::migrated().await?;
        let cloud = database.store().await?;
        let company = CompanyId::mint(&*clock, &OsEntropy);
        cloud.add_company(company, &Name::parse("K")?, &Code::parse("en")?, author(), &OsEntropy).await?;
        let edge_attendance = edge_agent::attendance::Attendance::new(edge.clone(), clock.clone());
        let wake = Arc::new(Wake::default());
        let cloud_attendance = cloud_server::attendance::Attendance::new(cloud.clone(), clock.clone(), wake);
        let access = CompanyAccess::of_system(company);
        let site = SiteId::mint(&*clock, &OsEntropy);
        let mut pair = Self {
            clock,
            _folder: folder,
            edge,
            edge_attendance: Some(edge_attendance),
            cloud,
            cloud_attendance,
            access,
            site,
            seq: 0,
            _database: database,
        };
        let zones = ZoneHistory::single(Tz::Asia__Dhaka);
        let (address, latitude_e7, longitude_e7, radius_m) = (None, None, None, None);
        let (name, code) = (Name::parse("Gazipur")?, Code::parse("GZP")?);
        let site_record =
            Site { name, code, zones, address, latitude_e7, longitude_e7, radius_m, active: true };
        pair.give_under(site, site_record).await?;
        let company_record = shared_model::entity::Company {
            name: Name::parse("K")?,
            week_starts_on: Weekday::Saturday,
            locale: Code::parse("en")?,
        };
        pair.edge.write(move |tx| tx.create(&Author::SYSTEM, company, &company_record).map(drop)).await?;
        Ok(pair)
    }

    async fn give<E: Entity + Clone + Send + Sync + 'static>(&mut self, record: E) -> Result<E::Id>
    where
        E::Id: Send,
    {
        let id = E::Id::from(shared_model::id::uuid_v7(&*self.clock, &OsEntropy));
        self.give_under(id, record).await?;
        Ok(id)
    }

    async fn give_under<E: Entity + Clone + Send + Sync + 'static>(
        &mut self,
        id: E::Id,
        record: E,
    ) -> Result<()>
    where
        E::Id: Send,
    {
        let same = record.clone();
        self.edge.write(move |tx| tx.create(&Author::SYSTEM, id, &same).map(drop)).await?;
        let mut tx = self.cloud.begin(&self.access).await?;
        own_change::create(&mut tx, id.into(), &record, author()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Punches into both ledgers; to the cloud as one batch of the ledger stream.
    async fn punch(&mut self, code: &str, times: &[String], state: u8) -> Result<Vec<PunchId>> {
        let serial: ClockSerial = GATE.parse()?;
        let user_code: UserCode = code.parse()?;
        let punch = |time: &String| {
            let raw_time = RawTime::new(time.parse().unwrap());
            Punch {
                id: PunchId::of_clock(&serial, &user_code, raw_time),
                serial: serial.clone(),
                user_code: user_code.clone(),
                raw_time,
                zone: Tz::Asia__Dhaka,
                instant: wall(time),
                reading: Reading { state: Some(state), ..Reading::default() },
                route: Route::Pull,
                received_at: self.clock.now(),
                raw: Box::default(),
            }
        };
        let punches: Vec<Punch> = times.iter().map(punch).collect();
        let rows = punches.iter().cloned().map(Delivered::Punch).collect();
        let delivery = Delivery { serial: serial.clone(), route: Route::Pull, after: None, rows };
        self.edge.write(move |tx| tx.take(&delivery).map(drop)).await?;
        let mut tx = self.cloud.begin(&self.access).await?;
        for punch in &punches {
            sqlx::query(
                "INSERT INTO ledger (company_id, punch_id, serial, user_code, raw_time, zone, instant, state, verify,
                     work_code, route, received_at)
                 VALUES ($1, $2, $3, $4, $5, 'Asia/Dhaka', $6, $7, NULL, '', 1, $8) ON CONFLICT DO NOTHING",
            )
            .bind(self.access.company())
            .bind(punch.id.uuid())
            .bind(punch.serial.as_str())
            .bind(punch.user_code.as_str())
            .bind(punch.raw_time.wall())
            .bind(punch.instant)
            .bind(i16::from(state))
            .bind(punch.received_at)
            .execute(tx.connection())
            .await?;
        }
        let ids: Vec<Uuid> = punches.iter().map(|punch| punch.id.uuid()).collect();
        let (first, last) = (self.seq + 1, self.seq + i64::try_from(ids.len())?);
        self.seq = last;
        sqlx::query(
            "INSERT INTO ledger_log (company_id, origin, first_seq, punch_ids) VALUES ($1, 7, $2, $3)",
        )
        .bind(self.access.company())
        .bind(first)
        .bind(&ids)
        .execute(tx.connection())
        .await?;
        sqlx::query(
            "INSERT INTO recompute_queue (company_id, entry_id, scope, key, origin, from_seq, to_seq, queued_at)
             VALUES ($1, gen_random_uuid(), 'log', '', 7, $2, $3, $4)",
        )
        .bind(self.access.company())
        .bind(first)
        .bind(last)
        .bind(self.clock.now())
        .execute(tx.connection())
        .await?;
        tx.commit().await?;
        let punches: Vec<PunchId> = punches.into_iter().map(|punch| punch.id).collect();
        self.marks_of(&punches).await?;
        Ok(punches)
    }

    /// Tells the cloud what the edge found doubtful about punches.
    async fn marks_of(&mut self, punches: &[PunchId]) -> Result<()> {
        let notes = self.edge.read(edge_agent::store::ReadTx::records::<PunchNote>).await?;
        let marks = notes.into_iter().filter(|note| {
            note.record.note_type == PunchNoteType::Flag && punches.contains(&note.record.punch)
        });
        for mark in marks {
            let mut tx = self.cloud.begin(&self.access).await?;
            match own_change::create(&mut tx, mark.id.uuid(), &mark.record, author()).await {
                Ok(()) => tx.commit().await?,
                Err(own_change::OwnChangeError::Exists) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn read_through(&mut self, through: &str) -> Result<()> {
        let through = wall(through);
        self.edge.write(move |tx| tx.read_through(&GATE.parse().unwrap(), through, true)).await?;
        let mut tx = self.cloud.begin(&self.access).await?;
        sqlx::query(
            "INSERT INTO watermark (company_id, serial, origin, position, raw_time, through, observed_at)
             VALUES ($1, $2, 7, 0, NULL, $3, $3)
             ON CONFLICT (company_id, serial, origin) DO UPDATE SET through = excluded.through",
        )
        .bind(self.access.company())
        .bind(GATE)
        .bind(through)
        .execute(tx.connection())
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn work(&mut self) -> Result<()> {
        self.cloud_attendance.work_off(self.access.company()).await?;
        let mut edge = self.edge_attendance.take().unwrap();
        self.edge_attendance = Some(
            tokio::task::spawn_blocking(move || {
                edge.work_off()?;
                Ok::<_, edge_agent::store::StoreError>(edge)
            })
            .await??,
        );
        Ok(())
    }

    async fn edge_rows(&self) -> Result<Vec<String>> {
        let read = |tx: &edge_agent::store::ReadTx| {
            let mut all = Vec::new();
            for sql in [
                "SELECT 'day ' || lower(hex(employee)) || ' ' || work_date || ' ' || record || lower(hex(digest))
                 FROM attendance_day",
                "SELECT 'period ' || lower(hex(employee)) || ' ' || kind || ' ' || record FROM attendance_period",
                "SELECT 'punch ' || lower(hex(employee)) || ' ' || work_date || ' ' || lower(hex(punch_id)) || part
                 FROM day_punch",
            ] {
                let mut query = tx.connection().prepare(sql)?;
                let rows = query.query_map([], |row| row.get::<_, String>(0))?;
                all.extend(rows.collect::<Result<Vec<_>, _>>()?);
            }
            all.sort();
            Ok(all)
        };
        Ok(self.edge.read(read).await?)
    }

    async fn cloud_rows(&self) -> Result<Vec<String>> {
        let mut tx = self.cloud.begin(&self.access).await?;
        let mut all = Vec::new();
        for sql in [
            "SELECT 'day ' || replace(employee::text, '-', '') || ' ' || work_date || ' ' || record
                 || encode(digest, 'hex') FROM attendance_day",
            "SELECT 'period ' || replace(employee::text, '-', '') || ' ' || kind || ' ' || record FROM attendance_period",
            "SELECT 'punch ' || replace(employee::text, '-', '') || ' ' || work_date || ' '
                 || replace(punch_id::text, '-', '') || part FROM day_punch",
        ] {
            all.extend(sqlx::query_scalar::<_, String>(sql).fetch_all(tx.connection()).await?);
        }
        all.sort();
        Ok(all)
    }

    async fn compare(&self) -> Result<usize> {
        let (edge, cloud) = (self.edge_rows().await?, self.cloud_rows().await?);
        let only_in =
            |a: &[String], b: &[String]| a.iter().filter(|row| !b.contains(row)).cloned().collect::<Vec<_>>();
        assert_eq!(only_in(&edge, &cloud), only_in(&cloud, &edge), "only at the edge, only in the cloud");
        assert_eq!(edge.len(), cloud.len());
        Ok(edge.len())
    }
}

fn employee(site: SiteId, code: &str) -> Employee {
    Employee {
        code: code.parse().unwrap(),
        name: "Rahima Khatun".parse().unwrap(),
        site,
        department: None,
        designation: None,
        category: EmployeeCategory::Worker,
        gender: None,
        joined: None,
        left: None,
        active: true,
        phone: None,
        card: None,
    }
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Two shifts, a rotation, a policy in which days depend on their week, one clock whose keys are trusted.
async fn set_up(pair: &mut Pair) -> Result<(ShiftId, Vec<EmployeeId>)> {
    let shift = |code: &str, start: &str, end: &str| {
        let definition = ShiftDefinition::fixed(start.parse().unwrap(), end.parse().unwrap());
        let (code, name) = (code.parse().unwrap(), code.parse().unwrap());
        Shift { code, name, definition: definition.to_document(), active: true }
    };
    let day = pair.give(shift("D", "08:00", "17:00")).await?;
    let night = pair.give(shift("N", "20:00", "05:00")).await?;
    let run = |days, shifts: Vec<ShiftId>| Run { days, shifts };
    let runs = vec![run(3, vec![day]), run(3, vec![night]), run(1, Vec::new())];
    let rotation = RosterPattern::Cycle(CyclePattern { anchor: date("2026-11-01"), runs });
    let roster = |pattern: &RosterPattern, basis| Roster {
        scope_kind: ScopeKind::Company,
        scope: None,
        basis,
        from: date("2000-01-01"),
        to: None,
        pattern: pattern.to_document(),
    };
    pair.give(roster(&RosterPattern::every_day(day), RosterBasis::Default)).await?;
    pair.give(roster(&rotation, RosterBasis::Roster)).await?;
    let tiers = vec![Tier { id: "week".into(), over_min: Minutes::new(1500), rate: Rate::DOUBLE }];
    let weekly = Some(WeeklyOvertime { tiers, counts: WeeklyCounts::NotDailyOt });
    let rules = PolicyRules {
        overtime: OvertimeRules { weekly, ..OvertimeRules::default() },
        ..PolicyRules::default()
    };
    let policy = Policy {
        name: "Policy".parse()?,
        effective_from: date("2026-11-05"),
        scope_kind: ScopeKind::Company,
        scope: None,
        rules: rules.to_document(),
    };
    pair.give(policy).await?;
    let device = Device {
        serial: GATE.parse()?,
        name: "Gate".parse()?,
        site: pair.site,
        transport: Transport::Tcp,
        address: None,
        state: DeviceState::Active,
        zones: None,
        direction_use: DirectionUse::Trust,
        model: None,
        firmware: None,
        set_time: false,
    };
    pair.give(device).await?;
    let mut people = Vec::new();
    for code in ["1", "2", "3"] {
        let id = pair.give(employee(pair.site, code)).await?;
        people.push(id);
        let user_code = code.parse()?;
        // The third person's code has no owner yet.
        if code != "3" {
            pair.give(Identity { serial: None, user_code, employee: id, from: None, to: None }).await?;
        }
    }
    Ok((day, people))
}

#[tokio::test(flavor = "multi_thread")]
async fn edge_and_cloud_work_out_the_same_bytes() -> Result<()> {
    for seed in [6, 7, 20_261_121] {
        same_bytes(seed).await?;
    }
    Ok(())
}

async fn same_bytes(seed: u64) -> Result<()> {
    let mut pair = Pair::new("2026-11-14T12:00:00").await?;
    let (day, people) = set_up(&mut pair).await?;
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut voidable = Vec::new();
    for round in 0..6 {
        for _ in 0..25 {
            let code = ["1", "2", "3"][dice.random_range(0..3)];
            let (day, minute) = (dice.random_range(1..18), dice.random_range(0..1440));
            let at = |minute: u32| format!("2026-11-{day:02}T{:02}:{:02}:00", minute / 60 % 24, minute % 60);
            let times = [at(minute), at(minute + dice.random_range(1..300))];
            voidable.extend(pair.punch(code, &times, dice.random_range(0..2)).await?);
        }
        match round {
            0 => {
                // A clock with a wrong date, and somebody who came back after a year.
                pair.punch("1", &["2012-03-05T08:00:00".to_owned()], 0).await?;
                pair.punch("2", &["2025-11-10T08:00:00".to_owned()], 0).await?;
            }
            1 => {
                let shifts = RosterDayShifts(vec![day]).to_document();
                let cell = RosterDay { employee: people[0], date: date("2026-11-07"), shifts, note: None };
                pair.give(cell).await?;
            }
            2 => {
                let user_code = "3".parse()?;
                let (employee, serial, from, to) = (people[2], None, None, None);
                pair.give(Identity { serial, user_code, employee, from, to }).await?;
            }
            3 => {
                let punch = voidable[dice.random_range(0..voidable.len())];
                let (other, zone, flag, reason) = (None, None, None, None);
                let note_type = PunchNoteType::Void;
                pair.give(PunchNote { punch, note_type, other, zone, flag, reason }).await?;
                pair.read_through("2026-11-12T06:00:00").await?;
                // Half a year nearer: what was two stretches is one.
                pair.punch("2", &["2026-05-08T08:00:00".to_owned()], 0).await?;
            }
            4 => {
                let leave = Leave {
                    employee: people[1],
                    from: date("2026-11-09"),
                    to: date("2026-11-10"),
                    portion: LeavePortion::Full,
                    start: None,
                    end: None,
                    leave_type: "CL".parse()?,
                    paid: true,
                    state: RequestState::Approved,
                    reason: None,
                };
                pair.give(leave).await?;
            }
            _ => {}
        }
        pair.clock.0.fetch_add(20 * 3_600_000, Ordering::SeqCst);
        pair.work().await?;
        assert!(pair.compare().await? > 60);
    }
    pair.read_through("2026-11-19T08:00:00").await?;
    pair.work().await?;
    pair.compare().await?;

    let edge = pair.edge.read(|tx| tx.month_digest(date("2026-11-01"), None)).await?;
    assert!(edge.days > 30, "{} final days", edge.days);
    let said = pair.edge.read(|tx| tx.attendance_digest(date("2026-11-19"))).await?;
    let said = digest::parse(&said).unwrap();
    let month = said.months[&date("2026-11-01")];
    assert_eq!((month.days, month.digest), (edge.days, edge.digest));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_with_one_code_are_both_worked_out_until_one_is_kept() -> Result<()> {
    let mut pair = Pair::new("2026-11-14T12:00:00").await?;
    let (_, people) = set_up(&mut pair).await?;
    pair.clock.0.fetch_add(1000, Ordering::SeqCst);
    // Entered a second time at another edge of the company, with the same code and the same code at the clocks.
    let again = EmployeeId::from_uuid(shared_model::id::uuid_v7(&*pair.clock, &OsEntropy));
    let mut tx = pair.cloud.begin(&pair.access).await?;
    own_change::create(&mut tx, again.uuid(), &employee(pair.site, "1"), author()).await?;
    let identity = Identity { serial: None, user_code: "1".parse()?, employee: again, from: None, to: None };
    let key = shared_model::id::uuid_v7(&*pair.clock, &OsEntropy);
    own_change::create(&mut tx, key, &identity, author()).await?;
    tx.commit().await?;
    // A day of the day shift.
    pair.punch("1", &["2026-11-09T08:00:00".to_owned()], 0).await?;
    pair.punch("1", &["2026-11-09T17:00:00".to_owned()], 1).await?;
    pair.read_through("2026-11-14T11:00:00").await?;
    pair.cloud_attendance.work_off(pair.access.company()).await?;

    let statuses = async |pair: &Pair, person: EmployeeId| -> Result<Option<String>> {
        let mut tx = pair.cloud.begin(&pair.access).await?;
        Ok(sqlx::query_scalar(
            "SELECT status FROM attendance_day WHERE employee = $1 AND work_date = '2026-11-09'",
        )
        .bind(person)
        .fetch_optional(tx.connection())
        .await?)
    };
    assert_eq!(statuses(&pair, again).await?.as_deref(), Some("present"), "the later made has the punches");
    assert_eq!(statuses(&pair, people[0]).await?.as_deref(), Some("absent"));
    let mut tx = pair.cloud.begin(&pair.access).await?;
    let shared = attention::shared_keys(&mut tx).await?;
    assert_eq!(shared.len(), 1, "{shared:?}");
    assert_eq!((shared[0].kind, shared[0].value.as_deref()), (Kind::Employee, Some("1")));
    let listed: Vec<_> = shared[0].records.iter().map(|record| (record.key, record.punches)).collect();
    assert_eq!(listed, [(people[0].uuid(), Some(0)), (again.uuid(), Some(2))]);
    assert_eq!(attention::count(&mut tx).await?.shared_keys, 1);

    attention::keep_one_employee(&mut tx, people[0].uuid(), again.uuid(), author()).await?;
    assert_eq!(attention::shared_keys(&mut tx).await?, []);
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM conflict WHERE state = 'open'")
        .fetch_one(tx.connection())
        .await?;
    assert_eq!(open, 0, "the conflict is settled");
    tx.commit().await?;
    pair.cloud_attendance.work_off(pair.access.company()).await?;
    assert_eq!(
        statuses(&pair, people[0]).await?.as_deref(),
        Some("present"),
        "the punches are the kept one's"
    );
    let mut tx = pair.cloud.begin(&pair.access).await?;
    let owners: Vec<EmployeeId> =
        sqlx::query_scalar("SELECT DISTINCT employee FROM day_punch").fetch_all(tx.connection()).await?;
    assert_eq!(owners, [people[0]]);
    let kept_again = attention::keep_one_employee(&mut tx, people[0].uuid(), again.uuid(), author()).await;
    assert!(matches!(kept_again, Err(attention::MergeError::NotShared)), "{kept_again:?}");
    Ok(())
}
