//! What users may do is what their policies say, through every API.

mod support;

use havip_api::*;
use std::collections::BTreeSet;
use support::{
    Scene,
    clouds::{Aliyun, Cloud, Tencent, Ucloud, UcloudStack},
};

/// The permissions that the vendor's guide to HAVIPs asks for.
const GUIDE: [&str; 21] = [
    "vpc:CreateVpc",
    "vpc:DeleteVpc",
    "vpc:DescribeVpcs",
    "vpc:AllocateEipAddress",
    "vpc:AssociateEipAddress",
    "vpc:DescribeEipAddresses",
    "vpc:UnassociateEipAddress",
    "vpc:ReleaseEipAddress",
    "vpc:CreateVSwitch",
    "vpc:DeleteVSwitch",
    "vpc:DescribeVSwitches",
    "vpc:CreateHaVip",
    "vpc:DeleteHaVip",
    "vpc:AssociateHaVip",
    "vpc:UnassociateHaVip",
    "vpc:DescribeHaVips",
    "ecs:RunInstances",
    "ecs:StartInstances",
    "ecs:StopInstances",
    "ecs:DescribeInstances",
    "ecs:DeleteInstances",
];

/// The part of an id that is the same in every API.
fn body(id: &str) -> &str {
    id.rsplit_once('-').unwrap().1
}

fn guides_policy() -> String {
    let actions = serde_json::to_string(&GUIDE).unwrap();
    format!(r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":{actions},"Resource":"*"}}]}}"#)
}

#[test]
fn the_guides_policy_allows_the_actions_that_it_names_and_no_other() {
    let scene = Scene::start();
    let key = scene.user_with_policy("guide", &guides_policy());
    let named: BTreeSet<&str> = GUIDE.into();
    let mut allowed = 0;
    for (actions, permission) in havip_aliyun::PERMISSIONS {
        for action in *actions {
            // Without parameters: whoever may is told what is missing, or is given a list.
            let (status, answer) = Aliyun.ask(&scene, &key, action, &[]);
            let is_forbidden = Aliyun.code(&answer) == "Forbidden.RAM";
            assert_eq!(is_forbidden, !named.contains(permission), "{action}: {answer}");
            assert!(!is_forbidden || status == 403, "{answer}");
            allowed += usize::from(!is_forbidden);
        }
    }
    // 21 permissions, and the actions that are one with them.
    assert_eq!(allowed, 30);
}

#[test]
fn the_guides_scenario_runs_from_creation_to_deletion_under_the_guides_policy() {
    let scene = Scene::start();
    let host = scene.join("h1");
    let _agent = scene.follow(&host).live(&scene);
    let key = scene.user_with_policy("guide", &guides_policy());
    let ask = |action: &str, params: &[(&str, &str)]| {
        let (status, answer) = Aliyun.ask(&scene, &key, action, params);
        assert_eq!(status, 200, "{action} {params:?}: {answer}");
        answer
    };
    let text = |answer: &serde_json::Value, field: &str| answer[field].as_str().unwrap().to_string();
    let vpc = text(&ask("CreateVpc", &[("CidrBlock", "10.20.0.0/16")]), "VpcId");
    let subnet = ask("CreateVSwitch", &[("VpcId", &vpc), ("CidrBlock", "10.20.1.0/24"), ("ZoneId", "a")]);
    let subnet = text(&subnet, "VSwitchId");
    let vip = text(&ask("CreateHaVip", &[("VSwitchId", &subnet), ("IpAddress", "10.20.1.100")]), "HaVipId");
    let run = ask("RunInstances", &[("VSwitchId", &subnet), ("ImageId", "any"), ("InstanceType", "any")]);
    let instance = run["InstanceIdSets"]["InstanceIdSet"][0].as_str().unwrap().to_string();
    ask("AssociateHaVip", &[("HaVipId", &vip), ("InstanceId", &instance)]);
    let eip = text(&ask("AllocateEipAddress", &[]), "AllocationId");
    let bind = [("AllocationId", eip.as_str()), ("InstanceId", &vip), ("InstanceType", "HaVip")];
    ask("AssociateEipAddress", &bind);
    ask("DescribeHaVips", &[]);
    ask("DescribeEipAddresses", &[]);
    ask("DescribeInstances", &[]);
    ask("UnassociateEipAddress", &bind);
    ask("ReleaseEipAddress", &[("AllocationId", &eip)]);
    ask("UnassociateHaVip", &[("HaVipId", &vip), ("InstanceId", &instance)]);
    let renamed = Aliyun.ask(&scene, &key, "ModifyHaVipAttribute", &[("HaVipId", &vip), ("Name", "x")]);
    assert_eq!(Aliyun.code(&renamed.1), "Forbidden.RAM");
    ask("DeleteHaVip", &[("HaVipId", &vip)]);
    ask("DeleteInstance", &[("InstanceId", &instance), ("Force", "true")]);
    ask("DeleteVSwitch", &[("VSwitchId", &subnet)]);
    ask("DeleteVpc", &[("VpcId", &vpc)]);
}

#[test]
fn a_denial_of_one_resource_holds_through_every_api() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let vip = |name: &str| {
        let wish = CreateVip { subnet: subnet.meta.id.clone(), name: name.into(), ..Default::default() };
        scene.client.create_vip(&wish).unwrap().meta.id
    };
    let (kept, free) = (vip("kept"), vip("free"));
    let body = |id: &str| id.rsplit_once('-').unwrap().1.to_string();
    let document = format!(
        r#"{{"Version":"1","Statement":[
            {{"Effect":"Allow","Action":"*","Resource":"*"}},
            {{"Effect":"Deny","Action":"vpc:DeleteHaVip","Resource":"acs:vpc:*:*:havip/havip-{}"}}]}}"#,
        body(&kept)
    );
    let key = scene.user_with_policy("careful", &document);
    let mine = scene.client_of(&key);
    let refused = mine.delete_vip(&kept, true).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(403), Some("forbidden")));
    assert!(refused.to_string().contains("statement 2 of policy careful denies"), "{refused}");
    let batch = BatchDelete { ids: vec![kept.clone()], unbind: true };
    assert_eq!(mine.delete_vips(&batch).unwrap().results[0].status, 403);
    let in_words_of = |cloud: Cloud, action: &str, name: &str, id: String, code: &str| {
        let (_, answer) = cloud.ask(&scene, &key, action, &[(name, &id)]);
        assert_eq!(cloud.code(&answer), code, "{cloud:?} {answer}");
    };
    in_words_of(Aliyun, "DeleteHaVip", "HaVipId", format!("havip-{}", body(&kept)), "Forbidden.RAM");
    let short = format!("havip-{}", &body(&kept)[..8]);
    in_words_of(Tencent, "DeleteHaVip", "HaVipId", short, "AuthFailure.UnauthorizedOperation");
    in_words_of(Ucloud, "ReleaseVIP", "VIPId", format!("vip-{}", &body(&kept)[..8]), "299");
    in_words_of(UcloudStack, "ReleaseVIP", "VIPID", format!("vip-{}", &body(&kept)[..12]), "299");
    assert!(scene.client.vip(&kept).is_ok());
    mine.delete_vip(&free, true).unwrap();
}

