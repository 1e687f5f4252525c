//! The best that a cache could do which knows the future.
//!
//! For responses of one size that is Belady's rule: what is asked for last goes first, even if it came
//! just now. For sizes that differ finding the best is NP-hard; there are two rules here, of which the
//! better is taken: what is asked for last goes first, and that of the greatest product of size and
//! time until then. What is best is a little above it.

use std::collections::BTreeSet;

use crate::Trace;

/// How many of the requests are hits at most, in so many bytes.
pub fn best(trace: &Trace, max_bytes: u64) -> u64 {
    let by_time = hits(trace, max_bytes, |_, left| u128::from(left));
    let by_both = hits(trace, max_bytes, |size, left| {
        u128::from(size) * u128::from(left)
    });
    by_time.max(by_both)
}

fn hits(trace: &Trace, max_bytes: u64, cost: fn(u64, u64) -> u128) -> u64 {
    let nexts = nexts(trace);
    // By size, in steps of an eighth: within a step the last one to be asked for costs most.
    let mut held: Vec<BTreeSet<(u64, u32)>> = vec![BTreeSet::new(); 8 * 64];
    let (mut hits, mut bytes) = (0, 0);
    for ((now, &key), &next) in (0u64..).zip(&trace.requests).zip(&nexts) {
        let size = trace.size(key);
        let class = class(size);
        if held[class].remove(&(now, key)) {
            hits += 1;
            bytes -= size;
        }
        if next == NEVER {
            continue;
        }
        held[class].insert((next, key));
        bytes += size;
        while bytes > max_bytes {
            let last = held.iter().filter_map(|of_class| of_class.last());
            let most = last.max_by_key(|(next, key)| cost(trace.size(*key), next - now));
            let Some(&(next, key)) = most else { break };
            let size = trace.size(key);
            held[self::class(size)].remove(&(next, key));
            bytes -= size;
        }
    }
    hits
}

/// For each request, when its key is asked for again.
fn nexts(trace: &Trace) -> Vec<u64> {
    let largest = trace.requests.iter().max().copied().unwrap_or_default();
    let mut later = vec![NEVER; largest as usize + 1];
    let mut nexts = vec![NEVER; trace.requests.len()];
    for number in (0..trace.requests.len()).rev() {
        let later = &mut later[trace.requests[number] as usize];
        nexts[number] = std::mem::replace(later, number as u64);
    }
    nexts
}

fn class(size: u64) -> usize {
    ((size as f64).log2() * 8.0) as usize
}

const NEVER: u64 = u64::MAX;
