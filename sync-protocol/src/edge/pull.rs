//! Taking the feed: pages, snapshots, and what the cloud made of the edge's own changes.

use std::collections::{BTreeMap, BTreeSet};

use super::feed::{FeedPlace, FeedStore, FeedTx, Staging};
use super::rebase::rebase;
use super::store::EdgeStore;
use super::{Next, Session, hello};
use crate::body::{BadBody, lines, unpack};
use crate::change::BadChange;
use crate::cloud::{Poison, RecordKey};
use crate::message::{
    FeedItem, FeedLeft, FeedRecord, Hello, HelloReply, PageHead, PageRequest, SnapshotHead, SnapshotPlace,
    SnapshotRequest, Verdict,
};
use crate::mutation::{Rule, is_off};
use crate::{Change, Origin, Record, Stream, limit};

/// A request for a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pull {
    /// Of the feed.
    Page(PageRequest),
    /// Of a snapshot.
    Snapshot(SnapshotRequest),
}

impl Pull {
    /// Path and query of the GET.
    #[must_use]
    pub fn target(&self) -> String {
        match self {
            Self::Page(request) => format!("{}?{}", crate::message::PULL, request.query()),
            Self::Snapshot(request) => format!("{}?{}", crate::message::SNAPSHOT, request.query()),
        }
    }
}

/// What followed a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterPull {
    /// More is waiting: ask at once.
    More,
    /// The edge is level with the cloud, up to this place.
    Clean(i64),
    /// The session is over: say hello.
    Hello,
}

/// Understands the answer to a hello, for an edge that reads the feed: as [`hello::answered`], and a snapshot that the
/// cloud asks for is taken in the session.
///
/// # Errors
/// The store's.
pub async fn answered_with_feed<S: FeedStore>(
    store: &S,
    said: &Hello,
    reply: &HelloReply,
    new_origin: Origin,
) -> Result<Next, S::Error> {
    let asked = match reply.verdict {
        Verdict::Ok | Verdict::Fork { .. } => false,
        Verdict::Snapshot => true,
        Verdict::Stale { .. }
        | Verdict::Marks { .. }
        | Verdict::CloudRegressed
        | Verdict::Upgrade { .. }
        | Verdict::Retired
        | Verdict::Unknown => return hello::answered(store, said, reply, new_origin).await,
    };
    if !hello::answers(said, reply) {
        return Ok(Next::Again(BTreeMap::new()));
    }
    let mut forked = None;
    if let Verdict::Fork { common } = &reply.verdict {
        let state = store.state().await?;
        if (state.origin, state.lease_no) != (said.origin, said.lease_no) {
            return Ok(Next::Again(BTreeMap::new()));
        }
        forked = Some(hello::fork(store, &state, common, new_origin).await?);
    }
    let heard = Heard {
        origin: if forked.is_some() { new_origin } else { said.origin },
        lease_no: said.lease_no,
        feed_epoch: reply.feed_epoch,
        scope_ver: reply.scope_ver,
        horizon: reply.horizon,
        asked,
    };
    let prepared = store.feed(move |tx| heard.prepare(tx)).await?;
    if let Some(next) = forked {
        return Ok(next);
    }
    match prepared {
        Some(restart) => hello::begin(store, said, reply, restart).await,
        None => Ok(Next::Again(BTreeMap::new())),
    }
}

/// What a hello's answer means for the place in the feed.
#[derive(Clone, Copy)]
struct Heard {
    origin: Origin,
    lease_no: i64,
    feed_epoch: u32,
    scope_ver: u32,
    horizon: i64,
    asked: bool,
}

