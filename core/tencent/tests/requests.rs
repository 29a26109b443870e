//! Whole requests, bytes to bytes: who may ask, and what becomes of what they ask.

mod client;

use client::{Client, KEY, NOW_SECONDS};
use havip_dialect::trial::Trial;
use proptest::prelude::*;
use serde_json::json;

fn scene() -> (Client, Trial) {
    (Client::default(), Trial::new("local-a"))
}

#[test]
fn a_request_signed_in_each_way_is_answered_in_the_envelope() {
    let (mut client, mut trial) = scene();
    let answer = client.tc3(&mut trial, "DescribeVpcs", json!({}));
    assert_eq!((answer.status, answer.content_type, answer.by.as_str()), (200, "application/json", KEY));
    assert_eq!(
        answer.value,
        json!({"TotalCount": 0, "VpcSet": [], "RequestId": "01234567-89ab-cdef-0123-456789abcdef"})
    );
    for method in ["HmacSHA1", "HmacSHA256"] {
        let answer = client.v1(&mut trial, method, "DescribeVpcs", &[("Limit", "20")]);
        assert_eq!((answer.code(), &answer.value["TotalCount"]), ("", &json!(0)), "{method}");
    }
}

#[test]
fn a_wrong_signature_key_or_clock_has_the_clouds_code() {
    let (mut client, mut trial) = scene();
    client.secret = "wrong".into();
    assert_eq!(client.tc3(&mut trial, "DescribeVpcs", json!({})).code(), "AuthFailure.SignatureFailure");
    assert_eq!(
        client.v1(&mut trial, "HmacSHA256", "DescribeVpcs", &[]).code(),
        "AuthFailure.SignatureFailure"
    );
    let mut client = Client { key: "key-of-nobody".into(), ..Client::default() };
    assert_eq!(client.tc3(&mut trial, "DescribeVpcs", json!({})).code(), "AuthFailure.SecretIdNotFound");
    assert_eq!(client.v1(&mut trial, "HmacSHA1", "DescribeVpcs", &[]).code(), "AuthFailure.SecretIdNotFound");
    let mut client = Client { clock: NOW_SECONDS - 301, ..Client::default() };
    assert_eq!(client.tc3(&mut trial, "DescribeVpcs", json!({})).code(), "AuthFailure.SignatureExpire");
    assert_eq!(client.v1(&mut trial, "HmacSHA1", "DescribeVpcs", &[]).code(), "AuthFailure.SignatureExpire");
    client.clock = NOW_SECONDS + 300;
    assert_eq!(client.tc3(&mut trial, "DescribeVpcs", json!({})).code(), "");
}

#[test]
fn the_body_as_it_came_is_signed() {
    let (mut client, mut trial) = scene();
    client.tc3(&mut trial, "DescribeVpcs", json!({"Limit": 20}));
    client.last.body = b"{\"Limit\": 20}".to_vec();
    assert_eq!(client.again(&mut trial).code(), "AuthFailure.SignatureFailure");
}

#[test]
fn a_request_of_version_1_that_is_sent_again_is_refused() {
    let (mut client, mut trial) = scene();
    assert_eq!(client.v1(&mut trial, "HmacSHA1", "DescribeVpcs", &[]).code(), "");
    assert_eq!(client.again(&mut trial).code(), "AuthFailure.SignatureFailure");
}

#[test]
fn what_is_not_signed_or_not_known_is_named() {
    let (mut client, mut trial) = scene();
    assert_eq!(client.tc3(&mut trial, "BuyLunch", json!({})).code(), "InvalidAction");
    assert_eq!(client.tc3(&mut trial, "DescribeVpcs", json!({"Colour": "red"})).code(), "UnknownParameter");
    client.tc3(&mut trial, "DescribeVpcs", json!({}));
    client.last.headers.retain(|(name, _)| name != "authorization");
    assert_eq!(client.again(&mut trial).code(), "MissingParameter");
    client.last.headers.push(("authorization".into(), "SKIP".into()));
    assert_eq!(client.again(&mut trial).code(), "AuthFailure.InvalidAuthorization");
    client.version = "2020-01-01";
    assert_eq!(client.tc3(&mut trial, "DescribeVpcs", json!({})).code(), "NoSuchVersion");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// What the fuzz target runs.
    #[test]
    fn every_request_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        havip_dialect::law::every_request_is_answered(havip_tencent::understand, &bytes);
    }

    /// The same with bytes that look like requests.
    #[test]
    fn every_request_that_looks_like_one_is_answered(text in "(Action|SecretId|Nonce|Timestamp|Signature|&|=|1){0,20}\\n(TC3-HMAC-SHA256 |Credential=|/|SignedHeaders=|tc3_request|Signature=|host|,|;){0,8}\\n(1704164645|x){1}\\n(\\{|\\}|\\[|\"a\"|:|,){0,20}") {
        havip_dialect::law::every_request_is_answered(havip_tencent::understand, text.as_bytes());
    }

    /// Behind a right signature, too: every action with parameters of any kind.
    #[test]
    fn no_parameters_make_an_action_panic(which in any::<prop::sample::Index>(), values in proptest::collection::vec(".{0,12}|[0-9]{1,12}|havip-[a-z0-9]{8}|true", 1..6)) {
        let (mut client, mut trial) = scene();
        let all: Vec<_> = havip_tencent::table().collect();
        let (action, honoured, _) = which.get(&all);
        let params: serde_json::Map<String, serde_json::Value> =
            honoured.iter().zip(values.iter().cycle()).map(|(name, value)| {
                // Half of what is nested, as lists.
                match name.split_once('.') {
                    Some((name, part)) => (name.to_string(), json!([{part: value}])),
                    None => (name.to_string(), json!(value)),
                }
            }).collect();
        client.tc3(&mut trial, action, params.into());
    }
}
