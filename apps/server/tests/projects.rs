//! What is another project's looks exactly like what is not there: through every API, by every form of id.

mod support;

use havip_api::*;
use serde_json::Value;
use support::{
    Scene,
    agent::Live,
    clouds::{Aliyun, Cloud, Tencent, Ucloud, UcloudStack},
};

/// One of everything, made by the first project's administrator.
struct Theirs {
    vpc: String,
    subnet: String,
    vip: String,
    interface: String,
    instance: String,
    eip: String,
    route: String,
    eip_address: String,
    mac: String,
}

impl Theirs {
    fn make(scene: &Scene) -> Self {
        let client = &scene.client;
        let (vpc, subnet) = scene.network();
        let subnet_id = subnet.meta.id.clone();
        let vip = CreateVip {
            subnet: subnet_id.clone(),
            name: "theirs".into(),
            address: Some("10.20.1.100".into()),
            ..Default::default()
        };
        let vip = client.create_vip(&vip).unwrap();
        let wish = CreateInterface { subnet: subnet_id.clone(), name: "theirs".into(), ..Default::default() };
        let interface = client.create_interface(&wish).unwrap();
        let wish = RunInstance { subnet: subnet_id, name: "theirs".into(), ..Default::default() };
        let instance = client.run_instance(&wish).unwrap();
        let eip = client.allocate_eip(&AllocateEip { name: "theirs".into(), ..Default::default() }).unwrap();
        let route = CreateRoute {
            vpc: vpc.meta.id.clone(),
            destination: "198.18.0.0/15".into(),
            next_hop: vip.meta.id.clone(),
            ..Default::default()
        };
        let route = client.create_route(&route).unwrap();
        Self {
            vpc: vpc.meta.id,
            subnet: subnet.meta.id,
            vip: vip.meta.id,
            interface: interface.meta.id,
            instance: instance.meta.id,
            eip: eip.meta.id,
            route: route.meta.id,
            eip_address: eip.address,
            mac: interface.mac,
        }
    }

    fn ids(&self) -> [(&'static str, &str); 7] {
        [
            ("VPC", &self.vpc),
            ("SUBNET", &self.subnet),
            ("VIP", &self.vip),
            ("ENI", &self.interface),
            ("INSTANCE", &self.instance),
            ("EIP", &self.eip),
            ("ROUTE", &self.route),
        ]
    }
}

fn scene() -> (Scene, Live, Theirs) {
    let scene = Scene::start();
    let host = scene.join("h1");
    let agent = scene.follow(&host).live(&scene);
    let theirs = Theirs::make(&scene);
    (scene, agent, theirs)
}

/// The same id with another body, which nothing has.
fn absent(id: &str) -> String {
    let (prefix, _) = id.rsplit_once('-').unwrap();
    format!("{prefix}-zzzzzzzzzzzzzzzzzzzz")
}

/// An answer in which nothing stands that must differ between two requests.
fn bare(body: &str, ids: &[(String, String)]) -> Value {
    let mut text = body.to_string();
    for (theirs, absent) in ids {
        text = text.replace(theirs, "ID").replace(absent, "ID");
    }
    let mut value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    without_request_ids(&mut value);
    value
}

fn without_request_ids(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !["request_id", "RequestId", "RequestUUID"].contains(&name.as_str()));
            fields.values_mut().for_each(without_request_ids);
        }
        Value::Array(values) => values.iter_mut().for_each(without_request_ids),
        _ => {}
    }
}

