//! The inner service's work is a span, and whoever waits for it is linked to it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use larder_tests::{Crowd, Down, Slow, get, replies, request, response, settle};
use tower::ServiceExt;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Dispatch, Instrument, Span, Subscriber, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::collapse::{FRESH, streamed};

/// Writes down which spans there are and which follows from which.
#[derive(Clone, Default)]
struct Links(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    names: HashMap<u64, String>,
    fills: Vec<String>,
    links: BTreeSet<(String, String)>,
}

impl<S: Subscriber> Layer<S> for Links {
    fn on_new_span(&self, span: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut line = Line(format!(
            "{} {}",
            span.metadata().target(),
            span.metadata().name()
        ));
        span.record(&mut line);
        let mut seen = self.0.lock().unwrap();
        if line.0.starts_with("larder ") {
            // A number tells one fill from the next.
            let number = seen.fills.len() + 1;
            seen.fills.push(line.0);
            line.0 = format!("fill {number}");
        }
        seen.names.insert(id.into_u64(), line.0);
    }

    fn on_follows_from(&self, span: &Id, follows: &Id, _: Context<'_, S>) {
        let mut seen = self.0.lock().unwrap();
        let name = |id: &Id| seen.names[&id.into_u64()].clone();
        let link = (name(span), name(follows));
        seen.links.insert(link);
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!(" {field}={value:?}");
    }
}

fn watch(scenario: impl Future<Output = ()>) -> (Vec<String>, BTreeSet<(String, String)>) {
    LazyLock::force(&INTERESTED);
    let links = Links::default();
    let subscriber = tracing_subscriber::registry().with(links.clone());
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    tracing::subscriber::with_default(subscriber, || runtime.block_on(scenario));
    let seen = std::mem::take(&mut *links.0.lock().unwrap());
    (seen.fills, seen.links)
}

/// Sends requests, each in a span of its own, and reads the responses.
async fn send(crowd: &Crowd, clients: std::ops::Range<usize>, path: &'static str) {
    let one = |client| {
        let answered = crowd.service.clone().oneshot(get(path));
        let reading = async { larder_tests::Reply::read(answered.await.unwrap()).await };
        tokio::spawn(reading.instrument(info_span!(target: "test", "client", client)))
    };
    let all: Vec<_> = clients.map(one).collect();
    for client in all {
        client.await.unwrap();
    }
}

fn linked(fill: usize, clients: impl IntoIterator<Item = usize>) -> BTreeSet<(String, String)> {
    let link = |client| {
        (
            format!("fill {fill}"),
            format!("test client client={client}"),
        )
    };
    clients.into_iter().map(link).collect()
}

#[test]
fn fill_follows_from_every_request_that_waited_for_it() {
    let (fills, links) = watch(async {
        let crowd = Crowd::new(Slow::second(|_, _| response(200, &[FRESH], streamed(3).0)));
        send(&crowd, 0..20, "/a").await;
        // A hit waits for nothing.
        send(&crowd, 20..21, "/a").await;
        send(&crowd, 21..22, "/b").await;
    });
    let fill = "larder fill reason=\"uri-miss\" background=false";
    assert_eq!(fills, [fill, fill]);
    assert_eq!(links, linked(1, 1..20));
}

#[test]
fn request_that_waits_twice_is_linked_twice() {
    let (_, links) = watch(async {
        let crowd = Crowd::new(Slow::new(|_, before| async move {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            match before {
                0 => Err(Down),
                _ => Ok(response(200, &[FRESH], "body")),
            }
        }));
        let failing = crowd.get("/a");
        settle().await;
        send(&crowd, 0..3, "/a").await;
        assert_eq!(failing.result().await.unwrap_err(), Down);
    });
    let first = links.iter().filter(|(fill, _)| fill == "fill 1").count();
    let second = links.iter().filter(|(fill, _)| fill == "fill 2").count();
    assert_eq!((first, second, links.len()), (3, 2, 5));
}

#[test]
fn inner_service_works_in_the_span() {
    let inside = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&inside);
    watch(async {
        let crowd = Crowd::new(Slow::new(move |_, _| {
            let noted = Arc::clone(&noted);
            async move {
                let name = Span::current().metadata().map(tracing::Metadata::name);
                noted.lock().unwrap().push(name);
                Ok(response(200, &[FRESH], "body"))
            }
        }));
        replies(crowd.send_all(3, |_| request("GET", "/a", &[]))).await;
    });
    assert_eq!(*inside.lock().unwrap(), [Some("fill")]);
}

/// Keeps every span switched on. With less than two subscribers `tracing` asks only that of the
/// thread which comes first, and the threads of other tests have none.
static INTERESTED: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(tracing_subscriber::registry())));
