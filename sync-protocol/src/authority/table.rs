//! The table of who writes which field (sync.md 2.15).

use shared_model::entity::{RequestState, phone};
use shared_model::{FieldMap, FieldTag, Kind};

use crate::Op;
use crate::cloud::Poison;

/// Who may write a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// Either side, in every way.
    Either,
    /// The cloud alone.
    Cloud,
    /// Either side, by a decision ([`Op::Decide`]) only.
    Decision,
}

/// Who writes a field of a kind. A field that this version does not know is written by whoever writes the kind.
#[must_use]
pub fn writer(kind: Kind, tag: FieldTag) -> Writer {
    match kind {
        Kind::PhonePunch if phone::DECISION.contains(&tag) => Writer::Decision,
        Kind::PhonePunch => Writer::Cloud,
        // Each kind is named, so that a new one makes its author choose.
        Kind::Company
        | Kind::Site
        | Kind::Department
        | Kind::Employee
        | Kind::Shift
        | Kind::Roster
        | Kind::RosterDay
        | Kind::Policy
        | Kind::Holiday
        | Kind::Leave
        | Kind::Device
        | Kind::Identity
        | Kind::PunchNote
        | Kind::DayDecision
        | Kind::PayPeriod
        | Kind::CompanyRule => Writer::Either,
    }
}

/// Whether an edge may make a change of this sort at all, whoever asks for it there. Both sides ask: the edge before it
/// writes, the cloud before it merges.
///
/// # Errors
/// `authority` names what is not an edge's to write.
pub fn edge_may(kind: Kind, op: Op, fields: &FieldMap) -> Result<(), Poison> {
    let refuse = |detail: String| Err(Poison { code: "authority", detail });
    let whole = match op {
        Op::Create | Op::Delete | Op::Restore => true,
        Op::Update | Op::Decide => false,
    };
    let of_the_cloud = kind.fields().iter().any(|def| writer(kind, def.tag) == Writer::Cloud);
    if whole && of_the_cloud {
        return refuse(format!("only the cloud makes and removes a {}", kind.as_str()));
    }
    for tag in fields.keys() {
        let allowed = match writer(kind, *tag) {
            Writer::Either => true,
            Writer::Cloud => false,
            Writer::Decision => op == Op::Decide,
        };
        if !allowed {
            return refuse(format!("field {} of a {} is not an edge's to write", tag.0, kind.as_str()));
        }
    }
    if kind == Kind::PhonePunch {
        let state = fields.get(&phone::STATE).and_then(|value| value.as_str()).and_then(RequestState::parse);
        if op != Op::Decide || !matches!(state, Some(RequestState::Approved | RequestState::Rejected)) {
            return refuse("a phone punch is approved or rejected, nothing else".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(values: &[(FieldTag, serde_json::Value)]) -> FieldMap {
        values.iter().cloned().collect()
    }

    #[test]
    fn an_edge_decides_phone_punches_and_does_nothing_else_with_them() {
        let approve = fields(&[(phone::STATE, json!("approved")), (phone::EPOCH, json!(3))]);
        assert_eq!(edge_may(Kind::PhonePunch, Op::Decide, &approve), Ok(()));
        for op in [Op::Create, Op::Update, Op::Delete, Op::Restore] {
            assert_eq!(edge_may(Kind::PhonePunch, op, &approve).unwrap_err().code, "authority", "{op:?}");
        }
        let moved =
            fields(&[(phone::STATE, json!("approved")), (FieldTag(4), json!("2026-11-20T03:00:00Z"))]);
        assert!(
            edge_may(Kind::PhonePunch, Op::Decide, &moved).is_err(),
            "the time of a punch is no decision"
        );
        let later = fields(&[(phone::STATE, json!("approved")), (FieldTag(99), json!(1))]);
        assert!(edge_may(Kind::PhonePunch, Op::Decide, &later).is_err());
        for state in [json!("pending"), json!("cancelled"), json!("maybe"), json!(null)] {
            let undecided = fields(&[(phone::STATE, state)]);
            assert!(edge_may(Kind::PhonePunch, Op::Decide, &undecided).is_err());
        }
        assert!(edge_may(Kind::PhonePunch, Op::Decide, &FieldMap::new()).is_err());
    }

    #[test]
    fn other_kinds_are_written_on_both_sides() {
        let any = fields(&[(FieldTag(1), json!("x")), (FieldTag(999), json!("later"))]);
        for kind in Kind::ALL.iter().filter(|kind| **kind != Kind::PhonePunch) {
            for op in Op::ALL {
                assert_eq!(edge_may(*kind, op, &any), Ok(()), "{kind:?} {op:?}");
            }
        }
    }
}
