//! How many distinct keys a route has, by the input that makes them distinct: a bounded estimate,
//! and what follows when there are too many.
//!
//! Counted is what would be stored anew. When one input has more distinct values in a window of time
//! than the budget (a `User-Agent` in the key, a query made up by each client), that is told once,
//! and the route is limited until a whole window has gone by without it: a response is stored only
//! if its key was asked for before. Random keys are asked for once; popular ones are stored at their
//! second miss.
//!
//! Memory of a route, at most: 2 KiB and its name for each of 32 inputs, and 64 KiB of keys seen
//! while it is limited. Up to some hundred values a sketch is smaller and exact; beyond, its
//! standard error is 2 percent.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use datasketches::hll::{HllSketch, HllType};
use larder_policy::key::{Input, InputKind};

use crate::marks::{Marks, Scope};

/// An input that has just had more distinct values than the budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) input: Input,
    /// Distinct values since the window began, about.
    pub(crate) estimate: u64,
    pub(crate) budget: u64,
}

/// The value of one input of a key, by its hash. The query is watched as a whole, with an empty
/// name; its parameters come before it, and say which of them it is.
pub(crate) type Value<'a> = (InputKind, &'a str, u64);

/// What is to be done about one response that could be stored.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Observed {
    /// Whether it may be stored.
    pub(crate) admitted: bool,
    /// To be told. Each input once in a window.
    pub(crate) over: Vec<Over>,
}

/// The distinct keys of a route.
#[derive(Debug)]
pub(crate) struct Cardinality {
    route: Box<str>,
    budget: u64,
    window: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    began: Option<SystemTime>,
    watched: Vec<Watched>,
    /// In this window, and in the one before it.
    over: bool,
    was_over: bool,
    /// Present while the route is limited.
    seen: Option<Marks>,
}

#[derive(Debug)]
struct Watched {
    kind: InputKind,
    name: Box<str>,
    values: HllSketch,
    over: bool,
}

impl Cardinality {
    /// So many distinct values are usual for each input within each window.
    pub(crate) fn new(route: &str, budget: u64, window: Duration) -> Self {
        Self {
            route: route.into(),
            budget,
            window,
            state: Mutex::default(),
        }
    }

    /// The name of the route, if it has one.
    pub(crate) fn route(&self) -> &str {
        &self.route
    }

    /// A response could be stored whose key and inputs hash to these; the hashes are keyed, so that
    /// nobody can choose values which look like few. Inputs beyond the limit are not watched.
    pub(crate) fn observe<'a>(
        &self,
        key: u64,
        values: impl IntoIterator<Item = Value<'a>>,
        now: SystemTime,
    ) -> Observed {
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance(now, self.window);
        let mut over = Vec::new();
        for value in values {
            over.extend(state.count(value, self.budget));
        }
        state.over |= !over.is_empty();
        let admitted = !state.is_limited() || state.was_seen(key, now, self.window);
        Observed { admitted, over }
    }
}

impl State {
    /// Windows follow one another from the first response on. A clock that was set back by more than
    /// one begins a new one.
    fn advance(&mut self, now: SystemTime, window: Duration) {
        let began = *self.began.get_or_insert(now);
        let (elapsed, back) = match now.duration_since(began) {
            Ok(elapsed) => (elapsed, false),
            Err(error) => (error.duration(), true),
        };
        if elapsed < window {
            return;
        }
        let next = began.checked_add(window).filter(|_| !back);
        let follows = next.is_some_and(|next| now.duration_since(next).is_ok_and(|e| e < window));
        self.began = if follows { next } else { Some(now) };
        self.was_over = self.over && (follows || back);
        self.over = false;
        self.watched.clear();
        if !self.is_limited() {
            self.seen = None;
        }
    }

    fn count(&mut self, (kind, name, value): Value<'_>, budget: u64) -> Option<Over> {
        let budget = match kind {
            InputKind::Partition | InputKind::Path => budget.saturating_mul(OF_MANY),
            _ => budget,
        };
        let watched = self.watched(kind, name)?;
        if watched.over {
            return None;
        }
        watched.values.update(value);
        let estimate = watched.estimate();
        if watched.is_parameter() || estimate <= budget {
            return None;
        }
        watched.over = true;
        let name = match kind {
            InputKind::Query => self.parameter_of(estimate),
            _ => name,
        };
        Some(Over {
            input: Input::new(kind, name),
            estimate,
            budget,
        })
    }

