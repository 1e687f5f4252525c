//! Fields that applications read as part of the URL, without being it.

use larder::Key;
use larder_tests::Origin;

use crate::setting::{annotated, keyed, plain, telling, value};

const FIELDS: [&str; 6] = [
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-host",
];

fn reflecting() -> Origin {
    telling(|seen| FIELDS.map(|name| value(seen, name)).join(" "))
}

#[tokio::test]
async fn values_are_in_the_key() {
    let all = Key::new().forward_all();
    for setup in [plain(reflecting()), keyed(reflecting(), all)] {
        let clean = setup.get("/a").await;
        for name in FIELDS {
            let evil = setup.get_with("/a", &[(name, "evil")]).await;
            assert!(evil.is_stored() && evil.text().contains("evil"), "{name}");
            let other = setup.get_with("/a", &[(name, "good")]).await;
            assert!(!other.text().contains("evil"), "{name}");
            let plain = setup.get("/a").await;
            assert!(plain.is_hit(), "{name}");
            assert_eq!(plain.text(), clean.text(), "{name}");
        }
    }
}

#[tokio::test]
async fn narrowing_withholds_them() {
    let setup = annotated(reflecting());
    for name in FIELDS {
        let evil = setup.get_with("/a", &[(name, "evil")]).await;
        assert!(!evil.text().contains("evil"), "{name}");
    }
    assert_eq!(setup.origin.calls(), 1);
}
