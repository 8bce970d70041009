//! One real `etcd` and one real `kube-apiserver` with RBAC on; no other component of a cluster. So nothing deletes the
//! content of a deleted namespace, follows owner references or makes default ServiceAccounts.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::sync::OnceCell;

use crate::assets::Assets;
use crate::audit::Audit;
use crate::pki::Pki;
use crate::process::{Process, Usage, scratch, write_file};
use crate::rbac::Rbac;
use crate::{crds, process};

/// How long the control plane may take to get ready on a busy machine.
const READY: Duration = Duration::from_secs(60);

/// A running control plane with the definitions and the programs' RBAC installed.
#[derive(Debug)]
pub struct ControlPlane {
    folder: PathBuf,
    assets: Assets,
    pki: Pki,
    etcd: Process,
    etcd_url: String,
    port: u16,
    api_server: Mutex<Option<Process>>,
    admin: PathBuf,
    rbac: OnceCell<Rbac>,
    /// Namespaces and logs of the programs started so far, for failure texts.
    pub(crate) program_logs: Mutex<Vec<(Vec<String>, PathBuf)>>,
}

impl ControlPlane {
    /// The control plane of this test process, started on first use. Tests in one process share it and keep apart
    /// by namespace.
    pub async fn shared() -> Result<Arc<Self>> {
        static SHARED: OnceCell<Arc<ControlPlane>> = OnceCell::const_new();
        let plane = SHARED
            .get_or_try_init(|| async {
                // Not on the runtime of the test that happens to come first: it ends with that test.
                background().spawn(Self::start()).await.context("the start of the control plane panicked")?
            })
            .await?;
        Ok(Arc::clone(plane))
    }

    /// A new control plane of its own, stopped when dropped. For tests that stop the API server, and for benches.
    pub async fn start() -> Result<Arc<Self>> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let assets = tokio::task::spawn_blocking(Assets::find).await??;
        let mut attempt = 0;
        let plane = loop {
            let folder = scratch().join(format!("control-plane-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
            match Self::boot(&folder, &assets).await {
                Ok(plane) => break plane,
                // Ports were free when chosen; somebody else may have taken one since.
                Err(error) if attempt < 3 && format!("{error:#}").contains("address already in use") => attempt += 1,
                Err(error) => return Err(error),
            }
        };
        crds::install(&plane.client().await?).await?;
        Ok(Arc::new(plane))
    }

    /// A client with all rights. Make one in each test: a client lives on the runtime it was first used on.
    pub async fn client(&self) -> Result<Client> {
        self.client_of(&self.admin).await
    }

    /// A client for a kubeconfig file, for example one of [`Rbac::kubeconfig`].
    pub async fn client_of(&self, kubeconfig: &Path) -> Result<Client> {
        let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(Client::try_from(config)?)
    }

    /// Kubeconfig file with all rights.
    pub fn kubeconfig(&self) -> &Path {
        &self.admin
    }

    /// Address of the API server, `https://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Folder for logs, data and kubeconfig files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// ServiceAccounts and rights of the programs, installed on first use from `deploy/rbac`.
    pub async fn rbac(&self) -> Result<&Rbac> {
        self.rbac.get_or_try_init(|| Rbac::install(self)).await
    }

    /// The audit log, to count requests.
    pub fn audit(&self) -> Audit<'_> {
        Audit::new(self, self.folder.join("audit.jsonl"))
    }

    /// Stops the API server at once (SIGKILL): connections break, watches end.
    pub fn stop_api_server(&self) {
        drop(self.api_server.lock().unwrap().take());
    }

    /// Starts the API server again on its old port and waits until it is ready.
    pub async fn start_api_server(&self) -> Result<()> {
        let process = self.spawn_api_server()?;
        *self.api_server.lock().unwrap() = Some(process);
        self.wait_ready().await
    }

    /// Stops the API server and starts it again. Affects every test of this process: for tests alone in their file.
    pub async fn restart_api_server(&self) -> Result<()> {
        self.stop_api_server();
        self.start_api_server().await
    }

    /// Memory and CPU of the API server; an error while it is stopped.
    pub fn api_server_usage(&self) -> Result<Usage> {
        self.api_server.lock().unwrap().as_ref().context("the API server is stopped")?.usage()
    }

    /// Memory and CPU of etcd.
    pub fn etcd_usage(&self) -> Result<Usage> {
        self.etcd.usage()
    }

    /// Writes a kubeconfig file whose user is described by `user`, a YAML flow mapping.
    pub(crate) fn write_kubeconfig(&self, name: &str, user: &str) -> Result<PathBuf> {
        let path = self.folder.join(format!("{name}.kubeconfig"));
        write_file(&path, &kubeconfig(&self.url(), &self.pki, name, user))?;
        Ok(path)
    }

    async fn boot(folder: &Path, assets: &Assets) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        let pki = Pki::create(folder)?;
        write_file(&folder.join("audit-policy.yaml"), AUDIT_POLICY)?;
        let [client_port, peer_port, port] = free_ports()?;
        let etcd_url = format!("http://127.0.0.1:{client_port}");
        let peer_url = format!("http://127.0.0.1:{peer_port}");

