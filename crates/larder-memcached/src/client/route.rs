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
    Entry(&'a [u8]),
    /// Where this stands, and nowhere else.
    Pinned(&'a [u8]),
}

impl Route<'_> {
    /// Chooses one of the servers, each with its [`name_hash`].
    pub(super) fn choose<'s, S>(
        &self,
        servers: &'s [S],
        name_hash: impl Fn(&S) -> u64,
        is_up: impl Fn(&S) -> bool,
    ) -> Option<&'s S> {
        if let [only] = servers {
            return Some(only);
        }
        let (Self::Entry(key) | Self::Pinned(key)) = self;
        let key = rapidhash_v3(key);
        let goes_on = matches!(self, Self::Entry(_));
        servers.iter().max_by_key(|server| {
            let weight = weight(name_hash(server), key);
            (!goes_on || is_up(server), weight)
        })
    }
}

/// What a server is known by.
pub(super) fn name_hash(name: &str) -> u64 {
    rapidhash_v3(name.as_bytes())
}

fn weight(server: u64, key: u64) -> u64 {
    let pair = (u128::from(server) << 64) | u128::from(key);
    rapidhash_v3(&pair.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVERS: [&str; 3] = ["a:11211", "b:11211", "c:11211"];

    fn chosen<'a>(route: Route<'_>, servers: &'a [&str], dead: &str) -> &'a str {
        let name = |name: &&str| name_hash(name);
        route
            .choose(servers, name, |name| *name != dead)
            .expect("one")
    }

    #[test]
    fn keys_are_spread_and_only_those_of_a_server_move_when_it_goes() {
        let mut counts = [0; 3];
        for number in 0..3000_u32 {
            let key = number.to_be_bytes();
            let entry = Route::Entry(&key);
            let server = chosen(entry, &SERVERS, "");
            for (name, count) in SERVERS.iter().zip(&mut counts) {
                *count += u32::from(*name == server);
            }
            let without = chosen(entry, &SERVERS, "c:11211");
            assert_eq!(without, chosen(entry, &SERVERS[..2], ""));
            assert!(server == "c:11211" || server == without);
            assert_eq!(chosen(Route::Pinned(&key), &SERVERS, "c:11211"), server);
        }
        assert!(counts.iter().all(|count| *count > 800), "{counts:?}");
    }

    #[test]
    fn weights_are_the_same_in_all_versions() {
        let weight = weight(name_hash("a:11211"), name_hash("key"));
        assert_eq!(weight, 1_233_469_165_771_849_115);
    }
}
