//! A harness for ratios: every round runs each case once, so that whatever slows the machine down
//! for a while slows down all of them, and the ratio is taken within a round.

use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// One of the things that are compared: given a number of iterations it says how long they took.
pub struct Case<'a> {
    name: String,
    run: Box<dyn FnMut(u64) -> Duration + 'a>,
}

impl<'a> Case<'a> {
    /// A case that does its own timing.
    pub fn new(name: impl Into<String>, run: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self {
            name: name.into(),
            run: Box::new(run),
        }
    }

    /// A case whose input is made outside the measured time.
    pub fn with_input<I, O>(
        name: impl Into<String>,
        mut input: impl FnMut() -> I + 'a,
        mut run: impl FnMut(I) -> O + 'a,
    ) -> Self {
        Self::new(name, move |iterations| {
            timed(iterations, &mut input, &mut run)
        })
    }
}

/// Runs so many iterations and leaves the making of their input out of the time.
pub fn timed<I, O>(
    iterations: u64,
    mut input: impl FnMut() -> I,
    mut run: impl FnMut(I) -> O,
) -> Duration {
    let mut time = Duration::ZERO;
    let mut left = iterations;
    while left > 0 {
        let batch = left.min(BATCH);
        let inputs: Vec<I> = (0..batch).map(|_| input()).collect();
        let start = watch();
        for input in inputs {
            black_box(run(input));
        }
        time += watch() - start;
        left -= batch;
    }
    time
}

/// The time that has passed, or with `--cpu` how long this thread has had a processor.
pub fn watch() -> Duration {
    #[cfg(unix)]
    if OF_THREAD.load(Ordering::Relaxed) {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        return Duration::try_from(time).expect("a time after the beginning");
    }
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

static OF_THREAD: AtomicBool = AtomicBool::new(false);

/// Runs groups of cases and prints a table of each.
pub struct Rounds {
    quick: bool,
    filter: Vec<String>,
}

impl Rounds {
    /// Reads the arguments that `cargo bench` and `cargo test` pass: `--test` runs everything once,
    /// and a word runs only the groups whose names hold it. With `--cpu` most times are those that the
    /// thread had a processor, for a machine that others use.
    pub fn from_args() -> Self {
        let (flags, filter) = std::env::args().skip(1).partition(|a| a.starts_with('-'));
        let flags: Vec<String> = flags;
        // `cargo bench` says so; `cargo test` says nothing.
        let quick = flags.iter().any(|f| f == "--test") || !flags.iter().any(|f| f == "--bench");
        OF_THREAD.store(flags.iter().any(|f| f == "--cpu"), Ordering::Relaxed);
        Self { quick, filter }
    }

    /// Whether this is only to see that everything runs.
    pub fn is_quick(&self) -> bool {
        self.quick
    }

    /// Whether only some groups are to run.
    pub fn is_filtered(&self) -> bool {
        !self.filter.is_empty()
    }

    /// Whether this group is to run.
    pub fn runs(&self, name: &str) -> bool {
        self.filter.is_empty() || self.filter.iter().any(|word| name.contains(word))
    }

    /// Measures the cases against the first of them.
    pub fn group<'a>(&self, name: &str, cases: impl FnOnce() -> Vec<Case<'a>>) {
        self.group_in(SHORT, name, cases);
    }

    /// The same for cases of many tasks, which take a while until all of them are under way.
    pub fn long_group<'a>(&self, name: &str, cases: impl FnOnce() -> Vec<Case<'a>>) {
        self.group_in(LONG, name, cases);
    }

    fn group_in<'a>(&self, span: Span, name: &str, cases: impl FnOnce() -> Vec<Case<'a>>) {
        if !self.runs(name) {
            return;
        }
        let mut cases = cases();
        let times = self.run(span, &mut cases);
        if self.quick {
            println!("{name}: {} cases run", cases.len());
        } else {
            print_table(name, &cases, &times);
        }
    }

    /// Measures cases in the same way for whoever makes a table of their own: the times of each.
    pub fn times(&self, mut cases: Vec<Case<'_>>) -> Vec<Times> {
        self.run(SHORT, &mut cases)
    }

    fn run(&self, span: Span, cases: &mut [Case<'_>]) -> Vec<Times> {
        if self.quick {
            let once = |case: &mut Case<'_>| Times(vec![(case.run)(1).as_secs_f64() * 1e9]);
            return cases.iter_mut().map(once).collect();
        }
        let iterations: Vec<u64> = cases
            .iter_mut()
            .map(|case| calibrate(case, span.round))
            .collect();
        let mut times = vec![Times(Vec::with_capacity(span.rounds)); cases.len()];
        for round in 0..span.rounds {
            // Each case follows each other one in some round.
            for turn in 0..cases.len() {
                let at = (turn + round) % cases.len();
                let time = (cases[at].run)(iterations[at]);
                times[at]
                    .0
                    .push(time.as_secs_f64() * 1e9 / iterations[at] as f64);
            }
        }
        times
    }
}

/// How long an iteration took, in ns, in each round.
#[derive(Clone)]
pub struct Times(Vec<f64>);

impl Times {
    /// The median.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The median of the ratios within a round.
    pub fn against(&self, other: &Self) -> f64 {
        let ratios = self
            .0
            .iter()
            .zip(&other.0)
            .map(|(time, other)| time / other);
        Self(ratios.collect()).median()
    }

    fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[((sorted.len() - 1) as f64 * part).round() as usize]
    }
}

/// How many iterations fill a round.
fn calibrate(case: &mut Case<'_>, round: Duration) -> u64 {
    let mut iterations = 1;
    loop {
        // The least of several: one that was interrupted says little.
        let time = (0..3)
            .map(|_| (case.run)(iterations))
            .min()
            .unwrap_or_default();
        if time >= round / 4 {
            let fill = iterations as f64 * round.as_secs_f64() / time.as_secs_f64();
            return (fill as u64).max(1);
        }
        iterations *= 2;
    }
}

fn print_table(name: &str, cases: &[Case<'_>], times: &[Times]) {
    println!("\n| {name} | median ns | 10 % | 90 % | × first |");
    println!("|---|---:|---:|---:|---:|");
    for (case, of_case) in cases.iter().zip(times) {
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.2} |",
            case.name,
            of_case.median(),
            of_case.quantile(0.1),
            of_case.quantile(0.9),
            of_case.against(&times[0]),
        );
    }
}

const BATCH: u64 = 64;

/// How long each case runs in a round, and how many rounds there are.
#[derive(Clone, Copy)]
struct Span {
    round: Duration,
    rounds: usize,
}

/// Shorter than the time a scheduler gives to another process: most rounds run undisturbed.
const SHORT: Span = Span {
    round: Duration::from_micros(500),
    rounds: 401,
};

const LONG: Span = Span {
    round: Duration::from_millis(25),
    rounds: 101,
};
