//! What strangers, thieves and curious colleagues try on the cloud's pages, over HTTP against a real PostgreSQL.

use anyhow::{Context as _, Result};
use cloud_server::clock::{OsEntropy, SystemClock};
use cloud_server::store::CompanyAccess;
use cloud_server::store::grant::{self, NewGrant};
use cloud_server::store::user::NewUser;
use reqwest::Method;
use shared_model::access::Role;
use shared_model::text::Name;
use shared_model::{Clock as _, UserId};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use sync_protocol::authority::GrantId;
use system_tests::cloud_http::{Answer, Browser, CloudHttp, Factory, author};
use system_tests::cloud_people::{PASSWORD, is_signed_out, member, operator, sign_in};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const OURS: (&str, &str) = ("sec-fetch-site", "same-origin");

/// How many rows all tables hold that a page could write to.
async fn rows(cloud: &CloudHttp) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM app_user) + (SELECT count(*) FROM company) + (SELECT count(*) FROM membership)
              + (SELECT count(*) FROM session) + (SELECT count(*) FROM enrolment_code) + (SELECT count(*) FROM rec_site)
              + (SELECT count(*) FROM edge WHERE state = 'retired') + (SELECT count(*) FROM password_token)",
    )
    .fetch_one(&mut PgConnection::connect_with(&cloud.database.superuser()).await?)
    .await?)
}

/// Every route with its placeholders filled, by method.
fn routes(id: &str) -> Vec<(Method, String)> {
    let fill = |path: &str| {
        ["{company}", "{site}", "{edge}", "{grant}"]
            .iter()
            .fold(path.to_owned(), |p, name| p.replace(name, id))
    };
    cloud_server::web::routes().entries().map(|entry| (entry.method().clone(), fill(entry.path()))).collect()
}

async fn try_password(browser: &mut Browser, email: &str, password: &str) -> Result<Answer> {
    browser.post("/sign-in", &[("name", email), ("password", password)]).await
}

#[tokio::test]
async fn guessing_a_password_is_slowed_down_and_the_right_one_waits_too() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    operator(&cloud).await?;
    let mut guesser = cloud.browser();
    let mut answers = Vec::new();
    for nth in 0..8 {
        answers.push(try_password(&mut guesser, "olga@example.com", &format!("guess {nth}")).await?);
    }
    assert!(answers[..5].iter().all(|answer| answer.status == 422));
    let last = &answers[7];
    assert_eq!(last.status, 429);
    assert!(guesser.session().is_none());
    assert_eq!(try_password(&mut guesser, "olga@example.com", PASSWORD).await?.status, 429);
    Ok(())
}

#[tokio::test]
async fn one_time_tokens_cannot_be_guessed_in_numbers() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    operator(&cloud).await?;
    let mut guesser = cloud.browser();
    let guess = [("token", "0000-0000-0000-0000-0000-0000"), ("password", PASSWORD)];
    let mut last = 0;
    for _ in 0..8 {
        last = guesser.post("/password", &guess).await?.status;
    }
    assert_eq!(last, 429);
    Ok(())
}

#[tokio::test]
async fn a_stranger_who_guesses_tokens_locks_out_nobody_else() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let token = cloud.store.make_setup_token(&OsEntropy, SystemClock.now()).await?.to_string();
    let post = async |from: &str, path: &str, form: String| {
        let headers = [
            ("x-forwarded-for", from),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        cloud
            .browser()
            .request(Method::POST, path, &headers, form.into_bytes())
            .await
            .map(|answer| answer.status)
    };
    let set_up = |token: &str| {
        format!("token={token}&name=Olga&email=olga%40example.com&password={}", PASSWORD.replace(' ', "+"))
    };
    let wrong = "0000-0000-0000-0000-0000-0000";
    for path in ["/setup", "/password"] {
        let mut last = 0;
        for _ in 0..8 {
            last = post("203.0.113.9", path, set_up(wrong)).await?;
        }
        assert_eq!(last, 429, "{path}");
    }
    assert_eq!(post("198.51.100.7", "/setup", set_up(&token)).await?, 303, "the operator");
    let new = NewUser {
        id: UserId::mint(&SystemClock, &OsEntropy),
        email: "rahim@example.com".to_owned(),
        name: Name::parse("Rahim")?,
        operator: false,
    };
    let token = cloud.store.add_user(&new, author(), &OsEntropy).await?.to_string();
    assert_eq!(post("198.51.100.8", "/password", set_up(&token)).await?, 303, "a new owner");
    Ok(())
}

