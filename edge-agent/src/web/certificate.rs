//! The certificate of the pages when they are served to the network.
//!
//! Made here at set-up, for the names people type, and anew when these change. Browsers warn of it once, because nobody
//! they know has signed it; a company that has its own authority puts its own files in place of these.
//!
//! ```text
//! made by muster-edge for localhost 127.0.0.1 ::1 192.168.1.10      (a line before the certificate; not in files of others)
//! -----BEGIN CERTIFICATE-----
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::private_file;

/// The certificate's file in the data folder.
const CERTIFICATE_FILE: &str = "ui-certificate.pem";

/// Its key's file.
const KEY_FILE: &str = "ui-key.pem";

/// How the first line of a certificate begins that was made here.
const MADE_HERE: &str = "made by muster-edge for";

/// A certificate with its key, ready to serve.
#[derive(Clone)]
pub struct Certificate {
    config: Arc<ServerConfig>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file could not be read or written.
    #[error("{path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// A name is none that a certificate can hold.
    #[error("the certificate for the pages could not be made: check the names under [ui] hosts")]
    Make(#[source] rcgen::Error),
    /// A file holds no certificate or no key.
    #[error("{path} holds no usable certificate or key: remove both files and new ones are made")]
    Pem {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        #[source]
        cause: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not belong together, or are of a kind not known.
    #[error("the certificate and the key of the pages do not fit: remove both files and new ones are made")]
    Unfit(#[source] rustls::Error),
}

impl Certificate {
    /// Takes the certificate of a data folder; makes one for `hosts` and this machine if there is none, or one that was
    /// made here for others.
    ///
    /// # Errors
    /// When the files cannot be read, written or used.
    pub fn of_folder(folder: &Path, hosts: &[String]) -> Result<Self, CertificateError> {
        let (certificate, key) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
        let names = names(hosts);
        if !certificate.exists() || !key.exists() || is_outdated(&certificate, &names) {
            make(&certificate, &key, &names)?;
        }
        let pem = |path: &Path, cause| CertificateError::Pem { path: path.to_owned(), cause };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&certificate)
            .and_then(Iterator::collect)
            .map_err(|cause| pem(&certificate, cause))?;
        let secret = PrivateKeyDer::from_pem_file(&key).map_err(|cause| pem(&key, cause))?;
        Self::new(chain, secret)
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, CertificateError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(CertificateError::Unfit)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config) })
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// The names of a certificate: this machine's own, and `hosts`.
fn names(hosts: &[String]) -> Vec<String> {
    let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    own.into_iter().chain(hosts.iter().map(|name| name.trim_matches(['[', ']']).to_owned())).collect()
}

/// The line before a certificate that was made here.
fn mark(names: &[String]) -> String {
    format!("{MADE_HERE} {}", names.join(" "))
}

/// Whether a certificate was made here for other names. One from elsewhere is never outdated.
fn is_outdated(certificate: &Path, names: &[String]) -> bool {
    let text = std::fs::read_to_string(certificate).unwrap_or_default();
    text.lines().next().is_some_and(|first| first.starts_with(MADE_HERE) && first != mark(names))
}

fn make(certificate: &Path, key: &Path, names: &[String]) -> Result<(), CertificateError> {
    let made = rcgen::generate_simple_self_signed(names).map_err(CertificateError::Make)?;
    write(key, &made.signing_key.serialize_pem())?;
    write(certificate, &format!("{}\n{}", mark(names), made.cert.pem()))
}

/// Writes a file that only its owner can read.
fn write(path: &Path, text: &str) -> Result<(), CertificateError> {
    private_file::write(path, text.as_bytes())
        .map_err(|cause| CertificateError::File { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_its_key_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let hosts = ["muster.factory.example".to_owned(), "192.0.2.7".to_owned(), "[2001:db8::7]".to_owned()];
        Certificate::of_folder(folder.path(), &hosts).unwrap();
        let first = std::fs::read(folder.path().join(CERTIFICATE_FILE)).unwrap();
        Certificate::of_folder(folder.path(), &hosts).unwrap();
        assert_eq!(std::fs::read(folder.path().join(CERTIFICATE_FILE)).unwrap(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }

    #[test]
    fn other_names_get_another_certificate_and_a_companys_own_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(CERTIFICATE_FILE);
        Certificate::of_folder(folder.path(), &["192.0.2.7".to_owned()]).unwrap();
        let first = std::fs::read_to_string(&file).unwrap();
        let hosts = ["192.0.2.7".to_owned(), "muster.factory.example".to_owned()];
        Certificate::of_folder(folder.path(), &hosts).unwrap();
        let second = std::fs::read_to_string(&file).unwrap();
        assert_ne!(second, first);
        // As a file of an authority: the certificate alone.
        let own = second.split_once('\n').unwrap().1.to_owned();
        std::fs::write(&file, &own).unwrap();
        Certificate::of_folder(folder.path(), &[]).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), own);
    }

    #[test]
    fn a_broken_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(CERTIFICATE_FILE), "no certificate").unwrap();
        std::fs::write(folder.path().join(KEY_FILE), "no key").unwrap();
        let error = Certificate::of_folder(folder.path(), &[]).unwrap_err();
        assert!(error.to_string().contains("remove both files"), "{error}");
    }
}
