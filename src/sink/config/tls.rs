//! Reads the PEM files that TLS needs, before anything is sent. Main type: [`TlsMaterial`].

use std::path::{Path, PathBuf};

use super::TlsFiles;

/// What was read, known to be certificates and a key. Has no `Debug`: it holds the key.
pub(crate) struct TlsMaterial {
    /// The authorities to trust, instead of the system's.
    pub(crate) ca: Option<Vec<u8>>,
    /// The client's certificates and its key.
    pub(crate) client: Option<(Vec<u8>, Vec<u8>)>,
}

/// A file that TLS cannot be set up with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// It cannot be read.
    #[error("failed to read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No certificate is in it.
    #[error("{} has no pem certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key are none, or do not go together.
    #[error("{} and {} are no pem certificate and private key", cert.display(), key.display())]
    NoIdentity {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

impl TlsMaterial {
    pub(crate) fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let ca = files.ca.as_deref().map(load_ca).transpose()?;
        let client = files.client.as_ref().map(|(cert, key)| load_client(cert, key)).transpose()?;
        Ok(Self { ca, client })
    }
}

fn load_ca(path: &Path) -> Result<Vec<u8>, TlsError> {
    let pem = read(path)?;
    match reqwest::Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(pem),
        _ => Err(TlsError::NoCertificate { path: path.to_owned() }),
    }
}

fn load_client(cert: &Path, key: &Path) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
    let material = (read(cert)?, read(key)?);
    match reqwest::Identity::from_pem(&identity_pem(&material.0, &material.1)) {
        Ok(_) => Ok(material),
        Err(_) => Err(TlsError::NoIdentity { cert: cert.to_owned(), key: key.to_owned() }),
    }
}

/// Certificate and key as one PEM text, as reqwest takes them.
pub(crate) fn identity_pem(cert: &[u8], key: &[u8]) -> Vec<u8> {
    [cert, b"\n", key].concat()
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_that_are_none_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pem");
        let missing = TlsFiles { ca: Some(path.clone()), client: None };
        assert!(matches!(TlsMaterial::load(&missing), Err(TlsError::Read { path: p, .. }) if p == path));
        for content in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA"] {
            std::fs::write(&path, content).unwrap();
            let ca = TlsFiles { ca: Some(path.clone()), client: None };
            assert!(matches!(TlsMaterial::load(&ca), Err(TlsError::NoCertificate { .. })), "{content}");
            let client = TlsFiles { ca: None, client: Some((path.clone(), path.clone())) };
            assert!(matches!(TlsMaterial::load(&client), Err(TlsError::NoIdentity { .. })), "{content}");
        }
    }
}
