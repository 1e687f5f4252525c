//! What a fleet promises, on real servers and while these break: see [`scene`] for how it is looked at.

mod app;
mod bridge;
mod clocks;
mod clusters;
mod connections;
mod hostile;
mod lost;
mod many;
mod memcached;
mod memcached_hostile;
mod memcached_lost;
mod node;
mod oracle;
mod restarts;
mod scene;
mod servers;
mod upgrade;

/// Each test with Redis and with Valkey.
macro_rules! on_both {
    ($tests:tt) => {
        on_both!(@ redis Redis $tests);
        on_both!(@ valkey Valkey $tests);
    };
    (@ $name:ident $kind:ident [$($test:ident)*]) => {
        mod $name {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(larder_servers::Kind::$kind).await;
            })*
        }
    };
}
pub(crate) use on_both;
