//! The tables, in Markdown.

use std::fmt::Write;

use larder_benches::{machine, versions};

use crate::contender::{Contender, LARDER, PEERS};
use crate::hits::Of;
use crate::rules::RULES;
use crate::{Found, targets};

pub(crate) fn written(found: &Found) -> String {
    let packages = [&LARDER]
        .into_iter()
        .chain(&PEERS)
        .flat_map(|one| one.packages);
    let mut named: Vec<&str> = packages.chain(&["axum"]).copied().collect();
    named.sort_unstable();
    named.dedup();
    let clock = if std::env::args().any(|argument| argument == "--cpu") {
        "time that a thread had a processor"
    } else {
        "time that passed"
    };
    let sections = [
        format!("{clock}; {}; {}.", machine(), versions(&named)),
        hits(found),
        does(found),
        targets::table(found),
    ];
    sections
        .map(|section| section.trim_end().to_owned())
        .join("\n\n")
}

fn hits(found: &Found) -> String {
    let mut table = String::from(
        "| a hit | 2 KiB, ns | × bare | 50 KiB, ns | × bare | allocations | two threads, own keys | … one key |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let bare = found.row(Of::Bare);
    let more = |value: f64| {
        let known = found.had_two_processors();
        if known {
            format!("{value:.2} ×")
        } else {
            "–".to_owned()
        }
    };
    for row in &found.rows {
        line(
            &mut table,
            &[
                row.name.clone(),
                whole(row.small.median()),
                ratio(row.small.against(&bare.small)),
                whole(row.large.median()),
                ratio(row.large.against(&bare.large)),
                row.allocations.to_string(),
                more(row.apart),
                more(row.hot),
            ],
        );
    }
    table
}

fn does(found: &Found) -> String {
    let short = |contender: &Contender| contender.name.replace("moka by hand, ", "by hand, ");
    let names = [&LARDER].into_iter().chain(&PEERS).map(short);
    let names: Vec<String> = ["what it does".to_owned()]
        .into_iter()
        .chain(names)
        .collect();
    let mut table = String::new();
    line(&mut table, &names);
    table.push_str(&format!("|---|{}\n", ":---:|".repeat(names.len() - 1)));
    for (at, rule) in RULES.iter().enumerate() {
        let answers = found
            .does
            .iter()
            .map(|does| if does[at] { "yes" } else { "**no**" });
        let answers = answers.map(str::to_owned);
        let cells: Vec<String> = [rule.name.to_owned()].into_iter().chain(answers).collect();
        line(&mut table, &cells);
    }
    let calls = found.calls.iter().map(usize::to_string);
    let name = "handler calls for 1,000 cold misses of one key".to_owned();
    let cells: Vec<String> = [name].into_iter().chain(calls).collect();
    line(&mut table, &cells);
    table
}

pub(crate) fn line(table: &mut String, cells: &[String]) {
    writeln!(table, "| {} |", cells.join(" | ")).expect("room");
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

/// With as many digits as say something.
fn ratio(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.2}")
    } else {
        whole(value)
    }
}
