//! [`ACL_COMMANDS`]: what a user has to be allowed.

/// What the user of a tier has to be allowed, as `ACL SETUSER` takes it; and the keys that begin with the
/// [prefix](crate::RedisTierBuilder::prefix):
///
/// ```text
/// ACL SETUSER cache on >password ~larder1:* -@all +ping +info …
/// ```
///
/// `info` may be left out: then a start does not see that the server [may drop the
/// log](crate::ConnectErrorKind::Eviction). `role` is for masters that sentinels know, `cluster|slots` for
/// clusters, `wait` for [`wait_replicas`](crate::RedisTierBuilder::wait_replicas), and `subscribe`, with the
/// channel (`&channel`), for a
/// bridge (`RedisTier::bridge`).
pub const ACL_COMMANDS: &str = "+ping +info +select +get +set +getrange +pttl +pexpire +exists +type +time \
     +unlink +xadd +xread +xrange +xinfo +hset +hgetall +hdel +eval +evalsha +role +cluster|slots \
     +wait +subscribe";