#[tokio::test]
async fn a_refused_sign_in_does_not_tell_whether_the_account_exists() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    operator(&cloud).await?;
    let mut guesser = cloud.browser();
    let known = try_password(&mut guesser, "olga@example.com", "wrong").await?;
    let unknown = try_password(&mut guesser, "nobody@example.com", "wrong").await?;
    let without_address = |answer: &Answer, email: &str| answer.text.replace(email, "");
    assert_eq!(known.status, unknown.status);
    assert_eq!(without_address(&known, "olga@example.com"), without_address(&unknown, "nobody@example.com"));
    Ok(())
}

#[tokio::test]
async fn each_sign_in_has_a_session_of_its_own_that_ends_on_the_server() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let mut browser = operator(&cloud).await?;
    let first = browser.session().context("signed in")?.to_owned();
    // A session that somebody else chose is not taken over.
    browser.set_session(Some("muster-cloud=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()));
    assert!(is_signed_out(&browser.get("/companies").await?));
    sign_in(&mut browser, "olga@example.com").await?;
    let second = browser.session().context("signed in")?.to_owned();
    assert_ne!(first, second);
    assert!(!second.contains("AAAA"));

    // Signing in again ends the session that the browser had.
    sign_in(&mut browser, "olga@example.com").await?;
    let third = browser.session().context("signed in")?.to_owned();
    browser.set_session(Some(second));
    assert!(is_signed_out(&browser.get("/companies").await?));

    browser.set_session(Some(third.clone()));
    browser.post("/sign-out", &[]).await?;
    assert!(browser.session().is_none(), "the cookie is cleared");
    browser.set_session(Some(third));
    assert!(is_signed_out(&browser.get("/companies").await?), "and worth nothing any more");
    browser.set_session(Some(first));
    assert_eq!(browser.get("/companies").await?.status, 200, "other browsers are not touched");
    Ok(())
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_all_other_sessions() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let mut thief = operator(&cloud).await?;
    let mut owner = cloud.browser();
    sign_in(&mut owner, "olga@example.com").await?;
    let new = "nine yellow trains";
    let refused = thief.post("/account/password", &[("old", "a guess"), ("new", new)]).await?;
    assert_eq!(refused.status, 422);
    assert!(
        !refused.text.contains(new) && !refused.text.contains("a guess"),
        "what was typed is not sent back"
    );
    let weak = owner.post("/account/password", &[("old", PASSWORD), ("new", "olga@example.com")]).await?;
    assert_eq!(weak.status, 422);
    let changed = owner.post("/account/password", &[("old", PASSWORD), ("new", new)]).await?;
    assert_eq!(changed.location.as_deref(), Some("/account"), "{}", changed.text);
    assert_eq!(owner.get("/companies").await?.status, 200);
    assert!(is_signed_out(&thief.get("/companies").await?));
    let mut later = cloud.browser();
    assert_eq!(try_password(&mut later, "olga@example.com", PASSWORD).await?.status, 422);
    assert_eq!(try_password(&mut later, "olga@example.com", new).await?.status, 303);
    Ok(())
}

#[tokio::test]
async fn who_leaves_a_company_sees_nothing_of_it_from_the_next_request_on() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    operator(&cloud).await?;
    let mut owner = member(&cloud, "owner@example.com", factory, Role::Owner).await?;
    let mut database = PgConnection::connect_with(&cloud.database.superuser()).await?;
    for (change, back) in [
        ("UPDATE company SET state = 'suspended'", "UPDATE company SET state = 'active'"),
        ("UPDATE membership SET role = 'auditor'", "UPDATE membership SET role = 'owner'"),
        ("DELETE FROM membership", "SELECT 1"),
    ] {
        assert_eq!(owner.get("/sites/new").await?.status, 200);
        sqlx::query(change).execute(&mut database).await?;
        let answer = owner.get("/sites/new").await?;
        assert_eq!(answer.status, 403, "{change}");
        assert!(!answer.text.contains("Karnaphuli") || change.contains("role"), "{change}");
        sqlx::query(back).execute(&mut database).await?;
    }
    Ok(())
}

