//! A span of time as people write it on the command line. Pure.

use std::time::Duration;

/// Reads `30`, `0.5`, `500ms`, `30s`, `5m`, `1h`; seconds where no unit stands. At most 9 digits before the point, 3 after.
#[must_use]
pub fn duration(text: &[u8]) -> Option<Duration> {
    let (number, unit_ms) = match text {
        [number @ .., b'm', b's'] => (number, 1),
        [number @ .., b'h'] => (number, 3_600_000),
        [number @ .., b'm'] => (number, 60_000),
        [number @ .., b's'] | number => (number, 1000),
    };
    let mut parts = number.splitn(2, |byte| *byte == b'.');
    let whole = decimal(parts.next()?)?;
    let thousandths = match parts.next() {
        Some(part) => decimal(part)? * [100, 10, 1].get(part.len() - 1)?,
        None => 0,
    };
    Some(Duration::from_micros((whole * 1000 + thousandths) * unit_ms))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let is_number = (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [
            ("30", Some(30_000)),
            ("30s", Some(30_000)),
            ("0", Some(0)),
            ("0.2", Some(200)),
            ("1.5m", Some(90_000)),
            ("0.125s", Some(125)),
            ("5m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("500ms", Some(500)),
            ("ms", None),
            ("999999999h", Some(3_599_999_996_400_000)),
            ("", None),
            ("s", None),
            (".5", None),
            ("5.", None),
            ("-1", None),
            ("1.2345", None),
            ("1d", None),
            ("1 s", None),
            ("9999999999", None),
        ] {
            assert_eq!(duration(text.as_bytes()), ms.map(Duration::from_millis), "{text:?}");
        }
    }
}
