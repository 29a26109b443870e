//! Signature `TC3-HMAC-SHA256`: the body as it came, and the headers that the client lists.

use havip_dialect::{Clock, HttpRequest, format_time, hex, hmac_sha256, sha256};
use havip_model::Timestamp;

/// The parts of the header `Authorization`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// The access key.
    pub key: &'a str,
    /// The day that the signing key is of.
    pub date: &'a str,
    /// `vpc` or `cvm`.
    pub service: &'a str,
    /// Names of signed headers, in order.
    pub headers: Vec<&'a str>,
    /// The signature, in hexadecimal.
    pub signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads the header; none if a part is missing, there twice, or of another form.
    pub fn read(text: &'a str) -> Option<Self> {
        let (mut credential, mut headers, mut signature) = (None, None, None);
        for part in text.strip_prefix(ALGORITHM)?.split(',') {
            let (name, value) = part.trim().split_once('=')?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut headers,
                "Signature" => &mut signature,
                _ => return None,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        let credential: &str = credential?;
        let mut scope = credential.split('/');
        let (key, date, service, end) = (scope.next()?, scope.next()?, scope.next()?, scope.next()?);
        if end != "tc3_request" || scope.next().is_some() {
            return None;
        }
        let headers: &str = headers?;
        Some(Self { key, date, service, headers: headers.split(';').collect(), signature: signature? })
    }

    /// Whether what decides where and how the body is read is signed.
    pub fn signs_enough(&self) -> bool {
        self.headers.contains(&"content-type") && self.headers.contains(&"host")
    }
}

/// What is signed: the day of `timestamp`, the service, and a digest of the request.
pub fn string_to_sign(request: &HttpRequest, authorization: &Authorization, timestamp: u64) -> String {
    let body = match (request.header("x-tc-content-sha256"), request.method) {
        (Some("UNSIGNED-PAYLOAD"), _) => &b"UNSIGNED-PAYLOAD"[..],
        (_, "GET") => b"",
        _ => request.body,
    };
    let query = if request.method == "GET" { request.query } else { "" };
    let mut canonical = format!("{}\n{}\n{query}\n", request.method, request.path);
    for name in &authorization.headers {
        let value = request.header(name).unwrap_or_default().trim();
        // Whoever signs the action as well signs it in lower case.
        let lower = (*name == "x-tc-action").then(|| value.to_ascii_lowercase());
        canonical += &format!("{name}:{}\n", lower.as_deref().unwrap_or(value));
    }
    canonical += &format!("\n{}\n{}", authorization.headers.join(";"), hex(&sha256(body)));
    let scope = format!("{}/{}/tc3_request", authorization.date, authorization.service);
    format!("{ALGORITHM}\n{timestamp}\n{scope}\n{}", hex(&sha256(canonical.as_bytes())))
}

/// The signature of a text, by a key that is good for one day and service.
pub fn sign(secret: &str, authorization: &Authorization, text: &str) -> String {
    let day = hmac_sha256(format!("TC3{secret}").as_bytes(), authorization.date.as_bytes());
    let service = hmac_sha256(&day, authorization.service.as_bytes());
    let signing = hmac_sha256(&service, b"tc3_request");
    hex(&hmac_sha256(&signing, text.as_bytes()))
}

/// The day of a timestamp, in UTC.
pub fn day(timestamp: u64) -> String {
    format_time(Timestamp(timestamp.saturating_mul(1000)), Clock::Day)
}

/// The algorithm's name, which begins the header.
pub const ALGORITHM: &str = "TC3-HMAC-SHA256";

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(kind: &str) -> Vec<(String, String)> {
        [("content-type", kind), ("host", "127.0.0.1:8080")]
            .map(|(name, value)| (name.into(), value.into()))
            .into()
    }

    fn authorization() -> Authorization<'static> {
        Authorization::read(
            "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2023-11-14/vpc/tc3_request, SignedHeaders=content-type;host, Signature=00",
        )
        .unwrap()
    }

    /// Made by the vendor's Python SDK with its clock fixed.
    #[test]
    fn the_sdks_signatures_are_ours() {
        let headers_of_json = headers("application/json");
        let post = HttpRequest {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers_of_json,
            body: br#"{"HaVipIds": ["havip-00000001"], "Offset": 0, "Limit": 20}"#,
        };
        let text = string_to_sign(&post, &authorization(), 1_700_000_000);
        assert!(text.ends_with("4d5b2d49fc9b656ad14428a11cdc73f348d7790006fec85b71f8f28441c22851"), "{text}");
        let expected = "b3f962884aeecb4e220a8599b867b3d00aa12f251bd252885f53feae3c531a37";
        assert_eq!(sign("SECRETEXAMPLE", &authorization(), &text), expected);

        let headers_of_form = headers("application/x-www-form-urlencoded");
        let query = "HaVipIds.0=havip-00000001&Offset=0&Limit=20";
        let get = HttpRequest { method: "GET", path: "/", query, headers: &headers_of_form, body: b"" };
        let text = string_to_sign(&get, &authorization(), 1_700_000_000);
        assert!(text.ends_with("3cd7406f64f137e6afdfbc3fc71b1b6add7f6a47f5e569697ce466492ea40fa7"), "{text}");
        let expected = "06f38611f8c5c7c096af96831d6934c85c25c2eca6828bf0b72965860fe8d7aa";
        assert_eq!(sign("SECRETEXAMPLE", &authorization(), &text), expected);
    }

    #[test]
    fn a_day_is_the_timestamps_in_utc() {
        assert_eq!(day(1_700_000_000), "2023-11-14");
        assert_eq!(authorization().date, "2023-11-14");
    }

    #[test]
    fn another_form_of_header_is_none() {
        let whole = "TC3-HMAC-SHA256 Credential=k/d/vpc/tc3_request, SignedHeaders=a, Signature=0";
        assert!(Authorization::read(whole).is_some_and(|read| !read.signs_enough()));
        for wrong in [
            "SKIP",
            "",
            "TC3-HMAC-SHA256",
            "TC3-HMAC-SHA256 Credential=k/d/vpc/other, SignedHeaders=a, Signature=0",
            "TC3-HMAC-SHA256 Credential=k/d/vpc/tc3_request/x, SignedHeaders=a, Signature=0",
        ] {
            assert_eq!(Authorization::read(wrong), None, "{wrong}");
        }
    }
}
