//! What grace, keeping and shortening may do to a decision, and what they may not.

use larder::policy::StoredHead;
use proptest::prelude::*;
use proptest::sample::select;

use super::agree::{decided, instants, stored};
use super::generate::{Case, Head, case, instant, request};
use super::messages::{Request, Rules};
use super::naive::Verdict;

fn serves(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Serve | Verdict::ServeAndValidate)
}

fn survives(case: &Case, stored: &StoredHead, request: &Request, now: i64) -> bool {
    let head = Head::of(request);
    let serving = case
        .policy()
        .serves_on_failure(&head.head(), stored, instant(now));
    serving.is_some()
}

fn with(case: &Case, change: impl FnOnce(&mut Rules)) -> Case {
    let mut case = case.clone();
    change(&mut case.rules);
    case
}

/// A shorter and a longer time, seldom the same.
fn two_spans() -> impl Strategy<Value = (i64, i64)> {
    let span = || select(vec![0, 1, 5000, 10_000, 60_000, 3_600_000]);
    (span(), span()).prop_map(|(a, b)| (a.min(b), a.max(b)))
}

fn share() -> impl Strategy<Value = f64> {
    let odd = select(vec![f64::NAN, f64::INFINITY, -1.0, 0.0, 1.0, 2.0]);
    prop_oneof![6 => 0.0..1.0, 1 => odd, 1 => any::<f64>()]
}

fn instants_of_both(a: (&Case, &StoredHead), b: (&Case, &StoredHead)) -> Vec<i64> {
    [instants(a.0, a.1), instants(b.0, b.1)].concat()
}

proptest! {
    // Most cases are of no use: the response is not stored.
    #![proptest_config(ProptestConfig::with_cases(4 * ProptestConfig::default().cases))]

    #[test]
    fn longer_grace_takes_nothing_away(case in case(), later in request(), graces in two_spans()) {
        let (short, long) = (
            with(&case, |rules| rules.grace = graces.0),
            with(&case, |rules| rules.grace = graces.1),
        );
        let kept = stored(&short);
        prop_assert_eq!(kept.is_some(), stored(&long).is_some());
        if let Some(stored) = kept {
            for now in instants_of_both((&short, &stored), (&long, &stored)) {
                let before = decided(&short, &stored, &later, now);
                let after = decided(&long, &stored, &later, now);
                prop_assert!(!serves(before) || serves(after), "{}", now);
                prop_assert!(before != Verdict::Serve || after == Verdict::Serve, "{}", now);
                prop_assert!(after != Verdict::Forget || before == Verdict::Forget, "{}", now);
                let survived = survives(&short, &stored, &later, now);
                prop_assert!(!survived || survives(&long, &stored, &later, now), "{}", now);
            }
        }
    }

    #[test]
    fn grace_changes_nothing_before_expiry(case in case(), later in request(), grace in two_spans()) {
        if let Some(stored) = stored(&case) {
            let longer = with(&case, |rules| rules.grace = grace.1);
            let mut instants = instants(&longer, &stored);
            instants.retain(|now| !stored.serving(instant(*now)).is_stale());
            for now in instants {
                let before = decided(&case, &stored, &later, now);
                prop_assert_eq!(decided(&longer, &stored, &later, now), before, "{}", now);
            }
        }
    }

    #[test]
    fn only_what_would_be_validated_is_forgotten_and_less_of_it_the_longer_it_is_kept(
        mut case in case(),
        mut later in request(),
        keeps in two_spans(),
        patient in any::<bool>(),
    ) {
        if patient {
            case.rules.honour = true;
            later.fields = vec![("cache-control".into(), "max-stale".into())];
        }
        let kept = |keep| with(&case, |rules| rules.keep = keep);
        let (ever, long, short) = (kept(None), kept(Some(keeps.1)), kept(Some(keeps.0)));
        if let Some(stored) = stored(&case) {
            for now in instants_of_both((&long, &stored), (&short, &stored)) {
                let without = decided(&ever, &stored, &later, now);
                let (long, short) = (
                    decided(&long, &stored, &later, now),
                    decided(&short, &stored, &later, now),
                );
                prop_assert!(long == without || long == Verdict::Forget, "{}", now);
                prop_assert!(short == long || short == Verdict::Forget, "{}", now);
                if short == Verdict::Forget {
                    prop_assert_eq!(without, Verdict::Validate, "{}", now);
                    prop_assert!(stored.serving(instant(now)).is_stale(), "{}", now);
                }
            }
        }
    }

    #[test]
    fn what_is_forgotten_stays_forgotten(case in case(), later in request(), keeps in two_spans()) {
        let case = with(&case, |rules| rules.keep = Some(keeps.0));
        if let Some(stored) = stored(&case) {
            let mut instants = instants(&case, &stored);
            instants.sort_unstable();
            let verdicts = instants.iter().map(|now| decided(&case, &stored, &later, *now));
            let forgotten: Vec<bool> = verdicts.map(|verdict| verdict == Verdict::Forget).collect();
            prop_assert!(forgotten.is_sorted(), "{:?}", forgotten);
        }
    }

    #[test]
    fn shortened_response_is_never_fresher_and_looks_the_same(
        case in case(),
        later in request(),
        shares in (share(), share()),
    ) {
        if let Some(stored) = stored(&case) {
            let (mut short, mut shorter) = (stored.clone(), stored.clone());
            short.shorten(shares.0);
            shorter.shorten(shares.1);
            if shares.0 <= shares.1 {
                prop_assert!(shorter.lifetime() <= short.lifetime());
            }
            prop_assert!(short.lifetime() <= stored.lifetime());
            prop_assert_eq!(short.headers(), stored.headers());
            for now in instants_of_both((&case, &stored), (&case, &short)) {
                let (cut, whole) = (short.serving(instant(now)), stored.serving(instant(now)));
                prop_assert_eq!(cut.age(), whole.age());
                prop_assert!(cut.is_stale() || !whole.is_stale(), "{}", now);
                let cut = decided(&case, &short, &later, now);
                let whole = decided(&case, &stored, &later, now);
                prop_assert!(!serves(cut) || serves(whole), "{}", now);
                prop_assert!(whole != Verdict::Forget || cut == Verdict::Forget, "{}", now);
                let survived = survives(&case, &short, &later, now);
                prop_assert!(!survived || survives(&case, &stored, &later, now), "{}", now);
            }
        }
    }
}
