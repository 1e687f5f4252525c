//! Writes that purge what they change.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::{Extensions, Method, Uri};
use larder::{InvalidateLayer, Policy, Purge};
use larder_tests::{Origin, request, response};

use crate::shop::{Shop, purging};

#[tokio::test]
async fn success_of_a_write_purges_the_tags_that_its_function_names() {
    for status in [200, 201, 204, 301, 303, 304] {
        let shop = Shop::answering(status, &[], purging(&["tag:/a", "tag:/b"]));
        shop.fill(&["/a", "/b", "/c"]).await;
        assert_eq!(shop.put("/admin").await.status, status);
        assert!(!shop.holds("/a").await && !shop.holds("/b").await);
        assert!(shop.holds("/c").await);
        assert_eq!(shop.get("/a").await.text(), "call 5");
    }
}

#[tokio::test]
async fn function_is_called_only_for_writes_that_succeed() {
    let called = Arc::new(AtomicUsize::new(0));
    let counting = |status| {
        let called = Arc::clone(&called);
        Shop::answering(status, &[], |cache| {
            InvalidateLayer::new(cache, move |_, _| {
                called.fetch_add(1, Ordering::SeqCst);
                ["all"]
            })
        })
    };
    for status in [101, 400, 401, 403, 404, 409, 412, 422, 500, 503] {
        for method in ["POST", "PUT", "DELETE", "X"] {
            let shop = counting(status);
            shop.fill(&["/a"]).await;
            shop.write(request(method, "/a", &[])).await;
            assert!(shop.holds("/a").await, "{method} {status}");
        }
    }
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "CONNECT"] {
        let shop = counting(200);
        shop.fill(&["/a"]).await;
        shop.write(request(method, "/a", &[])).await;
        assert!(shop.holds("/a").await, "{method}");
    }
    assert_eq!(called.load(Ordering::SeqCst), 0);
    for method in ["POST", "PUT", "PATCH", "DELETE", "MKCOL", "get"] {
        let shop = counting(200);
        shop.fill(&["/a"]).await;
        shop.write(request(method, "/b", &[])).await;
        assert!(!shop.holds("/a").await, "{method}");
    }
    assert_eq!(called.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn what_http_demands_is_purged_by_a_route_without_a_cache() {
    const FIELDS: &[(&str, &str)] = &[
        ("location", "/located"),
        ("content-location", "/content"),
        ("cache-group-invalidation", "\"g\""),
    ];
    let paths = ["/a", "/located", "/content", "/grouped", "/other"];
    for (policy, left) in [
        (Policy::shared(), &["/other"][..]),
        (
            Policy::shared().with_group_invalidation(false),
            &["/grouped", "/other"],
        ),
        (
            Policy::shared().with_location_invalidation(false),
            &["/located", "/content", "/other"],
        ),
    ] {
        let origin = Origin::new(|seen, _| match (seen.method.as_str(), seen.uri.path()) {
            ("GET", "/grouped") => response(200, &[("cache-groups", "\"g\"")], ""),
            ("GET", _) => response(200, &[], ""),
            _ => response(201, FIELDS, ""),
        });
        let shop = Shop::new(origin, |cache| {
            InvalidateLayer::new(cache, |_, _| ()).with_policy(policy)
        });
        shop.fill(&paths).await;
        shop.put("/a").await;
        for path in paths {
            assert_eq!(shop.holds(path).await, left.contains(&path), "{path}");
        }
        let stats = shop.cache.stats();
        assert_eq!((stats.invalidations(), stats.purges()), (1, 0));
    }
}

#[tokio::test]
async fn function_may_name_nothing_or_anything() {
    type Find = fn() -> Purge;
    let finds: [(Find, &[&str]); 5] = [
        (|| None::<[&str; 0]>.into(), &["/b", "/c"]),
        (|| Some(["tag:/b"]).into(), &["/c"]),
        (|| Purge::url("/b").ok().into(), &["/c"]),
        (|| Purge::all_tags(["all", "tag:/c"]), &["/b"]),
        (Purge::everything, &[]),
    ];
    for (find, left) in finds {
        let shop = Shop::answering(200, &[], |cache| {
            InvalidateLayer::new(cache, move |_, _| find())
        });
        shop.fill(&["/a", "/b", "/c"]).await;
        shop.put("/a").await;
        for path in ["/a", "/b", "/c"] {
            assert_eq!(shop.holds(path).await, left.contains(&path), "{path}");
        }
    }
}

#[tokio::test]
async fn soft_purge_of_a_function_is_soft_and_its_own_url_goes_all_the_same() {
    let stored = [("cache-control", "max-age=60, stale-while-revalidate=60")];
    let origin = Origin::new(move |seen, calls| match seen.method {
        Method::GET => response(200, &stored, format!("call {}", calls + 1)),
        _ => response(204, &[], ""),
    });
    let shop = Shop::new(origin, |cache| {
        InvalidateLayer::new(cache, |_, _| Purge::tag("all").soft())
    });
    shop.fill(&["/a", "/b"]).await;
    shop.put("/a").await;
    let stale = shop.get("/b").await;
    assert_eq!(
        stale.field("cache-status"),
        "larder; hit; ttl=0; detail=soft-purged"
    );
    assert_eq!(shop.get("/a").await.text(), "call 4");
}

#[tokio::test]
async fn override_of_the_method_makes_a_write_of_a_get_and_none_of_a_post() {
    for (method, asked, held) in [
        ("GET", "DELETE", false),
        ("GET", "GET", true),
        ("POST", "GET", false),
    ] {
        let shop = Shop::answering(200, &[], purging(&["all"]));
        shop.fill(&["/a"]).await;
        let fields = [("x-http-method-override", asked)];
        shop.write(request(method, "/b", &fields)).await;
        assert_eq!(shop.holds("/a").await, held, "{method} {asked}");
    }
}

#[tokio::test]
async fn methods_that_the_policy_knows_to_be_safe_purge_nothing() {
    let propfind = Method::from_bytes(b"PROPFIND").unwrap();
    let policy = Policy::shared().with_safe_methods([propfind]);
    let shop = Shop::answering(207, &[], |cache| {
        InvalidateLayer::new(cache, |_, _| ["all"]).with_policy(policy)
    });
    shop.fill(&["/a"]).await;
    shop.write(request("PROPFIND", "/a", &[])).await;
    assert!(shop.holds("/a").await);
}

#[derive(Clone)]
struct Tenant(&'static str);

/// What a router says of a request.
#[derive(Clone)]
struct Routed(Uri);

#[tokio::test]
async fn function_sees_the_request_and_the_response() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let origin = Origin::new(|seen, _| {
        // What the layer saw is what came to it.
        assert_eq!(seen.uri.path(), "/42");
        let mut response = response(201, &[("x-id", "43")], "");
        response.extensions_mut().insert(Tenant("of the response"));
        response
    });
    let shop = Shop::new(origin, |cache| {
        InvalidateLayer::new(cache, move |request, response| {
            let tenant = |extensions: &Extensions| extensions.get::<Tenant>().unwrap().0;
            log.lock().unwrap().extend([
                request.method().to_string(),
                request.uri().to_string(),
                request.param("id").unwrap().into_owned(),
                request.headers()["x-by"].to_str().unwrap().to_owned(),
                tenant(request.extensions()).to_owned(),
                response.status().to_string(),
                response.headers()["x-id"].to_str().unwrap().to_owned(),
                tenant(response.extensions()).to_owned(),
            ]);
        })
        .with_target(|extensions| Some(&extensions.get::<Routed>()?.0))
        .with_route_name(|_| Some("/products/{id}"))
    });
    let mut put = request("PUT", "/42", &[("x-by", "me")]);
    put.extensions_mut().insert(Tenant("of the request"));
    let whole = Uri::from_static("/products/42?a");
    put.extensions_mut().insert(Routed(whole));
    shop.write(put).await;
    assert_eq!(
        *told.lock().unwrap(),
        [
            "PUT",
            "/products/42?a",
            "42",
            "me",
            "of the request",
            "201 Created",
            "43",
            "of the response"
        ]
    );
}

#[tokio::test]
async fn url_that_the_client_asked_for_is_the_one_that_goes() {
    let shop = Shop::answering(200, &[], |cache| {
        InvalidateLayer::new(cache, |_, _| ())
            .with_target(|extensions| Some(&extensions.get::<Routed>()?.0))
    });
    shop.fill(&["/api/a", "/a"]).await;
    let mut put = request("PUT", "/a", &[]);
    put.extensions_mut()
        .insert(Routed(Uri::from_static("/api/a")));
    shop.write(put).await;
    assert!(!shop.holds("/api/a").await);
    assert!(shop.holds("/a").await);
}
