//! The cloud's queue of attendance to be worked out: one entry for everybody, and fresh punches before it.

use std::sync::Arc;

use anyhow::Result;
use cloud_server::attendance::Attendance;
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::store::recompute::{self, DateSpan, Scope};
use cloud_server::store::{CompanyAccess, own_change};
use cloud_server::wake::Wake;
use shared_model::entity::{
    Device, DeviceState, DirectionUse, Employee, EmployeeCategory, Roster, RosterBasis, ScopeKind, Shift,
    Transport,
};
use shared_model::{Clock as _, UserCode, id};
use shift_engine::{RosterPattern, ShiftDefinition, Typed as _};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use system_tests::cloud_http::{CloudHttp, Factory, author};

/// More than two transactions' worth of people.
const PEOPLE: u32 = 450;

struct Company {
    cloud: CloudHttp,
    factory: Factory,
    attendance: Attendance,
}

impl Company {
    /// People, a clock with one punch of today, and nothing left to work out.
    async fn settled() -> Result<Self> {
        let cloud = CloudHttp::start().await?;
        let factory = cloud.factory("Karnaphuli Garments").await?;
        let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
        let clock = Device {
            serial: "GATE1".parse()?,
            name: "Gate 1".parse()?,
            site: factory.site,
            transport: Transport::Push,
            address: None,
            state: DeviceState::Active,
            zones: None,
            direction_use: DirectionUse::Ignore,
            model: None,
            firmware: None,
            set_time: false,
        };
        let new_key = || id::uuid_v7(&SystemClock, &OsEntropy);
        own_change::create(&mut tx, new_key(), &clock, author()).await?;
        let definition = ShiftDefinition::fixed("08:00".parse()?, "17:00".parse()?).to_document();
        let shift = Shift { code: "D".parse()?, name: "Day".parse()?, definition, active: true };
        let shift_id = new_key();
        own_change::create(&mut tx, shift_id, &shift, author()).await?;
        let roster = Roster {
            scope_kind: ScopeKind::Company,
            scope: None,
            basis: RosterBasis::Default,
            from: "2026-01-01".parse()?,
            to: None,
            pattern: RosterPattern::every_day(shift_id.into()).to_document(),
        };
        own_change::create(&mut tx, new_key(), &roster, author()).await?;
        for nth in 0..PEOPLE {
            let person = Employee {
                code: format!("E-{nth}").parse()?,
                name: "Rahima Khatun".parse()?,
                site: factory.site,
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
            own_change::create(&mut tx, new_key(), &person, author()).await?;
        }
        // Attendance of a site begins with its clocks' first punch.
        sqlx::query(
            "INSERT INTO attendance_clock_date (company_id, serial, date)
             VALUES ($1, 'GATE1', (now() AT TIME ZONE 'Asia/Dhaka')::date)",
        )
        .bind(factory.company)
        .execute(tx.connection())
        .await?;
        tx.commit().await?;
        let wake = Arc::new(Wake::default());
        let mut attendance = Attendance::new(cloud.store.clone(), Arc::new(SystemClock), wake);
        attendance.work_off(factory.company).await?;
        let company = Self { cloud, factory, attendance };
        assert_eq!(company.queue().await?, Vec::<String>::new());
        Ok(company)
    }

    async fn ask(&self, scope: Scope, dates: DateSpan) -> Result<()> {
        let mut tx = self.cloud.store.begin(&CompanyAccess::of_system(self.factory.company)).await?;
        recompute::ask(&mut tx, &[(scope, dates)], SystemClock.now()).await?;
        Ok(tx.commit().await?)
    }

    async fn work_portion(&mut self) -> Result<bool> {
        Ok(self.attendance.work_portion(self.factory.company).await?)
    }

    /// The scopes that wait, oldest first; those begun with a mark.
    async fn queue(&self) -> Result<Vec<String>> {
        let mut database = PgConnection::connect_with(&self.cloud.database.superuser()).await?;
        let sql = "SELECT scope || CASE WHEN after IS NULL THEN '' ELSE ' begun' END FROM recompute_queue
                   ORDER BY queued_at, entry_id";
        Ok(sqlx::query_scalar(sql).fetch_all(&mut database).await?)
    }

    /// People with a day that is worked out.
    async fn worked_out(&self) -> Result<i64> {
        let mut database = PgConnection::connect_with(&self.cloud.database.superuser()).await?;
        let sql = "SELECT count(DISTINCT employee) FROM attendance_day";
        Ok(sqlx::query_scalar(sql).fetch_one(&mut database).await?)
    }

    async fn forget_days(&self) -> Result<()> {
        let mut database = PgConnection::connect_with(&self.cloud.database.superuser()).await?;
        sqlx::query("DELETE FROM attendance_day").execute(&mut database).await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_change_for_everybody_is_one_entry_and_fresh_punches_go_before_it() -> Result<()> {
    let mut company = Company::settled().await?;
    assert_eq!(company.worked_out().await?, i64::from(PEOPLE));
    company.forget_days().await?;

    company.ask(Scope::Everyone, DateSpan::ALWAYS).await?;
    assert_eq!(company.queue().await?, ["everyone"]);
    assert!(company.work_portion().await?);
    assert_eq!(company.queue().await?, ["everyone begun"], "no entry for each person");
    let first = company.worked_out().await?;
    assert!(0 < first && first < i64::from(PEOPLE), "{first}");

    company.ask(Scope::Code(UserCode::parse("7")?), DateSpan::ALWAYS).await?;
    assert!(company.work_portion().await?);
    assert_eq!(company.queue().await?, ["everyone begun"], "the punch came later and went first");
    assert_eq!(company.worked_out().await?, first);

    while company.work_portion().await? {}
    assert_eq!(company.queue().await?, Vec::<String>::new());
    assert_eq!(company.worked_out().await?, i64::from(PEOPLE));
    Ok(())
}

#[tokio::test]
async fn entries_that_ask_for_nothing_more_are_worked_out_together() -> Result<()> {
    let mut company = Company::settled().await?;
    let since = DateSpan { from: Some("2026-11-01".parse()?), to: None };
    let longer = DateSpan { from: Some("2026-10-01".parse()?), to: None };
    company.ask(Scope::Everyone, since).await?;
    for (scope, dates) in [
        (Scope::Everyone, since),
        (Scope::Site(company.factory.site), DateSpan::day("2026-11-20".parse()?)),
        (Scope::Everyone, longer),
        (Scope::Site(company.factory.site), DateSpan::ALWAYS),
    ] {
        company.ask(scope, dates).await?;
    }
    assert!(company.work_portion().await?);
    assert_eq!(
        company.queue().await?,
        ["everyone begun", "everyone", "site"],
        "the longer ones are still asked for"
    );
    while company.work_portion().await? {}
    assert_eq!(company.queue().await?, Vec::<String>::new());
    Ok(())
}
