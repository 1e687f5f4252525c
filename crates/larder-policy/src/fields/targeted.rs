//! Targeted Cache-Control fields (RFC 9213), and which field is in force.

use http::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::cache_control::{FieldNames, ResponseDirectives};
use super::list::combine;
use super::time::DeltaSeconds;

/// Takes the first field of the target list that is present, valid and not empty; if there is none,
/// `Cache-Control`.
///
/// A targeted field is in force alone: whatever `Cache-Control` and `Expires` say is then to be
/// ignored, restrictions included (RFC 9213 section 2.2).
#[must_use]
pub fn select(headers: &HeaderMap, target_list: &[HeaderName]) -> PolicyField {
    match target_list
        .iter()
        .find_map(|name| parse_targeted(headers, name))
    {
        Some(directives) => PolicyField {
            directives,
            targeted: true,
        },
        None => PolicyField {
            directives: ResponseDirectives::from_headers(headers),
            targeted: false,
        },
    }
}

/// The directives in force for one response, and where they come from.
#[derive(Debug, Clone)]
pub struct PolicyField {
    pub(crate) directives: ResponseDirectives,
    pub(crate) targeted: bool,
}

impl PolicyField {
    /// The directives in force.
    #[must_use]
    pub fn directives(&self) -> &ResponseDirectives {
        &self.directives
    }

    /// Whether they come from a targeted field, so that `Expires` has to be ignored.
    #[must_use]
    pub fn is_targeted(&self) -> bool {
        self.targeted
    }
}

/// Reads a targeted field. `None` if it is absent, empty, or not a dictionary.
///
/// A member of the wrong type does what restricts most: a restriction applies to the whole
/// response, a lifetime is zero, and a permission or a stale window is ignored. Parameters are
/// ignored.
pub(crate) fn parse_targeted(headers: &HeaderMap, name: &HeaderName) -> Option<ResponseDirectives> {
    let value = combine(headers.get_all(name).iter());
    let members = Parser::new(&value).parse::<Dictionary>().ok()?;
    if members.is_empty() {
        return None;
    }
    let lifetime = |key: &str| {
        members
            .get(key)
            .map(|value| seconds(value).unwrap_or(DeltaSeconds::ZERO))
    };
    let window = |key: &str| members.get(key).and_then(seconds);
    let restricts = |key: &str| {
        members
            .get(key)
            .is_some_and(|value| boolean(value) != Some(false))
    };
    let permits = |key: &str| members.get(key).and_then(boolean) == Some(true);
    let names = |key: &str| members.get(key).map_or(FieldNames::None, field_names);
    Some(ResponseDirectives {
        max_age: lifetime("max-age"),
        s_maxage: lifetime("s-maxage"),
        no_store: restricts("no-store"),
        no_cache: names("no-cache"),
        private: names("private"),
        public: permits("public"),
        must_revalidate: restricts("must-revalidate"),
        proxy_revalidate: restricts("proxy-revalidate"),
        // It restricts, except that it overrules `no-store`.
        must_understand: if restricts("no-store") {
            permits("must-understand")
        } else {
            restricts("must-understand")
        },
        no_transform: restricts("no-transform"),
        immutable: permits("immutable"),
        stale_while_revalidate: window("stale-while-revalidate"),
        stale_if_error: window("stale-if-error"),
        malformed: false,
    })
}

fn bare_item(value: &ListEntry) -> Option<&BareItem> {
    match value {
        ListEntry::Item(item) => Some(&item.bare_item),
        ListEntry::InnerList(_) => None,
    }
}

fn boolean(value: &ListEntry) -> Option<bool> {
    bare_item(value)?.as_boolean()
}

fn seconds(value: &ListEntry) -> Option<DeltaSeconds> {
    let seconds = bare_item(value)?.as_integer()?;
    u64::try_from(seconds).ok().map(DeltaSeconds::new)
}

