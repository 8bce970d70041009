//! Durations as Go reads and writes them: `1h10m0s` (API-113, API-198).

use std::fmt::Write as _;

use jiff::SignedDuration;

/// Units and their length in nanoseconds. Both micro signs are known.
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3_600 * NANOS_PER_SECOND),
];
const NANOS_PER_SECOND: i128 = 1_000_000_000;
/// Digits behind the point that can matter for the longest unit.
const FRACTION_DIGITS: usize = 18;

/// Reads a Go duration: an optional sign, then numbers with units, or just `0`. `None` for everything else and for
/// what does not fit 64 bits of nanoseconds.
pub fn parse(text: &str) -> Option<SignedDuration> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let nanos = if rest == "0" { 0 } else { sum(rest)? };
    let nanos = i64::try_from(if negative { -nanos } else { nanos }).ok()?;
    Some(SignedDuration::from_nanos(nanos))
}

/// Writes a duration as Go does.
pub fn format(duration: SignedDuration) -> String {
    let nanos = duration.as_nanos();
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.abs();
    let mut text = sign.to_owned();
    match nanos {
        0 => return "0s".to_owned(),
        1..1_000 => push_decimal(&mut text, nanos, 1, "ns"),
        1_000..1_000_000 => push_decimal(&mut text, nanos, 1_000, "µs"),
        1_000_000..NANOS_PER_SECOND => push_decimal(&mut text, nanos, 1_000_000, "ms"),
        _ => {
            let minutes = nanos / (60 * NANOS_PER_SECOND);
            let (hours, minutes) = (minutes / 60, minutes % 60);
            // Writing to a String cannot fail.
            if hours > 0 {
                let _ = write!(text, "{hours}h");
            }
            if hours > 0 || minutes > 0 {
                let _ = write!(text, "{minutes}m");
            }
            push_decimal(&mut text, nanos % (60 * NANOS_PER_SECOND), NANOS_PER_SECOND, "s");
        }
    }
    text
}

/// Adds up numbers with units; at least one is needed.
fn sum(mut rest: &str) -> Option<i128> {
    let mut total = 0_i128;
    loop {
        let (whole, behind) = split_digits(rest);
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(behind) => split_digits(behind),
            None => ("", behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = behind.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(behind.len());
        let (name, next) = behind.split_at(end);
        let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == name)?;
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()?.into() };
        total += whole * unit + fraction_of(fraction, *unit);
        if total > i128::from(i64::MAX) + 1 {
            return None;
        }
        if next.is_empty() {
            return Some(total);
        }
        rest = next;
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The digits behind the point, in nanoseconds, rounded down.
fn fraction_of(digits: &str, unit: i128) -> i128 {
    let mut scale = 1_i128;
    let mut value = 0_i128;
    for digit in digits.bytes().take(FRACTION_DIGITS) {
        value = value * 10 + i128::from(digit - b'0');
        scale *= 10;
    }
    value * unit / scale
}

/// Adds `nanos` in the given unit, with as many digits behind the point as are not zero.
fn push_decimal(text: &mut String, nanos: i128, unit: i128, name: &str) {
    let _ = write!(text, "{}", nanos / unit);
    let fraction = nanos % unit;
    if fraction > 0 {
        let digits = unit.to_string().len() - 1;
        let fraction = format!("{fraction:0digits$}");
        let _ = write!(text, ".{}", fraction.trim_end_matches('0'));
    }
    text.push_str(name);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0", "0s")]
    #[case("1h", "1h0m0s")]
    #[case("70m", "1h10m0s")]
    #[case("1h10m", "1h10m0s")]
    #[case("90s", "1m30s")]
    #[case("1.5h", "1h30m0s")]
    #[case(".5s", "500ms")]
    #[case("1.s", "1s")]
    #[case("+5s", "5s")]
    #[case("-1.5s", "-1.5s")]
    #[case("1ms2us3µs4μs5ns", "1.009005ms")]
    #[case("1500us", "1.5ms")]
    #[case("7ns", "7ns")]
    #[case("-9223372036854775808ns", "-2562047h47m16.854775808s")]
    fn api_198_durations_are_those_of_go(#[case] text: &str, #[case] written: &str) {
        assert_eq!(format(parse(text).unwrap()), written);
    }

    #[rstest]
    #[case("")]
    #[case("1")]
    #[case("h")]
    #[case(".h")]
    #[case("1d")]
    #[case("1h ")]
    #[case(" 1h")]
    #[case("1H")]
    #[case("--1h")]
    #[case("1h-1m")]
    #[case("9223372036854775808ns")]
    #[case("3000000h")]
    #[case("99999999999999999999h")]
    #[case("١h")]
    fn api_198_anything_else_is_no_duration(#[case] text: &str) {
        assert_eq!(parse(text), None);
    }

    proptest! {
        // API-113
        #[test]
        fn api_113_every_duration_is_read_back(nanos in any::<i64>()) {
            let duration = SignedDuration::from_nanos(nanos);
            prop_assert_eq!(parse(&format(duration)), Some(duration));
        }

        #[test]
        fn api_198_no_text_panics(text in "[-+]?[0-9.]{0,25}[nuµmsh]{0,3}[0-9.]{0,5}.{0,3}") {
            let _ = parse(&text);
        }
    }
}
