//! Child processes that end with the test process, and its temporary folder.
//!
//! A test process may be killed at any moment and never drops its statics. So a small shell, the watchdog, holds the
//! reading end of a pipe from it: when the pipe closes, the watchdog kills every registered process group and removes
//! the temporary folder.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// A child process with its output in a log file; killed on drop.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    child: Mutex<Child>,
    log: PathBuf,
}

/// What a process used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory now, KiB.
    pub rss_kib: u64,
    /// Resident memory at its highest, KiB.
    pub peak_rss_kib: u64,
    /// CPU time, user and system.
    pub cpu: Duration,
}

impl Process {
    /// Starts `command` in a process group of its own, its output appended to `log`.
    pub fn spawn(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("opening the log {} of {name}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name} ({})", command.get_program().display()))?;
        watchdog().tell('+', child.id());
        Ok(Self { name: name.to_owned(), pid: child.id(), child: Mutex::new(child), log: log.to_owned() })
    }

    /// Name for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// File with everything it printed.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines it printed.
    pub fn log_tail(&self, lines: usize) -> String {
        tail(&self.log, lines)
    }

    /// How it ended; `None` while it runs.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap().try_wait().unwrap()
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        self.exit_status().is_none()
    }

    /// SIGKILL, then waits for its end. Fine on a process that already ended.
    pub fn kill(&self) -> ExitStatus {
        let mut child = self.child.lock().unwrap();
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        let _ = child.kill();
        child.wait().unwrap()
    }

    /// SIGTERM; the process may take its time, see [`Process::wait_exit`].
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGSTOP: the process stays, but does nothing until [`Process::resume`].
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits until it ended; an error with the end of its log when it did not within `timeout`.
    pub async fn wait_exit(&self, timeout: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.exit_status() {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("{} still runs after {timeout:?}; its log ends with\n{}", self.name, self.log_tail(30));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Memory and CPU so far; an error once it ended.
    pub fn usage(&self) -> Result<Usage> {
        let read = |file: &str| {
            std::fs::read_to_string(format!("/proc/{}/{file}", self.pid))
                .with_context(|| format!("{} (process {}) is gone", self.name, self.pid))
        };
        let status = read("status")?;
        let kib = |key: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(key)?.trim().strip_suffix("kB")?.trim().parse().ok())
                .with_context(|| format!("no {key} for {}", self.name))
        };
        let stat = read("stat")?;
        // The command in parentheses may hold spaces; utime and stime are fields 14 and 15 of the whole line.
        let fields: Vec<&str> = stat.rsplit_once(')').context("unexpected /proc stat")?.1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Usage {
            rss_kib: kib("VmRSS:")?,
            peak_rss_kib: kib("VmHWM:")?,
            cpu: Duration::from_millis(ticks * 1000 / per_second),
        })
    }

    fn signal(&self, signal: Signal) {
        // Under the lock and only while unreaped, so that the id cannot belong to somebody else.
        let mut child = self.child.lock().unwrap();
        if child.try_wait().unwrap().is_none() {
            let pid = Pid::from_raw(i32::try_from(self.pid).unwrap()).unwrap();
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        watchdog().tell('-', self.pid);
    }
}

/// The temporary folder of this test process, removed when the process ends unless `E2E_KEEP=1`.
pub fn scratch() -> &'static Path {
    &watchdog().folder
}

/// The last `lines` lines of a file, or why it cannot be read.
pub fn tail(file: &Path, lines: usize) -> String {
    match std::fs::read(file) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let all: Vec<&str> = text.lines().collect();
            all[all.len().saturating_sub(lines)..].join("\n")
        }
        Err(error) => format!("({}: {error})", file.display()),
    }
}

/// Writes a line that shows at once, also inside a test whose output is captured.
pub fn progress(line: &str) {
    let _ = writeln!(std::io::stderr(), "e2e: {line}");
}

struct Watchdog {
    folder: PathBuf,
    pipe: Mutex<ChildStdin>,
}

const WATCHDOG: &str = r#"
trap '' INT TERM HUP
pids=
while read -r sign pid; do
  case $sign in
    +) pids="$pids $pid" ;;
    -) left=; for p in $pids; do [ "$p" = "$pid" ] || left="$left $p"; done; pids=$left ;;
  esac
