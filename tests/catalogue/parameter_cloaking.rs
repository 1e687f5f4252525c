//! What the key takes for one parameter, and the application for another.

use larder::Key;
use larder_tests::Origin;

use crate::setting::{annotated, keyed, plain, telling};

fn reflecting() -> Origin {
    telling(|seen| seen.uri.to_string())
}

#[tokio::test]
async fn queries_are_told_apart_byte_for_byte() {
    for setup in [plain(reflecting()), annotated(reflecting())] {
        for query in [
            "a=1&b=2",
            "a=1;b=2",
            "b=2&a=1",
            "a=1%26b=2",
            "a=1%3bb=2",
            "a=1&a=2",
            "a=2&a=1",
            "%61=1&b=2",
            "A=1&b=2",
            "a=1&&b=2",
            "a=1&b",
            "a=1&b=",
            "",
        ] {
            let path = format!("/p?{query}");
            let reply = setup.get(&path).await;
            assert_eq!((reply.is_stored(), reply.text()), (true, &*path));
        }
    }
}

#[tokio::test]
async fn parameters_that_do_not_count_are_taken_from_the_request_too() {
    for key in [Key::new().query(["a"]), Key::new().query_except(["utm_*"])] {
        let setup = keyed(reflecting(), key);
        for query in [
            "a=1&utm_x=2",
            "a=1&utm_x=2;a=3",
            "utm_x=&a=1",
            "%75tm_x=2&a=1",
            "a=1&utm_x=%26a=3",
            "a=1&utm_%78;a=3",
        ] {
            let reply = setup.get(&format!("/p?{query}")).await;
            assert_eq!(reply.text(), "/p?a=1", "{query}");
        }
        assert_eq!(setup.origin.calls(), 1);
        // What hides in the value of one that counts is in the key.
        let reply = setup.get("/p?a=1;utm_x=2").await;
        assert_eq!(reply.text(), "/p?a=1;utm_x=2");
    }
}
