//! A run: what there is, and what happens next.

use std::collections::{BTreeMap, BTreeSet};

use shared_model::{ActorId, Punch, SiteId};
use sync_protocol::cloud::collect;
use sync_protocol::memory::{Disk, MemoryCloud, ready};
use sync_protocol::mutation::Rule;
use sync_protocol::{Change, LedgerEntry, Origin};
use uuid::Uuid;

use crate::dice::Dice;
use crate::disk::{Edge, Form};
use crate::network::Message;
use crate::truth::{CloudTruth, Truth};

/// Steps of a run before it heals.
pub(crate) const STEPS: u64 = 350;

/// What to run.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The seed from which everything follows.
    pub seed: u64,
    /// Rules that are switched off; only in a build with the feature `mutations`.
    pub without: Vec<Rule>,
    /// Steps that are left out.
    pub skip: BTreeSet<u64>,
    /// Whether to tell what happens.
    pub told: bool,
}

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The step at which it showed; [`None`] after the healing.
    pub step: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// What happened, where it was to be told.
    pub story: Vec<String>,
}

/// What happened in a run, by name.
pub type Figures = BTreeMap<&'static str, u64>;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) cloud: MemoryCloud,
    pub(crate) truth: Truth,
    pub(crate) cloud_truth: CloudTruth,
    pub(crate) edges: Vec<Edge>,
    pub(crate) net: Vec<Message>,
    pub(crate) images: Vec<(usize, Disk)>,
    pub(crate) backup: Option<(MemoryCloud, CloudTruth)>,
    pub(crate) cloud_forms: Vec<Form>,
    pub(crate) made: u128,
    pub(crate) faults: bool,
    /// Whether this run's cloud may be put back to an earlier time.
    pub(crate) restores: bool,
    /// Without the rule of feed epochs a restored cloud goes on as if nothing had happened.
    pub(crate) epochs: bool,
    pub(crate) figures: Figures,
    told: bool,
    pub(crate) story: Vec<String>,
}

pub(crate) fn site(nth: u64) -> SiteId {
    SiteId::from_uuid(Uuid::from_u128(u128::from(nth) + 1))
}

pub(crate) fn actor(nth: u64) -> ActorId {
    ActorId::from_uuid(Uuid::from_u128(u128::from(nth) + 1000))
}

/// A worker's home by his code: even at one site, odd at the other.
fn home(punch: &Punch) -> SiteId {
    site(punch.user_code.as_str().bytes().last().map_or(0, |digit| u64::from(digit) % 2))
}

pub(crate) fn refuse_entry(entry: &LedgerEntry) -> bool {
    matches!(entry, LedgerEntry::Punch(punch) if punch.user_code.as_str() == "refused")
}

pub(crate) const NAME: shared_model::FieldTag = shared_model::FieldTag(2);

fn refuse_change(change: &Change) -> bool {
    change.fields.get(&NAME).is_some_and(|name| name == "foreign")
}

pub(crate) fn origin(dice: &mut Dice) -> Origin {
    let number = i64::try_from(dice.next() >> 1).unwrap_or(1).max(1);
    Origin::from_number(number).unwrap_or_else(|| origin(dice))
}

/// Runs a plan.
///
/// # Errors
/// The first [`Violation`].
pub fn run(plan: &Plan) -> Result<Figures, Violation> {
    #[cfg(feature = "mutations")]
    sync_protocol::mutation::switch_off(&plan.without);
    let mut world = World::new(plan);
    let mut dice = Dice::of_step(plan.seed, u64::MAX);
    let calm = if dice.chance(500) { dice.below(STEPS) } else { STEPS };
    for step in 0..STEPS {
        if plan.skip.contains(&step) {
            continue;
        }
        world.dice = Dice::of_step(plan.seed, step);
        let done = if step == calm { world.quiet_hour() } else { world.step() };
        done.map_err(|what| world.violation(Some(step), what))?;
    }
    world.dice = Dice::of_step(plan.seed, STEPS);
    world.heal().and_then(|()| world.check()).map_err(|what| world.violation(None, what))?;
    world.count_end();
    Ok(world.figures)
}