done
for p in $pids; do kill -9 "-$p" 2>/dev/null; done
[ "$2" = keep ] && exit
for pause in 0 0.1 0.3 1 3; do
  sleep $pause
  rm -rf "$1" 2>/dev/null && exit
done
"#;

impl Watchdog {
    fn start(folder: PathBuf, keep: bool) -> Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", WATCHDOG, "e2e-watchdog"])
            .arg(&folder)
            .arg(if keep { "keep" } else { "remove" })
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("starting a shell (`sh`) to watch over child processes")?;
        let pipe = shell.stdin.take().context("a shell without input")?;
        Ok(Self { folder, pipe: Mutex::new(pipe) })
    }

    fn tell(&self, sign: char, pid: u32) {
        let _ = writeln!(self.pipe.lock().unwrap(), "{sign} {pid}");
    }
}

fn watchdog() -> &'static Watchdog {
    static WATCH: OnceLock<Watchdog> = OnceLock::new();
    WATCH.get_or_init(|| {
        let folder = temporary_folder().expect("a temporary folder for the control plane");
        let keep = std::env::var("E2E_KEEP").is_ok_and(|value| value == "1");
        if keep {
            progress(&format!("logs and data are kept in {}", folder.display()));
        }
        Watchdog::start(folder, keep).expect("a watchdog")
    })
}

/// A new folder nobody else can read: it holds keys and tokens.
fn temporary_folder() -> Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let base = std::env::temp_dir();
    for attempt in 0..1000 {
        let folder = base.join(format!("integration-e2e-{}-{attempt}", std::process::id()));
        match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("creating {}", folder.display())),
        }
    }
    bail!("no free name for a temporary folder in {}", base.display())
}

/// Creates or replaces a file, naming it in the error (a full disk shows here first).
pub fn write_file(path: &Path, content: &str) -> Result<()> {
    let mut file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
    file.write_all(content.as_bytes()).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::wait_for;

    #[tokio::test]
    async fn children_and_folder_go_when_the_process_does() {
        let folder = temporary_folder().unwrap();
        write_file(&folder.join("data"), "data").unwrap();
        let watchdog = Watchdog::start(folder.clone(), false).unwrap();
        let sleep = |command: &mut Command| command.arg("600").process_group(0).spawn().unwrap();
        let mut registered = sleep(&mut Command::new("sleep"));
        let mut released = sleep(&mut Command::new("sleep"));
        watchdog.tell('+', registered.id());
        watchdog.tell('+', released.id());
        watchdog.tell('-', released.id());
        // The end of the process closes the pipe, in whatever way it ends.
        drop(watchdog);
        registered.wait().unwrap();
        wait_for("the folder to be gone", Duration::from_secs(10), || async { (!folder.exists()).then_some(()) })
            .await
            .unwrap();
        assert!(released.try_wait().unwrap().is_none(), "a process that was taken off the list is left alone");
        released.kill().unwrap();
        released.wait().unwrap();
    }

    #[tokio::test]
    async fn a_process_ends_by_signal_and_leaves_its_log() {
        let log = scratch().join("signal.log");
        let mut command = Command::new("sh");
        command.args(["-c", "trap 'echo bye; exit 3' TERM; echo hello; while :; do sleep 0.01; done"]);
        let process = Process::spawn("a shell", command, &log).unwrap();
        wait_for("its greeting", Duration::from_secs(10), || async { (process.log_tail(9) == "hello").then_some(()) })
            .await
            .unwrap();
        assert!(process.is_running());
        assert!(process.usage().unwrap().peak_rss_kib > 0);
        process.terminate();
        assert_eq!(process.wait_exit(Duration::from_secs(10)).await.unwrap().code(), Some(3));
        assert_eq!(process.log_tail(9), "hello\nbye");
        assert!(process.usage().is_err());
    }

    #[tokio::test]
    async fn a_process_that_does_not_end_is_reported_with_its_log() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo busy; exec sleep 600"]);
        let process = Process::spawn("a sleeper", command, &scratch().join("sleeper.log")).unwrap();
        wait_for("its word", Duration::from_secs(10), || async { (process.log_tail(9) == "busy").then_some(()) })
            .await
            .unwrap();
        let error = process.wait_exit(Duration::ZERO).await.unwrap_err().to_string();
        assert!(error.contains("a sleeper") && error.contains("busy"), "{error}");
        assert!(!process.kill().success());
        assert!(!process.is_running());
    }
}