#[test]
fn a_policy_holds_from_the_next_request_on_and_no_policy_allows_nothing() {
    let scene = Scene::start();
    let key = scene.user_with_policy(
        "reader",
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"vpc:Describe*","Resource":"*"}]}"#,
    );
    let mine = scene.client_of(&key);
    assert!(mine.vips(&VipFilter::default()).is_ok());
    assert_eq!(mine.instances(&InstanceFilter::default()).unwrap_err().code(), Some("forbidden"));
    let wish = CreateVpc { cidr: "10.0.0.0/16".into(), ..Default::default() };
    assert_eq!(mine.create_vpc(&wish).unwrap_err().code(), Some("forbidden"));

    let client = &scene.client;
    let find =
        |name: &str| client.policies().unwrap().items.into_iter().find(|policy| policy.name == name).unwrap();
    let users = client.users().unwrap().items;
    let me = users.iter().find(|user| user.name == "reader").unwrap();
    let document = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"vpc:*","Resource":"*"}]}"#;
    let update = UpdatePolicy { document: Some(document.into()), ..Default::default() };
    client.update_policy(&find("reader").id, &update).unwrap();
    mine.create_vpc(&wish).unwrap();
    client.attach_policy(&me.id, "ReadOnlyAccess").unwrap();
    assert!(mine.instances(&InstanceFilter::default()).is_ok());
    assert_eq!(client.delete_policy(&find("reader").id).unwrap_err().code(), Some("policy_in_use"));
    client.detach_policy(&me.id, "reader").unwrap();
    client.delete_policy(&find("reader").id).unwrap();
    client.detach_policy(&me.id, "ReadOnlyAccess").unwrap();
    assert_eq!(mine.vips(&VipFilter::default()).unwrap_err().code(), Some("forbidden"));
    let wrong = CreatePolicy { name: "w".into(), document: "{}".into(), ..Default::default() };
    let refused = client.create_policy(&wrong).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(400), Some("invalid_policy")));
}