#[test]
fn the_native_api_answers_for_another_projects_ids_as_for_absent_ones() {
    let (scene, _agent, theirs) = scene();
    let key = scene.user("mine", "me");
    let mine = scene.client_of(&key);
    let bearer = key.bearer();
    // Of the own project, so that only the named id is at fault.
    let vpc = mine.create_vpc(&CreateVpc { cidr: "10.30.0.0/16".into(), ..Default::default() }).unwrap();
    let own = CreateSubnet { vpc: vpc.meta.id.clone(), cidr: "10.30.1.0/24".into(), ..Default::default() };
    let subnet = mine.create_subnet(&own).unwrap().meta.id;
    let vip = mine.create_vip(&CreateVip { subnet: subnet.clone(), ..Default::default() }).unwrap().meta.id;
    let eip = mine.allocate_eip(&AllocateEip::default()).unwrap().meta.id;
    let interface = CreateInterface { subnet: subnet.clone(), ..Default::default() };
    let interface = mine.create_interface(&interface).unwrap().meta.id;
    let own = |text: &str| {
        text.replace("MYVPC", &vpc.meta.id)
            .replace("MYSUBNET", &subnet)
            .replace("MYVIP", &vip)
            .replace("MYEIP", &eip)
            .replace("MYENI", &interface)
    };
    #[rustfmt::skip]
    let table = [
        ("GET", "/v1/vpcs/VPC", ""), ("PATCH", "/v1/vpcs/VPC", r#"{"name":"x"}"#), ("DELETE", "/v1/vpcs/VPC", ""),
        ("GET", "/v1/subnets/SUBNET", ""), ("PATCH", "/v1/subnets/SUBNET", r#"{"name":"x"}"#), ("DELETE", "/v1/subnets/SUBNET", ""),
        ("GET", "/v1/vips/VIP", ""), ("PATCH", "/v1/vips/VIP", r#"{"name":"x"}"#), ("DELETE", "/v1/vips/VIP?unbind=true", ""),
        ("POST", "/v1/vips/batch-delete", r#"{"ids":["VIP"],"unbind":true}"#),
        ("GET", "/v1/vips/VIP/history", ""), ("GET", "/v1/vips/VIP/why", ""), ("POST", "/v1/vips/VIP/renew", ""),
        ("POST", "/v1/vips/VIP/drill", r#"{"seconds":1}"#), ("GET", "/v1/vips/VIP/associations", ""),
        ("POST", "/v1/vips/VIP/associations", r#"{"target":"MYENI"}"#), ("POST", "/v1/vips/MYVIP/associations", r#"{"target":"ENI"}"#),
        ("POST", "/v1/vips/MYVIP/associations", r#"{"target":"INSTANCE"}"#), ("DELETE", "/v1/vips/MYVIP/associations/INSTANCE", ""),
        ("GET", "/v1/interfaces/ENI", ""), ("PATCH", "/v1/interfaces/ENI", r#"{"name":"x"}"#), ("DELETE", "/v1/interfaces/ENI", ""),
        ("POST", "/v1/interfaces/ENI/addresses", r#"{"addresses":["10.30.1.9"]}"#), ("POST", "/v1/interfaces/ENI/detach", ""),
        ("POST", "/v1/interfaces/MYENI/attach", r#"{"instance":"INSTANCE"}"#),
        ("GET", "/v1/instances/INSTANCE", ""), ("PATCH", "/v1/instances/INSTANCE", r#"{"name":"x"}"#), ("DELETE", "/v1/instances/INSTANCE", ""),
        ("POST", "/v1/instances/INSTANCE/start", ""), ("POST", "/v1/instances/INSTANCE/stop", ""), ("POST", "/v1/instances/INSTANCE/power-off", ""),
        ("POST", "/v1/instances/INSTANCE/exec", r#"{"command":["true"]}"#), ("GET", "/v1/instances/INSTANCE/console", ""),
        ("GET", "/v1/eips/EIP", ""), ("PATCH", "/v1/eips/EIP", r#"{"name":"x"}"#), ("DELETE", "/v1/eips/EIP?unbind=true", ""),
        ("POST", "/v1/eips/EIP/bind", r#"{"target":"MYVIP"}"#), ("POST", "/v1/eips/EIP/unbind", ""),
        ("POST", "/v1/eips/MYEIP/bind", r#"{"target":"VIP"}"#), ("POST", "/v1/eips/MYEIP/bind", r#"{"target":"INSTANCE"}"#),
        ("POST", "/v1/eips/MYEIP/bind", r#"{"target":"ENI"}"#),
        ("GET", "/v1/routes/ROUTE", ""), ("DELETE", "/v1/routes/ROUTE", ""),
        ("POST", "/v1/routes", r#"{"vpc":"VPC","destination":"192.0.2.0/24","next_hop":"MYVIP"}"#),
        ("POST", "/v1/routes", r#"{"vpc":"MYVPC","destination":"192.0.2.0/24","next_hop":"VIP"}"#),
        ("POST", "/v1/subnets", r#"{"vpc":"VPC","cidr":"10.20.9.0/24"}"#), ("POST", "/v1/vips", r#"{"subnet":"SUBNET"}"#),
        ("POST", "/v1/vips", r#"{"subnet":"SUBNET","address":"10.20.1.100"}"#),
        ("POST", "/v1/vips", r#"{"subnet":"MYSUBNET","associations":[{"target":"INSTANCE"}]}"#),
        ("POST", "/v1/interfaces", r#"{"subnet":"SUBNET"}"#), ("POST", "/v1/instances", r#"{"subnet":"SUBNET"}"#),
        ("GET", "/v1/path?interface=ENI&destination=10.20.1.100", ""),
        ("GET", "/v1/vpcs?q=VPC", ""), ("GET", "/v1/subnets?vpc=VPC", ""), ("GET", "/v1/vips?vpc=VPC", ""), ("GET", "/v1/vips?instance=INSTANCE", ""),
        ("GET", "/v1/interfaces?subnet=SUBNET", ""), ("GET", "/v1/instances?vpc=VPC", ""), ("GET", "/v1/eips?q=EIP", ""),
        ("GET", "/v1/events?vip=VIP", ""), ("GET", "/v1/events?instance=INSTANCE", ""),
    ];
    let ids: Vec<(String, String)> =
        theirs.ids().iter().map(|(_, id)| ((*id).to_string(), absent(id))).collect();
    for (method, path, body) in table {
        let ask = |is_theirs: bool| {
            let fill = |text: &str| {
                // Longer words first: "SUBNET" holds no other, "VIP" is in "MYVIP".
                let mut text = own(text);
                for (word, id) in theirs.ids() {
                    let id = if is_theirs { id.to_string() } else { absent(id) };
                    text = text.replace(word, &id);
                }
                text
            };
            let (status, head, answer) =
                scene.raw(method, &fill(path), &[("Authorization", &bearer)], &fill(body));
            let kind = head.lines().find(|line| line.starts_with("content-type")).map(str::to_string);
            (status, kind, bare(&answer, &ids))
        };
        assert_eq!(ask(true), ask(false), "{method} {path} {body}");
    }
    // Nothing happened to what is theirs.
    let client = &scene.client;
    assert_eq!(client.vip(&theirs.vip).unwrap().meta.generation, 1);
    assert_eq!(client.eip(&theirs.eip).unwrap().target, None);
    assert_eq!(client.instance(&theirs.instance).unwrap().meta.generation, 1);
}

/// A cloud's action with its parameters; `havip-8:VIP` stands for the VIP's id with 8 characters.
type Row<'a> = (Cloud, &'a str, &'a [(&'a str, &'a str)]);

#[test]
fn the_clouds_apis_answer_for_another_projects_ids_as_for_absent_ones() {
    let (scene, _agent, theirs) = scene();
    let key = scene.user("mine", "me");
    #[rustfmt::skip]
    let table: &[Row] = &[
        (Aliyun, "DeleteHaVip", &[("HaVipId", "havip:VIP")]),
        (Aliyun, "ModifyHaVipAttribute", &[("HaVipId", "havip:VIP"), ("Name", "x")]),
        (Aliyun, "AssociateHaVip", &[("HaVipId", "havip:VIP"), ("InstanceId", "i:INSTANCE")]),
        (Aliyun, "DescribeHaVips", &[("Filter.1.Key", "HaVipId"), ("Filter.1.Value.1", "havip:VIP")]),
        (Aliyun, "CreateHaVip", &[("VSwitchId", "vsw:SUBNET"), ("IpAddress", "10.20.1.100")]),
        (Aliyun, "DeleteVpc", &[("VpcId", "vpc:VPC")]),
        (Aliyun, "DescribeVpcs", &[("VpcId", "vpc:VPC")]),
        (Aliyun, "DescribeVpcAttribute", &[("VpcId", "vpc:VPC")]),
        (Aliyun, "CreateVSwitch", &[("VpcId", "vpc:VPC"), ("CidrBlock", "10.20.9.0/24"), ("ZoneId", "z")]),
        (Aliyun, "DeleteVSwitch", &[("VSwitchId", "vsw:SUBNET")]),
        (Aliyun, "DescribeVSwitchAttributes", &[("VSwitchId", "vsw:SUBNET")]),
        (Aliyun, "DescribeEipAddresses", &[("AllocationId", "eip:EIP")]),
        (Aliyun, "ReleaseEipAddress", &[("AllocationId", "eip:EIP")]),
        (Aliyun, "AssociateEipAddress", &[("AllocationId", "eip:EIP"), ("InstanceId", "havip:VIP"), ("InstanceType", "HaVip")]),
        (Aliyun, "StopInstance", &[("InstanceId", "i:INSTANCE")]),
        (Aliyun, "DeleteInstance", &[("InstanceId", "i:INSTANCE"), ("Force", "true")]),
        (Aliyun, "DescribeNetworkInterfaces", &[("NetworkInterfaceId.1", "eni:ENI")]),
        (Aliyun, "DeleteNetworkInterface", &[("NetworkInterfaceId", "eni:ENI")]),
        (Tencent, "DeleteHaVip", &[("HaVipId", "havip-8:VIP")]),
        (Tencent, "DescribeHaVips", &[("HaVipIds.0", "havip-8:VIP")]),
        (Tencent, "ModifyHaVipAttribute", &[("HaVipId", "havip-8:VIP"), ("HaVipName", "x")]),
        (Tencent, "HaVipAssociateAddressIp", &[("HaVipId", "havip-8:VIP"), ("AddressIp", "203.0.113.77")]),
        (Tencent, "CreateHaVip", &[("VpcId", "vpc-8:VPC"), ("SubnetId", "subnet-8:SUBNET"), ("HaVipName", "x")]),
        (Tencent, "DeleteVpc", &[("VpcId", "vpc-8:VPC")]),
        (Tencent, "DescribeSubnets", &[("SubnetIds.0", "subnet-8:SUBNET")]),
        (Tencent, "ReleaseAddresses", &[("AddressIds.0", "eip-8:EIP")]),
        (Tencent, "TerminateInstances", &[("InstanceIds.0", "ins-8:INSTANCE")]),
        (Tencent, "DescribeInstances", &[("InstanceIds.0", "ins-8:INSTANCE")]),
        (UcloudStack, "ReleaseVIP", &[("VIPID", "vip-12:VIP")]),
        (UcloudStack, "DescribeVIP", &[("VIPIDs.0", "vip-12:VIP")]),
        (UcloudStack, "UpdateVIPBindResource", &[("VIPID", "vip-12:VIP"), ("CompanyID", "1")]),
        (UcloudStack, "DeleteVPC", &[("VPCID", "vpc-12:VPC"), ("Zone", "z")]),
        (Ucloud, "ReleaseVIP", &[("VIPId", "vip-8:VIP")]),
        (Ucloud, "DescribeVIP", &[("VIPId", "vip-8:VIP"), ("ProjectId", "p")]),
        (Ucloud, "DeleteVPC", &[("VPCId", "uvnet-8:VPC")]),
    ];
    for (cloud, action, params) in table {
        let mut ids = vec![];
        let mut ask_as = |key: &KeyFile, is_theirs: bool| {
            let filled: Vec<(&str, String)> = params
                .iter()
                .map(|(name, value)| {
                    let named = value.split_once(':').and_then(|(form, word)| {
                        let id = theirs.ids().into_iter().find(|(known, _)| *known == word)?.1;
                        let body = |id: &str| id.rsplit_once('-').unwrap().1.to_string();
                        let short = form.rsplit_once('-');
                        let short = short.and_then(|(prefix, length)| Some((prefix, length.parse().ok()?)));
                        let (prefix, length) = short.unwrap_or((form, 20));
                        let show = |id: &str| format!("{prefix}-{}", &body(id)[..length]);
                        ids.push((show(id), show(&absent(id))));
                        Some(if is_theirs { show(id) } else { show(&absent(id)) })
                    });
                    (*name, named.unwrap_or_else(|| (*value).to_string()))
                })
                .collect();
            let filled: Vec<(&str, &str)> =
                filled.iter().map(|(name, value)| (*name, value.as_str())).collect();
            cloud.ask(&scene, key, action, &filled)
        };
        let (theirs, absent) = (ask_as(&key, true), ask_as(&key, false));
        let owners = action.starts_with("Describe").then(|| ask_as(&scene.key(), true));
        let plain = |(status, answer): &(u16, Value)| (*status, bare(&answer.to_string(), &ids));
        assert_eq!(plain(&theirs), plain(&absent), "{cloud:?} {action} {params:?}");
        assert!(!absent.1.to_string().contains("InvalidAction"), "{cloud:?} {action}: {}", absent.1);
        // The table asks for what is there: its owner is answered something else.
        if let Some(owners) = owners {
            assert_ne!(plain(&owners), plain(&absent), "{cloud:?} {action} {params:?}");
        }
    }
    // The owner's client has it all the same: the table asks for what is there.
    let (_, answer) = Aliyun.ask(&scene, &scene.key(), "DescribeHaVips", &[]);
    assert_eq!(answer["TotalCount"], 1, "{answer}");
    let (_, answer) = Tencent.ask(&scene, &scene.key(), "DescribeHaVips", &[]);
    assert_eq!(answer["TotalCount"], 1, "{answer}");
    let (_, answer) = Aliyun.ask(&scene, &key, "DescribeHaVips", &[]);
    assert_eq!(answer["TotalCount"], 0, "{answer}");
}

#[test]
fn addresses_of_another_project_are_free_to_use_or_look_reserved() {
    let (scene, _agent, theirs) = scene();
    let mine = scene.client_of(&scene.user("mine", "me"));
    let vpc = CreateVpc { name: "shop".into(), cidr: "10.20.0.0/16".into(), ..Default::default() };
    let vpc = mine.create_vpc(&vpc).unwrap();
    let subnet = CreateSubnet {
        vpc: vpc.meta.id,
        name: "web".into(),
        cidr: "10.20.1.0/24".into(),
        ..Default::default()
    };
    let subnet = mine.create_subnet(&subnet).unwrap().meta.id;
    let vip = CreateVip { subnet: subnet.clone(), address: Some("10.20.1.100".into()), ..Default::default() };
    assert_eq!(mine.create_vip(&vip).unwrap().address, "10.20.1.100");

    let allocate = |address: &str| {
        let wish = AllocateEip { address: Some(address.into()), ..Default::default() };
        let refused = mine.allocate_eip(&wish).unwrap_err();
        let ClientError::Refused(problem) = refused else { panic!("{refused}") };
        (
            problem.code,
            problem.status,
            problem.field,
            problem.blocked_by,
            problem.detail.replace(address, "A"),
        )
    };
    assert_eq!(allocate(&theirs.eip_address), allocate("203.0.113.0"));
    let automatic = mine.allocate_eip(&AllocateEip::default()).unwrap();
    assert_ne!(automatic.address, theirs.eip_address);
    let pools = mine.all_eip_pools(&EipPoolFilter::default()).unwrap();
    assert_eq!(pools[0].allocated, 1, "how many others have taken is not told");
    assert_eq!(scene.client.all_eip_pools(&EipPoolFilter::default()).unwrap()[0].allocated, 2);

    let wish = CreateInterface { subnet, mac: Some(theirs.mac), ..Default::default() };
    let refused = mine.create_interface(&wish).unwrap_err();
    assert_eq!(refused.code(), Some("mac_not_usable"));
}

#[test]
fn a_project_has_limits_events_and_lists_of_its_own() {
    let (scene, _agent, _theirs) = scene();
    let mine = scene.client_of(&scene.user("mine", "me"));
    assert!(mine.all_vpcs(&VpcFilter::default()).unwrap().is_empty());
    assert!(mine.all_events(&EventFilter::default()).unwrap().is_empty());
    let vpc = mine.create_vpc(&CreateVpc { cidr: "10.20.0.0/16".into(), ..Default::default() }).unwrap();
    let events = mine.all_events(&EventFilter::default()).unwrap();
    assert_eq!(events.len(), 2, "of the VPC and of its default security group");
    assert!(events.iter().any(|event| event.resource.as_deref() == Some(vpc.meta.id.as_str())));

    // An administrator looks into any project.
    let there = scene.client.in_project("mine");
    assert_eq!(there.all_vpcs(&VpcFilter::default()).unwrap(), std::slice::from_ref(&vpc));
    assert_eq!(scene.client.all_vpcs(&VpcFilter::default()).unwrap().len(), 1);
    assert!(scene.client.vpc(&vpc.meta.id).unwrap_err().is_not_found());
    // Nobody else does.
    let elsewhere = mine.in_project("default").all_vpcs(&VpcFilter::default()).unwrap_err();
    assert_eq!((elsewhere.status(), elsewhere.code()), (Some(404), Some("project_not_found")));
    assert_eq!(mine.in_project("mine").all_vpcs(&VpcFilter::default()).unwrap().len(), 1);
}

#[test]
fn projects_and_what_is_theirs_are_there_after_a_restart() {
    let mut scene = Scene::start();
    let key = scene.user("mine", "me");
    let wish = CreateVpc { cidr: "10.20.0.0/16".into(), ..Default::default() };
    let vpc = scene.client_of(&key).create_vpc(&wish).unwrap();
    scene.network();

    scene.restart();

    let mine = scene.client_of(&key);
    assert_eq!(mine.all_vpcs(&VpcFilter::default()).unwrap(), [vpc]);
    assert_eq!(scene.client.all_vpcs(&VpcFilter::default()).unwrap().len(), 1);
    assert_eq!(mine.all_events(&EventFilter::default()).unwrap().len(), 2);
}

#[test]
fn only_administrators_touch_hosts_pools_projects_and_users() {
    let scene = Scene::start();
    let key = scene.user("mine", "me");
    let bearer = key.bearer();
    for (method, path, body) in [
        ("GET", "/v1/hosts", ""),
        ("HEAD", "/v1/hosts", ""),
        ("POST", "/v1/hosts/tokens", ""),
        ("POST", "/v1/eip-pools", r#"{"cidr":"198.51.100.0/24"}"#),
        ("POST", "/v1/projects", r#"{"name":"x"}"#),
        ("POST", "/v1/users", r#"{"name":"x"}"#),
        (
            "POST",
            "/v1/interfaces/eni-zzzzzzzzzzzzzzzzzzzz/plug",
            r#"{"host":"host-zzzzzzzzzzzzzzzzzzzz","device":"eth0"}"#,
        ),
    ] {
        let (status, _, answer) = scene.raw(method, path, &[("Authorization", &bearer)], body);
        assert_eq!(status, 403, "{method} {path}: {answer}");
        assert!(answer.contains("\"forbidden\"") || method == "HEAD", "{answer}");
    }
    let mine = scene.client_of(&key);
    assert_eq!(mine.projects().unwrap().items.len(), 1);
    assert_eq!(mine.users().unwrap().items.len(), 1);
    assert_eq!(mine.access_keys(&AccessKeyFilter::default()).unwrap().items.len(), 1);
}

#[test]
fn only_administrators_say_what_of_a_providers_network_is_whose() {
    let scene = Scene::start();
    let mine = scene.client_of(&scene.user("mine", "me"));
    let all = scene.client.in_project("mine");
    let vpc = mine.create_vpc(&CreateVpc { cidr: "10.20.0.0/16".into(), ..Default::default() }).unwrap();
    let external = Some(CreateExternal { vlan: Some(177), ..Default::default() });
    let cidr = "192.168.177.0/24".into();
    let wish = CreateSubnet { vpc: vpc.meta.id, cidr, external, ..Default::default() };
    let forbidden = |refused: ClientError| {
        assert_eq!((refused.status(), refused.code()), (Some(403), Some("forbidden")), "{refused}");
    };
    forbidden(mine.create_subnet(&wish).unwrap_err());
    let subnet = all.create_subnet(&wish).unwrap().meta.id;

    let named = UpdateNetwork { name: Some("provider".into()), ..Default::default() };
    assert_eq!(mine.update_subnet(&subnet, &named).unwrap().meta.name, "provider");
    let six = UpdateNetwork { cidr6: Some("2001:db8:177::/64".into()), ..Default::default() };
    forbidden(mine.update_subnet(&subnet, &six).unwrap_err());
    let six = all.update_subnet(&subnet, &six).unwrap();
    assert_eq!(six.gateway6.as_deref(), Some("2001:db8:177::1"));

    // The same VLAN is joined to one VPC, whosever it is.
    let (vpc, _) = scene.network();
    let again = CreateSubnet { vpc: vpc.meta.id, cidr: "192.168.178.0/24".into(), ..wish };
    let refused = scene.client.create_subnet(&again).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(409), Some("vlan_in_use")), "{refused}");
}

#[test]
fn a_key_is_shown_once_disabled_enabled_rotated_and_deleted() {
    let scene = Scene::start();
    let first = scene.user("mine", "me");
    let mine = scene.client_of(&first);
    let made = mine.create_access_key(&CreateAccessKey { name: "ci".into(), user: None }).unwrap();
    let second =
        KeyFile { access_key_id: made.access_key.id.clone(), access_key_secret: made.access_key_secret };
    let by_second = scene.client_of(&second);
    assert!(by_second.vpcs(&VpcFilter::default()).is_ok());
    assert!(mine.access_key(&second.access_key_id).unwrap().last_used_at.is_some());
    let listed = serde_json::to_string(&mine.access_keys(&AccessKeyFilter::default()).unwrap()).unwrap();
    assert!(!listed.contains(&second.access_key_secret));

    let able = |disabled| UpdateAccessKey { name: None, disabled: Some(disabled) };
    mine.update_access_key(&second.access_key_id, &able(true)).unwrap();
    let refused = by_second.vpcs(&VpcFilter::default()).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(401), Some("access_key_disabled")));
    for (cloud, code) in
        [(Aliyun, "InvalidAccessKeyId.Inactive"), (Tencent, "AuthFailure.SecretIdNotFound"), (Ucloud, "172")]
    {
        let (_, answer) = cloud.ask(&scene, &second, "DescribeVPC", &[]);
        let (_, answer) = match cloud {
            Ucloud => (0, answer),
            cloud => cloud.ask(&scene, &second, "DescribeVpcs", &[]),
        };
        assert_eq!(cloud.code(&answer), code, "{answer}");
    }
    mine.update_access_key(&second.access_key_id, &able(false)).unwrap();
    assert!(by_second.vpcs(&VpcFilter::default()).is_ok());

    let third = mine.rotate_access_key(&second.access_key_id, &RotateAccessKey { keep_seconds: 0 }).unwrap();
    assert_eq!(by_second.vpcs(&VpcFilter::default()).unwrap_err().code(), Some("access_key_disabled"));
    assert_eq!(mine.access_key(&second.access_key_id).unwrap().status, KeyStatus::Expired);
    let third = KeyFile {
        access_key_id: third.access_key.id.clone(),
        access_key_secret: third.access_key_secret.clone(),
    };
    assert!(scene.client_of(&third).vpcs(&VpcFilter::default()).is_ok());
    mine.delete_access_key(&third.access_key_id).unwrap();
    assert_eq!(
        scene.client_of(&third).vpcs(&VpcFilter::default()).unwrap_err().code(),
        Some("unauthenticated")
    );

    // Other users' keys are not there.
    let admins = scene.key().access_key_id;
    assert!(mine.access_key(&admins).unwrap_err().is_not_found());
    assert!(mine.delete_access_key(&admins).unwrap_err().is_not_found());
    let refused = scene.client.delete_access_key(&admins).unwrap_err();
    assert_eq!(refused.code(), Some("last_administrator"));
}

#[test]
fn a_repeated_creation_of_a_key_shows_the_same_secret_and_no_secret_is_stored_in_the_clear() {
    let scene = Scene::start();
    let once = scene.client.with_idempotency_key("once");
    let wish = CreateAccessKey { name: "ci".into(), user: None };
    let first = once.create_access_key(&wish).unwrap();
    assert_eq!(once.create_access_key(&wish).unwrap(), first);
    let other = CreateAccessKey { name: "other".into(), user: None };
    assert_eq!(once.create_access_key(&other).unwrap_err().code(), Some("idempotency_key_reused"));
    assert_eq!(scene.client.access_keys(&AccessKeyFilter::default()).unwrap().items.len(), 2);
    for entry in std::fs::read_dir(&scene.config.data).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let secret = first.access_key_secret.as_bytes();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", path.display());
    }
}
