//! Settings of a cache and of its layers, at random.

use std::time::Duration;

use fastrand::Rng;
use larder::policy::key::Partition;
use larder::{Cache, CacheBuilder, CacheLayer, Clock, EarlyRefresh, Policy, RoutePolicy};

use crate::purges;
use crate::themes::Theme;

/// Who asks, as the application's authentication found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User(pub u8);

#[derive(Clone, Debug)]
pub struct Settings {
    pub conformance: bool,
    pub max_bytes: u64,
    pub max_body_bytes: u64,
    pub max_fill_bytes: u64,
    pub max_followers: usize,
    pub max_background: usize,
    pub max_uncacheable: usize,
    pub max_variants: usize,
    /// So few that whoever purges sweeps: others would do it in a thread of their own.
    pub max_purge_records: Option<u64>,
    pub collapse_timeout: Duration,
    pub finish_within: Duration,
    pub retry_refresh_after: Duration,
    pub uncacheable_for: Duration,
    pub collapse: bool,
    pub finish_on_disconnect: bool,
    pub soft_timeout: Option<Duration>,
    pub hard_timeout: Option<Duration>,
    early_refresh: EarlyRefresh,
    jitter_percent: u8,
    pub lifetime: Option<Duration>,
    pub grace: Option<Duration>,
    keep: Option<Duration>,
    pub stale_while_revalidate: Option<Duration>,
    pub stale_if_error: Option<Duration>,
    /// How often a request stands in line until the origin is ready.
    pub queues: f64,
    /// Handlers learn who asks from the request's extensions instead of its fields.
    pub identity_in_extensions: bool,
}

impl Settings {
    pub fn random(rng: &mut Rng, theme: &Theme) -> Self {
        let conformance = chance(rng, 0.3);
        let mut small = |tiny: &[u64], usual: u64| match chance(rng, theme.tiny) {
            true => pick(rng, tiny),
            false => usual,
        };
        let max_bytes = small(&[0, 1_500, 4_000, 20_000, 200_000], 64 << 20);
        let max_body_bytes = small(&[0, 300, 2_000, 70_000, 300_000], 1 << 20);
        let max_fill_bytes = small(&[0, 500, 3_000, 70_000, 300_000], 64 << 20);
        let max_followers = small(&[0, 1, 3], 100_000);
        let max_background = small(&[0, 1, 2], 1024);
        let max_variants = small(&[1, 2], 64);
        Self {
            conformance,
            max_bytes,
            max_body_bytes,
            max_fill_bytes,
            max_followers: max_followers as usize,
            max_background: max_background as usize,
            // With more places it would depend on hashes which keys share one.
            max_uncacheable: pick(rng, &[0, 1, 1]),
            max_variants: max_variants as usize,
            max_purge_records: maybe(rng, 0.3, &[0]),
            collapse_timeout: millis(pick(rng, &[1, 300, 3_000, 10_000])),
            finish_within: millis(pick(rng, &[200, 5_000, 60_000])),
            retry_refresh_after: millis(pick(rng, &[0, 1_000, 5_000])),
            uncacheable_for: millis(pick(rng, &[0, 2_000, 30_000])),
            collapse: chance(rng, 0.95),
            finish_on_disconnect: chance(rng, 0.7),
            soft_timeout: maybe(rng, 0.2, &[0, 50, 500]).map(millis),
            hard_timeout: maybe(rng, 0.25, &[100, 1_000, 4_000]).map(millis),
            early_refresh: early_refresh(rng),
            jitter_percent: if chance(rng, 0.2) { rng.u8(..=100) } else { 0 },
            // With it `conformance` stores errors, and whose they are shows no longer.
            lifetime: maybe(rng, 0.2, &[0, 1, 4])
                .filter(|_| !conformance)
                .map(secs),
            grace: maybe(rng, 0.2, &[1, 5, 30]).map(secs),
            keep: maybe(rng, 0.2, &[0, 1, 10]).map(secs),
            stale_while_revalidate: maybe(rng, 0.2, &[1, 10]).map(secs),
            stale_if_error: maybe(rng, 0.2, &[1, 10]).map(secs),
            queues: pick(rng, &[0.0, 0.0, 0.1, 0.5]),
            identity_in_extensions: rng.bool(),
        }
    }

    pub fn cache(&self, clock: Clock) -> Cache {
        let builder: CacheBuilder = Cache::builder()
            .clock(clock)
            .collapse_timeout(self.collapse_timeout)
            .finish_within(self.finish_within)
            .max_background(self.max_background)
            .max_body_bytes(self.max_body_bytes)
            .max_bytes(self.max_bytes)
            .max_fill_bytes(self.max_fill_bytes)
            .max_followers(self.max_followers)
            .max_uncacheable(self.max_uncacheable)
            .max_variants(self.max_variants)
            .retry_refresh_after(self.retry_refresh_after)
            .uncacheable_for(self.uncacheable_for);
        let builder = match self.max_purge_records {
            Some(records) => builder.max_purge_records(records),
            None => builder,
        };
        builder.build()
    }

    /// The layer of what all users share.
    pub fn shared_layer(&self, cache: &Cache) -> CacheLayer {
        let policy = match self.conformance {
            true => Policy::conformance(),
            false => Policy::shared(),
        };
        self.layer(cache, policy)
    }

    /// The layer that gives every user a copy of their own.
    pub fn own_layer(&self, cache: &Cache) -> CacheLayer {
        self.layer(cache, Policy::private()).with_partition(|all| {
            let User(id) = all.get()?;
            Partition::of("user", &[*id]).ok()
        })
    }

    fn route(&self) -> RoutePolicy {
        let mut route = RoutePolicy::obey()
            .tag(purges::WHOLE)
            .tag_with(purges::tags);
        if let Some(lifetime) = self.lifetime {
            route = route.lifetime(lifetime);
        }
        if let Some(window) = self.grace {
            route = route.grace(window);
        }
        if let Some(window) = self.keep {
            route = route.keep(window);
        }
        if let Some(window) = self.stale_while_revalidate {
            route = route.stale_while_revalidate(window);
        }
        if let Some(window) = self.stale_if_error {
            route = route.stale_if_error(window);
        }
        route
    }

    fn layer(&self, cache: &Cache, policy: Policy) -> CacheLayer {
        let mut layer = CacheLayer::new(cache.clone())
            .with_policy(policy)
            .with_route_policy(self.route())
            .with_collapsing(self.collapse)
            .with_finish_on_disconnect(self.finish_on_disconnect)
            .with_early_refresh(self.early_refresh)
            .with_jitter_percent(self.jitter_percent);
        if let Some(soft) = self.soft_timeout {
            layer = layer.with_soft_timeout(soft);
        }
        if let Some(hard) = self.hard_timeout {
            layer = layer.with_hard_timeout(hard);
        }
        layer
    }
}

fn early_refresh(rng: &mut Rng) -> EarlyRefresh {
    match rng.u8(..5) {
        0 => EarlyRefresh::probabilistic(),
        1 => EarlyRefresh::after_percent(rng.u8(..100)),
        _ => EarlyRefresh::off(),
    }
}

pub fn chance(rng: &mut Rng, likely: f64) -> bool {
    rng.f64() < likely
}

pub fn pick<T: Copy>(rng: &mut Rng, among: &[T]) -> T {
    among[rng.usize(..among.len())]
}

pub fn maybe<T: Copy>(rng: &mut Rng, likely: f64, among: &[T]) -> Option<T> {
    chance(rng, likely).then(|| pick(rng, among))
}

pub const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

pub const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}
