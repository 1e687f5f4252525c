//! Bytes that are no stored head.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::case::{answers, case};
use super::*;

/// Each of these differs in one place from what is read.
#[test]
fn what_is_refused_has_a_name() {
    let head = with(
        Policy::shared().with_route_lifetime(Duration::from_secs(60)),
        &[("vary", "accept"), ("x-a", "value")],
    );
    let whole = encoded(&head);
    let refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        decoded(bytes, NOON).unwrap_err()
    };
    let put = |at: usize, with: &'static [u8]| {
        refused(&move |bytes: &mut Vec<u8>| bytes[at..at + with.len()].copy_from_slice(with))
    };
    let find = |text: &[u8]| whole.windows(text.len()).position(|at| at == text).unwrap();
    assert_eq!(put(0, &[2]), WireError::Version);
    assert_eq!(put(1, &[9, 0]), WireError::Choice);
    assert_eq!(put(3, b"P"), WireError::Choice);
    assert_eq!(put(4, &[0x80]), WireError::Choice);
    assert_eq!(put(13, &[0xff; 4]), WireError::Time);
    assert_eq!(put(find(b"accept"), b"acc pt"), WireError::Name);
    assert_eq!(put(find(b"accept"), b"Accept"), WireError::Name);
    assert_eq!(put(find(b"x-a"), b"x-A"), WireError::Name);
    assert_eq!(put(find(b"value"), b"val\nu"), WireError::Value);
    assert_eq!(put(find(b"a,b") - 8, &[0; 8]), WireError::Selection);
    assert_eq!(refused(&|bytes| bytes.push(0)), WireError::Trailing);
    for length in 0..whole.len() {
        assert_eq!(
            refused(&move |bytes| bytes.truncate(length)),
            WireError::Truncated,
            "{length}"
        );
    }
}

#[test]
fn limits_hold_before_anything_is_read() {
    let head = with(
        Policy::shared().with_route_lifetime(Duration::from_secs(60)),
        &[("vary", "accept"), ("x-a", "1"), ("x-a", "2")],
    );
    let bytes = Bytes::from(encoded(&head));
    let lines = head.headers().len() + 1;
    let limited = |bytes: &Bytes, most: usize, lines| {
        let limits = WireLimits { bytes: most, lines };
        StoredHead::decode(bytes, limits, 0, NOON).map(|head| head.headers().len())
    };
    assert_eq!(limited(&bytes, bytes.len(), lines), Ok(lines - 1));
    assert_eq!(
        limited(&bytes, bytes.len() - 1, lines),
        Err(WireError::TooLarge)
    );
    assert_eq!(
        limited(&bytes, bytes.len(), lines - 1),
        Err(WireError::TooLarge)
    );

    // A count of what is not there.
    let mut huge = bytes.to_vec();
    let groups = 77 + 4 + 2 + "accept".len() + 4 + 8 + "a,b".len() + 4 + 8 + "a, b".len();
    huge[groups..groups + 4].copy_from_slice(&[0xff, 0xff, 0xff, 0x7f]);
    let memory = allocation_counter::measure(|| {
        assert_eq!(decoded(huge, NOON).unwrap_err(), WireError::Truncated);
    });
    assert!(memory.bytes_max < 1000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn damaged_bytes_are_refused_or_read_and_never_more_than_the_limits(
        case in case(),
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<Index>()),
    ) {
        let Some(head) = case.stored() else { return Ok(()) };
        let mut bytes = encoded(&head);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let (length, bytes) = (bytes.len(), Bytes::from(bytes));
        let mut read = None;
        let memory = allocation_counter::measure(|| read = Some(decoded(bytes, case.received)));
        prop_assert!(memory.bytes_max <= (length * 40) as u64, "{} of {length}", memory.bytes_max);
        if let Some(Ok(read)) = read {
            // Whatever it says, asking it does not panic, and it is written as it was read.
            answers(&case, &read);
            let again = decoded(encoded(&read), case.received).unwrap();
            prop_assert_eq!(answers(&case, &again), answers(&case, &read));
        }
    }
}
