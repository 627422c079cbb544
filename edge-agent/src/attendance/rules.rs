//! What is the same for many people, read once and kept until a record changes.

use shared_model::entity::{Company, Entity, Weekday};
use shared_model::text::{BadText, Code, Name};
use shift_engine::{Directory, DirectoryRecords, Keyed};

use crate::store::{ReadTx, StoreError};

/// The directory, and what rose when it was read.
pub(super) struct Rules {
    pub(super) version: (i64, i64),
    pub(super) directory: Directory,
}

fn all<E: Entity>(tx: &ReadTx) -> Result<Vec<Keyed<E>>, StoreError> {
    Ok(tx.records::<E>()?.into_iter().map(|stored| (stored.id, stored.record)).collect())
}

/// A company that nobody described yet.
fn nameless() -> Result<Company, StoreError> {
    let invalid = |error: BadText| StoreError::Invalid(error.to_string());
    Ok(Company {
        name: Name::parse("-").map_err(invalid)?,
        week_starts_on: Weekday::Saturday,
        locale: Code::parse("en").map_err(invalid)?,
    })
}

impl Rules {
    pub(super) fn load(tx: &ReadTx, version: (i64, i64)) -> Result<Self, StoreError> {
        let records = DirectoryRecords {
            company: all::<Company>(tx)?.pop().map_or_else(nameless, |(_, company)| Ok(company))?,
            sites: all(tx)?,
            departments: all(tx)?,
            shifts: all(tx)?,
            rosters: all(tx)?,
            policies: all(tx)?,
            holidays: all(tx)?,
            pay_periods: all(tx)?,
            company_rules: all(tx)?,
            devices: all(tx)?,
            identities: all(tx)?,
        };
        Ok(Self { version, directory: Directory::new(&records) })
    }

    /// Says which records are of no use as they are.
    pub(super) fn report_problems(&self) {
        for (site, rules) in self.directory.sites() {
            for problem in rules.book().problems() {
                tracing::warn!(
                    site.id = %site,
                    record.kind = problem.kind.as_str(),
                    record.key = %problem.key,
                    cause = %problem.error,
                    "a record is left out of attendance because it cannot be read"
                );
            }
        }
    }
}
