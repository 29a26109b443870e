//! Whole requests, bytes to bytes: who may ask, and what becomes of what they ask.

mod client;

use client::{Client, KEY, NOW_SECONDS};
use havip_dialect::trial::Trial;

fn scene() -> (Client, Trial) {
    (Client::default(), Trial::new("local-a"))
}

#[test]
fn a_request_signed_in_either_way_is_answered() {
    let (mut client, mut trial) = scene();
    let answer = client.v1(&mut trial, "DescribeVpcs", &[]);
    assert_eq!((answer.status, answer.value["TotalCount"].as_u64()), (200, Some(0)));
    let answer = client.v3(&mut trial, "DescribeVpcs", &[]);
    assert_eq!((answer.status, answer.value["TotalCount"].as_u64()), (200, Some(0)));
    assert!(answer.value["RequestId"].as_str().is_some_and(|id| id.len() == 36));
}

#[test]
fn a_wrong_secret_is_told_the_text_that_was_signed_behind_the_first_colon() {
    let (mut client, mut trial) = scene();
    client.secret = "wrong".into();
    for sign in [Client::v1, Client::v3] {
        let answer = sign(&mut client, &mut trial, "DescribeVpcs", &[]);
        assert_eq!((answer.status, answer.code()), (400, "SignatureDoesNotMatch"));
        let message = answer.value["Message"].as_str().unwrap();
        let (prefix, text) = message.split_once(':').unwrap();
        assert_eq!(
            prefix,
            "Specified signature is not matched with our calculation. server string to sign is"
        );
        assert_eq!(text, client.last_text, "a client compares it with its own");
    }
}

#[test]
fn an_unknown_key_is_not_found() {
    let (mut client, mut trial) = scene();
    client.key = "key-of-nobody".into();
    for answer in [client.v1(&mut trial, "DescribeVpcs", &[]), client.v3(&mut trial, "DescribeVpcs", &[])] {
        assert_eq!((answer.status, answer.code()), (404, "InvalidAccessKeyId.NotFound"));
    }
}

#[test]
fn a_clock_may_be_off_by_15_minutes_and_no_more() {
    let (mut client, mut trial) = scene();
    for off in [-900_i64, 900] {
        client.clock = NOW_SECONDS.saturating_add_signed(off);
        assert_eq!(client.v1(&mut trial, "DescribeVpcs", &[]).status, 200, "{off}");
        assert_eq!(client.v3(&mut trial, "DescribeVpcs", &[]).status, 200, "{off}");
    }
    for off in [-901_i64, 901] {
        client.clock = NOW_SECONDS.saturating_add_signed(off);
        assert_eq!(client.v1(&mut trial, "DescribeVpcs", &[]).code(), "InvalidTimeStamp.Expired", "{off}");
        assert_eq!(client.v3(&mut trial, "DescribeVpcs", &[]).code(), "InvalidTimeStamp.Expired", "{off}");
    }
}

#[test]
fn a_request_that_is_sent_again_is_refused() {
    let (mut client, mut trial) = scene();
    client.v1(&mut trial, "DescribeVpcs", &[]);
    assert_eq!(client.again(&mut trial).code(), "SignatureNonceUsed");
    client.v3(&mut trial, "DescribeVpcs", &[]);
    assert_eq!(client.again(&mut trial).code(), "SignatureNonceUsed");
}

#[test]
fn a_refused_signature_uses_no_nonce_up() {
    let (mut client, mut trial) = scene();
    client.secret = "wrong".into();
    client.v1(&mut trial, "DescribeVpcs", &[]);
    client.secret = client::SECRET.into();
    client.nonce -= 1;
    assert_eq!(client.v1(&mut trial, "DescribeVpcs", &[]).status, 200);
}

#[test]
fn nothing_may_be_changed_on_the_way() {
    let (mut client, mut trial) = scene();
    client.v1(&mut trial, "DescribeVpcs", &[("VpcName", "a")]);
    client.last.query = client.last.query.replace("VpcName=a", "VpcName=b");
    assert_eq!(client.again(&mut trial).code(), "SignatureDoesNotMatch");
    client.v3(&mut trial, "DescribeVpcs", &[("VpcName", "a")]);
    client.last.query = client.last.query.replace("VpcName=a", "VpcName=b");
    assert_eq!(client.again(&mut trial).code(), "SignatureDoesNotMatch");
    client.v3(&mut trial, "DescribeVpcs", &[]);
    client.last.body = b"VpcName=b".to_vec();
    assert_eq!(client.again(&mut trial).code(), "SignatureDoesNotMatch");
}

#[test]
fn an_unknown_action_version_or_parameter_is_named() {
    let (mut client, mut trial) = scene();
    assert_eq!(client.v1(&mut trial, "BuyLunch", &[]).code(), "InvalidAction.NotFound");
    let answer = client.v1(&mut trial, "CreateVpc", &[("DhcpOptionsSetId", "dopt-1")]);
    assert_eq!((answer.status, answer.code()), (400, "InvalidParameter"));
    assert!(answer.value["Message"].as_str().unwrap().contains("DhcpOptionsSetId"));
    client.version = "2013-01-01";
    assert_eq!(client.v1(&mut trial, "DescribeVpcs", &[]).code(), "InvalidVersion");
}

#[test]
fn temporary_credentials_are_refused() {
    let (mut client, mut trial) = scene();
    let answer = client.v1(&mut trial, "DescribeVpcs", &[("SecurityToken", "abc")]);
    assert_eq!(answer.code(), "InvalidSecurityToken.Malformed");
}

#[test]
fn a_client_of_the_older_kind_gets_xml_unless_it_asks_for_json() {
    let (mut client, mut trial) = scene();
    client.format = None;
    let answer = client.v1(&mut trial, "DescribeVpcs", &[]);
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><DescribeVpcsResponse>"), "{text}");
    assert_eq!(answer.content_type, "text/xml;charset=utf-8");
}

#[test]
fn whoever_signs_is_told_to_the_server() {
    let (mut client, mut trial) = scene();
    assert_eq!(client.v3(&mut trial, "DescribeVpcs", &[]).by, KEY);
}

mod random {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// What the fuzz target runs.
        #[test]
        fn every_request_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            havip_dialect::law::every_request_is_answered(havip_aliyun::understand, &bytes);
        }

        /// The same with bytes that look like requests.
        #[test]
        fn every_request_that_looks_like_one_is_answered(text in "(Action|AccessKeyId|Signature|&|=|%|a|\n){0,20}\n(ACS3-HMAC-SHA256 |Credential=|SignedHeaders=|Signature=|host|,|;){0,8}\n(2024-01-02T03:04:05Z|x){1}\n.{0,40}") {
            havip_dialect::law::every_request_is_answered(havip_aliyun::understand, text.as_bytes());
        }

        /// Behind a right signature, too: every action with parameters of any kind.
        #[test]
        fn no_parameters_make_an_action_panic(which in any::<prop::sample::Index>(), values in proptest::collection::vec(".{0,12}|[0-9]{1,12}|havip-[a-z0-9]{20}|true", 1..6)) {
            let (mut client, mut trial) = scene();
            let all: Vec<_> = havip_aliyun::table().collect();
            let (action, honoured, _) = which.get(&all);
            let params: Vec<(&str, &str)> = honoured.iter().copied().zip(values.iter().map(String::as_str).cycle()).filter(|(name, _)| *name != "DryRun").collect();
            let answer = client.v3(&mut trial, action, &params);
            prop_assert!(answer.status == 200 || !answer.code().is_empty());
        }
    }
}
