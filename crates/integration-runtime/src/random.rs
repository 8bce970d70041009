//! Jitter. Spreads retries; nothing depends on its quality.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// A number in `0.0 ..= 1.0`.
pub(crate) fn unit() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    // 32 bits are plenty for jitter, and convert without loss.
    f64::from(u32::try_from(bits >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

/// A duration around `base`, at most `share` (0.2 = 20 %) away from it.
pub(crate) fn around(base: Duration, share: f64) -> Duration {
    base.mul_f64(1.0 - share + 2.0 * share * unit())
}

/// A duration between the two.
pub(crate) fn between(low: Duration, high: Duration) -> Duration {
    low + high.saturating_sub(low).mul_f64(unit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_in_its_bounds() {
        for _ in 0..1000 {
            let d = around(Duration::from_secs(10), 0.2);
            assert!(d >= Duration::from_secs(8) && d <= Duration::from_secs(12), "{d:?}");
            let d = between(Duration::from_millis(20), Duration::from_millis(500));
            assert!(d >= Duration::from_millis(20) && d <= Duration::from_millis(500), "{d:?}");
        }
    }
}
