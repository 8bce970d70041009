//! Text helpers that several formats share.

/// What is put in place of the text that was cut off.
const MARKER: &str = "…";

/// The text, or as much of it as fits into `max_bytes` together with the marker `…` (API-B18, RR-B10, TR-B40). Never
/// cuts a character in two. A limit smaller than the marker gives the marker's place to the text.
pub fn truncate(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let marker = if max_bytes >= MARKER.len() { MARKER } else { "" };
    let end = text.floor_char_boundary(max_bytes - marker.len());
    let kept = text.get(..end).unwrap_or_default();
    format!("{kept}{marker}")
}

/// The text as a JSON string with the characters escaped that the reference escapes (RR-8).
pub(crate) fn json_string(text: &str) -> String {
    let plain = serde_json::Value::from(text).to_string();
    if !plain.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return plain;
    }
    plain
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("short", 5, "short")]
    #[case("longer text", 8, "longe…")]
    #[case("ééé", 5, "é…")]
    #[case("ééé", 4, "…")]
    #[case("日本語", 2, "")]
    #[case("abc", 2, "ab")]
    #[case("", 0, "")]
    fn tr_b40_text_is_cut_between_characters(#[case] text: &str, #[case] limit: usize, #[case] expected: &str) {
        let cut = truncate(text, limit);
        assert_eq!(cut, expected);
        assert!(cut.len() <= limit, "the marker counts");
    }

    #[test]
    fn rr_8_characters_of_html_are_escaped() {
        let escaped = json_string("a<b>&\"\u{2028}");
        assert_eq!(escaped, r#""a\u003cb\u003e\u0026\"\u2028""#);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), "a<b>&\"\u{2028}");
    }
}