#[tokio::test]
async fn another_site_cannot_make_a_browser_change_anything() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    operator(&cloud).await?;
    let mut owner = member(&cloud, "owner@example.com", factory, Role::Owner).await?;
    let before = rows(&cloud).await?;
    let mut tried = 0;
    for (method, path) in routes(&factory.site.to_string()) {
        if method != Method::POST {
            continue;
        }
        for foreign in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
            let body = b"name=Evil&code=E1&zone=Asia/Dhaka&email=evil@example.com&old=x&new=y".to_vec();
            let answer = owner.request(Method::POST, &path, &[FORM, foreign], body).await?;
            assert_eq!(answer.status, 403, "{path} with {foreign:?}");
            tried += 1;
        }
    }
    assert!(tried >= 18, "{tried}");
    assert_eq!(rows(&cloud).await?, before);
    assert_eq!(owner.get("/account").await?.status, 200, "not even signed out");
    Ok(())
}

#[tokio::test]
async fn every_answer_of_every_route_carries_the_protections() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    operator(&cloud).await?;
    let mut owner = member(&cloud, "owner@example.com", factory, Role::Owner).await?;
    let session = owner.session().map(str::to_owned);
    let mut paths = routes(&factory.site.to_string());
    paths.push((Method::GET, "/no-such-page".to_owned()));
    for (method, path) in paths {
        for known in [None, session.clone()] {
            owner.set_session(known);
            let foreign = ("origin", "https://evil.example");
            let answer = owner.request(method.clone(), &path, &[FORM, foreign], Vec::new()).await?;
            let header = |name| answer.header(name).unwrap_or_default().to_owned();
            assert!(answer.status < 500, "{method} {path}: {}", answer.status);
            let policy = header("content-security-policy");
            for part in
                ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"]
            {
                assert!(policy.contains(part), "{method} {path}: {policy}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{method} {path}");
            assert_eq!(header("x-frame-options"), "DENY");
            assert_eq!(header("referrer-policy"), "same-origin");
            assert_eq!(header("cache-control"), "no-store", "{method} {path}");
            assert_eq!(answer.header("access-control-allow-origin"), None, "{method} {path}");
            assert_eq!(answer.header("server"), None);
        }
    }
    Ok(())
}

#[tokio::test]
async fn only_our_own_names_are_answered() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let mut browser = operator(&cloud).await?;
    for host in ["evil.example", "127.0.0.1.evil.example", "evil.example:80"] {
        let answer = browser.request(Method::GET, "/companies", &[("host", host)], Vec::new()).await?;
        assert_eq!(answer.status, 421, "{host}");
        assert!(!answer.text.contains("Companies"), "{host}");
    }
    Ok(())
}

