//! What is published on a channel.

use larder::{Purge, PurgeError};
use serde::Deserialize;

/// Everything that it names is purged. Names that are not known here are no purge: whoever published it
/// meant something.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Message {
    tags: Vec<String>,
    urls: Vec<String>,
    prefixes: Vec<String>,
    everything: bool,
    soft: bool,
}

/// The purge that a message is, or why it is none.
pub(crate) fn purge(message: &[u8]) -> Result<Purge, String> {
    let message: Message = serde_json::from_slice(message).map_err(|error| error.to_string())?;
    let purge = message.purge().map_err(|error| error.to_string())?;
    if purge.is_empty() {
        return Err("it names nothing".into());
    }
    Ok(purge)
}

impl Message {
    fn purge(self) -> Result<Purge, PurgeError> {
        let mut purge = Purge::any_tag(self.tags);
        for url in &self.urls {
            purge = purge.and(Purge::url(url)?);
        }
        for prefix in &self.prefixes {
            purge = purge.and(Purge::prefix(prefix)?);
        }
        if self.everything {
            purge = purge.and(Purge::everything());
        }
        Ok(if self.soft { purge.soft() } else { purge })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_all_that_it_purges() {
        let all = br#"{"tags":["a","b"],"urls":["/u"],"prefixes":["/p"],"soft":true}"#;
        let expected = Purge::any_tag(["a", "b"])
            .and(Purge::url("/u").unwrap())
            .and(Purge::prefix("/p").unwrap())
            .soft();
        assert_eq!(purge(all).unwrap(), expected);
        assert_eq!(
            purge(br#"{"everything":true}"#).unwrap(),
            Purge::everything()
        );
    }

    #[test]
    fn what_is_no_purge_says_why() {
        for (message, why) in [
            (&b""[..], "EOF"),
            (b"hello", "expected value"),
            (b"[]", "names nothing"),
            (b"{}", "names nothing"),
            (br#"{"tags":[]}"#, "names nothing"),
            (br#"{"tag":["a"]}"#, "unknown field `tag`"),
            (br#"{"tags":"a"}"#, "expected a sequence"),
            (br#"{"urls":["u"]}"#, "cannot purge \"u\""),
            (b"\xff\xfe", "expected value"),
        ] {
            let said = purge(message).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }
}
