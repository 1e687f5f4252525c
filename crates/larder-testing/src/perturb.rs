//! Requests that differ from another in one input each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use http::header::{COOKIE, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Extensions, Uri};
use larder::policy::key::{Input, InputKind};
use percent_encoding::percent_decode_str;

use crate::typical::{HEADERS, LEFT, MADE_UP, other_than};

/// A request that differs from the first in one input.
pub(crate) struct Perturbed {
    pub(crate) input: Input,
    pub(crate) parts: Parts,
}

/// What is tried beyond what a request itself has.
#[derive(Clone, Default)]
pub(crate) struct Further {
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) cookies: Vec<(String, String)>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) paths: Vec<String>,
    pub(crate) identities: Vec<Identity>,
}

/// A typed identity with which a request is made, and another.
#[derive(Clone)]
pub(crate) struct Identity {
    name: &'static str,
    set: Arc<Set>,
    others: [Arc<Set>; 2],
}

type Set = dyn Fn(&mut Extensions) + Send + Sync;

impl Identity {
    pub(crate) fn new<T: Clone + Send + Sync + 'static>(one: T, other: T) -> Self {
        let path = std::any::type_name::<T>();
        let set = |value: T| -> Arc<Set> {
            Arc::new(move |extensions| {
                extensions.insert(value.clone());
            })
        };
        Self {
            name: path.rsplit("::").next().unwrap_or(path),
            set: set(one),
            others: [
                set(other),
                Arc::new(|extensions| {
                    extensions.remove::<T>();
                }),
            ],
        }
    }
}

impl fmt::Debug for Further {
    /// Leaves the values out: they may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        let cookies: Vec<_> = self.cookies.iter().map(|(name, _)| name).collect();
        let identities: Vec<_> = self.identities.iter().map(|of| of.name).collect();
        f.debug_struct("Further")
            .field("headers", &headers)
            .field("cookies", &cookies)
            .field("identities", &identities)
            .finish_non_exhaustive()
    }
}

impl Further {
    /// Puts into a request what all are to have.
    pub(crate) fn identify(&self, parts: &mut Parts) {
        for identity in &self.identities {
            (identity.set)(&mut parts.extensions);
        }
    }

    /// Every request that differs from this in one input.
    pub(crate) fn perturbed(&self, parts: &Parts) -> Vec<Perturbed> {
        let mut all = self.headers(parts);
        all.extend(self.cookies(parts));
        all.extend(self.parameters(parts));
        all.extend(self.paths(parts));
        for identity in &self.identities {
            for set in &identity.others {
                let mut parts = parts.clone();
                set(&mut parts.extensions);
                let input = Input::new(InputKind::Extension, identity.name);
                all.push(Perturbed { input, parts });
            }
        }
        all
    }

    fn headers(&self, parts: &Parts) -> Vec<Perturbed> {
        let mut tried: BTreeMap<&str, Vec<HeaderValue>> = BTreeMap::new();
        for (name, values) in HEADERS {
            let values = values.iter().map(|value| HeaderValue::from_static(value));
            tried.entry(name).or_default().extend(values);
        }
        let sent = parts.headers.iter();
        for (name, value) in sent.filter(|(name, _)| !LEFT.contains(&name.as_str())) {
            let other = value.to_str().map(other_than).unwrap_or_default();
            let other = HeaderValue::try_from(other).into_iter();
            tried.entry(name.as_str()).or_default().extend(other);
        }
        for (name, value) in &self.headers {
            tried.entry(name.as_str()).or_default().push(value.clone());
        }
        let mut all = Vec::new();
        for (name, values) in tried {
            let Ok(field) = HeaderName::try_from(name) else {
                continue;
            };
            let input = || Input::new(InputKind::Header, name);
            let sent = parts.headers.get(&field);
            if sent.is_some() {
                let mut parts = parts.clone();
                parts.headers.remove(&field);
                all.push(Perturbed {
                    input: input(),
                    parts,
                });
            }
            for value in values.into_iter().filter(|value| Some(value) != sent) {
                let mut parts = parts.clone();
                parts.headers.insert(field.clone(), value);
                all.push(Perturbed {
                    input: input(),
                    parts,
                });
            }
        }
        all
    }

    fn cookies(&self, parts: &Parts) -> Vec<Perturbed> {
        let lines = parts.headers.get_all(COOKIE).iter();
        let pairs: Vec<(String, String)> = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let with = |name: &str, pairs: Vec<(String, String)>| {
            let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
            let line = pairs.collect::<Vec<_>>().join("; ");
            let mut parts = parts.clone();
            parts.headers.remove(COOKIE);
            if !line.is_empty() {
                parts
                    .headers
                    .insert(COOKIE, HeaderValue::try_from(line).ok()?);
            }
            let input = Input::new(InputKind::Cookie, name);
            Some(Perturbed { input, parts })
        };
        each_other(&pairs, &self.cookies, str::to_owned)
            .into_iter()
            .filter_map(|(name, pairs)| with(&name, pairs))
            .collect()
    }

    fn parameters(&self, parts: &Parts) -> Vec<Perturbed> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs: Vec<(String, String)> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        each_other(&pairs, &self.parameters, decoded)
            .into_iter()
            .filter_map(|(name, pairs)| {
                let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
                let query = pairs.collect::<Vec<_>>().join("&");
                let mut parts = parts.clone();
                parts.uri = with_path(&parts.uri, parts.uri.path(), Some(&query))?;
                let input = Input::new(InputKind::Query, &name);
                Some(Perturbed { input, parts })
            })
            .collect()
    }

    fn paths(&self, parts: &Parts) -> Vec<Perturbed> {
        let other = |path: &String| {
            let mut parts = parts.clone();
            parts.uri = with_path(&parts.uri, path, parts.uri.query())?;
            let input = Input::new(InputKind::Path, "");
            Some(Perturbed { input, parts })
        };
        self.paths.iter().filter_map(other).collect()
    }
}

