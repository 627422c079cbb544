//! A company and its first site, with hours that work from the first punch on.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use chrono_tz::Tz;
use shared_model::entity::{Company, Policy, Roster, RosterBasis, ScopeKind, Shift, Site, Weekday};
use shared_model::text::{Code, Name};
use shared_model::{CompanyId, PolicyId, RosterId, ShiftId, SiteId, ZoneHistory};
use shift_engine::shift::{Break, FixedHours, Hours};
use shift_engine::{PolicyRules, RosterPattern, ShiftDefinition, TimeOfDay, Typed as _};

use crate::store::{Author, Meta, StoreError, WriteTx};

/// A date before every punch: rules without a beginning count from it on.
const ALWAYS: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).unwrap();

/// The hours most people of a site work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsualHours {
    /// What the shift is called.
    pub name: Name,
    /// Its code.
    pub code: Code,
    /// Start.
    pub start: TimeOfDay,
    /// End; not after the start means next day.
    pub end: TimeOfDay,
    /// The unpaid break, from and to.
    pub pause: Option<(TimeOfDay, TimeOfDay)>,
    /// The weekly offs.
    pub weekly_off: BTreeSet<Weekday>,
}

impl UsualHours {
    /// The shift's definition.
    #[must_use]
    pub fn definition(&self) -> ShiftDefinition {
        let breaks =
            self.pause.iter().map(|(start, end)| Break { start: *start, end: *end, paid: false }).collect();
        let mut definition = ShiftDefinition::fixed(self.start, self.end);
        definition.hours =
            Hours::Fixed(FixedHours { start: self.start, end: self.end, breaks, expected_min: None });
        definition
    }
}

/// A company with its first site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founding {
    /// The company's name.
    pub company: Name,
    /// The site's name.
    pub site: Name,
    /// The site's code.
    pub code: Code,
    /// Where the site is.
    pub zone: Tz,
    /// The hours most people work; `None` leaves shifts, roster and policy to be made later.
    pub hours: Option<UsualHours>,
}

/// Makes the company, the site this agent stands at, and from the usual hours a shift, a roster for everybody and a
/// policy.
///
/// # Errors
/// [`StoreError::Exists`] where this agent has a site already; otherwise what the store says.
pub fn found(tx: &WriteTx, author: &Author, new: &Founding) -> Result<SiteId, StoreError> {
    if let Some(site) = tx.records::<Site>()?.first() {
        return Err(StoreError::Exists { what: "site", id: site.record.code.to_string() });
    }
    let id = || (tx.clock(), tx.entropy());
    let locale = Code::parse("en").map_err(|error| StoreError::Invalid(error.to_string()))?;
    let company = Company { name: new.company.clone(), week_starts_on: Weekday::Saturday, locale };
    tx.create(author, CompanyId::mint(id().0, id().1), &company)?;
    let site = SiteId::mint(id().0, id().1);
    let record = Site {
        name: new.site.clone(),
        code: new.code.clone(),
        zones: ZoneHistory::single(new.zone),
        address: None,
        latitude_e7: None,
        longitude_e7: None,
        radius_m: None,
        active: true,
    };
    tx.create(author, site, &record)?;
    tx.set_meta(Meta::SITE, &site)?;
    if let Some(hours) = &new.hours {
        put_hours(tx, author, hours)?;
    }
    Ok(site)
}

fn put_hours(tx: &WriteTx, author: &Author, hours: &UsualHours) -> Result<(), StoreError> {
    let definition = hours.definition();
    definition.check().map_err(|error| StoreError::Invalid(error.to_string()))?;
    let shift = ShiftId::mint(tx.clock(), tx.entropy());
    let record = Shift {
        code: hours.code.clone(),
        name: hours.name.clone(),
        definition: definition.to_document(),
        active: true,
    };
    tx.create(author, shift, &record)?;
    let record = Roster {
        scope_kind: ScopeKind::Company,
        scope: None,
        basis: RosterBasis::Default,
        from: ALWAYS,
        to: None,
        pattern: RosterPattern::every_day(shift).to_document(),
    };
    tx.create(author, RosterId::mint(tx.clock(), tx.entropy()), &record)?;
    let rules = PolicyRules { weekly_off: hours.weekly_off.clone(), ..PolicyRules::default() };
    rules.check().map_err(|error| StoreError::Invalid(error.to_string()))?;
    let record = Policy {
        name: hours.name.clone(),
        effective_from: ALWAYS,
        scope_kind: ScopeKind::Company,
        scope: None,
        rules: rules.to_document(),
    };
    tx.create(author, PolicyId::mint(tx.clock(), tx.entropy()), &record)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::open;

    #[test]
    fn a_site_is_founded_once_and_its_hours_can_be_read_by_the_engine() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = open(&folder);
        let time = |text: &str| text.parse::<TimeOfDay>().unwrap();
        let hours = UsualHours {
            name: Name::parse("General").unwrap(),
            code: Code::parse("GEN").unwrap(),
            start: time("08:00"),
            end: time("17:00"),
            pause: Some((time("13:00"), time("14:00"))),
            weekly_off: BTreeSet::from([Weekday::Friday]),
        };
        let new = Founding {
            company: Name::parse("Company").unwrap(),
            site: Name::parse("Unit 1").unwrap(),
            code: Code::parse("U1").unwrap(),
            zone: Tz::Asia__Dhaka,
            hours: Some(hours.clone()),
        };
        let again = new.clone();
        let site = store.write_blocking(move |tx| found(tx, &Author::CONSOLE, &new)).unwrap();
        store
            .read_blocking(|tx| {
                assert_eq!(tx.meta(Meta::SITE)?, Some(site));
                let shift = tx.records::<Shift>()?.remove(0);
                assert_eq!(ShiftDefinition::parse(&shift.record.definition).unwrap(), hours.definition());
                let roster = tx.records::<Roster>()?.remove(0);
                let pattern = RosterPattern::parse(&roster.record.pattern).unwrap();
                assert_eq!(pattern.shifts().collect::<Vec<_>>(), [shift.id]);
                PolicyRules::parse(&tx.records::<Policy>()?.remove(0).record.rules).unwrap();
                Ok(())
            })
            .unwrap();
        let outcome = store.write_blocking(move |tx| found(tx, &Author::CONSOLE, &again));
        assert!(matches!(outcome, Err(StoreError::Exists { .. })));
    }

    #[test]
    fn a_break_outside_the_shift_founds_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = open(&folder);
        let time = |text: &str| text.parse::<TimeOfDay>().unwrap();
        let new = Founding {
            company: Name::parse("Company").unwrap(),
            site: Name::parse("Unit 1").unwrap(),
            code: Code::parse("U1").unwrap(),
            zone: Tz::Asia__Dhaka,
            hours: Some(UsualHours {
                name: Name::parse("General").unwrap(),
                code: Code::parse("GEN").unwrap(),
                start: time("08:00"),
                end: time("12:00"),
                pause: Some((time("13:00"), time("14:00"))),
                weekly_off: BTreeSet::new(),
            }),
        };
        let outcome = store.write_blocking(move |tx| found(tx, &Author::CONSOLE, &new));
        assert!(matches!(outcome, Err(StoreError::Invalid(_))));
        assert!(store.read_blocking(crate::store::ReadTx::records::<Site>).unwrap().is_empty());
    }
}
