//! Which routes are searched, for what, and who is told what was found.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::{Extensions, HeaderMap, HeaderName, Request, Response};
use larder::policy::key::Partition;
use larder::{
    CacheLayer, Finding, FindingKind, IdentityStrings, KeyPart, PartWriter, Place, Policy,
    RoutePolicy,
};
use larder_tests::{Origin, Seen, Setup, get, response};

use crate::tripwire::{
    ANN, BOB, TRIPPED, User, assert_told, by, email, rendering, route, with_user,
};
use crate::users::Tenant;

impl KeyPart for User {
    const NAME: &'static str = "user";

    fn write(&self, out: &mut PartWriter) {
        out.text(self.0);
    }
}

const MINUTE: Duration = Duration::from_secs(60);

fn routed(route: RoutePolicy, origin: Origin) -> Setup {
    Setup::with_layer(origin, |cache| {
        CacheLayer::new(cache).with_route_policy(route)
    })
}

#[tokio::test]
async fn where_every_user_has_a_copy_nothing_is_searched() {
    let per_user = |cache| {
        let layer = CacheLayer::new(cache);
        layer.with_route_policy(RoutePolicy::per_user::<User>(MINUTE).tripwire(email))
    };
    let by_function = |cache| {
        let layer = CacheLayer::new(cache).with_policy(Policy::private());
        layer
            .with_route_policy(route())
            .with_partition(|extensions| {
                let User(email) = extensions.get()?;
                Partition::of("user", email.as_bytes()).ok()
            })
    };
    for layer in [per_user, by_function] {
        let origin = rendering(&[("x-user", "USER")], "Hello USER");
        let setup = Setup::with_layer(origin, layer);
        for user in [ANN, BOB] {
            assert!(setup.send(by(user)).await.is_stored());
            let hit = setup.send(by(user)).await;
            assert_eq!(
                (hit.text(), hit.is_hit()),
                (&*format!("Hello {user}"), true)
            );
        }
    }
}

#[tokio::test]
async fn where_the_users_of_a_tenant_share_a_copy_it_is_searched() {
    let of = |tenant, user| {
        let mut request = by(user);
        request.extensions_mut().insert(Tenant(tenant));
        request
    };
    let per_tenant = || RoutePolicy::per_tenant::<Tenant>(MINUTE).tripwire(email);
    let setup = routed(per_tenant(), rendering(&[], "Hello USER"));
    for user in [ANN, BOB] {
        assert_told(&setup.send(of("a", user)).await, TRIPPED);
    }
    let setup = routed(per_tenant(), rendering(&[], "clean"));
    assert!(setup.send(of("a", ANN)).await.is_stored());
    assert!(setup.send(of("a", BOB)).await.is_hit());
    assert!(setup.send(of("b", BOB)).await.is_stored());
}

#[tokio::test]
async fn more_strings_than_can_be_looked_for_are_not_stored() {
    let many = |strings: u32| {
        RoutePolicy::shared(MINUTE).tripwire(move |_, _| {
            let ids = (0..strings).map(|id| format!("user-{id}"));
            ids.collect()
        })
    };
    for (strings, told) in [(16, "larder; fwd=uri-miss; stored"), (17, TRIPPED)] {
        let setup = routed(many(strings), rendering(&[], "body"));
        assert_told(&setup.get("/a").await, told);
        let found = u64::from(told == TRIPPED);
        assert_eq!(setup.cache.stats().findings(), found);
    }
}

