//! Times and durations in header fields: delta-seconds, HTTP-date, `Age`.
//!
//! HTTP-dates are written by the `httpdate` crate but parsed here. Its parser compares names
//! case-sensitively where a cache should not (RFC 9111 section 4.2), insists that the weekday
//! agrees with the date, refuses second 60, and gives two-digit years a fixed century where
//! RFC 9110 section 5.6.7 wants one relative to now. It also trims whitespace that should make the
//! date invalid.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::AGE;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::list::{split_list, trim_ows};
use super::value::ValueText;

/// A number of whole seconds, at most 2^31 (RFC 9111 section 1.2.2).
///
/// Nothing here wraps: a value too large to parse, and a sum too large to hold, is [`Self::MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeltaSeconds(u32);

impl DeltaSeconds {
    /// The largest value, 2^31 seconds: about 68 years, which stands for "for ever".
    pub const MAX: Self = Self(1 << 31);

    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// Makes a value of a number of seconds, or [`Self::MAX`] if there are more than that.
    #[must_use]
    pub fn new(seconds: u64) -> Self {
        u32::try_from(seconds).map_or(Self::MAX, |seconds| Self(seconds).min(Self::MAX))
    }

    /// Parses decimal digits: no sign, whitespace or fraction. `None` if it is anything else.
    ///
    /// Leading zeros are fine, and a number of any length saturates at [`Self::MAX`].
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        parse_digits(text).map(Self::new)
    }

    /// The number of seconds.
    #[must_use]
    pub fn as_secs(self) -> u32 {
        self.0
    }

    /// The same span as a [`Duration`].
    #[must_use]
    pub fn as_duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }

    /// The sum, or [`Self::MAX`] if it is larger than that.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0)).min(Self::MAX)
    }
}

impl From<Duration> for DeltaSeconds {
    /// Whole seconds: a fraction is dropped, so that nothing is kept for longer than told.
    fn from(duration: Duration) -> Self {
        Self::new(duration.as_secs())
    }
}

/// Reads one or more digits as a number, which saturates at [`u64::MAX`].
pub(super) fn parse_digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte & 0x0f))?;
        Some(number.saturating_mul(10).saturating_add(digit))
    })
}

/// The `Age` a response arrived with: its first member, if that is delta-seconds (RFC 9111
/// section 5.1).
pub(crate) fn age_field(headers: &HeaderMap) -> Option<DeltaSeconds> {
    let mut members = headers
        .get_all(AGE)
        .iter()
        .flat_map(|line| split_list(line.as_bytes()));
    members.next().and_then(DeltaSeconds::parse)
}

/// What a field that holds one HTTP-date says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DateField {
    /// There is no such field.
    Absent,
    /// The field is repeated, or is not an HTTP-date.
    Invalid,
    /// The field is one HTTP-date.
    Valid(SystemTime),
}

/// Reads a field such as `Date` or `Expires`. `now` places two-digit years in a century.
pub(crate) fn date_field(headers: &HeaderMap, name: &HeaderName, now: SystemTime) -> DateField {
    date_of(headers.get_all(name), now)
}

/// The same of all lines of a field.
pub(crate) fn date_of<T: AsRef<[u8]>>(
    lines: impl IntoIterator<Item = T>,
    now: SystemTime,
) -> DateField {
    let mut lines = lines.into_iter();
    let Some(line) = lines.next() else {
        return DateField::Absent;
    };
    if lines.next().is_some() {
        return DateField::Invalid;
    }
    parse_http_date(trim_ows(line.as_ref()), now).map_or(DateField::Invalid, DateField::Valid)
}

/// Writes a time as an IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
///
/// Fractions of a second are dropped. A time outside the years 1970 to 9999 becomes the nearest one
/// inside.
#[must_use]
pub fn http_date(time: SystemTime) -> HeaderValue {
    let seconds = time
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let time = UNIX_EPOCH + Duration::from_secs(seconds.min(LAST_SECOND_OF_9999));
    let mut text = ValueText::default();
    // Writing to memory cannot fail.
    let _ = write!(text, "{}", httpdate::HttpDate::from(time));
    text.finish()
}

