//! Signature V1: HMAC-SHA1 over all parameters, wherever they stand.

use havip_dialect::{Params, encode_base64, hmac_sha1, percent_encode};

/// What is signed: method and parameters but the signature, sorted and encoded, and encoded once more.
pub fn string_to_sign(method: &str, params: &Params) -> String {
    let signed = params.iter().filter(|(name, _)| *name != "Signature");
    format!("{method}&%2F&{}", percent_encode(&canonical(signed)))
}

/// The signature of a text.
pub fn sign(secret: &str, text: &str) -> String {
    encode_base64(&hmac_sha1(format!("{secret}&").as_bytes(), text.as_bytes()))
}

/// Parameters in the order of their names, encoded.
pub fn canonical<'a>(params: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = params.map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the vendor's older Python signer.
    #[test]
    fn the_older_sdks_signature_of_odd_characters_is_ours() {
        let params = Params::of(&[
            ("Action", "CreateHaVip"),
            ("Version", "2016-04-28"),
            ("RegionId", "cn-hangzhou"),
            ("VSwitchId", "vsw-test0001"),
            ("Name", "a b*~/中+&=%"),
            ("Timestamp", "2024-01-02T03:04:05Z"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureType", ""),
            ("SignatureVersion", "1.0"),
            ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
            ("AccessKeyId", "testAccessKeyId"),
            ("Format", "JSON"),
            ("Signature", "is left out"),
        ]);
        let text = string_to_sign("POST", &params);
        assert_eq!(
            text,
            "POST&%2F&AccessKeyId%3DtestAccessKeyId%26Action%3DCreateHaVip%26Format%3DJSON%26Name%3Da%2520b%252A~%252F%25E4%25B8%25AD%252B%2526%253D%2525%26RegionId%3Dcn-hangzhou%26SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3D3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf%26SignatureType%3D%26SignatureVersion%3D1.0%26Timestamp%3D2024-01-02T03%253A04%253A05Z%26VSwitchId%3Dvsw-test0001%26Version%3D2016-04-28"
        );
        assert_eq!(sign("testAccessKeySecret", &text), "6lsH434Ys537NstfXGWy4q5O9uY=");
        let text = string_to_sign("GET", &params);
        assert_eq!(sign("testAccessKeySecret", &text), "iDYdGG9aLN8KaUP0qIcQmIIc5uI=");
    }

    /// Made by the vendor's present Python signer, split over query and body as the Terraform provider does.
    #[test]
    fn parameters_of_query_and_body_are_signed_together() {
        let mut params = Params::of(&[
            ("Action", "AssociateEipAddress"),
            ("Format", "json"),
            ("Timestamp", "2024-01-02T03:04:05Z"),
            ("Version", "2016-04-28"),
            ("SignatureNonce", "nonce-0001"),
            ("InstanceId", "havip-test0001"),
            ("AllocationId", "eip-test0001"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("AccessKeyId", "testAccessKeyId"),
        ]);
        params
            .add_form(b"RegionId=cn-hangzhou&ClientToken=TF-AssociateEipAddress-1&InstanceType=HaVip")
            .unwrap();
        let text = string_to_sign("POST", &params);
        assert_eq!(sign("testAccessKeySecret", &text), "fdfB1/op5XHcLEyysCQn/RB2ylQ=");
    }
}
