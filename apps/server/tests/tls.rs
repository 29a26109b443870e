//! The API by TLS.

mod support;

use havip_api::{Client, ClientError, Config as Asking};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use support::Scene;

#[test]
fn the_api_speaks_tls_with_given_certificates_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_string()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let (certificate_file, key_file) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();

    let scene = Scene::with(|config| {
        config.tls_cert = Some(certificate_file);
        config.tls_key = Some(key_file);
    });

    let server = format!("https://{}", scene.server.as_ref().unwrap().api);
    let ask = |server: &str, authority_pem| {
        let config = Asking { server: server.into(), key: scene.key(), authority_pem };
        Client::new(config).unwrap().health()
    };
    let trusted = Some(authority.pem().into_bytes());
    assert_eq!(ask(&server, trusted.clone()).unwrap().status, "ok");
    assert!(matches!(ask(&server, None), Err(ClientError::Unreachable { .. })), "an unknown authority");
    assert!(ask(&server.replace("https", "http"), trusted).is_err(), "plain HTTP");
}