type Pairs = Vec<(String, String)>;

/// These pairs with each in turn changed and taken away, and with others set.
fn each_other(
    pairs: &[(String, String)],
    others: &[(String, String)],
    name_of: impl Fn(&str) -> String,
) -> Vec<(String, Pairs)> {
    let mut all = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, value) in pairs.iter().filter(|(name, _)| seen.insert(name.clone())) {
        let left = || pairs.iter().filter(|(other, _)| other != name).cloned();
        all.push((name_of(name), left().collect()));
        let changed = pairs.iter().map(|pair| {
            let is_first = std::ptr::eq(&raw const pair.0, &raw const *name);
            let value = if is_first {
                other_than(value)
            } else {
                pair.1.clone()
            };
            (pair.0.clone(), value)
        });
        all.push((name_of(name), changed.collect()));
    }
    let made_up = (MADE_UP.0.to_owned(), MADE_UP.1.to_owned());
    for other in others.iter().chain([&made_up]) {
        let left = pairs.iter().filter(|(name, _)| *name != other.0);
        let set = left.chain([other]).cloned();
        all.push((name_of(&other.0), set.collect()));
    }
    all
}

fn with_path(uri: &Uri, path: &str, query: Option<&str>) -> Option<Uri> {
    let text = match query {
        Some(query) if !query.is_empty() => format!("{path}?{query}"),
        _ => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

fn decoded(name: &str) -> String {
    let spaced = name.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(uri: &str, fields: &[(&str, &str)]) -> Parts {
        let mut builder = Request::get(uri);
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap().into_parts().0
    }

    fn of(kind: InputKind, parts: &Parts, further: &Further) -> Vec<(String, String)> {
        let all = further.perturbed(parts);
        let of_kind = all
            .iter()
            .filter(|perturbed| perturbed.input.kind() == kind);
        let shown = of_kind.map(|perturbed| {
            let parts = &perturbed.parts;
            let cookie = parts.headers.get(COOKIE);
            let shown = match kind {
                InputKind::Cookie => cookie.map_or("", |line| line.to_str().unwrap()),
                _ => parts.uri.path_and_query().unwrap().as_str(),
            };
            (perturbed.input.name().to_owned(), shown.to_owned())
        });
        shown.collect()
    }

    #[test]
    fn every_cookie_is_taken_away_changed_and_others_are_added() {
        let further = Further {
            cookies: vec![("theme".to_owned(), "dark".to_owned())],
            ..Further::default()
        };
        let parts = parts("/", &[("cookie", "a=1; b; a=2")]);
        let found = of(InputKind::Cookie, &parts, &further);
        let expected = [
            ("a", "b="),
            ("a", "a=0; b=; a=2"),
            ("b", "a=1; a=2"),
            ("b", "a=1; b=x; a=2"),
            ("theme", "a=1; b=; a=2; theme=dark"),
            ("larder-testing", "a=1; b=; a=2; larder-testing=1"),
        ];
        let expected = expected.map(|(name, line)| (name.to_owned(), line.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn every_parameter_is_taken_away_changed_and_others_are_added() {
        let parts = parts("/p?page=2&%61=true", &[]);
        let found = of(InputKind::Query, &parts, &Further::default());
        let expected = [
            ("page", "/p?%61=true"),
            ("page", "/p?page=3&%61=true"),
            ("a", "/p?page=2"),
            ("a", "/p?page=2&%61=false"),
            ("larder-testing", "/p?page=2&%61=true&larder-testing=1"),
        ];
        let expected = expected.map(|(name, uri)| (name.to_owned(), uri.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn fields_of_a_request_and_typical_ones_are_tried_and_those_of_caches_are_not() {
        let parts = parts(
            "/",
            &[("x-flag", "on"), ("range", "bytes=0-1"), ("host", "a")],
        );
        let all = Further::default().perturbed(&parts);
        let values = |name: &str| -> Vec<Option<HeaderValue>> {
            let is = |of: &&Perturbed| of.input == Input::new(InputKind::Header, name);
            let values = all.iter().filter(is);
            values
                .map(|of| of.parts.headers.get(name).cloned())
                .collect()
        };
        assert_eq!(
            values("x-flag"),
            [None, Some(HeaderValue::from_static("off"))]
        );
        assert_eq!(values("origin").len(), 1);
        assert_eq!(values("accept-language").len(), 5);
        assert_eq!(values("range"), []);
        assert_eq!(values("host"), []);
    }

    #[test]
    fn identity_is_put_into_every_request_and_then_changed_and_taken_away() {
        #[derive(Clone, Debug, PartialEq)]
        struct UserId(u8);

        let further = Further {
            identities: vec![Identity::new(UserId(1), UserId(2))],
            paths: vec!["/other".to_owned()],
            ..Further::default()
        };
        let mut parts = parts("/p?a", &[]);
        further.identify(&mut parts);
        assert_eq!(parts.extensions.get(), Some(&UserId(1)));
        let all = further.perturbed(&parts);
        let users = all
            .iter()
            .filter(|of| of.input.kind() == InputKind::Extension);
        let users: Vec<_> = users
            .map(|of| {
                (
                    of.input.name(),
                    of.parts.extensions.get::<UserId>().cloned(),
                )
            })
            .collect();
        assert_eq!(users, [("UserId", Some(UserId(2))), ("UserId", None)]);
        let path = of(InputKind::Path, &parts, &further);
        assert_eq!(path, [(String::new(), "/other?a".to_owned())]);
    }
}
