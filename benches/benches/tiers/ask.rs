//! Asking one after the other, or many at a time.

use std::rc::Rc;
use std::time::{Duration, Instant};

use larder_benches::{Case, watch};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

#[derive(Clone, Copy)]
pub struct Asking {
    pub how: How,
    /// Values there are.
    pub keys: usize,
}

#[derive(Clone, Copy)]
pub enum How {
    /// On one thread, each request made outside of the measured time.
    OneAtATime,
    /// 128 tasks on two threads, each of which asks for one after the other.
    InFlight,
}

impl How {
    pub fn runtime(self) -> Runtime {
        let runtime = match self {
            Self::OneAtATime => Builder::new_current_thread().enable_all().build(),
            Self::InFlight => return two_threads(),
        };
        runtime.expect("a runtime")
    }
}

impl Asking {
    /// Asks for one key after the other. The answer is the length of what was got.
    pub fn case<I, F>(
        self,
        name: &'static str,
        runtime: &Rc<Runtime>,
        length: usize,
        mut input: impl FnMut(usize) -> I + 'static,
        ask: impl Fn(I) -> F + Clone + Send + 'static,
    ) -> Case<'static>
    where
        I: Send + 'static,
        F: Future<Output = usize> + Send,
    {
        let runtime = Rc::clone(runtime);
        let input = move |n| input(n % self.keys);
        match self.how {
            How::OneAtATime => one_at_a_time(name, runtime, length, input, ask),
            How::InFlight => in_flight(name, runtime, length, input, ask),
        }
    }
}

fn one_at_a_time<I, F: Future<Output = usize>>(
    name: &'static str,
    runtime: Rc<Runtime>,
    length: usize,
    mut input: impl FnMut(usize) -> I + 'static,
    ask: impl Fn(I) -> F + 'static,
) -> Case<'static> {
    let mut next = 0;
    Case::new(name, move |iterations| {
        runtime.block_on(async {
            let mut time = Duration::ZERO;
            for _ in 0..iterations {
                let asked = input(next);
                next += 1;
                let start = watch();
                let got = ask(asked).await;
                time += watch() - start;
                assert_eq!(got, length, "not the value");
            }
            time
        })
    })
}

fn in_flight<I, F>(
    name: &'static str,
    runtime: Rc<Runtime>,
    length: usize,
    mut input: impl FnMut(usize) -> I + 'static,
    ask: impl Fn(I) -> F + Clone + Send + 'static,
) -> Case<'static>
where
    I: Send + 'static,
    F: Future<Output = usize> + Send,
{
    let mut next = 0;
    Case::new(name, move |iterations| {
        let each = iterations.div_ceil(TASKS);
        let mut inputs = || {
            let keys = (0..each).map(|at| next + at as usize);
            let inputs: Vec<I> = keys.map(&mut input).collect();
            next += each as usize;
            inputs
        };
        let inputs: Vec<Vec<I>> = (0..TASKS).map(|_| inputs()).collect();
        let time = runtime.block_on(async {
            let mut tasks = JoinSet::new();
            let start = Instant::now();
            for inputs in inputs {
                let ask = ask.clone();
                tasks.spawn(async move {
                    for asked in inputs {
                        assert_eq!(ask(asked).await, length, "not the value");
                    }
                });
            }
            while let Some(ended) = tasks.join_next().await {
                ended.expect("a task that ended well");
            }
            start.elapsed()
        });
        time.mul_f64(iterations as f64 / (each * TASKS) as f64)
    })
}

pub fn two_threads() -> Runtime {
    let mut runtime = Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all();
    runtime.build().expect("a runtime")
}

/// Values in a store: so many that a memory which keeps nothing has settled its books before one comes
/// again, and that nobody asks for the same as another at the same time.
pub fn keys(length: usize, quick: bool) -> usize {
    match (quick, length) {
        (true, _) => 256,
        (false, ..10_000) => 5_000,
        (false, _) => 1_500,
    }
}

const TASKS: u64 = 128;
