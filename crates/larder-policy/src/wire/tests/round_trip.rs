//! What is read is what was written.

use bytes::Bytes;
use proptest::prelude::*;

use super::case::{answers, case};
use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_read_answers_every_question_as_what_was_written(case in case()) {
        let Some(head) = case.stored() else { return Ok(()) };
        let read = decoded(encoded(&head), case.received).unwrap();
        prop_assert_eq!(answers(&case, &read), answers(&case, &head));
        prop_assert_eq!(encoded(&read), encoded(&head));
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
    let headers = read.headers();
    let value = headers["x-a"].as_bytes();
    assert!(bytes.as_ptr_range().contains(&value.as_ptr()));
}