    fn watched(&mut self, kind: InputKind, name: &str) -> Option<&mut Watched> {
        let mut watched = self.watched.iter();
        let known = watched.position(|watched| watched.kind == kind && *watched.name == *name);
        if let Some(at) = known {
            return self.watched.get_mut(at);
        }
        let is_parameter = is_parameter(kind, name);
        let parameters = self.watched.iter().filter(|watched| watched.is_parameter());
        if self.watched.len() == MAX_INPUTS || is_parameter && parameters.count() == MAX_PARAMETERS
        {
            return None;
        }
        self.watched.push(Watched {
            kind,
            name: name.into(),
            values: HllSketch::new(LG_REGISTERS, HllType::Hll8).ok()?,
            over: false,
        });
        self.watched.last_mut()
    }

    /// The parameter that most of so many queries differ in, or nothing if there is none.
    fn parameter_of(&self, queries: u64) -> &str {
        let parameters = self.watched.iter().filter(|watched| watched.is_parameter());
        let most = parameters.max_by_key(|parameter| parameter.estimate());
        let most = most.filter(|parameter| parameter.estimate() > queries / 2);
        most.map_or("", |parameter| &*parameter.name)
    }

    fn is_limited(&self) -> bool {
        self.over || self.was_over
    }

    /// Whether the key was asked for since the route is limited. From now on it was.
    fn was_seen(&mut self, key: u64, now: SystemTime, window: Duration) -> bool {
        let seen = self
            .seen
            .get_or_insert_with(|| Marks::new(MAX_SEEN, window));
        let before = seen.get(key, now).is_some();
        seen.mark(key, Scope::Everybody, now);
        before
    }
}

impl Watched {
    fn is_parameter(&self) -> bool {
        is_parameter(self.kind, &self.name)
    }

    fn estimate(&self) -> u64 {
        whole(self.values.estimate())
    }
}

fn is_parameter(kind: InputKind, name: &str) -> bool {
    kind == InputKind::Query && !name.is_empty()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate is positive, and far below the largest integer"
)]
fn whole(estimate: f64) -> u64 {
    estimate.round() as u64
}

/// Many pages and many users are nothing unusual.
const OF_MANY: u64 = 100;
const MAX_INPUTS: usize = 32;

/// Of those, parameters: clients make up their names.
const MAX_PARAMETERS: usize = 16;

/// Random keys push others out of this table: a key is seen again if it is asked for twice within
/// about as many others.
const MAX_SEEN: usize = 8192;

