//! Hours as they are typed and shown.

use shared_model::entity::Weekday;
use shift_engine::TimeOfDay;
use shift_engine::shift::Hours;
use web_kit::{FormState, Key, Page, Texts};

/// A start, an end and a break, as a form has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) struct TypedHours {
    pub(in crate::web) start: TimeOfDay,
    pub(in crate::web) end: TimeOfDay,
    pub(in crate::web) pause: Option<(TimeOfDay, TimeOfDay)>,
}

impl TypedHours {
    /// Reads the fields `start`, `end`, `break_start` and `break_end`.
    pub(in crate::web) fn parse(texts: &Texts, form: &mut FormState) -> Option<Self> {
        let bad = |_| Key::new("form-time-bad");
        let start = form.parse(texts, "start", str::parse::<TimeOfDay>, bad);
        let end = form.parse(texts, "end", str::parse::<TimeOfDay>, bad);
        let pause = if form.value("break_start").is_empty() && form.value("break_end").is_empty() {
            Some(None)
        } else {
            let from = form.parse(texts, "break_start", str::parse::<TimeOfDay>, bad);
            let to = form.parse(texts, "break_end", str::parse::<TimeOfDay>, bad);
            from.zip(to).map(Some)
        };
        Some(Self { start: start?, end: end?, pause: pause? })
    }
}

pub(super) fn hours_text(page: &Page, hours: &Hours) -> String {
    let span = |from: TimeOfDay, to: TimeOfDay| {
        page.t("hours-span").with("from", from.to_string()).with("to", to.to_string()).to_string()
    };
    match hours {
        Hours::Fixed(fixed) => span(fixed.start, fixed.end),
        Hours::Split(split) => {
            let blocks: Vec<String> = split.blocks.iter().map(|block| span(block.start, block.end)).collect();
            blocks.join(" · ")
        }
        Hours::Flexible(flexible) => page
            .t("hours-flexible")
            .with("span", span(flexible.earliest, flexible.latest))
            .with("hours", page.texts.hours_minutes(flexible.expected_min.seconds().get()))
            .to_string(),
        Hours::Open(open) => page.t("hours-open").with("span", span(open.from, open.to)).to_string(),
    }
}

pub(super) fn breaks_text(page: &Page, hours: &Hours) -> String {
    let breaks: Vec<String> = hours
        .breaks()
        .iter()
        .map(|pause| {
            page.t("hours-span")
                .with("from", pause.start.to_string())
                .with("to", pause.end.to_string())
                .to_string()
        })
        .collect();
    breaks.join(" · ")
}

pub(in crate::web) const fn chrono_weekday(day: Weekday) -> chrono::Weekday {
    match day {
        Weekday::Monday => chrono::Weekday::Mon,
        Weekday::Tuesday => chrono::Weekday::Tue,
        Weekday::Wednesday => chrono::Weekday::Wed,
        Weekday::Thursday => chrono::Weekday::Thu,
        Weekday::Friday => chrono::Weekday::Fri,
        Weekday::Saturday => chrono::Weekday::Sat,
        Weekday::Sunday => chrono::Weekday::Sun,
    }
}

/// The weekdays with their names, for a choice.
pub(in crate::web) fn weekday_choices(page: &Page) -> Vec<(String, String)> {
    Weekday::ALL
        .iter()
        .map(|day| (day.as_str().to_owned(), page.texts.weekday_in_full(chrono_weekday(*day))))
        .collect()
}
