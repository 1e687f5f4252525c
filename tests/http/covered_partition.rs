//! What a handler may know of the caller, and whose copies its route keeps.

use axum::Extension;
use axum::extract::Path;
use axum::response::IntoResponse;
use http::StatusCode;
use larder::{RoleSet, RoutePolicy};
use larder_axum::{Caller, CallerRoles, CoveredPolicy, cached_handler};
use larder_tests::get;

use crate::covered_handler::{MINUTE, Site, with};
use crate::users::UserId;

#[derive(Clone)]
struct Staff {
    name: &'static str,
    roles: &'static [&'static str],
}

impl RoleSet for Staff {
    fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().copied()
    }
}

#[tokio::test]
async fn every_caller_has_a_copy_of_their_own() {
    async fn sees(Caller(user): Caller<UserId>, Path(id): Path<String>) -> String {
        format!("{} {id}", user.0)
    }
    let policy = CoveredPolicy::per_user::<UserId>(MINUTE);
    let site = Site::new(|cache| cached_handler(sees).cached(cache, policy));
    for user in ["ann", "bob"] {
        let first = site.send(with(UserId(user), get("/p/1"))).await;
        assert_eq!(first.text(), format!("{user} 1"));
        assert!(first.is_stored());
    }
    let again = site.send(with(UserId("ann"), get("/p/1?x=1"))).await;
    assert!(again.is_hit());
    assert_eq!(again.text(), "ann 1");
    let nobody = site.get("/p/1", &[]).await;
    assert_eq!(nobody.status, 500);
    let expected = "larder; fwd=bypass; detail=no-identity";
    assert_eq!(nobody.field("cache-status"), expected);
}

#[tokio::test]
async fn handler_may_answer_those_whom_nobody_knows() {
    async fn sees(caller: Option<Caller<UserId>>) -> impl IntoResponse {
        match caller {
            Some(Caller(user)) => (StatusCode::OK, user.0),
            None => (StatusCode::FORBIDDEN, "who?"),
        }
    }
    let policy = CoveredPolicy::per_tenant::<UserId>(MINUTE);
    let site = Site::new(|cache| cached_handler(sees).cached(cache, policy));
    assert_eq!(site.get("/p/1", &[]).await.status, 403);
    let known = site.send(with(UserId("ann"), get("/p/1"))).await;
    assert_eq!(known.text(), "ann");
    assert!(known.is_stored());
}

#[tokio::test]
async fn those_of_the_same_roles_share_and_only_their_roles_are_seen() {
    async fn sees(roles: CallerRoles<Staff>) -> String {
        let all: Vec<_> = roles.iter().collect();
        format!("{} {}", all.join("+"), roles.has("admin"))
    }
    let policy = CoveredPolicy::per_roles::<Staff>(MINUTE);
    let site = Site::new(|cache| cached_handler(sees).cached(cache, policy));
    let by = |name, roles| with(Staff { name, roles }, get("/p/1"));
    let first = site.send(by("ann", &["sales", "admin", "sales"])).await;
    assert_eq!(first.text(), "admin+sales true");
    assert!(site.send(by("bob", &["admin", "sales"])).await.is_hit());
    let other = site.send(by("cem", &["sales"])).await;
    assert_eq!(other.text(), "sales false");
    assert!(
        !Staff {
            name: "dan",
            roles: &[]
        }
        .name
        .is_empty()
    );
}

#[tokio::test]
async fn settings_cannot_change_whose_copies_are_kept() {
    async fn sees(Caller(user): Caller<UserId>) -> String {
        user.0.to_owned()
    }
    let policy = CoveredPolicy::per_user::<UserId>(MINUTE);
    let policy = policy.refine(|_| RoutePolicy::shared(MINUTE));
    let site = Site::new(|cache| cached_handler(sees).cached(cache, policy));
    for user in ["ann", "bob"] {
        let reply = site.send(with(UserId(user), get("/p/1"))).await;
        assert_eq!(reply.text(), user);
    }
    assert_eq!(site.cache.stats().keys(), 2);
}

#[tokio::test]
async fn identity_beside_the_declared_arguments_keeps_a_response_from_being_stored() {
    async fn sees(Path(id): Path<String>) -> String {
        id
    }
    let policy = CoveredPolicy::shared(MINUTE);
    let site = Site::new(|cache| {
        let route = cached_handler(sees).cached(cache, policy);
        route.layer(Extension(UserId("ann")))
    });
    let reply = site.get("/p/1", &[("cookie", "session=7")]).await;
    let expected = "larder; fwd=uri-miss; detail=undeclared-extension";
    assert_eq!(reply.field("cache-status"), expected);
}
