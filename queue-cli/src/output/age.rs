//! Times and spans, for people and for programs.

use std::time::{Duration, SystemTime};

use serde::{Serialize as _, Serializer};

/// A time as RFC 3339 in UTC, to the millisecond.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    match jiff::Timestamp::try_from(time) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => "out of range".to_owned(),
    }
}

/// A span in a document: as seconds.
pub(crate) fn seconds<T: Copy + Into<Option<Duration>>, S: Serializer>(span: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let span: Option<Duration> = (*span).into();
    span.map(|span| span.as_secs_f64()).serialize(serializer)
}

/// A span in its two largest units: `850ms`, `12s`, `3m 20s`, `2h 5m`, `4d 1h`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let two = |large: u64, name: &str, small: u64, small_name: &str| match small {
        0 => format!("{large}{name}"),
        small => format!("{large}{name} {small}{small_name}"),
    };
    match seconds {
        0 => format!("{}ms", span.as_millis()),
        1..60 => format!("{seconds}s"),
        60..3_600 => two(seconds / 60, "m", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "m"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// How long ago a time is: `3m 20s ago`; a time to come is `in 3m 20s`.
pub(crate) fn age(time: SystemTime, now: SystemTime) -> String {
    match now.duration_since(time) {
        Ok(passed) => format!("{} ago", span(passed)),
        Err(ahead) => format!("in {}", span(ahead.duration())),
    }
}

/// In what time something is due: `in 5s`, or `now`.
pub(crate) fn until(time: SystemTime, now: SystemTime) -> String {
    match time.duration_since(now) {
        Ok(left) if !left.is_zero() => format!("in {}", span(left)),
        _ => "now".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_its_two_largest_units() {
        let text = |millis| span(Duration::from_millis(millis));
        assert_eq!(text(0), "0ms");
        assert_eq!(text(850), "850ms");
        assert_eq!(text(59_999), "59s");
        assert_eq!(text(60_000), "1m");
        assert_eq!(text(200_000), "3m 20s");
        assert_eq!(text(7_500_000), "2h 5m");
        assert_eq!(text(349_200_000), "4d 1h");
    }

    #[test]
    fn an_age_looks_both_ways() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        assert_eq!(age(now - Duration::from_secs(5), now), "5s ago");
        assert_eq!(age(now + Duration::from_secs(5), now), "in 5s");
        assert_eq!(until(now - Duration::from_secs(5), now), "now");
        assert_eq!(until(now + Duration::from_secs(5), now), "in 5s");
    }

    #[test]
    fn a_time_is_told_in_utc() {
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH + Duration::from_millis(1_500)), "1970-01-01T00:00:01.500Z");
    }
}
