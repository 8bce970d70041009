//! A gauge over keys that only the leader knows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, Registry};

use crate::ObjectKey;
use crate::lease::Leadership;

/// The sum of a number that each key has. A replica that does not lead shows 0 and forgets the numbers: it would show
/// them for ever, and whoever leads next looks at every key anyway.
#[derive(Clone, Debug)]
pub struct LeaderGauge {
    gauge: IntGauge,
    by_key: Arc<Mutex<HashMap<ObjectKey, usize>>>,
    leadership: Leadership,
}

impl LeaderGauge {
    /// Registers the gauge under its full name. Fails if the name is taken.
    pub(crate) fn new(
        registry: &Registry,
        leadership: Leadership,
        name: &str,
        help: &str,
    ) -> Result<Self, prometheus::Error> {
        let gauge = Self { gauge: IntGauge::new(name, help)?, by_key: Arc::default(), leadership };
        registry.register(Box::new(gauge.clone()))?;
        Ok(gauge)
    }

    /// The number of this key now.
    pub fn set(&self, key: &ObjectKey, number: usize) {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if number == 0 {
            by_key.remove(key);
        } else {
            by_key.insert(key.clone(), number);
        }
    }

    /// The sum, 0 where this replica does not lead.
    pub fn get(&self) -> usize {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.leadership.is_leader() {
            by_key.clear();
        }
        by_key.values().sum()
    }
}

impl Collector for LeaderGauge {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.gauge.set(i64::try_from(self.get()).unwrap_or(i64::MAX));
        self.gauge.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    // RR-B49, D-15
    #[test]
    fn rr_b49_the_gauge_sums_over_keys_and_forgets_what_is_over() {
        let metrics = Metrics::new("test", "0").unwrap();
        let gauge = LeaderGauge::new(metrics.registry(), Leadership::always(), "held", "Held.").unwrap();
        let (a, b) = (ObjectKey::new("ns", "a"), ObjectKey::new("ns", "b"));
        gauge.set(&a, 2);
        gauge.set(&b, 1);
        gauge.set(&a, 2);
        assert!(metrics.encode().contains("\nheld 3\n"), "{}", metrics.encode());
        gauge.set(&a, 0);
        assert_eq!(gauge.get(), 1);
        assert!(LeaderGauge::new(metrics.registry(), Leadership::always(), "held", "Held.").is_err());
    }

    // MX-X4: numbers of several replicas are added up, so one that does not lead must not repeat old ones.
    #[test]
    fn mx_x4_a_replica_that_does_not_lead_shows_nothing() {
        let metrics = Metrics::new("test", "0").unwrap();
        let gauge = LeaderGauge::new(metrics.registry(), Leadership::never(), "held", "Held.").unwrap();
        gauge.set(&ObjectKey::new("ns", "a"), 2);
        assert!(metrics.encode().contains("\nheld 0\n"), "{}", metrics.encode());
        assert!(gauge.by_key.lock().unwrap().is_empty());
    }
}
