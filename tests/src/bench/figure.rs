//! A measured figure and what it is held against.

use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

/// What a figure should reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// At least so many hundredths of the peer's figure.
    HundredthsOfPeer(u64),
    /// At most this, in the figure's own unit.
    AtMost(u64),
    /// None: the figure is for comparison between runs.
    None,
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// The benchmark it belongs to.
    pub bench: &'static str,
    /// What was measured.
    pub what: String,
    /// The value.
    pub value: u64,
    /// Its unit.
    pub unit: &'static str,
    /// Who else was measured in the same run, and its value in the same unit.
    pub peer: Option<(&'static str, u64)>,
    /// What it should reach.
    pub target: Target,
}

impl Figure {
    /// The ratio to the peer in hundredths.
    #[must_use]
    pub fn ratio(&self) -> Option<u64> {
        let (_, peer) = self.peer?;
        (self.value * 100).checked_div(peer)
    }

    /// Whether the target is reached; `None` where there is none.
    #[must_use]
    pub fn reached(&self) -> Option<bool> {
        match self.target {
            Target::HundredthsOfPeer(least) => Some(self.ratio()? >= least),
            Target::AtMost(most) => Some(self.value <= most),
            Target::None => None,
        }
    }

    /// A row of the table in docs/benchmarks.md.
    #[must_use]
    pub fn row(&self) -> String {
        let peer = self.peer.map_or_else(String::new, |(name, value)| format!("{name}: {}", Grouped(value)));
        let ratio = self.ratio().map_or_else(String::new, |ratio| format!("{} ×", Hundredths(ratio)));
        let reached = match self.reached() {
            Some(true) => "reached",
            Some(false) => "**missed**",
            None => "",
        };
        format!(
            "| {} | {} | {} {} | {peer} | {ratio} | {} | {reached} |",
            self.bench,
            self.what,
            Grouped(self.value),
            self.unit,
            self.target
        )
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HundredthsOfPeer(least) => write!(f, "≥ {} ×", Hundredths(*least)),
            Self::AtMost(most) => write!(f, "≤ {}", Grouped(*most)),
            Self::None => Ok(()),
        }
    }
}

/// A number with its thousands set apart.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.char_indices() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// A ratio in hundredths as a decimal number.
struct Hundredths(u64);

impl fmt::Display for Hundredths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// With what follows from it, for those who only read.
impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut object = out.serialize_struct("Figure", 9)?;
        object.serialize_field("bench", self.bench)?;
        object.serialize_field("what", &self.what)?;
        object.serialize_field("value", &self.value)?;
        object.serialize_field("unit", self.unit)?;
        object.serialize_field("peer", &self.peer.map(|(name, _)| name))?;
        object.serialize_field("peer_value", &self.peer.map(|(_, value)| value))?;
        object.serialize_field("ratio_hundredths", &self.ratio())?;
        object.serialize_field("target", &self.target)?;
        object.serialize_field("reached", &self.reached())?;
        object.end()
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => out.serialize_none(),
            Self::HundredthsOfPeer(_) | Self::AtMost(_) => out.collect_str(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: u64, peer: u64, target: Target) -> Figure {
        Figure {
            bench: "pull",
            what: "records".into(),
            value,
            unit: "records/s",
            peer: Some(("pyzk", peer)),
            target,
        }
    }

    #[test]
    fn a_target_is_reached_at_its_very_value() {
        assert_eq!(figure(1000, 100, Target::HundredthsOfPeer(1000)).reached(), Some(true));
        assert_eq!(figure(999, 100, Target::HundredthsOfPeer(1000)).reached(), Some(false));
        assert_eq!(figure(8, 1, Target::AtMost(8)).reached(), Some(true));
        assert_eq!(figure(9, 1, Target::AtMost(8)).reached(), Some(false));
        assert_eq!(figure(9, 1, Target::None).reached(), None);
    }

    #[test]
    fn a_row_reads_well() {
        let row = figure(1_234_567, 100_000, Target::HundredthsOfPeer(1000)).row();
        assert_eq!(
            row,
            "| pull | records | 1,234,567 records/s | pyzk: 100,000 | 12.34 × | ≥ 10.00 × | reached |"
        );
    }
}
