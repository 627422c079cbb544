//! Adding a clock by its address: first a test, then the clock itself tells its serial number.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use shared_model::access::Permission;
use shared_model::entity::{DirectionUse, Transport};
use shared_model::text::{HostAddress, Line, Name};
use web_kit::{
    Access, Current, Failure, Flash, FormState, Key, Page, Refusal, RouteTable, View, WebApp as _,
};

use super::super::local_time::LocalTime;
use super::super::{App, Person};
use super::state::{direction_choices, drift_text, wrong_time};
use crate::control::Hidden;
use crate::control::device::AddDevice;
use crate::control::device::is_wrong;
use crate::device::probe::{ProbeError, Probed, probe};
use crate::store::StoreError;

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/clocks/new", Access::Needs(Permission::ClocksEdit), show).post(
        "/clocks/new",
        Access::Needs(Permission::ClocksEdit),
        add,
    )
}

/// What a test found.
struct Found {
    serial: String,
    model: String,
    firmware: String,
    records: String,
    users: String,
    drift: String,
    /// That its time is wrong, and what to do.
    wrong_time: Option<String>,
}

impl Found {
    fn of(page: &Page, probed: &Probed) -> Self {
        let number = |number: Option<u32>| number.map(|number| page.texts.int(number)).unwrap_or_default();
        Self {
            serial: probed.serial.to_string(),
            model: probed.model.clone().unwrap_or_default(),
            firmware: probed.firmware.clone().unwrap_or_default(),
            records: number(probed.records),
            users: number(probed.users),
            drift: probed.drift.map(|drift| drift_text(page, drift.num_seconds())).unwrap_or_default(),
            wrong_time: probed
                .drift
                .map(|drift| drift.num_seconds())
                .filter(|drift| is_wrong(*drift))
                .map(|drift| wrong_time(page, drift, Transport::Tcp)),
        }
    }
}

#[derive(Template)]
#[template(path = "clock/new.html")]
struct NewPage {
    page: Page,
    form: FormState,
    found: Option<Found>,
    directions: Vec<(String, String)>,
}

impl NewPage {
    fn new(page: Page, form: FormState, found: Option<Found>) -> Self {
        let directions = direction_choices(&page);
        Self { page, form, found, directions }
    }
}

async fn show(page: Page) -> View<NewPage> {
    let form = FormState::filled([
        ("direction_use", DirectionUse::Ignore.as_str().to_owned()),
        ("set_time", "yes".to_owned()),
    ]);
    View(NewPage::new(page, form, None))
}

/// A communication key as the clock's menu shows it: a number of up to nine digits; empty = none.
pub(super) fn comm_key(text: &str) -> Result<Option<u32>, Key> {
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).map(Some).ok_or(Key::new("clock-key-bad"))
}

async fn add(
    State(app): State<App>,
    page: Page,
    current: Current<Person>,
    mut form: FormState,
) -> Result<Response, Failure> {
    let texts = &page.texts;
    let address = form.parse(texts, "address", HostAddress::parse, |_| Key::new("clock-address-bad"));
    let key = form.parse(texts, "comm_key", comm_key, |key| key);
    let direction = form.parse(
        texts,
        "direction_use",
        |text| DirectionUse::parse(text).ok_or(()),
        |()| Key::new("form-choice-bad"),
    );
    let is_test = form.value("act") == "test";
    let name =
        if is_test { None } else { form.parse(texts, "name", Name::parse, |_| Key::new("form-required")) };
    let (Some(address), Some(key), Some(direction)) = (address, key, direction) else {
        return Ok(FormState::again(View(NewPage::new(page, form, None))));
    };
    let Some(site) = app.store().read(crate::store::ReadTx::site_head).await? else {
        return Err(Refusal::Conflict.into());
    };
    let zones = site.zones.clone();
    let wall = || LocalTime::new(app.now(), Some(zones.clone())).wall_now();
    let probed = match probe(&address, key, wall).await {
        Ok(probed) => probed,
        Err(error) => {
            let (field, problem) = explain(&error);
            tracing::info!(error = %error, "no clock was found where somebody looked for one");
            form.fail(field, page.t(problem));
            return Ok(FormState::again(View(NewPage::new(page, form, None))));
        }
    };
    let found = Found::of(&page, &probed);
    let (false, Some(name)) = (is_test, name) else {
        let answer = View(NewPage::new(page, form, Some(found)));
        return Ok(if is_test { answer.into_response() } else { FormState::again(answer) });
    };
    let line = |text: Option<String>| text.and_then(|text| Line::parse(&text).ok());
    let new = AddDevice {
        serial: probed.serial,
        name: name.clone(),
        site: None,
        transport: Transport::Tcp,
        address: Some(address),
        direction_use: direction,
        set_time: form.has("set_time", "yes"),
        comm_key: Hidden::new(key.map(|key| key.to_string()).unwrap_or_default()),
        model: line(probed.model),
        firmware: line(probed.firmware),
        waiting: false,
    };
    let author = current.user.author();
    match app.store().write(move |tx| new.save(tx, &author)).await {
        Ok(saved) => {
            let next = Redirect::to(&format!("/clocks/{}", saved.id));
            Ok((Flash::good("clock-added").with("name", name.as_str()), next).into_response())
        }
        Err(StoreError::Exists { .. }) => {
            form.fail_all(page.t("clock-exists"));
            Ok(FormState::again(View(NewPage::new(page, form, Some(found)))))
        }
        Err(error) => Err(error.into()),
    }
}

const fn explain(error: &ProbeError) -> (&'static str, Key) {
    match error {
        ProbeError::Address(_) => ("address", Key::new("clock-probe-address")),
        ProbeError::Silent(_) => ("address", Key::new("clock-probe-silent")),
        ProbeError::NoClock(_) => ("address", Key::new("clock-probe-no-clock")),
        ProbeError::NoSerial => ("address", Key::new("clock-probe-no-serial")),
        ProbeError::KeyNeeded => ("comm_key", Key::new("clock-probe-key-needed")),
        ProbeError::KeyWrong => ("comm_key", Key::new("clock-probe-key-wrong")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_communication_key_is_a_short_number() {
        assert_eq!(comm_key(""), Ok(None));
        assert_eq!(comm_key("0"), Ok(Some(0)));
        assert_eq!(comm_key("999999999"), Ok(Some(999_999_999)));
        for bad in ["1234567890", "-1", "+1", "12a", "১২"] {
            assert!(comm_key(bad).is_err(), "{bad}");
        }
    }
}