#[tokio::test]
async fn strings_come_from_the_clients_request_and_are_not_asked_for_on_hits() {
    let asked = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&asked);
    let identify = move |extensions: &Extensions, headers: &HeaderMap| {
        count.fetch_add(1, Ordering::SeqCst);
        let session = headers.get("x-session").into_iter();
        session.fold(email(extensions, headers), IdentityStrings::add)
    };
    let body = |seen: &Seen, _| -> Response<Body> {
        let knows =
            seen.headers.contains_key("x-session") || seen.extensions.get::<User>().is_some();
        let text = match seen.uri.path() {
            "/token" => "token: s3cr3t",
            "/user" => ANN,
            _ => "clean",
        };
        response(200, &[], if knows { "narrowed?" } else { text })
    };
    let setup = Setup::with(
        Origin::new(body),
        larder::CacheBuilder::identity::<User>,
        |cache| {
            let route = RoutePolicy::shared(MINUTE).tripwire(identify);
            CacheLayer::new(cache).with_route_policy(route)
        },
    );
    let known = |path: &str| {
        let request = larder_tests::request("GET", path, &[("x-session", "s3cr3t")]);
        with_user(request, ANN)
    };
    for path in ["/token", "/user"] {
        assert_told(&setup.send(known(path)).await, TRIPPED);
    }
    assert!(setup.send(known("/a")).await.is_stored());
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    for _ in 0..5 {
        assert!(setup.send(known("/a")).await.is_hit());
    }
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

/// The findings of a route whose responses all name their user: in field `x-user` at `/field`, else
/// in the body.
fn watched(route: RoutePolicy) -> (Setup, Arc<Mutex<Vec<Finding>>>) {
    let findings = Arc::<Mutex<Vec<Finding>>>::default();
    let told = Arc::clone(&findings);
    let origin = Origin::new(|seen, calls| match seen.uri.path() {
        "/field" => response(200, &[("x-user", ANN)], "body"),
        _ => response(200, &[], format!("{}{ANN}", " ".repeat(calls))),
    });
    let setup = Setup::with(
        origin,
        |cache| cache.on_finding(move |finding| told.lock().unwrap().push(finding.clone())),
        |cache| CacheLayer::new(cache).with_route_policy(route),
    );
    (setup, findings)
}

#[tokio::test]
async fn what_was_found_is_told_once_with_route_and_place() {
    let (setup, findings) = watched(route());
    for path in ["/a", "/a", "/b", "/field"] {
        setup.send(with_user(get(path), ANN)).await;
    }
    assert_eq!(setup.cache.stats().findings(), 4);
    let findings = findings.lock().unwrap();
    let found: Vec<_> = findings
        .iter()
        .map(|found| (found.route(), found.kind()))
        .collect();
    let end = ANN.len() as u64;
    let tripped = |place| FindingKind::Tripwire { place };
    let expected = [
        ("/a", &tripped(Place::Body { end })),
        ("/b", &tripped(Place::Body { end: end + 2 })),
        (
            "/field",
            &tripped(Place::Field(HeaderName::from_static("x-user"))),
        ),
    ];
    assert_eq!(found, expected);
    let texts: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "/a: the response gives its caller away in its body, up to byte 17; it was not stored",
            "/b: the response gives its caller away in its body, up to byte 19; it was not stored",
            "/field: the response gives its caller away in the field x-user; it was not stored",
        ]
    );
}

#[tokio::test]
async fn finding_does_not_give_the_caller_away_itself() {
    let (setup, findings) = watched(route());
    let own: fn(&str) -> Request<Body> = |path| with_user(get(path), ANN);
    for path in [
        "/users/ann+1@example.com",
        "/users/ANN%2B1%40example.com/cart",
    ] {
        setup.send(own(path)).await;
    }
    let (named, named_findings) = watched(route().name("user"));
    named.send(own("/users/ann+1@example.com")).await;
    let told = |findings: &Mutex<Vec<Finding>>| -> Vec<String> {
        let findings = findings.lock().unwrap();
        findings
            .iter()
            .map(|found| found.route().to_owned())
            .collect()
    };
    assert_eq!(told(&findings), ["(withheld)"]);
    assert_eq!(told(&named_findings), ["user"]);
    let texts = format!("{:?}", findings.lock().unwrap()).to_lowercase();
    assert!(!texts.contains("ann"), "{texts}");
}
