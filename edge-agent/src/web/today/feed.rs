//! One line of the feed.

use askama::Template;
use web_kit::Page;

use crate::store::page::feed::SeenPunch;

/// A punch as the feed shows it.
pub(in crate::web) struct FeedLine {
    pub(in crate::web) time: String,
    pub(in crate::web) date: String,
    pub(in crate::web) who: String,
    pub(in crate::web) href: Option<String>,
    pub(in crate::web) clock: String,
}

impl FeedLine {
    pub(in crate::web) fn of(page: &Page, punch: &SeenPunch) -> Self {
        let person = punch.person.as_ref();
        let wall = punch.raw_time.map(shared_model::RawTime::wall);
        Self {
            time: wall.map(|wall| page.texts.time_seconds(wall.time())).unwrap_or_default(),
            date: wall.map(|wall| page.texts.date_short(wall.date())).unwrap_or_default(),
            who: person.map_or_else(
                || page.t("feed-unknown").with("code", punch.user_code.as_str()).to_string(),
                |person| person.name.clone(),
            ),
            href: person.map(|person| format!("/people/{}", person.id)),
            clock: punch.clock.clone(),
        }
    }
}

#[derive(Template)]
#[template(path = "today/feed_line.html")]
pub(super) struct FeedPart {
    pub(super) line: FeedLine,
}
