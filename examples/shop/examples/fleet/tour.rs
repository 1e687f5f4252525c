//! The tour: one step after the other, each with what it should come to.

use std::time::Instant;

use crate::client::{Ask, Reply};
use crate::fleet::{Fleet, Shop};
use crate::guide::{Guide, same, title};

const PRODUCT: Ask<'_> = Ask {
    method: "GET",
    path: "/products/42",
    cookie: "",
    json: "",
};
const FORWARDED: &[&str] = &["fwd=uri-miss"];
const STORED: &[&str] = &["fwd=uri-miss; stored"];
const HIT: &[&str] = &["larder; hit"];
const HIT_OF_ANOTHER: &[&str] = &["larder; hit", "detail=shared"];

pub(crate) async fn tour(fleet: &Fleet) -> Result<(), String> {
    let [a, b, c] = fleet.shops.as_slice() else {
        return Err("three shops are needed".to_owned());
    };
    let (mut guide, begun) = (Guide::new(), Instant::now());
    let carol = guide.login(a, "carol").await?;
    guide.shares(a, b, c).await?;
    guide.changes(a, b, c, &carol).await?;
    guide.loses_the_store(fleet, a, b, c, &carol).await?;
    guide.recovers(fleet, a, b, c, &carol).await?;
    let (steps, took) = (guide.steps(), begun.elapsed());
    println!(
        "\nAll {steps} steps went as expected, in {:.1} s.",
        took.as_secs_f32()
    );
    Ok(())
}

impl Guide {
    async fn shares(&mut self, a: &Shop, b: &Shop, c: &Shop) -> Result<(), String> {
        title("Fill on one, hit on the others");
        let filled = self
            .see(
                a,
                PRODUCT,
                "A asks its handler and stores the answer",
                STORED,
            )
            .await?;
        for shop in [b, c] {
            let text = format!(
                "{} never asked its handler: it has what A stored",
                shop.name
            );
            let got = self.until(shop, PRODUCT, &text, HIT_OF_ANOTHER).await?;
            same(&got, &filled)?;
        }
        self.see(b, PRODUCT, "the second time it is in B's own memory", HIT)
            .await?;
        Ok(())
    }

    async fn changes(&mut self, a: &Shop, b: &Shop, c: &Shop, carol: &str) -> Result<(), String> {
        title("Purge on one, gone on all");
        self.purge(
            a,
            carol,
            "Carol purges on A, and is told on how many nodes it is gone",
            r#""nodes":3"#,
        )
        .await?;
        self.see(c, PRODUCT, "C asks its handler again", STORED)
            .await?;
        self.until(a, PRODUCT, "and A has it from C", HIT_OF_ANOTHER)
            .await?;
        title("Write on one, seen on all");
        let put = Ask {
            method: "PUT",
            json: r#"{"cents":9900}"#,
            ..PRODUCT
        };
        self.see(
            b,
            put,
            "a write on B is answered once its purge is in the log",
            &["fwd=method"],
        )
        .await?;
        for shop in [c, a, b] {
            let text = format!("{} has the new price", shop.name);
            self.until_says(shop, PRODUCT, &text, "9900").await?;
        }
        Ok(())
    }

    async fn loses_the_store(
        &mut self,
        fleet: &Fleet,
        a: &Shop,
        b: &Shop,
        c: &Shop,
        carol: &str,
    ) -> Result<(), String> {
        title("Redis is killed, and everybody is served");
        fleet.redis.kill();
        for shop in [a, b, c] {
            let text = format!("{} has it in its memory", shop.name);
            self.see(shop, PRODUCT, &text, HIT).await?;
        }
        let list = Ask {
            path: "/products",
            ..PRODUCT
        };
        self.see(
            b,
            list,
            "what nobody has stored is fetched, without waiting for Redis",
            FORWARDED,
        )
        .await?;
        let text =
            "Carol purges on A: it is gone there, and she is told that the others do not know yet";
        self.purge(a, carol, text, "on this node alone").await?;
        self.see(a, PRODUCT, "A asks its handler", FORWARDED)
            .await?;
        let text = "B cannot know: for 32 s it trusts what it has (fail_closed: 2 s)";
        self.see(b, PRODUCT, text, HIT).await?;
        Ok(())
    }

    async fn recovers(
        &mut self,
        fleet: &Fleet,
        a: &Shop,
        b: &Shop,
        c: &Shop,
        carol: &str,
    ) -> Result<(), String> {
        title("Redis is there again, empty, and all agree again");
        fleet.redis.restart().await;
        for shop in [b, c] {
            let text = format!(
                "{} has noticed that the log is another, and drops what it has",
                shop.name
            );
            // The first to notice fills, and the other may have it from there.
            let is_new = |reply: &Reply| {
                reply.cache.contains("fwd=uri-miss") || reply.cache.contains("detail=shared")
            };
            self.wait(shop, PRODUCT, &text, is_new).await?;
        }
        self.reach([a, b, c], carol, PRODUCT, HIT_OF_ANOTHER)
            .await?;
        self.purge_until(
            a,
            carol,
            "a purge on A reaches all three again",
            r#""nodes":3"#,
        )
        .await?;
        let filled = self.see(b, PRODUCT, "B asks its handler", STORED).await?;
        for shop in [a, c] {
            let text = format!("{} has it from B", shop.name);
            let got = self.until(shop, PRODUCT, &text, HIT_OF_ANOTHER).await?;
            same(&got, &filled)?;
        }
        let stats = Ask {
            path: "/fleet",
            ..PRODUCT
        };
        title("What A counted");
        self.see(a, stats, "what A and the store did for one another", &[])
            .await
            .map(drop)
    }
}