#[tokio::test]
async fn bodies_of_forms_are_bounded_and_never_unpacked() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let mut browser = operator(&cloud).await?;
    for size in [300 * 1024, 17 << 20] {
        let mut body = b"name=".to_vec();
        body.resize(size, b'x');
        // A server that refuses a long body early may cut the line before the answer is read.
        let answer = browser.request(Method::POST, "/companies", &[FORM, OURS], body).await;
        assert!(answer.map_or(true, |answer| answer.status == 413), "{size}");
    }
    // Were it unpacked, this would be a company called "Packed".
    let packed = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 203, 75, 204, 77, 181, 13, 72, 76, 206, 78, 77, 1, 0, 167, 127, 11,
        60, 11, 0, 0, 0,
    ];
    let headers = [FORM, OURS, ("content-encoding", "gzip")];
    let answer = browser.request(Method::POST, "/companies", &headers, packed.to_vec()).await?;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    assert_eq!(cloud.store.companies().await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn nonsense_is_refused_by_every_route_and_stops_nothing() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("Karnaphuli Garments").await?;
    let mut operator = operator(&cloud).await?;
    let mut owner = member(&cloud, "owner@example.com", factory, Role::Owner).await?;
    let bodies: [&[u8]; 7] = [
        b"",
        b"\xff\xfe\x00",
        b"name=%00&code=%FF&email=%0d%0a&zone=../../etc/passwd&company=%27+OR+1%3D1--",
        b"name=name&name=name&name[]=x&=&&&==",
        b"{\"name\":\"x\",\"operator\":true}",
        b"name='%3B+DROP+TABLE+company%3B--&email='%3B--@x&password='%3B--&token='%3B--&old='%3B--&new='%3B--",
        b"name=%F0%9F%8F%AD%E2%80%AE%D8%A7&email=%E2%80%AE@%E2%80%AE&code=%E2%80%AE&zone=%E2%80%AE",
    ];
    for id in
        ["%27%20OR%201%3D1--", "..%2f..%2fetc%2fpasswd", "00000000-0000-0000-0000-000000000000", "%00", "%ff"]
    {
        for (method, path) in routes(id) {
            // One id is enough for routes that name none.
            if path == "/sign-out" || (!path.contains(id) && id != "%00") {
                continue;
            }
            for body in bodies {
                for browser in [&mut owner, &mut operator] {
                    let answer = browser.request(method.clone(), &path, &[FORM, OURS], body.to_vec()).await?;
                    assert!(answer.status < 500, "{method} {path} {body:?}: {}", answer.status);
                }
            }
        }
    }
    let json = ("content-type", "application/json");
    let answer = operator.request(Method::POST, "/companies", &[json, OURS], bodies[4].to_vec()).await?;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    Ok(())
}

#[tokio::test]
async fn a_form_writes_no_field_it_does_not_show() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let mut operator = operator(&cloud).await?;
    let made = operator
        .post("/companies", &[("name", "Karnaphuli"), ("plan", "free"), ("state", "suspended")])
        .await?;
    let page = made.location.context("added")?;
    let more = [
        ("operator", "true"),
        ("state", "disabled"),
        ("role", "operator"),
        ("password", "x"),
        ("user_id", "1"),
    ];
    let owner = [("name", "Rahim"), ("email", "rahim@example.com")];
    operator.post(&format!("{page}/owner"), &[&owner[..], &more].concat()).await?;
    let company = cloud.store.companies().await?.pop().context("made")?;
    assert_eq!((company.plan.as_str(), company.state.as_str()), ("standard", "active"));
    let (user, password) = cloud.store.user_by_email("rahim@example.com").await?.context("made")?;
    assert_eq!((user.operator, user.state.as_str(), password), (false, "active", None));
    assert_eq!(cloud.store.memberships(user.user_id).await?[0].role, Role::Owner);
    Ok(())
}

#[tokio::test]
async fn names_are_text_wherever_they_are_shown() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let factory = cloud.factory("\"><img src=x onerror=alert(1)>").await?;
    operator(&cloud).await?;
    let mut owner = member(&cloud, "owner@example.com", factory, Role::Owner).await?;
    cloud.enrol(factory).await?;
    sqlx::query("UPDATE edge SET name = '<script>alert(2)</script>', app_version = '<svg onload=alert(3)>'")
        .execute(&mut PgConnection::connect_with(&cloud.database.superuser()).await?)
        .await?;
    let site = [("name", "<b>Unit</b>"), ("code", "U<2>"), ("zone", "Asia/Dhaka")];
    assert_eq!(owner.post("/sites/new", &site).await?.status, 303);
    for path in ["/", "/sites", "/clocks", "/edges", "/switch", "/account"] {
        let page = owner.get(path).await?.text;
        for raw in ["<img src=x", "<script>", "<svg onload", "<b>Unit"] {
            assert!(!page.contains(raw), "{path}: {raw}");
        }
    }
    Ok(())
}

