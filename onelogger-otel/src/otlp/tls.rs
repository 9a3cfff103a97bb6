//! Whom to trust, and how to show who we are.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// PEM texts, as they were given.
#[derive(Clone, Default)]
pub(super) struct Tls {
    /// Instead of what the system trusts.
    pub(super) roots: Option<Vec<u8>>,
    /// A chain of certificates, and the key of the first.
    pub(super) identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// What is wrong with the settings of TLS.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

impl Tls {
    /// Reads what was given, and nothing of the system's.
    pub(super) fn check(&self) -> Result<(), TlsError> {
        match (&self.roots, &self.identity) {
            (None, None) => Ok(()),
            (None, Some(_)) => self.config_with(RootCertStore::empty()).map(drop),
            (Some(_), _) => self.client_config().map(drop),
        }
    }

    /// What a connection is made with. Reads the system's certificates if no others were given.
    pub(super) fn client_config(&self) -> Result<ClientConfig, TlsError> {
        let mut roots = RootCertStore::empty();
        match &self.roots {
            Some(pem) => {
                for certificate in certificates(pem, "the root certificates")? {
                    let added = roots.add(certificate);
                    added.map_err(|error| TlsError(format!("a root certificate: {error}")))?;
                }
            }
            None => {
                let found = rustls_native_certs::load_native_certs();
                // Stores hold old certificates that cannot be read; the others do.
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    let reason =
                        found.errors.first().map_or_else(String::new, |e| format!(": {e}"));
                    let message = "the system trusts no certificate; give root certificates";
                    return Err(TlsError(format!("{message}{reason}")));
                }
            }
        }
        self.config_with(roots)
    }

    /// For an endpoint without TLS, which never asks for it.
    pub(super) fn unused_config(&self) -> Result<ClientConfig, TlsError> {
        Tls::default().config_with(RootCertStore::empty())
    }

    fn config_with(&self, roots: RootCertStore) -> Result<ClientConfig, TlsError> {
        // Named here, so that it does not matter what the application has installed for itself.
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError(error.to_string()))?
            .with_root_certificates(roots);
        let Some((chain, key)) = &self.identity else {
            return Ok(builder.with_no_client_auth());
        };
        let chain = certificates(chain, "the client certificate")?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| TlsError(format!("the private key: {error}")))?;
        let config = builder.with_client_auth_cert(chain, key);
        config.map_err(|error| TlsError(format!("the client certificate and its key: {error}")))
    }
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|error| TlsError(format!("{what}: {error}")))?;
    if all.is_empty() {
        return Err(TlsError(format!("{what}: no PEM text of a certificate")));
    }
    Ok(all)
}