/// Parses an HTTP-date (RFC 9110 section 5.6.7), or says `None`.
///
/// | Form | Example |
/// |---|---|
/// | IMF-fixdate | `Sun, 06 Nov 1994 08:49:37 GMT` |
/// | RFC 850 | `Sunday, 06-Nov-94 08:49:37 GMT` |
/// | asctime | `Sun Nov  6 08:49:37 1994` |
///
/// Names match in any case, as RFC 9111 section 4.2 asks of caches. The weekday need not agree with
/// the date, and second 60 is the first second of the next minute. Everything else is strict: the
/// zone is `GMT`, numbers have all their digits, and there is no whitespace besides what is shown.
///
/// A two-digit year is in the latest century that keeps the date no more than 50 years after `now`.
#[must_use]
pub fn parse_http_date(value: &[u8], now: SystemTime) -> Option<SystemTime> {
    let civil = match value {
        [_, _, _, b',', ..] => imf_fixdate(value)?,
        [_, _, _, b' ', ..] => asctime(value)?,
        _ => rfc850(value, now)?,
    };
    civil.to_system_time()
}

fn imf_fixdate(value: &[u8]) -> Option<Civil> {
    let (weekday, rest) = value.split_first_chunk::<3>()?;
    let [
        b',',
        b' ',
        d1,
        d2,
        b' ',
        m1,
        m2,
        m3,
        b' ',
        y1,
        y2,
        y3,
        y4,
        b' ',
        clock @ ..,
    ] = rest
    else {
        return None;
    };
    is_short_weekday(weekday).then_some(())?;
    Some(Civil {
        year: number(&[*y1, *y2, *y3, *y4])?,
        month: month(&[*m1, *m2, *m3])?,
        day: number(&[*d1, *d2])?,
        second: second_of_day(strip_gmt(clock)?)?,
    })
}

fn asctime(value: &[u8]) -> Option<Civil> {
    let (weekday, rest) = value.split_first_chunk::<3>()?;
    let [b' ', m1, m2, m3, b' ', d1, d2, b' ', rest @ ..] = rest else {
        return None;
    };
    let [clock @ .., b' ', y1, y2, y3, y4] = rest else {
        return None;
    };
    is_short_weekday(weekday).then_some(())?;
    Some(Civil {
        year: number(&[*y1, *y2, *y3, *y4])?,
        month: month(&[*m1, *m2, *m3])?,
        day: if *d1 == b' ' {
            number(&[*d2])?
        } else {
            number(&[*d1, *d2])?
        },
        second: second_of_day(clock)?,
    })
}

fn rfc850(value: &[u8], now: SystemTime) -> Option<Civil> {
    let comma = value.iter().position(|&byte| byte == b',')?;
    let (weekday, rest) = value.split_at_checked(comma)?;
    let [
        b',',
        b' ',
        d1,
        d2,
        b'-',
        m1,
        m2,
        m3,
        b'-',
        y1,
        y2,
        b' ',
        clock @ ..,
    ] = rest
    else {
        return None;
    };
    WEEKDAYS
        .iter()
        .any(|name| name.eq_ignore_ascii_case(weekday))
        .then_some(())?;
    let now = Civil::from_system_time(now);
    let mut date = Civil {
        year: now.year.div_euclid(100) * 100 + 100 + number(&[*y1, *y2])?,
        month: month(&[*m1, *m2, *m3])?,
        day: number(&[*d1, *d2])?,
        second: second_of_day(strip_gmt(clock)?)?,
    };
    let horizon = Civil {
        year: now.year + 50,
        ..now
    };
    while date > horizon {
        date.year -= 100;
    }
    Some(date)
}

fn is_short_weekday(name: &[u8]) -> bool {
    WEEKDAYS.iter().any(|day| {
        day.get(..3)
            .is_some_and(|short| short.eq_ignore_ascii_case(name))
    })
}

/// The number of the month with this short name, January being 1.
fn month(name: &[u8]) -> Option<i64> {
    (1..)
        .zip(MONTHS)
        .find(|(_, month)| month.eq_ignore_ascii_case(name))
        .map(|(number, _)| number)
}

fn number(digits: &[u8]) -> Option<i64> {
    parse_digits(digits).and_then(|number| i64::try_from(number).ok())
}

fn strip_gmt(clock: &[u8]) -> Option<&[u8]> {
    let (clock, zone) = clock.split_last_chunk::<4>()?;
    zone.eq_ignore_ascii_case(b" GMT").then_some(clock)
}

/// `hh:mm:ss` as seconds since midnight.
fn second_of_day(clock: &[u8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = clock else {
        return None;
    };
    let (hour, minute, second) = (
        number(&[*h1, *h2])?,
        number(&[*m1, *m2])?,
        number(&[*s1, *s2])?,
    );
    (hour < 24 && minute < 60 && second <= 60).then_some((hour * 60 + minute) * 60 + second)
}

/// A time in the proleptic Gregorian calendar; comparing two compares the times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    /// Since midnight.
    second: i64,
}

