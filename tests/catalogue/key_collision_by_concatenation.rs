//! Parts of a key that run into one another.

use http::{HeaderMap, Method, Uri};
use larder::policy::RequestHead;
use larder::policy::key::{KeyBuf, MethodClass, Partition, QueryBuf};
use larder::{Key, Policy};
use proptest::prelude::*;

/// Path, query, host, two fields, a cookie and a tenant, of so few letters that they would collide.
type Parts = (
    String,
    Option<String>,
    [String; 2],
    [Option<String>; 3],
    String,
);

fn parts() -> impl Strategy<Value = Parts> {
    let value = || proptest::option::of("[ab]{0,2}");
    (
        "/[ab]{0,2}",
        value(),
        ["[ab]{1,2}", "[ab]{1,2}"],
        [value(), value(), value()],
        "[ab]{0,2}",
    )
        .prop_map(|(path, query, hosts, values, tenant)| (path, query, hosts, values, tenant))
}

fn headers((_, _, [host, forwarded], [a, b, cookie], _): &Parts) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("host", host.parse().unwrap());
    headers.insert("x-forwarded-host", forwarded.parse().unwrap());
    let lines = [("x-a", a), ("x-b", b)];
    for (name, value) in lines
        .into_iter()
        .filter_map(|(n, v)| Some((n, v.as_ref()?)))
    {
        headers.insert(name, value.parse().unwrap());
    }
    if let Some(cookie) = cookie {
        headers.insert("cookie", format!("a={cookie}").parse().unwrap());
    }
    headers
}

fn encoded(key: Option<&Key>, parts: &Parts) -> KeyBuf {
    let (path, query, _, _, tenant) = parts;
    let query = query.as_ref().map(|query| format!("?{query}"));
    let uri: Uri = format!("{path}{}", query.unwrap_or_default())
        .parse()
        .unwrap();
    let (policy, headers, mut out) = (Policy::shared(), headers(parts), KeyBuf::new());
    let partition = Partition::of("tenant", tenant.as_bytes());
    let partition = partition.unwrap_or_else(|_| Partition::shared());
    let request = RequestHead::new(&Method::GET, &uri, &headers, false);
    let target = policy.target(&request).unwrap();
    let class = MethodClass::Get;
    match key {
        None => policy.key_into(class, &request, &target, &partition, &mut out),
        Some(key) => {
            let mut query = QueryBuf::new();
            let target = key.target(&target, None, &mut query);
            let extensions = http::Extensions::new();
            policy.declared_key_into(
                key,
                class,
                &request,
                &extensions,
                &target,
                None,
                &partition,
                &mut out,
            );
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn distinct_parts_have_distinct_keys(a in parts(), b in parts()) {
        // Without a declaration fields and cookies are no part of the key.
        let own = |(path, query, hosts, _, tenant): &Parts| {
            (path.clone(), query.clone(), hosts.clone(), tenant.clone())
        };
        prop_assert_eq!(encoded(None, &a) == encoded(None, &b), own(&a) == own(&b));
    }

    #[test]
    fn distinct_declared_parts_have_distinct_keys(a in parts(), b in parts()) {
        let key = Key::new().header("x-a").header("x-b").cookie("a");
        // What the handler does not see is no part of the key.
        let own = |(path, query, [host, _], values, tenant): &Parts| {
            (path.clone(), query.clone(), host.clone(), values.clone(), tenant.clone())
        };
        let same = encoded(Some(&key), &a) == encoded(Some(&key), &b);
        prop_assert_eq!(same, own(&a) == own(&b));
        prop_assert_ne!(encoded(Some(&key), &a), encoded(None, &a));
    }
}
