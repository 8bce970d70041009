//! Competes for the Lease of one slot.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, ObjectMeta, PostParams};
use kube::{Client, ResourceExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::decision::{Observed, Step, next};
use super::{LeaseSettings, Shared};
use crate::random;

/// Pause before a Lease that has just changed under us is read again.
const CHANGED: Duration = Duration::from_millis(100);

/// One process competing for one Lease.
pub(super) struct Candidate {
    api: Api<Lease>,
    name: String,
    namespace: String,
    me: String,
    duration: Duration,
    slot: usize,
    shared: Arc<Shared>,
    observed: Option<Observed>,
    problem: Option<String>,
}

/// Why a round did not come to its end.
enum Trouble {
    /// Somebody else wrote first: read again.
    Changed,
    /// Said in the log once, tried again later.
    Problem(String),
}

impl Candidate {
    pub(super) fn new(client: &Client, settings: &LeaseSettings, slot: usize, shared: Arc<Shared>) -> Self {
        Self {
            api: Api::namespaced(client.clone(), &settings.namespace),
            name: format!("{}-{slot}", settings.program),
            namespace: settings.namespace.clone(),
            me: settings.identity.clone(),
            duration: settings.duration,
            slot,
            shared,
            observed: None,
            problem: None,
        }
    }

    /// Competes until `stop`, then gives the Lease back.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut clear = self.shared.legacy_clear.subscribe();
        loop {
            let pause = self.round().await;
            tokio::select! {
                () = sleep(pause) => {}
                Ok(()) = clear.changed() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        self.give_back().await;
    }

    /// Reads, decides, writes. Returns the pause before the next round.
    async fn round(&mut self) -> Duration {
        if !self.shared.legacy_clear(self.shared.now()) {
            // The guard wakes us; nothing is written until then, no Lease either.
            return self.duration / 3;
        }
        match self.compete().await {
            Ok(pause) => {
                if self.problem.take().is_some() {
                    tracing::info!(lease = %self.name, "the Lease can be read and written again");
                }
                pause
            }
            Err(Trouble::Changed) => {
                self.observed = self.observed.take().filter(|observed| observed.holder() != Some(self.me.as_str()));
                CHANGED
            }
            Err(Trouble::Problem(problem)) => {
                if self.problem.as_ref() != Some(&problem) {
                    tracing::warn!(lease = %self.name, namespace = %self.namespace, problem, "no Lease, no leadership; trying again");
                    self.problem = Some(problem);
                }
                // Perhaps our write went through and only its answer was lost.
                self.observed = self.observed.take().filter(|observed| observed.holder() != Some(self.me.as_str()));
                random::around(self.duration / 15, 0.2)
            }
        }
    }

    async fn compete(&mut self) -> Result<Duration, Trouble> {
        // What we hold is known from our own write; everything else has to be read.
        let ours = self.observed.as_ref().and_then(Observed::holder) == Some(self.me.as_str());
        if !ours {
            let read = self.within(self.api.get_opt(&self.name)).await?;
            self.observed = read.map(|lease| Observed::new(lease, self.observed.as_ref(), Instant::now()));
            if self.observed.as_ref().and_then(Observed::holder) != Some(self.me.as_str()) {
                self.shared.hold(self.slot, 0);
            }
        }
        let step = next(&self.me, self.observed.as_ref(), self.duration, Instant::now());
        let look_again = random::around(self.duration / 6, 0.2);
        match step {
            Step::Wait(at_most) => Ok(look_again.min(at_most.max(CHANGED))),
            Step::Create | Step::Take | Step::Renew => {
                self.write(step).await?;
                Ok(self.duration / 3)
            }
        }
    }

    async fn write(&mut self, step: Step) -> Result<(), Trouble> {
        let lease = self.desired(step);
        let sent = Instant::now();
        let params = PostParams::default();
        let written = match step {
            Step::Create => self.within(self.api.create(&params, &lease)).await?,
            _ => self.within(self.api.replace(&self.name, &params, &lease)).await?,
        };
        self.observed = Some(Observed::new(written, None, Instant::now()));
        // Two thirds after the request was sent: whoever waits for a whole duration started later than that.
        self.shared.hold(self.slot, self.shared.at(sent + self.duration * 2 / 3));
        Ok(())
    }

    fn desired(&self, step: Step) -> Lease {
        let now = MicroTime(Timestamp::now());
        let mut lease = self.observed.as_ref().map_or_else(
            || Lease {
                metadata: ObjectMeta {
                    name: Some(self.name.clone()),
                    namespace: Some(self.namespace.clone()),
                    ..ObjectMeta::default()
                },
                spec: None,
            },
            |observed| observed.lease.clone(),
        );
        let spec = lease.spec.get_or_insert_default();
        if step != Step::Renew {
            spec.acquire_time = Some(now.clone());
            spec.lease_transitions = Some(match step {
                Step::Create => 0,
                _ => spec.lease_transitions.unwrap_or_default().saturating_add(1),
            });
        }
        spec.holder_identity = Some(self.me.clone());
        spec.lease_duration_seconds = i32::try_from(self.duration.as_secs()).ok();
        spec.renew_time = Some(now);
        lease
    }

    /// Frees the Lease if it is ours. A failure costs the successor one lease duration, no more.
    async fn give_back(mut self) {
        self.shared.hold(self.slot, 0);
        let Some(mut lease) = self
            .observed
            .take()
            .filter(|observed| observed.holder() == Some(self.me.as_str()))
            .map(|observed| observed.lease)
        else {
            return;
        };
        let spec: &mut LeaseSpec = lease.spec.get_or_insert_default();
        spec.holder_identity = None;
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        match self.within(self.api.replace(&lease.name_any(), &PostParams::default(), &lease)).await {
            Ok(_) => tracing::info!(lease = %self.name, "gave the Lease back"),
            Err(Trouble::Changed) => tracing::info!(lease = %self.name, "somebody else has the Lease already"),
            Err(Trouble::Problem(problem)) => {
                tracing::warn!(lease = %self.name, problem, "could not give the Lease back; the next replica waits until it expires");
            }
        }
    }

    /// A request gets a third of the duration: a renewal that hangs must end before writing does.
    async fn within<T>(&self, request: impl Future<Output = kube::Result<T>>) -> Result<T, Trouble> {
        match timeout(self.duration / 3, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(Trouble::Changed),
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => Err(Trouble::Problem(format!(
                "{}; if namespace {} does not exist, create it or name another with --lease-namespace",
                status.message, self.namespace
            ))),
            Ok(Err(kube::Error::Api(status))) if status.code == 403 => Err(Trouble::Problem(format!(
                "{}; the program needs get, create and update on leases in namespace {}",
                status.message, self.namespace
            ))),
            Ok(Err(error)) => Err(Trouble::Problem(error.to_string())),
            Err(_) => Err(Trouble::Problem("the API server did not answer in time".to_owned())),
        }
    }
}
