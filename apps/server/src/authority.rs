//! The authority that names hosts: its own certificate, the server's, and one per host.

use crate::files;
use anyhow::{Context, Result};
use havip_model::{HostId, HostNumber};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use std::path::Path;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Signs certificates of hosts and of the server.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its private key, as PEM.
pub struct Identity {
    /// The certificate.
    pub certificate_pem: String,
    /// Its private key.
    pub key_pem: String,
}

impl Authority {
    /// Reads the authority of this data directory, or makes it (its key with mode 0600) on the first start.
    pub fn open(data: &Path) -> Result<Self> {
        let (key_path, path) = (data.join("authority.key"), data.join("authority.pem"));
        let (key, pem) = match (files::read_if_there(&key_path)?, files::read_if_there(&path)?) {
            (Some(key), Some(pem)) => {
                let text = String::from_utf8(key).context("the authority's key is not PEM")?;
                let key = KeyPair::from_pem(&text).context("could not read the authority's key")?;
                (key, String::from_utf8(pem).context("the authority's certificate is not PEM")?)
            }
            _ => {
                let (key, pem) = make().context("could not make the authority")?;
                files::write_secret(&key_path, key.serialize_pem().as_bytes())?;
                files::write_secret(&path, pem.as_bytes())?;
                (key, pem)
            }
        };
        let issuer =
            Issuer::from_ca_cert_pem(&pem, key).context("could not read the authority's certificate")?;
        Ok(Self { issuer, pem })
    }

    /// The authority's certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A fresh identity for the server.
    pub fn server(&self) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![SERVER_NAME.to_string()])?;
        params.distinguished_name = named(SERVER_NAME);
        leaf(&mut params);
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }

    /// Signs a host's request; what the request says of names and uses is not taken over.
    ///
    /// # Errors
    /// The request is not one, or is not signed by its own key.
    pub fn host(&self, request_pem: &str, id: HostId, number: HostNumber) -> Result<String> {
        let mut request = CertificateSigningRequestParams::from_pem(request_pem)
            .context("this is no certificate request")?;
        let name = host_name(number);
        let mut params = CertificateParams::new(vec![name])?;
        params.distinguished_name = named(&id.to_string());
        leaf(&mut params);
        request.params = params;
        Ok(request.signed_by(&self.issuer).context("could not sign the certificate")?.pem())
    }
}

/// The number of the host that a certificate of this authority names.
pub fn host_of(certificate_der: &[u8]) -> Option<HostNumber> {
    let (_, certificate) = X509Certificate::from_der(certificate_der).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    names.value.general_names.iter().find_map(|name| match name {
        GeneralName::DNSName(name) => name.strip_prefix("host-")?.strip_suffix(".havip")?.parse().ok(),
        _ => None,
    })
}

fn host_name(number: HostNumber) -> String {
    format!("host-{number}.havip")
}

fn make() -> Result<(KeyPair, String)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = named("havip authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    lifetime(&mut params);
    let certificate = params.self_signed(&key)?;
    Ok((key, certificate.pem()))
}

/// For both ends of a connection: agents serve each other, too.
fn leaf(params: &mut CertificateParams) {
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    lifetime(params);
    debug_assert!(params.subject_alt_names.iter().all(|name| matches!(name, SanType::DnsName(_))));
}

/// Hosts may boot with clocks that are years off, and nobody renews certificates yet.
fn lifetime(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

/// The name under which agents know the server.
pub const SERVER_NAME: &str = "havip-server";

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::Body;

    #[test]
    fn a_host_gets_the_name_that_the_server_chose_not_the_one_it_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::open(directory.path()).unwrap();
        let key = KeyPair::generate().unwrap();
        let wish = CertificateParams::new(vec!["host-1.havip".to_string()]).unwrap();
        let request = wish.serialize_request(&key).unwrap().pem().unwrap();

        let number = HostNumber::new(7).unwrap();
        let pem = authority.host(&request, HostId::new(Body::from_entropy([1; 16])), number).unwrap();

        let (_, parsed) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
        assert_eq!(host_of(&parsed.contents), Some(number));
        assert!(!pem.contains("host-1.havip"));
        assert_eq!(Authority::open(directory.path()).unwrap().pem(), authority.pem());
    }
}
