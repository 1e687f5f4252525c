//! Purges of URLs.

use larder::{CacheLayer, Purge, RoutePolicy};
use larder_tests::{Origin, Setup, get, request};

use crate::purge::{annotated, survive};
use crate::scene::secs;
use crate::users::UserNumber;

pub(crate) fn minute() -> RoutePolicy {
    RoutePolicy::shared(secs(60))
}

/// What is stored for these URLs is named by the purge, what is stored for those is not.
pub(crate) async fn drops(setup: &Setup, purge: Purge, named: &[&str], other: &[&str]) {
    let urls: Vec<&str> = named.iter().chain(other).copied().collect();
    let requests: Vec<_> = urls.iter().map(|url| || get(url)).collect();
    let survivors = survive(setup, &requests, purge.clone()).await;
    for (at, survives) in survivors.into_iter().enumerate() {
        assert_eq!(survives, at >= named.len(), "{purge:?}: {}", urls[at]);
    }
}

pub(crate) async fn url_drops(setup: &Setup, url: &str, named: &[&str], other: &[&str]) {
    drops(setup, Purge::url(url).unwrap(), named, other).await;
}

#[tokio::test]
async fn path_and_query_are_named_on_every_host_and_byte_for_byte() {
    for (url, named, other) in [
        (
            "/a",
            &["/a", "http://h/a", "https://i:8443/a"][..],
            &["/a?", "/a?b", "/a/", "/A", "/", "/%61", "/a/b"][..],
        ),
        ("/a#part", &["/a", "http://h/a"], &["/a?part"]),
        ("/", &["/", "http://h", "https://i/"], &["/a", "//"]),
        ("/a?", &["/a?", "http://h/a?"], &["/a"]),
        (
            "/a?b=1&c",
            &["/a?b=1&c", "https://i:8443/a?b=1&c"],
            &["/a?c&b=1", "/a?b=1&C", "/a?b=%31&c", "/a", "/a?b=1"],
        ),
        ("/a%2fb", &["/a%2fb"], &["/a%2Fb", "/a/b"]),
        ("/users/{id}", &["/users/{id}"], &["/users/1"]),
    ] {
        url_drops(&annotated(minute()), url, named, other).await;
    }
}

#[tokio::test]
async fn url_names_one_host_and_port_whatever_the_scheme() {
    let everywhere = [
        "http://h/a",
        "https://h/a",
        "http://H:80/a",
        "http://h:443/a",
    ];
    let elsewhere = [
        "/a",
        "http://i/a",
        "http://h:8080/a",
        "http://h./a",
        "http://h/b",
    ];
    for url in everywhere.into_iter().chain(["HTTPS://H/a", "http://h:/a"]) {
        url_drops(&annotated(minute()), url, &everywhere, &elsewhere).await;
    }
    for (url, named, other) in [
        (
            "https://h:8443/a",
            &["https://h:8443/a", "http://h:8443/a"][..],
            &["https://h/a", "http://h:843/a"][..],
        ),
        (
            "https://h",
            &["https://h/", "http://h"],
            &["https://h/a", "/"],
        ),
        (
            "http://[::1]:81/a",
            &["http://[::1]:81/a"],
            &["http://[::1]/a"],
        ),
    ] {
        url_drops(&annotated(minute()), url, named, other).await;
    }
}

#[tokio::test]
async fn host_field_says_which_host_a_response_is_of() {
    let setup = annotated(minute());
    let on = |host: &'static str| move || request("GET", "/a", &[("host", host)]);
    let requests = [on("h"), on("H:443"), on("i"), on("h:81")];
    let purge = Purge::url("https://h/a").unwrap();
    assert_eq!(
        survive(&setup, &requests, purge).await,
        [false, false, true, true]
    );
}

#[tokio::test]
async fn every_variant_and_method_goes() {
    let fields = [("vary", "accept-language")];
    let setup = Setup::with_layer(Origin::ok(&fields), |cache| {
        CacheLayer::new(cache).with_route_policy(RoutePolicy::obey().lifetime(secs(60)))
    });
    let of = |method: &'static str, path: &'static str, language: &'static str| {
        move || request(method, path, &[("accept-language", language)])
    };
    let requests = [
        of("GET", "/a", "de"),
        of("GET", "/a", "fr"),
        of("HEAD", "/a", "it"),
        of("GET", "/b", "de"),
    ];
    let purge = Purge::url("/a").unwrap();
    assert_eq!(
        survive(&setup, &requests, purge).await,
        [false, false, false, true]
    );
}

#[tokio::test]
async fn every_partition_goes() {
    let setup = annotated(RoutePolicy::per_user::<UserNumber>(secs(60)));
    let of = |user, path: &'static str| {
        move || {
            let mut request = get(path);
            request.extensions_mut().insert(UserNumber(user));
            request
        }
    };
    let requests = [of(1, "/me"), of(2, "/me"), of(1, "/you")];
    let purge = Purge::url("/me").unwrap();
    assert_eq!(
        survive(&setup, &requests, purge).await,
        [false, false, true]
    );
}
