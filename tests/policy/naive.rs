//! The rules a second time, from the text of the standards and nothing else: strings, plain
//! integers, one rule after the other, no thought of speed.
//!
//! Times are milliseconds since 1970. What HTTP leaves to the cache is as the crate documents it.

/// One field line.
pub type Field = (String, String);

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub fields: Vec<Field>,
    pub content: bool,
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub fields: Vec<Field>,
}

/// When a request left, and when its response came.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub asked: i64,
    pub came: i64,
}

/// What the operator chose.
#[derive(Clone, Debug)]
pub struct Rules {
    pub shared: bool,
    pub errors: bool,
    pub heuristics: bool,
    pub honour: bool,
    pub share_cookies: bool,
    pub store_set_cookie: bool,
    pub windows_beat_s_maxage: bool,
    pub stale_on_failure: i64,
    pub cap: Option<i64>,
    pub targets: Vec<String>,
}

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

/// RFC 9111 section 4.
pub fn decide(rules: &Rules, stored: &Stored, request: &Request, now: i64) -> Verdict {
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
    if stored.while_validating > 0 && -left <= stored.while_validating {
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
    let window = stored.if_error.max(asked).max(rules.stale_on_failure);
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

fn is_entity_tag(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    let opaque = text.strip_prefix("W/").unwrap_or(text);
    opaque.len() >= 2
        && opaque.starts_with('"')
        && opaque.ends_with('"')
        && opaque[1..opaque.len() - 1]
            .chars()
            .all(|c| c > ' ' && c != '"' && c != '\x7f')
}

/// `None` when the response matches no later request.
fn varying_fields(response: &Response) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for member in lines(&response.fields, "vary").join(",").split(',') {
        let name = member.trim_matches([' ', '\t']).to_ascii_lowercase();
        if name == "*" || (!name.is_empty() && !is_token(&name)) {
            return None;
        }
        names.push(name);
    }
    let origin = lines(&response.fields, "access-control-allow-origin");
    if origin.first().is_some_and(|origin| origin != "*") {
        names.push("origin".into());
    }
    if !lines(&response.fields, "content-encoding").is_empty() {
        names.push("accept-encoding".into());
    }
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    (names.len() <= 16).then_some(names)
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

/// A request field in the form in which it is compared; `None` when it is absent.
fn comparable(name: &str, request: &Request) -> Option<String> {
    let lines = lines(&request.fields, name);
    if lines.is_empty() {
        return None;
    }
    let separator = if name == "cookie" { "; " } else { ", " };
    let merged = lines.join(separator);
    let parameters = [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "prefer",
    ];
    if parameters.contains(&name) {
        let members = split_list(&merged).into_iter().map(|member| {
            let parts = split_outside_quotes(&member, ';').into_iter();
            let parts: Vec<_> = parts
                .map(|p| p.trim_matches([' ', '\t']).to_owned())
                .collect();
            parts.join(";")
        });
        let list = members.collect::<Vec<_>>().join(",");
        let folds = name != "accept" && name != "prefer";
        return Some(if folds {
            list.to_ascii_lowercase()
        } else {
            list
        });
    }
    if name == "cache-control" || name == "pragma" {
        return Some(split_list(&merged).join(","));
    }
    Some(merged.trim_matches([' ', '\t']).to_owned())
}

/// What a `no-cache` or `private` speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    #[default]
    Absent,
    Whole,
    Fields(Vec<String>),
}

impl Scope {
    fn names(&self, field: &str) -> bool {
        matches!(self, Self::Fields(names) if names.iter().any(|name| name == field))
    }

    /// Two of them together restrict what either restricts.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Absent, scope) | (scope, Self::Absent) => scope,
            (Self::Whole, _) | (_, Self::Whole) => Self::Whole,
            (Self::Fields(a), Self::Fields(b)) => Self::Fields([a, b].concat()),
        }
    }

    /// An empty list, or one with something that is no field name, is no list. An apostrophe is
    /// taken for an attempt to quote.
    pub fn of_names(names: Vec<String>) -> Self {
        let good = |name: &String| is_token(name) && !name.contains('\'');
        if names.is_empty() || !names.iter().all(good) {
            return Self::Whole;
        }
        Self::Fields(names.iter().map(|name| name.to_ascii_lowercase()).collect())
    }
}

/// The directives of a response.
#[derive(Clone, Debug, Default)]
pub struct Says {
    pub targeted: bool,
    pub garbage: bool,
    pub max_age: Option<i64>,
    pub s_maxage: Option<i64>,
    pub no_store: bool,
    pub no_cache: Scope,
    pub private: Scope,
    pub public: bool,
    pub must_revalidate: bool,
    pub proxy_revalidate: bool,
    pub must_understand: bool,
    pub immutable: bool,
    pub while_validating: Option<i64>,
    pub if_error: Option<i64>,
}

/// RFC 9213 section 2.2: one field sets the policy, never a mixture.
pub fn policy_field(rules: &Rules, response: &Response) -> Says {
    for target in &rules.targets {
        let value = lines(&response.fields, target).join(", ");
        if let Some(members) = super::dictionary::parse(&value).filter(|m| !m.is_empty()) {
            return super::dictionary::directives(&members);
        }
    }
    let (list, garbage) = directives(&lines(&response.fields, "cache-control"));
    let mut says = Says {
        garbage,
        ..Says::default()
    };
    for (name, argument) in list {
        match name.as_str() {
            "max-age" => both(&mut says.max_age, Some(argument.seconds().unwrap_or(0))),
            "s-maxage" => both(&mut says.s_maxage, Some(argument.seconds().unwrap_or(0))),
            "no-store" => says.no_store = true,
            "no-cache" => says.no_cache = says.no_cache.and(argument.scope()),
            "private" => says.private = says.private.and(argument.scope()),
            "public" => says.public = true,
            "must-revalidate" => says.must_revalidate = true,
            "proxy-revalidate" => says.proxy_revalidate = true,
            "must-understand" => says.must_understand = true,
            "immutable" => says.immutable = true,
            "stale-while-revalidate" => both(&mut says.while_validating, argument.seconds()),
            "stale-if-error" => both(&mut says.if_error, argument.seconds()),
            _ => {}
        }
    }
    says
}

