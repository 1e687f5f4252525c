//! What is told of a purge.

use http::Uri;

use super::what::{Purge, What};
use crate::digest::PartitionDigest;

/// One event for each thing that a purge names. Tags and URLs come from anywhere, so that they are
/// told escaped. Who is in a partition is not told.
pub(super) fn tell(purge: &Purge, position: u64) {
    let soft = purge.is_soft();
    if purge.is_empty() {
        tracing::debug!(target: "larder", outcome = "purged", soft, position, nothing = true);
    }
    for what in purge.what() {
        match what {
            What::AllTags(tags) => {
                tracing::debug!(target: "larder", outcome = "purged", soft, position, all_tags = ?tags);
            }
            What::Everything => {
                tracing::debug!(target: "larder", outcome = "purged", soft, position, everything = true);
            }
            What::Partition(partition) => {
                let partition = PartitionDigest::of(partition);
                tracing::debug!(target: "larder", outcome = "purged", soft, position, %partition);
            }
            What::Prefix(uri) => {
                tracing::debug!(target: "larder", outcome = "purged", soft, position, prefix = ?text(uri));
            }
            What::Tag(tag) => {
                tracing::debug!(target: "larder", outcome = "purged", soft, position, tag = ?tag);
            }
            What::Url(uri) => {
                tracing::debug!(target: "larder", outcome = "purged", soft, position, url = ?text(uri));
            }
        }
    }
}

/// `Debug` of a URI escapes nothing.
fn text(uri: &Uri) -> String {
    uri.to_string()
}
