//! The command line, the same for every program (DESIGN §5).
//!
//! Every flag is also an environment variable: its name in capitals, `-` as `_` (`--admin-addr` is `ADMIN_ADDR`).
//! A wrong value is refused with the reason before anything is started.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// Namespace of the Leases where the pod does not say its own.
const DEFAULT_NAMESPACE: &str = "integration-service";
/// Where a pod finds the name of its namespace.
const POD_NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// Levels that stand alone in a filter.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// All groups together; a program flattens this beside its own settings.
#[derive(Args, Clone, Debug)]
pub struct CommonArgs {
    /// The cluster.
    #[command(flatten)]
    pub client: ClientArgs,
    /// The admin server.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// Leader election and the reference operator's Lease.
    #[command(flatten)]
    pub lease: LeaseArgs,
    /// What is worked on, and how much at once.
    #[command(flatten)]
    pub controller: ControllerArgs,
    /// Logging.
    #[command(flatten)]
    pub log: LogArgs,
}

/// The cluster: no flags. `KUBECONFIG`, else `~/.kube/config`, else the pod's service account.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct ClientArgs {}

impl ClientArgs {
    /// Where the cluster is and how to log in to it.
    ///
    /// Fails where neither a kubeconfig nor a service account is found; the error lists what was tried.
    pub async fn config(self) -> Result<kube::Config, kube::config::InferConfigError> {
        kube::Config::infer().await
    }
}

/// The admin server (OP-X8).
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Admin server")]
pub struct AdminArgs {
    /// Address of /metrics, /healthz and /readyz; port 0 takes any free one and logs it
    #[arg(long, env, value_name = "IP:PORT", default_value = "0.0.0.0:8443")]
    pub admin_addr: SocketAddr,
    /// Serve plain HTTP without authentication (tests, local runs)
    #[arg(long, env, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub admin_plain_http: bool,
    /// Folder with tls.crt and tls.key, read again when they change [default: a self-signed certificate]
    #[arg(long, env, value_name = "FOLDER")]
    pub admin_cert_dir: Option<PathBuf>,
}

/// Leader election (HC-24) and the Lease of the reference operator (D-10).
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Leases")]
pub struct LeaseArgs {
    /// Namespace of this program's Leases [default: the pod's namespace, else integration-service]
    #[arg(long, env, value_name = "NAMESPACE", value_parser = namespace_name)]
    pub lease_namespace: Option<String>,
    /// Seconds after which a silent replica is replaced
    #[arg(long, env, value_name = "SECONDS", default_value = "15", value_parser = lease_seconds)]
    pub lease_duration: Duration,
    /// Write even while the reference operator runs: both will then act on the same objects
    #[arg(long, env, action = ArgAction::SetTrue, value_parser = BoolishValueParser::new())]
    pub ignore_legacy_lease: bool,
    /// Namespace the reference operator runs in [default: the lease namespace]
    #[arg(long, env, value_name = "NAMESPACE", value_parser = namespace_name)]
    pub legacy_lease_namespace: Option<String>,
}

impl LeaseArgs {
    /// Namespace of this program's Leases: the flag, else the pod's own, else `integration-service`.
    pub fn namespace(&self) -> String {
        self.lease_namespace.clone().or_else(pod_namespace).unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
    }

    /// Namespace of the reference operator's Lease (HC-27): the flag, else [`Self::namespace`].
    pub fn legacy_namespace(&self) -> String {
        self.legacy_lease_namespace.clone().unwrap_or_else(|| self.namespace())
    }
}

/// What is worked on, and how much at once.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Controller")]
pub struct ControllerArgs {
    /// Watch and act only in these namespaces, separated by commas [default: all]
    #[arg(long, env, value_name = "NAMESPACE,…", value_delimiter = ',', value_parser = namespace_name)]
    pub namespaces: Vec<String>,
    /// Reconciles at once
    #[arg(long, env, value_name = "NUMBER", default_value = "32", value_parser = concurrency)]
    pub concurrency: usize,
}

/// Logging, to standard error.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// How lines look [default: text on a terminal, else json]
    #[arg(long, env, value_enum)]
    pub log_format: Option<LogFormat>,
    /// What is logged: a level, or target=level pairs separated by commas
    #[arg(long, env, value_name = "FILTER", default_value = "info", value_parser = log_filter)]
    pub log: String,
}

impl LogArgs {
    /// The format asked for, else the one that suits standard error.
    pub fn format(&self) -> LogFormat {
        self.log_format.unwrap_or_else(
            || {
                if std::io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json }
            },
        )
    }
}

/// How log lines look.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for programs.
    Json,
    /// For people.
    Text,
}

fn pod_namespace() -> Option<String> {
    let text = std::fs::read_to_string(POD_NAMESPACE_FILE).ok()?;
    let name = text.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

fn namespace_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if text.is_empty() {
        return Err("a namespace has a name; leave the flag out to get the default".to_owned());
    }
    if text.len() > 63 {
        return Err(format!("a namespace has at most 63 characters, this one {}", text.len()));
    }
    if !text.chars().all(|c| plain(c) || c == '-') || !text.starts_with(plain) || !text.ends_with(plain) {
        return Err("a namespace has lower-case letters, digits and, inside, dashes only".to_owned());
    }
    Ok(text.to_owned())
}

