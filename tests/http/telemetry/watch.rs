//! Watches what a scenario tells of itself.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use larder::{Cache, Stats};
use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit};
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Writes down the events of the cache.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "larder" {
            assert_eq!(*event.metadata().level(), Level::DEBUG);
            let mut line = Line(String::new());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0.trim().to_owned());
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
            "outcome" => write!(self.0, "{value:?}").unwrap(),
            name => write!(self.0, " {name}={value:?}").unwrap(),
        }
    }
}

/// Sums up what reaches the metrics facade: counters by labels, histograms by their last value.
#[derive(Clone, Default)]
struct Recorder {
    counters: Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>,
    histograms: Arc<Mutex<BTreeMap<String, Arc<Last>>>>,
}

#[derive(Default)]
struct Last(Mutex<Vec<f64>>);

impl HistogramFn for Last {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let mut counters = self.counters.lock().unwrap();
        Counter::from_arc(Arc::clone(counters.entry(series(key)).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        panic!("the cache has no gauges")
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let mut histograms = self.histograms.lock().unwrap();
        Histogram::from_arc(Arc::clone(histograms.entry(series(key)).or_default()))
    }
}

fn series(key: &Key) -> String {
    let labels = key.labels().map(|label| format!(" {}", label.value()));
    let text = key.name().to_owned() + &labels.collect::<String>();
    text.trim_end().to_owned()
}

/// What was seen while `scenario` ran.
pub(super) struct Seen {
    pub(super) events: Vec<String>,
    pub(super) counters: BTreeMap<String, u64>,
    pub(super) histograms: BTreeMap<String, Vec<f64>>,
    pub(super) stats: Stats,
}

pub(super) fn watch<F: Future<Output = Cache>>(scenario: F) -> Seen {
    LazyLock::force(&INTERESTED);
    let (log, recorder) = (Log::default(), Recorder::default());
    let subscriber = tracing_subscriber::registry().with(log.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let cache = metrics::with_local_recorder(&recorder, || {
        tracing::subscriber::with_default(subscriber, || runtime.block_on(scenario))
    });
    let counters = recorder.counters.lock().unwrap().clone();
    let histograms = recorder.histograms.lock().unwrap().clone();
    Seen {
        events: std::mem::take(&mut log.0.lock().unwrap()),
        counters: counters
            .into_iter()
            .map(|(name, count)| (name, count.load(Ordering::SeqCst)))
            .collect(),
        histograms: histograms
            .into_iter()
            .map(|(name, values)| (name, values.0.lock().unwrap().clone()))
            .collect(),
        stats: cache.stats(),
    }
}

/// Keeps every event switched on. With less than two subscribers `tracing` asks only that of the
/// thread which comes first, and the threads of other tests have none.
static INTERESTED: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(tracing_subscriber::registry())));
