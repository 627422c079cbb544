//! The real sync code of both sides under faults: one thread, one event at a time, all of it from a seed.
//!
//! A run has three to five edges and one cloud on memory stores. Requests and answers are dropped, repeated and delivered
//! late and out of order; edges and cloud die before and after their commits; disks are restored from copies and
//! cloned; origins expire and tombstones are collected; records move between sites and scopes change; rows are poison;
//! actors lose their authority; an edge may be too old to read the feed; the cloud may be put back to an earlier time.
//! Then all heals, and everything is compared with an oracle that has its own account of what happened (`truth`). After
//! each commit of the cloud what it made of the change is compared too.
//!
//! Letters and numbers (S5, L2 …) name the invariants in docs/testing.md.

mod act;
mod dice;
mod disk;
mod heal;
mod network;
mod shrink;
mod truth;
mod world;

pub use shrink::{History, shrink};
pub use world::{Figures, Plan, Violation, run};
