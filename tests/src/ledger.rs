//! What each place holds, read at its source and compared as sets.

use std::collections::BTreeSet;
use std::fmt;

use shared_model::punch::PunchId;

/// How many ids of a difference are shown.
const SHOWN: usize = 5;

/// The punches of the three places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// What the clocks kept.
    pub clock: BTreeSet<PunchId>,
    /// What the edge's ledger holds.
    pub edge: BTreeSet<PunchId>,
    /// What the cloud's ledger holds.
    pub cloud: BTreeSet<PunchId>,
}

impl Places {
    /// Whether all three hold the same, and something.
    #[must_use]
    pub fn agree(&self) -> bool {
        !self.clock.is_empty() && self.clock == self.edge && self.edge == self.cloud
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clock, edge, cloud } = self;
        write!(f, "clocks {}, edge {}, cloud {}", clock.len(), edge.len(), cloud.len())?;
        let differences = [
            ("kept by a clock and not at the edge", clock, edge),
            ("at the edge and kept by no clock", edge, clock),
            ("at the edge and not in the cloud", edge, cloud),
            ("in the cloud and not at the edge", cloud, edge),
        ];
        for (text, one, other) in differences {
            let ids: Vec<_> = one.difference(other).collect();
            if !ids.is_empty() {
                write!(f, "; {} {text}: {:?}", ids.len(), &ids[..ids.len().min(SHOWN)])?;
            }
        }
        Ok(())
    }
}
