//! HTTPS of the admin server: a certificate that is read again when it changes, and a listener that waits for nobody.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::AdminError;

/// How often the certificate files are looked at.
const LOOK: Duration = Duration::from_secs(10);
/// How long a client may take to agree on a key.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at once.
const HANDSHAKES: usize = 64;
/// Pause after the operating system refused a connection, for want of file descriptors for example.
const REFUSED: Duration = Duration::from_millis(200);

/// Accepts TLS connections. A client that dawdles with its handshake holds up nobody else.
#[derive(Debug)]
pub(super) struct TlsListener {
    addr: SocketAddr,
    connections: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    // Accepting and watching the certificate end with the listener.
    _tasks: JoinSet<()>,
}

impl TlsListener {
    /// Serves TLS on a listener, with the certificate of that folder or a self-signed one.
    pub(super) fn start(tcp: TcpListener, addr: SocketAddr, folder: Option<&Path>) -> Result<Self, AdminError> {
        let provider = Arc::new(ring::default_provider());
        let mut tasks = JoinSet::new();
        let certificate = if let Some(folder) = folder {
            let files = Files::of(folder);
            let (pair, key) = files.load(&provider)?;
            let certificate = Arc::new(Certificate { current: RwLock::new(Arc::new(key)) });
            tasks.spawn(files.follow(pair, Arc::clone(&provider), Arc::clone(&certificate)));
            certificate
        } else {
            Arc::new(Certificate { current: RwLock::new(Arc::new(self_signed(&provider)?)) })
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| AdminError::Tls(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (ready, connections) = mpsc::channel(HANDSHAKES);
        tasks.spawn(accept(tcp, TlsAcceptor::from(Arc::new(config)), ready));
        Ok(Self { addr, connections, _tasks: tasks })
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.connections.recv().await {
            Some(connection) => connection,
            // Only while the process goes down.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addr)
    }
}

async fn accept(tcp: TcpListener, tls: TlsAcceptor, ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>) {
    let turns = Arc::new(Semaphore::new(HANDSHAKES));
    while let Ok(turn) = Arc::clone(&turns).acquire_owned().await {
        let (stream, peer) = match tcp.accept().await {
            Ok(connection) => connection,
            Err(error) => {
                tracing::debug!(%error, "a connection was not accepted");
                sleep(REFUSED).await;
                continue;
            }
        };
        let handshake = tls.accept(stream);
        let ready = ready.clone();
        tokio::spawn(async move {
            match timeout(HANDSHAKE, handshake).await {
                Ok(Ok(stream)) => {
                    // Nobody listens any more = the process goes down.
                    let _ = ready.send((stream, peer)).await;
                }
                Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS with this client"),
                Err(_) => tracing::debug!(%peer, "no TLS with this client: too slow"),
            }
            drop(turn);
        });
    }
}

/// The certificate in use.
#[derive(Debug)]
struct Certificate {
    current: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// `tls.crt` and `tls.key` as a Secret volume has them.
#[derive(Clone, Debug)]
struct Files {
    chain: PathBuf,
    key: PathBuf,
}

/// Contents of both files.
type Pair = (Vec<u8>, Vec<u8>);

impl Files {
    fn of(folder: &Path) -> Self {
        Self { chain: folder.join("tls.crt"), key: folder.join("tls.key") }
    }

    fn read(&self) -> Result<Pair, AdminError> {
        let read = |path: &PathBuf| std::fs::read(path).map_err(|error| wrong(path, &error));
        Ok((read(&self.chain)?, read(&self.key)?))
    }

    fn load(&self, provider: &CryptoProvider) -> Result<(Pair, CertifiedKey), AdminError> {
        let pair = self.read()?;
        let certified = self.parse(&pair, provider)?;
        Ok((pair, certified))
    }

    fn parse(&self, (chain, key): &Pair, provider: &CryptoProvider) -> Result<CertifiedKey, AdminError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(&self.chain, &error))?;
        if chain.is_empty() {
            return Err(wrong(&self.chain, &"no certificate in it"));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| wrong(&self.key, &error))?;
        // Also refuses a key that belongs to another certificate.
        CertifiedKey::from_der(chain, key, provider).map_err(|error| wrong(&self.key, &error))
    }

    /// Takes a new certificate into use once both files are whole; a broken one is reported once and the old one stays.
    async fn follow(self, mut known: Pair, provider: Arc<CryptoProvider>, certificate: Arc<Certificate>) {
        loop {
            sleep(LOOK).await;
            match self.read() {
                Ok(pair) if pair == known => {}
                Ok(pair) => {
                    match self.parse(&pair, &provider) {
                        Ok(fresh) => {
                            *certificate.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
                            tracing::info!(path = %self.chain.display(), "certificate of the admin server replaced");
                        }
                        Err(error) => tracing::warn!(%error, "the new certificate is not used, the old one stays"),
                    }
                    known = pair;
                }
                Err(error) => tracing::debug!(%error, "the certificate cannot be read now, the old one stays"),
            }
        }
    }
}

fn wrong(path: &Path, reason: &impl ToString) -> AdminError {
    AdminError::Certificate { path: path.to_owned(), reason: reason.to_string() }
}

fn self_signed(provider: &CryptoProvider) -> Result<CertifiedKey, AdminError> {
    let failed = |error: rcgen::Error| AdminError::Tls(format!("no self-signed certificate: {error}"));
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, "integration-service admin server");
    let certificate = params.self_signed(&key).map_err(failed)?;
    let der = PrivateKeyDer::try_from(key.serialize_der()).map_err(|error| AdminError::Tls(error.to_owned()))?;
    CertifiedKey::from_der(vec![certificate.der().clone()], der, provider)
        .map_err(|error| AdminError::Tls(error.to_string()))
}