/// A list of strings names fields, `?0` means absence, and everything else the whole response.
fn field_names(value: &ListEntry) -> FieldNames {
    let ListEntry::InnerList(list) = value else {
        return if boolean(value) == Some(false) {
            FieldNames::None
        } else {
            FieldNames::All
        };
    };
    // What is not a string becomes an empty name, which is invalid.
    FieldNames::from_names(list.items.iter().map(|item| {
        item.bare_item
            .as_string()
            .map_or(&b""[..], |name| name.as_str().as_bytes())
    }))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::CACHE_CONTROL;
    use proptest::prelude::*;

    use super::*;

    const OWN: HeaderName = HeaderName::from_static("example-cache-control");
    const CDN: HeaderName = HeaderName::from_static("cdn-cache-control");

    fn fields(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn parse(value: &'static str) -> Option<ResponseDirectives> {
        parse_targeted(&fields(&[(CDN, value)]), &CDN)
    }

    fn secs(seconds: u64) -> Option<DeltaSeconds> {
        Some(DeltaSeconds::new(seconds))
    }

    #[test]
    fn what_is_no_dictionary_is_no_field() {
        for value in [
            "",
            " ",
            ",",
            "max-age=60,",
            "max-age =60",
            "max-age= 60",
            "max-age=",
            "Max-Age=60",
            "max-age=60; no-store=\"",
            "max-age=60 no-store",
            "private=\"a",
            "no-cache=(\"a\"",
            "max-age=1234567890123456",
            "60",
        ] {
            assert_eq!(parse(value), None, "{value}");
        }
        assert_eq!(parse_targeted(&HeaderMap::new(), &CDN), None);
        let bytes = HeaderMap::from_iter([(CDN, HeaderValue::from_bytes(b"a=\"\xff\"").unwrap())]);
        assert_eq!(parse_targeted(&bytes, &CDN), None);
    }

    #[test]
    fn an_unknown_directive_is_a_policy_that_says_nothing() {
        assert_eq!(parse("none"), Some(ResponseDirectives::default()));
    }

    #[test]
    fn well_typed_members_are_read() {
        let read = parse(
            "max-age=60;x=1, s-maxage=90, no-store, public, must-revalidate, proxy-revalidate, \
             must-understand, no-transform, immutable, stale-while-revalidate=5, \
             stale-if-error=6, no-cache=(\"Set-Cookie\" \"x-a\";p);q, private",
        )
        .unwrap();
        assert_eq!((read.max_age(), read.s_maxage()), (secs(60), secs(90)));
        assert_eq!(
            (read.stale_while_revalidate(), read.stale_if_error()),
            (secs(5), secs(6))
        );
        assert!(read.no_store() && read.public() && read.must_revalidate());
        assert!(read.proxy_revalidate() && read.must_understand() && read.no_transform());
        assert!(read.immutable() && read.private().is_unqualified() && !read.is_malformed());
        assert_eq!(read.no_cache().names(), ["set-cookie", "x-a"]);
        assert_eq!(parse("no-store=?1").map(|read| read.no_store()), Some(true));
        let off = "no-store=?0, no-cache=?0, private=?0, must-revalidate=?0, public=?0";
        assert_eq!(parse(off), Some(ResponseDirectives::default()));
    }

    #[test]
    fn the_last_duplicate_wins() {
        assert_eq!(parse("max-age=60, max-age=90").unwrap().max_age(), secs(90));
        assert!(!parse("no-store, no-store=?0").unwrap().no_store());
        let headers = fields(&[(CDN, "max-age=60"), (CDN, "max-age=90, private")]);
        let read = parse_targeted(&headers, &CDN).unwrap();
        assert_eq!(read.max_age(), secs(90));
        assert!(read.private().is_unqualified());
    }

    #[test]
    fn wrong_types_restrict() {
        for wrong in [
            "=a", "=\"60\"", "=6.0", "=(60)", "=:YQ==:", "=-1", "", "=?0", "=@60",
        ] {
            let line = format!("max-age{wrong}, s-maxage{wrong}, stale-if-error{wrong}");
            let value = HeaderValue::try_from(line).unwrap();
            let read = parse_targeted(&HeaderMap::from_iter([(CDN, value)]), &CDN).unwrap();
            assert_eq!(
                (read.max_age(), read.s_maxage()),
                (secs(0), secs(0)),
                "{wrong}"
            );
            assert_eq!(read.stale_if_error(), None, "{wrong}");
        }
        let read = parse(
            "no-store=1, must-revalidate=a, proxy-revalidate=(), no-transform=\"\", public=1, \
             immutable=a, no-cache=\"set-cookie\", private=(a)",
        )
        .unwrap();
        assert!(read.no_store() && read.must_revalidate());
        assert!(read.proxy_revalidate() && read.no_transform());
        assert!(!read.public() && !read.immutable());
        assert!(read.no_cache().is_unqualified() && read.private().is_unqualified());
        for list in [
            "private=()",
            "private=(\"\")",
            "private=(\"a\" \"b c\")",
            "private=(\"a\" 1)",
        ] {
            assert!(parse(list).unwrap().private().is_unqualified(), "{list}");
        }
        assert!(parse("must-understand=1").unwrap().must_understand());
        assert!(
            !parse("must-understand=1, no-store")
                .unwrap()
                .must_understand()
        );
    }

    #[test]
    fn the_first_valid_field_is_in_force_alone() {
        let list = [OWN, CDN];
        let control = (CACHE_CONTROL, "no-store, max-age=1");
        for (present, targeted, max_age) in [
            (&[control.clone()][..], false, secs(1)),
            (&[control.clone(), (CDN, "max-age=2")], true, secs(2)),
            (
                &[control.clone(), (CDN, "max-age=2"), (OWN, "max-age=3")],
                true,
                secs(3),
            ),
            (
                &[control.clone(), (CDN, "max-age=2"), (OWN, "max-age=")],
                true,
                secs(2),
            ),
            (
                &[control.clone(), (CDN, "max-age=2"), (OWN, "")],
                true,
                secs(2),
            ),
            (
                &[control.clone(), (CDN, "max-age=2"), (OWN, "none")],
                true,
                None,
            ),
            (&[control.clone(), (CDN, "x y")], false, secs(1)),
        ] {
            let field = select(&fields(present), &list);
            assert_eq!(field.is_targeted(), targeted, "{present:?}");
            assert_eq!(field.directives().max_age(), max_age, "{present:?}");
            assert_eq!(field.directives().no_store(), !targeted, "{present:?}");
        }
    }

    #[test]
    fn fields_off_the_list_have_no_effect() {
        let headers = fields(&[(CACHE_CONTROL, "max-age=1"), (CDN, "no-store")]);
        let field = select(&headers, &[OWN]);
        assert!(!field.is_targeted() && !field.directives().no_store());
        assert_eq!(select(&headers, &[]).directives().max_age(), secs(1));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(value: Vec<u8>) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let _ = select(&HeaderMap::from_iter([(CDN, value)]), &[CDN]);
            }
        }

        #[test]
        fn no_near_dictionary_panics(
            value in "((max-age|no-cache|private)(=[(\"a1. ;?)-]{0,6})?, ?){0,3}public",
        ) {
            let value = HeaderValue::try_from(value).unwrap();
            let _ = select(&HeaderMap::from_iter([(CDN, value)]), &[CDN]);
        }
    }
}
