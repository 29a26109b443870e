//! How much a project may have: shown, asked for, given, and refused in each cloud's words.

mod support;

use havip_api::*;
use support::{
    Scene,
    clouds::{Aliyun, Cloud, Tencent, Ucloud, UcloudStack},
};

fn quota(client: &Client, name: &str, profile: Profile) -> Quota {
    let filter = QuotaFilter { name: Some(name.into()), profile: Some(profile), resource: None };
    client.quotas(&filter).unwrap().items.remove(0)
}

fn set(client: &Client, name: &str, limit: Option<u64>) {
    client.set_quota(name, &SetQuota { profile: None, limit }).unwrap();
}

fn vip(subnet: &Subnet) -> CreateVip {
    CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() }
}

#[test]
fn what_is_used_is_shown_with_the_limit_and_where_it_is_most() {
    let scene = Scene::start();
    let (vpc, subnet) = scene.network();
    for _ in 0..3 {
        scene.client.create_vip(&vip(&subnet)).unwrap();
    }
    let all = scene.client.quotas(&QuotaFilter::default()).unwrap().items;
    // Four follow the profile of a VIP, and there are four profiles.
    assert_eq!(all.len(), 4 * 4 + 8);
    let of_vpc = quota(&scene.client, "vips_per_vpc", Profile::Native);
    assert_eq!((of_vpc.used, of_vpc.limit, of_vpc.usual), (3, 50, 50));
    assert_eq!(of_vpc.fullest, Some(vpc.meta.id.clone()));
    // By a cloud's name it is that cloud's.
    let by_name = QuotaFilter { name: Some("vpc-max-havips".into()), ..Default::default() };
    let tencents = scene.client.quotas(&by_name).unwrap().items;
    assert_eq!(tencents.len(), 1);
    assert_eq!((tencents[0].profile, tencents[0].limit), (Some(Profile::Tencent), 10));
    let about = QuotaFilter { resource: Some(subnet.meta.id), ..Default::default() };
    let names: Vec<_> = scene.client.quotas(&about).unwrap().items.into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["tags_per_resource"], "no other limit is about a subnet");
    let about =
        QuotaFilter { resource: Some(vpc.meta.id), profile: Some(Profile::Native), ..Default::default() };
    let names: Vec<_> = scene.client.quotas(&about).unwrap().items.into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["vips_per_vpc", "vip_routes_per_vpc", "groups_per_vpc", "tags_per_resource"]);
    let unknown = QuotaFilter { name: Some("vips".into()), ..Default::default() };
    assert_eq!(scene.client.quotas(&unknown).unwrap_err().code(), Some("invalid_quota"));
}

#[test]
fn a_limit_is_each_projects_own_holds_at_once_and_outlives_the_server() {
    let mut scene = Scene::start();
    let (_, subnet) = scene.network();
    let other = scene.client_of(&scene.user("other", "ann"));
    set(&scene.client, "vips_per_vpc", Some(1));
    scene.client.create_vip(&vip(&subnet)).unwrap();
    let refused = scene.client.create_vip(&vip(&subnet)).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(409), Some("too_many_vips_in_vpc")));
    assert_eq!(quota(&other, "vips_per_vpc", Profile::Native).limit, 50);
    scene.restart();
    assert_eq!(scene.client.create_vip(&vip(&subnet)).unwrap_err().code(), Some("too_many_vips_in_vpc"));
    set(&scene.client, "vips_per_vpc", None);
    scene.client.create_vip(&vip(&subnet)).unwrap();
    // Only administrators set limits, and no further than there is room for.
    let other = scene.client_of(&scene.user("third", "bob"));
    let wish = SetQuota { profile: None, limit: Some(100) };
    assert_eq!(other.set_quota("vips_per_vpc", &wish).unwrap_err().code(), Some("forbidden"));
    let wish = SetQuota { profile: None, limit: Some(201) };
    assert_eq!(scene.client.set_quota("rules_per_group", &wish).unwrap_err().code(), Some("out_of_range"));
    let wish = SetQuota { profile: Some(Profile::Native), limit: Some(1) };
    assert_eq!(scene.client.set_quota("vpc-max-havips", &wish).unwrap_err().code(), Some("contradiction"));
    assert_eq!(scene.client.set_quota("vips", &wish).unwrap_err().code(), Some("quota_not_found"));
}