#[test]
fn a_policy_for_one_resource_group_holds_for_what_is_in_it_made_in_it_and_moved_into_it() {
    let scene = Scene::start();
    let (vpc, subnet) = scene.network();
    let named = |name: &str| CreateResourceGroup { name: name.into(), ..Default::default() };
    let [shop, bank] =
        ["shop", "bank"].map(|name| scene.client.create_resource_group(&named(name)).unwrap().meta.id);
    let document = format!(
        r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*",
            "Condition":{{"StringEquals":{{"acs:ResourceGroupId":"{shop}"}}}}}}]}}"#
    );
    let key = scene.user_with_policy("shopkeeper", &document);
    let mine = scene.client_of(&key);
    let forbidden = |refused: ClientError| assert_eq!(refused.code(), Some("forbidden"), "{refused}");
    let vip = |group: Option<&String>| CreateVip {
        subnet: subnet.meta.id.clone(),
        resource_group: group.cloned(),
        tags: [("team".to_string(), "shop".to_string())].into(),
        ..Default::default()
    };

    // Made in it, with tags, and nowhere else; the default group is another one.
    let own = mine.create_vip(&vip(Some(&shop))).unwrap().meta.id;
    forbidden(mine.create_vip(&vip(None)).unwrap_err());
    forbidden(mine.create_vip(&vip(Some(&bank))).unwrap_err());
    let other = scene.client.create_vip(&vip(Some(&bank))).unwrap().meta.id;

    // Read, changed and deleted in it.
    assert!(mine.vip(&own).is_ok() && mine.vip_history(&own, &HistoryFilter::default()).is_ok());
    forbidden(mine.vip(&other).unwrap_err());
    let rename = UpdateVip { name: Some("front".into()), ..Default::default() };
    mine.update_vip(&own, &rename).unwrap();
    forbidden(mine.update_vip(&other, &rename).unwrap_err());
    forbidden(mine.delete_vip(&other, true).unwrap_err());
    forbidden(mine.vip("vip-aaaaaaaaaaaaaaaaaaaa").unwrap_err());

    // A list of the group, and no other list.
    let of = |group: Option<&String>| VipFilter { resource_group: group.cloned(), ..Default::default() };
    let listed = mine.all_vips(&of(Some(&shop))).unwrap();
    assert_eq!(listed.iter().map(|vip| &vip.meta.id).collect::<Vec<_>>(), [&own]);
    forbidden(mine.all_vips(&of(None)).unwrap_err());
    forbidden(mine.all_vips(&of(Some(&bank))).unwrap_err());
    forbidden(mine.all_events(&EventFilter::default()).unwrap_err());
    // Where nothing is narrowed by it the parameter says nothing.
    let bearer = key.bearer();
    let header = [("Authorization", bearer.as_str())];
    for path in [format!("/v1/vips/{other}"), "/v1/events".into(), "/v1/resource-groups".into()] {
        assert_eq!(scene.raw("GET", &format!("{path}?resource_group={shop}"), &header, "").0, 403, "{path}");
    }

    // Moved neither out of it nor into it, as the other end is another group.
    let moved = |id: &String| MoveResources { resources: vec![id.clone()] };
    forbidden(mine.move_resources(&bank, &moved(&own)).unwrap_err());
    forbidden(mine.move_resources(&shop, &moved(&other)).unwrap_err());
    scene.client.move_resources(&shop, &moved(&other)).unwrap();
    mine.update_vip(&other, &rename).unwrap();
    assert!(mine.resource_group(&shop).is_ok());
    forbidden(mine.resource_group(&bank).unwrap_err());

    // The same by the clouds' APIs, of which one knows groups.
    let code = |cloud: Cloud, action: &str, params: &[(&str, &str)]| {
        let (_, answer) = cloud.ask(&scene, &key, action, params);
        cloud.code(&answer)
    };
    let vswitch = format!("vsw-{}", body(&subnet.meta.id));
    let in_it = [("VSwitchId", vswitch.as_str()), ("ResourceGroupId", shop.as_str())];
    assert_eq!(code(Aliyun, "CreateHaVip", &in_it), "");
    assert_eq!(code(Aliyun, "CreateHaVip", &in_it[..1]), "Forbidden.RAM");
    assert_eq!(code(Aliyun, "DescribeHaVips", &in_it[1..]), "");
    assert_eq!(code(Aliyun, "DescribeHaVips", &[]), "Forbidden.RAM");
    let of_bank = [("ResourceGroupId", bank.as_str())];
    assert_eq!(code(Aliyun, "DescribeHaVips", &of_bank), "Forbidden.RAM");
    let it = [("VpcId", vpc.meta.id.as_str())];
    assert_eq!(code(Aliyun, "DescribeVpcAttribute", &it), "Forbidden.RAM");
    scene.client.move_resources(&shop, &moved(&vpc.meta.id)).unwrap();
    assert_eq!(code(Aliyun, "DescribeVpcAttribute", &it), "");
    scene.client.move_resources(&bank, &moved(&other)).unwrap();
    let short = |id: &str| format!("havip-{}", &body(id)[..8]);
    let deleted = |id: &str| code(Tencent, "DeleteHaVip", &[("HaVipId", &short(id))]);
    assert_eq!([deleted(&other), deleted(&own)], ["AuthFailure.UnauthorizedOperation", ""]);
    assert_eq!(code(Tencent, "DescribeHaVips", &[]), "AuthFailure.UnauthorizedOperation");

    // What is decided can be asked for, of a resource or of a group.
    let test = |resource: Option<&String>, group: Option<&String>| {
        let asked = TestPolicy {
            action: "vpc:DeleteHaVip".into(),
            resource: resource.cloned(),
            resource_group: group.cloned(),
            user: Some("shopkeeper".into()),
            ..Default::default()
        };
        scene.client.test_policy(&asked).unwrap().allowed
    };
    assert_eq!([test(Some(&other), None), test(None, Some(&shop)), test(None, None)], [false, true, false]);
}