impl World {
    fn new(plan: &Plan) -> Self {
        let mut dice = Dice::of_step(plan.seed, u64::MAX - 1);
        let mut cloud = MemoryCloud {
            refuse_entry: Some(refuse_entry),
            refuse_record: Some(|record| record.fields.get(&NAME).is_some_and(|name| name == "refused")),
            refuse_change: Some(refuse_change),
            home: Some(home),
            ..MemoryCloud::new()
        };
        cloud.begin_life(origin(&mut dice));
        let scopes: [&[SiteId]; 4] = [&[site(0)], &[site(1)], &[site(0), site(1)], &[site(0)]];
        // One run in four has an edge that is too old to read the feed; it holds up the collection of tombstones.
        let old = dice.chance(250);
        let edges = (0..if old { 4 } else { 3 })
            .map(|nth| Edge::new(nth as u128, scopes[nth], nth < 3, origin(&mut dice)))
            .collect();
        let restores = dice.chance(400);
        Self {
            dice,
            cloud,
            truth: Truth::default(),
            cloud_truth: CloudTruth::default(),
            edges,
            net: Vec::new(),
            images: Vec::new(),
            backup: None,
            cloud_forms: Vec::new(),
            made: 0,
            faults: true,
            restores,
            epochs: !plan.without.contains(&Rule::FeedEpoch),
            figures: Figures::new(),
            told: plan.told,
            story: Vec::new(),
        }
    }

    fn violation(&mut self, step: Option<u64>, what: String) -> Violation {
        Violation { step, what, story: std::mem::take(&mut self.story) }
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.figures.entry(what).or_default() += 1;
    }

    /// Tells what happened; the text is only made when somebody listens.
    pub(crate) fn tell(&mut self, what: impl FnOnce(&Self) -> String) {
        if self.told {
            let line = what(self);
            self.story.push(line);
        }
    }

