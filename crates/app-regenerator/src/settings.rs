//! Flags of this program.

use integration_api::formats::go_duration;
use jiff::SignedDuration;

/// Flags beside the common ones.
#[derive(clap::Args, Clone, Debug)]
pub struct Settings {
    /// How long after a deletion further ones count as the same (AR-X6). The Component is held that long.
    #[arg(long, env = "DELETION_WAIT", default_value = "30s", value_parser = wait)]
    pub deletion_wait: SignedDuration,
}

/// A duration that is not negative.
fn wait(text: &str) -> Result<SignedDuration, String> {
    go_duration::parse(text)
        .filter(|duration| !duration.is_negative())
        .ok_or_else(|| format!("`{text}` is no duration, write for example 30s"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        settings: Settings,
    }

    // AR-X6
    #[test]
    fn ar_x6_deletions_within_thirty_seconds_are_one_unless_told_otherwise() {
        let parse = |arguments: &[&str]| Flags::try_parse_from(arguments).map(|flags| flags.settings.deletion_wait);
        assert_eq!(parse(&["x"]).unwrap(), SignedDuration::from_secs(30));
        assert_eq!(parse(&["x", "--deletion-wait=2m"]).unwrap(), SignedDuration::from_secs(120));
        for wrong in ["--deletion-wait=soon", "--deletion-wait=-1s"] {
            assert!(parse(&["x", wrong]).is_err(), "{wrong}");
        }
    }
}
