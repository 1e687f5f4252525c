//! What purges cost: those who purge, those who ask meanwhile, and those who fill.

mod latency;
mod responses;
mod storm;
mod sweep;
mod tags;

use larder_benches::Rounds;

fn main() {
    let rounds = Rounds::from_args();
    if rounds.runs("a purge") {
        latency::print(rounds.is_quick());
    }
    rounds.group("a hit by tags", tags::hits);
    rounds.group("a stored miss by tags", tags::misses);
    rounds.group("a forward by tags, not stored", tags::forwards);
    if rounds.runs("hits in a storm") {
        storm::print(rounds.is_quick());
    }
    if rounds.runs("a sweep") {
        sweep::print(rounds.is_quick());
    }
}
