//! Which site a record belongs to, and whether an edge may write it (sync.md 2.10).
//!
//! A record of a site goes to the edges of that site; a record of no site goes to every edge of the company. When it
//! changes its site, a leave marker of its own is put into the feed: the record's latest place alone cannot tell where
//! it was before, once it has changed again.

use serde_json::Value;
use shared_model::{FieldMap, FieldTag, Kind, SiteId};
use uuid::Uuid;

use crate::message::Scope;

/// The field of a kind that names its site.
#[must_use]
pub const fn site_field(kind: Kind) -> Option<FieldTag> {
    match kind {
        Kind::Employee | Kind::Device => Some(FieldTag(3)),
        Kind::PhonePunch => Some(FieldTag(2)),
        Kind::Department => Some(FieldTag(5)),
        Kind::Holiday => Some(FieldTag(4)),
        Kind::PayPeriod => Some(FieldTag(1)),
        // A site's own row goes by its key; the others belong to the company.
        Kind::Site
        | Kind::Company
        | Kind::Shift
        | Kind::Roster
        | Kind::RosterDay
        | Kind::Policy
        | Kind::Leave
        | Kind::Identity
        | Kind::PunchNote
        | Kind::DayDecision
        | Kind::CompanyRule => None,
    }
}

/// The site of a record with these values; `None` = of the whole company.
#[must_use]
pub fn site_of(kind: Kind, key: Uuid, fields: &FieldMap) -> Option<SiteId> {
    if kind == Kind::Site {
        return Some(SiteId::from_uuid(key));
    }
    site_field(kind).and_then(|tag| fields.get(&tag)).and_then(Value::as_str)?.parse().ok()
}

impl Scope {
    /// Whether a record of this site is within it.
    #[must_use]
    pub fn holds(&self, site: Option<SiteId>) -> bool {
        site.is_none_or(|site| self.sites.contains(&site))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_of_its_site_and_a_site_of_itself() {
        let site = SiteId::from_uuid(Uuid::from_u128(7));
        let fields = FieldMap::from([(FieldTag(3), json!(site))]);
        assert_eq!(site_of(Kind::Employee, Uuid::from_u128(1), &fields), Some(site));
        assert_eq!(site_of(Kind::Site, Uuid::from_u128(7), &FieldMap::new()), Some(site));
        assert_eq!(site_of(Kind::Shift, Uuid::from_u128(1), &fields), None);
        assert_eq!(
            site_of(Kind::Holiday, Uuid::from_u128(1), &FieldMap::from([(FieldTag(4), json!(null))])),
            None
        );
        let scope = Scope { sites: vec![site] };
        assert!(scope.holds(Some(site)) && scope.holds(None));
        assert!(!scope.holds(Some(SiteId::from_uuid(Uuid::from_u128(8)))));
    }

    #[test]
    fn every_named_site_field_is_a_site() {
        for kind in Kind::ALL {
            if let Some(tag) = site_field(*kind) {
                assert_eq!(kind.field(tag).map(|def| def.name), Some("site"));
            }
        }
    }
}
