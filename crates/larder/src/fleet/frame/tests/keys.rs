//! What stored responses and their variants stand under.

use http::header::HeaderName;

use super::*;

#[test]
fn keys_are_of_the_fleet_and_of_their_purpose() {
    let (ours, theirs) = (codec(), Codec::new(LIMITS).with_secret(b"theirs"));
    assert_eq!(ours.key(b"a"), codec().key(b"a"));
    assert_ne!(ours.key(b"a"), ours.key(b"b"));
    assert_ne!(ours.key(b"a"), theirs.key(b"a"));
    let (key, variant) = (ours.key(b"a"), ours.variant_of(&[], b"a"));
    assert_ne!(key.primary()[..16], variant);
    assert_ne!(key.primary()[16..], variant);
    assert_eq!(key.variant(), None);
}

#[test]
fn variants_differ_by_names_and_by_values() {
    let codec = codec();
    let a = HeaderName::from_static("a");
    let b = HeaderName::from_static("b");
    let ab = HeaderName::from_static("ab");
    let all = [
        codec.variant_of(&[], b""),
        codec.variant_of(&[], b"a"),
        codec.variant_of(std::slice::from_ref(&a), b""),
        codec.variant_of(std::slice::from_ref(&a), b"b"),
        codec.variant_of(&[ab], b""),
        codec.variant_of(&[a.clone(), b.clone()], b""),
        codec.variant_of(&[b, a], b""),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[..at].contains(one), "{at}");
    }
}
