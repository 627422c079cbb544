//! The cloud's pages over HTTP against a real PostgreSQL: first run, who sees what, and one company's walls.

use std::time::Duration;

use anyhow::{Context as _, Result};
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::store::{CompanyAccess, own_change};
use shared_model::access::Role;
use shared_model::entity::{Employee, EmployeeCategory};
use shared_model::text::Name;
use shared_model::{Clock as _, EmployeeId};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use system_tests::cloud_http::{Browser, CloudHttp, Factory, author};
use system_tests::cloud_pages as visit;
use system_tests::cloud_people::{PASSWORD, is_signed_out, member, operator, sign_in};
use system_tests::pages::{Pages, new_password};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_first_run_makes_one_superuser_by_the_token_and_closes() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let mut stranger = cloud.browser();
    assert_eq!(stranger.get("/sign-in").await?.location.as_deref(), Some("/setup"));
    let wrong = [
        ("token", "0000-0000-0000-0000-0000-0000"),
        ("name", "Eve"),
        ("email", "eve@example.com"),
        ("password", PASSWORD),
    ];
    assert_eq!(stranger.post("/setup", &wrong).await?.status, 422);
    let mut operator = operator(&cloud).await?;
    assert_eq!(operator.get("/companies").await?.status, 200);
    assert_eq!(stranger.get("/setup").await?.location.as_deref(), Some("/sign-in"));
    assert_eq!(stranger.post("/setup", &wrong).await?.status, 404);
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM app_user")
        .fetch_one(&mut PgConnection::connect_with(&cloud.database.superuser()).await?)
        .await?;
    assert_eq!(users, 1);
    Ok(())
}

#[tokio::test]
async fn an_operator_adds_a_company_and_its_owner_who_adds_a_site() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let mut operator = operator(&cloud).await?;
    let made = operator.post("/companies", &[("name", "Karnaphuli <b>Garments</b>")]).await?;
    let page = made.location.context("to the company's page")?;
    let shown = operator.get(&page).await?;
    assert!(shown.text.contains("Karnaphuli &#60;b&#62;Garments"), "names are text, not markup");
    let owner = [("name", "Rahim"), ("email", "rahim@example.com")];
    let answer = operator.post(&format!("{page}/owner"), &owner).await?;
    let token = answer.text.split("data-secret>").nth(1).and_then(|rest| rest.split('<').next());
    let token = token.context("the token is shown")?.to_owned();
    assert_eq!(operator.get("/sites").await?.status, 403, "the operator sees no company's sites");
    let entered: i64 =
        sqlx::query_scalar("SELECT count(*) FROM operator_audit WHERE action = 'company.enter'")
            .fetch_one(&mut PgConnection::connect_with(&cloud.database.superuser()).await?)
            .await?;
    assert_eq!(entered, 1, "looking into a company is written down");

    let mut owner = cloud.browser();
    owner.post("/password", &[("token", &token), ("password", PASSWORD)]).await?;
    assert_eq!(
        owner.post("/password", &[("token", &token), ("password", PASSWORD)]).await?.status,
        422,
        "once"
    );
    sign_in(&mut owner, "RAHIM@example.com").await?;
    assert!(owner.get("/").await?.text.contains("No sites yet"));
    let site = [("name", "Factory 1"), ("code", "F1"), ("zone", "Asia/Dhaka")];
    assert_eq!(owner.post("/sites/new", &site).await?.location.as_deref(), Some("/sites"));
    assert_eq!(owner.post("/sites/new", &site).await?.status, 422, "the code is taken");
    let bad = [("name", "Factory 2"), ("code", "F2"), ("zone", "Dhaka")];
    assert_eq!(owner.post("/sites/new", &bad).await?.status, 422);
    let list = owner.get("/sites").await?.text;
    let code_path =
        list.split("action=\"").find_map(|rest| rest.split('"').next().filter(|p| p.ends_with("/code")));
    let code = owner.post(code_path.context("a button")?, &[]).await?;
    assert!(code.text.contains("Good once"), "{}", code.text);
    assert_eq!(owner.get("/companies").await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn every_route_asks_for_its_permission() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    operator(&cloud).await?;
    let mut nobody = cloud.browser();
    let mut auditor = member(&cloud, "auditor@example.com", factory, Role::Auditor).await?;
    let mut supervisor = member(&cloud, "supervisor@example.com", factory, Role::Supervisor).await?;
    let mut owner = member(&cloud, "owner@example.com", factory, Role::Owner).await?;
    let mut walked = 0;
    for entry in cloud_server::web::routes().entries() {
        let path = entry.path().replace("{company}", &factory.company.to_string());
        let path =
            path.replace("{site}", &factory.site.to_string()).replace("{edge}", &factory.site.to_string());
        let is_get = entry.method() == "GET";
        let visit = async |browser: &mut Browser| {
            if is_get { browser.get(&path).await } else { browser.post(&path, &[]).await }
        };
        if path == "/sign-out" {
            continue;
        }
        walked += 1;
        let needed = match entry.access() {
            web_kit::Access::Public => continue,
            web_kit::Access::SignedIn => None,
            web_kit::Access::Needs(permission) => Some(permission),
        };
        let refused = visit(&mut nobody).await?;
        assert!(is_signed_out(&refused), "{path} answers strangers with {}", refused.status);
        for (role, browser) in
            [(Role::Auditor, &mut auditor), (Role::Supervisor, &mut supervisor), (Role::Owner, &mut owner)]
        {
            let status = visit(browser).await?.status;
            let may = needed.is_none_or(|permission| role.may(permission));
            assert_eq!(status == 403, !may, "{} {path} for {role:?}: {status}", entry.method());
        }
    }
    assert!(walked >= 20, "{walked}");
    Ok(())
}

