//! What people do on the pages, from the first set-up on.

use std::sync::Arc;

use chrono::TimeDelta;
use http::{Method, StatusCode};
use shared_model::access::Role;
use shared_model::entity::{
    Company, Device, DeviceState, Employee, Identity, Policy, Roster, Shift, Site as SiteRecord,
};
use shared_model::record::FieldTag;
use shared_model::{ClockSerial, EmployeeId};

use super::browser::{Browser, PASSWORD, Site};
use crate::control::account::set_up_link;
use crate::store::ReadTx;

const ANSWERS: [(&str, &str); 12] = [
    ("company", "Meghna Knitwear"),
    ("site", "Unit 2"),
    ("site_code", "U2"),
    ("zone", "Asia/Dhaka"),
    ("start", "08:00"),
    ("end", "17:00"),
    ("break_start", "13:00"),
    ("break_end", "14:00"),
    ("weekly_off", "friday"),
    ("full_name", "Sample Owner"),
    ("user_name", "owner"),
    ("password", PASSWORD),
];

async fn token(site: &Site) -> String {
    set_up_link(&site.store, &*site.clock, &*site.entropy).await.unwrap().unwrap().token
}

#[tokio::test]
async fn the_first_set_up_makes_company_site_hours_and_owner_and_signs_in() {
    let site = Arc::new(Site::new());
    let browser = Browser::new(&site);
    assert_eq!(browser.get("/").await.location(), "/sign-in");
    assert_eq!(browser.get("/sign-in").await.location(), "/set-up");
    let token = token(&site).await;
    assert!(browser.get(&format!("/set-up?token={token}")).await.body.contains(&token));

    let mut answers = ANSWERS.to_vec();
    answers.push(("token", &token));
    let done = browser.post("/set-up", &answers).await;
    assert_eq!((done.status, done.location()), (StatusCode::SEE_OTHER, "/clocks"), "{}", done.body);
    let clocks = browser.get("/clocks").await;
    assert!(clocks.body.contains("Everything is ready") && clocks.body.contains("Unit 2"));
    site.store
        .read_blocking(|tx| {
            assert_eq!(tx.records::<Company>()?.len(), 1);
            assert_eq!(tx.records::<SiteRecord>()?.len(), 1);
            assert_eq!(tx.records::<Shift>()?.len(), 1);
            assert_eq!(tx.records::<Roster>()?.len(), 1);
            assert_eq!(tx.records::<Policy>()?.len(), 1);
            Ok(())
        })
        .unwrap();

    let again = Browser::new(&site).post("/set-up", &answers).await;
    assert_eq!(again.location(), "/sign-in", "a set-up is done once");
    assert_eq!(set_up_link(&site.store, &*site.clock, &*site.entropy).await.unwrap(), None);
}

#[tokio::test]
async fn a_set_up_needs_the_token_and_the_machine_itself() {
    let site = Site::new();
    let token = token(&site).await;
    let mut answers = ANSWERS.to_vec();
    answers.push(("token", &token));
    let elsewhere = Browser::at(&site, "192.0.2.7:40000");
    assert_eq!(elsewhere.get("/set-up").await.status, StatusCode::FORBIDDEN);
    assert_eq!(elsewhere.post("/set-up", &answers).await.status, StatusCode::FORBIDDEN);

    let mut wrong = ANSWERS.to_vec();
    wrong.push(("token", "0000-0000-0000-0000-0000-0000"));
    let refused = Browser::new(&site).post("/set-up", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!refused.body.contains(PASSWORD), "a password is never sent back");

    site.clock.advance(TimeDelta::hours(25));
    let late = Browser::new(&site).post("/set-up", &answers).await;
    assert_eq!(late.status, StatusCode::UNPROCESSABLE_ENTITY, "a token grows old");
    assert!(!site.store.read_blocking(ReadTx::has_local_user).unwrap());
}

