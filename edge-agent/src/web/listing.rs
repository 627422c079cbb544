//! The query of a list: what is searched, how it is sorted, where its page begins.

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use uuid::Uuid;
use web_kit::Refusal;
use web_kit::component::{Direction, Pager, Sort};

use crate::store::page::{Listed, Order, Place};

/// The longest search text looked at, in characters.
const SEARCH: usize = 80;

/// The parameters behind the question mark. Of a name given twice the first counts.
#[derive(Debug, Clone, Default)]
pub(super) struct ListQuery(Vec<(String, String)>);

impl ListQuery {
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    pub(super) fn search(&self) -> String {
        self.get("q").chars().filter(|c| !c.is_control()).take(SEARCH).collect()
    }

    pub(super) fn direction(&self) -> Direction {
        Direction::parse(self.get("dir"))
    }

    pub(super) fn order(&self) -> Order {
        match self.direction() {
            Direction::Ascending => Order::Up,
            Direction::Descending => Order::Down,
        }
    }

    pub(super) fn place(&self) -> Place {
        let key = |name: &str| self.get(name).parse::<Uuid>().ok();
        match (key("after"), key("before")) {
            (Some(after), _) => Place::After(after),
            (None, Some(before)) => Place::Before(before),
            (None, None) => Place::First,
        }
    }

    pub(super) fn id<T: From<Uuid>>(&self, name: &str) -> Option<T> {
        self.get(name).parse::<Uuid>().ok().map(T::from)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Query::<Vec<(String, String)>>::from_request_parts(parts, state).await {
            Ok(Query(pairs)) => Ok(Self(pairs)),
            Err(_) => Err(Refusal::BadRequest),
        }
    }
}

/// The links around a list that keep its filters.
#[derive(Debug)]
pub(super) struct Links {
    path: String,
    kept: Vec<(&'static str, String)>,
}

impl Links {
    pub(super) fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), kept: Vec::new() }
    }

    pub(super) fn keeping(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.kept.push((name, value));
        }
        self
    }

    pub(super) fn sort(&self, column: &str, direction: Direction) -> Sort {
        let sort = Sort::new(self.path.clone(), column, direction);
        self.kept.iter().fold(sort, |sort, (name, value)| sort.keeping(name, value.clone()))
    }

    /// The links to the neighbouring pages of a page whose first and last rows have these keys.
    pub(super) fn pager<T>(
        &self,
        column: &str,
        direction: Direction,
        list: &Listed<T>,
        key: impl Fn(&T) -> Uuid,
    ) -> Pager {
        let mut kept = self.kept.clone();
        kept.push(("sort", column.to_owned()));
        if direction == Direction::Descending {
            kept.push(("dir", "desc".to_owned()));
        }
        let of = |row: Option<&T>, wanted: bool| row.filter(|_| wanted).map(|row| key(row).to_string());
        let before = of(list.rows.first(), list.has_before);
        let after = of(list.rows.last(), list.has_after);
        Pager::new(&self.path, &kept, before.as_deref(), after.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> ListQuery {
        ListQuery(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_is_no_key_begins_at_the_start() {
        assert_eq!(query(&[("after", "1 OR 1=1")]).place(), Place::First);
        let key = Uuid::from_u128(7);
        assert_eq!(query(&[("after", &key.to_string())]).place(), Place::After(key));
        assert_eq!(query(&[("before", &key.to_string())]).place(), Place::Before(key));
    }

    #[test]
    fn a_search_is_short_and_has_no_control_characters() {
        let long = format!("a\u{0}\r\n{}", "x".repeat(500));
        let search = query(&[("q", &long)]).search();
        assert_eq!(search.chars().count(), SEARCH);
        assert!(search.starts_with("ax"), "{search}");
    }

    #[test]
    fn links_keep_the_filter_and_say_where_to_go_on() {
        let links = Links::new("/people").keeping("q", "a b").keeping("show", "");
        let list = Listed { rows: vec![1_u128, 2], total: 9, has_before: true, has_after: true };
        let pager = links.pager("name", Direction::Descending, &list, |row| Uuid::from_u128(*row));
        let next = pager.next.unwrap();
        assert!(next.starts_with("/people?q=a%20b&sort=name&dir=desc&after="), "{next}");
        assert!(pager.previous.unwrap().contains("before="));
    }
}
