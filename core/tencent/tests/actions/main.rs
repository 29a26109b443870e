//! What actions do and answer, on a world without hosts in between.

#[path = "../client/mod.rs"]
mod client;
mod placements;
mod tags;

use client::{Client, REQUEST};
use havip_dialect::trial::Trial;
use havip_model::ResourceKey;
use serde_json::{Value, json};

/// A client, and a VPC with a subnet.
struct Scene {
    client: Client,
    trial: Trial,
    vpc: String,
    subnet: String,
}

impl Scene {
    fn new() -> Self {
        let (mut client, mut trial) = (Client::default(), Trial::new("local-a"));
        let vpc = client.ok(&mut trial, "CreateVpc", json!({"VpcName": "shop", "CidrBlock": "10.0.0.0/16"}));
        let vpc = text(&vpc["Vpc"]["VpcId"]);
        let wanted =
            json!({"VpcId": vpc, "SubnetName": "web", "Zone": "ap-guangzhou-3", "CidrBlock": "10.0.1.0/24"});
        let subnet = client.ok(&mut trial, "CreateSubnet", wanted);
        let subnet = text(&subnet["Subnet"]["SubnetId"]);
        Self { client, trial, vpc, subnet }
    }

    fn ok(&mut self, action: &str, params: Value) -> Value {
        self.client.ok(&mut self.trial, action, params)
    }

    fn refused(&mut self, action: &str, params: Value, code: &str) {
        self.client.refused(&mut self.trial, action, params, code);
    }

    fn havip(&mut self, more: Value) -> String {
        let mut params = json!({"VpcId": self.vpc, "SubnetId": self.subnet, "HaVipName": "front"});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text(&self.ok("CreateHaVip", params)["HaVip"]["HaVipId"])
    }

    fn instances(&mut self, count: usize) -> Vec<String> {
        let params = json!({
            "Placement": {"Zone": "ap-guangzhou-3"}, "ImageId": "img-1", "InstanceType": "S5.SMALL2", "InstanceCount": count,
            "VirtualPrivateCloud": {"VpcId": self.vpc, "SubnetId": self.subnet}, "InstanceName": "web",
        });
        self.ok("RunInstances", params)["InstanceIdSet"].as_array().unwrap().iter().map(text).collect()
    }

    fn shown(&mut self, havip: &str) -> Value {
        self.ok("DescribeHaVips", json!({"HaVipIds": [havip]}))["HaVipSet"][0].clone()
    }

