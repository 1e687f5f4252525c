use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::fields::{CacheControl, TagFields};
use crate::key::MethodClass;
use crate::{Admission, Exchange, Policy, Refinement, RequestHead, StoredHead};

type Lines = Vec<(&'static str, String)>;

/// A response as the cache would store it.
#[derive(Debug, Clone)]
struct Case {
    request: Lines,
    response: Lines,
    received: SystemTime,
    took: Duration,
    policy: Policy,
    invalidated: bool,
}

impl Case {
    fn stored(&self) -> Option<StoredHead> {
        let (method, uri) = (Method::GET, Uri::from_static("/a"));
        let (sent, came) = (fields(&self.request), fields(&self.response));
        let request = RequestHead::new(&method, &uri, &sent, false);
        let times = Exchange {
            request_time: self.received - self.took,
            response_time: self.received,
        };
        let (class, status) = (MethodClass::Get, StatusCode::OK);
        let admission = self.policy.admit(class, &request, status, &came, times);
        let Admission::Store(stored) = admission else {
            return None;
        };
        Some(if self.invalidated {
            stored.marked_invalid()
        } else {
            *stored
        })
    }
}

fn fields(lines: &Lines) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        let mut value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        value.set_sensitive(*name == "x-secret");
        fields.append(HeaderName::from_static(name), value);
    }
    fields
}

fn lines(names: &'static [&'static str], value: &'static str) -> impl Strategy<Value = Lines> {
    vec((select(names), value), 0..6)
}

fn policy() -> impl Strategy<Value = Policy> {
    let secs = || (0u64..100).prop_map(Duration::from_secs);
    let refinement = (proptest::option::of(secs()), proptest::option::of(secs()));
    (secs(), any::<[bool; 4]>(), refinement).prop_map(|(route, switches, refined)| {
        let [tags, downstream, etags, told] = switches;
        let mut policy = Policy::shared()
            .with_route_lifetime(route)
            .with_stale_if_error(route * 2)
            .with_generated_etag(etags)
            .with_cache_status(told);
        if tags {
            policy = policy.with_tag_fields(TagFields::new().stripped());
        }
        if downstream {
            policy = policy.with_downstream(CacheControl::no_cache());
        }
        let mut refinement = Refinement::new();
        if let Some(lifetime) = refined.0 {
            refinement = refinement.lifetime(lifetime);
        }
        if let Some(window) = refined.1 {
            refinement = refinement.stale_while_revalidate(window);
        }
        policy.refined(refinement)
    })
}

fn case() -> impl Strategy<Value = Case> {
    let request = lines(&["accept", "accept-encoding", "x-a"], "[ab,;]{0,4}");
    let directives = select(&["", "max-age=9", "no-cache", "s-maxage=5, stale-if-error=7"][..]);
    let extra = lines(
        &[
            "x-b",
            "x-secret",
            "etag",
            "cache-tag",
            "cache-groups",
            "cache-status",
        ],
        "(\"[a-z]{1,3}\")|([a-z]{0,40})",
    );
    let vary = select(&["", "accept", "accept-encoding, x-a"][..]);
    let rest = (policy(), any::<bool>(), 0u64..u64::from(u32::MAX), 0u32..9);
    (request, directives, extra, vary, rest).prop_map(|(request, says, extra, vary, rest)| {
        let mut response = extra;
        response.push(("cache-control", says.to_owned()));
        response.push(("vary", vary.to_owned()));
        Case {
            request,
            response,
            received: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_000 + rest.2),
            took: Duration::from_secs(rest.3.into()),
            policy: rest.0,
            invalidated: rest.1,
        }
    })
}

const LIMITS: WireLimits = WireLimits {
    bytes: 1 << 20,
    lines: 1000,
};

fn encoded(head: &StoredHead) -> Vec<u8> {
    let mut bytes = Vec::new();
    head.encode(0, &mut bytes);
    bytes
}

fn decoded(bytes: impl Into<Bytes>, now: SystemTime) -> Result<StoredHead, WireError> {
    StoredHead::decode(bytes.into(), LIMITS, 0, now)
}

