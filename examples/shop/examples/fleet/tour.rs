//! The tour: one step after the other, each with what it should come to.

use std::time::{Duration, Instant};

use crate::client::{Ask, Client, Reply};
use crate::fleet::{Fleet, Shop};

const PRODUCT: Ask<'_> = Ask {
    method: "GET",
    path: "/products/42",
    cookie: "",
    json: "",
};
/// How long what is bound to happen may take here; the bound is 2 s.
const PATIENCE: Duration = Duration::from_secs(20);

const FORWARDED: &[&str] = &["fwd=uri-miss"];
const STORED: &[&str] = &["fwd=uri-miss; stored"];
const HIT: &[&str] = &["larder; hit"];
const HIT_OF_ANOTHER: &[&str] = &["larder; hit", "detail=shared"];

struct Guide {
    client: Client,
    begun: Instant,
    steps: u32,
}

pub(crate) async fn tour(fleet: &Fleet) -> Result<(), String> {
    let [a, b, c] = fleet.shops.as_slice() else {
        return Err("three shops are needed".to_owned());
    };
    let mut guide = Guide {
        client: Client::new(),
        begun: Instant::now(),
        steps: 0,
    };
    let carol = guide.login(a, "carol").await?;
    guide.shares(a, b, c).await?;
    guide.changes(a, b, c, &carol).await?;
    guide.loses_the_store(fleet, a, b, c, &carol).await?;
    guide.recovers(fleet, a, b, c, &carol).await?;
    let (steps, took) = (guide.steps, guide.begun.elapsed());
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
            self.same(&got, &filled)?;
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
            self.same(&got, &filled)?;
        }
        let stats = Ask {
            path: "/fleet",
            ..PRODUCT
        };
        let said = self.client.send(a, stats).await?;
        println!("\nWhat A counted\n    {}\n    {}", stats.curl(a), said.body);
        Ok(())
    }

    async fn login(&self, shop: &Shop, user: &str) -> Result<String, String> {
        let json = format!("{{\"user\":\"{user}\"}}");
        let ask = Ask {
            method: "POST",
            path: "/login",
            json: &json,
            ..Ask::default()
        };
        let reply = self.client.send(shop, ask).await?;
        match reply.set_cookie.is_empty() {
            false => Ok(reply.set_cookie),
            true => Err(format!("{user} cannot log in: {}", reply.status)),
        }
    }

    /// One request, whose `Cache-Status` has these parts.
    async fn see(
        &mut self,
        shop: &Shop,
        ask: Ask<'_>,
        text: &str,
        parts: &[&str],
    ) -> Result<Reply, String> {
        let begun = Instant::now();
        let reply = self.client.send(shop, ask).await?;
        let is_so = reply.status < 400 && has(&reply, parts);
        self.show(shop, ask, text, &reply, begun, is_so)?;
        Ok(reply)
    }

    /// The same, as often as it takes: what is written in the background takes its moment.
    async fn until(
        &mut self,
        shop: &Shop,
        ask: Ask<'_>,
        text: &str,
        parts: &[&str],
    ) -> Result<Reply, String> {
        self.wait(shop, ask, text, |reply| has(reply, parts)).await
    }

    async fn until_says(
        &mut self,
        shop: &Shop,
        ask: Ask<'_>,
        text: &str,
        body: &str,
    ) -> Result<Reply, String> {
        self.wait(shop, ask, text, |reply| reply.body.contains(body))
            .await
    }

    async fn purge(
        &mut self,
        shop: &Shop,
        carol: &str,
        text: &str,
        says: &str,
    ) -> Result<(), String> {
        let (ask, begun) = (purge_of(carol), Instant::now());
        let reply = self.client.send(shop, ask).await?;
        let is_so = reply.body.contains(says);
        self.show(shop, ask, text, &reply, begun, is_so)
    }

    async fn purge_until(
        &mut self,
        shop: &Shop,
        carol: &str,
        text: &str,
        says: &str,
    ) -> Result<(), String> {
        let is_so = |reply: &Reply| reply.body.contains(says);
        self.wait(shop, purge_of(carol), text, is_so)
            .await
            .map(drop)
    }

    async fn wait(
        &mut self,
        shop: &Shop,
        ask: Ask<'_>,
        text: &str,
        is_so: impl Fn(&Reply) -> bool,
    ) -> Result<Reply, String> {
        let begun = Instant::now();
        loop {
            let reply = self.client.send(shop, ask).await?;
            let is_so = is_so(&reply);
            if is_so || begun.elapsed() > PATIENCE {
                self.show(shop, ask, text, &reply, begun, is_so)?;
                return Ok(reply);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn same(&self, got: &Reply, filled: &Reply) -> Result<(), String> {
        match got.body == filled.body {
            true => Ok(()),
            false => Err(format!("that should have been {}", filled.body)),
        }
    }

    fn show(
        &mut self,
        shop: &Shop,
        ask: Ask<'_>,
        text: &str,
        reply: &Reply,
        begun: Instant,
        is_so: bool,
    ) -> Result<(), String> {
        self.steps += 1;
        let (step, millis) = (self.steps, begun.elapsed().as_millis());
        let said = if reply.cache.is_empty() {
            &reply.body
        } else {
            &reply.cache
        };
        println!("{step:>2}. {text}\n    {}", ask.curl(shop));
        println!("    {} {said}", reply.status);
        if !reply.cache.is_empty() && !reply.body.is_empty() {
            println!("    {}", reply.body);
        }
        println!(
            "    {} after {millis} ms",
            if is_so {
                "as expected"
            } else {
                "NOT AS EXPECTED"
            }
        );
        match is_so {
            true => Ok(()),
            false => Err(format!("step {step} did not go as expected: {text}")),
        }
    }
}

fn title(text: &str) {
    println!("\n{text}");
}

fn has(reply: &Reply, parts: &[&str]) -> bool {
    parts.iter().all(|part| reply.cache.contains(part))
}

fn purge_of(carol: &str) -> Ask<'_> {
    Ask {
        method: "POST",
        path: "/purge",
        cookie: carol,
        json: r#"{"tag":"product:42"}"#,
    }
}