#[tokio::test]
async fn one_company_is_not_there_for_anothers_owner() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let (ours, theirs) =
        (cloud.factory("Karnaphuli Garments").await?, cloud.factory("Meghna Textiles").await?);
    operator(&cloud).await?;
    let edge = cloud.enrol(theirs).await?.id.context("enrolled")?;
    let mut owner = member(&cloud, "owner@example.com", ours, Role::Owner).await?;
    for (path, form) in [
        (format!("/sites/{}/code", theirs.site), vec![]),
        (format!("/edges/{edge}/retire"), vec![]),
        ("/switch".to_owned(), vec![("company", theirs.company.to_string())]),
    ] {
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let theirs = owner.post(&path, &form).await?;
        let none = owner.post(&path.replace(|c: char| c.is_ascii_digit(), "0"), &[]).await?;
        assert_eq!((theirs.status, none.status), (404, 404), "{path}");
    }
    for path in ["/", "/sites", "/clocks", "/edges"] {
        let page = owner.get(path).await?;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.text.contains("Meghna") && !page.text.contains(&theirs.site.to_string()), "{path}");
    }
    let state: String = sqlx::query_scalar("SELECT state FROM edge_key WHERE edge_id = $1")
        .bind(edge)
        .fetch_one(&mut PgConnection::connect_with(&cloud.database.superuser()).await?)
        .await?;
    assert_eq!(state, "active");
    Ok(())
}

#[tokio::test]
async fn a_person_of_two_companies_switches_between_them() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let (one, two) = (cloud.factory("Karnaphuli Garments").await?, cloud.factory("Meghna Textiles").await?);
    operator(&cloud).await?;
    let mut browser = member(&cloud, "hr@example.com", one, Role::HrAdmin).await?;
    let (user, _) = cloud.store.user_by_email("hr@example.com").await?.context("made")?;
    cloud.store.set_membership(user.user_id, two.company, Role::Auditor, author()).await?;
    assert!(browser.get("/").await?.text.contains("Karnaphuli"));
    let switched = browser.post("/switch", &[("company", &two.company.to_string())]).await?;
    assert_eq!(switched.location.as_deref(), Some("/"));
    let page = browser.get("/sites").await?;
    assert!(page.text.contains("Meghna") && !page.text.contains("Karnaphuli"));
    assert_eq!(browser.get("/sites/new").await?.status, 403, "an auditor there");
    Ok(())
}

