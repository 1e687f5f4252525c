//! Writes that fail purge nothing; and where the layer may stand.

use axum::body::Body;
use http::{Method, Request, Response};
use larder::{Cache, CacheLayer, InvalidateLayer, Purge};
use larder_tests::{Down, Origin, Reply, Seen, Slow, get, request, response, settle};
use tower::{Layer, ServiceExt};

use crate::shop::{Shop, purging, tagged};

#[tokio::test]
async fn error_of_the_service_purges_nothing() {
    let inner = Slow::new(|seen: Seen, _| async move {
        match seen.method {
            Method::GET => Ok(response(200, &[], "")),
            _ => Err(Down),
        }
    });
    let shop = Shop::new(inner, purging(&["all"]));
    shop.fill(&["/a"]).await;
    let put = request("PUT", "/a", &[]);
    assert!(shop.writes.clone().oneshot(put).await.is_err());
    assert!(shop.holds("/a").await);
    assert_eq!(shop.cache.stats().invalidations(), 0);
}

/// Panics where a write says so: at once, later, or not at all.
async fn panicking(seen: Seen) -> Result<Response<Body>, Down> {
    if seen.method == "PUT" {
        if seen.uri.query() == Some("later") {
            tokio::task::yield_now().await;
        }
        assert!(seen.uri.query().is_none(), "as it was told");
    }
    Ok(response(200, &[], ""))
}

#[tokio::test]
async fn handler_that_panics_purges_nothing_and_breaks_nothing() {
    let inner = Slow::new(|seen, _| panicking(seen));
    let shop = Shop::new(inner, purging(&["all"]));
    shop.fill(&["/a", "/b?now", "/b?later"]).await;
    for path in ["/b?now", "/b?later"] {
        let put = shop.writes.clone().oneshot(request("PUT", path, &[]));
        assert!(tokio::spawn(put).await.unwrap_err().is_panic());
        let put = shop.reads.clone().oneshot(request("PUT", path, &[]));
        assert!(tokio::spawn(put).await.unwrap_err().is_panic());
        settle().await;
        assert!(shop.holds("/a").await && shop.holds(path).await, "{path}");
    }
    assert_eq!(shop.cache.stats().invalidations(), 0);
    shop.put("/b").await;
    assert!(!shop.holds("/a").await);
}

#[tokio::test]
async fn function_that_panics_does_not_keep_the_url_of_its_write() {
    let shop = Shop::answering(200, &[], |cache| {
        InvalidateLayer::new(cache, |_, _| -> Purge { panic!("as it was told") })
    });
    shop.fill(&["/a", "/b"]).await;
    let put = shop.writes.clone().oneshot(request("PUT", "/a", &[]));
    assert!(tokio::spawn(put).await.unwrap_err().is_panic());
    assert!(!shop.holds("/a").await);
    assert!(shop.holds("/b").await);
}

/// One service, with the cache inside or outside.
#[tokio::test]
async fn layer_may_be_inside_or_outside_of_the_cache() {
    for inside in [true, false] {
        let cache = Cache::builder().build();
        let origin = Origin::new(|seen, _| match seen.method {
            Method::GET => response(200, &[], ""),
            _ => response(204, &[], ""),
        });
        let caching = CacheLayer::new(cache.clone()).with_route_policy(tagged());
        let writes = InvalidateLayer::new(cache.clone(), |_, _| ["tag:/b"]);
        let send = async |request: Request<Body>| {
            if inside {
                let service = caching.layer(writes.layer(origin.clone()));
                Reply::read(service.oneshot(request).await.unwrap()).await
            } else {
                let service = writes.layer(caching.layer(origin.clone()));
                Reply::read(service.oneshot(request).await.unwrap()).await
            }
        };
        for path in ["/a", "/b", "/c"] {
            send(get(path)).await;
            assert!(send(get(path)).await.is_hit());
        }
        let put = send(request("PUT", "/a", &[])).await;
        assert_eq!(put.field("cache-status"), "larder; fwd=method");
        assert!(!send(get("/a")).await.is_hit());
        assert!(!send(get("/b")).await.is_hit());
        assert!(send(get("/c")).await.is_hit());
    }
}