impl Heard {
    /// Prepares for a snapshot where the place in the feed is of no use. Tells whether the cloud was put back to an earlier
    /// time; `None` for an answer that came too late.
    fn prepare<T: FeedTx>(self, tx: &T) -> Result<Option<bool>, T::Error> {
        let mut place = tx.place()?;
        if (place.origin, place.lease_no) != (self.origin, self.lease_no) {
            return Ok(None);
        }
        let known = place.feed_epoch > 0;
        let other_epoch = known && place.feed_epoch != self.feed_epoch;
        let began = place.cursor > 0 || place.snapshot.is_some();
        let other_scope = known && place.scope_ver != self.scope_ver && began;
        if self.asked || other_epoch || other_scope {
            let goes_on = place.snapshot.filter(|staging| {
                (staging.feed_epoch, staging.scope_ver) == (self.feed_epoch, self.scope_ver)
                    && staging.from.is_some_and(|from| from >= self.horizon)
            });
            if goes_on.is_none() {
                tx.unstage()?;
            }
            place.snapshot = Some(goes_on.unwrap_or(Staging {
                feed_epoch: self.feed_epoch,
                scope_ver: self.scope_ver,
                from: None,
                next: SnapshotPlace::START,
            }));
        }
        if other_epoch {
            // Places of another epoch say nothing in this one. What came down in it may be known nowhere else now.
            (place.cursor, place.clean, place.horizon) = (0, 0, 0);
            tx.log_undelivered()?;
        }
        (place.feed_epoch, place.scope_ver) = (self.feed_epoch, self.scope_ver);
        tx.set_place(&place)?;
        Ok(Some(other_epoch))
    }
}

impl Session {
    /// The next request for a page; `None` while rows of former origins are owed, which go first.
    ///
    /// `wait` is how long the cloud may hold a pull that has nothing to say, seconds.
    ///
    /// # Errors
    /// The store's.
    pub async fn next_pull<S: FeedStore>(&self, store: &S, wait: u32) -> Result<Option<Pull>, S::Error> {
        if self.owes() {
            return Ok(None);
        }
        #[expect(
            clippy::redundant_closure_for_method_calls,
            reason = "the method's path would have to outlive all"
        )]
        let place = store.feed(|tx| tx.place()).await?;
        let state = EdgeStore::state(store).await?;
        let head_r = state.logs.get(&Stream::Records).map_or(0, |log| log.head);
        let (lease, origin, epoch) = (self.lease(), self.origin(), self.feed_epoch());
        let limit = self.limits().batch_rows;
        Ok(Some(match place.snapshot {
            Some(staging) => Pull::Snapshot(SnapshotRequest {
                origin,
                lease_no: lease.no,
                nonce: lease.nonce,
                epoch,
                scope_ver: place.scope_ver,
                from: staging.from,
                at: staging.next,
                head_r,
                limit,
            }),
            None => Pull::Page(PageRequest {
                origin,
                lease_no: lease.no,
                nonce: lease.nonce,
                epoch,
                cursor: place.cursor,
                head_r,
                limit,
                wait,
                scope_ver: place.scope_ver,
            }),
        }))
    }

    /// Takes the answer to a pull: the page and the new place in one transaction.
    ///
    /// # Errors
    /// The store's; [`BadBody`] inside for a body that is no answer.
    pub async fn pulled<S: FeedStore>(
        &self,
        store: &S,
        pull: &Pull,
        body: &[u8],
    ) -> Result<Result<AfterPull, BadBody>, S::Error> {
        let session = Fence {
            origin: self.origin(),
            lease_no: self.lease().no,
            feed_epoch: self.feed_epoch(),
            nonce: self.lease().nonce,
        };
        match pull {
            Pull::Page(_) => {
                let (head, items) = match read::<PageHead>(body) {
                    Ok((PageHead::Ok(head), items)) => (head, items),
                    Ok((PageHead::Hello, _)) => return Ok(Ok(AfterPull::Hello)),
                    Err(bad) => return Ok(Err(bad)),
                };
                if head.nonce != session.nonce && !is_off(Rule::Nonce) {
                    return Ok(Ok(AfterPull::Hello));
                }
                store.feed(move |tx| Taking { tx, session }.page(&head, &items)).await.map(Ok)
            }
            Pull::Snapshot(_) => {
                let (head, items) = match read::<SnapshotHead>(body) {
                    Ok((SnapshotHead::Ok(head), items)) => (head, items),
                    Ok((SnapshotHead::Hello, _)) => return Ok(Ok(AfterPull::Hello)),
                    Err(bad) => return Ok(Err(bad)),
                };
                if head.nonce != session.nonce && !is_off(Rule::Nonce) {
                    return Ok(Ok(AfterPull::Hello));
                }
                store.feed(move |tx| Taking { tx, session }.snapshot(&head, &items)).await.map(Ok)
            }
        }
    }
}

