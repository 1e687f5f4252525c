use std::hash::BuildHasher;

use super::*;

const NOW: u64 = 1_800_000_000_000;

fn stamps() -> Stamps {
    Stamps::new(1 << 16)
}

fn named(hashes: &[u64]) -> Names {
    Names::of_request(hashes)
}

fn one(hash: u64) -> [Named; 1] {
    [Named::One(hash)]
}

fn all(hashes: &[u64]) -> [Named; 1] {
    [Named::all(hashes.to_vec()).unwrap()]
}

/// What became of something born at a position.
fn life(stamps: &Stamps, born: u64, hashes: &[u64]) -> Life {
    stamps.life(&named(hashes), &Seen::new(born))
}

#[test]
fn purge_kills_what_was_born_before_it_and_has_the_name_and_nothing_else() {
    let stamps = stamps();
    let before = stamps.position();
    stamps.purge(&one(7), Manner::Hard);
    assert_eq!(life(&stamps, before, &[1, 7]), Life::Dead);
    assert_eq!(life(&stamps, before, &[1, 8]), Life::Live);
    assert_eq!(life(&stamps, stamps.position(), &[7]), Life::Live);
}

#[test]
fn purge_of_what_has_all_names_spares_what_lacks_one() {
    let stamps = stamps();
    let before = stamps.position();
    stamps.purge(&all(&[3, 1, 2, 2]), Manner::Hard);
    assert_eq!(life(&stamps, before, &[2, 9, 1, 3]), Life::Dead);
    for some in [&[1, 2][..], &[2, 3], &[1], &[]] {
        assert_eq!(life(&stamps, before, some), Life::Live, "{some:?}");
    }
    // One that has another name in common leaves the first as it was.
    stamps.purge(&all(&[1, 5]), Manner::Hard);
    assert_eq!(life(&stamps, before, &[1, 2, 3]), Life::Dead);
    assert_eq!(life(&stamps, before, &[1, 5]), Life::Dead);
    assert_eq!(life(&stamps, before, &[1, 2]), Life::Live);
}

#[test]
fn soft_purge_makes_stale_and_a_hard_one_after_it_dead() {
    let stamps = stamps();
    let (before, seen) = (stamps.position(), Seen::new(stamps.position()));
    stamps.purge(&one(7), Manner::Soft(NOW));
    assert_eq!(stamps.life(&named(&[7]), &seen), Life::Stale(NOW));
    // Remembered, and the first of several counts.
    stamps.purge(&one(7), Manner::Soft(NOW + 5));
    assert_eq!(stamps.life(&named(&[7]), &seen), Life::Stale(NOW));
    assert_eq!(life(&stamps, stamps.position(), &[7]), Life::Live);
    stamps.purge(&one(7), Manner::Hard);
    assert_eq!(stamps.life(&named(&[7]), &seen), Life::Dead);
    assert_eq!(life(&stamps, before, &[7]), Life::Dead);
}

/// The stale windows of what nobody looked at meanwhile began with the last purge instead.
#[test]
fn first_of_several_soft_purges_counts_though_nobody_looked_in_between() {
    type Purge = fn(&Stamps, Manner) -> u64;
    let purges: [Purge; 3] = [
        |stamps, manner| stamps.purge(&one(7), manner),
        |stamps, manner| stamps.purge(&all(&[1, 7]), manner),
        Stamps::purge_all,
    ];
    for purge in purges {
        let stamps = stamps();
        let mut born = vec![(stamps.position(), NOW)];
        for count in 1..10 {
            purge(&stamps, Manner::Soft(NOW + count - 1));
            let stale = |(born, since): &(u64, u64)| match life(&stamps, *born, &[1, 7]) {
                Life::Stale(found) => found <= *since,
                _ => false,
            };
            assert!(born.iter().all(stale), "{count}");
            // Exact as far as two are enough.
            let [.., (last, since)] = &born[..] else {
                panic!("born")
            };
            assert_eq!(life(&stamps, *last, &[1, 7]), Life::Stale(*since));
            if count == 2 {
                assert_eq!(life(&stamps, born[0].0, &[1, 7]), Life::Stale(NOW));
            }
            born.push((stamps.position(), NOW + count));
        }
        purge(&stamps, Manner::Hard);
        assert_eq!(life(&stamps, born[9].0, &[1, 7]), Life::Dead);
        assert_eq!(life(&stamps, stamps.position(), &[1, 7]), Life::Live);
    }
}

#[test]
fn later_soft_purges_do_not_make_stale_what_is_so_since_longer_ago_than_it_is() {
    let (stamps, names) = (stamps(), named(&[7]));
    stamps.purge(&one(7), Manner::Soft(NOW));
    let seen = Seen::new(stamps.position());
    for count in 1..5 {
        stamps.purge(&one(7), Manner::Soft(NOW + count));
        assert_eq!(stamps.life(&names, &seen), Life::Stale(NOW + 1));
    }
    for count in 5..8 {
        stamps.purge(&one(7), Manner::Soft(NOW + count));
    }
    assert_eq!(stamps.life(&names, &seen), Life::Stale(NOW + 1));
}

#[test]
fn an_answer_is_remembered_until_the_next_purge() {
    let stamps = stamps();
    let seen = Seen::new(stamps.position());
    assert_eq!(stamps.life(&named(&[7]), &seen), Life::Live);
    stamps.purge(&one(8), Manner::Hard);
    assert_eq!(stamps.life(&named(&[7]), &seen), Life::Live);
    stamps.purge(&one(7), Manner::Hard);
    assert_eq!(stamps.life(&named(&[7]), &seen), Life::Dead);
}

