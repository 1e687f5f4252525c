//! [`Asked`]: what is asked for, as far as it is part of a key.

use http::Extensions;
use larder_policy::RequestHead;
use larder_policy::key::{KeyBuf, MethodClass, Partition, Target};

use crate::context::Context;
use crate::place::Place;

/// What is asked for, as far as it is part of a key.
pub(crate) struct Asked<'a> {
    pub(crate) head: &'a RequestHead<'a>,
    pub(crate) extensions: &'a Extensions,
    target: &'a Target<'a>,
    route: Option<&'a str>,
    partition: &'a Partition,
}

impl<'a> Asked<'a> {
    #[inline]
    pub(crate) fn new(
        head: &'a RequestHead<'a>,
        extensions: &'a Extensions,
        target: &'a Target<'a>,
        route: Option<&'a str>,
        partition: &'a Partition,
    ) -> Self {
        Self {
            head,
            extensions,
            target,
            route,
            partition,
        }
    }

    /// The same, asked for with another head.
    pub(crate) fn with_head<'b>(&'b self, head: &'b RequestHead<'b>) -> Asked<'b> {
        Asked { head, ..*self }
    }

    /// The primary key, in the place of what is in `out`.
    #[inline]
    pub(crate) fn key_into(&self, context: &Context, class: MethodClass, out: &mut KeyBuf) {
        let Self {
            head,
            extensions,
            target,
            route,
            partition,
        } = self;
        let policy = &context.policy;
        out.clear();
        match &context.key {
            None => policy.key_into(class, head, target, partition, out),
            Some(key) => policy
                .declared_key_into(key, class, head, extensions, target, *route, partition, out),
        }
    }

    /// For the names of its response, as far as the URL and the partition tell.
    pub(crate) fn place(&self) -> Place {
        Place::new(self.target, self.partition)
    }
}