#[tokio::test]
async fn disabling_a_user_ends_the_sessions_at_once() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    operator(&cloud).await?;
    let mut browser = member(&cloud, "hr@example.com", factory, Role::HrAdmin).await?;
    assert_eq!(browser.get("/").await?.status, 200);
    sqlx::query("UPDATE app_user SET state = 'disabled' WHERE email = 'hr@example.com'")
        .execute(&mut PgConnection::connect_with(&cloud.database.superuser()).await?)
        .await?;
    assert!(is_signed_out(&browser.get("/").await?));
    let refused = browser.post("/sign-in", &[("name", "hr@example.com"), ("password", PASSWORD)]).await?;
    assert_eq!(refused.status, 422);
    Ok(())
}

#[tokio::test]
async fn today_counts_each_person_once() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    operator(&cloud).await?;
    let mut database = PgConnection::connect_with(&cloud.database.superuser()).await?;
    // People that no change made.
    sqlx::raw_sql("SET session_replication_role = replica").execute(&mut database).await?;
    let today = SystemClock.now().with_timezone(&chrono_tz::Tz::Asia__Dhaka).date_naive();
    // Present, late, absent, provisional, off, and one who is not worked out yet.
    let days = [
        ("present", false, true, 0),
        ("present", false, true, 900),
        ("absent", false, false, 0),
        ("absent", true, false, 0),
        ("weekly_off", false, false, 0),
    ];
    for nth in 0..6 {
        let employee = uuid::Uuid::from_u128(nth + 1);
        sqlx::query(
            "INSERT INTO rec_employee (company_id, key, code, name, site, category, active, vv, dots, fseq)
             VALUES ($1, $2, $3, 'Somebody', $4, 'worker', true, '', '', $5)",
        )
        .bind(factory.company)
        .bind(employee)
        .bind(format!("E-{nth}"))
        .bind(factory.site)
        .bind(i64::try_from(nth)? + 1000)
        .execute(&mut database)
        .await?;
        let Some((status, provisional, came, late)) = days.get(usize::try_from(nth)?) else { continue };
        sqlx::query(
            "INSERT INTO attendance_day (company_id, work_date, employee, status, provisional, first_in,
                 scheduled_seconds, worked_seconds, late_seconds, early_seconds, overtime_seconds, record, digest,
                 engine, computed_at)
             VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 THEN now() END, 0, 0, $7, 0, 0, '{}', '', 'e', now())",
        )
        .bind(factory.company)
        .bind(today)
        .bind(employee)
        .bind(*status)
        .bind(*provisional)
        .bind(*came)
        .bind(i64::from(*late))
        .execute(&mut database)
        .await?;
    }
    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    let counted = cloud_server::store::today::today(&mut tx, SystemClock.now()).await?.count;
    tx.commit().await?;
    assert_eq!(
        (counted.people, counted.present, counted.late, counted.absent, counted.uncertain, counted.off),
        (6, 2, 1, 1, 2, 1)
    );
    let mut browser = member(&cloud, "hr@example.com", factory, Role::HrAdmin).await?;
    let page = browser.get("/").await?;
    assert!(page.text.contains("2 of 6 have come"), "{}", page.text);
    Ok(())
}

