//! Purges are forgotten, and nothing that is alive with them.

use larder::Purge;

use crate::MANY;
use crate::scene::{RECORDS, Scene, UserId};

#[test]
fn purges_of_many_tags_are_forgotten_and_take_nothing_that_is_alive() {
    forgotten(|number| Purge::tag(format!("another:{number}")));
}

#[test]
fn soft_purges_of_many_tags_are_forgotten_and_take_nothing_that_is_alive() {
    forgotten(|number| Purge::tag(format!("another:{number}")).soft());
}

#[test]
fn purges_of_many_users_are_forgotten_and_take_nothing_that_is_alive() {
    forgotten(|number| Purge::identity(&UserId(number)));
}

#[test]
fn purges_of_many_urls_are_forgotten_and_take_nothing_that_is_alive() {
    forgotten(|number| Purge::url(&format!("/another/{number}")).unwrap());
}

/// One of the tags is on everything that is alive.
#[test]
fn purges_of_what_has_all_of_several_tags_are_forgotten_and_take_nothing_that_is_alive() {
    forgotten(|number| Purge::all_tags(["all".to_owned(), format!("another:{number}")]));
}

fn forgotten(purge: fn(u64) -> Purge) {
    let scene = Scene::new(64 << 20);
    for number in 0..MANY {
        scene.cache.purge(purge(number));
        if number % 10_000 == 0 {
            let records = scene.cache.stats().purge_records();
            assert!(records <= 2 * RECORDS + 1, "{records} records");
        }
    }
    assert_eq!(scene.cache.stats().purges(), MANY);
    let more = scene.more();
    assert!(more <= ROOM, "{more} bytes");
    assert_eq!(scene.hits(), 300);
}

/// The map of purges is replaced by another whenever it has filled up. What a thread has replaced it kept
/// until it was 32 tables.
#[test]
fn tables_that_the_map_of_purges_has_outgrown_are_given_back() {
    let scene = Scene::new(64 << 20);
    for number in 0..MANY / 4 {
        scene.cache.purge(Purge::tag(format!("another:{number}")));
        if number.is_multiple_of(1000) {
            let more = scene.more();
            assert!(more <= ROOM + TABLES, "{more} bytes after {number} purges");
        }
    }
}

#[test]
fn tags_go_with_the_responses_that_have_them() {
    let scene = Scene::new(MAX_BYTES);
    // Ten tags each, of which one is purged.
    for number in 0..MANY / 10 {
        let path = format!("/another/{number}");
        assert!(scene.ask(&path).is_stored());
        let tag = format!("{path}:{}", number % 10);
        scene.cache.purge(Purge::tag(tag));
    }
    let (more, stats) = (scene.more(), scene.cache.stats());
    assert!(stats.purge_records() <= 2 * RECORDS + 1);
    let room = i64::try_from(MAX_BYTES).unwrap() + ROOM;
    assert!(more <= room, "{more} bytes");
}

/// Much less than ten thousand responses take.
const MAX_BYTES: u64 = 512 << 10;

/// About a hundred bytes for each purge that is remembered, of which there may be twice as many for a
/// while; and a table that tells at once of most names that they were not purged.
const ROOM: i64 = 2 * RECORDS as i64 * 100 + (512 << 10);

/// The map of twice as many purges has at most so many places of nine bytes. While one table takes the
/// place of another there are two, and one more that may still be read.
const TABLES: i64 = 3 * 65_536 * 9;
