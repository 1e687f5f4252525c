//! Getting what was cached for somebody else.

use crate::wire::{Shop, bare};

const OWN: [&str; 3] = ["/me", "/me/orders", "/me/orders?page=1"];

#[tokio::test]
async fn what_is_cached_for_a_user_is_not_served_to_others_or_to_nobody() {
    let shop = Shop::open().await;
    let (alice, mallory) = (shop.login("alice").await, shop.login("mallory").await);
    for path in OWN {
        shop.get(path, &[&alice]).await;
        assert!(shop.get(path, &[&alice]).await.is_hit(), "{path}");
        for attacker in [&[][..], &[&*mallory], &["Cookie: session=alice"]] {
            let got = shop.get(path, attacker).await;
            assert!(!got.contains("alice"), "{path}: {got:?}");
            assert!(!got.is_hit(), "{path}: {got:?}");
        }
    }
}

#[tokio::test]
async fn fields_that_claim_an_identity_claim_nothing() {
    let shop = Shop::open().await;
    let (alice, mallory) = (shop.login("alice").await, shop.login("mallory").await);
    for path in ["/me", "/prices", "/dashboard"] {
        shop.get(path, &[&alice]).await;
        let own = Shop::open().await;
        let own_session = own.login("mallory").await;
        let honest = own.get(path, &[&own_session]).await;
        for claim in [
            "X-User: alice",
            "X-User-Id: alice",
            "User: alice",
            "X-Tenant: ace",
            "X-Roles: admin, buyer",
            "Authorization: Bearer alice",
            "X-Forwarded-User: alice",
            "Cookie: user=alice",
        ] {
            let got = shop.get(path, &[&mallory, claim]).await;
            assert_eq!(got.body(), honest.body(), "{path}, {claim}");
            let got = shop.get(path, &[claim]).await;
            assert_eq!(got.status(), "401", "{path}, {claim}");
        }
    }
}

#[tokio::test]
async fn presence_of_a_page_of_somebody_else_cannot_be_probed() {
    let shop = Shop::open().await;
    let (alice, mallory) = (shop.login("alice").await, shop.login("mallory").await);
    shop.get("/me", &[&alice]).await;
    let hers = shop.get("/me", &[&alice]).await;
    let tag = format!("If-None-Match: {}", hers.field("etag").unwrap());
    for attacker in [&[&*mallory, &*tag][..], &[&*tag]] {
        let got = shop.get("/me", attacker).await;
        assert_ne!(got.status(), "304", "{got:?}");
    }
    let (known, unknown) = (Shop::open().await, Shop::open().await);
    let alice = known.login("alice").await;
    known.get("/me", &[&alice]).await;
    let probes = [&["Cache-Control: only-if-cached"][..], &[]];
    for probe in probes {
        let (mut here, mut there) = (probe.to_vec(), probe.to_vec());
        let (first, second) = (known.login("mallory").await, unknown.login("mallory").await);
        here.push(&first);
        there.push(&second);
        let (here, there) = (
            known.get("/me", &here).await,
            unknown.get("/me", &there).await,
        );
        assert_eq!(here.status(), there.status());
        assert_eq!(here.outcome(), there.outcome());
    }
}

#[tokio::test]
async fn session_that_has_ended_opens_nothing_that_is_cached() {
    let shop = Shop::open().await;
    let alice = shop.login("alice").await;
    for path in OWN {
        shop.get(path, &[&alice]).await;
    }
    let out = bare(
        "POST /logout",
        &["Host: shop.example", &alice, "Content-Length: 0"],
    );
    assert_eq!(shop.raw(&out).await.status(), "204");
    for path in OWN {
        let got = shop.get(path, &[&alice]).await;
        assert_eq!(
            (got.status(), got.contains("ace")),
            ("401", false),
            "{path}"
        );
    }
    let again = shop.login("alice").await;
    for path in OWN {
        assert!(shop.get(path, &[&again]).await.is_stored(), "{path}");
    }
}

/// `ace` + `shops` are the letters of `aces` + `hops`.
#[tokio::test]
async fn tenants_of_the_same_letters_do_not_share_prices() {
    for order in [["alice", "bob"], ["bob", "alice"]] {
        let shop = Shop::open().await;
        for user in order {
            let session = shop.login(user).await;
            let company = format!(
                "\"company\":\"{}\"",
                &["ace", "aces"][usize::from(user == "bob")]
            );
            let first = shop.get("/prices", &[&session]).await;
            assert!(first.is_stored() && first.contains(&company), "{first:?}");
            let second = shop.get("/prices", &[&session]).await;
            assert!(second.is_hit() && second.contains(&company), "{second:?}");
        }
    }
}

/// `admin` + `buyer` are the letters of `adminbuyer`.
#[tokio::test]
async fn roles_of_the_same_letters_do_not_share_a_dashboard() {
    let shop = Shop::open().await;
    let (carol, mallory) = (shop.login("carol").await, shop.login("mallory").await);
    for _ in 0..2 {
        let hers = shop.get("/dashboard", &[&carol]).await;
        assert!(hers.contains("\"sees_staff\":true"), "{hers:?}");
        let got = shop.get("/dashboard", &[&mallory]).await;
        assert!(got.contains("\"sees_staff\":false"), "{got:?}");
    }
}

#[tokio::test]
async fn page_that_was_annotated_as_shared_by_mistake_names_nobody_to_others() {
    let shop = Shop::open().await;
    let (alice, mallory) = (shop.login("alice").await, shop.login("mallory").await);
    for path in ["/broken/greeting", "/broken/offers"] {
        for _ in 0..2 {
            shop.get(path, &[&alice]).await;
            for attacker in [&[][..], &[&*mallory]] {
                let got = shop.get(path, attacker).await;
                assert!(!got.contains("alice"), "{path}: {got:?}");
            }
        }
    }
}
