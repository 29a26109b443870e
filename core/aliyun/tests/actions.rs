//! What actions do and answer, on a world without hosts in between.

mod client;

use client::Client;
use havip_dialect::trial::Trial;
use havip_model::{ResourceKey, Vip};
use serde_json::{Value, json};

/// A client, and a VPC with a vSwitch.
struct Scene {
    client: Client,
    trial: Trial,
    vpc: String,
    vswitch: String,
}

impl Scene {
    fn new() -> Self {
        let (mut client, mut trial) = (Client::default(), Trial::new("local-a"));
        let vpc = client.ok(
            &mut trial,
            "CreateVpc",
            &[("RegionId", "cn-hangzhou"), ("CidrBlock", "192.168.0.0/16"), ("VpcName", "shop")],
        );
        let vpc = text(&vpc["VpcId"]);
        let vswitch = client.ok(
            &mut trial,
            "CreateVSwitch",
            &[("VpcId", &vpc), ("ZoneId", "cn-hangzhou-h"), ("CidrBlock", "192.168.0.0/24")],
        );
        let vswitch = text(&vswitch["VSwitchId"]);
        Self { client, trial, vpc, vswitch }
    }

    fn ok(&mut self, action: &str, params: &[(&str, &str)]) -> Value {
        self.client.ok(&mut self.trial, action, params)
    }

    fn refused(&mut self, action: &str, params: &[(&str, &str)], status: u16, code: &str) {
        self.client.refused(&mut self.trial, action, params, status, code);
    }

    fn havip(&mut self) -> String {
        let vswitch = self.vswitch.clone();
        text(&self.ok("CreateHaVip", &[("VSwitchId", &vswitch), ("Name", "front")])["HaVipId"])
    }

    fn instance(&mut self) -> String {
        let vswitch = self.vswitch.clone();
        let params =
            [("VSwitchId", vswitch.as_str()), ("ImageId", "debian_12"), ("InstanceType", "ecs.g6.large")];
        text(&self.ok("RunInstances", &params)["InstanceIdSets"]["InstanceIdSet"][0])
    }

    fn shown(&mut self, havip: &str) -> Value {
        let shown = self.ok("DescribeHaVips", &[("Filter.1.Key", "HaVipId"), ("Filter.1.Value.1", havip)]);
        shown["HaVips"]["HaVip"][0].clone()
    }

    fn vip(&self, havip: &str) -> Vip {
        self.trial.world.vips.by_head(&havip["havip-".len()..]).unwrap().clone()
    }

