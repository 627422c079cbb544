//! Switches that take one rule of the protocol away, to show that the simulation notices.
//!
//! Without the feature `mutations` no rule can be switched off and nothing of this is compiled in. With it, the switch
//! belongs to the thread that threw it.

/// A rule that the simulation must miss when it is gone (the table of sync.md 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// What an author had seen is told by the context of his form, not by his log's numbers.
    DottedContext,
    /// An update never creates.
    UpdateNeverCreates,
    /// A tombstone absorbs changes.
    TombstoneAbsorbs,
    /// The chains of both sides are compared.
    ChainCheck,
    /// Only the newest session may write.
    Lease,
    /// A session is known by its nonce too.
    Nonce,
    /// A page is applied only at the cursor that asked for it.
    PageStart,
    /// A record that leaves a site says so at a place of its own.
    LeaveMarkers,
    /// A row that cannot be applied is kept aside and the log goes on.
    Quarantine,
    /// An own change is settled at a clean point, not at the cursor.
    SettleAtClean,
    /// Tombstones go only when nobody can need them.
    StableCollection,
    /// Whoever is below the horizon takes a snapshot.
    Horizon,
    /// A page that shows more of the own origin than was acknowledged is not applied.
    OwnOriginCheck,
    /// A restored cloud begins a new feed epoch.
    FeedEpoch,
    /// A new feed epoch is a new origin for every edge.
    OriginPerEpoch,
    /// Logs of former origins are kept for a cloud that lost them.
    ClosedSegments,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 16] = [
        Self::DottedContext,
        Self::UpdateNeverCreates,
        Self::TombstoneAbsorbs,
        Self::ChainCheck,
        Self::Lease,
        Self::Nonce,
        Self::PageStart,
        Self::LeaveMarkers,
        Self::Quarantine,
        Self::SettleAtClean,
        Self::StableCollection,
        Self::Horizon,
        Self::OwnOriginCheck,
        Self::FeedEpoch,
        Self::OriginPerEpoch,
        Self::ClosedSegments,
    ];

    /// Its name on a command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DottedContext => "dotted-context",
            Self::UpdateNeverCreates => "update-never-creates",
            Self::TombstoneAbsorbs => "tombstone-absorbs",
            Self::ChainCheck => "chain-check",
            Self::Lease => "lease",
            Self::Nonce => "nonce",
            Self::PageStart => "page-start",
            Self::LeaveMarkers => "leave-markers",
            Self::Quarantine => "quarantine",
            Self::SettleAtClean => "settle-at-clean",
            Self::StableCollection => "stable-collection",
            Self::Horizon => "horizon",
            Self::OwnOriginCheck => "own-origin-check",
            Self::FeedEpoch => "feed-epoch",
            Self::OriginPerEpoch => "origin-per-epoch",
            Self::ClosedSegments => "closed-segments",
        }
    }

    /// The rule of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }
}

#[cfg(not(feature = "mutations"))]
mod switch {
    use super::Rule;

    /// Whether a rule is switched off: never, in this build.
    #[must_use]
    pub const fn is_off(_: Rule) -> bool {
        false
    }
}

#[cfg(feature = "mutations")]
mod switch {
    use std::cell::RefCell;

    use super::Rule;

    /// What `cargo xtask dist` looks for: a binary that can switch rules off is never shipped.
    const MARK: &str = "muster-test-only:mutations";

    thread_local! {
        static OFF: RefCell<Vec<Rule>> = const { RefCell::new(Vec::new()) };
    }

    /// Switches rules off for this thread, and all others on.
    pub fn switch_off(rules: &[Rule]) {
        OFF.with_borrow_mut(|off| *off = rules.to_vec());
    }

    /// Whether a rule is switched off for this thread.
    #[must_use]
    pub fn is_off(rule: Rule) -> bool {
        std::hint::black_box(MARK);
        OFF.with_borrow(|off| off.contains(&rule))
    }
}

pub use switch::is_off;
#[cfg(feature = "mutations")]
pub use switch::switch_off;