    fn claim(&mut self, havip: &str, instance: &str) {
        let vip = self.trial.world.vips.by_head(&havip[6..]).unwrap().clone();
        let instance = self.trial.world.instances.by_head(&instance[4..]).unwrap().id;
        self.trial.claim(&vip, instance);
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

#[test]
fn any_instance_of_the_subnet_may_hold_a_havip_and_its_holder_is_shown() {
    let mut scene = Scene::new();
    let havip = scene.havip(json!({"Vip": "10.0.1.88"}));
    assert!(havip.len() == "havip-".len() + 8, "{havip}");
    let shown = scene.shown(&havip);
    assert_eq!(
        (&shown["State"], &shown["Vip"], &shown["CheckAssociate"]),
        (&json!("UNBIND"), &json!("10.0.1.88"), &json!(false))
    );
    assert_eq!(
        (&shown["InstanceId"], &shown["AddressIp"], &shown["HaVipAssociationSet"]),
        (&json!(""), &json!(""), &json!([]))
    );
    assert_eq!(shown["FlushedTime"], "0000-00-00 00:00:00");
    let vip = scene.trial.world.vips.values().next().unwrap().clone();
    assert_eq!((vip.binding, vip.profile), (havip_model::Binding::Subnet, havip_model::Profile::Tencent));

    let instance = scene.instances(1).remove(0);
    scene.claim(&havip, &instance);
    let shown = scene.shown(&havip);
    assert_eq!((&shown["State"], &shown["InstanceId"]), (&json!("AVAILABLE"), &json!(instance)));
    assert_eq!(shown["FlushedTime"], "2024-01-02 03:04:05");
    assert!(text(&shown["NetworkInterfaceId"]).starts_with("eni-"));
    scene.refused("DeleteHaVip", json!({"HaVipId": havip}), "UnsupportedOperation");
    scene.trial.records.clear();
    scene.ok("DeleteHaVip", json!({"HaVipId": havip}));
    assert_eq!(scene.ok("DescribeHaVips", json!({}))["TotalCount"], 0);
    scene.refused("DeleteHaVip", json!({"HaVipId": havip}), "ResourceNotFound");
    scene.refused("DeleteHaVip", json!({"HaVipId": "havip-1"}), "InvalidParameterValue.Malformed");
}

#[test]
fn with_check_associate_only_those_in_the_set_may() {
    let mut scene = Scene::new();
    let instances = scene.instances(2);
    let set = json!({"CheckAssociate": true, "HaVipAssociationSet": [{"InstanceId": instances[0], "InstanceType": "CVM"}]});
    let havip = scene.havip(set);
    let shown = scene.shown(&havip);
    assert_eq!(shown["CheckAssociate"], true);
    let entry = |instance: &str| json!({"InstanceId": instance, "HaVipId": havip, "InstanceType": "CVM"});
    assert_eq!(shown["HaVipAssociationSet"], json!([entry(&instances[0])]));
    let both = json!({"HaVipAssociationSet": [entry(&instances[1])]});
    scene.ok("AssociateHaVipInstance", both.clone());
    scene.refused(
        "AssociateHaVipInstance",
        both.clone(),
        "InvalidParameterValue.DuplicatedHaVipAssociations",
    );
    let filter = json!({"Filters": [{"Name": "havip-association.instance-id", "Values": [instances[1]]}]});
    let found = scene.ok("DescribeHaVips", filter)["HaVipSet"][0]["HaVipAssociationSet"][0].clone();
    assert_eq!(found, entry(&instances[1]), "the one that was asked for comes first");
    scene.ok("DisassociateHaVipInstance", both.clone());
    scene.refused("DisassociateHaVipInstance", both, "ResourceNotFound");
    scene.ok("DeleteHaVip", json!({"HaVipId": havip}));
}

#[test]
fn an_eip_is_bound_by_its_address_and_the_request_is_a_task() {
    let mut scene = Scene::new();
    let havip = scene.havip(json!({}));
    let made = scene.ok("AllocateAddresses", json!({"AddressCount": 2, "InternetMaxBandwidthOut": 10}));
    assert_eq!(made["TaskId"], json!(u64::from_str_radix(&REQUEST[..12], 16).unwrap().to_string()));
    let listed =
        scene.ok("DescribeAddresses", json!({"AddressIds": made["AddressSet"]}))["AddressSet"].clone();
    let (address, second) = (text(&listed[0]["AddressIp"]), text(&listed[1]["AddressIp"]));
    scene.ok("HaVipAssociateAddressIp", json!({"HaVipId": havip, "AddressIp": address}));
    scene.refused(
        "HaVipAssociateAddressIp",
        json!({"HaVipId": havip, "AddressIp": second}),
        "UnsupportedOperation.BindEIP",
    );
    assert_eq!(scene.shown(&havip)["AddressIp"], json!(address));
    let filter = json!({"Filters": [{"Name": "address-ip", "Values": [address]}]});
    let bound = scene.ok("DescribeAddresses", filter)["AddressSet"][0].clone();
    assert_eq!(
        (&bound["AddressStatus"], &bound["InstanceType"], &bound["InstanceId"]),
        (&json!("BIND"), &json!("HAVIP"), &json!(havip))
    );
    assert_eq!(bound["PrivateAddressIp"], "10.0.1.3");

    let vip = ResourceKey::Vip(scene.trial.world.vips.values().next().unwrap().id);
    scene.trial.tasks.push((REQUEST.into(), vec![vip]));
    let task = json!({"TaskId": "01234567-89ab-cdef-0123-456789abcdef"});
    assert_eq!(scene.ok("DescribeVpcTaskResult", task.clone())["Status"], "SUCCESS");
    scene.trial.pending.insert(vip);
    assert_eq!(scene.ok("DescribeVpcTaskResult", task)["Status"], "RUNNING");
    let number = u64::from_str_radix(&REQUEST[..12], 16).unwrap();
    assert_eq!(scene.ok("DescribeTaskResult", json!({"TaskId": number}))["Result"], "RUNNING");
    scene.refused("DescribeTaskResult", json!({"TaskId": 7}), "ResourceNotFound");

    scene.refused("DeleteHaVip", json!({"HaVipId": havip}), "UnsupportedOperation");
    scene.ok("HaVipDisassociateAddressIp", json!({"HaVipId": havip}));
    scene.refused("HaVipDisassociateAddressIp", json!({"HaVipId": havip}), "UnsupportedOperation.UnbindEIP");
    scene.ok("ReleaseAddresses", json!({"AddressIds": made["AddressSet"]}));
}

#[test]
fn addresses_names_and_limits_are_refused_with_the_clouds_codes() {
    let mut scene = Scene::new();
    let create = |scene: &Scene, more: Value| {
        let mut params = json!({"VpcId": scene.vpc, "SubnetId": scene.subnet, "HaVipName": "x"});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    scene.havip(json!({"Vip": "10.0.1.9"}));
    for (more, code) in [
        (json!({"Vip": "10.0.1.9"}), "InvalidParameterValue.Duplicate"),
        (json!({"Vip": "10.0.2.9"}), "InvalidParameterValue"),
        (json!({"Vip": "ten"}), "InvalidParameterValue.Malformed"),
        (json!({"HaVipName": "x".repeat(61)}), "InvalidParameterValue.TooLong"),
        (json!({"HaVipName": ""}), "MissingParameter"),
        (json!({"SubnetId": "subnet-aaaaaaaa"}), "ResourceNotFound"),
        (json!({"NetworkInterfaceId": "eni-aaaaaaaa"}), "UnknownParameter"),
        (json!({"Labels": [{"Key": "a", "Value": "b"}]}), "UnknownParameter"),
    ] {
        let params = create(&scene, more);
        scene.refused("CreateHaVip", params, code);
    }
    for _ in 1..10 {
        scene.havip(json!({}));
    }
    let params = create(&scene, json!({}));
    scene.refused("CreateHaVip", params, "LimitExceeded");
}

#[test]
fn lists_have_offset_and_limit_as_numbers_or_texts_and_either_ids_or_filters() {
    let mut scene = Scene::new();
    let ids: Vec<String> = (0..3).map(|_| scene.havip(json!({}))).collect();
    let page = scene.ok("DescribeHaVips", json!({"Offset": 1, "Limit": 1}));
    assert_eq!((page["TotalCount"].as_u64(), page["HaVipSet"].as_array().unwrap().len()), (Some(3), 1));
    assert_eq!(scene.ok("DescribeVpcs", json!({"Offset": "0", "Limit": "20"}))["TotalCount"], 1);
    let both = json!({"HaVipIds": [ids[0]], "Filters": [{"Name": "vip", "Values": ["10.0.1.3"]}]});
    scene.refused("DescribeHaVips", both, "InvalidParameter.Coexist");
    scene.refused("DescribeHaVips", json!({"Limit": 101}), "InvalidParameterValue.Range");
    let filter = |name: &str| json!({"Filters": [{"Name": name, "Values": ["a"]}]});
    scene.refused("DescribeHaVips", filter("colour"), "InvalidParameter.FilterInvalidKey");
    assert_eq!(scene.ok("DescribeHaVips", json!({"HaVipIds": ["havip-zzzzzzzz"]}))["HaVipSet"], json!([]));
    let fuzzy = json!({"Filters": [{"Name": "vpc-name", "Values": ["ho"]}]});
    assert_eq!(scene.ok("DescribeVpcs", fuzzy)["TotalCount"], 1);
}

#[test]
fn instances_run_stop_start_and_go() {
    let mut scene = Scene::new();
    let ids = scene.instances(2);
    let shown = scene.ok("DescribeInstances", json!({"InstanceIds": [ids[0]]}))["InstanceSet"][0].clone();
    assert_eq!(
        (&shown["InstanceState"], &shown["InstanceType"], &shown["Placement"]["Zone"]),
        (&json!("RUNNING"), &json!("S5.SMALL2"), &json!("ap-guangzhou-3"))
    );
    scene.refused(
        "StartInstances",
        json!({"InstanceIds": [ids[0]]}),
        "UnsupportedOperation.InstanceStateRunning",
    );
    let reboot = |kind: &str| json!({"InstanceIds": ids, "StopType": kind});
    scene.ok("RebootInstances", reboot("SOFT"));
    scene.refused("RebootInstances", reboot("HARD"), "UnsupportedOperation");
    scene.refused("RebootInstances", reboot("NONE"), "InvalidParameterValue");
    scene.refused(
        "StopInstances",
        json!({"InstanceIds": ids, "StoppedMode": "FREE"}),
        "InvalidParameterValue",
    );
    scene
        .ok("StopInstances", json!({"InstanceIds": ids, "StopType": "HARD", "StoppedMode": "STOP_CHARGING"}));
    let shown = scene.ok("DescribeInstances", json!({"InstanceIds": [ids[0]]}));
    assert_eq!(shown["InstanceSet"][0]["StopChargingMode"], "STOP_CHARGING");
    scene.refused("RebootInstances", reboot("SOFT"), "UnsupportedOperation.InstanceStateStopped");
    let states = scene.ok("DescribeInstancesStatus", json!({}))["InstanceStatusSet"].clone();
    assert!(states.as_array().unwrap().iter().all(|one| one["InstanceState"] == "STOPPED"), "{states}");
    scene.refused(
        "StopInstances",
        json!({"InstanceIds": [ids[0]]}),
        "UnsupportedOperation.InstanceStateStopped",
    );
    scene.ok("StartInstances", json!({"InstanceIds": ids}));
    scene.ok("TerminateInstances", json!({"InstanceIds": ids}));
    scene.refused("TerminateInstances", json!({"InstanceIds": [ids[0]]}), "InvalidInstanceId.NotFound");
    scene.refused("TerminateInstances", json!({"InstanceIds": ["ins-1"]}), "InvalidInstanceId.Malformed");
}

#[test]
fn who_has_which_address_of_a_vpc_is_told() {
    let mut scene = Scene::new();
    let (instance, havip) = (scene.instances(1).remove(0), scene.havip(json!({"Vip": "10.0.1.99"})));
    let (vpc, subnet) = (scene.vpc.clone(), scene.subnet.clone());
    let used = scene.ok("DescribeUsedIpAddress", json!({"VpcId": vpc}))["IpAddressStates"].clone();
    let who = |at: usize| (text(&used[at]["ResourceType"]), text(&used[at]["ResourceId"]));
    assert_eq!([who(0), who(1)], [("CVM".into(), instance), ("HAVIP".into(), havip)]);
    assert_eq!((&used[1]["IpAddress"], &used[1]["SubnetId"]), (&json!("10.0.1.99"), &json!(subnet)));
    let one = json!({"VpcId": vpc, "SubnetId": subnet, "IpAddresses": ["10.0.1.99", "10.0.1.77"]});
    assert_eq!(scene.ok("DescribeUsedIpAddress", one)["TotalCount"], 1);
    scene.refused("DescribeUsedIpAddress", json!({"VpcId": "vpc-zzzzzzzz"}), "ResourceNotFound");
}

#[test]
fn an_interface_is_made_attached_associated_and_deleted() {
    let mut scene = Scene::new();
    let instance = scene.instances(1).remove(0);
    let params = json!({"VpcId": scene.vpc, "SubnetId": scene.subnet, "NetworkInterfaceName": "second", "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.50"}]});
    let made = scene.ok("CreateNetworkInterface", params)["NetworkInterface"].clone();
    let eni = text(&made["NetworkInterfaceId"]);
    assert_eq!(made["PrivateIpAddressSet"][0]["PrivateIpAddress"], "10.0.1.50");
    let both = json!({"NetworkInterfaceId": eni, "InstanceId": instance});
    scene.ok("AttachNetworkInterface", both.clone());
    scene.refused("DeleteNetworkInterface", json!({"NetworkInterfaceId": eni}), "ResourceInUse");
    let havip = scene.havip(json!({"HaVipAssociationSet": [{"InstanceId": eni, "InstanceType": "ENI"}]}));
    assert_eq!(scene.shown(&havip)["HaVipAssociationSet"][0]["InstanceType"], "ENI");
    let params = json!({"VpcId": scene.vpc, "SubnetId": scene.subnet, "InstanceId": instance, "NetworkInterfaceName": "third"});
    let third = scene.ok("CreateAndAttachNetworkInterface", params)["NetworkInterface"].clone();
    assert_eq!(third["Attachment"]["InstanceId"], json!(instance));
    scene.ok("DetachNetworkInterface", both);
    scene.ok("DeleteNetworkInterface", json!({"NetworkInterfaceId": eni}));
    assert_eq!(scene.shown(&havip)["HaVipAssociationSet"], json!([]));
}

#[test]
fn a_subnet_with_something_in_it_stays() {
    let mut scene = Scene::new();
    let havip = scene.havip(json!({}));
    let (vpc, subnet) = (scene.vpc.clone(), scene.subnet.clone());
    scene.refused("DeleteSubnet", json!({"SubnetId": subnet}), "ResourceInUse");
    scene.refused("DeleteVpc", json!({"VpcId": vpc}), "ResourceInUse");
    let over = json!({"VpcId": vpc, "SubnetName": "b", "Zone": "z", "CidrBlock": "10.0.1.128/25"});
    scene.refused("CreateSubnet", over, "InvalidParameterValue.SubnetConflict");
    let outside = json!({"VpcId": vpc, "SubnetName": "b", "Zone": "z", "CidrBlock": "10.9.0.0/24"});
    scene.refused("CreateSubnet", outside, "InvalidParameterValue.SubnetRange");
    scene.ok("DeleteHaVip", json!({"HaVipId": havip}));
    scene.ok("DeleteSubnet", json!({"SubnetId": subnet}));
    scene.ok("DeleteVpc", json!({"VpcId": vpc}));
}

impl Scene {
    fn group(&mut self, name: &str) -> String {
        let made =
            self.ok("CreateSecurityGroup", json!({"GroupName": name, "GroupDescription": "of the shop"}));
        text(&made["SecurityGroup"]["SecurityGroupId"])
    }

