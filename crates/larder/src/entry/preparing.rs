//! What answers copy of a stored response that is read often.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use crossbeam_utils::CachePadded;
use http::HeaderValue;
use http::header::ETAG;
use sha2::{Digest, Sha256};

use super::Entry;
use super::apart::Apart;
use crate::ready::{Prepare, Prepared, Reads, Ready};
use crate::templates::lasting;

/// About what a copy takes for counting, and for the values of its fields.
const COPY_BYTES: usize = 1024;

impl Entry {
    /// The entity tag for a stored response that came without one: SHA-256 of the body, worked out
    /// at the first use, since most stored responses are never used.
    pub(crate) fn entity_tag(&self) -> Option<&HeaderValue> {
        self.head.has_etag_slot().then(|| {
            let tag = &self.apart().entity_tag;
            tag.get_or_init(|| Box::new(entity_tag_of(&self.body())))
        })
    }
}

impl Prepare for Entry {
    fn reads(&self) -> &Reads {
        &self.reads
    }

    #[inline]
    fn ready_if_any(&self) -> Option<&Ready> {
        Some(&self.apart.get()?.ready)
    }

    fn room_for_ready(&self) -> &Ready {
        &self.apart().ready
    }

    fn bytes(&self) -> (usize, usize) {
        let tail = self.body_apart().map_or(self.tail_body, |_| 0);
        let fields = self.head.map_bytes().saturating_add(size_of::<Apart>());
        (fields, usize::from(tail).saturating_add(COPY_BYTES))
    }

    fn prepare(&self) -> Prepared {
        let mut fields = self.head.headers_with(lasting);
        if let Some(tag) = self.entity_tag() {
            fields.insert(ETAG, tag.clone());
        }
        Prepared {
            fields,
            body: self.body(),
        }
    }

    fn prepare_apart(&self) -> Prepared {
        let head = self.head.in_place(counted_apart);
        let mut fields = head.headers_with(lasting);
        if let Some(tag) = self.entity_tag() {
            let apart = HeaderValue::from_maybe_shared(counted_apart(tag.as_bytes().to_vec()));
            fields.insert(ETAG, apart.unwrap_or_else(|_| tag.clone()));
        }
        let large = self.body_apart().cloned();
        let body = large.map_or_else(|| self.body_of(head.tail()), counted_apart);
        Prepared { fields, body }
    }
}

/// The same bytes, of which those who have them are counted in a place that is near to nothing else.
fn counted_apart<T>(bytes: T) -> Bytes
where
    T: AsRef<[u8]> + Send + 'static,
{
    struct Padded<T>(CachePadded<T>);
    impl<T: AsRef<[u8]>> AsRef<[u8]> for Padded<T> {
        fn as_ref(&self) -> &[u8] {
            (*self.0).as_ref()
        }
    }
    Bytes::from_owner(Padded(CachePadded::new(bytes)))
}

/// A strong entity tag from the first 128 bits of SHA-256.
fn entity_tag_of(body: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(body);
    let mut tag = String::with_capacity(24);
    tag.push('"');
    URL_SAFE_NO_PAD.encode_string(digest.get(..16).unwrap_or(&digest), &mut tag);
    tag.push('"');
    HeaderValue::from_maybe_shared(Bytes::from(tag))
        .unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

#[cfg(test)]
mod tests {
    use http::header::DATE;

    use super::super::{Coming, SMALL_BODY};
    use super::*;
    use crate::samples::entry;
    use crate::templates::Templates;

    #[test]
    fn entry_and_its_counts_fit_where_memory_is_given_out_in_168_bytes() {
        assert!(size_of::<Entry>() + 2 * size_of::<usize>() <= 168);
    }

    #[test]
    fn entity_tag_is_the_start_of_the_sha_256_of_the_body() {
        // SHA-256("abc") = ba7816bf 8f01cfea 414140de 5dae2223 …
        assert_eq!(entity_tag_of(b"abc"), "\"ungWv48Bz-pBQUDeXa4iIw\"");
    }

    #[test]
    fn entity_tag_that_was_made_is_kept_under_a_new_head_and_by_what_is_packed() {
        let entry = entry(b"body".as_slice().into(), 0);
        let made = |entry: &Entry| entry.entity_tag().unwrap().as_bytes().as_ptr();
        let first = made(&entry);
        let again = entry.with_head(entry.head.clone(), entry.birth());
        assert_eq!(made(&again), first);
        let packed = again.packed(&Templates::default());
        assert_eq!(made(&packed), first);
        assert_eq!(made(&packed.with_coming(Coming::PutNow)), first);
    }

    #[test]
    fn copies_for_threads_say_the_same_and_are_counted_apart() {
        for length in [10, SMALL_BODY + 1] {
            let entry = entry(vec![b'x'; length.into()].into(), 0).packed(&Templates::default());
            let [first, second] = [entry.prepare(), entry.prepare_apart()];
            assert_eq!(first.fields, second.fields);
            assert_eq!(first.fields[ETAG], *entry.entity_tag().unwrap());
            assert_eq!(first.body, second.body);
            let is_small = length <= SMALL_BODY;
            // What is large is not copied to be counted.
            assert_eq!(first.body.as_ptr() != second.body.as_ptr(), is_small);
            for name in [ETAG, DATE] {
                let at = |prepared: &Prepared| prepared.fields[&name].as_bytes().as_ptr();
                assert_ne!(at(&first), at(&second), "{name}");
            }
        }
    }
}
