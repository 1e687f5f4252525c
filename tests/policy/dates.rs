//! HTTP dates (RFC 9110 section 5.6.7) for the oracle: words and loops.

/// Milliseconds since 1970. `now` is there for two-digit years.
pub fn parse(text: &str, now: i64) -> Option<i64> {
    let text = text.to_ascii_lowercase();
    let words: Vec<&str> = text.split(' ').collect();
    match words[..] {
        [weekday, day, month, year, clock, "gmt"] if weekday.len() == 4 => {
            SHORT.contains(&weekday.strip_suffix(',')?).then_some(())?;
            at(digits(year, 4)?, month, digits(day, 2)?, clock)
        }
        [weekday, date, clock, "gmt"] => {
            LONG.contains(&weekday.strip_suffix(',')?).then_some(())?;
            let [day, month, year] = date.split('-').collect::<Vec<_>>()[..] else {
                return None;
            };
            let (day, year) = (digits(day, 2)?, digits(year, 2)?);
            let century = year_of(now) / 100 * 100;
            let candidate = at(century + year, month, day, clock);
            // The same day and time fifty years from now.
            let horizon = fifty_years_after(now);
            match candidate {
                Some(time) if time <= horizon => Some(time),
                _ => at(century + year - 100, month, day, clock),
            }
        }
        [weekday, month, "", day, clock, year] if day.len() == 1 => {
            SHORT.contains(&weekday).then_some(())?;
            at(digits(year, 4)?, month, digits(day, 1)?, clock)
        }
        [weekday, month, day, clock, year] => {
            SHORT.contains(&weekday).then_some(())?;
            at(digits(year, 4)?, month, digits(day, 2)?, clock)
        }
        _ => None,
    }
}

fn at(year: i64, month: &str, day: i64, clock: &str) -> Option<i64> {
    let month = MONTHS.iter().position(|name| *name == month)?;
    let [hour, minute, second] = clock.split(':').collect::<Vec<_>>()[..] else {
        return None;
    };
    let (hour, minute, second) = (digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?);
    if hour > 23 || minute > 59 || second > 60 || day < 1 || day > days_in(year, month) {
        return None;
    }
    let mut days = 0;
    for past in 1970..year {
        days += days_in_year(past);
    }
    for before in year..1970 {
        days -= days_in_year(before);
    }
    for past in 0..month {
        days += days_in(year, past);
    }
    days += day - 1;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

fn year_of(now: i64) -> i64 {
    let (mut year, mut days) = (1970, now.div_euclid(24 * 3600 * 1000));
    while days >= days_in_year(year) {
        days -= days_in_year(year);
        year += 1;
    }
    year
}

fn fifty_years_after(now: i64) -> i64 {
    let year = year_of(now);
    let days: i64 = (year..year + 50).map(days_in_year).sum();
    let start: i64 = (1970..year).map(days_in_year).sum();
    // After February the leap days of the two years may differ by one.
    let day_of_year = now.div_euclid(24 * 3600 * 1000) - start;
    assert!(day_of_year < 59, "the tests live in January and February");
    now.div_euclid(1000) * 1000 + days * 24 * 3600 * 1000
}

fn days_in_year(year: i64) -> i64 {
    (0..12).map(|month| days_in(year, month)).sum()
}

fn days_in(year: i64, month: usize) -> i64 {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    match month {
        1 if leap => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let good = text.len() == count && text.chars().all(|c| c.is_ascii_digit());
    good.then(|| text.parse().unwrap())
}

const SHORT: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const LONG: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