    /// The instance claims the HAVIP.
    fn claim(&mut self, havip: &str, instance: &str) {
        let (vip, instance) =
            (self.vip(havip), self.trial.world.instances.by_head(&instance[2..]).unwrap().id);
        self.trial.claim(&vip, instance);
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

#[test]
fn a_havip_lives_from_creation_to_deletion_in_the_clouds_states() {
    let mut scene = Scene::new();
    let havip = scene.havip();
    let shown = scene.shown(&havip);
    assert_eq!(shown["Status"], "Available");
    assert_eq!(shown["IpAddress"], "192.168.0.3");
    assert_eq!((&shown["VSwitchId"], &shown["Name"]), (&json!(scene.vswitch), &json!("front")));
    assert_eq!(
        shown["AssociatedInstances"],
        json!({"associatedInstance": []}),
        "lists are there, also empty ones"
    );
    assert_eq!(shown["AssociatedEipAddresses"], json!({"associatedEipAddresse": []}));

    let (one, two) = (scene.instance(), scene.instance());
    for instance in [&one, &two] {
        scene.ok("AssociateHaVip", &[("HaVipId", &havip), ("InstanceId", instance)]);
    }
    let shown = scene.shown(&havip);
    assert_eq!(
        (&shown["Status"], &shown["AssociatedInstanceType"]),
        (&json!("InUse"), &json!("EcsInstance"))
    );
    assert_eq!(shown["AssociatedInstances"]["associatedInstance"], json!([one, two]));
    assert_eq!(shown["MasterInstanceId"], "", "nobody has announced it");

    scene.claim(&havip, &two);
    assert_eq!(scene.shown(&havip)["MasterInstanceId"], json!(two));
    scene.refused(
        "UnassociateHaVip",
        &[("HaVipId", &havip), ("InstanceId", &two)],
        400,
        "Forbidden.UnassociateMaster",
    );
    scene.ok("UnassociateHaVip", &[("HaVipId", &havip), ("InstanceId", &two), ("Force", "True")]);
    assert_eq!(scene.shown(&havip)["MasterInstanceId"], "", "it is not associated any more");
    scene.refused("DeleteHaVip", &[("HaVipId", &havip)], 400, "IncorrectStatus");
    scene.ok("UnassociateHaVip", &[("HaVipId", &havip), ("InstanceId", &one)]);
    scene.ok("DeleteHaVip", &[("HaVipId", &havip)]);
    scene.refused("DeleteHaVip", &[("HaVipId", &havip)], 404, "InvalidHaVipId.NotFound");
    assert_eq!(scene.ok("DescribeHaVips", &[])["TotalCount"], 0);
}

#[test]
fn while_hosts_have_not_acknowledged_a_havip_is_in_transition() {
    let mut scene = Scene::new();
    let havip = scene.havip();
    let key = ResourceKey::Vip(scene.vip(&havip).id);
    scene.trial.pending.insert(key);
    assert_eq!(scene.shown(&havip)["Status"], "Creating");
    let instance = scene.instance();
    scene.ok("AssociateHaVip", &[("HaVipId", &havip), ("InstanceId", &instance)]);
    assert_eq!(scene.shown(&havip)["Status"], "Associating");
    scene.ok("UnassociateHaVip", &[("HaVipId", &havip), ("InstanceId", &instance)]);
    assert_eq!(scene.shown(&havip)["Status"], "Unassociating");
}

#[test]
fn an_address_is_chosen_or_refused_with_the_clouds_code() {
    let mut scene = Scene::new();
    let vswitch = scene.vswitch.clone();
    let create = |address| [("VSwitchId", vswitch.as_str()), ("IpAddress", address)];
    let made = scene.ok("CreateHaVip", &create("192.168.0.88"));
    assert_eq!(made["IpAddress"], "192.168.0.88");
    for (address, code) in [
        ("192.168.0.88", "InvalidIPAddress.AlreadyUsed"),
        ("192.168.0.0", "InvalidIPAddress.NotAvailable"),
        ("192.168.0.255", "InvalidIPAddress.NotAvailable"),
        ("192.168.1.9", "InvalidIPAddress.OutOfRange"),
        ("fd00::1", "InvalidIPAddress.Malformed"),
        ("192.168.0.9/24", "InvalidIPAddress.Malformed"),
    ] {
        scene.refused("CreateHaVip", &create(address), 400, code);
    }
    scene.refused("CreateHaVip", &[], 400, "MissingParameter");
    scene.refused("CreateHaVip", &[("VSwitchId", "vsw-of-nobody")], 404, "InvalidVSwitchId.NotFound");
    let named = [("VSwitchId", vswitch.as_str()), ("Name", "http://a")];
    scene.refused("CreateHaVip", &named, 400, "Abs.Vpc.InvalidName.Malformed");
}

#[test]
fn associations_are_refused_with_the_clouds_codes() {
    let mut scene = Scene::new();
    let (havip, instance) = (scene.havip(), scene.instance());
    let (vpc, vswitch) = (scene.vpc.clone(), scene.vswitch.clone());
    let associate = |id, kind| [("HaVipId", havip.as_str()), ("InstanceId", id), ("InstanceType", kind)];
    scene.ok("AssociateHaVip", &associate(&instance, "EcsInstance"));
    scene.refused("AssociateHaVip", &associate(&instance, "EcsInstance"), 404, "InvalidHaVip.Exist");
    scene.refused(
        "AssociateHaVip",
        &associate("i-of-nobody", "EcsInstance"),
        404,
        "InvalidInstanceId.NotFound",
    );
    scene.refused("AssociateHaVip", &associate(&instance, "Cow"), 400, "IllegalParam.InstanceType");
    let free = text(&scene.ok("CreateNetworkInterface", &[("VSwitchId", &vswitch)])["NetworkInterfaceId"]);
    let code = "OperationUnsupported.BindOnFreeNetworkInterface";
    scene.refused("AssociateHaVip", &associate(&free, "NetworkInterface"), 400, code);
    scene.ok("AttachNetworkInterface", &[("NetworkInterfaceId", &free), ("InstanceId", &instance)]);
    scene.refused(
        "AssociateHaVip",
        &associate(&free, "NetworkInterface"),
        400,
        "OperationUnsupported.BindMultipleType",
    );

    let other = [("VpcId", vpc.as_str()), ("ZoneId", "cn-hangzhou-h"), ("CidrBlock", "192.168.7.0/24")];
    scene.vswitch = text(&scene.ok("CreateVSwitch", &other)["VSwitchId"]);
    let elsewhere = scene.instance();
    let code = "OperationUnsupported.BindOnMultipleVswitch";
    scene.refused("AssociateHaVip", &associate(&elsewhere, "EcsInstance"), 400, code);
    scene.refused("UnassociateHaVip", &associate(&elsewhere, "EcsInstance"), 400, "ResourceNotAssociated");
}

#[test]
fn two_interfaces_of_one_instance_cannot_both_be_associated() {
    let mut scene = Scene::new();
    let (havip, instance, vswitch) = (scene.havip(), scene.instance(), scene.vswitch.clone());
    let mut enis = vec![];
    for _ in 0..2 {
        let eni = text(&scene.ok("CreateNetworkInterface", &[("VSwitchId", &vswitch)])["NetworkInterfaceId"]);
        scene.ok("AttachNetworkInterface", &[("NetworkInterfaceId", &eni), ("InstanceId", &instance)]);
        enis.push(eni);
    }
    let first = [("HaVipId", havip.as_str()), ("InstanceId", &enis[0]), ("InstanceType", "NetworkInterface")];
    scene.ok("AssociateHaVip", &first);
    assert_eq!(scene.shown(&havip)["AssociatedInstanceType"], "NetworkInterface");
    let second =
        [("HaVipId", havip.as_str()), ("InstanceId", &enis[1]), ("InstanceType", "NetworkInterface")];
    scene.refused("AssociateHaVip", &second, 400, "OperationUnsupported.BindOnSameEcs");
}

#[test]
fn limits_have_the_clouds_codes() {
    let mut scene = Scene::new();
    let (first, instance) = (scene.havip(), scene.instance());
    for _ in 0..5 {
        let havip = scene.havip();
        scene.ok("AssociateHaVip", &[("HaVipId", &havip), ("InstanceId", &instance)]);
    }
    scene.refused(
        "AssociateHaVip",
        &[("HaVipId", &first), ("InstanceId", &instance)],
        400,
        "CountLimitExceed.HaVipOnInstance",
    );
    for _ in 0..10 {
        let instance = scene.instance();
        scene.ok("AssociateHaVip", &[("HaVipId", &first), ("InstanceId", &instance)]);
    }
    let instance = scene.instance();
    scene.refused(
        "AssociateHaVip",
        &[("HaVipId", &first), ("InstanceId", &instance)],
        404,
        "QuotaExceeded.HaVipBindInstance",
    );
    for _ in 6..50 {
        scene.havip();
    }
    let vswitch = scene.vswitch.clone();
    scene.refused("CreateHaVip", &[("VSwitchId", &vswitch)], 400, "CountLimitExceed.HaVipInVpc");
}

#[test]
fn filters_narrow_by_key_and_pages_repeat_what_was_asked() {
    let mut scene = Scene::new();
    let ids: Vec<String> = (0..12).map(|_| scene.havip()).collect();
    let page = scene.ok("DescribeHaVips", &[]);
    assert_eq!(
        (&page["PageNumber"], &page["PageSize"], &page["TotalCount"]),
        (&json!(1), &json!(10), &json!(12))
    );
    let page = scene.ok("DescribeHaVips", &[("PageNumber", "2"), ("PageSize", "10")]);
    assert_eq!(page["HaVips"]["HaVip"].as_array().unwrap().len(), 2);
    let page = scene.ok("DescribeHaVips", &[("PageNumber", "99")]);
    assert_eq!(
        (&page["HaVips"]["HaVip"], &page["TotalCount"]),
        (&json!([]), &json!(12)),
        "past the end is empty"
    );
    let two =
        [("Filter.1.Key", "HaVipId"), ("Filter.1.Value.1", ids[3].as_str()), ("Filter.1.Value.2", &ids[4])];
    assert_eq!(scene.ok("DescribeHaVips", &two)["TotalCount"], 2);
    let none = [("Filter.1.Key", "Status"), ("Filter.1.Value.1", "InUse")];
    assert_eq!(scene.ok("DescribeHaVips", &none)["TotalCount"], 0);
    let strange = [("Filter.1.Key", "Colour"), ("Filter.1.Value.1", "red")];
    scene.refused("DescribeHaVips", &strange, 404, "InvalidFilterKey.ValueNotSupported");
}

#[test]
fn an_eip_follows_the_havip_and_blocks_its_deletion() {
    let mut scene = Scene::new();
    let havip = scene.havip();
    let eip = scene.ok("AllocateEipAddress", &[("Bandwidth", "10"), ("InternetChargeType", "PayByTraffic")]);
    let (id, address) = (text(&eip["AllocationId"]), text(&eip["EipAddress"]));
    // The published examples write the kind so.
    scene.ok(
        "AssociateEipAddress",
        &[("AllocationId", &id), ("InstanceId", &havip), ("InstanceType", "HAVIP")],
    );
    let shown =
        scene.ok("DescribeEipAddresses", &[("AllocationId", &id)])["EipAddresses"]["EipAddress"][0].clone();
    assert_eq!(
        (&shown["Status"], &shown["InstanceType"], &shown["InstanceId"]),
        (&json!("InUse"), &json!("HaVip"), &json!(havip))
    );
    assert_eq!((&shown["PrivateIpAddress"], &shown["Mode"]), (&json!("192.168.0.3"), &json!("NAT")));
    assert_eq!(
        (&shown["Bandwidth"], &shown["InternetChargeType"]),
        (&json!("10"), &json!("PayByTraffic")),
        "as it was said"
    );
    assert_eq!(scene.shown(&havip)["AssociatedEipAddresses"]["associatedEipAddresse"], json!([address]));

    scene.refused("DeleteHaVip", &[("HaVipId", &havip)], 400, "DependencyViolation.HaVipAssociatedWithEIP");
    scene.refused("ReleaseEipAddress", &[("AllocationId", &id)], 400, "IncorrectEipStatus");
    let second = text(&scene.ok("AllocateEipAddress", &[])["AllocationId"]);
    let again = [("AllocationId", second.as_str()), ("InstanceId", &havip), ("InstanceType", "HaVip")];
    scene.refused("AssociateEipAddress", &again, 400, "InvalidAssociation.Duplicated");
    let other = [("AllocationId", id.as_str()), ("InstanceId", "i-of-nobody")];
    scene.refused("UnassociateEipAddress", &other, 404, "InvalidBindInstance.NotFound");
    scene.ok(
        "UnassociateEipAddress",
        &[("AllocationId", &id), ("InstanceId", &havip), ("InstanceType", "HaVip")],
    );
    scene.refused("UnassociateEipAddress", &[("AllocationId", &id)], 400, "IncorrectEipStatus");
    scene.ok("ReleaseEipAddress", &[("AllocationId", &id)]);
    assert_eq!(
        scene.ok("DescribeEipAddresses", &[("AllocationId", &id)])["EipAddresses"]["EipAddress"],
        json!([])
    );
    scene.ok("DeleteHaVip", &[("HaVipId", &havip)]);
}

#[test]
fn a_vswitch_is_shown_in_the_zone_that_the_client_named() {
    let mut scene = Scene::new();
    let vswitch = scene.vswitch.clone();
    let shown = scene.ok("DescribeVSwitchAttributes", &[("VSwitchId", &vswitch)]);
    assert_eq!((&shown["ZoneId"], &shown["AvailableIpAddressCount"]), (&json!("cn-hangzhou-h"), &json!(252)));
    let havip = scene.havip();
    assert_eq!(
        scene.ok("DescribeVSwitchAttributes", &[("VSwitchId", &vswitch)])["AvailableIpAddressCount"],
        251
    );
    scene.refused("DeleteVSwitch", &[("VSwitchId", &vswitch)], 400, "DependencyViolation.HaVip");
    let vpc = scene.vpc.clone();
    scene.refused("DeleteVpc", &[("VpcId", &vpc)], 400, "DependencyViolation.VSwitch");
    scene.ok("DeleteHaVip", &[("HaVipId", &havip)]);
    scene.ok("DeleteVSwitch", &[("VSwitchId", &vswitch)]);
    scene.refused("DescribeVSwitchAttributes", &[("VSwitchId", &vswitch)], 404, "InvalidVSwitchId.NotFound");
    scene.ok("DeleteVpc", &[("VpcId", &vpc)]);
    scene.refused("DescribeVpcAttribute", &[("VpcId", &vpc)], 404, "InvalidVpcId.NotFound");
}

#[test]
fn a_mask_finds_a_free_range() {
    let mut scene = Scene::new();
    let vpc = scene.vpc.clone();
    let params = [("VpcId", vpc.as_str()), ("ZoneId", "z"), ("CidrMask", "24")];
    let made = text(&scene.ok("CreateVSwitch", &params)["VSwitchId"]);
    assert_eq!(scene.ok("DescribeVSwitchAttributes", &[("VSwitchId", &made)])["CidrBlock"], "192.168.1.0/24");
    let over = [("VpcId", vpc.as_str()), ("ZoneId", "z"), ("CidrBlock", "192.168.1.128/25")];
    scene.refused("CreateVSwitch", &over, 400, "InvalidCidrBlock.Overlapped");
    let outside = [("VpcId", vpc.as_str()), ("ZoneId", "z"), ("CidrBlock", "10.0.0.0/24")];
    scene.refused("CreateVSwitch", &outside, 400, "InvalidParameter");
}

#[test]
fn instances_run_stop_start_and_go() {
    let mut scene = Scene::new();
    let vswitch = scene.vswitch.clone();
    let script = "IyEvYmluL3NoCmVjaG8gaGkK";
    let params = [
        ("VSwitchId", vswitch.as_str()),
        ("ImageId", "debian_12"),
        ("InstanceType", "ecs.g6.large"),
        ("Amount", "3"),
        ("InstanceName", "web"),
        ("UserData", script),
        ("InstanceChargeType", "PostPaid"),
        ("SpotStrategy", "SpotAsPriceGo"),
    ];
    let made = scene.ok("RunInstances", &params);
    let ids: Vec<String> =
        made["InstanceIdSets"]["InstanceIdSet"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(ids.len(), 3);
    let listed = scene.ok("DescribeInstances", &[("InstanceIds", &json!(ids).to_string())]);
    assert_eq!(listed["TotalCount"], 3);
    let one = &listed["Instances"]["Instance"][0];
    assert_eq!(
        (&one["Status"], &one["InstanceType"], &one["ZoneId"]),
        (&json!("Running"), &json!("ecs.g6.large"), &json!("cn-hangzhou-h"))
    );
    assert_eq!(one["VpcAttributes"]["PrivateIpAddress"]["IpAddress"].as_array().unwrap().len(), 1);
    assert_eq!(scene.ok("DescribeUserData", &[("InstanceId", &ids[0])])["UserData"], script);
    assert_eq!(
        scene.ok("DescribeDisks", &[("InstanceId", &ids[0])])["Disks"]["Disk"][0]["InstanceId"],
        json!(ids[0])
    );

    scene.refused("StartInstance", &[("InstanceId", &ids[0])], 403, "IncorrectInstanceStatus");
    scene.ok(
        "StopInstance",
        &[
            ("InstanceId", &ids[0]),
            ("ForceStop", "false"),
            ("StoppedMode", "KeepCharging"),
            ("DryRun", "false"),
        ],
    );
    let status = scene.ok("DescribeInstanceStatus", &[("InstanceId.1", &ids[0])]);
    assert_eq!(status["InstanceStatuses"]["InstanceStatus"][0]["Status"], "Stopped");
    scene.refused("StopInstance", &[("InstanceId", &ids[0])], 403, "IncorrectInstanceStatus");
    scene.ok("StartInstance", &[("InstanceId", &ids[0])]);
    scene.refused("DeleteInstance", &[("InstanceId", &ids[0])], 403, "IncorrectInstanceStatus");
    scene.ok("DeleteInstance", &[("InstanceId", &ids[0]), ("Force", "true")]);
    let both = [("InstanceId.1", ids[1].as_str()), ("InstanceId.2", &ids[2]), ("Force", "true")];
    let stopped = scene.ok("StopInstances", &both[..2]);
    assert_eq!(stopped["InstanceResponses"]["InstanceResponse"].as_array().unwrap().len(), 2);
    scene.ok("DeleteInstances", &both);
    assert_eq!(scene.ok("DescribeInstances", &[])["TotalCount"], 0);
}

#[test]
fn all_of_a_batch_happens_or_nothing() {
    let mut scene = Scene::new();
    let (one, two) = (scene.instance(), scene.instance());
    scene.ok("StopInstance", &[("InstanceId", &two)]);
    scene.refused(
        "StopInstances",
        &[("InstanceId.1", &one), ("InstanceId.2", &two)],
        403,
        "IncorrectInstanceStatus",
    );
    assert_eq!(scene.ok("DescribeInstances", &[("Status", "Running")])["TotalCount"], 1);
}

#[test]
fn what_somebody_would_miss_is_refused_with_its_name() {
    let mut scene = Scene::new();
    let vswitch = scene.vswitch.clone();
    let run = |name, value| {
        [("VSwitchId", vswitch.as_str()), ("ImageId", "a"), ("InstanceType", "b"), (name, value)]
    };
    for (name, value) in [
        ("DataDisk.1.Size", "20"),
        ("KeyPairName", "k"),
        ("DeploymentSetId", "ds-1"),
        ("HostName", "h"),
        ("InternetMaxBandwidthOut", "5"),
    ] {
        scene.refused("RunInstances", &run(name, value), 400, "InvalidParameter");
    }
    let code = "InvalidUserData.NotSupported";
    scene.refused("RunInstances", &run("UserData", "I2Nsb3VkLWNvbmZpZwo="), 400, code);
}

#[test]
fn a_route_leads_to_a_havip_and_blocks_its_deletion() {
    let mut scene = Scene::new();
    let (havip, vpc) = (scene.havip(), scene.vpc.clone());
    let list = scene.ok("DescribeRouteTableList", &[("VpcId", &vpc)]);
    let table = text(&list["RouterTableList"]["RouterTableListType"][0]["RouteTableId"]);
    let route = [
        ("RouteTableId", table.as_str()),
        ("DestinationCidrBlock", "10.9.0.0/16"),
        ("NextHopType", "HaVip"),
        ("NextHopId", &havip),
    ];
    let made = text(&scene.ok("CreateRouteEntry", &route)["RouteEntryId"]);
    scene.refused("CreateRouteEntry", &route, 400, "RouteConflict.AlreadyExist");
    let shown = scene.ok("DescribeRouteTables", &[("RouteTableId", &table)]);
    let entries =
        shown["RouteTables"]["RouteTable"][0]["RouteEntrys"]["RouteEntry"].as_array().unwrap().clone();
    let entry = entries.iter().find(|entry| entry["DestinationCidrBlock"] == "10.9.0.0/16").unwrap();
    assert_eq!(
        (&entry["NextHopType"], &entry["InstanceId"], &entry["Status"]),
        (&json!("HaVip"), &json!(havip), &json!("Available"))
    );
    scene.refused("DeleteHaVip", &[("HaVipId", &havip)], 400, "DependencyViolation.HaVipReferedByRouteEntry");
    scene.ok("DeleteRouteEntry", &[("RouteEntryId", &made)]);
    scene.ok("DeleteHaVip", &[("HaVipId", &havip)]);
}

#[test]
fn a_route_by_an_instance_reads_as_it_was_made() {
    let mut scene = Scene::new();
    let (instance, vpc) = (scene.instance(), scene.vpc.clone());
    let list = scene.ok("DescribeRouteTableList", &[("VpcId", &vpc)]);
    let table = text(&list["RouterTableList"]["RouterTableListType"][0]["RouteTableId"]);
    let route =
        [("RouteTableId", table.as_str()), ("DestinationCidrBlock", "10.9.0.0/16"), ("NextHopId", &instance)];
    scene.ok("CreateRouteEntry", &route);
    let shown = scene.ok("DescribeRouteEntryList", &[("RouteTableId", &table), ("RouteEntryType", "Custom")]);
    let entry = &shown["RouteEntrys"]["RouteEntry"][0];
    assert_eq!(entry["NextHops"]["NextHop"][0]["NextHopId"], json!(instance));
    assert_eq!(entry["NextHopType"], "Instance");
}

#[test]
fn a_dry_run_is_told_apart_and_false_is_no_dry_run() {
    let mut scene = Scene::new();
    let vswitch = scene.vswitch.clone();
    let (dry, wet) = (
        [("VSwitchId", vswitch.as_str()), ("DryRun", "True")],
        [("VSwitchId", vswitch.as_str()), ("DryRun", "false")],
    );
    let code = "DryRunOperation";
    scene.refused("CreateHaVip", &dry, 400, code);
    assert_eq!(scene.ok("DescribeHaVips", &[])["TotalCount"], 0);
    scene.ok("CreateHaVip", &wet);
    scene.refused("CreateHaVip", &[("VSwitchId", &vswitch), ("DryRun", "maybe")], 400, "InvalidParameter");
}

#[test]
fn a_message_of_the_rules_speaks_of_the_clouds_ids() {
    let mut scene = Scene::new();
    let (havip, instance) = (scene.havip(), scene.instance());
    scene.ok("AssociateHaVip", &[("HaVipId", &havip), ("InstanceId", &instance)]);
    let answer = scene.client.v3(
        &mut scene.trial,
        "AssociateHaVip",
        &[("HaVipId", &havip), ("InstanceId", &instance)],
    );
    assert!(answer.value["Message"].as_str().unwrap().contains(&havip), "{}", answer.value);
}
