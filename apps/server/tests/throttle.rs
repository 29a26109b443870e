//! How often one access key may ask for one thing, and each API's word for too often.

mod support;

use havip_api::*;
use support::{
    Scene,
    clouds::{Aliyun, Cloud, Tencent, Ucloud, UcloudStack},
};

/// One request at once, and one a second from then on.
fn slow() -> Scene {
    Scene::with(|config| config.throttle = havip_server::Throttle { per_second: 1, burst: 1 })
}

/// A cloud, its action with parameters, and its word for too often.
type Row<'a> = (Cloud, &'a str, &'a [(&'a str, &'a str)], &'a str);

/// Asks until it is refused: a slow machine may be let through now and then.
fn too_often(mut ask: impl FnMut() -> String) -> String {
    let answers = (0..100).map(|_| ask());
    answers
        .into_iter()
        .find(|code| !code.is_empty())
        .expect("a hundred requests do not take a hundred seconds")
}

#[test]
fn too_often_is_told_in_each_apis_words_and_other_keys_and_actions_pass() {
    let scene = slow();
    let key = scene.key();
    let native =
        || scene.client.vips(&VipFilter::default()).err().map(|error| error.code().unwrap().to_string());
    assert_eq!(too_often(|| native().unwrap_or_default()), "throttled");
    // One thing has one name, and one budget, whichever API asks for it.
    let clouds: [Row; 4] = [
        (Aliyun, "DescribeHaVips", &[], "Throttling.User"),
        (Tencent, "DescribeHaVips", &[], "RequestLimitExceeded"),
        (Ucloud, "DescribeVIP", &[("ProjectId", "p")], "153"),
        (UcloudStack, "DescribeVIP", &[], "153"),
    ];
    for (cloud, action, params, code) in clouds {
        let ask = || cloud.code(&cloud.ask(&scene, &key, action, params).1);
        assert_eq!(too_often(ask), code, "{cloud:?}");
    }
    let bearer = scene.bearer();
    let headers = [("Authorization", bearer.as_str())];
    let (_, head, body) = (0..100)
        .map(|_| scene.raw("GET", "/v1/vips", &headers, ""))
        .find(|(status, ..)| *status == 429)
        .expect("a hundred requests do not take a hundred seconds");
    assert!(head.contains("retry-after: 1") && body.contains("ask again in"), "{head}\n{body}");

    // Another action, and another key.
    scene.client.vpcs(&VpcFilter::default()).unwrap();
    let other = scene.client_of(&scene.user("shop", "ann"));
    other.vips(&VipFilter::default()).unwrap();
    // It is a refusal, and told as one.
    let filter = AuditFilter { outcome: Some("Throttling.User".into()), ..Default::default() };
    let told = support::eventually("the refusal is stored", || {
        // Reading the audit is an action, too.
        scene.client.audit(&filter).ok().filter(|told| !told.items.is_empty())
    });
    assert_eq!(told.items[0].action, "vpc:DescribeHaVips");
}
