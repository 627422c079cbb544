//! Texts of the pages, and which text a value has.

use fluent_templates::static_loader;
use shared_model::access::Role;
use shared_model::text::BadText;
use web_kit::{Key, Locales};

static_loader! {
    static TEXTS = {
        locales: "./locales",
        fallback_language: "en",
        customise: |bundle| { web_kit::locale::prepare(bundle); },
    };
}

pub(super) fn locales() -> Locales {
    Locales::kit().with(&TEXTS)
}

/// What is wrong with a typed code.
pub(super) const fn bad_code(error: &BadText) -> Key {
    match error {
        BadText::Empty { .. } => Key::new("form-required"),
        BadText::TooLong { .. } | BadText::Character { .. } => Key::new("form-code-bad"),
    }
}

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
