//! Renumbering after a fork: what a log's tail becomes under a new origin.
//!
//! Row `common + n` of the old log becomes row `n` of the new one. Every mention of a tail row (in contexts, in records'
//! vectors and dots) follows; mentions of the common part stay, because the cloud has that part under the old origin.
//! Left as they were, mentions of the tail would claim knowledge of what the log's *other* history put in those places.

use crate::{Change, Dot, Origin, Record, VersionVector};

/// One renumbering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relog {
    /// The old life.
    pub from: Origin,
    /// The new one.
    pub to: Origin,
    /// The last common row of the record log.
    pub common: i64,
}

impl Relog {
    /// A mention of a row.
    #[must_use]
    pub fn dot(&self, dot: Dot) -> Dot {
        if dot.origin == self.from && dot.seq > self.common {
            Dot::new(self.to, dot.seq - self.common)
        } else {
            dot
        }
    }

    /// A vector's claim about the old log.
    pub fn vector(&self, vv: &mut VersionVector) {
        let known = vv.seq_of(self.from);
        if known <= self.common {
            return;
        }
        vv.clip(self.from, self.common);
        let tail = Dot::new(self.to, known - self.common);
        while vv.raise(tail).is_err() {
            // Full: the common part's claim goes first. Claiming less costs at worst a needless conflict.
            let spare = vv.iter().map(|dot| dot.origin).find(|origin| *origin == self.from);
            let Some(origin) = spare.or_else(|| vv.iter().next().map(|dot| dot.origin)) else { return };
            vv.forget(origin);
        }
    }

    /// A record that names rows of the tail.
    pub fn record(&self, record: &mut Record) {
        self.vector(&mut record.vv);
        record.dots.0.values_mut().for_each(|dot| *dot = self.dot(*dot));
        record.deleted = record.deleted.map(|dot| self.dot(dot));
    }

    /// A row of the tail, as it is logged again; `None` for a row that stays.
    #[must_use]
    pub fn change(&self, old: &Change) -> Option<Change> {
        if old.dot.origin != self.from || old.dot.seq <= self.common {
            return None;
        }
        let mut new = Change { relog_of: Some(old.identity()), dot: self.dot(old.dot), ..old.clone() };
        new.grp = (old.grp - self.common).max(1);
        self.vector(&mut new.ctx);
        Some(new)
    }
}

#[cfg(test)]
mod tests {
    use shared_model::{ActorId, FieldMap, Kind};

    use super::*;
    use crate::{Hlc, Op};

    fn origin(number: i64) -> Origin {
        Origin::from_number(number).unwrap()
    }

    fn relog() -> Relog {
        Relog { from: origin(1), to: origin(2), common: 10 }
    }

    fn vv(dots: &[(i64, i64)]) -> VersionVector {
        let mut vv = VersionVector::new();
        dots.iter().for_each(|(o, seq)| vv.raise(Dot::new(origin(*o), *seq)).unwrap());
        vv
    }

    #[test]
    fn mentions_of_the_tail_follow_and_those_of_the_common_part_stay() {
        let mut both = vv(&[(1, 12), (3, 4)]);
        relog().vector(&mut both);
        assert_eq!(both, vv(&[(1, 10), (2, 2), (3, 4)]));
        let mut common = vv(&[(1, 10)]);
        relog().vector(&mut common);
        assert_eq!(common, vv(&[(1, 10)]));
        assert_eq!(relog().dot(Dot::new(origin(1), 11)), Dot::new(origin(2), 1));
        assert_eq!(relog().dot(Dot::new(origin(1), 10)), Dot::new(origin(1), 10));
        assert_eq!(relog().dot(Dot::new(origin(3), 11)), Dot::new(origin(3), 11));
    }

    #[test]
    fn a_row_keeps_its_first_identity_however_often_it_is_logged_again() {
        let change = Change {
            dot: Dot::new(origin(1), 12),
            hlc: Hlc::default(),
            grp: 9,
            kind: Kind::Employee.number().into(),
            key: uuid::Uuid::from_u128(1),
            op: Op::Update,
            ctx: vv(&[(1, 11)]),
            fields: FieldMap::new(),
            seen: 0,
            actor: ActorId::SYSTEM,
            resolves: None,
            relog_of: None,
            ver: 1,
        };
        let once = relog().change(&change).unwrap();
        assert_eq!((once.dot, once.grp), (Dot::new(origin(2), 2), 1));
        assert_eq!(once.ctx, vv(&[(1, 10), (2, 1)]));
        let twice = Relog { from: origin(2), to: origin(4), common: 0 }.change(&once).unwrap();
        assert_eq!(twice.identity(), change.identity());
        assert_eq!(twice.ctx, vv(&[(1, 10), (4, 1)]));
        assert_eq!(relog().change(&Change { dot: Dot::new(origin(1), 10), ..change }), None);
    }

    #[test]
    fn a_full_vector_gives_up_a_claim_rather_than_guess() {
        let mut full = VersionVector::new();
        for number in 0..64 {
            full.raise(Dot::new(origin(if number == 0 { 1 } else { number + 100 }), 20)).unwrap();
        }
        relog().vector(&mut full);
        assert_eq!((full.len(), full.seq_of(origin(1)), full.seq_of(origin(2))), (64, 0, 10));
    }
}
