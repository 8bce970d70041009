//! From `main` to the running program, and back down.

use std::fmt::{Debug, Display};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser};
use kube::client::ClientBuilder;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::admin::{self, Health};
use crate::args::CommonArgs;
use crate::cache::WatchTask;
use crate::layers::MetricsLayer;
use crate::lease::{Leadership, LeaseSettings, Leases};
use crate::metrics::Metrics;
use crate::queue::Heartbeat;
use crate::{Context, Setup, telemetry};

/// A connection that brings nothing for that long is dead: a watch hears at least a bookmark a minute, and is ended by
/// the server after 290 s. Without this, a list or watch that an API server never answers would hang for ever.
const SILENCE: Duration = Duration::from_secs(295);

/// Rights on one resource, for the generated ClusterRole (HC-20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// API group, `""` for the core group.
    pub group: &'static str,
    /// Resource, or `resource/subresource`.
    pub resource: &'static str,
    /// Verbs.
    pub verbs: &'static [&'static str],
}

/// Settings that contradict each other or the environment.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub String);

/// Why a program could not start, or not stop in order: what it was doing, and the cause.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {cause}")]
struct StartError {
    doing: &'static str,
    cause: String,
}

impl StartError {
    fn when<E: Display>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self { doing, cause: error.to_string() }
    }
}

/// One program of the service.
pub trait Program: Send + Sync + Sized + 'static {
    /// Name: of the binary, its Deployment and its Leases.
    const NAME: &'static str;
    /// What it does, in one line for `--help`.
    const ABOUT: &'static str;
    /// What it may do in tenants' namespaces. Rights that all programs have (Events, Leases, reviews) are not listed.
    const RIGHTS: &'static [Right];
    /// Flags beside the common ones.
    type Settings: Args + Clone + Debug + Send + Sync;

    /// Registers watches and queues. Must not do I/O.
    fn start(setup: &mut Setup, settings: Self::Settings) -> Result<(), SettingsError>;
}

#[derive(Parser)]
#[command(version)]
struct CommandLine<S: Args> {
    #[command(flatten)]
    common: CommonArgs,
    #[command(flatten)]
    settings: S,
}

/// Runs a program until SIGTERM or SIGINT. Returns failure, with the reason on standard error, if it cannot start.
pub fn run<P: Program>() -> ExitCode {
    let matches = CommandLine::<P::Settings>::command().name(P::NAME).bin_name(P::NAME).about(P::ABOUT).get_matches();
    let command_line = match CommandLine::<P::Settings>::from_arg_matches(&matches) {
        Ok(command_line) => command_line,
        Err(error) => error.exit(),
    };
    let CommandLine { common, settings } = command_line;
    if let Err(error) = telemetry::init(&common.log) {
        eprintln!("{}: {error}", P::NAME);
        return ExitCode::FAILURE;
    }
    // Two threads: the work is waiting for the API server, and each further thread costs memory.
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "the async runtime cannot start");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(serve::<P>(common, settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot run");
            ExitCode::FAILURE
        }
    }
}

