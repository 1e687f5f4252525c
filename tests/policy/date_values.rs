//! Dates to try, in every form and in none.

use std::time::{Duration, UNIX_EPOCH};

use larder_tests::START;
use proptest::prelude::*;
use proptest::sample::select;

use super::messages::Field;
use super::values::{lines, sometimes};

/// Date, Age, Expires and Last-Modified.
pub fn dates() -> impl Strategy<Value = Vec<Field>> {
    let age = vec![
        "0",
        "10",
        "59",
        "60",
        "3600",
        "10, 20",
        ", 7",
        "-1",
        "x",
        "",
        "1.5",
        "99999999999",
    ];
    let fields = (
        prop_oneof![2 => Just(Vec::new()), 3 => lines("date", date()), 2 => now("date")],
        sometimes(3, lines("age", select(age).prop_map(String::from))),
        sometimes(2, lines("expires", date())),
        sometimes(3, lines("last-modified", date())),
    );
    fields.prop_map(|(a, b, c, d)| [a, b, c, d].concat())
}

pub fn now(name: &'static str) -> impl Strategy<Value = Vec<Field>> {
    Just(vec![(name.into(), imf(0))])
}

/// A date near [`START`] in any of the three forms, or something that only looks like one.
pub fn date() -> impl Strategy<Value = String> {
    let near = vec![-61, -60, -59, -10, -1, 0, 0, 1, 10, 59, 60, 61, 3600];
    let far = vec![
        -86_400 * 400,
        -86_400 * 10,
        86_400,
        86_400 * 400,
        -1_800_000_000,
        1_577_923_200,
    ];
    let offset = prop_oneof![3 => select(near), 1 => select(far)];
    let good = (offset, 0..8).prop_map(|(offset, form)| write_date(offset, form));
    prop_oneof![5 => good, 1 => select(BAD_DATES.to_vec()).prop_map(String::from)]
}

pub fn write_date(offset: i64, form: i32) -> String {
    let imf = imf(offset);
    let (weekday, day, month, year, clock) = (
        &imf[..3],
        &imf[5..7],
        &imf[8..11],
        &imf[12..16],
        &imf[17..25],
    );
    match form {
        0 => imf.to_ascii_uppercase(),
        1 => format!("Sun, {}", &imf[5..]),
        2 => format!("Friday, {day}-{month}-{} {clock} GMT", &year[2..]),
        3 => {
            let day = day
                .strip_prefix('0')
                .map_or(day.to_owned(), |digit| format!(" {digit}"));
            format!("{weekday} {month} {day} {clock} {year}")
        }
        4 => format!("{}:60 GMT", &imf[..22]),
        _ => imf,
    }
}

pub fn imf(offset: i64) -> String {
    let seconds = START.checked_add_signed(offset).unwrap();
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds))
}

pub const BAD_DATES: [&str; 16] = [
    "0",
    "-1",
    "",
    "never",
    "Fri, 15 Jan 2027 08:00:00",
    "Fri, 15 Jan 2027 08:00:00 UTC",
    "Fri, 15 Jan 2027 08:00:00 +0000",
    "Fri, 15 Jan 2027 8:00:00 GMT",
    "Fri,  15 Jan 2027 08:00:00 GMT",
    "Fri, 15 Jan 2027 24:00:00 GMT",
    "Fri, 15 Jan 2027 08:00:61 GMT",
    "Wed, 31 Feb 2027 08:00:00 GMT",
    "Fri, 15 Jan 27 08:00:00 GMT",
    "Fry, 15 Jan 2027 08:00:00 GMT",
    "2027-01-15T08:00:00Z",
    "1800000000",
];