#[tokio::test]
async fn two_people_with_one_code_are_listed_until_one_is_kept() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let (factory, other) =
        (cloud.factory("Karnaphuli Garments").await?, cloud.factory("Meghna Textiles").await?);
    operator(&cloud).await?;
    let mut keys = Vec::new();
    for name in ["Rahima Khatun", "Rahima K."] {
        let person = Employee {
            code: "E-1".parse()?,
            name: Name::parse(name)?,
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
        let key = EmployeeId::mint(&SystemClock, &OsEntropy).uuid();
        let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
        own_change::create(&mut tx, key, &person, author()).await?;
        tx.commit().await?;
        keys.push(key.to_string());
    }
    let mut hr = member(&cloud, "hr@example.com", factory, Role::HrAdmin).await?;
    let mut auditor = member(&cloud, "auditor@example.com", factory, Role::Auditor).await?;
    let mut stranger = member(&cloud, "hr@example.org", other, Role::HrAdmin).await?;
    assert!(hr.get("/").await?.text.contains("One number is shared"));
    let page = hr.get("/attention").await?.text;
    assert!(page.contains("Two people have the code") && page.contains("Rahima Khatun"), "{page}");
    assert!(!auditor.get("/attention").await?.text.contains("/attention/keep"), "nothing to press");
    assert!(!stranger.get("/attention").await?.text.contains("Rahima"));
    let form = [("keep", keys[0].as_str()), ("other", keys[1].as_str())];
    assert_eq!(stranger.post("/attention/keep", &form).await?.status, 404);
    assert_eq!(hr.post("/attention/keep", &form).await?.location.as_deref(), Some("/attention"));
    assert!(hr.get("/attention").await?.text.contains("Nothing needs attention"));
    assert_eq!(hr.post("/attention/keep", &form).await?.status, 404, "once");
    Ok(())
}

#[tokio::test]
async fn pages_carry_the_protections() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let mut browser = operator(&cloud).await?;
    for path in ["/companies", "/setup", "/none"] {
        let page = browser.get(path).await?;
        let policy = page.header("content-security-policy").context("a policy")?;
        assert!(policy.contains("default-src 'none'") || policy.contains("default-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        for forbidden in ["<script>", " onclick=", "style=\""] {
            assert!(!page.text.contains(forbidden), "{path}: {forbidden}");
        }
    }
    Ok(())
}

