use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Waits until `check` has an answer, which it is asked for every 20 ms.
///
/// # Panics
///
/// With `what`, if there is none within `limit`.
pub async fn until<T, F>(what: &str, limit: Duration, mut check: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = check().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
