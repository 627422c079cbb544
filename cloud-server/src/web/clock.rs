//! Each clock's punches, counted at the clock, at its edge and here.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use shared_model::access::Permission;
use web_kit::{Access, Chip, Current, Failure, Page, RouteTable, Tone, View, WebApp as _};

use super::{App, Person};
use crate::store::edge::{self, EdgeRow, EdgeState};
use crate::store::tally::{self, ClockRow};

pub(super) fn routes() -> RouteTable<App> {
    RouteTable::new().get("/clocks", Access::Needs(Permission::ClocksView), list)
}

/// How the counts of one clock stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Edge and cloud hold the same number.
    Equal,
    /// The edge has more: on their way.
    Coming,
    /// The cloud has more: what came after the edge last told its numbers, or of another edge.
    Newer,
    /// No edge spoke of it.
    Unknown,
}

impl Standing {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Coming => "coming",
            Self::Newer => "newer",
            Self::Unknown => "unknown",
        }
    }
}

struct Line {
    clock: ClockRow,
    at_clock: Option<i64>,
    at_edge: Option<i64>,
    repeats: Option<i64>,
    quarantined: Option<i64>,
    standing: Standing,
    ago: Option<String>,
}

#[derive(Template)]
#[template(path = "clock/list.html")]
struct ListPage {
    page: Page,
    lines: Vec<Line>,
    /// How long ago the edge that spoke least lately told its numbers.
    told: Option<String>,
    may_edit: bool,
}

impl ListPage {
    fn number(&self, count: &Option<i64>) -> String {
        count.map_or_else(|| self.page.t("unknown-number").to_string(), |count| self.page.texts.int(count))
    }

    fn standing(&self, line: &Line) -> Chip<'_> {
        let (tone, label) = match line.standing {
            Standing::Equal => (Tone::Good, self.page.t("clock-equal")),
            Standing::Coming => (Tone::Pending, self.page.t("clock-coming")),
            Standing::Newer => (Tone::Good, self.page.t("clock-newer")),
            Standing::Unknown => (Tone::Neutral, self.page.t("clock-unknown")),
        };
        self.page.chip(tone, label.to_string())
    }
}

async fn list(State(app): State<App>, page: Page, who: Current<Person>) -> Result<View<ListPage>, Failure> {
    let now = app.now();
    let mut tx = app.store().begin(&who.user.access()?).await?;
    let clocks = tally::clocks(&mut tx).await?;
    // What the edges said of their clocks; where two speak of one, the one that holds more of it.
    let mut said: BTreeMap<String, edge::ClockCounts> = BTreeMap::new();
    let edges = edge::list(&mut tx).await?;
    let told = edges.iter().filter(|edge| edge.state == EdgeState::Active).filter_map(EdgeRow::told_at).min();
    let told = told.map(|at| page.texts.ago(now.signed_duration_since(at)));
    for edge in edges {
        for counts in edge.clocks() {
            let known = said.get(&counts.serial).map_or(-1, |known| known.ledger);
            if counts.ledger > known {
                said.insert(counts.serial.clone(), counts);
            }
        }
    }
    let lines = clocks
        .into_iter()
        .map(|clock| {
            let counts = said.get(&clock.serial);
            let standing = match counts {
                None => Standing::Unknown,
                Some(counts) => match counts.ledger.cmp(&clock.punches) {
                    std::cmp::Ordering::Equal => Standing::Equal,
                    std::cmp::Ordering::Greater => Standing::Coming,
                    std::cmp::Ordering::Less => Standing::Newer,
                },
            };
            let ago = clock.through.map(|at| page.texts.ago(now.signed_duration_since(at)));
            Line {
                at_clock: counts.and_then(|counts| counts.clock),
                at_edge: counts.map(|counts| counts.ledger),
                repeats: counts.and_then(|counts| counts.repeat),
                quarantined: counts.and_then(|counts| counts.quarantined),
                clock,
                standing,
                ago,
            }
        })
        .collect();
    let may_edit = app.allows(&who.user, Permission::ClocksEdit);
    Ok(View(ListPage { page, lines, told, may_edit }))
}
