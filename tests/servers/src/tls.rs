//! A certificate authority of a test's own, and a certificate that it signed.

use std::{path::Path, process::Command};

use tempfile::TempDir;

/// Certificates for servers on this machine, and for clients that servers demand one of.
#[derive(Debug)]
pub struct TestCertificates {
    folder: TempDir,
}

impl TestCertificates {
    /// Makes them with `openssl`.
    ///
    /// # Panics
    /// If it is not installed.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for certificates");
        let at = folder.path();
        std::fs::write(at.join("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost").expect("a file");
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        openssl(at, &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=gensx-tests"));
        openssl(at, &format!("req {key} -keyout key.pem -out request -subj /CN=redis"));
        openssl(
            at,
            "x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem -days 2 -extfile names",
        );
        Self { folder }
    }

    fn pem(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).expect("openssl wrote it")
    }

    /// The authority's certificate, in PEM.
    #[must_use]
    pub fn root(&self) -> Vec<u8> {
        self.pem("ca.pem")
    }

    /// A certificate that it signed, in PEM.
    #[must_use]
    pub fn certificate(&self) -> Vec<u8> {
        self.pem("cert.pem")
    }

    /// The key of that certificate, in PEM.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        self.pem("key.pem")
    }

    /// The lines of `redis.conf` that name them, with TLS on `port` and among the servers.
    pub(crate) fn options(&self, port: u16) -> Vec<(String, String)> {
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        let option = |(name, value): (&str, String)| (name.to_owned(), value);
        let options = [
            ("tls-port", port.to_string()),
            ("tls-cert-file", file("cert.pem")),
            ("tls-key-file", file("key.pem")),
            ("tls-ca-cert-file", file("ca.pem")),
            ("tls-replication", "yes".to_owned()),
        ];
        options.map(option).to_vec()
    }
}

impl Default for TestCertificates {
    fn default() -> Self {
        Self::new()
    }
}

fn openssl(folder: &Path, words: &str) {
    let output = Command::new("openssl").args(words.split(' ')).current_dir(folder).output();
    let output = output.expect("openssl is missing: install it with `apt-get install openssl`");
    assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
}