        let mut command = Command::new(&assets.etcd);
        command.arg("--name=e2e").arg(format!("--data-dir={}", folder.join("etcd").display())).args([
            "--unsafe-no-fsync=true".to_owned(),
            format!("--listen-client-urls={etcd_url}"),
            format!("--advertise-client-urls={etcd_url}"),
            format!("--listen-peer-urls={peer_url}"),
            format!("--initial-advertise-peer-urls={peer_url}"),
            format!("--initial-cluster=e2e={peer_url}"),
            "--log-level=warn".to_owned(),
        ]);
        let etcd = Process::spawn("etcd", command, &folder.join("etcd.log"))?;

        let admin = folder.join("admin.kubeconfig");
        let user = format!(
            "{{client-certificate: {}, client-key: {}}}",
            pki.admin_certificate.display(),
            pki.admin_key.display()
        );
        write_file(&admin, &kubeconfig(&format!("https://127.0.0.1:{port}"), &pki, "admin", &user))?;
        let plane = Self {
            folder: folder.to_owned(),
            assets: assets.clone(),
            pki,
            etcd,
            etcd_url,
            port,
            api_server: Mutex::new(None),
            admin,
            rbac: OnceCell::new(),
            program_logs: Mutex::new(Vec::new()),
        };
        plane.start_api_server().await?;
        Ok(plane)
    }

    fn spawn_api_server(&self) -> Result<Process> {
        let file = |flag: &str, path: &Path| format!("--{flag}={}", path.display());
        let mut command = Command::new(&self.assets.api_server);
        command.args([
            format!("--etcd-servers={}", self.etcd_url),
            "--bind-address=127.0.0.1".to_owned(),
            "--advertise-address=127.0.0.1".to_owned(),
            format!("--secure-port={}", self.port),
            // Nothing is behind these in a control plane without nodes.
            "--endpoint-reconciler-type=none".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            file("cert-dir", &self.folder),
            file("tls-cert-file", &self.pki.server_certificate),
            file("tls-private-key-file", &self.pki.server_key),
            file("client-ca-file", &self.pki.ca),
            "--authorization-mode=RBAC".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            file("service-account-signing-key-file", &self.pki.service_account_key),
            file("service-account-key-file", &self.pki.service_account_public_key),
            file("audit-policy-file", &self.folder.join("audit-policy.yaml")),
            file("audit-log-path", &self.folder.join("audit.jsonl")),
            // Counting needs one file without rotation; its folder goes with the process.
            "--audit-log-maxsize=0".to_owned(),
        ]);
        Process::spawn("kube-apiserver", command, &self.folder.join("kube-apiserver.log"))
    }

    async fn wait_ready(&self) -> Result<()> {
        let deadline = Instant::now() + READY;
        let client = self.client().await?;
        loop {
            let answer = client.request_text(get("/readyz")).await;
            if answer.as_ref().is_ok_and(|text| text == "ok") {
                return Ok(());
            }
            self.check_running()?;
            if Instant::now() > deadline {
                bail!(
                    "the API server was not ready within {READY:?} (last answer: {answer:?}); its log ends with\n{}",
                    process::tail(&self.folder.join("kube-apiserver.log"), 15)
                );
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    fn check_running(&self) -> Result<()> {
        let api_server = self.api_server.lock().unwrap();
        for process in [Some(&self.etcd), api_server.as_ref()].into_iter().flatten() {
            if let Some(status) = process.exit_status() {
                let log = process.log_tail(15);
                let hint = if log.contains("no space left on device") {
                    format!(" The disk of {} is full.", self.folder.display())
                } else if log.contains("address already in use") {
                    " Its port was taken by another program.".to_owned()
                } else {
                    String::new()
                };
                bail!("{} ended with {status}.{hint} Its log ends with\n{log}", process.name());
            }
        }
        Ok(())
    }
}

/// What is logged: a line a request when it is complete. Leases and what the API server does for itself are left out.
const AUDIT_POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
omitManagedFields: true
rules:
- level: None
  users: ['system:apiserver']
- level: None
  resources:
  - group: coordination.k8s.io
    resources: [leases]
- level: Metadata
";

/// A runtime that lives as long as the test process.
pub(crate) fn background() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a tokio runtime")
    })
}

/// A GET request for [`Client::request_text`].
pub(crate) fn get(path: &str) -> http::Request<Vec<u8>> {
    http::Request::get(path).body(Vec::new()).expect("a valid path")
}

fn free_ports<const N: usize>() -> Result<[u16; N]> {
    // All are bound at once, so they differ.
    let listeners: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<std::io::Result<_>>()
        .context("finding free ports on 127.0.0.1")?;
    let ports: Vec<u16> =
        listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect::<std::io::Result<_>>()?;
    Ok(ports.try_into().unwrap())
}

fn kubeconfig(url: &str, pki: &Pki, name: &str, user: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
current-context: e2e
clusters:
- name: e2e
  cluster: {{server: '{url}', certificate-authority: {ca}}}
contexts:
- name: e2e
  context: {{cluster: e2e, user: {name}}}
users:
- name: {name}
  user: {user}
",
        ca = pki.ca.display()
    )
}
