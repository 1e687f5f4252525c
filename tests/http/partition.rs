//! Partitions: the identity is part of the key, and without one there is no lookup.

use axum::body::Body;
use http::Request;
use larder::policy::key::Partition;
use larder::{CacheLayer, Policy};
use larder_tests::{Origin, Setup, get, request};

#[derive(Clone)]
struct User(&'static str);

fn per_user(policy: Policy) -> Setup {
    let origin = Origin::ok(&[("cache-control", "private, max-age=60")]);
    Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache)
            .with_policy(policy)
            .with_partition(|extensions| {
                let User(id) = extensions.get()?;
                Partition::of("user", id.as_bytes()).ok()
            })
    })
}

fn by(user: &'static str) -> Request<Body> {
    let mut request = get("/me");
    request.extensions_mut().insert(User(user));
    request
}

#[tokio::test]
async fn every_user_has_a_copy_of_their_own() {
    let setup = per_user(Policy::private());
    assert_eq!(setup.send(by("a")).await.text(), "call 1");
    assert_eq!(setup.send(by("b")).await.text(), "call 2");
    assert_eq!(setup.send(by("a")).await.text(), "call 1");
    assert_eq!(setup.send(by("b")).await.text(), "call 2");
}

#[tokio::test]
async fn request_without_identity_bypasses() {
    let setup = per_user(Policy::private());
    setup.send(by("a")).await;
    let reply = setup.get("/me").await;
    assert_eq!(
        reply.field("cache-status"),
        "larder; fwd=bypass; detail=no-identity"
    );
    assert_eq!(reply.text(), "call 2");
    assert_eq!(setup.send(by("a")).await.text(), "call 1");
}

#[tokio::test]
async fn empty_identity_is_none() {
    let setup = per_user(Policy::private());
    setup.send(by("")).await;
    assert_eq!(setup.send(by("")).await.text(), "call 2");
}

#[tokio::test]
async fn private_rules_without_partitions_bypass() {
    let origin = Origin::ok(&[("cache-control", "private, max-age=60")]);
    let setup = Setup::with_policy(origin, Policy::private());
    setup.get("/me").await;
    assert_eq!(setup.get("/me").await.text(), "call 2");
}

#[tokio::test]
async fn shared_rules_still_refuse_private_responses_in_a_partition() {
    let setup = per_user(Policy::shared());
    setup.send(by("a")).await;
    assert_eq!(setup.send(by("a")).await.text(), "call 2");
}

#[tokio::test]
async fn unsafe_request_of_one_user_invalidates_every_copy() {
    let setup = per_user(Policy::private());
    setup.send(by("a")).await;
    setup.send(by("b")).await;
    setup.send(request("POST", "/me", &[])).await;
    assert_eq!(setup.send(by("a")).await.text(), "call 4");
    assert_eq!(setup.send(by("b")).await.text(), "call 5");
}

#[tokio::test]
async fn only_if_cached_answers_504_also_without_identity() {
    let setup = per_user(Policy::private());
    let reply = setup
        .get_with("/me", &[("cache-control", "only-if-cached")])
        .await;
    assert_eq!(reply.status, 504);
    assert_eq!(setup.origin.calls(), 0);
}
