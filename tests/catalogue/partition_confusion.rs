//! One principal taken for another.

use axum::body::Body;
use http::Request;
use larder::{KeyPart, PartWriter, RoleSet, RoutePolicy};
use larder_tests::{Origin, get, request};

use crate::setting::{FRESH, MINUTE, UserId, by, outcome, routed};

#[derive(Clone)]
struct Tenant(&'static str, &'static str);

impl KeyPart for Tenant {
    const NAME: &'static str = "tenant";

    fn write(&self, out: &mut PartWriter) {
        out.text(self.0);
        out.text(self.1);
    }
}

#[derive(Clone)]
struct Roles(&'static [&'static str]);

impl RoleSet for Roles {
    fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.iter().copied()
    }
}

fn of<T: Clone + Send + Sync + 'static>(who: T) -> Request<Body> {
    let mut request = get("/a");
    request.extensions_mut().insert(who);
    request
}

#[tokio::test]
async fn identities_of_the_same_letters_do_not_meet() {
    let setup = routed(Origin::ok(&[]), RoutePolicy::per_tenant::<Tenant>(MINUTE));
    for tenant in [
        Tenant("a", "bc"),
        Tenant("ab", "c"),
        Tenant("", "abc"),
        Tenant("abc", ""),
    ] {
        assert!(setup.send(of(tenant.clone())).await.is_stored());
        assert!(setup.send(of(tenant)).await.is_hit());
    }
    let setup = routed(Origin::ok(&[]), RoutePolicy::per_roles::<Roles>(MINUTE));
    for roles in [&["a", "bc"][..], &["ab", "c"], &["abc"], &[""], &[]] {
        assert!(setup.send(of(Roles(roles))).await.is_stored(), "{roles:?}");
    }
}

#[tokio::test]
async fn who_is_nobody_bypasses() {
    let setup = routed(
        Origin::ok(&[FRESH]),
        RoutePolicy::per_user::<UserId>(MINUTE),
    );
    setup.send(by("a")).await;
    let nobodies = [get("/a"), by(""), of(Tenant("a", "")), of(Roles(&["a"]))];
    for nobody in nobodies {
        let reply = setup.send(nobody).await;
        assert_eq!(outcome(&reply), "larder; fwd=bypass; detail=no-identity");
    }
    assert_eq!(setup.cache.stats().responses(), 1);
}

#[tokio::test]
async fn fields_of_the_request_are_no_identity() {
    let setup = routed(Origin::ok(&[]), RoutePolicy::per_user::<UserId>(MINUTE));
    setup.send(by("alice")).await;
    for claim in [
        ("x-user", "alice"),
        ("user", "alice"),
        ("authorization", "alice"),
        ("cookie", "user=alice"),
    ] {
        let nobody = setup.send(request("GET", "/a", &[claim])).await;
        assert!(!nobody.is_hit(), "{claim:?}");
        let mut mallory = request("GET", "/a", &[claim]);
        mallory.extensions_mut().insert(UserId("mallory"));
        assert_ne!(setup.send(mallory).await.text(), "call 1", "{claim:?}");
    }
}
