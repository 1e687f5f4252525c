//! What a change to a message may do, and what it may not.

use proptest::prelude::*;

use super::agree::{decided, instants, stored};
use super::generate::{Case, Head, case, reordered, request};
use super::messages::{Field, Request};
use super::naive::Verdict;
use super::wording;

/// Everything that can be seen of what the policy makes of an exchange.
fn outcome(case: &Case, later: &Request) -> Option<(String, Vec<Verdict>, bool)> {
    let stored = stored(case)?;
    let shown = format!(
        "{:?} {:?} {:?} {:?}",
        stored.lifetime(),
        stored.stale_while_revalidate(),
        stored.stale_if_error(),
        stored.selection(),
    );
    let expiry = instant_of_expiry(case, &stored);
    let decisions = [-1, 0, 1, 5000, 60_000]
        .map(|offset| decided(case, &stored, later, (expiry + offset).max(0)));
    Some((
        shown,
        decisions.to_vec(),
        stored.selection().matches(&Head::of(later).headers),
    ))
}

fn instant_of_expiry(case: &Case, stored: &larder::policy::StoredHead) -> i64 {
    let age = stored.age(super::generate::instant(case.times.came));
    let left = stored.lifetime().as_millis() as i64 - age.as_millis() as i64;
    (case.times.came + left).max(0)
}

fn with(fields: &[Field], name: &str, value: &str) -> Vec<Field> {
    [fields, &[(name.to_owned(), value.to_owned())]].concat()
}

fn mentions(fields: &[Field], name: &str, directive: &str) -> bool {
    let lines = wording::lines(fields, name);
    lines
        .iter()
        .any(|line| line.to_ascii_lowercase().contains(directive))
}

fn serves(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Serve | Verdict::ServeAndValidate)
}

/// The lines of these fields as one line each.
fn merged(fields: &[Field], names: &[(&str, &str)]) -> Vec<Field> {
    let mut done: Vec<Field> = Vec::new();
    for (name, value) in fields {
        let separator = names
            .iter()
            .find(|(list, _)| list == name)
            .map(|(_, separator)| separator);
        let place = done.iter_mut().find(|(known, _)| known == name);
        match (separator, place) {
            (Some(separator), Some((_, earlier))) => {
                earlier.push_str(separator);
                earlier.push_str(value);
            }
            _ => done.push((name.clone(), value.clone())),
        }
    }
    done
}

proptest! {
    #[test]
    fn no_store_makes_nothing_storable(case in case()) {
        let mut forbidden = case.clone();
        forbidden.response.fields = with(&case.response.fields, "cache-control", "no-store");
        let understands = ["cache-control", "cdn-cache-control", "example-cache-control"];
        let exempt = understands.iter().any(|f| mentions(&case.response.fields, f, "must-understand"));
        if !exempt {
            let targeted = wording::policy_field(&case.rules, &case.response).targeted;
            prop_assert!(stored(&forbidden).is_none() || (targeted && stored(&case).is_some()));
        }
        // Next to Cache-Control a Pragma would not count any more.
        let mut asked = case.clone();
        asked.request.fields.retain(|(name, _)| name != "pragma");
        asked.request.fields = with(&asked.request.fields, "cache-control", "no-store");
        prop_assert!(stored(&asked).is_none() || stored(&case).is_some());
    }

    #[test]
    fn credentials_make_nothing_storable(case in case()) {
        for (name, value) in [("authorization", "Bearer a"), ("cookie", "a=1")] {
            let mut with_credentials = case.clone();
            with_credentials.request.fields = with(&case.request.fields, name, value);
            prop_assert!(stored(&with_credentials).is_none() || stored(&case).is_some(), "{}", name);
        }
    }

    #[test]
    fn shorter_max_age_is_never_fresher(
        case in case(),
        later in request(),
        (short, long) in (0u32..200, 0u32..200).prop_map(|(a, b)| (a.min(b), a.max(b))),
    ) {
        // Two of them that differ would be worth nothing.
        let other = |field: &Field| !mentions(std::slice::from_ref(field), "cache-control", "max-age");
        let with_age = |seconds: u32| {
            let mut case = case.clone();
            case.response.fields.retain(&other);
            let value = format!("max-age={seconds}");
            case.response.fields.insert(0, ("cache-control".into(), value));
            case
        };
        let (short, long) = (with_age(short), with_age(long));
        if let Some(stored_short) = stored(&short) {
            let stored_long = stored(&long);
            prop_assert!(stored_long.is_some());
            let stored_long = stored_long.unwrap();
            prop_assert!(stored_short.lifetime() <= stored_long.lifetime());
            for now in instants(&short, &stored_short) {
                let served = serves(decided(&short, &stored_short, &later, now));
                prop_assert!(!served || serves(decided(&long, &stored_long, &later, now)), "{}", now);
            }
        }
    }

    #[test]
    fn older_is_never_fresher(case in case(), later in request()) {
        if let Some(stored) = stored(&case) {
            let mut instants = instants(&case, &stored);
            instants.sort_unstable();
            let served: Vec<bool> = instants
                .into_iter()
                .map(|now| serves(decided(&case, &stored, &later, now)))
                .collect();
            prop_assert!(served.is_sorted_by(|earlier, later| earlier >= later), "{:?}", served);
        }
    }

    #[test]
    fn order_of_different_fields_is_irrelevant(
        case in case(),
        later in request(),
        keys in proptest::collection::vec(any::<u32>(), 8),
    ) {
        let mut shuffled = case.clone();
        shuffled.request.fields = reordered(&case.request.fields, &keys);
        shuffled.response.fields = reordered(&case.response.fields, &keys);
        let mut shuffled_later = later.clone();
        shuffled_later.fields = reordered(&later.fields, &keys);
        prop_assert_eq!(outcome(&case, &later), outcome(&shuffled, &shuffled_later));
    }

    #[test]
    fn merging_the_lines_of_a_list_changes_nothing(case in case(), later in request()) {
        let names = [
            ("cache-control", ", "),
            ("cdn-cache-control", ", "),
            ("example-cache-control", ", "),
            ("vary", ","),
            ("age", ", "),
            ("pragma", ", "),
            ("connection", ","),
            ("accept-encoding", ", "),
            ("x-flag", ", "),
            ("cookie", "; "),
        ];
        let mut one_line = case.clone();
        one_line.request.fields = merged(&case.request.fields, &names);
        one_line.response.fields = merged(&case.response.fields, &names);
        let mut later_merged = later.clone();
        later_merged.fields = merged(&later.fields, &names);
        prop_assert_eq!(outcome(&case, &later), outcome(&one_line, &later_merged));
    }
}
