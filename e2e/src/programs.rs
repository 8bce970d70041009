//! Our programs as child processes, each under its own ServiceAccount and the rights of `deploy/rbac`.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use crate::process::{Process, Usage, progress, scratch};
use crate::{ControlPlane, TestSpace, wait};

/// How the programs are compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Development profile with feature `fault`: the `FAULT_*` variables work.
    #[default]
    Fault,
    /// Release profile without it, for measurements.
    Release,
}

/// How a program is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--namespaces`; empty = all.
    pub namespaces: Vec<String>,
    /// `--lease-namespace`; the program's rights in its own namespace are granted there too.
    pub lease_namespace: String,
    /// Additional environment; nothing but `PATH`, `HOME` and `KUBECONFIG` is passed on from this process.
    pub env: Vec<(String, String)>,
    /// Additional arguments.
    pub args: Vec<String>,
    /// Number of this replica, for names of files.
    pub replica: usize,
    /// How it is compiled.
    pub profile: Profile,
}

impl Options {
    /// Works in the namespace of that test only, with its Leases there.
    pub fn for_space(space: &TestSpace) -> Self {
        Self { namespaces: vec![space.namespace.clone()], lease_namespace: space.namespace.clone(), ..Self::default() }
    }

    /// With an additional variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// With an additional argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.args.push(argument.into());
        self
    }

    /// As that replica.
    #[must_use]
    pub fn replica(mut self, replica: usize) -> Self {
        self.replica = replica;
        self
    }

    /// Compiled that way.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }
}

/// A started program; killed on drop.
#[derive(Debug)]
pub struct Program {
    process: Process,
    name: String,
}

impl Program {
    /// Starts the program and waits until it is ready: its caches are filled.
    pub async fn start(plane: &ControlPlane, name: &str, options: Options) -> Result<Self> {
        let program = Self::spawn(plane, name, options).await?;
        program.ready().await?;
        Ok(program)
    }

