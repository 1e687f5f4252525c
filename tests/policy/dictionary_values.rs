//! Dictionaries to try in targeted fields (RFC 9213).

use proptest::prelude::*;
use proptest::sample::select;

/// A targeted field: mostly a dictionary.
pub fn dictionary() -> impl Strategy<Value = String> {
    let timed = vec![
        "max-age",
        "max-age",
        "s-maxage",
        "stale-while-revalidate",
        "stale-if-error",
    ];
    let good = vec!["=0", "=60", "=60", "=3600", "=60;a=1;b", "=999999999999999"];
    let wrong = vec![
        "", "=?0", "=-1", "=6.0", "=x", "=\"60\"", "=(60)", "=:YQ==:", "=@60", "=1.",
    ];
    let argument = prop_oneof![8 => select(good), 1 => select(wrong)];
    let flags = vec![
        "no-store",
        "no-store=?0",
        "no-store=1",
        "private",
        "private=?0",
        "private=(\"set-cookie\" \"x-a\")",
        "private=()",
        "no-cache",
        "no-cache=(\"x-a\";b)",
        "no-cache=(\"a b\")",
        "no-cache=\"x-a\"",
        "public",
        "public=1",
        "must-revalidate",
        "must-revalidate=?0",
        "proxy-revalidate",
        "must-understand",
        "must-understand=1",
        "immutable",
        "none",
    ];
    let broken = vec![
        "Max-Age=60",
        "max-age =60",
        "a=",
        "=1",
        "a=1234567890123456",
        "no-store max-age",
        "a=(",
        "a=\"b",
        "é",
    ];
    let member = prop_oneof![
        8 => (select(timed), argument).prop_map(|(name, argument)| format!("{name}{argument}")),
        6 => select(flags).prop_map(String::from),
        1 => select(broken).prop_map(String::from),
    ];
    let separator =
        prop_oneof![8 => Just(", "), 2 => Just(","), 1 => Just("\t ,  "), 1 => Just(",,")];
    (proptest::collection::vec(member, 0..4), separator).prop_map(|(m, s)| m.join(s))
}
