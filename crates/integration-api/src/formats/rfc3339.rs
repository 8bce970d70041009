//! Times as RFC 3339 text, as strict as the reference reads them.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

/// Digits of a second that a [`Timestamp`] keeps; further ones are dropped.
const FRACTION_DIGITS: usize = 9;

/// Reads an RFC 3339 time with any offset. A blank or a small letter instead of `T` or `Z`, a missing offset and
/// second 60 are refused (API-157, RR-6).
pub fn parse(text: &str) -> Option<Timestamp> {
    let (head, tail) = text.split_at_checked("2006-01-02T15:04:05".len())?;
    if !matches_shape(head, "dddd-dd-ddTdd:dd:dd") || head.ends_with("60") {
        return None;
    }
    let (fraction, offset) = match tail.strip_prefix('.') {
        Some(rest) => {
            let (digits, offset) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
            if digits.is_empty() {
                return None;
            }
            (digits.get(..FRACTION_DIGITS).unwrap_or(digits), offset)
        }
        None => ("0", tail),
    };
    if offset != "Z" && !matches_shape(offset, "+dd:dd") && !matches_shape(offset, "-dd:dd") {
        return None;
    }
    format!("{head}.{fraction}{offset}").parse().ok()
}

/// UTC with up to nine digits of a second, trailing zeros trimmed: `2024-01-02T03:04:05.12Z` (API-157).
pub fn nanoseconds(time: Timestamp) -> String {
    DateTimePrinter::new().timestamp_to_string(&time)
}

/// UTC in whole seconds: `2024-01-02T03:04:05Z`.
pub fn seconds(time: Timestamp) -> String {
    DateTimePrinter::new().precision(Some(0)).timestamp_to_string(&time)
}

/// Whether the text has this shape, in which `d` stands for an ASCII digit.
fn matches_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(found, wanted)| match wanted {
            b'd' => found.is_ascii_digit(),
            _ => found == wanted,
        })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("2026-11-22T15:07:07.152355088Z", "2026-11-22T15:07:07.152355088Z")]
    #[case("2024-01-02T03:04:05.120Z", "2024-01-02T03:04:05.12Z")]
    #[case("2024-01-02T05:04:05+02:00", "2024-01-02T03:04:05Z")]
    #[case("2024-01-02T03:04:05.1234567891Z", "2024-01-02T03:04:05.123456789Z")]
    fn api_157_times_are_read_with_any_offset_and_written_in_utc(#[case] text: &str, #[case] written: &str) {
        assert_eq!(nanoseconds(parse(text).unwrap()), written);
    }

    #[rstest]
    #[case("2024-01-02 03:04:05Z")]
    #[case("2024-01-02t03:04:05Z")]
    #[case("2024-01-02T03:04:05z")]
    #[case("2024-01-02T03:04:05")]
    #[case("2024-01-02T03:04:05.Z")]
    #[case("2024-01-02T03:04:05,1Z")]
    #[case("2024-01-02T03:04:60Z")]
    #[case("2024-13-02T03:04:05Z")]
    #[case("2024-01-02T03:04:05+0200")]
    #[case("2024-01-02T03:04:05Z[UTC]")]
    #[case("20240102T030405Z")]
    #[case("2024-01-02")]
    #[case("2024-01-02T03:04:0é5Z")]
    #[case("")]
    fn rr_6_anything_else_is_no_time(#[case] text: &str) {
        assert_eq!(parse(text), None);
    }

    #[test]
    fn api_182_seconds_have_no_fraction() {
        assert_eq!(seconds(parse("2024-01-02T03:04:05.9Z").unwrap()), "2024-01-02T03:04:05Z");
    }
}
