//! What larder wants to show here, and what it shows.

use larder_benches::Times;

use crate::Found;
use crate::contender::{PEERS, Place};
use crate::hits::{Of, Row};
use crate::rules::HONOURS;
use crate::tables::line;

/// Of a hit in the layer alone.
pub(crate) const ALLOCATIONS: u64 = 3;

pub(crate) fn table(found: &Found) -> String {
    let mut table = String::from("| target | here | reached |\n|---|---|:---:|\n");
    let bare = found.row(Of::Bare);
    let [route, around] = [Place::Route, Place::Around].map(|place| found.row(Of::Larder(place)));
    let direct = found.row(Of::LarderDirect);
    let to_bare = |row: &Row| {
        row.small
            .against(&bare.small)
            .max(row.large.against(&bare.large))
    };
    let mut add = |target: &str, here: String, reached: bool| {
        let reached = if reached { "yes" } else { "**no**" };
        line(&mut table, &[target.to_owned(), here, reached.to_owned()]);
    };
    let time = to_bare(around);
    add(
        "around the router: at most 0.50 × the bare handler",
        format!("{time:.2} ×"),
        time <= 0.5,
    );
    let time = to_bare(route);
    add(
        "on the route: at most 1.15 × the bare handler",
        format!("{time:.2} ×"),
        time <= 1.15,
    );
    add(
        &format!("called directly: at most {ALLOCATIONS} allocations"),
        direct.allocations.to_string(),
        direct.allocations <= ALLOCATIONS,
    );
    let least = |of: fn(&Row) -> f64| of(around).min(of(direct));
    for (keys, more, wanted) in [
        ("own keys", least(|row| row.apart), 1.8),
        ("one key", least(|row| row.hot), 1.6),
    ] {
        let target = format!("two threads, {keys}: at least {wanted} × one");
        if found.had_two_processors() {
            add(&target, format!("{more:.2} ×"), more >= wanted);
        } else {
            add(
                &target,
                "not measured: no two processors were free".to_owned(),
                false,
            );
        }
    }
    let ahead = lost(found);
    add(
        "ahead of every peer in the same place: time and allocations",
        if ahead.is_empty() {
            "all".to_owned()
        } else {
            ahead.join("; ")
        },
        ahead.is_empty(),
    );
    let (lead, name) = lead(found);
    add(
        "3 × as fast as the fastest peer that honours `Vary` and `Cache-Control`",
        format!("{lead:.1} × ({name})"),
        lead >= 3.0,
    );
    table
}

/// Where a peer is ahead.
fn lost(found: &Found) -> Vec<String> {
    let mut lost = Vec::new();
    for (row, larder, _) in pairs(found) {
        for (size, theirs, ours) in sizes(row, larder) {
            let ratio = ours.against(theirs);
            if ratio >= 1.0 {
                lost.push(format!("{ratio:.2} × {}, {size}", row.name));
            }
        }
        if row.allocations < larder.allocations {
            let (ours, theirs) = (larder.allocations, row.allocations);
            lost.push(format!("{ours} allocations, {} {theirs}", row.name));
        }
    }
    lost
}

/// How often the time of larder fits into that of the fastest peer which honours both, where that is
/// least, and which it is.
fn lead(found: &Found) -> (f64, String) {
    let honest = pairs(found).filter(|(_, _, peer)| {
        let does = &found.does[peer + 1];
        does[..HONOURS].iter().all(|does| *does)
    });
    let leads = honest.flat_map(|(row, larder, _)| {
        sizes(row, larder).map(|(_, theirs, ours)| (theirs.against(ours), row.name.clone()))
    });
    leads
        .min_by(|one, other| one.0.total_cmp(&other.0))
        .unwrap_or((f64::INFINITY, "there is none".to_owned()))
}

/// Each row of a peer, larder's in the same place, and which of [`PEERS`] it is.
fn pairs(found: &Found) -> impl Iterator<Item = (&Row, &Row, usize)> {
    found.rows.iter().filter_map(|row| match row.of {
        Of::Peer(peer, place) if peer < PEERS.len() => {
            Some((row, found.row(Of::Larder(place)), peer))
        }
        _ => None,
    })
}

fn sizes<'a>(row: &'a Row, larder: &'a Row) -> [(&'static str, &'a Times, &'a Times); 2] {
    [
        ("2 KiB", &row.small, &larder.small),
        ("50 KiB", &row.large, &larder.large),
    ]
}
