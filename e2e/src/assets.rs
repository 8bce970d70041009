//! Where `etcd` and `kube-apiserver` come from: `KUBEBUILDER_ASSETS`, else the user's cache folder, else built there
//! once from the Go modules pinned in `e2e/control-plane`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::hash::sha256;
use crate::process::{progress, tail};

/// Programs and the Go packages they are built from.
const PROGRAMS: [(&str, &str); 2] =
    [("etcd", "go.etcd.io/etcd/server/v3"), ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver")];

/// Programs of the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assets {
    /// `etcd`.
    pub etcd: PathBuf,
    /// `kube-apiserver`.
    pub api_server: PathBuf,
}

impl Assets {
    /// Finds the programs or builds them, which takes some minutes once. Blocks.
    pub fn find() -> Result<Self> {
        if let Some(folder) = std::env::var_os("KUBEBUILDER_ASSETS").filter(|folder| !folder.is_empty()) {
            let folder = PathBuf::from(folder);
            return Self::in_folder(&folder).with_context(|| {
                format!("KUBEBUILDER_ASSETS={} holds no complete set of etcd and kube-apiserver", folder.display())
            });
        }
        Self::cached_or_built(&cache_folder()?, &Path::new(env!("CARGO_MANIFEST_DIR")).join("control-plane"))
    }

    /// The programs of `folder`; an error names the first one missing.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        for (program, _) in PROGRAMS {
            if !folder.join(program).is_file() {
                bail!("{} is missing", folder.join(program).display());
            }
        }
        Ok(Self { etcd: folder.join("etcd"), api_server: folder.join("kube-apiserver") })
    }

    /// The programs from `cache`, built from the Go module `source` when they are not there yet.
    pub fn cached_or_built(cache: &Path, source: &Path) -> Result<Self> {
        let name = format!("control-plane-{}", fingerprint(source)?);
        let folder = cache.join(&name);
        if let Ok(assets) = Self::in_folder(&folder) {
            return Ok(assets);
        }
        std::fs::create_dir_all(cache).with_context(|| format!("creating the cache folder {}", cache.display()))?;
        let lock = File::create(cache.join(format!("{name}.lock"))).context("creating the lock of the cache folder")?;
        if lock.try_lock().is_err() {
            progress("another process builds etcd and kube-apiserver, waiting for it");
            lock.lock().context("waiting for the build of another process")?;
        }
        if let Ok(assets) = Self::in_folder(&folder) {
            return Ok(assets);
        }
        let unfinished = cache.join(format!("{name}.unfinished"));
        // Left behind by a build that was killed: the lock says nobody is at work there.
        let _ = std::fs::remove_dir_all(&unfinished);
        std::fs::create_dir_all(&unfinished).with_context(|| format!("creating {}", unfinished.display()))?;
        for (program, package) in PROGRAMS {
            build(source, package, program, &unfinished).with_context(|| {
                format!(
                    "no etcd and kube-apiserver: KUBEBUILDER_ASSETS is not set, {} does not exist, and building \
                     {program} failed. Set KUBEBUILDER_ASSETS to a folder with both (for example from setup-envtest), \
                     or install Go",
                    folder.display()
                )
            })?;
        }
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::rename(&unfinished, &folder).with_context(|| format!("moving {}", unfinished.display()))?;
        Self::in_folder(&folder)
    }
}

fn cache_folder() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: no folder to keep etcd and kube-apiserver in")?;
    Ok(base.join("integration-service"))
}

fn fingerprint(source: &Path) -> Result<String> {
    let mut pins = Vec::new();
    for file in ["go.mod", "go.sum"] {
        let path = source.join(file);
        pins.extend(std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?);
    }
    Ok(sha256(pins)[..12].to_owned())
}

fn build(source: &Path, package: &str, program: &str, folder: &Path) -> Result<()> {
    let log = folder.join(format!("{program}.log"));
    let output = File::create(&log)?;
    progress(&format!("building {program} with Go into the cache folder (once, takes minutes)"));
    let begin = Instant::now();
    let mut child = Command::new("go")
        .args(["build", "-trimpath", "-ldflags=-s -w", "-o"])
        .arg(folder.join(program))
        .arg(package)
        .current_dir(source)
        .env("CGO_ENABLED", "0")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => anyhow::anyhow!("Go is not installed (no `go` in PATH)"),
            _ => anyhow::Error::new(error).context("running `go build`"),
        })?;
    let mut told = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if told.elapsed() > Duration::from_secs(15) {
            told = Instant::now();
            progress(&format!("building {program}, {} s so far", begin.elapsed().as_secs()));
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    if !status.success() {
        bail!("`go build {package}` in {} ended with {status}:\n{}", source.display(), tail(&log, 20));
    }
    progress(&format!("{program} built in {} s", begin.elapsed().as_secs()));
    let _ = std::fs::remove_file(&log);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::scratch;

    #[test]
    fn a_cached_set_is_used_without_go() {
        let root = scratch().join("assets-cached");
        let source = module(&root);
        let folder = root.join(format!("control-plane-{}", fingerprint(&source).unwrap()));
        std::fs::create_dir_all(&folder).unwrap();
        for program in ["etcd", "kube-apiserver"] {
            std::fs::write(folder.join(program), "").unwrap();
        }
        assert_eq!(Assets::cached_or_built(&root, &source).unwrap().etcd, folder.join("etcd"));
    }

    #[test]
    fn a_failed_build_says_what_to_do_and_leaves_no_half_set() {
        let root = scratch().join("assets-broken");
        let source = module(&root);
        let text = format!("{:#}", Assets::cached_or_built(&root, &source).unwrap_err());
        assert!(text.contains("KUBEBUILDER_ASSETS") && text.contains("etcd"), "{text}");
        assert!(!root.join(format!("control-plane-{}", fingerprint(&source).unwrap())).exists());
    }

    #[test]
    fn other_pins_are_another_set() {
        let root = scratch().join("assets-pins");
        let source = module(&root);
        let before = fingerprint(&source).unwrap();
        std::fs::write(source.join("go.sum"), "other").unwrap();
        assert_ne!(before, fingerprint(&source).unwrap());
    }

    /// A module without any dependency: nothing can be built from it.
    fn module(root: &Path) -> PathBuf {
        let source = root.join("source");
        std::fs::create_dir_all(&source).unwrap();
        std::fs::write(source.join("go.mod"), "module nothing\n").unwrap();
        std::fs::write(source.join("go.sum"), "").unwrap();
        source
    }
}
