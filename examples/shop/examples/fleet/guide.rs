//! [`Guide`]: sends a request, says what came of it, and whether that was expected.

use std::time::{Duration, Instant};

use crate::client::{Ask, Client, Reply};
use crate::fleet::Shop;

/// How long what is bound to happen may take here; the bound is 2 s.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Guide {
    client: Client,
    steps: u32,
}

impl Guide {
    pub(crate) fn new() -> Self {
        let client = Client::new();
        Self { client, steps: 0 }
    }

    /// How many there were.
    pub(crate) fn steps(&self) -> u32 {
        self.steps
    }

    pub(crate) async fn login(&self, shop: &Shop, user: &str) -> Result<String, String> {
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
    pub(crate) async fn see(
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
    pub(crate) async fn until(
        &mut self,
        shop: &Shop,
        ask: Ask<'_>,
        text: &str,
        parts: &[&str],
    ) -> Result<Reply, String> {
        self.wait(shop, ask, text, |reply| has(reply, parts)).await
    }

    pub(crate) async fn until_says(
        &mut self,
        shop: &Shop,
        ask: Ask<'_>,
        text: &str,
        body: &str,
    ) -> Result<Reply, String> {
        self.wait(shop, ask, text, |reply| reply.body.contains(body))
            .await
    }

    pub(crate) async fn purge(
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

    pub(crate) async fn purge_until(
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

    /// Until each of them asks Redis again, which those who found it down do after a pause.
    pub(crate) async fn reach(
        &self,
        [a, b, c]: [&Shop; 3],
        carol: &str,
        ask: Ask<'_>,
        hit: &[&str],
    ) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            self.client.send(a, purge_of(carol)).await?;
            let mut shared = true;
            for (first, other) in [(b, a), (c, b)] {
                self.client.send(first, ask).await?;
                let reply = self.client.send(other, ask).await?;
                shared &= has(&reply, hit);
                self.client.send(a, purge_of(carol)).await?;
            }
            if shared {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    pub(crate) async fn wait(
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

pub(crate) fn title(text: &str) {
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

/// It is the very same response.
pub(crate) fn same(got: &Reply, filled: &Reply) -> Result<(), String> {
    match got.body == filled.body {
        true => Ok(()),
        false => Err(format!("that should have been {}", filled.body)),
    }
}
