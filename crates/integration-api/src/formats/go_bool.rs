//! Booleans as Go reads them.

/// Whether the text is one of Go's spellings of true; what is no boolean is false (API-A17).
pub fn go_bool(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "TRUE" | "true" | "True")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&["1", "t", "T", "TRUE", "true", "True"], true)]
    #[case(&["0", "f", "F", "FALSE", "false", "False", "", "yes", "tRUE", " true", "true ", "11"], false)]
    fn api_a17_only_the_spellings_of_go_are_true(#[case] texts: &[&str], #[case] expected: bool) {
        for text in texts {
            assert_eq!(go_bool(text), expected, "{text:?}");
        }
    }
}