#[test]
fn a_user_asks_for_more_and_an_administrator_decides() {
    let scene = Scene::start();
    let ann = scene.client_of(&scene.user("shop", "ann"));
    let bob = scene.client_of(&scene.user("other", "bob"));
    let wish = RequestQuota {
        quota: "vpc_quota_havip_custom_route_entry".into(),
        limit: 10,
        reason: "ten routers".into(),
        ..Default::default()
    };
    let asked = ann.request_quota(&wish).unwrap();
    assert_eq!((asked.quota.as_str(), asked.user.as_str()), ("vip_routes_per_vpc", "ann"));
    let refused = ann.decide_quota(&asked.id, &DecideQuota { approve: true, ..Default::default() });
    assert_eq!(refused.unwrap_err().code(), Some("forbidden"));
    assert_eq!(bob.quota_request(&asked.id).unwrap_err().status(), Some(404));
    assert!(bob.quota_requests(&QuotaRequestFilter::default()).unwrap().items.is_empty());

    let open = QuotaRequestFilter { open: Some(true), all_projects: Some(true) };
    assert_eq!(bob.quota_requests(&open).unwrap_err().code(), Some("forbidden"));
    let listed = scene.client.quota_requests(&open).unwrap().items;
    assert_eq!(listed, std::slice::from_ref(&asked));
    let decision = DecideQuota { approve: true, limit: Some(8), comment: "eight will do".into() };
    let decided = scene.client.decide_quota(&asked.id, &decision).unwrap();
    assert_eq!(decided.decision.as_ref().and_then(|decision| decision.limit), Some(8));
    assert_eq!(quota(&ann, "vip_routes_per_vpc", Profile::Native).limit, 8);
    assert_eq!(quota(&bob, "vip_routes_per_vpc", Profile::Native).limit, 5);
    assert_eq!(ann.quota_request(&asked.id).unwrap(), decided);
    assert!(scene.client.quota_requests(&open).unwrap().items.is_empty());
    let again = scene.client.decide_quota(&asked.id, &DecideQuota::default()).unwrap_err();
    assert_eq!((again.status(), again.code()), (Some(409), Some("already_decided")));
    // What was asked and decided stands in the audit, too.
    let about = AuditFilter { resource: Some(asked.id), ..Default::default() };
    let told = support::eventually("both refusals are stored", || {
        Some(scene.client.audit(&about).unwrap()).filter(|told| told.items.len() == 4)
    });
    let actions: Vec<_> = told.items.iter().map(|entry| entry.action.as_str()).collect();
    // Ann's try, the decision, and the second one, which came too late.
    assert_eq!(
        actions,
        ["havip:RequestQuota", "havip:DecideQuota", "havip:DecideQuota", "havip:DecideQuota"]
    );
}

#[test]
fn each_cloud_refuses_in_its_own_words_what_the_projects_limits_do_not_allow() {
    let scene = Scene::start();
    let key = scene.user("shop", "ann");
    let ann = scene.client_of(&key);
    let administrator = scene.client.in_project("shop");
    let wish = CreateVpc { cidr: "10.20.0.0/16".into(), ..Default::default() };
    let vpc = ann.create_vpc(&wish).unwrap().meta.id;
    let wish = CreateSubnet { vpc: vpc.clone(), cidr: "10.20.1.0/24".into(), ..Default::default() };
    let subnet = ann.create_subnet(&wish).unwrap();
    let id = &subnet.meta.id;
    // A name of the fabric, as long as the cloud's ids are.
    let cut = |prefix: &str, id: &str, length: usize| {
        format!("{prefix}-{}", &id.rsplit_once('-').unwrap().1[..length])
    };
    let code = |cloud: Cloud, action: &str, params: &[(&str, String)]| {
        let params: Vec<_> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        cloud.code(&cloud.ask(&scene, &key, action, &params).1)
    };
    let refused = || {
        let (vpc8, subnet8) = (cut("vpc", &vpc, 8), cut("subnet", id, 8));
        let (vpc12, subnet12) = (cut("vpc", &vpc, 12), cut("subnet", id, 12));
        let word = |text: &str| text.to_string();
        let stack = [
            ("Name", word("front")),
            ("VIPType", word("LAN")),
            ("VPCID", vpc12),
            ("SubnetID", subnet12),
            ("CompanyID", word("1")),
            ("Quantity", word("1")),
        ];
        let havip = [("VpcId", vpc8), ("SubnetId", subnet8.clone()), ("HaVipName", word("front"))];
        let public = [("VPCId", cut("uvnet", &vpc, 8)), ("SubnetId", subnet8)];
        [
            code(Aliyun, "CreateHaVip", &[("VSwitchId", cut("vsw", id, 20))]),
            code(Tencent, "CreateHaVip", &havip),
            code(Ucloud, "AllocateVIP", &public),
            code(UcloudStack, "AllocateVIP", &stack),
            ann.create_vip(&vip(&subnet)).unwrap_err().code().unwrap_or_default().into(),
        ]
    };
    set(&administrator, "vips_per_vpc", Some(0));
    let in_vpc = ["CountLimitExceed.HaVipInVpc", "LimitExceeded", "303", "303", "too_many_vips_in_vpc"];
    assert_eq!(refused(), in_vpc);
    set(&administrator, "vips_per_project", Some(0));
    assert_eq!(refused(), ["Forbidden.HaVip", "LimitExceeded", "303", "303", "vips_not_allowed"]);

    // Groups and sets are counted, too.
    set(&administrator, "deployment_sets_per_project", Some(0));
    let group = [("Name", "web".to_string()), ("Type", "HOST".to_string())];
    let refused = [
        code(Aliyun, "CreateDeploymentSet", &[]),
        code(Tencent, "CreateDisasterRecoverGroup", &group),
        ann.create_deployment_set(&CreateDeploymentSet::default()).unwrap_err().code().unwrap().into(),
    ];
    let words =
        ["QuotaExceed.DeploymentSet", "LimitExceeded.DisasterRecoverGroup", "too_many_deployment_sets"];
    assert_eq!(refused, words);
    set(&administrator, "resource_groups_per_project", Some(1));
    let named = |name: &str| CreateResourceGroup { name: name.into(), ..Default::default() };
    ann.create_resource_group(&named("one")).unwrap();
    let refused = ann.create_resource_group(&named("two")).unwrap_err();
    assert_eq!(refused.code(), Some("too_many_resource_groups"));
    assert_eq!(quota(&ann, "resource_groups_per_project", Profile::Native).used, 1);

    // Tencent's own way to ask follows what the project was given.
    set(&administrator, "vpc-max-havips", Some(12));
    let (_, answer) = Tencent.ask(&scene, &key, "DescribeVpcLimits", &[("LimitTypes.0", "vpc-max-havips")]);
    assert_eq!(answer["VpcLimitSet"][0]["LimitValue"], 12, "{answer}");
}
