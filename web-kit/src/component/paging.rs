//! Sorting and paging of tables, through links that work without scripts.

use std::fmt::Write as _;

use crate::path::encode_query_value;

/// Which way a column is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

impl Direction {
    /// Reads the query's word; anything but `desc` is ascending.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == "desc" { Self::Descending } else { Self::Ascending }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }

    const fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// How a table is sorted now. The column's name is for the link only: the binary parses it into an enum and never
/// puts it into a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    path: String,
    kept: Vec<(&'static str, String)>,
    column: String,
    direction: Direction,
}

impl Sort {
    /// A table at `path` sorted by `column`.
    #[must_use]
    pub fn new(path: impl Into<String>, column: impl Into<String>, direction: Direction) -> Self {
        Self { path: path.into(), kept: Vec::new(), column: column.into(), direction }
    }

    /// Keeps a filter in the links.
    #[must_use]
    pub fn keeping(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.kept.push((name, value));
        }
        self
    }

    /// The link of a column's heading: sorts by it, or turns it round.
    #[must_use]
    pub fn href(&self, column: &str) -> String {
        let direction = if column == self.column { self.direction.reversed() } else { Direction::Ascending };
        let mut query = query_of(&self.kept);
        append(&mut query, "sort", column);
        append(&mut query, "dir", direction.word());
        format!("{}?{query}", self.path)
    }

    /// The value of the heading's `aria-sort`.
    #[must_use]
    pub fn aria(&self, column: &str) -> &'static str {
        match (column == self.column, self.direction) {
            (false, _) => "none",
            (true, Direction::Ascending) => "ascending",
            (true, Direction::Descending) => "descending",
        }
    }

    /// The icon of the heading.
    #[must_use]
    pub fn icon(&self, column: &str) -> &'static str {
        match (column == self.column, self.direction) {
            (false, _) => "sort",
            (true, Direction::Ascending) => "chevron-up",
            (true, Direction::Descending) => "chevron-down",
        }
    }
}

/// Links to the neighbouring pages of a list that is paged by key, not by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pager {
    /// The link to what comes before, if anything does.
    pub previous: Option<String>,
    /// The link to what comes after.
    pub next: Option<String>,
}

impl Pager {
    /// Links at `path` that carry the kept filters and the key to go on from, as `before=` or `after=`.
    #[must_use]
    pub fn new(
        path: &str,
        kept: &[(&'static str, String)],
        before: Option<&str>,
        after: Option<&str>,
    ) -> Self {
        let link = |name: &str, key: &str| {
            let mut query = query_of(kept);
            append(&mut query, name, key);
            format!("{path}?{query}")
        };
        Self { previous: before.map(|key| link("before", key)), next: after.map(|key| link("after", key)) }
    }

    /// Whether all of the list is on one page.
    #[must_use]
    pub const fn is_single(&self) -> bool {
        self.previous.is_none() && self.next.is_none()
    }
}

fn query_of(kept: &[(&'static str, String)]) -> String {
    let mut query = String::new();
    for (name, value) in kept {
        append(&mut query, name, value);
    }
    query
}

fn append(query: &mut String, name: &str, value: &str) {
    let separator = if query.is_empty() { "" } else { "&" };
    // Writing to a string cannot fail.
    let _ = write!(query, "{separator}{name}={}", encode_query_value(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_sorts_and_then_turns_round() {
        let sort = Sort::new("/people", "name", Direction::Ascending).keeping("q", "a&b").keeping("team", "");
        assert_eq!(sort.href("name"), "/people?q=a%26b&sort=name&dir=desc");
        assert_eq!(sort.href("code"), "/people?q=a%26b&sort=code&dir=asc");
        assert_eq!(sort.aria("name"), "ascending");
        assert_eq!(sort.aria("code"), "none");
        let turned = Sort::new("/people", "name", Direction::parse("desc"));
        assert_eq!(turned.href("name"), "/people?sort=name&dir=asc");
        assert_eq!(turned.aria("name"), "descending");
    }

    #[test]
    fn pages_are_linked_by_key_and_keep_the_filter() {
        let pager = Pager::new("/people", &[("q", "x y".to_owned())], None, Some("k=1"));
        assert_eq!(pager.previous, None);
        assert_eq!(pager.next.as_deref(), Some("/people?q=x%20y&after=k%3D1"));
        assert!(!pager.is_single());
        assert!(Pager::default().is_single());
    }
}
