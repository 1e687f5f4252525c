//! What clients ask, at random.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use http::{Method, Request};
use http_body_util::Empty;

use crate::settings::{User, chance, maybe, millis, pick};
use crate::themes::Theme;

pub type Nothing = Empty<Bytes>;

/// One request, and how its client behaves.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: Method,
    pub resource: usize,
    pub user: Option<u8>,
    by_cookie: bool,
    /// 0: none is asked for.
    pub language: u8,
    pub range: Option<(usize, usize)>,
    pub condition: Option<String>,
    pub directive: Option<&'static str>,
    /// Leaves after so long.
    pub leaves: Option<Duration>,
    /// Rests so long after each piece of the body.
    pub rests: Option<Duration>,
    /// Stops reading at the announced length, as servers do.
    pub stops_at_length: bool,
    /// A write goes through the layer of what users have of their own.
    pub own_layer: bool,
}

impl Ask {
    pub fn random(rng: &mut Rng, theme: &Theme, resource: usize) -> Self {
        let method = if chance(rng, theme.writes) {
            pick(rng, &[&Method::PUT, &Method::POST, &Method::DELETE]).clone()
        } else if chance(rng, 0.1) {
            Method::HEAD
        } else {
            Method::GET
        };
        let reads = method == Method::GET || method == Method::HEAD;
        let directives = [
            "only-if-cached",
            "only-if-cached",
            "no-store",
            "no-cache",
            "max-stale",
            "max-age=1",
            "min-fresh=1",
            "stale-if-error=5",
        ];
        Self {
            resource,
            user: maybe(rng, 0.5, &[1, 2, 3]),
            by_cookie: rng.bool(),
            language: pick(rng, &[0, 0, 1, 2]),
            range: chance(rng, 0.05).then(|| range(rng)),
            condition: chance(rng, 0.05).then(|| format!("\"v{}\"", rng.u8(..6))),
            directive: maybe(rng, 0.15, &directives).filter(|_| reads),
            leaves: chance(rng, theme.leaving).then(|| patience(rng)),
            rests: chance(rng, theme.rests).then(|| millis(pick(rng, &[1, 20, 500, 4_000]))),
            stops_at_length: chance(rng, 0.3),
            own_layer: rng.bool(),
            method,
        }
    }

    pub fn is_read(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }

    /// Which part of a body it gets, if any, shows only when all of it is there.
    pub fn wants_whole(&self) -> bool {
        let depends = self.range.is_some() || self.condition.is_some();
        depends && self.method == Method::GET
    }

    pub fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    pub fn request(&self, visit: usize) -> Request<Nothing> {
        let mut request = Request::builder()
            .method(&self.method)
            .uri(format!("/{}", self.resource))
            .header("x-visit", visit);
        if self.language > 0 {
            request = request.header("accept-language", self.language.to_string());
        }
        if let Some((first, last)) = self.range {
            request = request.header("range", format!("bytes={first}-{last}"));
        }
        if let Some(tag) = &self.condition {
            request = request.header("if-none-match", tag);
        }
        if let Some(directive) = self.directive {
            request = request.header("cache-control", directive);
        }
        if let Some(user) = self.user {
            let (name, value) = match self.by_cookie {
                true => ("cookie", format!("user={user}")),
                false => ("authorization", format!("Bearer {user}")),
            };
            request = request.header(name, value).extension(User(user));
        }
        request.body(Nothing::new()).unwrap()
    }
}

fn patience(rng: &mut Rng) -> Duration {
    let longest = pick(rng, &[1, 100, 1_000, 5_000]);
    millis(rng.u64(..=longest))
}

fn range(rng: &mut Rng) -> (usize, usize) {
    let most = pick(rng, &[10, 400, 3_000]);
    let first = rng.usize(..most);
    (first, first + rng.usize(..300))
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} /{}", self.method, self.resource)?;
        if let Some(user) = self.user {
            let by = if self.by_cookie { "cookie" } else { "token" };
            write!(f, " user={user} by {by}")?;
        }
        if self.language > 0 {
            write!(f, " language={}", self.language)?;
        }
        if let Some((first, last)) = self.range {
            write!(f, " range={first}-{last}")?;
        }
        if let Some(tag) = &self.condition {
            write!(f, " if-none-match={tag}")?;
        }
        if let Some(directive) = self.directive {
            write!(f, " {directive}")?;
        }
        if let Some(leaves) = self.leaves {
            write!(f, " leaves after {leaves:?}")?;
        }
        if let Some(rests) = self.rests {
            write!(f, " rests {rests:?}")?;
        }
        Ok(())
    }
}
