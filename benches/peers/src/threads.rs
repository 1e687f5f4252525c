//! How much more two threads answer than one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use larder_benches::Rounds;

use crate::hits::{KEYS, get};
use crate::stand::Stand;

/// For each of these, whose hits take so many ns on one thread: with keys of its own for each thread,
/// and with the same key for both. The time is always that which passes, as a thread that waits for a
/// lock has no processor; and it is the least disturbed rounds that count, as a machine which others
/// use has its two processors free at once now and then.
pub(crate) fn more(rounds: &Rounds, stands: &[(&dyn Stand, f64)]) -> Vec<(f64, f64)> {
    let count = if rounds.is_quick() { 1 } else { ROUNDS };
    let mut times = vec![[const { Vec::new() }; 4]; stands.len()];
    for round in 0..count {
        for turn in 0..stands.len() {
            let at = (turn + round) % stands.len();
            let (stand, alone) = stands[at];
            let answers = if rounds.is_quick() {
                1
            } else {
                (FILLED / alone) as usize
            };
            let cases = [(1, true), (2, true), (1, false), (2, false)];
            for ((threads, apart), times) in cases.into_iter().zip(&mut times[at]) {
                times.push(span(stand, threads, answers.max(8), apart));
            }
        }
    }
    let more = |times: &[Duration; 4], of: usize| {
        2.0 * times[of].as_secs_f64() / times[of + 1].as_secs_f64()
    };
    let least = times.into_iter().map(|cases| cases.map(least_disturbed));
    least
        .map(|times| (more(&times, 0), more(&times, 2)))
        .collect()
}

/// So many answers on each thread, which begin together: from the first beginning to the last end.
fn span(stand: &dyn Stand, threads: usize, answers: usize, apart: bool) -> Duration {
    let ready = &AtomicUsize::new(0);
    let run = move |thread: usize, stand: Box<dyn Stand>| {
        let runtime = crate::runtime();
        let key = |at| if apart { thread * KEYS + at % KEYS } else { 0 };
        let requests = (0..answers).map(|at| get(key(at))).collect();
        ready.fetch_add(1, Ordering::AcqRel);
        while ready.load(Ordering::Acquire) < threads {
            std::hint::spin_loop();
        }
        let begin = Instant::now();
        runtime.block_on(stand.time(requests));
        (begin, Instant::now())
    };
    let spans: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|thread| (thread, stand.another()))
            .map(|(thread, stand)| scope.spawn(move || run(thread, stand)))
            .collect();
        let spans = threads.into_iter().map(|thread| thread.join());
        spans.map(|span| span.expect("a time")).collect()
    });
    let begin = spans.iter().map(|span| span.0).min().expect("a beginning");
    let end = spans.iter().map(|span| span.1).max().expect("an end");
    end - begin
}

/// What a twentieth of the rounds stay below.
fn least_disturbed(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 20]
}

const ROUNDS: usize = 201;
/// How long a thread answers in a round, in ns: less than a scheduler lets it.
const FILLED: f64 = 1e6;
