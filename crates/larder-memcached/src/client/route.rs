//! Which server has a key: the one with the highest random weight.
//!
//! All nodes of a fleet must agree on it, whatever version of larder they run and on whatever machine, so
//! the weight is a hash whose values are part of its specification (rapidhash v3). Crates for this hash
//! through `std::hash::Hash`, which promises no such thing, and are longer than these lines.

use rapidhash::v3::rapidhash_v3;

/// What decides which server is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Route<'a> {
    /// Where this stands; the next in order while there is no connection to that one.
    Entry(&'a str),
    /// Where this stands, and nowhere else.
    Pinned(&'a str),
}

impl Route<'_> {
    /// The places of servers in the list, in the order in which they are asked.
    pub(super) fn order<'s>(&self, servers: impl Iterator<Item = &'s str>) -> Vec<usize> {
        let (Self::Entry(key) | Self::Pinned(key)) = self;
        let mut weights: Vec<_> = servers
            .map(|server| weight(server, key))
            .enumerate()
            .collect();
        weights.sort_unstable_by_key(|(at, weight)| (std::cmp::Reverse(*weight), *at));
        weights.into_iter().map(|(at, _)| at).collect()
    }
}

fn weight(server: &str, key: &str) -> u64 {
    // Neither has a space in it.
    rapidhash_v3([server, key].join(" ").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVERS: [&str; 3] = ["a:11211", "b:11211", "c:11211"];

    fn first(key: &str, servers: &[&str]) -> usize {
        Route::Entry(key).order(servers.iter().copied())[0]
    }

    #[test]
    fn keys_are_spread_and_only_those_of_a_server_move_when_it_goes() {
        let mut counts = [0; 3];
        for number in 0..3000 {
            let key = format!("key{number}");
            let at = first(&key, &SERVERS);
            counts[at] += 1;
            if at < 2 {
                assert_eq!(first(&key, &SERVERS[..2]), at);
            }
        }
        assert!(counts.iter().all(|count| *count > 800), "{counts:?}");
    }

    #[test]
    fn weights_are_the_same_in_all_versions() {
        assert_eq!(weight("a:11211", "key"), 18_059_443_575_433_338_039);
    }
}