#[test]
fn purge_of_everything_hits_what_has_no_name_at_all() {
    for (manner, expected) in [
        (Manner::Hard, Life::Dead),
        (Manner::Soft(NOW), Life::Stale(NOW)),
    ] {
        let stamps = stamps();
        let before = stamps.position();
        stamps.purge_all(manner);
        assert_eq!(life(&stamps, before, &[]), expected);
        assert_eq!(life(&stamps, stamps.position(), &[]), Life::Live);
    }
}

#[test]
fn names_that_share_a_cell_of_the_filter_are_told_apart() {
    let stamps = stamps();
    let before = stamps.position();
    stamps.purge(&one(7 + (1 << 40)), Manner::Hard);
    assert_eq!(life(&stamps, before, &[7]), Life::Live);
}

/// Sweeps as a cache does that has these.
fn sweep(stamps: &Stamps, stored: &[(Names, Seen)]) {
    let sweep = stamps.begin_sweep().expect("due");
    for (names, seen) in stored {
        stamps.life(names, seen);
    }
    sweep.end(stored.len() as u64);
}

#[test]
fn a_sweep_forgets_all_purges_and_takes_nothing_from_what_it_saw() {
    let stamps = stamps();
    let born = stamps.position();
    let stored: Vec<_> = (0..10_u64)
        .map(|hash| (named(&[hash]), Seen::new(born)))
        .collect();
    stamps.purge(&one(3), Manner::Soft(NOW));
    stamps.purge(&one(4), Manner::Hard);
    for hash in 100..5_000 {
        stamps.purge(&one(hash), Manner::Hard);
    }
    sweep(&stamps, &stored);
    assert_eq!(stamps.records(), 0);
    for (hash, (names, seen)) in stored.iter().enumerate() {
        let expected = match hash {
            3 => Life::Stale(NOW),
            4 => Life::Dead,
            _ => Life::Live,
        };
        assert_eq!(stamps.life(names, seen), expected, "{hash}");
    }
    // Nobody vouched for this one.
    assert_eq!(life(&stamps, born, &[99_999]), Life::Dead);
}

#[test]
fn what_work_in_progress_goes_by_is_not_forgotten() {
    let stamps = stamps();
    for hash in 0..2_000 {
        stamps.purge(&one(hash), Manner::Hard);
    }
    let (hold, born) = (stamps.hold(), stamps.position());
    for hash in 2_000..4_000 {
        stamps.purge(&one(hash), Manner::Hard);
    }
    sweep(&stamps, &[]);
    assert_eq!(stamps.records(), 2_000);
    assert_eq!(life(&stamps, born, &[1]), Life::Live);
    assert_eq!(life(&stamps, born, &[3_000]), Life::Dead);
    let second = hold.clone();
    drop(hold);
    for hash in 4_000..6_000 {
        stamps.purge(&one(hash), Manner::Hard);
    }
    sweep(&stamps, &[]);
    assert_eq!(stamps.records(), 4_000);
    drop(second);
    for hash in 6_000..8_000 {
        stamps.purge(&one(hash), Manner::Hard);
    }
    sweep(&stamps, &[]);
    assert_eq!(stamps.records(), 0);
    assert_eq!(life(&stamps, born, &[1]), Life::Dead);
}

#[test]
fn work_that_goes_on_for_too_long_is_given_up_before_there_is_too_much() {
    let stamps = Stamps::new(100);
    let (_hold, born) = (stamps.hold(), stamps.position());
    for hash in 0..1_000 {
        stamps.purge(&one(hash), Manner::Hard);
        if stamps.is_full() {
            sweep(&stamps, &[]);
        }
    }
    assert!(stamps.records() <= 201, "{}", stamps.records());
    assert_eq!(life(&stamps, born, &[99_999]), Life::Dead);
}

#[test]
fn purges_of_several_names_are_counted_and_forgotten_too() {
    let stamps = stamps();
    let before = stamps.position();
    for hash in 0..2_000 {
        stamps.purge(&all(&[1, 10 + hash]), Manner::Hard);
        stamps.purge(&all(&[1, 10 + hash]), Manner::Hard);
    }
    assert!(stamps.records() >= 2_000);
    // A name that all have in common has no list of all the others.
    let pin = stamps.by_name.pin();
    assert!(pin.values().all(|stamp| stamp.joint() <= 1));
    assert_eq!(life(&stamps, before, &[1, 2_000]), Life::Dead);
    assert_eq!(life(&stamps, before, &[2_000, 2_001]), Life::Live);
    sweep(&stamps, &[]);
    assert_eq!(stamps.records(), 0);
}

/// With this seed the quicker of two hashers has small numbers in a row crowd together. The map looks
/// for a free place 65 times in a table of this size, and then makes another of the same size, for ever.
#[test]
fn no_seed_crowds_names_together_until_a_purge_does_not_return() {
    let secrets = [0x2b4f_54b3_dbb3_a000, 2, 3, 4, 5, 6, 7];
    let hasher = spreading::SeedableState::custom(0x7409_3ebe_40b7_a0d3, &secrets);
    let mut taken = vec![false; 8_192];
    for name in 0..4_096_u64 {
        let mut at = usize::try_from(hasher.hash_one(name) % 8_192).unwrap();
        let free = (1..40).find(|step| {
            let is_free = !std::mem::replace(&mut taken[at], true);
            at = (at + step) % taken.len();
            is_free
        });
        assert!(free.is_some(), "no place for {name}");
    }
}