/// All answers that depend on a stored head, as text.
fn answers(case: &Case, head: &StoredHead) -> Vec<String> {
    let (method, uri) = (Method::GET, Uri::from_static("/a"));
    let plain: Lines = vec![("accept", "a".to_owned())];
    let conditional: Lines = vec![("if-none-match", "\"a\"".to_owned())];
    let mut answers = vec![
        // All that there is, whoever asks for it.
        format!("{head:?}"),
        format!("{:?}", head.selection().values().collect::<Vec<_>>()),
        format!("{:?}", head.tags(case.policy.tag_fields())),
        format!(
            "{:?}",
            (head.downstream(), head.has_etag_slot(), head.entity_tag())
        ),
        format!(
            "{:?}",
            head.headers()
                .values()
                .map(HeaderValue::is_sensitive)
                .collect::<Vec<_>>()
        ),
    ];
    for request in [&case.request, &plain, &conditional] {
        let sent = fields(request);
        let request = RequestHead::new(&method, &uri, &sent, false);
        answers.push(head.selection().matches(&sent).to_string());
        for later in [0, 1, 8, 20, 90, 500] {
            let now = case.received + Duration::from_secs(later);
            answers.push(format!("{:?}", head.serving(now)));
            answers.push(format!("{:?}", case.policy.decide(&request, head, now)));
        }
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_read_answers_every_question_as_what_was_written(case in case()) {
        let Some(head) = case.stored() else { return Ok(()) };
        let read = decoded(encoded(&head), case.received).unwrap();
        prop_assert_eq!(answers(&case, &read), answers(&case, &head));
        prop_assert_eq!(encoded(&read), encoded(&head));
    }

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

    #[test]
    fn times_are_exact(secs in any::<i32>(), nanos in 0u32..1_000_000_000, millis in -5_000_000i64..5_000_000) {
        let whole = Duration::from_secs(secs.unsigned_abs().into());
        let epoch = SystemTime::UNIX_EPOCH;
        let time = if secs < 0 { epoch - whole } else { epoch + whole };
        let time = time + Duration::from_nanos(nanos.into());
        let mut head = plain();
        head.response_time = time;
        head.date = time;
        let mut bytes = Vec::new();
        head.encode(millis, &mut bytes);
        let far = epoch + Duration::from_secs(1 << 33);
        let read = StoredHead::decode(bytes.into(), LIMITS, millis, far).unwrap();
        prop_assert_eq!((read.response_time, read.date), (time, time));
    }
}

fn plain() -> StoredHead {
    with(
        Policy::shared().with_route_lifetime(Duration::from_secs(60)),
        &[],
    )
}

fn with(policy: Policy, response: &[(&'static str, &str)]) -> StoredHead {
    let owned = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
    let case = Case {
        request: vec![("accept", "a, b".to_owned())],
        response: response.iter().map(owned).collect(),
        received: NOON,
        took: Duration::ZERO,
        policy,
        invalidated: false,
    };
    case.stored().unwrap()
}

const NOON: SystemTime = SystemTime::UNIX_EPOCH;

const HOUR: i64 = 3_600_000;

/// A clock that is an hour ahead writes, and one that is right reads: with what each knows of the
/// clock of the store, the age is what has passed.
#[test]
fn clocks_that_differ_make_nothing_older_or_younger() {
    let policy = Policy::shared().with_route_lifetime(Duration::from_secs(60));
    let right = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let hour = Duration::from_secs(3600);
    for (ahead, offset) in [(right + hour, -HOUR), (right - hour, HOUR), (right, 0)] {
        let mut head = with(policy.clone(), &[]);
        head.response_time = ahead;
        let mut bytes = Vec::new();
        head.encode(offset, &mut bytes);
        let bytes = Bytes::from(bytes);
        let later = |secs| right + Duration::from_secs(secs);
        let read = StoredHead::decode(bytes.clone(), LIMITS, 0, later(10)).unwrap();
        assert_eq!(read.age(later(10)), Duration::from_secs(10));
        assert_eq!(read.age(later(50)), Duration::from_secs(50));
        // What a reader's clock has in the future came now, and is older from then on.
        let slow = StoredHead::decode(bytes, LIMITS, 0, right - hour).unwrap();
        assert_eq!(slow.age(right - hour), Duration::ZERO);
        assert_eq!(slow.age(right), hour);
        assert_eq!(slow.date(), head.date());
    }
}

#[test]
fn values_share_the_memory_of_the_bytes() {
    let head = with(
        Policy::shared().with_route_lifetime(Duration::from_secs(60)),
        &[("x-a", "some value")],
    );
    let bytes = Bytes::from(encoded(&head));
    let read = decoded(bytes.clone(), NOON).unwrap();
    let value = read.headers().get("x-a").unwrap().as_bytes();
    assert!(bytes.as_ptr_range().contains(&value.as_ptr()));
}

#[test]
fn longest_and_earliest_times_are_written_as_they_are() {
    let mut head = plain();
    head.lifetime = Duration::MAX;
    head.initial_age = Duration::MAX;
    assert_eq!(
        decoded(encoded(&head), NOON).unwrap().lifetime(),
        Duration::MAX
    );
    assert_eq!(
        decoded(encoded(&head), NOON).unwrap().initial_age,
        Duration::MAX
    );
}

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
        StoredHead::decode(bytes.clone(), limits, 0, NOON).map(|head| head.headers().len())
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
