//! Certificates made on the spot: an authority, and what it issues.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd,
};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub(crate) struct Authority {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A certificate for `name`, which ends with the year before `until`, and its key.
    pub(crate) fn issue(&self, name: &str, until: i32) -> (String, String) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let issued = params.signed_by(&key, &self.certificate, &self.key).unwrap();
        (issued.pem(), key.serialize_pem())
    }
}

/// Puts a pair where a node looks for it, as an administrator does: whole files, one then the other.
pub(crate) fn put(folder: &Path, (certificate, key): &(String, String)) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, text, mode) in [("node.key", key, 0o600), ("node.pem", certificate, 0o644)] {
        let (path, new) = (folder.join(name), folder.join("new"));
        std::fs::write(&new, text).unwrap();
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(mode)).unwrap();
        std::fs::rename(&new, &path).unwrap();
    }
}