#[tokio::test]
async fn guessing_on_the_network_does_not_lock_the_console() {
    let site = Arc::new(Site::founded().await);
    let attacker = Browser::at(&site, "192.0.2.7:40000");
    let mut last = StatusCode::OK;
    for _ in 0..12 {
        last = attacker.sign_in("local_owner", "wrong wrong").await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(attacker.sign_in("local_owner", PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    let console = Browser::new(&site);
    assert_eq!(console.sign_in("local_owner", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_answered_alike() {
    let site = Arc::new(Site::founded().await);
    let by_name = Browser::new(&site).sign_in("nobody", "wrong wrong").await;
    let by_password = Browser::new(&site).sign_in("local_owner", "wrong wrong").await;
    assert_eq!(by_name.status, by_password.status);
    assert_eq!(by_name.body.replace("nobody", "X"), by_password.body.replace("local_owner", "X"));
}

#[tokio::test]
async fn signing_out_ends_the_session_and_a_new_password_the_others() {
    let site = Arc::new(Site::founded().await);
    let (here, there) = (site.signed_in(Role::LocalOwner).await, site.signed_in(Role::LocalOwner).await);
    let wrong =
        here.post("/account/password", &[("old", "not it at all"), ("new", "green river bicycle")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = here.post("/account/password", &[("old", PASSWORD), ("new", "green river bicycle")]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    assert_eq!(here.get("/account").await.status, StatusCode::OK);
    assert_eq!(there.get("/account").await.status, StatusCode::FOUND);
    here.post("/sign-out", &[]).await;
    assert_eq!(here.get("/account").await.status, StatusCode::FOUND);
}

fn employee(site: &Site, code: &str) -> Option<(EmployeeId, Employee)> {
    let found = site.store.read_blocking(|tx| tx.record_with::<Employee>(FieldTag(1), code)).unwrap();
    found.map(|stored| (stored.id, stored.record))
}

#[tokio::test]
async fn a_person_is_added_changed_and_a_change_of_somebody_else_is_not_overwritten() {
    let site = Arc::new(Site::founded().await);
    let owner = site.signed_in(Role::LocalOwner).await;
    let person = [("code", "1001"), ("name", "Rahima Begum"), ("category", "worker")];
    let added = owner.post("/people/new", &person).await;
    assert_eq!(added.status, StatusCode::SEE_OTHER, "{}", added.body);
    let (id, _) = employee(&site, "1001").unwrap();
    let codes = site.store.read_blocking(ReadTx::records::<Identity>).unwrap();
    assert_eq!(codes.len(), 1, "the code is tied to the person");
    assert_eq!(owner.post("/people/new", &person).await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let edit = format!("/people/{id}/edit");
    let version_of = |body: &str| {
        let after = body.split("name=\"version\" value=\"").nth(1).unwrap();
        after.split('"').next().unwrap().to_owned()
    };
    let opened = version_of(&owner.get(&edit).await.body);
    let save = |version: String, name: &'static str| {
        let (owner, edit) = (&owner, &edit);
        async move {
            let fields =
                [("version", version.as_str()), ("code", "1001"), ("name", name), ("category", "worker")];
            owner.post(edit, &fields).await
        }
    };
    assert_eq!(save(opened.clone(), "Rahima Khatun").await.status, StatusCode::SEE_OTHER);
    let stale = save(opened, "Rahima Akter").await;
    assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(stale.body.contains("Rahima Akter"), "what was typed is still there");
    assert_eq!(employee(&site, "1001").unwrap().1.name.as_str(), "Rahima Khatun");
    assert_eq!(save("zz".to_owned(), "X").await.status, StatusCode::BAD_REQUEST);
    assert!(owner.get(&format!("/people/{id}")).await.body.contains("Rahima Khatun"));
}

#[tokio::test]
async fn a_list_is_imported_and_what_was_not_taken_is_told_line_by_line() {
    let site = Arc::new(Site::founded().await);
    let owner = site.signed_in(Role::LocalOwner).await;
    let send = |file: &'static str| {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.csv\"\r\n\r\n{file}\r\n--b--\r\n"
        );
        let request = owner.request(Method::POST, "/people/import", "multipart/form-data; boundary=b", body);
        owner.take(request)
    };
    let done = send("code,name,joined\n1,Rahima,2024-01-01\n2,Karim,yesterday\n").await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    assert!(done.body.contains("“joined” cannot be “yesterday”"), "{}", done.body);
    assert!(employee(&site, "1").is_some() && employee(&site, "2").is_none());
    let none = send("name\nRahima\n").await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(none.body.contains("does not name the column “code”"), "{}", none.body);
}

#[tokio::test]
async fn a_clock_that_waits_is_shown_adopted_edited_and_retired() {
    let site = Arc::new(Site::founded().await);
    let owner = site.signed_in(Role::LocalOwner).await;
    site.store
        .write_blocking(|tx| {
            let serial = ClockSerial::parse("OGT7030057112000123").unwrap();
            tx.remember_pending(&serial, "192.0.2.9", "SpeedFace", "1.3", &["1\t2026-11-20".to_owned()])
        })
        .unwrap();
    assert!(owner.get("/clocks").await.body.contains("OGT7030057112000123"));
    let waiting = "/clocks/waiting/OGT7030057112000123";
    assert!(owner.get(waiting).await.body.contains("SpeedFace"));
    let adopted = owner.post(waiting, &[("name", "Gate 1"), ("direction_use", "ignore")]).await;
    assert_eq!(adopted.status, StatusCode::SEE_OTHER, "{}", adopted.body);
    let page = adopted.location().to_owned();
    assert!(owner.get(&page).await.body.contains("Gate 1"));
    assert_eq!(owner.get(waiting).await.status, StatusCode::NOT_FOUND);

    let form = owner.get(&format!("{page}/edit")).await.body;
    let version = form.split("name=\"version\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let fields = [("version", version), ("name", "Gate 2"), ("direction_use", "always_in")];
    assert_eq!(owner.post(&format!("{page}/edit"), &fields).await.status, StatusCode::SEE_OTHER);
    owner.post(&format!("{page}/retire"), &[]).await;
    let device = site.store.read_blocking(ReadTx::records::<Device>).unwrap().remove(0).record;
    assert_eq!((device.name.as_str(), device.state), ("Gate 2", DeviceState::Retired));
}

#[tokio::test]
async fn an_address_without_a_clock_is_told_in_plain_words_and_nothing_is_added() {
    let site = Arc::new(Site::founded().await);
    let owner = site.signed_in(Role::LocalOwner).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let fields =
        [("address", closed.as_str()), ("name", "Gate 1"), ("direction_use", "ignore"), ("act", "add")];
    let answer = owner.post("/clocks/new", &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.body.contains("Nothing answers at this address"), "{}", answer.body);
    assert!(site.store.read_blocking(ReadTx::records::<Device>).unwrap().is_empty());
}

#[tokio::test]
async fn shifts_rules_and_holidays_are_changed_and_nonsense_is_refused() {
    let site = Arc::new(Site::founded().await);
    let owner = site.signed_in(Role::LocalOwner).await;
    let night = [
        ("name", "Night"),
        ("code", "N"),
        ("start", "22:00"),
        ("end", "06:00"),
        ("break_start", "02:00"),
        ("break_end", "02:30"),
        ("before", "120"),
        ("after", "240"),
    ];
    assert_eq!(owner.post("/rules/shifts/new", &night).await.status, StatusCode::SEE_OTHER);
    let mut outside = night.to_vec();
    outside[1].1 = "N2";
    outside[4].1 = "12:00";
    assert_eq!(owner.post("/rules/shifts/new", &outside).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let shift = site.store.read_blocking(ReadTx::records::<Shift>).unwrap().remove(0).id.to_string();
    let given =
        owner.post("/rules/assignments", &[("whom", ""), ("shift", &shift), ("from", "2026-11-01")]).await;
    assert_eq!(given.status, StatusCode::SEE_OTHER, "{}", given.body);
    let policy = |off: &[&'static str], absent: &'static str| {
        let mut fields = vec![
            ("name", "General"),
            ("from", "2026-11-01"),
            ("late", "10"),
            ("early", "5"),
            ("half_day", "240"),
            ("absent", absent),
            ("final", "30"),
        ];
        fields.extend(off.iter().map(|day| ("weekly_off", *day)));
        let owner = &owner;
        async move { owner.post("/rules/policy", &fields).await.status }
    };
    assert_eq!(policy(&["friday"], "60").await, StatusCode::SEE_OTHER);
    assert_eq!(policy(&["friday"], "300").await, StatusCode::UNPROCESSABLE_ENTITY);
    let week = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    assert_eq!(policy(&week, "60").await, StatusCode::UNPROCESSABLE_ENTITY);
    let holiday = [("holiday_date", "2026-12-16"), ("holiday_name", "Victory Day")];
    assert_eq!(owner.post("/rules/holidays", &holiday).await.status, StatusCode::SEE_OTHER);
    let rules = owner.get("/rules").await.body;
    for text in ["Night", "22:00 – 06:00", "10 min", "Victory Day", "Everybody"] {
        assert!(rules.contains(text), "{text}");
    }
}

#[tokio::test]
async fn the_language_is_kept_and_numbers_are_written_in_its_digits() {
    let site = Arc::new(Site::founded().await);
    let owner = site.signed_in(Role::LocalOwner).await;
    let chosen = owner.post("/language", &[("language", "bn"), ("next", "/account")]).await;
    assert_eq!(chosen.location(), "/account");
    let page = owner.get("/").await;
    assert!(page.body.contains("<html lang=\"bn\">") && page.body.contains("২০২৬"), "{}", page.body);
    let elsewhere = owner.post("/language", &[("language", "bn"), ("next", "//evil.example")]).await;
    assert_eq!(elsewhere.location(), "/");
}

#[tokio::test]
async fn a_full_or_broken_disk_is_told_on_every_page_in_the_readers_language() {
    let site = Arc::new(Site::founded().await);
    let browser = site.signed_in(Role::LocalOwner).await;
    let paths = ["/", "/people", "/people/new", "/clocks", "/sync", "/rules", "/account"];
    let told = async |words: &'static str| {
        let mut all = true;
        for path in paths {
            all &= browser.get(path).await.body.contains(words);
        }
        all
    };
    assert!(!browser.get("/people").await.body.contains("The disk is full"));
    site.store.set_full(true);
    assert!(told("The disk is full").await);
    assert!(Browser::new(&site).get("/sign-in").await.body.contains("Free some space on the disk"));
    browser.post("/language", &[("language", "bn"), ("next", "/people")]).await;
    assert!(told("ডিস্ক ভরে গেছে").await);
    site.store.set_full(false);

    let refused = site.store.write(|tx| {
        tx.connection().pragma_update(None, "query_only", true)?;
        let refused = tx.set_meta(crate::store::Meta::LEASE_NO, &7);
        tx.connection().pragma_update(None, "query_only", false)?;
        refused
    });
    assert!(refused.await.is_err() && site.store.fails());
    assert!(told("ডেটাবেসে লেখা যাচ্ছে না").await);
    site.store.write(|tx| tx.set_meta(crate::store::Meta::LEASE_NO, &7)).await.unwrap();
    assert!(!site.store.fails() && !told("ডেটাবেসে").await);
}