/// A grant that somebody in another company has.
async fn foreign_grant(cloud: &CloudHttp, factory: Factory) -> Result<GrantId> {
    member(cloud, "hr@example.org", factory, Role::HrAdmin).await?;
    let (person, _) = cloud.store.user_by_email("hr@example.org").await?.context("a member")?;
    let new = NewGrant {
        id: GrantId::from_uuid(uuid::Uuid::now_v7()),
        person: person.user_id,
        sites: None,
        departments: None,
        valid_from: SystemClock.now(),
        valid_to: None,
    };
    let mut tx = cloud.store.begin(&CompanyAccess::of_system(factory.company)).await?;
    grant::give(&mut tx, &new, author(), &OsEntropy).await?;
    tx.commit().await?;
    Ok(new.id)
}

/// Another company's things are as unknown as things that do not exist, on every route that names one.
#[tokio::test]
async fn no_route_tells_another_companys_thing_from_none() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let (ours, theirs) =
        (cloud.factory("Karnaphuli Garments").await?, cloud.factory("Meghna Textiles").await?);
    operator(&cloud).await?;
    let edge = cloud.enrol(theirs).await?.id.context("enrolled")?.to_string();
    let mut owner = member(&cloud, "owner@example.com", ours, Role::Owner).await?;
    let grant = foreign_grant(&cloud, theirs).await?.to_string();
    let before = rows(&cloud).await?;
    let mut cases = 0;
    for entry in cloud_server::web::routes().entries().filter(|entry| entry.path().contains('{')) {
        let (site, company) = (theirs.site.to_string(), theirs.company.to_string());
        let path = |site: &str, edge: &str, company: &str, grant: &str| {
            let path = entry.path().replace("{site}", site).replace("{edge}", edge);
            let path = path.replace("{company}", company).replace("{grant}", grant);
            path.replace("{person}", site).replace("{conflict}", site).replace("{serial}", site)
        };
        let none = uuid::Uuid::now_v7().to_string();
        let mut visit = async |path: String| {
            owner.request(entry.method().clone(), &path, &[FORM, OURS], Vec::new()).await
        };
        let theirs = visit(path(&site, &edge, &company, &grant)).await?;
        let nothing = visit(path(&none, &none, &none, &none)).await?;
        // A form is read before its thing is looked for.
        assert!([403, 404, 422].contains(&theirs.status), "{}: {}", entry.path(), theirs.status);
        let theirs = Answer { text: theirs.text.replace(&site, "ID"), ..theirs };
        let nothing = Answer { text: nothing.text.replace(&none, "ID"), ..nothing };
        assert_eq!((theirs.status, theirs.text), (nothing.status, nothing.text), "{}", entry.path());
        cases += 1;
    }
    assert_eq!(cases, 10, "a new route with an id has a case here by itself");
    assert_eq!(rows(&cloud).await?, before);
    Ok(())
}

#[tokio::test]
async fn the_first_superusers_token_ends_with_the_next_start() -> Result<()> {
    let cloud = CloudHttp::start().await?;
    let first = cloud.store.make_setup_token(&OsEntropy, SystemClock.now()).await?.to_string();
    let second = cloud.store.make_setup_token(&OsEntropy, SystemClock.now()).await?.to_string();
    let mut browser = cloud.browser();
    let form = |token: &str| {
        [
            ("token", token.to_owned()),
            ("name", "Olga".into()),
            ("email", "olga@example.com".into()),
            ("password", PASSWORD.into()),
        ]
    };
    for (token, expected) in [(&first, 422), (&second, 303)] {
        let form = form(token);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(browser.post("/setup", &form).await?.status, expected);
    }
    Ok(())
}
