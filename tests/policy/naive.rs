//! The rules a second time, from the text of the standards and nothing else: strings, plain
//! integers, one rule after the other, no thought of speed.
//!
//! Times are milliseconds since 1970. What HTTP leaves to the cache is as the crate documents it.

use super::messages::{Request, Response, Rules, Times};
use super::selecting::{comparable, varying_fields};
use super::wording::{
    Says, Scope, asked, delta_seconds, lines, only_date, policy_field, split_list,
};

/// What is remembered of a stored response.
#[derive(Clone, Debug)]
pub struct Stored {
    pub lifetime: i64,
    pub initial_age: i64,
    pub came: i64,
    pub while_validating: i64,
    pub if_error: i64,
    pub no_cache: bool,
    pub never_stale: bool,
    pub immutable: bool,
    /// The fields of `Vary` in lower case, with what the request had there.
    pub selecting: Vec<(String, Option<String>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Serve,
    ServeAndValidate,
    /// It is stale, or says that it must be validated.
    Validate,
    /// It is fresh, but the client wants more.
    Forced,
    /// It is of no use any more, not even for validation.
    Forget,
}

/// Whether the cache may take part at all.
pub fn takes_part(request: &Request) -> bool {
    let has = |name| !lines(&request.fields, name).is_empty();
    let content_length = lines(&request.fields, "content-length");
    (request.method == "GET" || request.method == "HEAD")
        && !request.content
        && content_length.iter().all(|length| *length == "0")
        && !has("transfer-encoding")
        && !has("upgrade")
        && !has("if-match")
        && !has("if-unmodified-since")
        && !has("x-original-url")
        && !has("x-rewrite-url")
        && !has("x-http-method-override")
}

/// RFC 9111 section 3, row by row.
pub fn store(
    rules: &Rules,
    request: &Request,
    response: &Response,
    times: Times,
) -> Option<Stored> {
    let says = policy_field(rules, response);
    let asks = asked(request);
    let status = response.status;
    let has = |name| !lines(&request.fields, name).is_empty();
    let present = |name| !lines(&response.fields, name).is_empty();
    let expires = !says.targeted && present("expires");
    let explicit = says.max_age.is_some() || (rules.shared && says.s_maxage.is_some()) || expires;
    let by_itself = HEURISTIC.contains(&status);

    if !takes_part(request) {
        return None;
    }
    let about_other_fields = [401, 407, 412, 416, 417, 421, 425].contains(&status);
    if status < 200 || about_other_fields || [206, 304, 428, 429, 431, 511].contains(&status) {
        return None;
    }
    if !by_itself && status >= 400 && !rules.errors {
        return None;
    }
    if !by_itself && !explicit && !says.public {
        return None;
    }
    if asks.no_store || says.garbage {
        return None;
    }
    let understood = by_itself || [302, 303, 307].contains(&status);
    if says.must_understand && !understood {
        return None;
    }
    if says.no_store && !says.must_understand {
        return None;
    }
    if rules.shared && says.private == Scope::Whole {
        return None;
    }
    let sharable = says.public || says.s_maxage.is_some();
    if rules.shared && has("authorization") && !sharable && !says.must_revalidate {
        return None;
    }
    let may_have_cookie = rules.share_cookies || sharable || says.targeted;
    if rules.shared && has("cookie") && !may_have_cookie {
        return None;
    }
    let stripped =
        says.no_cache.names("set-cookie") || (rules.shared && says.private.names("set-cookie"));
    if present("set-cookie") && !stripped && !rules.store_set_cookie {
        return None;
    }
    let private_allows = !rules.shared && says.private != Scope::Absent;
    if !(says.public || private_allows || explicit || by_itself) {
        return None;
    }
    let vary = varying_fields(response)?;
    let ranged = has("range") || has("if-range");
    if ranged && (status != 200 || present("content-range")) {
        return None;
    }
    if connection_names_a_caching_field(rules, response) {
        return None;
    }

    let lifetime = lifetime(rules, &says, response, times);
    let windows = says.while_validating.unwrap_or(0) + says.if_error.unwrap_or(0);
    if lifetime == 0 && windows == 0 && !has_validator(&says, rules, response, times) {
        return None;
    }
    let implied = says.s_maxage.is_some() && !(rules.windows_beat_s_maxage && windows > 0);
    let no_cache = says.no_cache == Scope::Whole;
    Some(Stored {
        lifetime,
        initial_age: initial_age(response, times),
        came: times.came,
        while_validating: says.while_validating.unwrap_or(0) * 1000,
        if_error: says.if_error.unwrap_or(0) * 1000,
        no_cache,
        never_stale: no_cache
            || says.must_revalidate
            || (rules.shared && (says.proxy_revalidate || implied)),
        immutable: says.immutable,
        selecting: vary
            .into_iter()
            .map(|name| {
                let value = comparable(&name, request);
                (name, value)
            })
            .collect(),
    })
}

/// RFC 9111 section 4.1.
pub fn selects(stored: &Stored, request: &Request) -> bool {
    stored
        .selecting
        .iter()
        .all(|(name, value)| comparable(name, request) == *value)
}

/// RFC 9111 section 4.2.3.
pub fn age(stored: &Stored, now: i64) -> i64 {
    stored.initial_age + (now - stored.came).max(0)
}

/// RFC 9111 section 4, and for how long the operator keeps what has to be validated.
pub fn decide(rules: &Rules, stored: &Stored, request: &Request, now: i64) -> Verdict {
    let verdict = reuse(rules, stored, request, now);
    if matches!(verdict, Verdict::Serve | Verdict::ServeAndValidate) {
        return verdict;
    }
    let expired = age(stored, now) - stored.lifetime;
    let mut kept = stored.while_validating;
    for window in [stored.if_error, rules.grace, rules.stale_on_failure] {
        kept = kept.max(window);
    }
    match rules.keep {
        // Kept for no time at all, it is gone at the instant at which it expires.
        Some(0) if kept == 0 && expired >= 0 => Verdict::Forget,
        Some(keep) if expired > kept + keep => Verdict::Forget,
        _ => verdict,
    }
}

fn reuse(rules: &Rules, stored: &Stored, request: &Request, now: i64) -> Verdict {
    let asks = asked(request);
    let age = age(stored, now);
    let fresh = stored.lifetime > age;
    let left = stored.lifetime - age;
    if stored.no_cache {
        return Verdict::Validate;
    }
    if rules.honour {
        let too_old = asks.max_age.is_some_and(|max| max * 1000 < age);
        let too_short = asks.min_fresh.is_some_and(|min| min * 1000 > left);
        if asks.no_cache || (too_old && !(fresh && stored.immutable)) || too_short {
            return if fresh {
                Verdict::Forced
            } else {
                Verdict::Validate
            };
        }
    }
    if fresh {
        return Verdict::Serve;
    }
    if stored.never_stale {
        return Verdict::Validate;
    }
    if rules.honour
        && asks
            .max_stale
            .is_some_and(|most| -left <= most.saturating_mul(1000))
    {
        return Verdict::Serve;
    }
    let window = stored.while_validating.max(rules.grace);
    if window > 0 && -left <= window {
        // A client that wants a stored response or nothing starts no validation.
        return if asks.only_if_cached {
            Verdict::Serve
        } else {
            Verdict::ServeAndValidate
        };
    }
    Verdict::Validate
}

/// RFC 5861 section 4: may it stand in for an error?
pub fn survives_failure(rules: &Rules, stored: &Stored, request: &Request, now: i64) -> bool {
    let left = stored.lifetime - age(stored, now);
    let asked = asked(request)
        .if_error
        .filter(|_| rules.honour)
        .unwrap_or(0)
        * 1000;
    let operators = rules.stale_on_failure.max(rules.grace);
    let window = stored.if_error.max(asked).max(operators);
    !stored.never_stale && (left > 0 || (window > 0 && -left <= window))
}

/// RFC 9111 section 4.2.1 and 4.2.2, in milliseconds.
fn lifetime(rules: &Rules, says: &Says, response: &Response, times: Times) -> i64 {
    let expires = lines(&response.fields, "expires");
    let full = if let (true, Some(seconds)) = (rules.shared, says.s_maxage) {
        seconds * 1000
    } else if let Some(seconds) = says.max_age {
        seconds * 1000
    } else if !says.targeted && !expires.is_empty() {
        match only_date(&expires, times) {
            None => 0,
            Some(expires) => (expires - date(response, times)).max(0),
        }
    } else if rules.heuristics && (HEURISTIC.contains(&response.status) || says.public) {
        match only_date(&lines(&response.fields, "last-modified"), times) {
            None => 0,
            Some(modified) => ((date(response, times) - modified).max(0) / 10).min(DAY),
        }
    } else {
        0
    };
    rules.cap.map_or(full, |cap| full.min(cap))
}

/// RFC 9111 section 4.2.3. What is compared with an HTTP date has whole seconds, as dates have.
fn initial_age(response: &Response, times: Times) -> i64 {
    let apparent = whole((times.came - date(response, times)).max(0));
    let members = split_list(&lines(&response.fields, "age").join(", "));
    let stated = members
        .first()
        .and_then(|member| delta_seconds(member))
        .unwrap_or(0);
    apparent.max(stated * 1000 + (times.came - times.asked).max(0))
}

/// A response without a valid one is as if it were made when it came; dates have whole seconds.
fn date(response: &Response, times: Times) -> i64 {
    only_date(&lines(&response.fields, "date"), times).unwrap_or(whole(times.came))
}

fn whole(milliseconds: i64) -> i64 {
    milliseconds.div_euclid(1000) * 1000
}

/// A validator that will be there for a later request.
fn has_validator(says: &Says, rules: &Rules, response: &Response, times: Times) -> bool {
    let stripped =
        |name: &str| says.no_cache.names(name) || (rules.shared && says.private.names(name));
    let tags = lines(&response.fields, "etag");
    let tag = tags.len() == 1 && is_entity_tag(&tags[0]);
    let modified = only_date(&lines(&response.fields, "last-modified"), times).is_some();
    (tag && !stripped("etag")) || (modified && !stripped("last-modified"))
}

pub fn is_entity_tag(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    let opaque = text.strip_prefix("W/").unwrap_or(text);
    opaque.len() >= 2
        && opaque.starts_with('"')
        && opaque.ends_with('"')
        && opaque[1..opaque.len() - 1]
            .chars()
            .all(|c| c > ' ' && c != '"' && c != '\x7f')
}

fn connection_names_a_caching_field(rules: &Rules, response: &Response) -> bool {
    let options = lines(&response.fields, "connection")
        .join(",")
        .to_ascii_lowercase();
    options
        .split(',')
        .map(|option| option.trim_matches([' ', '\t']))
        .any(|option| {
            CACHING_FIELDS.contains(&option) || rules.targets.iter().any(|target| target == option)
        })
}

const DAY: i64 = 24 * 3600 * 1000;

/// RFC 9110 section 15.1 without 206, and RFC 7725.
const HEURISTIC: [u16; 12] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 451, 501];

/// What a cache reads, and what says which bytes it holds.
const CACHING_FIELDS: [&str; 12] = [
    "age",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "last-modified",
    "set-cookie",
    "vary",
];
