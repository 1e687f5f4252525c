//! [`Tls`]: encrypted connections, by rustls.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::address::Address;
use crate::connect_error::{ConnectError, ConnectErrorKind};

/// Whom to trust, and who this is.
#[derive(Clone, Default)]
pub(crate) struct TlsSettings {
    pub(crate) roots: Option<Vec<u8>>,
    /// Chain and key.
    pub(crate) client: Option<(Vec<u8>, Vec<u8>)>,
}

/// Encrypts connections.
#[derive(Clone)]
pub(crate) struct Tls(TlsConnector);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    pub(crate) fn new(settings: &TlsSettings) -> Result<Self, ConnectError> {
        let roots = match &settings.roots {
            Some(pem) => roots_of(pem)?,
            None => roots_of_system(),
        };
        // What the application has chosen for its process, if it has.
        let provider = rustls::crypto::CryptoProvider::get_default().map_or_else(
            || Arc::new(rustls::crypto::ring::default_provider()),
            Arc::clone,
        );
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong("no version of TLS is supported").with_source(error))?
            .with_root_certificates(roots);
        let config = match &settings.client {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = certificates(chain, "the client's certificate")?;
                let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
                    wrong("the client's private key is no PEM").with_source(error)
                })?;
                config.with_client_auth_cert(chain, key).map_err(|error| {
                    wrong("the client's certificate and its key do not go together")
                        .with_source(error)
                })?
            }
        };
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    pub(crate) async fn encrypt(
        &self,
        address: &Address,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| wrong("the host of the URL is no name").with_source(error))?;
        self.0.connect(name, stream).await.map_err(|error| {
            ConnectError::new(
                ConnectErrorKind::Tls,
                format!(
                    "no encrypted connection to {address}: check that the server expects TLS there, \
                     that its certificate names the host of the URL, and that its root is trusted \
                     (`root_certificates`)"
                ),
            )
            .with_source(error)
        })
    }
}

fn roots_of(pem: &[u8]) -> Result<RootCertStore, ConnectError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, "the root certificates")? {
        roots
            .add(certificate)
            .map_err(|error| wrong("a root certificate cannot be used").with_source(error))?;
    }
    Ok(roots)
}

/// Those that can be used: some systems have some that cannot. If there is none, no server is trusted.
fn roots_of_system() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(target: "larder::redis", %error, "a root certificate of the system");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(wrong(format!("there is no PEM certificate in {what}"))),
        Err(error) => Err(wrong(format!("{what} are no PEM")).with_source(error)),
    }
}

fn wrong(what: impl Into<std::borrow::Cow<'static, str>>) -> ConnectError {
    ConnectError::new(ConnectErrorKind::Setting, what)
}
