//! The times of a filter: RFC 3339, a date, or a span back from now.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use super::error::shown;

/// The units, largest first, in milliseconds.
const UNITS: [(&str, u64); 6] = [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Ten years: past it, somebody has mixed up the units.
const LONGEST: u64 = 3_650 * 86_400_000;

/// Reads a time; the error says what to write.
pub(super) fn parse(text: &str, now: SystemTime) -> Result<SystemTime, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{} has no unit: write `{}m` for minutes, or use `s`, `h`, `d`, `w`", shown(text), cut(text)));
    }
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let back = Duration::from_millis(span(text)?);
        return now.checked_sub(back).ok_or_else(|| format!("{} ago there was no time", shown(text)));
    }
    // The parser of the crate knows more forms, which are no RFC 3339.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-+:.TtZz".contains(&byte));
    let time = |text: &str| text.parse::<Timestamp>().ok().filter(|_| is_plain).and_then(|time| SystemTime::try_from(time).ok());
    if is_date(text) {
        return time(&format!("{text}T00:00:00Z")).ok_or_else(|| format!("there is no day {}", shown(text)));
    }
    time(text).ok_or_else(|| match time(&format!("{text}Z")) {
        Some(_) => format!("{} has no zone: write `{text}Z` for UTC, or an offset as in `{text}+02:00`", shown(text)),
        None => unreadable(text),
    })
}

/// A time as `parse` reads it; one that has no such form is the nearest that has.
pub(super) fn written(time: SystemTime) -> String {
    let nearest = if time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::try_from(time).unwrap_or(nearest).to_string()
}

/// Whether it has the shape of a date.
fn is_date(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(index, byte)| if [4, 7].contains(&index) { byte == b'-' } else { byte.is_ascii_digit() })
}

/// Reads a span of time as filters, attributes and the command line write it: `100ms`, `30s`, `5m`, `1h30m`, `2d`, `1w`; ten years at most.
///
/// ```
/// use std::time::Duration;
/// use queue::job::filter::read_span;
///
/// assert_eq!(read_span("1h30m"), Some(Duration::from_secs(5_400)));
/// assert_eq!(read_span("90"), None);
/// ```
#[must_use]
pub fn read_span(text: &str) -> Option<Duration> {
    span(text).ok().map(Duration::from_millis)
}

/// A span in milliseconds, as the durations of the derive are written.
fn span(text: &str) -> Result<u64, String> {
    let too_long = || format!("{} is longer than ten years", shown(text));
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total: u64 = 0;
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = &rest[digits..digits + letters];
        // Going on in `units` refuses a unit that comes twice, or after a smaller one.
        let Some((_, millis)) = units.find(|(name, _)| *name == unit).filter(|_| digits > 0) else {
            return Err(unreadable(text));
        };
        let count: u64 = rest[..digits].parse().map_err(|_| too_long())?;
        total = count
            .checked_mul(*millis)
            .and_then(|part| total.checked_add(part))
            .filter(|sum| *sum <= LONGEST)
            .ok_or_else(too_long)?;
        rest = &rest[digits + letters..];
        if rest.is_empty() {
            return Ok(total);
        }
    }
}

fn unreadable(text: &str) -> String {
    format!(
        "{} is not a time: write how long ago (`30s`, `1h30m`, `2d`, `1w`), a date (`2026-11-01`) or a time with its zone \
         (`2026-11-01T10:00:00Z`)",
        shown(text)
    )
}

/// Digits for a message.
fn cut(digits: &str) -> &str {
    &digits[..digits.len().min(20)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24 12:00 UTC.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_521_600)
    }

    #[test]
    fn spans_go_back_from_now() {
        for (text, seconds) in
            [("0s", 0), ("30s", 30), ("5m", 300), ("1h30m", 5_400), ("2d", 172_800), ("1w", 604_800), ("3650d", 315_360_000)]
        {
            assert_eq!(parse(text, now()), Ok(now() - Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("1s500ms", now()), Ok(now() - Duration::from_millis(1_500)));
    }

    #[test]
    fn dates_and_times_are_those_of_rfc_3339() {
        for (text, written) in [
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z"),
            ("2026-11-01t10:00:00z", "2026-11-01T10:00:00Z"),
            ("2026-11-01T10:00:00.123456789+02:00", "2026-11-01T08:00:00.123456789Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z"),
        ] {
            let time = parse(text, now()).unwrap();
            assert_eq!(super::written(time), written, "{text}");
            assert_eq!(parse(written, now()), Ok(time), "{text}");
        }
        assert_eq!(parse("2026-11-24T12:00:00Z", now()), Ok(now()));
    }

    #[test]
    fn every_time_can_be_written_and_read() {
        for seconds in [0, 1 << 20, 1 << 33, 1 << 37, 1 << 40, i64::MAX as u64] {
            for time in [
                SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)),
                SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(seconds)),
            ] {
                let Some(time) = time else { continue };
                let text = written(time);
                assert!(parse(&text, now()).is_ok(), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "5parsecs",
            "s",
            "1m1h",
            "1s1s",
            "-5s",
            "1.5h",
            "5S",
            "1h 30m",
            "yesterday",
            "é",
            "2026-11-01T",
            "10:00",
            "2026-11-01T10:00:00Z[UTC]",
        ] {
            let message = parse(text, now()).unwrap_err();
            assert!(message.starts_with(&format!("`{text}` is not a time: write how long ago (`30s`, ")), "{text}: {message}");
        }
        let wrong = |text| parse(text, now()).unwrap_err();
        assert_eq!(wrong("30"), "`30` has no unit: write `30m` for minutes, or use `s`, `h`, `d`, `w`");
        assert_eq!(wrong("2026-02-29"), "there is no day `2026-02-29`");
        assert_eq!(
            wrong("2026-11-01T10:00:00"),
            "`2026-11-01T10:00:00` has no zone: write `2026-11-01T10:00:00Z` for UTC, or an offset as in `2026-11-01T10:00:00+02:00`"
        );
        for text in ["3651d", "522w", "99999999999999999999s", "18446744073709551615w"] {
            assert_eq!(wrong(text), format!("`{text}` is longer than ten years"));
        }
        assert_eq!(parse("1w", SystemTime::UNIX_EPOCH - Duration::from_secs(1 << 62)).is_ok(), cfg!(unix));
    }
}
