//! Watches spans, and what is told within them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, LazyLock, Mutex};

use larder::{Cache, Stats};
use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Dispatch, Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// What was told while a scenario ran, in order.
pub(super) struct Told {
    /// The names of the span's ancestors, its own, and its fields.
    pub(super) spans: Vec<String>,
    /// The names of the spans around the event, and the event.
    pub(super) events: Vec<String>,
    pub(super) counters: BTreeMap<String, u64>,
    pub(super) stats: Stats,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<(Vec<String>, Vec<String>)>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Log {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() == "larder" {
            let scope = context.span_scope(id).unwrap().from_root();
            let names: Vec<_> = scope.map(|span| span.name()).collect();
            let mut line = Line(names.join(" "));
            attributes.record(&mut line);
            self.0.lock().unwrap().0.push(line.0);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() == "larder" {
            let scope = context.event_scope(event).into_iter();
            let scope = scope.flat_map(|scope| scope.from_root());
            let mut names: Vec<_> = scope.map(|span| span.name()).collect();
            // What is entered twice is one span all the same.
            names.dedup();
            let mut line = Line(names.join(" ") + ":");
            event.record(&mut line);
            self.0.lock().unwrap().1.push(line.0);
        }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "outcome" => write!(self.0, " {value:?}").unwrap(),
            name => write!(self.0, " {name}={value:?}").unwrap(),
        }
    }
}

#[derive(Clone, Default)]
struct Counts(Arc<Mutex<BTreeMap<String, u64>>>);

struct Count(Counts, String);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        *self.0.0.lock().unwrap().entry(self.1.clone()).or_default() += value;
    }

    fn absolute(&self, _: u64) {
        panic!("the cache counts up")
    }
}

impl metrics::Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Arc::new(Count(self.clone(), key.name().to_owned())))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Runs a scenario whose time stands still while there is something to do.
pub(super) fn watch<F: Future<Output = Cache>>(scenario: F) -> Told {
    LazyLock::force(&INTERESTED);
    let (log, counts) = (Log::default(), Counts::default());
    let subscriber = tracing_subscriber::registry().with(log.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let cache = metrics::with_local_recorder(&counts, || {
        tracing::subscriber::with_default(subscriber, || runtime.block_on(scenario))
    });
    let (spans, events) = std::mem::take(&mut *log.0.lock().unwrap());
    let counters = counts.0.lock().unwrap().clone();
    Told {
        spans,
        events,
        counters,
        stats: cache.stats(),
    }
}

/// Keeps everything switched on. With less than two subscribers `tracing` asks only that of the
/// thread which comes first, and the threads of other tests have none.
static INTERESTED: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(tracing_subscriber::registry())));
