//! A simulated edge: a disk, a session in memory, forms that stand open.

use std::collections::BTreeMap;

use shared_model::{EdgeId, SiteId};
use sync_protocol::cloud::{Enrolled, RecordKey};
use sync_protocol::edge::{Outgoing, Pull, Session};
use sync_protocol::memory::MemoryEdge;
use sync_protocol::message::{Hello, Scope};
use sync_protocol::{Limits, Origin, Stream, VersionVector};
use uuid::Uuid;

use crate::truth::Cid;

/// What an edge is doing.
#[derive(Debug)]
pub(crate) enum Link {
    /// Nothing: it will say hello, with the chain at these places.
    Closed(BTreeMap<Stream, Vec<i64>>),
    /// It waits for an answer to its hello.
    Greeting(Box<Hello>),
    /// It talks.
    Open(Box<Talk>),
}

#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) session: Session,
    pub(crate) push: Option<Outgoing>,
    pub(crate) pull: Option<Pull>,
}

/// A form that somebody left open.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) key: RecordKey,
    pub(crate) saw: VersionVector,
    /// What was really on it.
    pub(crate) truth: std::collections::BTreeSet<Cid>,
    /// How many lives the disk had ended when it was opened.
    pub(crate) relogs: usize,
}

#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) name: String,
    pub(crate) store: MemoryEdge,
    pub(crate) enrolled: Enrolled,
    /// Whether its version reads the feed.
    pub(crate) reads: bool,
    pub(crate) link: Link,
    pub(crate) forms: Vec<Form>,
    /// Hellos in a row that were told that their number was used.
    pub(crate) stales: u32,
}

impl Edge {
    pub(crate) fn new(nth: u128, sites: &[SiteId], reads: bool, origin: Origin) -> Self {
        let edge = EdgeId::from_uuid(Uuid::from_u128(100 + nth));
        let limits = Limits { batch_rows: 6, ..Limits::default() };
        let scope = Scope { sites: sites.to_vec() };
        Self {
            name: format!("edge {nth}"),
            store: MemoryEdge::new(edge, origin),
            enrolled: Enrolled { edge, retired: false, scope, scope_ver: 1, limits, not_before: 0 },
            reads,
            link: Link::Closed(BTreeMap::new()),
            forms: Vec::new(),
            stales: 0,
        }
    }

    /// The process ends: what lived in memory is gone.
    pub(crate) fn crash(&mut self) {
        self.link = Link::Closed(BTreeMap::new());
        self.forms.clear();
        self.stales = 0;
    }

    pub(crate) fn hang_up(&mut self) {
        self.link = Link::Closed(BTreeMap::new());
    }

    /// Whether it is level with the cloud.
    pub(crate) fn is_level(&self, feed_head: i64) -> bool {
        let Link::Open(talk) = &self.link else { return false };
        !talk.session.owes()
            && self.store.look(|disk| {
                let read = disk.cursor == feed_head && disk.clean == feed_head && disk.snapshot.is_none();
                disk.is_sent() && (!self.reads || (read && disk.waiting().next().is_none()))
            })
    }
}
