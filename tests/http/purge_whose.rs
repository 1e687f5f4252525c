//! Purges of what is one identity's, on all routes, and of what is asked for by QUERY.

use axum::body::Body;
use http::Request;
use larder::policy::key::Partition;
use larder::{Cache, CacheLayer, CacheService, Purge, QueryContentLayer, RoleSet, RoutePolicy};
use larder_tests::{Origin, Reply, get, request};
use tower::{Layer, ServiceExt};

use crate::scene::secs;
use crate::users::{Tenant, UserId};

#[derive(Clone)]
struct Roles(Vec<&'static str>);

impl RoleSet for Roles {
    fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.iter().copied()
    }
}

/// Routes of one cache: everybody's, each user's (two of them), each tenant's, and each set of roles'.
struct Routes {
    cache: Cache,
    services: [CacheService<Origin>; 5],
}

const SHARED: usize = 0;
const OF_USER: usize = 1;
const OF_USER_TOO: usize = 2;
const OF_TENANT: usize = 3;
const OF_ROLES: usize = 4;

impl Routes {
    fn new() -> Self {
        let cache = Cache::builder().build();
        let minute = secs(60);
        let services = [
            RoutePolicy::shared(minute),
            RoutePolicy::per_user::<UserId>(minute).tag("basket"),
            RoutePolicy::per_user::<UserId>(minute),
            RoutePolicy::per_tenant::<Tenant>(minute).tag("basket"),
            RoutePolicy::per_roles::<Roles>(minute),
        ];
        let services = services.map(|route| {
            let layer = CacheLayer::new(cache.clone()).with_route_policy(route);
            layer.layer(Origin::ok(&[]))
        });
        Self { cache, services }
    }

    async fn send(&self, route: usize, user: &'static str, roles: &[&'static str]) -> Reply {
        let mut request = get(&format!("/{route}"));
        let extensions = request.extensions_mut();
        extensions.insert(UserId(user));
        extensions.insert(Tenant(user));
        extensions.insert(Roles(roles.to_vec()));
        let service = self.services[route].clone();
        Reply::read(service.oneshot(request).await.unwrap()).await
    }

    /// On which routes the purge leaves what is stored for Alice, an editor, and for Bob, a reader.
    async fn left(purge: Purge) -> [Vec<usize>; 2] {
        let routes = Self::new();
        let alice = ("alice", &["editor", "reader"][..]);
        let people = [alice, ("bob", &["reader"])];
        for (user, roles) in people {
            for route in SHARED..=OF_ROLES {
                routes.send(route, user, roles).await;
                assert!(routes.send(route, user, roles).await.is_hit());
            }
        }
        routes.cache.purge(purge);
        let mut left = [Vec::new(), Vec::new()];
        for ((user, roles), left) in people.into_iter().zip(&mut left) {
            for route in OF_USER..=OF_ROLES {
                if routes.send(route, user, roles).await.is_hit() {
                    left.push(route);
                }
            }
        }
        if routes.send(SHARED, "carol", &[]).await.is_hit() {
            left.iter_mut().for_each(|left| left.insert(0, SHARED));
        }
        left
    }
}

const ALL: [usize; 5] = [SHARED, OF_USER, OF_USER_TOO, OF_TENANT, OF_ROLES];

#[tokio::test]
async fn identity_is_dropped_on_all_routes_and_nobody_elses() {
    let [alice, bob] = Routes::left(Purge::identity(&UserId("alice"))).await;
    assert_eq!(alice, [SHARED, OF_TENANT, OF_ROLES]);
    assert_eq!(bob, ALL);
    let tenant = Purge::partition(Partition::of_identity(&Tenant("bob")).unwrap());
    let [alice, bob] = Routes::left(tenant).await;
    assert_eq!(alice, ALL);
    assert_eq!(bob, [SHARED, OF_USER, OF_USER_TOO, OF_ROLES]);
}

#[tokio::test]
async fn roles_are_one_set_in_any_order() {
    for roles in [vec!["reader", "editor"], vec!["editor", "reader", "editor"]] {
        let [alice, bob] = Routes::left(Purge::roles(&Roles(roles))).await;
        assert_eq!(alice, [SHARED, OF_USER, OF_USER_TOO, OF_TENANT]);
        assert_eq!(bob, ALL);
    }
    let [alice, bob] = Routes::left(Purge::roles(&Roles(vec!["editor"]))).await;
    assert_eq!((&alice[..], &bob[..]), (&ALL[..], &ALL[..]));
}

#[tokio::test]
async fn tags_and_urls_hit_all_partitions_and_join_with_identities() {
    let everybodys = [SHARED, OF_USER_TOO, OF_ROLES];
    let [alice, bob] = Routes::left(Purge::tag("basket")).await;
    assert_eq!((&alice[..], &bob[..]), (&everybodys[..], &everybodys[..]));
    let [alice, bob] =
        Routes::left(Purge::tag("basket").and(Purge::identity(&UserId("bob")))).await;
    assert_eq!(alice, everybodys);
    assert_eq!(bob, [SHARED, OF_ROLES]);
    let url = Purge::url("/2").unwrap();
    let [alice, bob] = Routes::left(url.and(Purge::url("/0").unwrap())).await;
    let rest = [OF_USER, OF_TENANT, OF_ROLES];
    assert_eq!((&alice[..], &bob[..]), (&rest[..], &rest[..]));
    let [alice, bob] = Routes::left(Purge::everything()).await;
    assert!(alice.is_empty() && bob.is_empty());
}

#[tokio::test]
async fn nobody_the_shared_partition_and_no_tags_name_nothing() {
    for purge in [
        Purge::identity(&UserId("")),
        Purge::partition(Partition::shared()),
        Purge::any_tag([""; 0]),
        Purge::all_tags([""; 0]),
        Purge::any_tag([""; 0]).soft(),
    ] {
        assert!(purge.is_empty());
        let [alice, bob] = Routes::left(purge).await;
        assert_eq!((&alice[..], &bob[..]), (&ALL[..], &ALL[..]));
    }
}

/// QUERY has its content for a part of the key, and goes with its URL.
#[tokio::test]
async fn every_query_of_a_url_goes_with_it() {
    let cache = Cache::builder().build();
    let route = RoutePolicy::shared(secs(60)).query_method();
    let layer = CacheLayer::new(cache.clone()).with_route_policy(route);
    let service = QueryContentLayer::new(64, Body::new).layer(layer.layer(Origin::ok(&[])));
    let query = |path: &str, content: &'static str| -> Request<Body> {
        let fields = [("content-type", "text/plain")];
        request("QUERY", path, &fields).map(|_| Body::from(content))
    };
    let send = async |request| Reply::read(service.clone().oneshot(request).await.unwrap()).await;
    for (path, content) in [("/a", "bread"), ("/a", "cheese"), ("/b", "bread")] {
        send(query(path, content)).await;
        assert!(send(query(path, content)).await.is_hit());
    }
    cache.purge(Purge::url("/a").unwrap());
    assert!(!send(query("/a", "bread")).await.is_hit());
    assert!(!send(query("/a", "cheese")).await.is_hit());
    assert!(send(query("/b", "bread")).await.is_hit());
    cache.purge(Purge::prefix("/b").unwrap());
    assert!(!send(query("/b", "bread")).await.is_hit());
}
