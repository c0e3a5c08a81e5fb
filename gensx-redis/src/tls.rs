//! Whom a sink trusts, and who it says it is.

use crate::error::Failure;

/// What each certificate begins with.
#[cfg(feature = "tls")]
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
#[cfg(feature = "tls")]
const UNUSABLE: &str = "a certificate or a key is not usable: give `tls_root` and `tls_client` PEM";

/// Certificates in PEM, as the application gave them.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    /// Of the authorities that are trusted instead of the public ones.
    #[cfg(feature = "tls")]
    pub(crate) root: Option<Vec<u8>>,
    /// The client's own, and the key of it.
    #[cfg(feature = "tls")]
    pub(crate) client: Option<(Vec<u8>, Vec<u8>)>,
}

#[cfg(feature = "tls")]
impl Tls {
    /// TLS needs a provider of ciphers for the process; one that the application has chosen stays.
    ///
    /// # Errors
    /// A certificate or a key that is none.
    pub(crate) fn prepare(&self) -> Result<(), Failure> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let empty =
            self.root.as_ref().is_some_and(|pem| !pem.windows(CERTIFICATE.len()).any(|at| at == CERTIFICATE));
        match redis::Client::build_with_tls("rediss://localhost", self.certificates()) {
            Ok(_) if !empty => Ok(()),
            // The cause is left out: it may show a part of a key.
            _ => Err(Failure::config(UNUSABLE)),
        }
    }

    /// As the client of Redis takes them.
    pub(crate) fn certificates(&self) -> redis::TlsCertificates {
        let client = self.client.clone();
        redis::TlsCertificates {
            client_tls: client
                .map(|(client_cert, client_key)| redis::ClientTlsConfig { client_cert, client_key }),
            root_cert: self.root.clone(),
        }
    }
}

#[cfg(not(feature = "tls"))]
impl Tls {
    pub(crate) fn prepare(&self) -> Result<(), Failure> {
        Ok(())
    }
}
