//! Times, by the clock of who writes and of who reads.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn times_are_exact(secs in any::<i32>(), nanos in 0u32..1_000_000_000, millis in -5_000_000i64..5_000_000) {
        let whole = Duration::from_secs(secs.unsigned_abs().into());
        let epoch = SystemTime::UNIX_EPOCH;
        let time = if secs < 0 { epoch - whole } else { epoch + whole };
        let time = time + Duration::from_nanos(nanos.into());
        let mut head = plain();
        head.response_time = time.into();
        head.date = time.into();
        let mut bytes = Vec::new();
        head.encode(millis, &mut bytes);
        let far = epoch + Duration::from_secs(1 << 33);
        let read = StoredHead::decode(&bytes.into(), LIMITS, millis, far).unwrap();
        prop_assert_eq!((read.response_time.get(), read.date()), (time, time));
    }
}

/// A clock that is an hour ahead writes, and one that is right reads: with what each knows of the
/// clock of the store, the age is what has passed.
#[test]
fn clocks_that_differ_make_nothing_older_or_younger() {
    let policy = Policy::shared().with_route_lifetime(Duration::from_secs(60));
    let right = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let hour = Duration::from_secs(3600);
    for (ahead, offset) in [(right + hour, -HOUR), (right - hour, HOUR), (right, 0)] {
        let mut head = with(policy.clone(), &[]);
        head.response_time = ahead.into();
        let mut bytes = Vec::new();
        head.encode(offset, &mut bytes);
        let bytes = Bytes::from(bytes);
        let later = |secs| right + Duration::from_secs(secs);
        let read = StoredHead::decode(&bytes, LIMITS, 0, later(10)).unwrap();
        assert_eq!(read.age(later(10)), Duration::from_secs(10));
        assert_eq!(read.age(later(50)), Duration::from_secs(50));
        // What a reader's clock has in the future came now, and is older from then on.
        let slow = StoredHead::decode(&bytes, LIMITS, 0, right - hour).unwrap();
        assert_eq!(slow.age(right - hour), Duration::ZERO);
        assert_eq!(slow.age(right), hour);
        assert_eq!(slow.date(), head.date());
    }
}

#[test]
fn longest_and_earliest_times_are_written_as_they_are() {
    let mut head = plain();
    head.lifetime = Duration::MAX.into();
    head.initial_age = Duration::MAX.into();
    assert_eq!(
        decoded(encoded(&head), NOON).unwrap().lifetime(),
        Duration::MAX
    );
    assert_eq!(
        decoded(encoded(&head), NOON).unwrap().initial_age.get(),
        Duration::MAX
    );
}

const HOUR: i64 = 3_600_000;
