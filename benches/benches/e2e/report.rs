//! The tables.

use larder_benches::{first_line, machine, median, versions, write};
use larder_servers::{Kind, command};

use crate::case::{AROUND, BARE, Case, Cases, NGINX, NGINX_TUNED, PROXY, ROUTE, VARNISH};
use crate::measure::{Measured, Results};
use crate::options::Options;

/// Of all cases.
pub(crate) const NAMES: [&str; 7] = [BARE, ROUTE, AROUND, PROXY, NGINX, NGINX_TUNED, VARNISH];

/// Prints what was measured, and writes it if that is wanted.
pub(crate) fn report(options: &Options, sizes: &[Cases], results: &Results) -> Result<(), String> {
    let mut text = run(options);
    for (cases, results) in sizes.iter().zip(results) {
        text += &table(cases, results);
        text += &targets(cases, results);
    }
    for missing in sizes.iter().take(1).flat_map(|cases| &cases.missing) {
        text +=
            &format!("\n{missing} was missing; `cargo xtask bench e2e --install` installs it.\n");
    }
    text += &generator(options, sizes, results);
    println!("{text}");
    if options.write {
        write("e2e", &text)?;
    }
    Ok(())
}

/// The command, the machine and the versions.
fn run(options: &Options) -> String {
    let Options {
        rounds,
        seconds,
        connections,
        server_threads,
        load_threads,
        kib,
        ..
    } = options;
    let kib: Vec<_> = kib.iter().map(usize::to_string).collect();
    let kib = kib.join(",");
    let others = [
        (Kind::Wrk, "-v"),
        (Kind::Nginx, "-v"),
        (Kind::Varnish, "-V"),
    ];
    let others = others.into_iter().filter_map(|(kind, option)| {
        let said = first_line(command(kind)?.arg(option))?;
        let has_number = |word: &&str| word.contains(|c: char| c.is_ascii_digit());
        let version = said.split([' ', '(']).find(has_number)?;
        // Two of them say who they are with it.
        let name = if kind == Kind::Wrk { "wrk " } else { "" };
        Some(format!(", {name}{version}"))
    });
    format!(
        "`cargo xtask bench e2e --rounds {rounds} --seconds {seconds} --connections {connections} \
         --server-threads {server_threads} --load-threads {load_threads} --kib {kib}`; {}; {}{}.\n",
        machine(),
        versions(&["axum", "hyper", "tokio"]),
        others.collect::<String>(),
    )
}

fn table(cases: &Cases, results: &[Vec<Measured>]) -> String {
    let mut table = format!("\n| {} KiB, 4 fields {COLUMNS}", cases.kib);
    for (case, result) in cases.cases.iter().zip(results) {
        let middle = |of: Figure| median(result.iter().map(of));
        let ratio = |of| ratio(result, &results[0], of);
        table += &format!(
            "| {} | {:.0} | {:.2} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} |\n",
            case.name,
            middle(per_second),
            ratio(per_second),
            middle(|measured| measured.load.latency[0]),
            middle(|measured| measured.load.latency[1]),
            middle(p999),
            ratio(p999),
            middle(processor),
            ratio(processor),
        );
    }
    table
}

const COLUMNS: &str = "\
| requests/s | × bare | p50 µs | p99 µs | p99.9 µs | × bare | CPU s/million | × bare |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
";

fn targets(cases: &Cases, results: &[Vec<Measured>]) -> String {
    let of = |name: &str| {
        let at = cases.cases.iter().position(|case| case.name == name)?;
        results.get(at)
    };
    let figure = |name, beside, of_measured| {
        let ratio = ratio(of(name)?, of(beside)?, of_measured);
        Some(format!("{ratio:.2} ×"))
    };
    let mut table = format!("\n| {} KiB | target", cases.kib);
    let ours = [ROUTE, AROUND, PROXY];
    table += &ours.map(|name| format!(" | {name}")).concat();
    table += " |\n|---|---|---:|---:|---:|\n";
    for (what, beside, target, of_measured) in TARGETS {
        let target = if cases.kib == OF_TARGETS { target } else { "" };
        table += &format!("| {what} {beside} | {target}");
        for name in ours {
            let figure = figure(name, beside, of_measured);
            table += &format!(" | {}", figure.unwrap_or_else(|| "not measured".to_owned()));
        }
        table += " |\n";
    }
    table
}

/// What is to be shown, the case it is a ratio to, and what is measured.
const TARGETS: [(&str, &str, &str, Figure); 6] = [
    ("requests/s ÷", BARE, "at least 0.98 ×", per_second),
    ("CPU of a request ÷", BARE, "at most 1.02 ×", processor),
    ("p99.9 ÷", BARE, "at most 1.2 ×", p999),
    (PER_CPU, NGINX, "at least 1.5 ×", per_processor),
    (PER_CPU, NGINX_TUNED, "", per_processor),
    (PER_CPU, VARNISH, "at least 3 ×", per_processor),
];

/// What the targets are for, in KiB.
const OF_TARGETS: usize = 2;

const PER_CPU: &str = "requests per CPU second ÷";

type Figure = fn(&Measured) -> f64;

/// Where wrk is at its end, it and not the server is measured.
fn generator(options: &Options, sizes: &[Cases], results: &Results) -> String {
    let of_case = |result: &Vec<Measured>| median(result.iter().map(|of| of.generator));
    let names = sizes.iter().flat_map(|cases| {
        let name = |case: &Case| format!("{}, {} KiB", case.name, cases.kib);
        cases.cases.iter().map(name)
    });
    let busiest = names.zip(results.iter().flatten());
    let busiest = busiest.map(|(name, result)| (name, of_case(result)));
    let busiest = busiest.max_by(|one, other| one.1.total_cmp(&other.1));
    let (name, processors) = busiest.unwrap_or_default();
    let busy = processors / options.load_threads as f64 * 100.0;
    let limits = if busy > 90.0 {
        ": its own speed limits what is measured"
    } else {
        ""
    };
    format!("\nwrk was busy for {busy:.0} % of the time at most ({name}){limits}.\n")
}

fn per_second(measured: &Measured) -> f64 {
    measured.load.per_second
}

fn p999(measured: &Measured) -> f64 {
    measured.load.latency[2]
}

fn processor(measured: &Measured) -> f64 {
    measured.processor
}

fn per_processor(measured: &Measured) -> f64 {
    1.0 / measured.processor
}

/// The median of the ratios within a round.
fn ratio(of: &[Measured], beside: &[Measured], figure: Figure) -> f64 {
    let pairs = of.iter().zip(beside);
    median(pairs.map(|(one, other)| figure(one) / figure(other)))
}
