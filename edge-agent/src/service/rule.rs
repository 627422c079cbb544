//! Hours and rules: which shift counts where nothing is rostered, and the versions of the policy.

use chrono::NaiveDate;
use shared_model::entity::{Policy, Roster, RosterBasis, ScopeKind};
use shared_model::text::Name;
use shared_model::{DepartmentId, PolicyId, RosterId, ShiftId};
use shift_engine::{PolicyRules, RosterPattern, Typed as _};

use crate::store::{Author, StoreError, Stored, WriteTx};

/// Gives everybody, or a department, a shift from a date on where nothing is rostered. What counted until then ends the
/// day before; what was to count from that date or later is replaced.
///
/// # Errors
/// What the store says.
pub fn assign_default(
    tx: &WriteTx,
    author: &Author,
    department: Option<DepartmentId>,
    shift: ShiftId,
    from: NaiveDate,
) -> Result<(), StoreError> {
    let scope = department.map(DepartmentId::uuid);
    let scope_kind = if scope.is_some() { ScopeKind::Department } else { ScopeKind::Company };
    let same = |known: &Stored<Roster>| {
        let record = &known.record;
        record.basis == RosterBasis::Default && record.scope_kind == scope_kind && record.scope == scope
    };
    for known in tx.records::<Roster>()?.into_iter().filter(same) {
        if known.record.from >= from {
            tx.delete::<Roster>(author, known.id, Some(known.vv))?;
        } else if known.record.to.is_none_or(|to| to >= from) {
            let ended = Roster { to: from.pred_opt(), ..known.record };
            tx.update(author, known.id, Some(known.vv), &ended)?;
        }
    }
    let record = Roster {
        scope_kind,
        scope,
        basis: RosterBasis::Default,
        from,
        to: None,
        pattern: RosterPattern::every_day(shift).to_document(),
    };
    tx.create(author, RosterId::mint(tx.clock(), tx.entropy()), &record).map(drop)
}

/// The company's policy that counts on a date, with its rules.
#[must_use]
pub fn policy_on(policies: Vec<Stored<Policy>>, date: NaiveDate) -> Option<(Stored<Policy>, PolicyRules)> {
    policies
        .into_iter()
        .filter(|known| known.record.scope_kind == ScopeKind::Company && known.record.effective_from <= date)
        .max_by_key(|known| (known.record.effective_from, known.id))
        .and_then(|known| {
            Some((PolicyRules::parse(&known.record.rules).ok()?, known)).map(|(rules, known)| (known, rules))
        })
}

/// Puts rules in force for the company from a date on: a new version, or the version of that date changed.
///
/// # Errors
/// [`StoreError::Invalid`] for rules that contradict each other; otherwise what the store says.
pub fn put_policy(
    tx: &WriteTx,
    author: &Author,
    name: &Name,
    from: NaiveDate,
    rules: &PolicyRules,
) -> Result<(), StoreError> {
    rules.check().map_err(|error| StoreError::Invalid(error.to_string()))?;
    let record = Policy {
        name: name.clone(),
        effective_from: from,
        scope_kind: ScopeKind::Company,
        scope: None,
        rules: rules.to_document(),
    };
    let of_date = tx
        .records::<Policy>()?
        .into_iter()
        .find(|known| known.record.scope_kind == ScopeKind::Company && known.record.effective_from == from);
    match of_date {
        Some(known) => tx.update(author, known.id, Some(known.vv), &record).map(drop),
        None => tx.create(author, PolicyId::mint(tx.clock(), tx.entropy()), &record).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::open;
    use shift_engine::Minutes;
    use uuid::Uuid;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_later_default_ends_the_one_before_and_replaces_what_was_to_come() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = open(&folder);
        let shift = |number: u128| ShiftId::from_uuid(Uuid::from_u128(number));
        let assign = |department: Option<DepartmentId>, number, from: &str| {
            let from = date(from);
            store
                .write_blocking(move |tx| {
                    assign_default(tx, &Author::CONSOLE, department, shift(number), from)
                })
                .unwrap();
        };
        let line = DepartmentId::from_uuid(Uuid::from_u128(9));
        assign(None, 1, "2026-01-01");
        assign(Some(line), 2, "2026-01-01");
        assign(None, 3, "2026-06-01");
        assign(None, 4, "2026-03-01");
        let rosters = store.read_blocking(crate::store::ReadTx::records::<Roster>).unwrap();
        let mut seen: Vec<(Option<Uuid>, String, Option<String>, ShiftId)> = rosters
            .iter()
            .map(|known| {
                let record = &known.record;
                let pattern = RosterPattern::parse(&record.pattern).unwrap();
                let to = record.to.map(|to| to.to_string());
                (record.scope, record.from.to_string(), to, pattern.shifts().next().unwrap())
            })
            .collect();
        seen.sort();
        assert_eq!(
            seen,
            [
                (None, "2026-01-01".to_owned(), Some("2026-02-28".to_owned()), shift(1)),
                (None, "2026-03-01".to_owned(), None, shift(4)),
                (Some(line.uuid()), "2026-01-01".to_owned(), None, shift(2)),
            ]
        );
    }

    #[test]
    fn rules_of_a_date_are_changed_and_of_a_new_date_added() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = open(&folder);
        let put = |from: &str, late: u32| {
            let (from, mut rules) = (date(from), PolicyRules::default());
            rules.grace.late_min = Minutes::new(late);
            let name = Name::parse("General").unwrap();
            store.write_blocking(move |tx| put_policy(tx, &Author::CONSOLE, &name, from, &rules)).unwrap();
        };
        put("2026-01-01", 5);
        put("2026-06-01", 10);
        put("2026-06-01", 15);
        let late_on = |day: &str| {
            let policies = store.read_blocking(crate::store::ReadTx::records::<Policy>).unwrap();
            assert_eq!(policies.len(), 2);
            policy_on(policies, date(day)).map(|(_, rules)| rules.grace.late_min)
        };
        assert_eq!(late_on("2025-12-31"), None);
        assert_eq!(late_on("2026-05-31"), Some(Minutes::new(5)));
        assert_eq!(late_on("2026-06-01"), Some(Minutes::new(15)));
    }
}
