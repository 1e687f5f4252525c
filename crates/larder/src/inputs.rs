//! The inputs of a request that are not in its key, found out.

use std::hash::BuildHasher;

use http::Request;
use larder_policy::Mode;
use larder_policy::key::{InputKind, Key, KeyBuf, Partition};

use crate::context::Context;
use crate::extension_types::ExtensionType;
use crate::record::{Inputs, Record};

impl Inputs {
    pub(crate) fn of<B>(context: &Context, request: &Request<B>) -> Self {
        let mut found = Self::default();
        let (key, hasher) = (context.key.as_deref(), &context.cache.shared().hasher);
        let target = context.target_of(request);
        let hash = |before: u64, value: &[u8]| hasher.hash_one(("input", before, value));
        let headers = request.headers();
        context
            .policy
            .for_each_unkeyed(key, target, headers, |kind, name, value| {
                found.add(kind, name, |before| Some(hash(before, value)));
            });
        let extensions = request.extensions();
        if key.is_some_and(Key::is_by_route) && context.route_in_key(extensions).is_some() {
            let path = target.path().as_bytes();
            found.add(InputKind::Path, b"", |before| Some(hash(before, path)));
        }
        context.for_each_unkeyed_identity(|of| {
            if !of.is_in(extensions) {
                return;
            }
            let bytes = of.partition(extensions).as_ref().map(bytes_of);
            // In a partition of one user, what a type says that cannot be compared is that user's.
            if bytes.is_some() || context.policy.mode() == Mode::Shared {
                let name = of.name().as_bytes();
                found.add(InputKind::Extension, name, |before| {
                    Some(hash(before, bytes.as_deref()?))
                });
            }
        });
        found
    }
}

fn bytes_of(partition: &Partition) -> KeyBuf {
    let mut bytes = KeyBuf::new();
    partition.encode_into(&mut bytes);
    bytes
}

impl Context {
    /// The types that say who asks and that are not in the key.
    pub(crate) fn for_each_unkeyed_identity(&self, mut each: impl FnMut(&ExtensionType)) {
        let shared = self.cache.shared();
        let own = self.identify.as_ref().and_then(|identify| identify.of);
        shared.identities.for_each(|of| {
            let keyed = own.is_some_and(|own| own.is_same(of))
                || (self.key.as_ref()).is_some_and(|key| key.declares_extension_type(of.id()))
                || shared.neutral_extensions.has(of);
            if !keyed {
                each(of);
            }
        });
    }

    /// What is to be kept of a request with the response that it brings.
    pub(crate) fn record<B>(&self, request: &Request<B>) -> Record {
        Record::new(Inputs::of(self, request))
    }
}
