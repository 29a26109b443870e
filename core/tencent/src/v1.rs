//! Signatures of version 1: HmacSHA1 or HmacSHA256 over all parameters, none of them encoded.

use havip_dialect::{Params, encode_base64, hmac_sha1, hmac_sha256};

/// What is signed.
pub fn string_to_sign(method: &str, host: &str, params: &Params) -> String {
    let signed = params.iter().filter(|(name, _)| *name != "Signature");
    // The vendor's clients write it so.
    let pairs: Vec<_> = signed.map(|(name, value)| format!("{}={value}", name.replace('_', "."))).collect();
    format!("{method}{host}/?{}", pairs.join("&"))
}

/// The signature of a text; none if nobody knows the method.
pub fn sign(method: &str, secret: &str, text: &str) -> Option<String> {
    let (secret, text) = (secret.as_bytes(), text.as_bytes());
    match method {
        "" | "HmacSHA1" => Some(encode_base64(&hmac_sha1(secret, text))),
        "HmacSHA256" => Some(encode_base64(&hmac_sha256(secret, text))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the vendor's Python SDK with its clock and nonce fixed.
    #[test]
    fn the_sdks_signatures_are_ours() {
        for (method, expected) in [
            ("HmacSHA256", "MISTqTilNdF7bRLxP3/TGyRs80sXYj/pw2qJni8aaBs="),
            ("HmacSHA1", "48wYNd1+tqH7p13jFnJst+XHAZk="),
        ] {
            let mut params = Params::default();
            let form = format!(
                "Action=DescribeHaVips&Version=2017-03-12&Region=ap-guangzhou&Timestamp=1700000000&Nonce=12345\
                 &SecretId=AKIDEXAMPLE&SignatureMethod={method}&RequestClient=SDK_PYTHON_3.1.178&Language=en-US\
                 &HaVipIds.0=havip-00000001&Offset=0&Limit=20&Signature=left+out"
            );
            params.add_form(form.as_bytes()).unwrap();
            let signed = |verb| {
                sign(method, "SECRETEXAMPLE", &string_to_sign(verb, "127.0.0.1:8080", &params)).unwrap()
            };
            assert!([signed("POST"), signed("GET")].contains(&expected.to_string()), "{method}");
        }
        assert_eq!(sign("HmacMD5", "s", "t"), None);
    }
}