    pub(crate) fn key(&mut self) -> Uuid {
        self.made += 1;
        // Keys of the run must not look alike at their ends: buckets and orders go by their bytes.
        Uuid::from_u128(self.made.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    fn step(&mut self) -> Result<(), String> {
        let at = self.dice.pick(self.edges.len());
        match self.dice.below(100) {
            0..20 => self.edge_user(at),
            20..30 => self.cloud_user(),
            30..60 => {
                self.edge_net(at);
                Ok(())
            }
            60..95 => self.deliver(),
            _ => self.disaster(at),
        }
    }

    /// All drains, deleted keys are collected, then the faults go on.
    fn quiet_hour(&mut self) -> Result<(), String> {
        self.tell(|_| "a quiet hour".to_owned());
        self.edges.iter_mut().for_each(Edge::hang_up);
        self.heal()?;
        self.collect();
        self.faults = true;
        Ok(())
    }

    pub(crate) fn collect(&mut self) {
        let gone = ready(collect(&mut self.cloud, i64::MAX)).unwrap_or_else(|never| match never {});
        if gone > 0 {
            self.tell(|_| format!("the cloud collects {gone} tombstones"));
            *self.figures.entry("tombstones collected").or_default() += gone as u64;
            Truth::collected(&mut self.cloud_truth, &self.cloud);
        }
    }

    fn disaster(&mut self, at: usize) -> Result<(), String> {
        match self.dice.below(100) {
            0..38 => self.images.push((at, self.edges[at].store.image())),
            38..56 if !self.images.is_empty() => {
                let nth = self.dice.pick(self.images.len());
                let (edge, image) = self.images[nth].clone();
                self.tell(|w| format!("{}'s disk is restored to an earlier copy", w.edges[edge].name));
                self.count("disks restored");
                self.edges[edge].store.restore(image);
                self.edges[edge].crash();
            }
            56..66 if self.edges.len() < 6 => {
                self.count("disks cloned");
                let copy = Edge {
                    name: format!("{}'", self.edges[at].name),
                    store: sync_protocol::memory::MemoryEdge::new(
                        self.edges[at].enrolled.edge,
                        self.edges[at].store.look(|disk| disk.origin),
                    ),
                    enrolled: self.edges[at].enrolled.clone(),
                    reads: self.edges[at].reads,
                    link: crate::disk::Link::Closed(BTreeMap::new()),
                    forms: Vec::new(),
                    stales: 0,
                };
                copy.store.restore(self.edges[at].store.image());
                self.tell(|_| format!("{} is a clone", copy.name));
                self.edges.push(copy);
            }
            66..80 => {
                self.tell(|w| format!("{} crashes", w.edges[at].name));
                self.count("crashes");
                self.edges[at].crash();
            }
            80..82 if self.restores => self.backup = Some((self.cloud.clone(), self.cloud_truth.clone())),
            82..85 if self.restores && self.cloud.company.feed_epoch == 1 => self.restore_cloud(),
            85..88 => {
                let origins: Vec<Origin> = self.cloud.logs.keys().map(|(origin, _)| *origin).collect();
                if !origins.is_empty() {
                    let silent = origins[self.dice.pick(origins.len())];
                    self.tell(|_| format!("origin {silent} is taken for dead"));
                    self.count("origins expired");
                    let of = |log: &sync_protocol::cloud::LogId| log.0 == silent;
                    self.cloud
                        .logs
                        .iter_mut()
                        .filter(|(log, _)| of(log))
                        .for_each(|(_, log)| log.expired = true);
                }
            }
            88..91 => self.change_scope(at),
            91..92 => {
                let who = actor(self.dice.below(4));
                self.tell(|_| format!("{who} loses his authority"));
                self.count("actors revoked");
                let place = self.cloud.company.feed_head + 1;
                self.cloud.revoked.entry(who).or_insert(place);
                self.truth.revoked(who);
            }
            92..94 => self.publish_nonsense(),
            _ => self.collect(),
        }
        Ok(())
    }

    /// The edge's sites change: it gets the new part and lets go of the old.
    fn change_scope(&mut self, at: usize) {
        let id = self.edges[at].enrolled.edge;
        let sites = match self.dice.below(3) {
            0 => vec![site(0)],
            1 => vec![site(1)],
            _ => vec![site(0), site(1)],
        };
        self.count("scopes changed");
        self.tell(|w| {
            format!("{} now serves {} sites, the first {}", w.edges[at].name, sites.len(), sites[0])
        });
        for edge in self.edges.iter_mut().filter(|edge| edge.enrolled.edge == id) {
            edge.enrolled.scope.sites.clone_from(&sites);
            edge.enrolled.scope_ver += 1;
        }
    }

    fn restore_cloud(&mut self) {
        let Some((cloud, truth)) = self.backup.take() else { return };
        self.count("cloud restores");
        self.tell(|_| "the cloud is put back to an earlier time".to_owned());
        // Authority is restored from the same backup; the oracle keeps every reason it has ever given.
        let life = origin(&mut self.dice);
        self.cloud = cloud;
        self.cloud_truth = truth;
        self.cloud_forms.clear();
        if self.epochs {
            self.cloud.company.feed_epoch += 1;
            self.cloud.begin_life(life);
        }
    }

    fn count_end(&mut self) {
        let mut add = |what, number: usize| *self.figures.entry(what).or_default() += number as u64;
        add("punches", self.cloud.ledger.len());
        add("conflicts", self.cloud.conflicts.len());
        add("rows kept aside", self.cloud.aside.len());
        add("origins", self.cloud.logs.len() / 2);
        let needless = usize::try_from(self.truth.needless).unwrap_or_default();
        add("needless conflicts", needless);
    }
}