/// 2,048 registers of a byte.
const LG_REGISTERS: u8 = 11;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;
    const WINDOW: Duration = Duration::from_secs(600);

    fn header(name: &str, value: u64) -> Value<'_> {
        (InputKind::Header, name, value)
    }

    impl Cardinality {
        /// A key with this query, at this second.
        fn query(&self, query: u64, second: u64) -> Observed {
            let now = START + Duration::from_secs(second);
            let key = query << 33 | query;
            let path = (InputKind::Path, "", 7);
            self.observe(key, [path, (InputKind::Query, "", query)], now)
        }

        fn bytes(&self) -> usize {
            let state = self.state.lock().unwrap();
            let sketches = state.watched.iter().map(|watched| {
                size_of::<Watched>() + watched.name.len() + watched.values.estimated_size()
            });
            let seen = if state.seen.is_some() {
                8 * MAX_SEEN
            } else {
                0
            };
            sketches.sum::<usize>() + seen
        }
    }

    #[test]
    fn input_over_its_budget_is_told_once_in_a_window() {
        let route = Cardinality::new("/a", 10, WINDOW);
        for query in 0..10 {
            assert!(route.query(query, 0).over.is_empty());
        }
        let over = [Over {
            input: Input::new(InputKind::Query, ""),
            estimate: 11,
            budget: 10,
        }];
        assert_eq!(route.query(10, 599).over, over);
        assert!((11..100).all(|query| route.query(query, 599).over.is_empty()));
        assert!((0..10).all(|query| route.query(query, 600).over.is_empty()));
        assert_eq!(route.query(10, 600).over, over);
    }

    #[test]
    fn values_asked_for_again_are_not_distinct() {
        let route = Cardinality::new("/a", 10, WINDOW);
        for query in 0..1000 {
            assert!(route.query(query % 10, 0).admitted);
        }
    }

    #[test]
    fn limited_route_admits_the_key_that_comes_again() {
        let route = Cardinality::new("/a", 10, WINDOW);
        assert!((0..10).all(|query| route.query(query, 0).admitted));
        assert!((10..100).all(|query| !route.query(query, 0).admitted));
        assert!(route.query(99, 0).admitted);
        assert!(!route.query(100, 0).admitted);
        assert!(route.query(99, 0).admitted);
    }

    #[test]
    fn key_is_forgotten_when_too_many_others_came_or_a_window_went_by() {
        let route = Cardinality::new("/a", 0, WINDOW);
        let places = MAX_SEEN as u64;
        assert!(!route.query(5, 0).admitted);
        assert!(!route.query(5 + places, 0).admitted);
        assert!(!route.query(5, 0).admitted);
        assert!(route.query(5, 599).admitted);
        assert!(!route.query(5, 1199).admitted);
        assert!(!route.query(5, 1799).admitted);
        assert!(route.query(5, 1800).admitted);
    }

    #[test]
    fn limit_ends_after_a_window_without_the_flood() {
        let route = Cardinality::new("/a", 10, WINDOW);
        (0..11).for_each(|query| drop(route.query(query, 0)));
        assert!(!route.query(20, 599).admitted);
        assert!(!route.query(21, 600).admitted);
        assert!(!route.query(22, 1199).admitted);
        assert!(route.query(23, 1200).admitted);
    }

    #[test]
    fn limit_goes_on_with_the_flood() {
        let route = Cardinality::new("/a", 10, WINDOW);
        for window in 0..5 {
            (0..11).for_each(|query| drop(route.query(query, 600 * window)));
            assert!(!route.query(20 + window, 600 * window + 599).admitted);
        }
        assert!(!route.query(30, 2_999).admitted);
        assert!(!route.query(31, 3_000).admitted);
        assert!(route.query(32, 3_600).admitted);
    }

    #[test]
    fn limit_ends_when_nobody_came_for_two_windows() {
        let route = Cardinality::new("/a", 10, WINDOW);
        (0..11).for_each(|query| drop(route.query(query, 0)));
        assert!(route.query(20, 100_000).admitted);
    }

    #[test]
    fn clock_that_is_set_back_begins_a_window_and_a_little_disorder_none() {
        let route = Cardinality::new("/a", 10, WINDOW);
        (0..10).for_each(|query| drop(route.query(query, 10_000)));
        assert_eq!(route.query(10, 9_999).over.len(), 1);
        assert!(!route.query(11, 100).admitted);
        assert!(route.query(12, 700).admitted);
    }

    #[test]
    fn windows_of_no_length_and_of_all_time_are_taken_literally() {
        let none = Cardinality::new("/a", 1, Duration::ZERO);
        assert!((0..100).all(|query| none.query(query, 0).admitted));
        let endless = Cardinality::new("/a", 1, Duration::MAX);
        drop((endless.query(0, 0), endless.query(1, 1 << 40)));
        assert!(!endless.query(2, 1 << 41).admitted);
    }

    #[test]
    fn inputs_are_told_apart_by_kind_and_name() {
        let route = Cardinality::new("/a", 2, WINDOW);
        for value in 0..3 {
            let cookie = (InputKind::Cookie, "accept", 0);
            let values = [header("accept", value), header("dnt", value % 2), cookie];
            let over = route.observe(value, values, START).over;
            let names: Vec<&str> = over.iter().map(|over| over.input.name()).collect();
            assert_eq!(names, if value == 2 { &["accept"][..] } else { &[] });
        }
    }

    #[test]
    fn query_over_its_budget_names_the_parameter_if_it_is_one() {
        let over = |parameters: fn(u64) -> [u64; 2]| {
            let route = Cardinality::new("/a", 100, WINDOW);
            let observed = (0..101).flat_map(|query| {
                let [page, sort] = parameters(query);
                let values = [("page", page), ("sort", sort), ("", query)];
                let values = values.map(|(name, value)| (InputKind::Query, name, value));
                route.observe(query, values, START).over
            });
            observed
                .map(|over| over.input.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(over(|query| [1, query]), ["query `sort`"]);
        assert_eq!(over(|query| [query / 2, 1]), ["query `page`"]);
        assert_eq!(over(|query| [query / 11, query % 11]), ["query"]);
    }

    #[test]
    fn parameters_that_clients_make_up_leave_room_for_other_inputs() {
        let names: Vec<String> = (0..100).map(|name| name.to_string()).collect();
        let route = Cardinality::new("/a", 100, WINDOW);
        for (value, name) in (0..).zip(&names) {
            let values = [
                (InputKind::Query, &**name, 1),
                (InputKind::Query, "", value),
            ];
            assert!(route.observe(value, values, START).over.is_empty());
        }
        let over =
            (0..101).flat_map(|value| route.observe(value, [header("dnt", value)], START).over);
        let over: Vec<_> = over.map(|over| over.input.to_string()).collect();
        assert_eq!(over, ["header `dnt`"]);
        assert!(!route.query(7, 0).admitted);
    }

    #[test]
    fn estimate_is_within_six_percent() {
        let hasher = rapidhash::fast::SeedableState::fixed();
        for distinct in [1_000, 10_000, 100_000] {
            let mut sketch = HllSketch::new(LG_REGISTERS, HllType::Hll8).unwrap();
            for value in 0..distinct {
                sketch.update(std::hash::BuildHasher::hash_one(&hasher, value));
            }
            let error = whole(sketch.estimate()).abs_diff(distinct) * 100 / distinct;
            assert!(error < 6, "{distinct}: {error} %");
        }
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let names: Vec<String> = (0..1000).map(|name| format!("x-{name}")).collect();
        let route = Cardinality::new("/a", u64::MAX, WINDOW);
        for value in 0..2_000 {
            let values = names.iter().map(|name| header(name, value));
            assert!(route.observe(value, values, START).admitted);
        }
        assert!(route.bytes() < MAX_INPUTS * 2_400, "{}", route.bytes());

        let limited = Cardinality::new("/a", 10, WINDOW);
        drop(limited.query(0, 0));
        assert!(limited.bytes() < 500, "{}", limited.bytes());
        (0..100_000).for_each(|query| drop(limited.query(query, 0)));
        assert!(limited.bytes() < 64 * 1024 + 5_000, "{}", limited.bytes());
        drop(limited.query(0, 1200));
        assert!(limited.bytes() < 500, "{}", limited.bytes());
    }

    proptest! {
        /// What a set per window says, so long as the sketch is exact.
        #[test]
        fn route_is_limited_in_the_window_after_the_set_was_too_large_and_in_the_next(
            steps in prop::collection::vec((0..30_u64, 0..100_u64, 0..30_u64), 1..200)
        ) {
            let route = Cardinality::new("/a", 8, WINDOW);
            let mut windows = vec![HashSet::new()];
            let (mut second, mut began, mut asked) = (0, 0, 0);
            for (pause, long, query) in steps {
                // Sometimes minutes instead of seconds: up to three windows.
                second += if long == 0 { 60 * pause } else { pause };
                if asked == 0 {
                    began = second;
                }
                match second - began {
                    0..600 => {}
                    600..1200 => {
                        windows.push(HashSet::new());
                        began += 600;
                    }
                    _ => {
                        windows.extend([HashSet::new(), HashSet::new()]);
                        began = second;
                    }
                }
                asked += 1;
                let now = START + Duration::from_secs(second);
                // A key that never comes again.
                let observed = route.observe(asked, [(InputKind::Query, "", query)], now);
                let mut latest = windows.iter_mut().rev();
                let this = latest.next().unwrap();
                let news = this.insert(query) && this.len() == 9;
                let limited = this.len() > 8 || latest.next().is_some_and(|last| last.len() > 8);
                prop_assert_eq!(observed.admitted, !limited);
                prop_assert_eq!(observed.over.len(), usize::from(news));
            }
        }
    }
}