    /// Starts the program and waits for nothing, for one that is about to be killed by a fault.
    pub async fn spawn(plane: &ControlPlane, name: &str, options: Options) -> Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let binary = binary(name, options.profile).await?;
        let rbac = plane.rbac().await?;
        let file = format!("{name}-{}-{}", options.replica, COUNT.fetch_add(1, Ordering::Relaxed));
        let kubeconfig = rbac.kubeconfig(plane, name, &file).await?;
        let mut command = Command::new(binary);
        command.env_clear();
        for variable in ["PATH", "HOME"] {
            if let Some(value) = std::env::var_os(variable) {
                command.env(variable, value);
            }
        }
        command.env("KUBECONFIG", kubeconfig).env("RUST_BACKTRACE", "1").envs(options.env);
        command.args(["--admin-addr", "127.0.0.1:0", "--admin-plain-http", "--log-format", "json"]);
        if !options.namespaces.is_empty() {
            command.args(["--namespaces", &options.namespaces.join(",")]);
        }
        if !options.lease_namespace.is_empty() {
            rbac.grant_own_namespace(plane, name, &options.lease_namespace).await?;
            command.args(["--lease-namespace", &options.lease_namespace]);
        }
        command.args(options.args);
        let log = plane.folder().join(format!("{file}.log"));
        let process = Process::spawn(name, command, &log)?;
        plane.program_logs.lock().unwrap().push((options.namespaces, log));
        Ok(Self { process, name: name.to_owned() })
    }

    /// Name of the program.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process: kill, terminate, pause, exit status, log.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// SIGKILL, then waits for its end.
    pub fn kill(&self) -> ExitStatus {
        self.process.kill()
    }

    /// SIGTERM, then waits for its end, up to 30 s.
    pub async fn terminate(&self) -> Result<ExitStatus> {
        self.process.terminate();
        self.process.wait_exit(Duration::from_secs(30)).await
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// How it ended; `None` while it runs.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.process.exit_status()
    }

    /// Memory and CPU so far.
    pub fn usage(&self) -> Result<Usage> {
        self.process.usage()
    }

    /// Waits until `/readyz` answers 200.
    pub async fn ready(&self) -> Result<()> {
        self.wait_answer("to be ready", "/readyz").await
    }

    /// Address of the admin server, from the log; an error if it is not there yet.
    pub fn admin(&self) -> Result<SocketAddr> {
        let log = std::fs::read_to_string(self.process.log())?;
        log.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find_map(|line| line["addr"].as_str()?.parse().ok())
            .with_context(|| format!("{} has not logged the address of its admin server", self.name))
    }

    /// Status and body of a GET from the admin server.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect(self.admin()?).await?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("an answer without end of headers")?;
        let status = head.split(' ').nth(1).context("an answer without status")?.parse()?;
        Ok((status, body.to_owned()))
    }

    /// The metrics page.
    pub async fn metrics(&self) -> Result<String> {
        match self.get("/metrics").await? {
            (200, text) => Ok(text),
            (status, text) => bail!("/metrics of {} answered {status}: {text}", self.name),
        }
    }

    /// Sum of all series of a metric that carry these labels; 0 when there is none.
    pub async fn metric(&self, metric: &str, labels: &[(&str, &str)]) -> Result<f64> {
        Ok(sum(&self.metrics().await?, metric, labels))
    }

    async fn wait_answer(&self, what: &str, path: &str) -> Result<()> {
        let last = Mutex::new(String::from("none"));
        let done = wait::wait_for(what, Duration::from_secs(30), || async {
            if let Some(status) = self.exit_status() {
                return Some(Err(status));
            }
            match self.get(path).await {
                Ok((200, _)) => return Some(Ok(())),
                Ok((status, text)) => *last.lock().unwrap() = format!("{status} {text}"),
                Err(error) => *last.lock().unwrap() = format!("{error:#}"),
            }
            None
        })
        .await;
        let problem = match done {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(status)) => format!("ended with {status}"),
            Err(_) => format!("did not answer 200 on {path} (last: {})", last.lock().unwrap()),
        };
        bail!("waited for {} {what}, but it {problem}; its log ends with\n{}", self.name, self.process.log_tail(30))
    }
}

/// Path of a program's binary; all of them are compiled on first use.
pub async fn binary(name: &str, profile: Profile) -> Result<PathBuf> {
    static FAULT: OnceCell<BTreeMap<String, PathBuf>> = OnceCell::const_new();
    static RELEASE: OnceCell<BTreeMap<String, PathBuf>> = OnceCell::const_new();
    let cell = match profile {
        Profile::Fault => &FAULT,
        Profile::Release => &RELEASE,
    };
    let binaries =
        cell.get_or_try_init(|| async { tokio::task::spawn_blocking(move || build(profile)).await? }).await?;
    binaries
        .get(name)
        .cloned()
        .with_context(|| format!("the workspace has no program {name}, only {:?}", binaries.keys().collect::<Vec<_>>()))
}

/// Sum of the series of `metric` in a Prometheus text page that carry all `labels`.
pub fn sum(page: &str, metric: &str, labels: &[(&str, &str)]) -> f64 {
    page.lines()
        .filter_map(|line| {
            let rest = line.strip_prefix(metric)?;
            let (series, value) = rest.rsplit_once(' ')?;
            let series = match series {
                "" => "",
                _ => series.strip_prefix('{')?.strip_suffix('}')?,
            };
            let has = |(name, value): &(&str, &str)| {
                // Label names are matched whole: `code` is not the end of `error_code`.
                let wanted = format!("{name}=\"{value}\"");
                series.starts_with(&wanted) || series.contains(&format!(",{wanted}"))
            };
            labels.iter().all(has).then(|| value.parse::<f64>().ok())?
        })
        .fold(0.0, |sum, value| sum + value)
}