/// The directives of a request.
#[derive(Clone, Debug, Default)]
struct Asks {
    no_store: bool,
    no_cache: bool,
    only_if_cached: bool,
    max_age: Option<i64>,
    min_fresh: Option<i64>,
    max_stale: Option<i64>,
    if_error: Option<i64>,
}

fn asked(request: &Request) -> Asks {
    let mut asks = Asks::default();
    let control = lines(&request.fields, "cache-control");
    if control.is_empty() {
        let (list, _) = directives(&lines(&request.fields, "pragma"));
        asks.no_cache = list.iter().any(|(name, _)| name == "no-cache");
        return asks;
    }
    for (name, argument) in directives(&control).0 {
        match name.as_str() {
            "no-store" => asks.no_store = true,
            "no-cache" => asks.no_cache = true,
            "only-if-cached" => asks.only_if_cached = true,
            "max-age" => both(&mut asks.max_age, Some(argument.seconds().unwrap_or(0))),
            "min-fresh" => {
                let wanted = argument.seconds().unwrap_or(FOREVER);
                asks.min_fresh = asks.min_fresh.max(Some(wanted));
            }
            "max-stale" => {
                let any = (argument == Argument::None).then_some(i64::MAX);
                if let Some(most) = any.or(argument.seconds()) {
                    asks.max_stale = Some(asks.max_stale.map_or(most, |other| other.min(most)));
                }
            }
            "stale-if-error" => both(&mut asks.if_error, argument.seconds()),
            _ => {}
        }
    }
    asks
}

/// Equal duplicates are one; different ones are worth nothing.
fn both(slot: &mut Option<i64>, value: Option<i64>) {
    if let Some(value) = value {
        *slot = Some(if slot.is_none_or(|earlier| earlier == value) {
            value
        } else {
            0
        });
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Argument {
    None,
    Invalid,
    Text(String),
}

impl Argument {
    fn seconds(&self) -> Option<i64> {
        match self {
            Self::Text(text) => delta_seconds(text),
            _ => None,
        }
    }

    fn scope(&self) -> Scope {
        match self {
            Self::Text(text) => Scope::of_names(split_list(text)),
            _ => Scope::Whole,
        }
    }
}

/// RFC 9111 section 5.2: names in lower case with their arguments, and whether something in the
/// field cannot be read at all.
fn directives(lines: &[String]) -> (Vec<(String, Argument)>, bool) {
    let mut garbage = false;
    let mut list = Vec::new();
    for member in split_list(&lines.join(", ")) {
        let (name, rest) = match member.split_once('=') {
            None => (member.as_str(), None),
            Some((name, rest)) => (name, Some(rest)),
        };
        let trimmed = rest.map(|rest| rest.trim_matches([' ', '\t']));
        let spaced = rest != trimmed || name.ends_with([' ', '\t']);
        let name = name.trim_matches([' ', '\t']);
        let argument = match trimmed {
            None => Argument::None,
            Some("") => Argument::Invalid,
            Some(text) if is_token(text) => Argument::Text(text.into()),
            Some(text) => match unquoted(text) {
                Some(text) => Argument::Text(text),
                None => {
                    garbage = true;
                    Argument::Invalid
                }
            },
        };
        let argument = if spaced { Argument::Invalid } else { argument };
        if is_token(name) {
            list.push((name.to_ascii_lowercase(), argument));
        } else {
            garbage = true;
        }
    }
    (list, garbage)
}

fn unquoted(text: &str) -> Option<String> {
    let mut chars = text.strip_prefix('"')?.chars();
    let mut plain = String::new();
    loop {
        match chars.next()? {
            '"' => return chars.next().is_none().then_some(plain),
            '\\' => plain.push(chars.next()?),
            c => plain.push(c),
        }
    }
}

/// The trimmed, non-empty members of a comma list.
fn split_list(text: &str) -> Vec<String> {
    split_outside_quotes(text, ',')
        .iter()
        .map(|member| member.trim_matches([' ', '\t']).to_owned())
        .filter(|member| !member.is_empty())
        .collect()
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if c == separator && !quoted {
            parts.push(String::new());
            continue;
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && c == '\\' && !escaped;
        parts.last_mut().unwrap().push(c);
    }
    parts
}

pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))
}

/// RFC 9111 section 1.2.2.
pub fn delta_seconds(text: &str) -> Option<i64> {
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let significant = text.trim_start_matches('0');
    if significant.len() > 12 {
        return Some(FOREVER);
    }
    Some(significant.parse::<i64>().unwrap_or(0).min(FOREVER))
}

fn only_date(lines: &[String], times: Times) -> Option<i64> {
    match lines {
        [line] => super::dates::parse(line.trim_matches([' ', '\t']), times.came),
        _ => None,
    }
}

pub fn lines(fields: &[Field], name: &str) -> Vec<String> {
    fields
        .iter()
        .filter(|(n, _)| n == name)
        .map(|(_, value)| value.clone())
        .collect()
}

const FOREVER: i64 = 1 << 31;
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
