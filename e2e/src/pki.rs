//! Certificates and keys of a control plane: one authority, the API server's certificate, an administrator's
//! certificate, and the key that signs ServiceAccount tokens.

use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

use crate::process::write_file;

/// Files, all PEM.
#[derive(Clone, Debug)]
pub struct Pki {
    /// Certificate of the authority, for servers and clients alike.
    pub ca: PathBuf,
    /// Certificate of the API server, for 127.0.0.1 and localhost.
    pub server_certificate: PathBuf,
    /// Its key.
    pub server_key: PathBuf,
    /// Certificate of an administrator (group `system:masters`).
    pub admin_certificate: PathBuf,
    /// Its key.
    pub admin_key: PathBuf,
    /// Key that signs ServiceAccount tokens.
    pub service_account_key: PathBuf,
    /// Its public half.
    pub service_account_public_key: PathBuf,
}

impl Pki {
    /// Makes everything anew in `folder`.
    pub fn create(folder: &Path) -> Result<Self> {
        let pki = Self {
            ca: folder.join("ca.crt"),
            server_certificate: folder.join("server.crt"),
            server_key: folder.join("server.key"),
            admin_certificate: folder.join("admin.crt"),
            admin_key: folder.join("admin.key"),
            service_account_key: folder.join("service-account.key"),
            service_account_public_key: folder.join("service-account.pub"),
        };

        let mut ca = params("e2e-ca", None, vec![])?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let ca_key = KeyPair::generate()?;
        write_file(&pki.ca, &ca.self_signed(&ca_key)?.pem())?;
        let issuer = Issuer::from_params(&ca, &ca_key);

        let key = KeyPair::generate()?;
        let mut server = params("kube-apiserver", None, vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        write_file(&pki.server_certificate, &server.signed_by(&key, &issuer)?.pem())?;
        write_file(&pki.server_key, &key.serialize_pem())?;

        let key = KeyPair::generate()?;
        let mut admin = params("e2e-admin", Some("system:masters"), vec![])?;
        admin.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        write_file(&pki.admin_certificate, &admin.signed_by(&key, &issuer)?.pem())?;
        write_file(&pki.admin_key, &key.serialize_pem())?;

        let key = KeyPair::generate()?;
        write_file(&pki.service_account_key, &key.serialize_pem())?;
        write_file(&pki.service_account_public_key, &key.public_key_pem())?;
        Ok(pki)
    }
}

fn params(name: &str, organisation: Option<&str>, alternative_names: Vec<String>) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(alternative_names)?;
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(organisation) = organisation {
        params.distinguished_name.push(DnType::OrganizationName, organisation);
    }
    Ok(params)
}
