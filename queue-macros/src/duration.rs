//! Durations as people write them: `100ms`, `30s`, `5m`, `1h30m`, `2d`.

use std::time::Duration;

/// The units, largest first, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Ten years: past it, somebody has mixed up the units.
const LONGEST: u64 = 3_650 * 86_400_000;

/// Reads a duration; the error says what to write.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{text}` has no unit; write `\"{text}s\"` for seconds, or use `ms`, `m`, `h`, `d`"));
    }
    let unreadable = || format!("cannot read `{text}` as a duration; write `\"90s\"`, `\"5m\"`, `\"1h30m\"`");
    let too_long = || format!("`{text}` is longer than ten years");
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total: u64 = 0;
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = &rest[digits..digits + letters];
        // Going on in `units` refuses a unit that comes twice, or after a smaller one.
        let Some((_, millis)) = units.find(|(name, _)| *name == unit) else { return Err(unreadable()) };
        if digits == 0 {
            return Err(unreadable());
        }
        let count: u64 = rest[..digits].parse().map_err(|_| too_long())?;
        total = count
            .checked_mul(*millis)
            .and_then(|part| total.checked_add(part))
            .filter(|sum| *sum <= LONGEST)
            .ok_or_else(too_long)?;
        rest = &rest[digits + letters..];
        if rest.is_empty() {
            return Ok(Duration::from_millis(total));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit() {
        for (text, millis) in
            [("100ms", 100), ("30s", 30_000), ("5m", 300_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("1s500ms", 1_500)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn what_is_no_duration() {
        for text in ["", "5 parsecs", "s", "1m1h", "1s1s", "-5s", "1.5h", "5S", "ms", "1h 30m", "5µs", "1w", "é"] {
            assert_eq!(
                parse(text),
                Err(format!("cannot read `{text}` as a duration; write `\"90s\"`, `\"5m\"`, `\"1h30m\"`")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_bare_number_is_told_its_unit() {
        assert_eq!(parse("30").unwrap_err(), "`30` has no unit; write `\"30s\"` for seconds, or use `ms`, `m`, `h`, `d`");
    }

    #[test]
    fn what_is_too_long() {
        assert_eq!(parse("3650d"), Ok(Duration::from_secs(3_650 * 86_400)));
        for text in ["3651d", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(parse(text), Err(format!("`{text}` is longer than ten years")), "{text}");
        }
    }
}
