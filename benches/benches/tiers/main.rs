//! What a store that nodes share costs: responses that another node has stored, beside what the
//! store's client alone takes; purges on their way to all nodes; a fill for all of them; and what hits
//! in memory have of it. Starts the servers it needs.

mod ask;
mod attached;
mod bare;
mod cold;
mod footprint;
mod hits;
mod least;
mod memcached_hits;
mod purges;
mod reader;
mod redis_hits;
mod round_trips;
mod stand;
mod store;

use larder_benches::Rounds;

use crate::ask::How::{InFlight, OneAtATime};

fn main() {
    let rounds = Rounds::from_args();
    let quick = rounds.is_quick();
    for kib in [2, 50] {
        let name = format!("redis, a hit of {kib} KiB");
        rounds.group(&name, || redis_hits::cases(OneAtATime, kib << 10, quick));
        let name = format!("redis, 128 in flight, {kib} KiB");
        rounds.long_group(&name, || redis_hits::cases(InFlight, kib << 10, quick));
    }
    rounds.group("memcached, a hit of 2 KiB", || {
        memcached_hits::cases(OneAtATime, quick)
    });
    rounds.long_group("memcached, 128 in flight, 2 KiB", || {
        memcached_hits::cases(InFlight, quick)
    });
    rounds.group("a hit in memory", attached::cases);
    for (name, print) in PRINTED {
        if rounds.runs(name) {
            print(quick);
        }
    }
}

/// What is measured, by name.
type Measured = (&'static str, fn(bool));

/// What is no ratio.
const PRINTED: [Measured; 4] = [
    ("round trips", round_trips::check),
    ("footprint", footprint::print),
    ("purges to all nodes", purges::print),
    ("cold key", cold::print),
];
