//! Times and numbers as databases keep them: 64 bits with a sign, times as microseconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time in microseconds since 1970. What lies too far ahead is the last time there is.
pub(crate) fn micros(time: SystemTime) -> i64 {
    span(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A span of time in microseconds.
pub(crate) fn span(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// The time that a database has; one before 1970, which nobody but a stranger writes, counts as 1970.
pub(crate) fn time(micros: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

/// The nearest number of a type: only a stranger writes what is outside of its bounds.
pub(crate) fn bounded<T: TryFrom<i64> + Default>(number: i64) -> T {
    let bounds = [i64::MAX, u32::MAX.into(), u16::MAX.into(), u8::MAX.into()];
    bounds.into_iter().find_map(|most| T::try_from(number.clamp(0, most)).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_brought_into_their_bounds() {
        assert_eq!((bounded::<u8>(-1), bounded::<u8>(300), bounded::<u16>(70_000)), (0, u8::MAX, u16::MAX));
        assert_eq!((bounded::<u32>(i64::MAX), bounded::<u64>(i64::MIN), bounded::<usize>(7)), (u32::MAX, 0, 7));
    }

    #[test]
    fn times_go_to_the_microsecond_and_have_an_end() {
        let now = SystemTime::now();
        let kept = time(micros(now));
        assert!(now.duration_since(kept).unwrap() < Duration::from_micros(1));
        assert_eq!(micros(UNIX_EPOCH - Duration::from_secs(1)), 0);
        assert_eq!(span(Duration::MAX), i64::MAX);
        assert_eq!(time(-1), UNIX_EPOCH);
    }
}