/// Both conversions count years from March, so that the leap day comes last, in eras of 400 years:
/// see "chrono-compatible low-level date algorithms" by Howard Hinnant.
impl Civil {
    /// `None` if the month has no such day.
    fn to_system_time(self) -> Option<SystemTime> {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        let days_in_month = match self.month {
            2 => 28 + i64::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if !(1..=days_in_month).contains(&self.day) {
            return None;
        }
        let year = self.year - i64::from(self.month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let day_of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * DAYS_IN_ERA + day_of_era - DAYS_TO_EPOCH;
        let seconds = days.checked_mul(SECONDS_IN_DAY)?.checked_add(self.second)?;
        let span = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 {
            UNIX_EPOCH.checked_sub(span)
        } else {
            UNIX_EPOCH.checked_add(span)
        }
    }

    /// Truncates downward to a whole second.
    fn from_system_time(time: SystemTime) -> Self {
        let seconds = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => {
                let before = before.duration();
                let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX - 1);
                -whole - i64::from(before.subsec_nanos() > 0)
            }
        };
        let days = seconds.div_euclid(SECONDS_IN_DAY) + DAYS_TO_EPOCH;
        let (era, day_of_era) = (days.div_euclid(DAYS_IN_ERA), days.rem_euclid(DAYS_IN_ERA));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_based = (5 * day_of_year + 2) / 153;
        let month = (march_based + 2) % 12 + 1;
        Self {
            year: era * 400 + year_of_era + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * march_based + 2) / 5 + 1,
            second: seconds.rem_euclid(SECONDS_IN_DAY),
        }
    }
}