fn lease_seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        // A third of the lease is one renewal and must be time enough for a slow API server.
        Ok(seconds @ 3..=600) => Ok(Duration::from_secs(seconds)),
        _ => Err("a lease lasts a whole number of seconds from 3 to 600".to_owned()),
    }
}

fn concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=10_000) => Ok(count),
        _ => Err("the number of reconciles at once is a whole number from 1 to 10000".to_owned()),
    }
}

fn log_filter(text: &str) -> Result<String, String> {
    for directive in text.split(',').map(str::trim) {
        // The filter itself would take a misspelt level for the name of a target, and log nothing.
        let bare = directive.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ':'));
        let level = LEVELS.iter().any(|level| directive.eq_ignore_ascii_case(level));
        if bare && !level {
            return Err(format!(
                "`{directive}` is no level; the levels are {}; for one target write {}=debug",
                LEVELS.join(", "),
                if directive.is_empty() { "target" } else { directive },
            ));
        }
    }
    EnvFilter::builder().parse(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use rstest::rstest;

    use super::*;

    #[derive(Parser, Debug)]
    struct Line {
        #[command(flatten)]
        common: CommonArgs,
    }

    fn parse(flags: &[&str]) -> Result<CommonArgs, String> {
        Line::try_parse_from(std::iter::once(&"program").chain(flags))
            .map(|line| line.common)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_given_is_the_documented_default() {
        let args = parse(&[]).unwrap();
        assert_eq!(args.admin.admin_addr.to_string(), "0.0.0.0:8443");
        assert!(!args.admin.admin_plain_http && args.admin.admin_cert_dir.is_none());
        assert_eq!(args.lease.lease_duration, Duration::from_secs(15));
        assert!(!args.lease.ignore_legacy_lease);
        assert!(args.controller.namespaces.is_empty());
        assert_eq!(args.controller.concurrency, 32);
        assert_eq!(args.log.log, "info");
        assert_eq!(args.log.log_format, None);
    }

    #[test]
    fn hc_27_the_legacy_lease_is_looked_for_where_told_else_beside_our_own() {
        let args = parse(&["--lease-namespace", "ours"]).unwrap();
        assert_eq!((args.lease.namespace(), args.lease.legacy_namespace()), ("ours".into(), "ours".into()));
        let args = parse(&["--lease-namespace", "ours", "--legacy-lease-namespace", "theirs"]).unwrap();
        assert_eq!((args.lease.namespace(), args.lease.legacy_namespace()), ("ours".into(), "theirs".into()));
    }

    #[test]
    fn namespaces_are_separated_by_commas() {
        assert_eq!(parse(&["--namespaces", "team-a,team-b"]).unwrap().controller.namespaces, ["team-a", "team-b"]);
    }

    #[test]
    fn every_flag_is_also_a_variable_in_capitals() {
        for flag in Line::command().get_arguments() {
            let Some(long) = flag.get_long().filter(|long| *long != "help") else { continue };
            let variable = flag.get_env().and_then(|name| name.to_str()).map(str::to_owned);
            assert_eq!(variable, Some(long.to_uppercase().replace('-', "_")), "--{long}");
        }
    }

    #[rstest]
    #[case(&["--admin-addr", "8443"], "invalid socket address")]
    #[case(&["--lease-duration", "15s"], "whole number of seconds from 3 to 600")]
    #[case(&["--lease-duration", "2"], "whole number of seconds from 3 to 600")]
    #[case(&["--lease-namespace", ""], "a namespace has a name")]
    #[case(&["--legacy-lease-namespace", "a_b"], "lower-case letters")]
    #[case(&["--namespaces", "a,,b"], "a namespace has a name")]
    #[case(&["--namespaces", "a,-b"], "lower-case letters")]
    #[case(&["--concurrency", "0"], "from 1 to 10000")]
    #[case(&["--log-format", "yaml"], "possible values: json, text")]
    #[case(&["--log", "inof"], "`inof` is no level")]
    #[case(&["--log", "kube=verbose"], "error parsing level filter")]
    #[case(&["--log", ""], "is no level")]
    #[case(&["--unknown"], "unexpected argument '--unknown'")]
    fn a_wrong_value_is_refused_with_the_reason(#[case] flags: &[&str], #[case] reason: &str) {
        let message = parse(flags).unwrap_err();
        assert!(message.contains(reason), "{message}");
    }

    #[rstest]
    #[case("DEBUG")]
    #[case("info,kube_client=debug,hyper=off")]
    #[case("warn,[reconcile{queue=tests}]=trace")]
    fn a_filter_may_name_targets_and_spans(#[case] filter: &str) {
        assert_eq!(parse(&["--log", filter]).unwrap().log.log, filter);
    }
}