#[test]
fn a_condition_on_the_source_counts_the_connection_not_what_a_header_says() {
    let scene = Scene::start();
    let only = |source: &str| {
        format!(
            r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"IpAddress":{{"acs:SourceIp":"{source}"}}}}}}]}}"#
        )
    };
    let here = scene.client_of(&scene.user_with_policy("here", &only("127.0.0.0/8")));
    assert!(here.vips(&VipFilter::default()).is_ok());
    let elsewhere = scene.user_with_policy("elsewhere", &only("192.0.2.0/24"));
    let bearer = elsewhere.bearer();
    let headers = [("Authorization", bearer.as_str()), ("X-Forwarded-For", "192.0.2.1")];
    assert_eq!(scene.raw("GET", "/v1/vips", &headers, "").0, 403);
    let (_, answer) = Aliyun.ask(&scene, &elsewhere, "DescribeHaVips", &[("SourceIp", "192.0.2.1")]);
    assert_eq!(Aliyun.code(&answer), "Forbidden.RAM");
}

#[test]
fn a_test_says_what_is_decided_and_by_which_statement() {
    let scene = Scene::start();
    let document = r#"{"Version":"1","Statement":[
        {"Effect":"Allow","Action":"vpc:*","Resource":"*"},
        {"Effect":"Deny","Action":"vpc:Delete*","Resource":"*","Condition":{"StringEquals":{"havip:Dialect":"aliyun"}}}]}"#;
    let key = scene.user_with_policy("careful", document);
    let asked = |action: &str, dialect: &str| TestPolicy {
        action: action.into(),
        user: Some("careful".into()),
        resource: Some("vip-aaaaaaaaaaaaaaaaaaaa".into()),
        dialect: Some(dialect.into()),
        ..Default::default()
    };
    let client = &scene.client;
    let verdict = client.test_policy(&asked("vpc:DeleteHaVip", "aliyun")).unwrap();
    assert_eq!(
        (verdict.allowed, verdict.policy.as_deref(), verdict.statement),
        (false, Some("careful"), Some(2))
    );
    assert!(verdict.resource.ends_with(":havip/havip-aaaaaaaaaaaaaaaaaaaa"), "{verdict:?}");
    let verdict = client.test_policy(&asked("vpc:DeleteHaVip", "tencent")).unwrap();
    assert_eq!((verdict.allowed, verdict.statement), (true, Some(1)));
    let verdict = client.test_policy(&asked("ecs:RunInstances", "native")).unwrap();
    assert_eq!((verdict.allowed, verdict.policy), (false, None));
    let own = TestPolicy { user: None, ..asked("ecs:RunInstances", "native") };
    assert!(client.test_policy(&own).unwrap().allowed, "an administrator may everything");
    let allow = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*"}]}"#;
    let by_document = TestPolicy { document: Some(allow.into()), ..asked("ecs:RunInstances", "native") };
    assert!(client.test_policy(&by_document).unwrap().allowed);
    // Nobody learns of others.
    let others = TestPolicy { user: Some("admin".into()), ..asked("vpc:DeleteHaVip", "native") };
    let refused = scene.client_of(&key).test_policy(&others).unwrap_err();
    assert_eq!(refused.code(), Some("forbidden"), "this user may not even test: {refused}");
}
