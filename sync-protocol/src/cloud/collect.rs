//! Removing tombstones for good (sync.md 2.6).

use super::feed::{FeedStore, OriginAck};
use crate::mutation::{Rule, is_off};

/// Up to which place tombstones may go: every origin has committed it, and no change that was written in ignorance of
/// it can still be on its way. `None` = none may.
#[must_use]
pub fn collectable(acks: &[OriginAck]) -> Option<i64> {
    let settled = acks.iter().all(|ack| ack.applied >= ack.head_at_ack);
    settled.then(|| acks.iter().map(|ack| ack.acked_fseq).min().unwrap_or(i64::MAX))
}

/// Removes the tombstones that nobody needs any more and returns how many went.
///
/// `oldest` is the place that the feed had reached when the least age of a tombstone ([`crate::limit::TOMBSTONE_DAYS`])
/// began: none above it goes.
///
/// # Errors
/// The store's.
pub async fn collect<S: FeedStore>(store: &mut S, oldest: i64) -> Result<usize, S::Error> {
    let company = store.company().await?;
    let free =
        if is_off(Rule::StableCollection) { Some(i64::MAX) } else { collectable(&store.acks().await?) };
    let Some(free) = free else { return Ok(0) };
    store.remove_tombstones(free.min(oldest).min(company.feed_head)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    #[test]
    fn a_tombstone_waits_for_every_origin_and_for_what_it_wrote_before() {
        let origin = Origin::from_number(1).unwrap();
        let ack = |acked_fseq, head_at_ack, applied| OriginAck { origin, acked_fseq, head_at_ack, applied };
        assert_eq!(collectable(&[ack(10, 3, 3), ack(7, 0, 0)]), Some(7));
        assert_eq!(
            collectable(&[ack(10, 3, 2), ack(7, 0, 0)]),
            None,
            "a change written before may be on its way"
        );
        assert_eq!(collectable(&[]), Some(i64::MAX));
    }
}
