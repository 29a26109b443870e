//! What actions do and answer, on a world without hosts in between.

mod client;

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
        (json!({"Tags": [{"Key": "a", "Value": "b"}]}), "UnknownParameter"),
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
    scene.ok("StopInstances", json!({"InstanceIds": ids, "StopType": "HARD"}));
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
