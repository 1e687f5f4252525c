//! How many of the requests of a trace are hits, beside the best possible.

use std::sync::Arc;

use bytes::Bytes;
use larder_engines::{Asked, Kind, Store, Trace, best, key_of};

pub fn print(quick: bool) {
    let (keys, requests) = if quick {
        (5_000, 20_000)
    } else {
        (50_000, 400_000)
    };
    let kinds = [
        Kind::GreedyDual,
        Kind::Sampled(8),
        Kind::Sampled(32),
        Kind::Moka,
        Kind::Quick(8),
    ];
    let names: Vec<String> = kinds.iter().map(|kind| kind.name()).collect();
    println!("\n| hit ratio, % | bytes | best | {} |", names.join(" | "));
    println!("|---|---:|---:|{}", "---:|".repeat(kinds.len()));
    for trace in traces(keys, requests) {
        let all = trace.bytes();
        for part in [100, 10] {
            let max_bytes = all / part;
            let best = best(&trace, max_bytes);
            let hits: Vec<u64> = kinds
                .iter()
                .map(|kind| hits(&*kind.store(max_bytes, trace.keys() / part), &trace))
                .collect();
            print_row(&trace, part, best, &hits);
            // Of these requests the worst is 0.76 of the best; fewer give less.
            assert!(
                hits[0] * 100 > best * 45,
                "{}: {} of {best}",
                trace.name,
                hits[0]
            );
        }
    }
}

fn print_row(trace: &Trace, part: u64, best: u64, hits: &[u64]) {
    let percent = |hits: u64| format!("{:.1}", hits as f64 * 100.0 / trace.requests.len() as f64);
    let hits: Vec<String> = hits.iter().map(|hits| percent(*hits)).collect();
    println!(
        "| {} | 1/{part} | {} | {} |",
        trace.name,
        percent(best),
        hits.join(" | ")
    );
}

fn traces(keys: u32, requests: u32) -> impl Iterator<Item = Trace> {
    let steadily = [0.8, 0.9, 1.0, 1.1].map(|exponent| (Asked::Steadily, exponent));
    let disturbed =
        [Asked::WithScans, Asked::WithBursts, Asked::Changing].map(|asked| (asked, 0.9));
    let all = steadily.into_iter().chain(disturbed);
    let varied = all
        .clone()
        .map(move |(asked, exponent)| Trace::new(asked, exponent, keys, requests));
    let of_one_size =
        all.map(move |(asked, exponent)| Trace::new(asked, exponent, keys, requests).of_one_size());
    varied.chain(of_one_size)
}

fn hits(store: &dyn Store, trace: &Trace) -> u64 {
    let mut hits = 0;
    for key in &trace.requests {
        let name = key_of(u64::from(*key));
        if store.get(&name).is_some() {
            hits += 1;
        } else {
            let size = usize::try_from(trace.size(*key)).expect("it fits into memory");
            store.put(Arc::from(name), size - name.len(), Bytes::new());
        }
    }
    hits
}
