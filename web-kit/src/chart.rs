//! Small charts as inline SVG, drawn with attributes and classes only: the policy forbids inline styles.

use std::fmt::{self, Write as _};

use askama::filters::{Html, HtmlSafe, escape};

use crate::component::Tone;

const WIDTH: i64 = 120;
const HEIGHT: i64 = 32;
const MARGIN: i64 = 2;

/// The most points drawn; more would be finer than the picture.
const MAX_POINTS: usize = 120;

/// A line of a few values, without axes. The label tells a screen reader what the line shows.
#[derive(Clone, Debug)]
pub struct Sparkline {
    points: Vec<i64>,
    label: String,
}

impl Sparkline {
    /// A line through the last values given.
    #[must_use]
    pub fn new(points: &[i64], label: impl Into<String>) -> Self {
        let from = points.len().saturating_sub(MAX_POINTS);
        Self { points: points.get(from..).unwrap_or_default().to_vec(), label: label.into() }
    }

    fn coordinates(&self) -> Vec<(i64, i64)> {
        let lowest = self.points.iter().copied().min().unwrap_or(0).min(0);
        let highest = self.points.iter().copied().max().unwrap_or(0).max(lowest.saturating_add(1));
        let range = i128::from(highest) - i128::from(lowest);
        let steps = i64::try_from(self.points.len()).unwrap_or(1).saturating_sub(1).max(1);
        let height = i128::from(HEIGHT - 2 * MARGIN);
        (0_i64..)
            .zip(&self.points)
            .map(|(index, value)| {
                let x = MARGIN + (WIDTH - 2 * MARGIN) * index / steps;
                let rise = height * (i128::from(*value) - i128::from(lowest)) / range;
                (x, HEIGHT - MARGIN - i64::try_from(rise).unwrap_or(0))
            })
            .collect()
    }
}

impl fmt::Display for Sparkline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = escape(&self.label, Html).map_err(|_| fmt::Error)?;
        write!(f, r#"<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">"#)?;
        let mut line = String::new();
        for (x, y) in self.coordinates() {
            write!(line, "{x},{y} ")?;
        }
        if let (Some((first, _)), Some((last, height))) =
            (self.coordinates().first().copied(), self.coordinates().last().copied())
        {
            let bottom = HEIGHT - MARGIN;
            write!(
                f,
                r#"<polygon class="spark-area" points="{first},{bottom} {line}{last},{bottom}"/><polyline class="spark-line" points="{line}"/><circle class="spark-dot" cx="{last}" cy="{height}" r="2"/>"#
            )?;
        }
        f.write_str("</svg>")
    }
}

impl HtmlSafe for Sparkline {}

/// Shares of a whole side by side in one bar.
#[derive(Clone, Debug, Default)]
pub struct ShareBar {
    parts: Vec<(Tone, u64)>,
    label: String,
}

/// The bar's inner width in its own units.
const BAR: u64 = 1000;

impl ShareBar {
    /// A bar whose label says in words what the parts are.
    #[must_use]
    pub fn new(label: impl Into<String>) -> Self {
        Self { parts: Vec::new(), label: label.into() }
    }

    /// Adds a part after the ones before it.
    #[must_use]
    pub fn part(mut self, tone: Tone, amount: u64) -> Self {
        self.parts.push((tone, amount));
        self
    }

    /// A bar of one part and the rest.
    #[must_use]
    pub fn of(tone: Tone, part: u64, whole: u64, label: impl Into<String>) -> Self {
        let part = part.min(whole);
        Self::new(label).part(tone, part).part(Tone::Neutral, whole - part)
    }
}

impl fmt::Display for ShareBar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = escape(&self.label, Html).map_err(|_| fmt::Error)?;
        write!(
            f,
            r#"<svg class="share" viewBox="0 0 {BAR} 8" preserveAspectRatio="none" role="img" aria-label="{label}"><rect class="share-ground" width="{BAR}" height="8"/>"#
        )?;
        let whole: u128 = self.parts.iter().map(|(_, amount)| u128::from(*amount)).sum();
        let mut before: u128 = 0;
        for (tone, amount) in &self.parts {
            let (Some(from), Some(to)) = (
                (before * u128::from(BAR)).checked_div(whole),
                ((before + u128::from(*amount)) * u128::from(BAR)).checked_div(whole),
            ) else {
                break;
            };
            before += u128::from(*amount);
            if to > from {
                write!(f, r#"<rect class="share-{tone}" x="{from}" width="{}" height="8"/>"#, to - from)?;
            }
        }
        f.write_str("</svg>")
    }
}

impl HtmlSafe for ShareBar {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_inside_its_picture() {
        for points in [vec![], vec![5], vec![0, 0, 0], vec![i64::MIN, i64::MAX], (0..500).collect()] {
            let line = Sparkline::new(&points, "x");
            assert!(line.coordinates().len() <= MAX_POINTS);
            for (x, y) in line.coordinates() {
                assert!((0..=WIDTH).contains(&x) && (0..=HEIGHT).contains(&y), "{x},{y} of {points:?}");
            }
        }
    }

    #[test]
    fn the_parts_of_a_bar_fill_it() {
        let bar = ShareBar::new("2 of 3").part(Tone::Good, 2).part(Tone::Bad, 1).to_string();
        assert!(bar.contains(r#"class="share-good" x="0" width="666""#), "{bar}");
        assert!(bar.contains(r#"class="share-bad" x="666" width="334""#), "{bar}");
        let empty = ShareBar::new("nothing").part(Tone::Good, 0).to_string();
        assert!(!empty.contains("share-good"), "{empty}");
        let huge = ShareBar::of(Tone::Good, u64::MAX, u64::MAX, "all").to_string();
        assert!(huge.contains(r#"width="1000" height="8"/></svg>"#), "{huge}");
    }

    #[test]
    fn labels_are_escaped_and_nothing_needs_an_inline_style() {
        let label = "\"><script>";
        for chart in
            [Sparkline::new(&[1, 2], label).to_string(), ShareBar::of(Tone::Info, 1, 2, label).to_string()]
        {
            assert!(!chart.contains("<script"), "{chart}");
            assert!(!chart.contains("style="), "{chart}");
        }
    }
}
