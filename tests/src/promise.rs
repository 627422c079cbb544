//! What was answered: a punch that a clock or the edge was told is safe must be in the next ledger, whatever ended since.
//!
//! Looked at while the side that was told cannot ask again: what is sent a second time would hide that it was lost.

use std::collections::BTreeSet;

use anyhow::Result;
use shared_model::punch::PunchId;

use crate::process::Signal;
use crate::product::Product;

/// Somebody was told that punches are safe which are not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{who} was told that {} punches are safe; {place} does not hold {} of them, such as {}", .told, .lost, .one)]
pub struct Broken {
    /// Who was told.
    pub who: String,
    /// Where they should be.
    pub place: &'static str,
    /// How many were acknowledged.
    pub told: usize,
    /// How many of them are missing.
    pub lost: usize,
    /// One of the missing.
    pub one: PunchId,
}

fn held(
    who: String,
    told: &BTreeSet<PunchId>,
    place: &'static str,
    ledger: &BTreeSet<PunchId>,
) -> Result<(), Broken> {
    let mut lost = told.difference(ledger);
    match lost.next() {
        None => Ok(()),
        Some(&one) => Err(Broken { who, place, told: told.len(), lost: 1 + lost.count(), one }),
    }
}

impl Product {
    /// Looks whether the edge, which does not run, holds all that it told the clocks it has.
    ///
    /// # Errors
    /// [`Broken`] when it does not; when a source cannot be read.
    pub async fn edge_keeps_its_word(&self) -> Result<()> {
        let mut told = Vec::new();
        for clock in &self.clocks {
            told.push((clock.serial(), clock.acknowledged().await?));
        }
        let ledger = self.edge.ledger()?;
        for (serial, told) in told {
            held(format!("clock {serial}"), &told, "the edge's ledger", &ledger)?;
        }
        Ok(())
    }

    /// Lets the cloud come back, by `revive`, and looks whether it holds all that it told the edge it has. The edge stands
    /// still meanwhile.
    ///
    /// # Errors
    /// [`Broken`] when it does not; when a source cannot be read or `revive` fails.
    pub async fn cloud_keeps_its_word(&mut self, revive: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let told = self.edge.acknowledged()?;
        if let Some(edge) = self.edge.process() {
            edge.signal(Signal::STOP)?;
        }
        let ledger = match revive(self) {
            Ok(()) => self.cloud.ledger().await,
            Err(error) => Err(error),
        };
        if let Some(edge) = self.edge.process() {
            edge.signal(Signal::CONT)?;
        }
        Ok(held("the edge".to_owned(), &told, "the cloud's ledger", &ledger?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: std::ops::Range<u128>) -> BTreeSet<PunchId> {
        numbers.map(|number| PunchId::from_uuid(uuid::Uuid::from_u128(number))).collect()
    }

    #[test]
    fn what_was_not_promised_may_be_missing_and_what_was_may_not() {
        assert_eq!(held("a".to_owned(), &ids(1..4), "b", &ids(1..9)), Ok(()));
        let broken = held("a".to_owned(), &ids(1..4), "b", &ids(2..3)).unwrap_err();
        assert_eq!((broken.told, broken.lost), (3, 2));
    }
}
