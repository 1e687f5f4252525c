//! Primary keys.
//!
//! Input: two requests with a line `--` between them. A request is lines of
//!
//! ```text
//! method
//! URI
//! Host, or nothing
//! default scheme, or nothing
//! kind=identity of the partition, or nothing for the shared one
//! name=value or name of an extra; any number of them
//! ```
//!
//! In partition and extras `^` and a byte stand for that byte with bit 6 flipped: `^J` is a line
//! feed, `^@` a zero byte, `^}` an equals sign.

use http::{HeaderValue, Method, Uri};
use larder_policy::key::{KeyBuf, KeyParts, MethodClass, Partition, Target};

use crate::{lines, sections};

/// Two requests have equal keys exactly if all their parts are equal, and equal keys are
/// invalidated together.
pub fn key(input: &[u8]) {
    let lines = lines(input);
    let mut requests = sections(&lines).map_while(Request::parse);
    let (Some(a), Some(b)) = (requests.next(), requests.next()) else {
        return;
    };
    let (Some(target_a), Some(target_b)) = (a.target(), b.target()) else {
        return;
    };
    let same_target = Url::of(&target_a) == Url::of(&target_b);
    assert_eq!(
        same_target,
        target_a == target_b,
        "equality of {target_a:?} and {target_b:?}"
    );

    let same_parts =
        same_target && a.class == b.class && a.partition == b.partition && a.extras == b.extras;
    let (key_a, key_b) = (a.key(&target_a), b.key(&target_b));
    assert_eq!(
        same_parts,
        key_a == key_b,
        "{key_a:x?} for {a:?} and {key_b:x?} for {b:?}"
    );

    if key_a == key_b {
        assert_eq!(url_bytes(&target_a), url_bytes(&target_b));
    }
}

#[derive(Debug)]
struct Request {
    class: MethodClass,
    uri: Uri,
    host: Option<HeaderValue>,
    scheme: Option<String>,
    partition: Option<(String, Vec<u8>)>,
    extras: Vec<(String, Option<Vec<u8>>)>,
}

impl Request {
    fn parse(lines: &[&[u8]]) -> Option<Self> {
        let mut lines = lines.iter().copied();
        let class = MethodClass::of(&Method::from_bytes(lines.next()?).ok()?)?;
        let uri = Uri::try_from(lines.next()?).ok()?;
        let host = match lines.next()? {
            b"" => None,
            host => Some(HeaderValue::from_bytes(host).ok()?),
        };
        let scheme = Some(text(lines.next()?)?).filter(|scheme| !scheme.is_empty());
        let partition = match lines.next()? {
            b"" => None,
            line => {
                let (kind, id) = pair(line)?;
                Some((kind, id.filter(|id| !id.is_empty())?))
            }
        };
        let extras = lines.map(pair).collect::<Option<Vec<_>>>()?;
        Some(Self {
            class,
            uri,
            host,
            scheme,
            partition,
            extras,
        })
    }

    fn target(&self) -> Option<Target<'_>> {
        Target::from_request(&self.uri, self.host.as_ref(), self.scheme.as_deref()).ok()
    }

    fn key(&self, target: &Target<'_>) -> KeyBuf {
        let partition = self
            .partition
            .as_ref()
            .map(|(kind, id)| Partition::of(kind, id).expect("an identity that is not empty"));
        let mut parts = KeyParts::new(self.class, target);
        if let Some(partition) = &partition {
            parts = parts.partition(partition);
        }
        for (name, value) in &self.extras {
            parts = parts.extra(name, value.as_deref());
        }
        let mut key = KeyBuf::new();
        parts.encode_into(&mut key);
        key
    }
}

/// What makes two targets the same, worked out from their public parts only.
#[derive(PartialEq)]
struct Url {
    scheme: Option<String>,
    host: Option<String>,
    port: Option<String>,
    path: String,
    query: Option<String>,
}

impl Url {
    fn of(target: &Target<'_>) -> Self {
        Self {
            scheme: target.scheme().map(str::to_ascii_lowercase),
            host: target.host().map(str::to_ascii_lowercase),
            port: target.port().map(str::to_owned),
            path: target.path().to_owned(),
            query: target.query().map(str::to_owned),
        }
    }
}

fn url_bytes(target: &Target<'_>) -> KeyBuf {
    let mut bytes = KeyBuf::new();
    target.url_bytes(&mut bytes);
    bytes
}

fn pair(line: &[u8]) -> Option<(String, Option<Vec<u8>>)> {
    let mut parts = line.splitn(2, |byte| *byte == b'=');
    let name = text(&unescaped(parts.next()?))?;
    Some((name, parts.next().map(unescaped)))
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut bytes = text.iter();
    std::iter::from_fn(|| match bytes.next()? {
        b'^' => bytes.next().map(|byte| byte ^ 0x40),
        byte => Some(*byte),
    })
    .collect()
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}