fn build(profile: Profile) -> Result<BTreeMap<String, PathBuf>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let programs = programs(&workspace)?;
    progress(&format!("compiling {} ({profile:?})", programs.keys().cloned().collect::<Vec<_>>().join(", ")));
    let mut command = cargo(&workspace, "build");
    command.args(["--message-format=json-render-diagnostics", "--bins"]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    for (program, has_fault) in &programs {
        command.args(["--package", program]);
        if *has_fault && profile == Profile::Fault {
            command.args(["--features", &format!("{program}/fault")]);
        }
    }
    let output = command.output().context("running cargo")?;
    if !output.status.success() {
        bail!("the programs do not compile:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut binaries = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let message: Value = serde_json::from_str(line)?;
        if let (Some(path), Some(name)) = (message["executable"].as_str(), message["target"]["name"].as_str()) {
            binaries.insert(name.to_owned(), own(profile, name, Path::new(path))?);
        }
    }
    Ok(binaries)
}

/// The same binary under a path of this test process: another build in the same target folder would replace it, also by
/// one without faults.
fn own(profile: Profile, name: &str, path: &Path) -> Result<PathBuf> {
    let folder = scratch().join(format!("{profile:?}"));
    std::fs::create_dir_all(&folder)?;
    let own = folder.join(name);
    // Of a build that failed midway: a copy onto a link would empty the file under the target folder.
    match std::fs::remove_file(&own) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("removing {}", own.display()));
        }
        _ => {}
    }
    if std::fs::hard_link(path, &own).is_err() {
        std::fs::copy(path, &own).with_context(|| format!("copying {}", path.display()))?;
    }
    Ok(own)
}

/// Packages with a program, and whether they have the feature `fault`.
fn programs(workspace: &Path) -> Result<BTreeMap<String, bool>> {
    let output = cargo(workspace, "metadata").args(["--no-deps", "--format-version=1"]).output()?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let mut programs = BTreeMap::new();
    for package in metadata["packages"].as_array().context("no packages")? {
        let name = package["name"].as_str().unwrap_or_default();
        let targets = package["targets"].as_array().cloned().unwrap_or_default();
        // The program has the name of its package; other binaries are tools.
        if targets.iter().any(|target| target["name"] == name && target["kind"][0] == "bin") && name != "e2e" {
            programs.insert(name.to_owned(), package["features"].get("fault").is_some());
        }
    }
    Ok(programs)
}

/// Cargo without what an outer `cargo test` put into the environment: build scripts that watch such variables would
/// otherwise be run again and again.
fn cargo(workspace: &Path, verb: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(verb).current_dir(workspace);
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let of_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
        if of_package.iter().any(|prefix| name.starts_with(prefix)) || name == "LD_LIBRARY_PATH" {
            command.env_remove(name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_that_is_tried_again_leaves_the_binaries_whole() {
        let built = scratch().join("built");
        std::fs::write(&built, "binary").unwrap();
        for _ in 0..2 {
            let own = own(Profile::Fault, "tried-again", &built).unwrap();
            assert_eq!(std::fs::read_to_string(own).unwrap(), "binary");
        }
        assert_eq!(std::fs::read_to_string(built).unwrap(), "binary");
    }

    #[test]
    fn series_are_summed_by_label() {
        let page = "# TYPE a counter\na{code=\"1\",kind=\"x\"} 2\na{code=\"1\",kind=\"y\"} 3\na{code=\"2\",kind=\"x\"} 5\n\
                    a_total{code=\"1\"} 100\nb 7\nc{error_code=\"1\"} 1\n";
        assert_eq!(sum(page, "a", &[("code", "1")]).to_string(), "5");
        assert_eq!(sum(page, "a", &[("kind", "x"), ("code", "2")]).to_string(), "5");
        assert_eq!(sum(page, "a", &[]).to_string(), "10");
        assert_eq!(sum(page, "b", &[]).to_string(), "7");
        assert_eq!(sum(page, "c", &[("code", "1")]).to_string(), "0");
    }
}
