//! HAVIPs: their lives, their limits, what they are refused.

use super::*;

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
    scene.trial.quotas.vips_per_vpc = Some(100);
    scene.refused("CreateHaVip", &[("VSwitchId", &vswitch)], 403, "QuotaExceeded.HaVip");
    scene.trial.quotas.vips_per_project = Some(0);
    scene.refused("CreateHaVip", &[("VSwitchId", &vswitch)], 400, "Forbidden.HaVip");
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
