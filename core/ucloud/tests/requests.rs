//! Whole requests, bytes to bytes: who may ask, and what becomes of what they ask.

mod client;

use client::Client;
use havip_dialect::trial::Trial;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn a_signed_request_is_answered_with_number_action_and_message() {
    let (client, mut trial) = (Client::new("/"), Trial::new("local-a"));
    let answer = client.ok(&mut trial, "DescribeVPC", &[]);
    assert_eq!(
        (&answer["Action"], &answer["Message"], &answer["DataSet"]),
        (&json!("DescribeVPCResponse"), &json!(""), &json!([]))
    );
}

#[test]
fn a_json_body_is_signed_by_the_same_rule() {
    let (client, mut trial) = (Client::new("/"), Trial::new("local-a"));
    let text = format!("ActionDescribeVPCLimit5PublicKey{}{}", client::KEY, client::SECRET);
    let signature = havip_dialect::hex(&havip_dialect::sha1(text.as_bytes()));
    let body = json!({"Action": "DescribeVPC", "Limit": 5, "PublicKey": client::KEY, "Signature": signature});
    assert_eq!(client.send(&mut trial, body.to_string().as_bytes(), "application/json")["RetCode"], 0);
}

#[test]
fn a_wrong_signature_key_or_action_has_the_vendors_number() {
    let (mut client, mut trial) = (Client::new("/"), Trial::new("local-a"));
    client.refused(&mut trial, "BuyLunch", &[], 161);
    // The private cloud's action is not the public one's, and the other way round.
    client.refused(&mut trial, "UpdateVIPBindResource", &[], 161);
    Client::new("/api").refused(&mut trial, "UpdateVIPAttribute", &[], 161);
    client.refused(&mut trial, "DescribeVPC", &[("Colour", "red")], 230);
    client.secret = "wrong".into();
    client.refused(&mut trial, "DescribeVPC", &[], 171);
    client.key = "key-of-nobody".into();
    client.refused(&mut trial, "DescribeVPC", &[], 172);
    assert_eq!(
        client.send(&mut trial, b"Action=DescribeVPC&PublicKey=a", "application/x-www-form-urlencoded")["RetCode"],
        170
    );
    assert_eq!(client.send(&mut trial, b"PublicKey=a", "application/x-www-form-urlencoded")["RetCode"], 160);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// What the fuzz target runs.
    #[test]
    fn every_request_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        havip_dialect::law::every_request_is_answered(havip_ucloud::understand, &bytes);
    }

    /// The same with bytes that look like requests.
    #[test]
    fn every_request_that_looks_like_one_is_answered(text in "(Action|PublicKey|Signature|DescribeVIP|&|=|1){0,20}\\n\\n\\n(\\{|\\}|\\[|\"Action\"|:|,){0,20}") {
        havip_dialect::law::every_request_is_answered(havip_ucloud::understand, text.as_bytes());
    }

    /// Behind a right signature, too: every action with parameters of any kind.
    #[test]
    fn no_parameters_make_an_action_panic(is_stack: bool, which in any::<prop::sample::Index>(), values in proptest::collection::vec(".{0,12}|[0-9]{1,12}|vip-[a-z0-9]{8}|true", 1..6)) {
        let (client, mut trial) = (Client::new(if is_stack { "/api" } else { "/" }), Trial::new("local-a"));
        let all: Vec<_> = havip_ucloud::table(is_stack).collect();
        let (action, honoured, _) = which.get(&all);
        let params: Vec<(&str, &str)> = honoured.iter().copied().zip(values.iter().map(String::as_str).cycle()).collect();
        prop_assert!(client.ask(&mut trial, action, &params)["RetCode"].is_u64());
    }
}
