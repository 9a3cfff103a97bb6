//! Dates of HTTP: RFC 9110, section 5.6.7.

use std::time::Duration;

/// How long it is from a moment until a date, in any of the three forms that recipients have to
/// understand; zero if the date is past. `None` if it is no date.
///
/// ```text
/// Sun, 06 Nov 1994 08:49:37 GMT
/// Sunday, 06-Nov-94 08:49:37 GMT
/// Sun Nov  6 08:49:37 1994
/// ```
pub(super) fn until(date: &str, now_unix_seconds: u64) -> Option<Duration> {
    let date = unix_seconds(date, now_unix_seconds)?;
    Some(Duration::from_secs(date.saturating_sub(now_unix_seconds)))
}

/// Seconds since 1970. What is before then counts as its beginning.
pub(super) fn unix_seconds(date: &str, now_unix_seconds: u64) -> Option<u64> {
    let parts: Vec<&str> = date.split([' ', ',', '-']).filter(|part| !part.is_empty()).collect();
    let (year, month, day, time) = match *parts.as_slice() {
        [_, day, month, year, time, "GMT"] => (year, month, day, time),
        [_, month, day, time, year] => (year, month, day, time),
        _ => return None,
    };
    let year = match (year.len(), number(year, 9999)?) {
        (2, year) => of_century(year, now_unix_seconds),
        (4, year) => year,
        _ => return None,
    };
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().position(|name| *name == month)? as u64;
    let day = number(day, 31).filter(|day| *day > 0)?;
    let mut clock = time.split(':');
    let (hour, minute) = (number(clock.next()?, 23)?, number(clock.next()?, 59)?);
    // A leap second is a second.
    let second = number(clock.next()?, 60).filter(|_| clock.next().is_none())?;
    // Years begin in March here, so that the leap day is the last.
    let (year, month) =
        if month < 2 { (year.checked_sub(1)?, month + 10) } else { (year, month - 2) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    let since_1970 = days.saturating_sub(DAY_OF_1970);
    Some(since_1970 * 86_400 + hour * 3600 + minute * 60 + second)
}

/// The first of January 1970, where the first of March of the year 0 is day 1.
const DAY_OF_1970: u64 = 719_469;

/// A year of two digits is of this century, unless it would be more than 50 years ahead.
fn of_century(year: u64, now_unix_seconds: u64) -> u64 {
    let this_year = 1970 + now_unix_seconds / 31_556_952;
    let year = this_year / 100 * 100 + year;
    if year > this_year + 50 { year - 100 } else { year }
}

fn number(digits: &str, highest: u64) -> Option<u64> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| is_number && *number <= highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first of January 2026.
    const NOW: u64 = 1_767_225_600;

    #[test]
    fn all_three_forms_are_understood() {
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(unix_seconds(date, NOW), Some(784_111_777), "{date}");
        }
    }

    #[test]
    fn the_calendar_has_leap_days_and_centuries() {
        let check = |date, seconds| assert_eq!(unix_seconds(date, NOW), Some(seconds), "{date}");
        check("Thu, 01 Jan 1970 00:00:00 GMT", 0);
        check("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799);
        check("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200);
        check("Thu, 01 Jan 2026 00:00:00 GMT", NOW);
        check("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800);
        check("Monday, 01-Jan-35 00:00:00 GMT", 2_051_222_400);
        check("Mon, 01 Jan 1900 00:00:00 GMT", 0);
    }

    #[test]
    fn what_is_past_is_no_wait() {
        assert_eq!(until("Thu, 01 Jan 2026 00:00:07 GMT", NOW), Some(Duration::from_secs(7)));
        assert_eq!(until("Sun, 06 Nov 1994 08:49:37 GMT", NOW), Some(Duration::ZERO));
    }

    #[test]
    fn what_is_no_date_is_not_taken_for_one() {
        for text in [
            "",
            "soon",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:11 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Brm 1994 08:49:37 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 0000 08:49:37 GMT extra",
            "Sat, 01 Jan 0000 00:00:00 GMT",
        ] {
            assert_eq!(unix_seconds(text, NOW), None, "{text}");
        }
    }
}