const WEEKDAYS: [&[u8]; 7] = [
    b"Monday",
    b"Tuesday",
    b"Wednesday",
    b"Thursday",
    b"Friday",
    b"Saturday",
    b"Sunday",
];
const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const SECONDS_IN_DAY: i64 = 86_400;
const DAYS_IN_ERA: i64 = 146_097;
/// From 1 March of year 0 to 1 January 1970.
const DAYS_TO_EPOCH: i64 = 719_468;
/// 31 December 9999, 23:59:59.
const LAST_SECOND_OF_9999: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use http::header::{DATE, EXPIRES};
    use proptest::prelude::*;

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT.
    const EXAMPLE: u64 = 784_111_777;
    /// Fri, 15 Jan 2027 08:00:00 GMT.
    const NOW: u64 = 1_800_000_000;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn before(seconds: u64) -> SystemTime {
        UNIX_EPOCH - Duration::from_secs(seconds)
    }

    fn parse(value: &str) -> Option<SystemTime> {
        parse_http_date(value.as_bytes(), at(NOW))
    }

    #[test]
    fn delta_seconds_are_digits_and_saturate() {
        for (text, expected) in [
            ("0", Some(0)),
            ("60", Some(60)),
            ("0000000000000000000000000060", Some(60)),
            ("2147483647", Some(2_147_483_647)),
            ("2147483648", Some(1 << 31)),
            ("2147483649", Some(1 << 31)),
            ("4294967296", Some(1 << 31)),
            ("18446744073709551616", Some(1 << 31)),
            ("99999999999999999999999999999999999999", Some(1 << 31)),
            ("", None),
            ("-1", None),
            ("+1", None),
            (" 1", None),
            ("1 ", None),
            ("1.0", None),
            ("1e3", None),
            ("0x10", None),
            ("\u{0661}", None),
        ] {
            let parsed = DeltaSeconds::parse(text.as_bytes()).map(DeltaSeconds::as_secs);
            assert_eq!(parsed, expected, "{text}");
        }
    }

    #[test]
    fn delta_seconds_never_wrap() {
        let one = DeltaSeconds::new(1);
        assert_eq!(DeltaSeconds::MAX.saturating_add(one), DeltaSeconds::MAX);
        assert_eq!(
            DeltaSeconds::MAX.saturating_add(DeltaSeconds::MAX),
            DeltaSeconds::MAX
        );
        assert_eq!(
            one.saturating_add(one).as_duration(),
            Duration::from_secs(2)
        );
        assert_eq!(DeltaSeconds::new(u64::MAX), DeltaSeconds::MAX);
        assert_eq!(DeltaSeconds::from(Duration::MAX), DeltaSeconds::MAX);
        assert_eq!(DeltaSeconds::from(Duration::from_millis(1_999)), one);
    }

    #[test]
    fn all_three_forms_are_read() {
        for value in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun Nov 06 08:49:37 1994",
            "sUN, 06 nOV 1994 08:49:37 gmt",
            "SUNDAY, 06-NOV-94 08:49:37 GMT",
            "SUN NOV  6 08:49:37 1994",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Monday, 06-Nov-94 08:49:37 GMT",
            "Mon Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(value), Some(at(EXAMPLE)), "{value}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for value in [
            "",
            "0",
            "-1",
            "Sun",
            "Sun,",
            "Xyz, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 PST",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 06 Nov 1994 08:49:37GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            " Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun,  06 Nov 1994 08:49:37 GMT",
            "Sun,06 Nov 1994 08:49:37 GMT",
            "Sun 06 Nov 1994 08:49:37 GMT",
            "Sun, 06  Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun,  6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994  8:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37.5 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:00 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 32 Dec 1994 08:49:37 GMT",
            "Sun, 29 Feb 1994 08:49:37 GMT",
            "Sun, 29 Feb 1900 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 11 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun, 06 Nov 19941 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06 Nov 94 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37",
            "Sunday,06-Nov-94 08:49:37 GMT",
            "Someday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov  6 08:49:37 94",
            "Sun Nov  6 08:49:37 1994 GMT",
            "Sun Nov  6  8:49:37 1994",
            "Sun  Nov  6 08:49:37 1994",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(parse(value), None, "{value}");
        }
        assert_eq!(
            parse_http_date(b"Sun, 06 Nov 1994 08:49:37 GM\xd4", at(NOW)),
            None
        );
    }

    #[test]
    fn second_60_is_the_first_of_the_next_minute() {
        let leap = parse("Sat, 31 Dec 2016 23:59:60 GMT");
        assert!(leap.is_some());
        assert_eq!(leap, parse("Sun, 01 Jan 2017 00:00:00 GMT"));
    }

    #[test]
    fn dates_outside_the_unix_era_are_times() {
        assert_eq!(parse("Wed, 31 Dec 1969 23:59:59 GMT"), Some(before(1)));
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT"), Some(UNIX_EPOCH));
        assert_eq!(
            parse("Mon, 01 Jan 1900 00:00:00 GMT"),
            Some(before(2_208_988_800))
        );
        assert_eq!(
            parse("Sat, 01 Jan 0000 00:00:00 GMT"),
            Some(before(62_167_219_200))
        );
        assert_eq!(
            parse("Tue, 29 Feb 2000 00:00:00 GMT"),
            Some(at(951_782_400))
        );
        assert_eq!(
            parse("Fri, 31 Dec 9999 23:59:59 GMT"),
            Some(at(LAST_SECOND_OF_9999))
        );
    }

    #[test]
    fn two_digit_years_are_at_most_50_years_ahead() {
        let year = |value: &str, now| {
            Civil::from_system_time(parse_http_date(value.as_bytes(), now).unwrap()).year
        };
        // Now is Friday, 15-Jan-27 08:00:00 GMT.
        for (value, expected) in [
            ("Friday, 15-Jan-27 08:00:00 GMT", 2027),
            ("Friday, 15-Jan-70 08:00:00 GMT", 2070),
            ("Friday, 15-Jan-77 08:00:00 GMT", 2077),
            ("Friday, 15-Jan-77 08:00:01 GMT", 1977),
            ("Friday, 16-Jan-77 07:00:00 GMT", 1977),
            ("Friday, 15-Jan-78 08:00:00 GMT", 1978),
            ("Friday, 15-Jan-99 08:00:00 GMT", 1999),
            ("Friday, 15-Jan-00 08:00:00 GMT", 2000),
        ] {
            assert_eq!(year(value, at(NOW)), expected, "{value}");
        }
        // At the end of a century the next one is near; the same text read later moves with it.
        assert_eq!(
            year("Friday, 31-Dec-01 00:00:00 GMT", at(946_684_799)),
            2001
        );
        assert_eq!(
            year("Friday, 31-Dec-60 00:00:00 GMT", at(946_684_799)),
            1960
        );
        assert_eq!(year("Friday, 31-Dec-69 00:00:00 GMT", before(1)), 1969);
        // A leap day that only one of the centuries has.
        assert!(parse("Tuesday, 29-Feb-00 00:00:00 GMT").is_some());
        assert_eq!(
            parse_http_date(b"Thursday, 29-Feb-00 00:00:00 GMT", before(1 << 30)),
            None
        );
    }

    #[test]
    fn times_are_written_within_four_digit_years() {
        assert_eq!(http_date(at(EXAMPLE)), "Sun, 06 Nov 1994 08:49:37 GMT");
        let late = at(EXAMPLE) + Duration::from_nanos(999_999_999);
        assert_eq!(http_date(late), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(before(1)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(
            http_date(at(LAST_SECOND_OF_9999 + 1)),
            "Fri, 31 Dec 9999 23:59:59 GMT"
        );
    }

    #[test]
    fn the_ends_of_the_system_clock_do_not_panic() {
        let ends = [1, 1_000, 1 << 40, 1 << 62, (1 << 63) - 1]
            .into_iter()
            .flat_map(|seconds| {
                let span = Duration::from_secs(seconds);
                [UNIX_EPOCH.checked_add(span), UNIX_EPOCH.checked_sub(span)]
            });
        for end in ends.flatten() {
            assert_eq!(http_date(end).len(), 29);
            let _ = parse_http_date(b"Friday, 15-Jan-99 08:00:00 GMT", end);
        }
    }

    #[test]
    fn a_date_field_is_one_date() {
        let mut headers = HeaderMap::new();
        let field = |headers: &HeaderMap| date_field(headers, &EXPIRES, at(NOW));
        headers.insert(DATE, http_date(at(NOW)));
        assert_eq!(field(&headers), DateField::Absent);
        headers.insert(EXPIRES, HeaderValue::from_static("0"));
        assert_eq!(field(&headers), DateField::Invalid);
        headers.insert(
            EXPIRES,
            HeaderValue::from_static(" Sun, 06 Nov 1994 08:49:37 GMT\t"),
        );
        assert_eq!(field(&headers), DateField::Valid(at(EXAMPLE)));
        headers.append(EXPIRES, http_date(at(EXAMPLE)));
        assert_eq!(field(&headers), DateField::Invalid);
    }

    #[test]
    fn age_is_the_first_member() {
        for (lines, expected) in [
            (&[][..], None),
            (&["7"], Some(7)),
            (&["7, 9"], Some(7)),
            (&["7", "9"], Some(7)),
            (&["", ", 9"], Some(9)),
            (&["x, 9"], None),
            (&["-7"], None),
            (&["7.5"], None),
            (&["\"7\""], None),
            (&["7;a=b"], None),
            (&["99999999999"], Some(1 << 31)),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(AGE, HeaderValue::from_static(line));
            }
            assert_eq!(
                age_field(&headers).map(DeltaSeconds::as_secs),
                expected,
                "{lines:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(value: Vec<u8>, now: u32) {
            let _ = parse_http_date(&value, at(now.into()));
            let _ = DeltaSeconds::parse(&value);
        }

        #[test]
        fn no_near_date_panics(
            value in "(Sun|Sunday),? [0-9]{2}[ -](Jan|Feb)[ -][0-9]{2,4} [0-9]{2}:0[0-9]:00 GMT",
            now: u32,
        ) {
            let _ = parse_http_date(value.as_bytes(), at(now.into()));
        }

        #[test]
        fn written_dates_are_read_back(seconds in 0..=LAST_SECOND_OF_9999) {
            let value = http_date(at(seconds));
            prop_assert_eq!(parse_http_date(value.as_bytes(), at(NOW)), Some(at(seconds)));
        }

        #[test]
        fn two_digit_years_are_within_50_years(
            seconds in 0..=4_000_000_000u64,
            now in 0..=4_000_000_000u64,
        ) {
            let civil = Civil::from_system_time(at(seconds));
            let month = MONTHS[usize::try_from(civil.month).unwrap() - 1];
            let (day, month) = (civil.day.min(28), std::str::from_utf8(month).unwrap());
            let value = format!("Monday, {day:02}-{month}-{:02} 00:00:00 GMT", civil.year % 100);
            let read = Civil::from_system_time(parse_http_date(value.as_bytes(), at(now)).unwrap());
            let now = Civil::from_system_time(at(now));
            prop_assert_eq!(read.year % 100, civil.year % 100);
            let years_away = |years| Civil { year: now.year + years, ..now };
            prop_assert!(years_away(-50) < read && read <= years_away(50));
        }

        #[test]
        fn calendar_round_trips(seconds in -100_000_000_000i64..300_000_000_000) {
            let span = Duration::from_secs(seconds.unsigned_abs());
            let time = if seconds < 0 { UNIX_EPOCH - span } else { UNIX_EPOCH + span };
            prop_assert_eq!(Civil::from_system_time(time).to_system_time(), Some(time));
        }
    }
}
