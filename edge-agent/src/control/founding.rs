//! A company and its first site, with hours that work from the first punch on.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use chrono_tz::Tz;
use shared_model::SiteId;
use shared_model::entity::{RosterBasis, Site, Weekday};
use shared_model::text::{Code, Name};
use shift_engine::shift::{Break, FixedHours, Hours};
use shift_engine::{PolicyRules, RosterPattern, ShiftDefinition, TimeOfDay, Typed as _};

use super::organisation::{SetCompany, SetSite};
use super::policy::SetPolicy;
use super::roster::{Scope, SetRoster};
use super::shift::AddShift;
use crate::store::{Author, StoreError, WriteTx};

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
    SetCompany { name: Some(new.company.clone()), ..SetCompany::default() }.save(tx, author)?;
    let site = SetSite {
        code: new.code.clone(),
        name: Some(new.site.clone()),
        zone: Some(new.zone),
        zone_from: None,
        address: None,
        active: None,
    };
    let site = site.save(tx, author)?.id.into();
    if let Some(hours) = &new.hours {
        put_hours(tx, author, hours)?;
    }
    Ok(site)
}

fn put_hours(tx: &WriteTx, author: &Author, hours: &UsualHours) -> Result<(), StoreError> {
    let shift = AddShift {
        code: hours.code.clone(),
        name: hours.name.clone(),
        definition: hours.definition().to_document(),
        replace: false,
    };
    let shift = shift.save(tx, author)?.id.into();
    let roster = SetRoster {
        scope: Scope::Company,
        basis: RosterBasis::Default,
        from: ALWAYS,
        to: None,
        pattern: RosterPattern::every_day(shift).to_document(),
    };
    roster.save(tx, author)?;
    let rules = PolicyRules { weekly_off: hours.weekly_off.clone(), ..PolicyRules::default() };
    let policy = SetPolicy {
        name: hours.name.clone(),
        from: ALWAYS,
        scope: Scope::Company,
        rules: rules.to_document(),
    };
    policy.save(tx, author).map(drop)
}

#[cfg(test)]
mod tests {
    use shared_model::entity::{Policy, Roster, Shift};

    use super::*;
    use crate::store::Meta;
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
