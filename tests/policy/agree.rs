//! Both say the same about every exchange.

use std::time::Duration;

use http::Method;
use larder::policy::fields::ForwardReason;
use larder::policy::key::MethodClass;
use larder::policy::{Admission, Decision, Lookup, StoredHead};
use proptest::prelude::*;

use super::generate::{Case, Head, case, headers, instant, request};
use super::messages::Request;
use super::naive::{self, Verdict};

/// What the policy makes of an exchange from end to end: `None` when nothing is stored.
pub fn stored(case: &Case) -> Option<StoredHead> {
    let policy = case.policy();
    let head = Head::of(&case.request);
    let Lookup::Use(class) = policy.lookup(&head.head()) else {
        return None;
    };
    let response = headers(&case.response.fields);
    match policy.admit(
        class,
        &head.head(),
        case.status(),
        &response,
        case.exchange(),
    ) {
        Admission::Store(stored) => Some(*stored),
        _ => None,
    }
}

/// The policy's decision in the oracle's words.
pub fn decided(case: &Case, stored: &StoredHead, request: &Request, now: i64) -> Verdict {
    match case
        .policy()
        .decide(&Head::of(request).head(), stored, instant(now))
    {
        Decision::Serve(_) => Verdict::Serve,
        Decision::ServeWhileValidating(_) => Verdict::ServeAndValidate,
        Decision::Validate(ForwardReason::Request) => Verdict::Forced,
        Decision::Forget => Verdict::Forget,
        _ => Verdict::Validate,
    }
}

/// Instants just before, at and just after those at which something may change.
pub fn instants(case: &Case, stored: &StoredHead) -> Vec<i64> {
    let span = |span: Duration| i64::try_from(span.as_millis()).unwrap();
    let came = case.times.came;
    let made = came - span(stored.age(instant(came)));
    let expiry = made + span(stored.lifetime());
    let (grace, keep) = (case.rules.grace, case.rules.keep.unwrap_or(0));
    let revalidate = span(stored.stale_while_revalidate());
    let error = span(stored.stale_if_error());
    let windows = revalidate
        .max(error)
        .max(grace)
        .max(case.rules.stale_on_failure);
    let edges = [
        came,
        made + 10_000,
        made + 60_000,
        expiry - 60_000,
        expiry - 10_000,
        expiry,
        expiry + 10_000,
        expiry + 60_000,
        expiry + revalidate,
        expiry + error,
        expiry + grace,
        expiry + windows + keep,
        expiry + 24 * 3600 * 1000,
    ];
    let around = |edge: i64| [-1000, -1, 0, 1, 1000].map(|offset| edge + offset);
    let instants = edges.into_iter().flat_map(around);
    instants.filter(|now| *now >= 0).collect()
}

proptest! {
    // Cheap, and most rules depend on several fields at once.
    #![proptest_config(ProptestConfig::with_cases(8 * ProptestConfig::default().cases))]

    #[test]
    fn the_same_responses_are_stored_with_the_same_lifetime_age_and_windows(case in case()) {
        let expected = naive::store(&case.rules, &case.request, &case.response, case.times);
        let stored = stored(&case);
        prop_assert_eq!(stored.is_some(), expected.is_some());
        if let (Some(stored), Some(expected)) = (stored, expected) {
            prop_assert_eq!(stored.lifetime().as_millis(), expected.lifetime as u128);
            let age = stored.age(instant(case.times.came));
            prop_assert_eq!(age.as_millis(), expected.initial_age as u128);
            let windows = (stored.stale_while_revalidate(), stored.stale_if_error());
            prop_assert_eq!(windows.0.as_millis(), expected.while_validating as u128);
            prop_assert_eq!(windows.1.as_millis(), expected.if_error as u128);
            let names = stored.selection().names().iter().map(|name| name.as_str().to_owned());
            let expected = expected.selecting.into_iter().map(|(name, _)| name);
            prop_assert_eq!(names.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_same_is_decided_at_every_later_instant(case in case(), later in request()) {
        let expected = naive::store(&case.rules, &case.request, &case.response, case.times);
        if let (Some(stored), Some(expected)) = (stored(&case), expected) {
            let policy = case.policy();
            for now in instants(&case, &stored) {
                let serving = stored.serving(instant(now));
                let age = naive::age(&expected, now);
                prop_assert_eq!(serving.age().as_millis(), age as u128);
                let decision = naive::decide(&case.rules, &expected, &later, now);
                prop_assert_eq!(decided(&case, &stored, &later, now), decision, "{}", now);
                let head = Head::of(&later);
                let survives = policy.serves_on_failure(&head.head(), &stored, instant(now));
                let expected = naive::survives_failure(&case.rules, &expected, &later, now);
                prop_assert_eq!(survives.is_some(), expected, "{}", now);
            }
        }
    }
}

proptest! {
    #[test]
    fn the_same_requests_are_answered(request in request()) {
        let head = Head::of(&request);
        let class = match larder::Policy::shared().lookup(&head.head()) {
            Lookup::Use(MethodClass::Get) => Some(Method::GET),
            Lookup::Use(MethodClass::Head) => Some(Method::HEAD),
            _ => None,
        };
        let expected = naive::takes_part(&request).then(|| request.method.parse().unwrap());
        prop_assert_eq!(class, expected);
    }

    #[test]
    fn the_same_variant_is_selected(case in case(), later in proptest::collection::vec(request(), 4)) {
        let expected = naive::store(&case.rules, &case.request, &case.response, case.times);
        if let (Some(stored), Some(expected)) = (stored(&case), expected) {
            prop_assert!(stored.selection().matches(&Head::of(&case.request).headers));
            for later in &later {
                let matches = stored.selection().matches(&Head::of(later).headers);
                prop_assert_eq!(matches, naive::selects(&expected, later), "{:?}", later);
            }
        }
    }
}

/// A generator that made only one kind of case would prove nothing.
#[test]
fn the_cases_are_of_every_kind() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut kinds, mut stored_cases, mut matches) = ([0; 5], 0, [0; 2]);
    for _ in 0..2000 {
        let case = case().new_tree(&mut runner).unwrap().current();
        let later = request().new_tree(&mut runner).unwrap().current();
        let expected = naive::store(&case.rules, &case.request, &case.response, case.times);
        let (Some(expected), Some(stored)) = (expected, stored(&case)) else {
            continue;
        };
        stored_cases += 1;
        if !expected.selecting.is_empty() {
            matches[usize::from(naive::selects(&expected, &later))] += 1;
        }
        for now in instants(&case, &stored) {
            kinds[naive::decide(&case.rules, &expected, &later, now) as usize] += 1;
        }
    }
    assert!(
        (400..1600).contains(&stored_cases),
        "{stored_cases} of 2000 stored"
    );
    assert!(kinds.iter().all(|count| *count > 150), "{kinds:?}");
    assert!(matches.iter().all(|count| *count > 50), "{matches:?}");
}
