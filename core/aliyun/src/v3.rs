//! Signature V3, `ACS3-HMAC-SHA256`: HMAC-SHA256 over the query, the headers that the client lists, and the body's digest.

use crate::v1::canonical;
use havip_dialect::{HttpRequest, Params, hex, hmac_sha256, sha256};

/// The parts of the header `Authorization`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// The access key.
    pub key: &'a str,
    /// Names of signed headers, in order.
    pub headers: Vec<&'a str>,
    /// The signature, in hexadecimal.
    pub signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads what follows the algorithm's name; none if a part is missing or there twice.
    pub fn read(text: &'a str) -> Option<Self> {
        let (mut key, mut headers, mut signature) = (None, None, None);
        for part in text.split(',') {
            let (name, value) = part.trim().split_once('=')?;
            let place = match name {
                "Credential" => &mut key,
                "SignedHeaders" => &mut headers,
                "Signature" => &mut signature,
                _ => return None,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        let headers: &str = headers?;
        Some(Self { key: key?, headers: headers.split(';').collect(), signature: signature? })
    }

    /// The first header that must be signed and is not.
    pub fn unsigned(&self) -> Option<&'static str> {
        MUST_BE_SIGNED.iter().find(|name| !self.headers.contains(name)).copied()
    }
}

/// The request in the form that is signed.
pub fn canonical_request(request: &HttpRequest, headers: &[&str], body_digest: &str) -> String {
    let mut query = Params::default();
    // The same text was read before, so it is not too long.
    let _ = query.add_form(request.query.as_bytes());
    let mut text = format!("{}\n{}\n{}\n", request.method, request.path, canonical(query.iter()));
    for name in headers {
        let mut values: Vec<&str> = request
            .headers
            .iter()
            .filter(|(header, _)| header == name)
            .map(|(_, value)| value.trim())
            .collect();
        values.sort_unstable();
        text += &format!("{name}:{}\n", values.join(","));
    }
    text + &format!("\n{}\n{body_digest}", headers.join(";"))
}

/// What is signed, of the canonical request.
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", hex(&sha256(canonical_request.as_bytes())))
}

/// The signature of a text.
pub fn sign(secret: &str, text: &str) -> String {
    hex(&hmac_sha256(secret.as_bytes(), text.as_bytes()))
}

/// The algorithm's name, which begins the header.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// Whatever decides what happens, to whom and when.
const MUST_BE_SIGNED: [&str; 6] =
    ["host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"];

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the vendor's present Python signer.
    #[test]
    fn the_present_sdks_signature_is_ours() {
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let headers: Vec<(String, String)> = [
            ("accept", "application/json"),
            ("host", "127.0.0.1:8080"),
            ("user-agent", "test-agent/1.0"),
            ("x-acs-action", "CreateHaVip"),
            ("x-acs-content-sha256", digest),
            ("x-acs-credentials-provider", "static_ak"),
            ("x-acs-date", "2024-01-02T03:04:05Z"),
            ("x-acs-signature-nonce", "3ee8c1b883d344afa94f4e0ad82fd6cf"),
            ("x-acs-version", "2016-04-28"),
        ]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
        let request = HttpRequest {
            method: "POST",
            path: "/",
            query: "RegionId=cn-hangzhou&VSwitchId=vsw-test0001&Name=a+b*~/%E4%B8%AD%2B%26%3D%25&Tag.1.Key=k&Tag.1.Value=&Tag.10.Key=x&Tag.2.Key=y",
            headers: &headers,
            body: b"",
        };
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let canonical = canonical_request(&request, &names, digest);
        assert_eq!(
            hex(&sha256(canonical.as_bytes())),
            "abed2f20eb4cd2df22b076eb6f018020f07e7940685e612e5fb14476eca27d10",
            "{canonical}"
        );
        let signature = sign("testAccessKeySecret", &string_to_sign(&canonical));
        assert_eq!(signature, "abd3c9568cb0b00d3664a3c33ae0e28e2be4576209e05acbe603c751937018ad");
    }

    #[test]
    fn a_header_with_a_part_missing_twice_or_unknown_is_none() {
        let whole = "Credential=ak,SignedHeaders=a;b,Signature=00";
        let read = Authorization::read(whole).unwrap();
        assert_eq!((read.key, read.headers.as_slice(), read.signature), ("ak", &["a", "b"][..], "00"));
        assert_eq!(read.unsigned(), Some("host"));
        for wrong in [
            "",
            "Credential=ak",
            "Credential=ak,Credential=ak,SignedHeaders=a,Signature=0",
            "What=1,Credential=ak,SignedHeaders=a,Signature=0",
        ] {
            assert_eq!(Authorization::read(wrong), None, "{wrong}");
        }
    }
}