/// A factory with something of everything that the pages tell apart.
async fn busy_factory(cloud: &CloudHttp) -> Result<Factory> {
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let (working, retired) = (cloud.enrol(factory).await?, cloud.enrol(factory).await?);
    let mut database = PgConnection::connect_with(&cloud.database.superuser()).await?;
    // Records that no change made.
    sqlx::raw_sql("SET session_replication_role = replica").execute(&mut database).await?;
    for statement in [
        "UPDATE edge SET state = 'retired' WHERE edge_id = $3 AND company_id = $1 AND $2::uuid IS NOT NULL",
        r#"UPDATE edge SET last_seen = now(), app_version = '0.1.0', hello = jsonb_build_object(
               'server_time', (extract(epoch FROM now()) * 1000)::bigint, 'counts', '{"outbox": 12}'::jsonb,
               'clocks', '{"GATEA": {"clock": 1002, "ledger": 1000, "repeat": 2, "quarantined": 0},
                           "GATEB": {"clock": null, "ledger": 900, "repeat": 0, "quarantined": 1},
                           "GATEC": {"clock": 10, "ledger": 9, "repeat": 0, "quarantined": 1}}'::jsonb)
           WHERE company_id = $1 AND $2::uuid IS NOT NULL AND edge_id <> $3"#,
        "INSERT INTO rec_device (company_id, key, serial, name, site, state, vv, dots, fseq)
         SELECT $1, gen_random_uuid(), 'GATE' || gate, 'Gate ' || gate, $2, 'active', '', '', 5000 + ascii(gate)
         FROM unnest('{A,B,C,D}'::text[]) AS t (gate) WHERE $3::uuid IS NOT NULL",
        "INSERT INTO clock_tally (company_id, serial, punches, last_instant)
         SELECT $1, serial, punches, now() FROM (VALUES ('GATEA', 1000), ('GATEB', 100), ('GATEC', 10)) AS t (serial, punches)
         WHERE $2::uuid IS NOT NULL AND $3::uuid IS NOT NULL",
        "INSERT INTO watermark (company_id, serial, origin, position, through, observed_at)
         SELECT $1, serial, 1, 1, now() - age, now() FROM (VALUES ('GATEA', '1 minute'::interval), ('GATEB', '3 days'))
             AS t (serial, age) WHERE $2::uuid IS NOT NULL AND $3::uuid IS NOT NULL",
        "INSERT INTO edge_digest (company_id, edge_id, month, days, digest, engine, reported_at, our_days, our_digest,
             our_engine, compared_at)
         SELECT $1, $3, month, days, '\\x00', 'e', now(), ours, digest, engine, now()
         FROM (VALUES ('2026-11-01'::date, 0, 0, '\\x00'::bytea, 'e'), ('2026-10-01', 31, 31, '\\x00', 'e'),
                      ('2026-09-01', 31, 30, '\\x00', 'e'), ('2026-08-01', 31, 31, '\\x01', 'e'),
                      ('2026-07-01', 31, 31, '\\x00', 'f'), ('2026-06-01', 31, NULL, NULL, NULL))
             AS t (month, days, ours, digest, engine) WHERE $2::uuid IS NOT NULL",
        "INSERT INTO rec_employee (company_id, key, code, name, site, category, active, vv, dots, fseq)
         SELECT $1, gen_random_uuid(), 'E-' || n, 'Somebody', $2, 'worker', true, '', '', 6000 + n
         FROM generate_series(1, 12) n WHERE $3::uuid IS NOT NULL",
        "INSERT INTO attendance_day (company_id, work_date, employee, status, provisional, first_in,
             scheduled_seconds, worked_seconds, late_seconds, early_seconds, overtime_seconds, record, digest, engine,
             computed_at)
         SELECT $1, (now() AT TIME ZONE 'Asia/Dhaka')::date, key, CASE WHEN fseq % 3 = 0 THEN 'absent' ELSE 'present' END,
                false, CASE WHEN fseq % 3 > 0 THEN now() END, 0, 0, CASE WHEN fseq % 3 = 1 THEN 900 ELSE 0 END, 0, 0,
                '{}', '', 'e', now()
         FROM rec_employee WHERE company_id = $1 AND $2::uuid IS NOT NULL AND $3::uuid IS NOT NULL",
    ] {
        let done = sqlx::query(statement)
            .bind(factory.company)
            .bind(factory.site)
            .bind(retired.id)
            .execute(&mut database)
            .await
            .context(statement)?;
        anyhow::ensure!(done.rows_affected() > 0, "{statement}");
    }
    anyhow::ensure!(working.id != retired.id);
    Ok(factory)
}

/// What is wrong with the page that is shown, with the page's name.
async fn faults(pages: &Pages<'_>, name: &str) -> Result<Vec<String>> {
    Ok(pages.faults().await?.into_iter().map(|fault| format!("{name}: {fault}")).collect())
}

/// Opens each of a company's pages and says what is wrong with them.
async fn company_faults(pages: &Pages<'_>, state: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (name, path) in visit::COMPANY {
        pages.open(path).await?;
        assert_eq!(pages.path().await?, *path);
        found.extend(faults(pages, &format!("{name} ({state})")).await?);
    }
    Ok(found)
}

