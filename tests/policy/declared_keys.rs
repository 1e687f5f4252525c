//! A declared key tells apart exactly what the inner service sees: two requests have the same key if
//! and only if they are the same once narrowed.

use http::{Extensions, HeaderMap, HeaderName, Method, Uri};
use larder::policy::RequestHead;
use larder::policy::key::{Input, InputKind, KeyBuf, MethodClass, Partition, QueryBuf};
use larder::{Key, KeyPart, PartWriter, Policy};
use proptest::prelude::*;

#[derive(Clone, Debug, PartialEq)]
struct Flag(String);

impl KeyPart for Flag {
    const NAME: &'static str = "flag";

    fn write(&self, out: &mut PartWriter) {
        out.text(&self.0);
    }
}

/// A request over alphabets so small that collisions would show.
#[derive(Clone, Debug)]
struct Asked {
    uri: Uri,
    headers: HeaderMap,
    flag: Option<Flag>,
}

fn asked() -> impl Strategy<Value = Asked> {
    let line = prop_oneof![
        ("x-a|x-b|x-c", "[ab]{0,2}"),
        (Just("cookie".to_owned()), "([abc]=[ab]{0,1}; ){0,2}a"),
        (
            Just("accept-language".to_owned()),
            "(de|en|fr|de-AT)(;q=0\\.[0-5])?"
        ),
        (Just("x-flag".to_owned()), "1|true|no|"),
    ];
    let lines = proptest::collection::vec(line, 0..5);
    let query = proptest::option::of("([abc]=?[ab]?&){0,3}");
    let flag = proptest::option::of("[ab]{0,1}".prop_map(Flag));
    ("[ab]", query, lines, flag).prop_map(|(path, query, lines, flag)| {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.trim().parse().unwrap());
        }
        let uri = format!("/{path}{query}").parse().unwrap();
        Asked { uri, headers, flag }
    })
}

fn key() -> impl Strategy<Value = Key> {
    let query = prop_oneof![
        Just(Key::new()),
        Just(Key::new().query(["a", "b"])),
        Just(Key::new().query_except(["a*"])),
        Just(Key::new().no_query()),
    ];
    let wants = proptest::collection::vec(any::<bool>(), 7);
    (query, wants).prop_map(|(mut key, wants)| {
        let add: [fn(Key) -> Key; 7] = [
            |key| key.header("x-a"),
            |key| key.header_lowercase("x-b"),
            |key| key.cookie("a"),
            |key| key.cookie("b"),
            |key| key.languages(["en", "de"]),
            |key| key.header_flag("x-flag"),
            |key| key.extension::<Flag>(),
        ];
        for (add, _) in add.iter().zip(&wants).filter(|(_, wanted)| **wanted) {
            key = add(key);
        }
        if wants.iter().filter(|wanted| **wanted).count() % 2 == 0 {
            key = key.sorted_query();
        }
        key
    })
}

fn encoded(key: &Key, asked: &Asked, partition: &Partition) -> KeyBuf {
    let policy = Policy::shared();
    let mut extensions = Extensions::new();
    if let Some(flag) = asked.flag.clone() {
        extensions.insert(flag);
    }
    let request = RequestHead::new(&Method::GET, &asked.uri, &asked.headers, false);
    let (mut query, mut out) = (QueryBuf::new(), KeyBuf::new());
    let target = policy.target(&request).unwrap();
    let target = key.target(&target, None, &mut query);
    let class = MethodClass::Get;
    policy.declared_key_into(
        key,
        class,
        &request,
        &extensions,
        &target,
        None,
        partition,
        &mut out,
    );
    out
}

/// What the inner service sees, in a form that can be compared: fields that mean the same whether
/// they are in one line or in two are joined.
fn narrowed(key: &Key, asked: &Asked) -> (Uri, Vec<(String, String)>) {
    let headers = Policy::shared().narrow(key, &asked.headers);
    let mut seen: Vec<_> = headers
        .keys()
        .map(|name| {
            let lines = headers.get_all(name).iter();
            let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
            (name.to_string(), lines.join(", ").trim().to_owned())
        })
        .collect();
    seen.sort();
    let uri = key.narrowed_uri(&asked.uri);
    (uri.unwrap_or_else(|| asked.uri.clone()), seen)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn same_key_means_same_narrowed_request(key in key(), a in asked(), b in asked()) {
        prop_assert!(key.check().is_ok());
        let flag = |asked: &Asked| asked.flag.clone().filter(|_| key.has(&Input::new(InputKind::Extension, "flag")));
        let shared = Partition::shared();
        let same_key = encoded(&key, &a, &shared) == encoded(&key, &b, &shared);
        let same = narrowed(&key, &a) == narrowed(&key, &b) && flag(&a) == flag(&b);
        prop_assert_eq!(same_key, same, "{:?}\n{:?}", narrowed(&key, &a), narrowed(&key, &b));
    }

    #[test]
    fn narrowed_request_has_the_key_of_the_request(key in key(), a in asked()) {
        let (shared, policy) = (Partition::shared(), Policy::shared());
        let again = Asked {
            uri: key.narrowed_uri(&a.uri).unwrap_or_else(|| a.uri.clone()),
            headers: policy.narrow(&key, &a.headers),
            flag: a.flag.clone(),
        };
        prop_assert_eq!(encoded(&key, &a, &shared), encoded(&key, &again, &shared));
    }

    #[test]
    fn partition_and_declared_parts_do_not_run_into_one_another(
        key in key(), a in asked(), b in asked(), id in "[ab]{1,2}", other in "[ab]{1,2}",
    ) {
        let of = |id: &str| Partition::of("user", id.as_bytes()).unwrap();
        let keys = (encoded(&key, &a, &of(&id)), encoded(&key, &b, &of(&other)));
        if id != other {
            prop_assert_ne!(&keys.0, &keys.1);
        }
        prop_assert_ne!(keys.0, encoded(&key, &a, &Partition::shared()));
    }
}
