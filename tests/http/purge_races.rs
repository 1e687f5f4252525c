//! Purges at every step of an answer: whoever asks after the receipt never gets what was made before
//! it, and nothing of that is stored. All kinds of purges meet all steps of all ways in which a
//! response comes about.

use std::fmt;

use larder_tests::{Reply, settle};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::purge_stage::{KINDS, Kind, Point, Stage, Way};
use crate::purge_stories::{
    BEHIND, EARLY, FAILURE, FILL, HEAD, REFRESH, Story, VALIDATION, changed, without_validator,
};
use crate::scene::{millis, secs};

/// One purge at one step of one story.
#[derive(Clone, Copy)]
struct Case {
    story: Story,
    kind: Kind,
    soft: bool,
    point: Point,
    way: Way,
    /// Others ask while those before still wait; else when those are done.
    meanwhile: bool,
}

impl Case {
    async fn run(self) {
        let Self { story, way, .. } = self;
        let stage = Stage::new(story.fields, story.layer);
        if let Some(seconds) = story.stored {
            assert!(stage.get().await.is_stored(), "{self}");
            sleep(secs(seconds)).await;
        }
        stage.state().version += usize::from(story.changed);
        (stage.state().fails, stage.state().full) = (story.fails, story.full);
        stage.state().vague = story.vague;
        let act = stage.clone();
        stage.stop(self.point, way, move || act.change(self.kind, self.soft));
        let before: Vec<_> = (0..3).map(|_| stage.ask(story.method)).collect();
        settle().await;
        sleep(millis(story.waited)).await;
        stage.reach(way).await;
        let calls = stage.state().calls;
        let mut after = Vec::new();
        if self.meanwhile {
            after = self.ask(&stage).await;
            assert!(
                self.waits() || after.iter().all(JoinHandle::is_finished),
                "{self}"
            );
        }
        stage.release();
        settle().await;
        if !self.meanwhile {
            after = self.ask(&stage).await;
        }
        for reply in before {
            self.check(&reply.await.unwrap(), 0);
        }
        let version = stage.state().version;
        for reply in after {
            self.check(&reply.await.unwrap(), version);
        }
        let calls = stage.state().calls - calls;
        // One for those after it, one more for those before it, and one where that has to ask again.
        let most = 2 + usize::from(story.vague);
        assert!(calls <= most || story.fails, "{self}: {calls} calls");
        stage.state().fails = false;
        // A validation that failed is not repeated at once.
        sleep(secs(10)).await;
        self.check(&stage.get().await, version);
        settle().await;
        assert_eq!(
            stage.get().await.text(),
            format!("version {version}."),
            "{self}"
        );
        stage.state().fails = true;
        sleep(secs(60)).await;
        let last = stage.get().await;
        self.check(&last, version);
    }

    async fn ask(&self, stage: &Stage) -> Vec<JoinHandle<Reply>> {
        let after = (0..3).map(|_| stage.ask("GET")).collect();
        settle().await;
        after
    }

    /// What only a response itself names shows when it is there.
    fn waits(&self) -> bool {
        self.kind == Kind::Group
    }

    /// Nothing older than this version is served, unless it may be as stale.
    fn check(&self, reply: &Reply, version: usize) {
        if reply.status == 503 {
            return;
        }
        assert_eq!(reply.status, 200, "{self}");
        let found = reply
            .text()
            .strip_prefix("version ")
            .and_then(|text| text.strip_suffix('.'));
        let Some(found) = found else {
            return assert_eq!(
                (self.story.method, version, reply.text()),
                ("HEAD", 0, ""),
                "{self}"
            );
        };
        let found: usize = found.parse().unwrap();
        if found < version {
            let status = reply.field("cache-status");
            let stale = status.contains("ttl=-") || status.contains("ttl=0");
            let told = !reply.is_hit() || status.contains("detail=soft-purged");
            assert!(
                self.soft && stale && told,
                "{self}: {found} < {version}, {status}"
            );
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            story,
            kind,
            soft,
            point,
            way,
            meanwhile,
        } = self;
        let name = story.name;
        write!(
            f,
            "{name}: {kind:?} soft={soft} at {point:?} {way:?} meanwhile={meanwhile}"
        )
    }
}

/// Every kind of purge at every step.
async fn table(story: Story) {
    let mut cases = 0;
    for (kind, soft) in KINDS
        .iter()
        .flat_map(|kind| [(*kind, false), (*kind, true)])
    {
        // A write purges hard, and what was purged softly is what its validator says.
        if soft && (kind == Kind::Group || story.vague) {
            continue;
        }
        for &point in story.points {
            let ways = [(Way::Inside, true), (Way::Held, true), (Way::Held, false)];
            for (way, meanwhile) in ways {
                // Nobody waits in a call. What a kind is matters most to those who ask meanwhile.
                let few = [Kind::Everything, Kind::Group, Kind::Tags].contains(&kind);
                let held = (way, meanwhile) == (Way::Held, true);
                if point == Point::Call && way == Way::Held || !held && !few {
                    continue;
                }
                let case = Case {
                    story,
                    kind,
                    soft,
                    point,
                    way,
                    meanwhile,
                };
                case.run().await;
                cases += 1;
            }
        }
    }
    assert!(cases >= 9 * (story.points.len() - 1));
}

#[tokio::test(start_paused = true)]
async fn purge_during_a_fill() {
    table(FILL).await;
}

#[tokio::test(start_paused = true)]
async fn purge_during_a_fill_without_a_validator() {
    table(without_validator("fill without a validator", FILL)).await;
}

#[tokio::test(start_paused = true)]
async fn purge_during_a_validation() {
    table(VALIDATION).await;
}

/// Whoever validated what was purged in between would have it confirmed, and stored.
#[tokio::test(start_paused = true)]
async fn purge_during_a_validation_that_confirms_whatever_there_was() {
    for story in [VALIDATION, REFRESH, EARLY, BEHIND] {
        table(Story {
            vague: true,
            ..story
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn purge_during_a_validation_of_what_has_changed() {
    table(changed("validation of what has changed", VALIDATION)).await;
}

#[tokio::test(start_paused = true)]
async fn purge_during_a_validation_without_a_validator() {
    table(without_validator(
        "validation without a validator",
        changed("", VALIDATION),
    ))
    .await;
}

#[tokio::test(start_paused = true)]
async fn purge_during_a_background_refresh() {
    table(REFRESH).await;
}

#[tokio::test(start_paused = true)]
async fn purge_during_a_background_refresh_of_what_has_changed() {
    table(changed("refresh of what has changed", REFRESH)).await;
}

#[tokio::test(start_paused = true)]
async fn purge_during_an_early_refresh() {
    table(EARLY).await;
}

#[tokio::test(start_paused = true)]
async fn purge_during_an_early_refresh_of_what_has_changed() {
    table(changed("early refresh of what has changed", EARLY)).await;
}

#[tokio::test(start_paused = true)]
async fn purge_while_a_request_is_finished_behind_its_client() {
    table(BEHIND).await;
}

#[tokio::test(start_paused = true)]
async fn purge_while_the_inner_service_fails() {
    table(FAILURE).await;
}

#[tokio::test(start_paused = true)]
async fn purge_while_a_head_freshens_a_get() {
    table(HEAD).await;
    table(Story {
        name: "full head",
        full: true,
        ..HEAD
    })
    .await;
    table(without_validator("head without a validator", HEAD)).await;
}
