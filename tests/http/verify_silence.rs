//! Verify mode tells what is merely stale from wrong keys, and is silent where all is well.

use http::request::Parts;
use larder::{CacheBuilder, CacheLayer, Key, RoutePolicy};
use larder_tests::{Origin, Setup, request, response, settle};

use crate::verify::scene::{Checked, MINUTE, every, field, has_cookie};
use crate::verify::{UserId, of};

#[tokio::test(start_paused = true)]
async fn changed_resource_is_stale_within_its_lifetime_and_no_wrong_key() {
    let says = |_: &Parts, calls: usize| if calls == 0 { "old" } else { "new" }.to_owned();
    for app in [
        Checked::obeying(says),
        Checked::on(RoutePolicy::shared(MINUTE), says),
    ] {
        app.get("/a", &[("x-a", "1"), ("cookie", "s=1")]).await;
        for fields in [
            [("x-a", "1"), ("cookie", "s=1")],
            [("x-a", "2"), ("cookie", "s=2")],
        ] {
            assert_eq!(app.get("/a", &fields).await.text(), "old");
        }
        assert_eq!(app.found(), Vec::<String>::new());
        assert_eq!(app.verdicts(), [0, 2, 0, 0]);
        assert_eq!(app.cache.stats().findings(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn handler_that_never_says_the_same_twice_has_no_wrong_key() {
    let app = Checked::obeying(|_, calls| format!("call {calls}"));
    app.get("/a", &[("x-a", "1")]).await;
    for value in ["1", "2", "3"] {
        app.get("/a", &[("x-a", value)]).await;
    }
    assert_eq!(app.found(), Vec::<String>::new());
    assert_eq!(app.verdicts(), [0, 3, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn partition_covers_its_identity_and_the_credentials_of_its_user() {
    let says = |parts: &Parts, calls: usize| {
        let user = parts.extensions.get().map_or(0, |UserId(id)| *id);
        let signed_in = field(parts, "cookie") != "none" && field(parts, "authorization") != "none";
        format!("{user} {signed_in} {}", calls == 0)
    };
    let app = Checked::on(RoutePolicy::per_user::<UserId>(MINUTE), says);
    for session in ["1", "2"] {
        let cookie = format!("s={session}");
        let fields = [("cookie", &*cookie), ("authorization", session)];
        let mut request = request("GET", "/a", &fields);
        request.extensions_mut().insert(UserId(7));
        assert_eq!(app.send(request).await.text(), "7 true true");
    }
    assert_eq!(app.found(), Vec::<String>::new());
    assert_eq!(app.verdicts(), [0, 1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn clean_app_is_checked_in_silence() {
    let key = || {
        let key = Key::new().query(["page"]).header_lowercase("x-region");
        key.cookie("theme").languages(["de", "en"])
    };
    let says = |parts: &Parts, _: usize| {
        let declared = ["x-region", "accept-language"].map(|name| field(parts, name));
        let dark = has_cookie(parts, "theme=dark");
        let page = parts.uri.query().unwrap_or_default().contains("page=2");
        format!("{declared:?} {dark} {page}")
    };
    let app = Checked::on(RoutePolicy::shared(MINUTE).key(key()), says);
    for client in 0..100 {
        let (agent, cookie) = (client.to_string(), format!("theme=dark; s={client}"));
        let language = if client % 2 == 0 {
            "de-CH, en;q=0.5"
        } else {
            "DE"
        };
        let fields = [
            ("user-agent", &*agent),
            ("cookie", &*cookie),
            ("x-region", if client % 3 == 0 { "EU" } else { "eu" }),
            ("accept-language", language),
        ];
        app.get(&format!("/a?utm={client}&page=2"), &fields).await;
    }
    assert_eq!(app.found(), Vec::<String>::new());
    assert_eq!(app.verdicts(), [99, 0, 0, 0]);
    assert_eq!(app.calls(), 100);
}

#[tokio::test(start_paused = true)]
async fn what_vary_names_is_no_suspect() {
    let origin = Origin::new(|seen, calls| {
        let vary = [
            ("cache-control", "public, max-age=60"),
            ("vary", "accept-language"),
        ];
        let language = seen
            .headers
            .get("accept-language")
            .map_or(0, |value| value.len());
        response(200, &vary, format!("{} {}", calls == 0, language > 1))
    });
    let setup = Setup::with_layer(origin, |cache| CacheLayer::new(cache).with_verify(every()));
    for language in ["de, en", "de,en"] {
        let fields = [("accept-language", language)];
        assert_eq!(setup.get_with("/a", &fields).await.text(), "true true");
        settle().await;
    }
    let stats = setup.cache.stats();
    assert_eq!((stats.verified_stale(), stats.wrong_keys()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn extensions_that_are_declared_or_neutral_are_no_suspects() {
    let says = |parts: &Parts, calls: usize| {
        let user = parts.extensions.get().map_or(0, |UserId(id)| *id);
        format!("{user} {}", calls == 0)
    };
    let declared = Key::new().forward_all().extension::<UserId>();
    let declared = RoutePolicy::shared(MINUTE).key(declared).verify(every());
    let neutral = RoutePolicy::obey().verify(every());
    for (route, is_neutral) in [(declared, false), (neutral, true)] {
        let cache = |cache: CacheBuilder| {
            let cache = cache.identity::<UserId>();
            if is_neutral {
                cache.neutral_extension::<UserId>()
            } else {
                cache
            }
        };
        let app = Checked::with(says, cache, |layer| layer.with_route_policy(route));
        for _ in 0..2 {
            assert_eq!(app.send(of(UserId(7))).await.text(), "7 true");
        }
        assert_eq!(app.verdicts(), [0, 1, 0, 0], "{is_neutral}");
    }
}
