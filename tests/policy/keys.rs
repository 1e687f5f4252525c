//! Distinct requests have distinct keys, through the policy's own method.

use http::{HeaderMap, HeaderName, Method, Uri};
use larder::Policy;
use larder::policy::RequestHead;
use larder::policy::key::{KeyBuf, MethodClass, Partition};
use proptest::prelude::*;
use proptest::sample::select;

/// What tells resources apart, over alphabets so small that collisions would show.
#[derive(Clone, Debug, PartialEq)]
struct Tuple {
    class: MethodClass,
    scheme: Option<&'static str>,
    host: Option<(String, Option<&'static str>)>,
    path: String,
    query: Option<String>,
    partition: Option<(String, Vec<u8>)>,
    /// In the order of their names.
    forwarding: Vec<(&'static str, String)>,
}

impl Tuple {
    fn key(&self) -> KeyBuf {
        let query = self
            .query
            .as_ref()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let rest = format!("/{}{query}", self.path);
        let authority = self.host.as_ref().map(|(host, port)| match port {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        });
        let mut headers = HeaderMap::new();
        let uri: Uri = match (self.scheme, &authority) {
            (Some(scheme), Some(authority)) => format!("{scheme}://{authority}{rest}"),
            (_, Some(authority)) => {
                headers.insert("host", authority.parse().unwrap());
                rest
            }
            (_, None) => rest,
        }
        .parse()
        .unwrap();
        for (name, value) in &self.forwarding {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let request = RequestHead::new(&Method::GET, &uri, &headers, false);
        let partition = match &self.partition {
            None => Partition::shared(),
            Some((kind, id)) => Partition::of(kind, id).unwrap(),
        };
        let policy = Policy::shared();
        let target = policy.target(&request).unwrap();
        let mut key = KeyBuf::new();
        policy.key_into(self.class, &request, &target, &partition, &mut key);
        key
    }

    /// With what RFC 3986 and RFC 9110 make no difference of taken away.
    fn normal(&self) -> Self {
        let mut normal = self.clone();
        // A scheme is seen only in a target URI that also has an authority.
        normal.scheme = self.scheme.filter(|_| self.host.is_some());
        if let Some((host, port)) = &mut normal.host {
            *host = host.to_ascii_lowercase();
            let own = match normal.scheme {
                Some("http") => "80",
                Some("https") => "443",
                _ => "",
            };
            *port = port.filter(|port| *port != own && !port.is_empty());
        }
        normal
    }
}

fn tuple() -> impl Strategy<Value = Tuple> {
    let class = prop_oneof![Just(MethodClass::Get), Just(MethodClass::Head)];
    let scheme = proptest::option::of(select(vec!["http", "https"]));
    let port = proptest::option::of(select(vec!["", "80", "443", "8", "4"]));
    let host = proptest::option::weighted(0.8, ("[abA](\\.b)?", port));
    let partition = ("[ab]{0,2}", proptest::collection::vec(0u8..3, 1..3));
    let names = vec![
        "forwarded",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-host",
    ];
    let forwarding = proptest::collection::vec((select(names), "[ab]{0,2}"), 0..3);
    (
        class,
        scheme,
        host,
        "[abA/]{0,2}",
        proptest::option::of("[ab?&=]{0,2}"),
        proptest::option::of(partition),
        forwarding,
    )
        .prop_map(
            |(class, scheme, host, path, query, partition, mut forwarding)| {
                // Stable: lines of one field keep their order.
                forwarding.sort_by_key(|(name, _)| *name);
                // Two slashes would begin an authority.
                let path = path.trim_start_matches('/').to_owned();
                Tuple {
                    class,
                    scheme,
                    host,
                    path,
                    query,
                    partition,
                    forwarding,
                }
            },
        )
}

/// A tuple, and one that differs from it in a single part if at all.
fn neighbours() -> impl Strategy<Value = (Tuple, Tuple)> {
    (tuple(), tuple(), 0..9).prop_map(|(a, b, part)| {
        let mut c = a.clone();
        match part {
            0 => c.class = b.class,
            1 => c.scheme = b.scheme,
            2 => c.host = b.host,
            3 => c.path = b.path,
            4 => c.query = b.query,
            5 => c.partition = b.partition,
            6 => c.forwarding = b.forwarding,
            7 => {
                if let (Some((_, port)), Some((_, other))) = (&mut c.host, b.host) {
                    *port = other;
                }
            }
            _ => c = b,
        }
        (a, c)
    })
}

proptest! {
    // They cost little, and a neighbour that matters is rare.
    #![proptest_config(ProptestConfig::with_cases(8 * ProptestConfig::default().cases))]

    #[test]
    fn requests_share_a_key_only_if_nothing_tells_them_apart((a, b) in neighbours()) {
        prop_assert_eq!(a.key() == b.key(), a.normal() == b.normal());
    }

    #[test]
    fn class_and_partition_part_any_two_keys(a in tuple(), b in tuple()) {
        prop_assert!(a.class == b.class || a.key() != b.key());
        prop_assert!(a.partition == b.partition || a.key() != b.key());
    }
}