    fn policies(&mut self, group: &str) -> Value {
        self.ok("DescribeSecurityGroupPolicies", json!({"SecurityGroupId": group}))["SecurityGroupPolicySet"]
            .clone()
    }

    fn places(&mut self, group: &str) -> Vec<String> {
        let ingress = self.policies(group)["Ingress"].as_array().unwrap().clone();
        let of = |one: &Value| {
            let port = text(&one["Port"]);
            format!("{} {} {port} {}", one["PolicyIndex"], text(&one["Protocol"]), text(&one["Action"]))
        };
        ingress.iter().map(of).collect()
    }
}

fn policy(port: &str, action: &str) -> Value {
    json!({"Protocol": "TCP", "Port": port, "CidrBlock": "10.0.0.0/8", "Action": action})
}

#[test]
fn policies_stand_in_the_order_in_which_they_count_and_others_follow_their_places() {
    let mut scene = Scene::new();
    let group = scene.group("web");
    assert_eq!(scene.places(&group), Vec::<String>::new(), "nothing passes");
    let set =
        |ingress: Value| json!({"SecurityGroupId": group, "SecurityGroupPolicySet": {"Ingress": ingress}});
    scene.ok("CreateSecurityGroupPolicies", set(json!([policy("80", "ACCEPT"), policy("1-100", "DROP")])));
    let mut first = policy("22", "ACCEPT");
    first["PolicyIndex"] = 0.into();
    scene.ok("CreateSecurityGroupPolicies", set(json!([first])));
    assert_eq!(scene.places(&group), ["0 tcp 22 ACCEPT", "1 tcp 80 ACCEPT", "2 tcp 1-100 DROP"]);
    let priorities = |scene: &Scene| -> Vec<u8> {
        let group = scene.trial.world.groups.by_head(&group[3..]).unwrap();
        let mut priorities: Vec<u8> = group.rules.iter().map(|rule| rule.priority).collect();
        priorities.sort();
        priorities
    };
    assert_eq!(priorities(&scene), [1, 2, 3]);
    scene.refused(
        "CreateSecurityGroupPolicies",
        set(json!([policy("80", "ACCEPT")])),
        "InvalidParameterValue.Duplicate",
    );

    let version = text(&scene.policies(&group)["Version"]);
    let stale = json!({
        "SecurityGroupId": group,
        "SecurityGroupPolicySet": {"Version": version, "Ingress": [{"PolicyIndex": 1}]},
    });
    scene.ok("DeleteSecurityGroupPolicies", stale.clone());
    scene.refused("DeleteSecurityGroupPolicies", stale, "UnsupportedOperation.VersionMismatch");
    assert_eq!(scene.places(&group), ["0 tcp 22 ACCEPT", "1 tcp 1-100 DROP"]);
    scene.ok("DeleteSecurityGroupPolicies", set(json!([policy("1-100", "DROP")])));
    scene.refused("DeleteSecurityGroupPolicies", set(json!([policy("1-100", "DROP")])), "ResourceNotFound");
    let mut other = policy("443", "ACCEPT");
    other["PolicyIndex"] = 0.into();
    scene.ok("ReplaceSecurityGroupPolicy", set(json!([other])));
    assert_eq!(scene.places(&group), ["0 tcp 443 ACCEPT"]);
    let whole = json!({"SecurityGroupId": group, "SecurityGroupPolicySet": {"Version": "0"}});
    scene.ok("ModifySecurityGroupPolicies", whole);
    assert_eq!(scene.places(&group), Vec::<String>::new());
}

#[test]
fn what_makes_no_policy_is_refused() {
    let mut scene = Scene::new();
    let group = scene.group("web");
    for (name, value, code) in [
        ("Protocol", json!("SCTP"), "InvalidParameterValue"),
        ("Protocol", json!("ICMP"), "InvalidParameter.Coexist"),
        ("Port", json!("80,443"), "InvalidParameterValue"),
        ("CidrBlock", json!("10.0.0.0/33"), "InvalidParameterValue.Malformed"),
        ("CidrBlock", json!(""), "MissingParameter"),
        ("Ipv6CidrBlock", json!("fd00::/8"), "InvalidParameter.Coexist"),
        ("Action", json!("MAYBE"), "InvalidParameterValue"),
        ("PolicyIndex", json!(1), "InvalidParameterValue"),
        ("ServiceTemplate", json!({"ServiceId": "ppm-1"}), "UnknownParameter"),
    ] {
        let mut one = policy("80", "ACCEPT");
        one[name] = value;
        let params = json!({"SecurityGroupId": group, "SecurityGroupPolicySet": {"Ingress": [one]}});
        scene.refused("CreateSecurityGroupPolicies", params, code);
    }
    let both = json!({"Ingress": [policy("80", "ACCEPT")], "Egress": [policy("80", "ACCEPT")]});
    let params = json!({"SecurityGroupId": group, "SecurityGroupPolicySet": both});
    scene.refused("CreateSecurityGroupPolicies", params, "InvalidParameter.Coexist");
}

#[test]
fn a_group_is_of_every_vpc_and_instances_are_associated_with_it_and_not_with_none() {
    let mut scene = Scene::new();
    let (group, more) = (scene.group("web"), scene.group("more"));
    let instance = scene.instances(1).remove(0);
    let shown = |scene: &mut Scene| {
        let listed = scene.ok("DescribeInstances", json!({"InstanceIds": [instance]}));
        listed["InstanceSet"][0]["SecurityGroupIds"].as_array().unwrap().iter().map(text).collect::<Vec<_>>()
    };
    let default = shown(&mut scene);
    let with = |groups: &[&str]| json!({"InstanceIds": [instance], "SecurityGroupIds": groups});
    scene.ok("AssociateSecurityGroups", with(&[&group, &more]));
    scene.ok("DisassociateSecurityGroups", with(&[&default[0]]));
    assert_eq!(shown(&mut scene), [group.clone(), more.clone()]);
    scene.refused("DisassociateSecurityGroups", with(&[&group, &more]), "UnsupportedOperation");
    scene.refused("DeleteSecurityGroup", json!({"SecurityGroupId": group}), "ResourceInUse");

    let elsewhere = scene.ok("CreateVpc", json!({"VpcName": "other", "CidrBlock": "10.1.0.0/16"}));
    let vpc = text(&elsewhere["Vpc"]["VpcId"]);
    let wanted =
        json!({"VpcId": vpc, "SubnetName": "a", "Zone": "ap-guangzhou-3", "CidrBlock": "10.1.1.0/24"});
    let subnet = text(&scene.ok("CreateSubnet", wanted)["Subnet"]["SubnetId"]);
    let params = json!({
        "VpcId": vpc, "SubnetId": subnet, "NetworkInterfaceName": "n", "SecurityGroupIds": [group],
    });
    let made = scene.ok("CreateNetworkInterface", params);
    assert_eq!(made["NetworkInterface"]["GroupSet"], json!([group]));
    let by = json!({"Filters": [{"Name": "groups.security-group-id", "Values": [group]}]});
    assert_eq!(scene.ok("DescribeNetworkInterfaces", by)["TotalCount"], 2);
    let counted =
        scene.ok("DescribeSecurityGroupAssociationStatistics", json!({"SecurityGroupIds": [group]}));
    let counted = &counted["SecurityGroupAssociationStatisticsSet"][0];
    assert_eq!((&counted["CVM"], &counted["ENI"]), (&json!(1), &json!(1)));
}