/// Head and lines of an answer.
fn read<H: serde::de::DeserializeOwned>(body: &[u8]) -> Result<(H, Vec<Vec<u8>>), BadBody> {
    let (head, payload) = unpack(body)?;
    let lines = lines(&payload, limit::BATCH_ROWS).ok_or(BadBody::NoHead)?;
    Ok((head, lines.into_iter().map(<[u8]>::to_vec).collect()))
}

/// The session that a page belongs to.
#[derive(Clone, Copy)]
struct Fence {
    origin: Origin,
    lease_no: i64,
    feed_epoch: u32,
    nonce: crate::message::Nonce,
}

struct Taking<'a, T> {
    tx: &'a T,
    session: Fence,
}

impl<T: FeedTx> Taking<'_, T> {
    /// The place, if this session is still the disk's newest.
    fn place(&self) -> Result<Option<FeedPlace>, T::Error> {
        let place = self.tx.place()?;
        let Fence { origin, lease_no, feed_epoch, .. } = self.session;
        let same = (place.origin, place.lease_no, place.feed_epoch) == (origin, lease_no, feed_epoch);
        Ok(same.then_some(place))
    }

    fn page(&self, head: &crate::message::Page, items: &[Vec<u8>]) -> Result<AfterPull, T::Error> {
        let Some(mut place) = self.place()? else { return Ok(AfterPull::Hello) };
        let elsewhere = head.start != place.cursor && !is_off(Rule::PageStart);
        if elsewhere || place.snapshot.is_some() || head.cursor < head.start {
            return Ok(AfterPull::Hello);
        }
        let items: Vec<(&[u8], Result<FeedItem, Poison>)> =
            items.iter().map(|line| (&line[..], parse(line))).collect();
        if self.shows_a_twin(&place, items.iter().filter_map(|(_, item)| item.as_ref().ok())) {
            return Ok(AfterPull::Hello);
        }
        for (line, item) in items {
            self.take(line, item)?;
        }
        place.cursor = head.cursor;
        if !head.more {
            place.clean = place.cursor;
        }
        self.settle_by(if is_off(Rule::SettleAtClean) { place.cursor } else { place.clean })?;
        if !head.more {
            // Here nothing is half-way: what neither the cloud shows nor a waiting change makes is gone.
            self.tx.diverging()?.into_iter().try_for_each(|key| self.review(key))?;
        }
        self.raise_horizon(&mut place, head.horizon)?;
        self.tx.set_place(&place)?;
        Ok(if head.more { AfterPull::More } else { AfterPull::Clean(place.clean) })
    }

    /// Whether a page shows changes of the own origin that were never acknowledged here: another disk runs under it, or
    /// an answer was lost. Either way the next hello tells.
    fn shows_a_twin<'i>(&self, place: &FeedPlace, items: impl Iterator<Item = &'i FeedItem>) -> bool {
        let shown = |item: &FeedItem| match item {
            FeedItem::Record(record) => record.vv.seq_of(place.origin),
            FeedItem::Left(_) | FeedItem::Conflict(_) | FeedItem::Quarantine(_) | FeedItem::Punch(_) => 0,
        };
        !is_off(Rule::OwnOriginCheck) && items.map(shown).any(|seq| seq > place.acked)
    }

    /// Takes one item. What cannot be taken is parked and holds up nothing.
    fn take(&self, line: &[u8], item: Result<FeedItem, Poison>) -> Result<(), T::Error> {
        let item = match item {
            Ok(item) => item,
            Err(poison) => return self.tx.park(line, &poison),
        };
        match item {
            FeedItem::Record(record) => match known(record) {
                Ok((key, record)) => {
                    let base = self.tx.base(key)?;
                    if base.is_none_or(|base| base.fseq < record.fseq) {
                        self.replace(key, Some(&record), line)?;
                    }
                    Ok(())
                }
                Err(poison) => self.tx.park(line, &poison),
            },
            FeedItem::Left(left) => self.leave(&left, line),
            FeedItem::Conflict(conflict) => self.tx.put_conflict(&conflict),
            FeedItem::Quarantine(notice) => {
                self.tx.put_notice(&notice)?;
                let own = (notice.origin, notice.stream) == (self.session.origin, Stream::Records);
                let change = if own { self.tx.change(notice.seq)? } else { None };
                change.and_then(|change| key_of(&change)).map_or(Ok(()), |key| self.review(key))
            }
            FeedItem::Punch(punch) => match punch.into_punch() {
                Some(punch) => self.tx.put_punch(&punch),
                None => self.tx.park(line, &poison("punch", "its id does not fit it")),
            },
        }
    }

    fn leave(&self, left: &FeedLeft, line: &[u8]) -> Result<(), T::Error> {
        let Some(kind) = u8::try_from(left.kind).ok().and_then(shared_model::Kind::from_number) else {
            return Ok(());
        };
        let key = (kind, left.key);
        let base = self.tx.base(key)?;
        if base.as_ref().is_some_and(|base| base.fseq >= left.fseq) {
            // It came back before this was read.
            return Ok(());
        }
        // The rows of a record that was never shown here may have been.
        self.tx.drop_conflicts(Some(key))?;
        if base.is_some() {
            self.replace(key, None, line)?;
        }
        Ok(())
    }

    /// Puts the cloud's state in the place of an older one and merges what still waits onto it.
    fn replace(&self, key: RecordKey, base: Option<&Record>, line: &[u8]) -> Result<(), T::Error> {
        let (covered, waiting): (Vec<Change>, Vec<Change>) =
            self.tx.waiting(key)?.into_iter().partition(|change| covers(base, change));
        if !covered.is_empty() {
            self.tx.settle(&covered.iter().map(|change| change.dot.seq).collect::<Vec<_>>())?;
        }
        let view = rebase(base, &waiting).view;
        match self.tx.put(key, base, view.as_ref())? {
            Ok(()) => Ok(()),
            Err(poison) => self.tx.park(line, &poison),
        }
    }

    /// Works out a record's view again.
    fn review(&self, key: RecordKey) -> Result<(), T::Error> {
        let base = self.tx.base(key)?;
        self.replace(key, base.as_ref(), &[])
    }

    /// Own changes that the cloud had acknowledged by a place up to which this edge has seen everything wait no longer,
    /// whatever became of them.
    fn settle_by(&self, place: i64) -> Result<(), T::Error> {
        let settled = self.tx.acknowledged_by(place)?;
        if settled.is_empty() {
            return Ok(());
        }
        self.tx.settle(&settled.iter().map(|change| change.dot.seq).collect::<Vec<_>>())?;
        let keys: BTreeSet<RecordKey> = settled.iter().filter_map(key_of).collect();
        keys.into_iter().try_for_each(|key| self.review(key))
    }

    fn raise_horizon(&self, place: &mut FeedPlace, horizon: i64) -> Result<(), T::Error> {
        if horizon <= place.horizon {
            return Ok(());
        }
        place.horizon = horizon;
        for key in self.tx.bases(horizon, true)? {
            self.replace(key, None, &[])?;
        }
        Ok(())
    }

    fn snapshot(
        &self,
        head: &crate::message::SnapshotPage,
        items: &[Vec<u8>],
    ) -> Result<AfterPull, T::Error> {
        let Some(mut place) = self.place()? else { return Ok(AfterPull::Hello) };
        let Some(staging) = place.snapshot else { return Ok(AfterPull::Hello) };
        let follows = head.at == staging.next && staging.from.is_none_or(|from| from == head.from);
        if !follows || staging.feed_epoch != self.session.feed_epoch {
            return Ok(AfterPull::Hello);
        }
        // Punches need no whole: what is known counts at once, and a long ledger is not taken in one transaction.
        let is_punch = |line: &&Vec<u8>| matches!(parse(line), Ok(FeedItem::Punch(_)));
        let (punches, others): (Vec<&Vec<u8>>, Vec<&Vec<u8>>) = items.iter().partition(is_punch);
        punches.into_iter().try_for_each(|line| self.take(line, parse(line)))?;
        self.tx.stage(&others.into_iter().cloned().collect::<Vec<_>>())?;
        if let Some(next) = head.next {
            place.snapshot = Some(Staging { from: Some(head.from), next, ..staging });
            self.tx.set_place(&place)?;
            return Ok(AfterPull::More);
        }
        place.snapshot = None;
        place.cursor = head.from;
        place.clean = place.clean.min(head.from);
        place.horizon = head.horizon;
        self.tx.set_place(&place)?;
        self.take_snapshot()?;
        self.tx.unstage()?;
        Ok(AfterPull::More)
    }

    /// Puts a whole snapshot in the place of what was here.
    fn take_snapshot(&self) -> Result<(), T::Error> {
        let mut gone: BTreeSet<RecordKey> =
            self.tx.bases(i64::MAX, false)?.into_iter().chain(self.tx.bases(i64::MAX, true)?).collect();
        let mut newest: BTreeMap<RecordKey, i64> = BTreeMap::new();
        self.tx.drop_conflicts(None)?;
        let mut skip = 0;
        loop {
            let lines = self.tx.staged(skip, limit::BATCH_ROWS)?;
            skip += lines.len();
            if lines.is_empty() {
                break;
            }
            for line in &lines {
                match parse(line) {
                    Ok(FeedItem::Record(record)) => match known(record) {
                        Ok((key, record)) => {
                            gone.remove(&key);
                            // A place of another epoch cannot be compared: within the snapshot the higher counts.
                            if newest.get(&key).is_none_or(|fseq| *fseq < record.fseq) {
                                newest.insert(key, record.fseq);
                                self.replace(key, Some(&record), line)?;
                            }
                        }
                        Err(poison) => self.tx.park(line, &poison)?,
                    },
                    item => self.take(line, item)?,
                }
            }
        }
        gone.into_iter().try_for_each(|key| self.replace(key, None, &[]))
    }
}

fn key_of(change: &Change) -> Option<RecordKey> {
    Some((change.known_kind()?, change.key))
}

/// Whether the cloud's state shows that it has considered a change.
fn covers(base: Option<&Record>, change: &Change) -> bool {
    base.is_some_and(|base| base.vv.covers(change.dot))
}

fn parse(line: &[u8]) -> Result<FeedItem, Poison> {
    FeedItem::parse(line).map_err(|bad| poison("item", &bad.to_string()))
}

/// A record of a kind and with values that are known here.
fn known(record: FeedRecord) -> Result<(RecordKey, Record), Poison> {
    let (kind, key, record) = record.into_record().map_err(|bad| poison("record", &bad.to_string()))?;
    // The cloud may leave a business key blank, so the record need not be whole.
    let set = record.fields.iter().filter(|(_, value)| !value.is_null());
    let set = set.map(|(tag, value)| (*tag, value.clone())).collect();
    kind.check(&set, false).map_err(|bad| {
        let bad = BadChange::from(bad);
        poison(bad.code(), &bad.to_string())
    })?;
    Ok(((kind, key), record))
}

fn poison(code: &'static str, detail: &str) -> Poison {
    Poison { code, detail: detail.to_owned() }
}
