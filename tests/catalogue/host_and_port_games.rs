//! Odd ports, and a `Host` that is not the target's authority.

use axum::body::Body;
use http::Response;
use larder::{Key, Policy, RoutePolicy};
use larder_tests::{Origin, Setup};

use crate::setting::{MINUTE, annotated, keyed, outcome, plain, routed, value};

fn redirecting() -> Origin {
    Origin::new(|seen, _| {
        let to = format!("https://{}/new", value(seen, "host"));
        let response = Response::builder().status(301).header("location", to);
        response.body(Body::empty()).unwrap()
    })
}

fn setups() -> [Setup; 2] {
    let lifetime = Policy::shared().with_route_lifetime(MINUTE);
    [
        Setup::with_policy(redirecting(), lifetime),
        annotated(redirecting()),
    ]
}

#[tokio::test]
async fn redirect_to_an_odd_port_is_not_served_to_the_plain_host() {
    for setup in setups() {
        for host in ["a.example:1337", "a.example", "b.example", "a.example.:80"] {
            let reply = setup.get_with("/a", &[("host", host)]).await;
            assert!(reply.is_stored(), "{host}");
            assert_eq!(reply.field("location"), format!("https://{host}/new"));
        }
    }
}

#[tokio::test]
async fn contradiction_bypasses() {
    let setups = [
        plain(redirecting()),
        keyed(redirecting(), Key::route()),
        routed(redirecting(), RoutePolicy::shared(MINUTE)),
    ];
    for setup in setups {
        let evil = [("host", "evil.example")];
        let reply = setup.get_with("http://a.example/a", &evil).await;
        let bypass = "larder; fwd=bypass; detail=authority-mismatch";
        assert_eq!(outcome(&reply), bypass);
        let two = [("host", "a.example"), ("host", "evil.example")];
        let reply = setup.get_with("/a", &two).await;
        assert_eq!(outcome(&reply), "larder; fwd=bypass; detail=invalid-host");
        assert_eq!(setup.cache.stats().responses(), 0);
    }
}
