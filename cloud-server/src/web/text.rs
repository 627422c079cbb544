//! The texts of the pages.

use shared_model::Kind;
use shared_model::access::Role;
use web_kit::{Key, Locales};

fluent_templates::static_loader! {
    static TEXTS = {
        locales: "./locales",
        fallback_language: "en",
        customise: |bundle| { web_kit::locale::prepare(bundle); },
    };
}

/// The kit's texts and ours.
pub(super) fn locales() -> Locales {
    Locales::kit().with(&TEXTS)
}

/// What a role is called.
pub(super) const fn role(role: Role) -> Key {
    match role {
        Role::Owner => Key::new("role-owner"),
        Role::HrAdmin => Key::new("role-hr-admin"),
        Role::SiteAdmin => Key::new("role-site-admin"),
        Role::Supervisor => Key::new("role-supervisor"),
        Role::Auditor => Key::new("role-auditor"),
        Role::LocalOwner => Key::new("role-local-owner"),
        Role::Operator => Key::new("role-operator"),
    }
}

/// What a kind of record is called.
pub(super) const fn kind(kind: Kind) -> Key {
    match kind {
        Kind::Company => Key::new("kind-company"),
        Kind::Site => Key::new("kind-site"),
        Kind::Department => Key::new("kind-department"),
        Kind::Employee => Key::new("kind-employee"),
        Kind::Shift => Key::new("kind-shift"),
        Kind::Roster => Key::new("kind-roster"),
        Kind::RosterDay => Key::new("kind-roster-day"),
        Kind::Policy => Key::new("kind-policy"),
        Kind::Holiday => Key::new("kind-holiday"),
        Kind::Leave => Key::new("kind-leave"),
        Kind::Device => Key::new("kind-device"),
        Kind::Identity => Key::new("kind-identity"),
        Kind::PunchNote => Key::new("kind-punch-note"),
        Kind::DayDecision => Key::new("kind-day-decision"),
        Kind::PayPeriod => Key::new("kind-pay-period"),
        Kind::CompanyRule => Key::new("kind-company-rule"),
        Kind::PhonePunch => Key::new("kind-phone-punch"),
    }
}