async fn serve<P: Program>(common: CommonArgs, settings: P::Settings) -> Result<(), StartError> {
    // Installed once a process; a second one means that a library did it with the same provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::when("listening for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::when("listening for SIGINT"))?;

    let metrics = Metrics::new(P::NAME, env!("CARGO_PKG_VERSION")).map_err(StartError::when("registering metrics"))?;
    let mut config =
        common.client.config().await.map_err(StartError::when(
            "looking for a cluster (set KUBECONFIG, or run in a pod with a service account)",
        ))?;
    config.read_timeout = Some(SILENCE);
    config.reset_reader_on_write = true;
    let builder = ClientBuilder::try_from(config).map_err(StartError::when("preparing the client of the cluster"))?;
    #[cfg(feature = "fault")]
    let builder = builder
        .with_layer(&crate::fault::FaultLayer::from_env().map_err(StartError::when("reading FAULT_* variables"))?);
    let client = builder.with_layer(&MetricsLayer::new(metrics.clone())).build();

    let lease_settings = LeaseSettings::new(P::NAME, &common.lease);
    let identity = lease_settings.identity.clone();
    let leases = Leases::start(&client, lease_settings, &metrics);
    let leadership = leases.leadership();
    let context = Context::new(client.clone(), leadership.clone(), metrics.clone(), P::NAME, identity);
    let mut setup = Setup::new(context, metrics.clone(), common.controller.concurrency);
    P::start(&mut setup, settings).map_err(StartError::when("reading the settings"))?;

    let state = Arc::new(State {
        program: P::NAME,
        watches: setup.watches,
        heartbeats: setup.heartbeats,
        leadership: leadership.clone(),
    });
    let health: Arc<dyn Health> = Arc::clone(&state) as Arc<dyn Health>;
    let admin = admin::Admin::bind(&common.admin, metrics.clone(), health, client.clone())
        .await
        .map_err(StartError::when("starting the admin server"))?;
    tracing::info!(program = P::NAME, version = env!("CARGO_PKG_VERSION"), addr = %admin.addr(), "started");

    let (stop, stopped) = watch::channel(false);
    let (open, opened) = watch::channel(false);
    let synced = Arc::new(Notify::new());
    let mut background = JoinSet::new();
    background.spawn(admin.serve());
    for watch in &state.watches {
        watch.start(&client, &common.controller.namespaces, &metrics, &synced);
    }
    background.spawn(gate(Arc::clone(&state), leadership, synced, open));
    let mut queues = JoinSet::new();
    for serve in setup.queues {
        queues.spawn(serve(opened.clone(), stopped.clone()));
    }

    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: no new work, running reconciles may end"),
        _ = interrupt.recv() => tracing::info!("SIGINT: no new work, running reconciles may end"),
    }
    stop.send_replace(true);
    let orderly = async {
        // Queues first; the Lease is given back only when nothing writes any more.
        while queues.join_next().await.is_some() {}
        leases.give_back().await;
        background.shutdown().await;
    };
    let again = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    unless(again, orderly).await.ok_or_else(|| StartError {
        doing: "stopping",
        cause: "a second signal came before reconciles had ended and the Lease was given back".to_owned(),
    })?;
    tracing::info!("stopped");
    Ok(())
}

/// What the work ends with, unless somebody loses patience first (OP-5).
async fn unless<T>(impatience: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = impatience => None,
    }
}

/// Opens the queues while this replica leads and all caches are filled.
async fn gate(state: Arc<State>, leadership: Leadership, synced: Arc<Notify>, open: watch::Sender<bool>) {
    let mut changes = leadership.changed();
    loop {
        let filled = synced.notified();
        let now = state.synced() && leadership.is_leader();
        if *open.borrow() != now {
            tracing::info!(leading = leadership.is_leader(), caches = state.synced(), working = now, "state changed");
            open.send_replace(now);
        }
        tokio::select! {
            () = filled => {}
            changed = changes.changed() => if changed.is_err() { return },
            // The fence can close without a message: the Lease simply runs out.
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
    }
}

/// What the admin server tells about the process.
struct State {
    program: &'static str,
    watches: Vec<Arc<dyn WatchTask>>,
    heartbeats: Vec<Heartbeat>,
    leadership: Leadership,
}

impl State {
    fn synced(&self) -> bool {
        self.watches.iter().all(|watch| watch.synced())
    }
}

impl Health for State {
    fn healthy(&self) -> Result<(), String> {
        let stuck = self.watches.iter().find_map(|watch| watch.failure());
        stuck.or_else(|| self.heartbeats.iter().find_map(Heartbeat::failure)).map_or(Ok(()), Err)
    }

    fn ready(&self) -> Result<(), String> {
        let waiting: Vec<String> =
            self.watches.iter().filter(|watch| !watch.synced()).map(|watch| watch.size().0).collect();
        if !waiting.is_empty() {
            return Err(format!("waiting for the first list of {}", waiting.join(", ")));
        }
        Ok(())
    }

    // A replica that may not write is ready all the same: it can take over at once (OP-X9).
    fn notice(&self) -> Option<String> {
        self.leadership.withheld()
    }

    fn debug_state(&self) -> serde_json::Value {
        let caches: serde_json::Map<String, serde_json::Value> =
            self.watches.iter().map(|watch| watch.size()).map(|(kind, objects)| (kind, objects.into())).collect();
        json!({ "program": self.program, "leading": self.leadership.is_leader(), "synced": self.synced(), "objects": caches })
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    // OP-5
    #[tokio::test]
    async fn op_5_a_second_signal_ends_the_wait() {
        assert_eq!(unless(pending(), ready(1)).await, Some(1));
        assert_eq!(unless(ready(()), pending::<u8>()).await, None);
    }

    // OP-4: what cannot be done is said with what was tried.
    #[test]
    fn op_4_a_failed_start_names_what_it_was_doing() {
        let error = StartError::when("starting the admin server")("the port is taken");
        assert_eq!(error.to_string(), "starting the admin server: the port is taken");
    }
}