#[tokio::test]
async fn every_page_is_without_fault_in_a_real_browser() -> Result<()> {
    let logs = tempfile::tempdir()?;
    let cloud = CloudHttp::start().await?;
    let token = cloud.store.make_setup_token(&OsEntropy, SystemClock.now()).await?.to_string();
    let browser = system_tests::browser::Browser::start(logs.path()).await?;
    let pages = Pages::at(&browser, cloud.url().to_owned());
    let password = new_password();
    let mut found = Vec::new();

    pages.open("/").await?;
    pages.open("/sign-in").await?;
    assert_eq!(pages.path().await?, "/setup");
    found.extend(faults(&pages, "set-up").await?);
    pages.send(&[("token", "nonsense"), ("name", ""), ("email", "nobody"), ("password", "short")]).await?;
    found.extend(faults(&pages, "set-up (error)").await?);
    visit::set_up(&pages, &token, &password).await?;
    found.extend(faults(&pages, "companies (empty)").await?);
    pages.send(&[("name", "")]).await?;
    found.extend(faults(&pages, "companies (error)").await?);
    let empty = visit::add_company(&pages, "Meghna Textiles").await?;
    found.extend(faults(&pages, "company (empty)").await?);
    pages.send(&[("name", ""), ("email", "nobody")]).await?;
    found.extend(faults(&pages, "company (error)").await?);
    pages.open(&empty).await?;
    let token = visit::add_owner(&pages).await?;
    found.extend(faults(&pages, "token").await?);
    pages.open("/account").await?;
    found.extend(faults(&pages, "the operator's account").await?);

    pages.forget().await?;
    pages.open("/password").await?;
    found.extend(faults(&pages, "password").await?);
    pages.send(&[("token", "nonsense"), ("password", "short")]).await?;
    found.extend(faults(&pages, "password (error)").await?);
    visit::begin(&pages, &token, &password).await?;
    found.extend(company_faults(&pages, "empty").await?);
    pages.open("/sites/new").await?;
    pages.send(&[("name", ""), ("code", "F 1")]).await?;
    found.extend(faults(&pages, "site (error)").await?);
    pages.open("/sites/new").await?;
    pages.send(&[("name", "Unit 2"), ("code", "U2"), ("zone", "Asia/Dhaka")]).await?;
    assert_eq!(pages.path().await?, "/sites");
    found.extend(faults(&pages, "sites (added)").await?);
    pages.open("/account").await?;
    pages.send(&[("old", "not the password"), ("new", "short")]).await?;
    found.extend(faults(&pages, "account (error)").await?);

    let factory = busy_factory(&cloud).await?;
    let (owner, _) = cloud.store.user_by_email(visit::OWNER).await?.context("made")?;
    cloud.store.set_membership(owner.user_id, factory.company, Role::Owner, author()).await?;
    pages.open("/switch").await?;
    browser.ask("document.querySelector('form[action=\"/switch\"]').submit()").await?;
    system_tests::wait::until_async("the other company", PATIENCE, async || {
        let text = browser.ask("return document.querySelector('.top-site')?.innerText ?? ''").await?;
        Ok((text == "Karnaphuli Garments").then_some(()))
    })
    .await?;
    found.extend(company_faults(&pages, "full").await?);
    visit::speak(&pages, "bn").await?;
    found.extend(company_faults(&pages, "Bangla").await?);

    // The page of today keeps itself up to date under its own content security policy.
    pages.open("/").await?;
    browser
        .ask(
            "document.getElementById('today').dataset.old = 'yes';
             htmx.ajax('GET', '/today', { target: '#today', select: '#today', swap: 'outerHTML' })",
        )
        .await?;
    system_tests::wait::until_async("the page's own refresh", PATIENCE, async || {
        let old = browser.ask("return document.getElementById('today').dataset.old ?? 'new'").await?;
        Ok((old == "new").then_some(()))
    })
    .await?;
    assert_eq!(browser.complaints().await?, Vec::<String>::new());

    visit::sign_in(&pages, visit::OPERATOR, &password).await?;
    pages.open(&format!("/companies/{}", factory.company)).await?;
    found.extend(faults(&pages, "company (full)").await?);
    assert_eq!(found, Vec::<String>::new());
    Ok(())
}
