//! Partitions of annotated routes: who has a copy of their own, who shares one, what clients are
//! told, and how a copy goes.

use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use larder::policy::key::Partition;
use larder::{CacheLayer, Purge, RoleSet, RoutePolicy};
use larder_tests::{Origin, Setup, get, request};

use crate::users::{Tenant, UserId};

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct Roles(&'static [&'static str]);

impl RoleSet for Roles {
    fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.iter().copied()
    }
}

fn on(origin: Origin, route: RoutePolicy) -> Setup {
    Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    })
}

fn by<T: Clone + Send + Sync + 'static>(who: T) -> Request<Body> {
    let mut request = get("/me");
    request.extensions_mut().insert(who);
    request
}

#[tokio::test]
async fn every_user_has_a_copy_of_their_own_and_nobody_has_none() {
    let setup = on(Origin::ok(&[]), RoutePolicy::per_user::<UserId>(MINUTE));
    assert_eq!(setup.send(by(UserId("a"))).await.text(), "call 1");
    assert_eq!(setup.send(by(UserId("b"))).await.text(), "call 2");
    assert_eq!(setup.send(by(UserId("a"))).await.text(), "call 1");
    for nobody in [get("/me"), by(UserId("")), by(Tenant("a"))] {
        let reply = setup.send(nobody).await;
        let expected = "larder; fwd=bypass; detail=no-identity";
        assert_eq!(reply.field("cache-status"), expected);
    }
    assert_eq!(setup.cache.stats().keys(), 2);
}

#[tokio::test]
async fn users_with_the_same_roles_share_a_copy() {
    let setup = on(Origin::ok(&[]), RoutePolicy::per_roles::<Roles>(MINUTE));
    assert_eq!(setup.send(by(Roles(&["a", "b"]))).await.text(), "call 1");
    assert_eq!(
        setup.send(by(Roles(&["b", "a", "b"]))).await.text(),
        "call 1"
    );
    assert_eq!(setup.send(by(Roles(&["ab"]))).await.text(), "call 2");
    assert_eq!(setup.send(by(Roles(&[]))).await.text(), "call 3");
    assert!(!setup.get("/me").await.is_stored());
}

#[tokio::test]
async fn identities_of_different_kinds_do_not_meet() {
    let origin = Origin::ok(&[]);
    let route = RoutePolicy::partitioned_by(MINUTE, |extensions| {
        let user = extensions.get().map(Partition::of_identity::<UserId>);
        let tenant = extensions.get().map(Partition::of_identity::<Tenant>);
        user.or(tenant)?.ok()
    });
    let setup = on(origin, route);
    assert_eq!(setup.send(by(UserId("a"))).await.text(), "call 1");
    assert_eq!(setup.send(by(Tenant("a"))).await.text(), "call 2");
}

#[tokio::test]
async fn credentials_reach_the_handler_of_a_user_and_not_that_of_a_group() {
    let sees_cookie = || {
        Origin::new(|seen, _| {
            let cookie = seen
                .headers
                .get("cookie")
                .map(|value| value.to_str().unwrap());
            Response::new(Body::from(cookie.unwrap_or("none").to_owned()))
        })
    };
    let ask = |who: Request<Body>| {
        let mut request = who;
        let cookie = "session=7".parse().unwrap();
        request.headers_mut().insert("cookie", cookie);
        request.extensions_mut().insert(Tenant("t"));
        request
    };
    let user = on(sees_cookie(), RoutePolicy::per_user::<UserId>(MINUTE));
    let reply = user.send(ask(by(UserId("a")))).await;
    assert_eq!((reply.text(), reply.is_stored()), ("session=7", true));
    let tenant = on(sees_cookie(), RoutePolicy::per_tenant::<Tenant>(MINUTE));
    let reply = tenant.send(ask(get("/me"))).await;
    assert_eq!((reply.text(), reply.is_stored()), ("none", true));
}

#[tokio::test]
async fn response_for_one_user_is_not_kept_for_a_group() {
    let origin = Origin::ok(&[("cache-control", "private, max-age=60")]);
    let setup = on(origin, RoutePolicy::per_tenant::<Tenant>(MINUTE));
    assert!(!setup.send(by(Tenant("a"))).await.is_stored());
}

#[tokio::test]
async fn clients_are_told_private_whatever_is_kept() {
    for (said, told) in [
        ("", "private"),
        ("public, max-age=30, s-maxage=60", "private, max-age=30"),
        ("no-store", "private, no-store"),
        ("private=\"x\", max-age=5", "private, max-age=5"),
    ] {
        let fields = [
            ("cache-control", said),
            ("cdn-cache-control", "max-age=600"),
        ];
        let origin = Origin::ok(&fields[usize::from(said.is_empty())..]);
        let setup = on(origin, RoutePolicy::per_user::<UserId>(MINUTE));
        for request in [by(UserId("a")), by(UserId("a")), get("/me")] {
            let reply = setup.send(request).await;
            assert_eq!(reply.field("cache-control"), told, "{said}");
            assert!(!reply.has("cdn-cache-control"), "{said}");
        }
    }
}

#[tokio::test]
async fn what_a_route_tells_its_clients_is_private_too() {
    let told = larder::CacheControl::public().max_age(Duration::from_secs(5));
    let route = RoutePolicy::per_user::<UserId>(MINUTE).downstream(told);
    let setup = on(Origin::ok(&[]), route);
    for _ in 0..2 {
        let reply = setup.send(by(UserId("a"))).await;
        assert_eq!(reply.field("cache-control"), "private, max-age=5");
    }
}

#[tokio::test]
async fn log_out_drops_what_the_user_had_and_nothing_else() {
    let setup = on(Origin::ok(&[]), RoutePolicy::per_user::<UserId>(MINUTE));
    setup.send(by(UserId("a"))).await;
    setup.send(by(UserId("b"))).await;
    let before = setup.cache.purge(Purge::identity(&UserId("c")));
    assert!(setup.send(by(UserId("a"))).await.is_hit());
    let receipt = setup.cache.purge(Purge::identity(&UserId("a")));
    assert!(receipt.position() > before.position());
    assert!(setup.send(by(UserId("a"))).await.is_stored());
    assert!(setup.send(by(UserId("b"))).await.is_hit());
}

#[tokio::test]
async fn purge_of_nobody_or_of_the_shared_partition_drops_nothing() {
    let setup = on(Origin::ok(&[]), RoutePolicy::shared(MINUTE));
    setup.get("/me").await;
    setup.cache.purge(Purge::identity(&UserId("")));
    setup.cache.purge(Purge::partition(Partition::shared()));
    assert!(setup.get("/me").await.is_hit());
    setup.cache.purge(Purge::everything());
    assert!(setup.get("/me").await.is_stored());
}

#[tokio::test]
async fn write_of_one_user_drops_the_copies_of_all() {
    let setup = on(Origin::ok(&[]), RoutePolicy::per_user::<UserId>(MINUTE));
    setup.send(by(UserId("a"))).await;
    setup.send(request("PUT", "/me", &[])).await;
    assert!(setup.send(by(UserId("a"))).await.is_stored());
}
