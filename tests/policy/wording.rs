//! What header fields say, for the oracle.

use super::messages::{Field, Request, Response, Rules, Times};

/// What a `no-cache` or `private` speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    #[default]
    Absent,
    Whole,
    Fields(Vec<String>),
}

impl Scope {
    pub fn names(&self, field: &str) -> bool {
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
pub struct Asks {
    pub no_store: bool,
    pub no_cache: bool,
    pub only_if_cached: bool,
    pub max_age: Option<i64>,
    pub min_fresh: Option<i64>,
    pub max_stale: Option<i64>,
    pub if_error: Option<i64>,
}

pub fn asked(request: &Request) -> Asks {
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
pub fn both(slot: &mut Option<i64>, value: Option<i64>) {
    if let Some(value) = value {
        *slot = Some(if slot.is_none_or(|earlier| earlier == value) {
            value
        } else {
            0
        });
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
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
pub fn directives(lines: &[String]) -> (Vec<(String, Argument)>, bool) {
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

pub fn unquoted(text: &str) -> Option<String> {
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
pub fn split_list(text: &str) -> Vec<String> {
    split_outside_quotes(text, ',')
        .iter()
        .map(|member| member.trim_matches([' ', '\t']).to_owned())
        .filter(|member| !member.is_empty())
        .collect()
}

pub fn split_outside_quotes(text: &str, separator: char) -> Vec<String> {
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

pub fn only_date(lines: &[String], times: Times) -> Option<i64> {
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

pub const FOREVER: i64 = 1 << 31;
