//! VPCs, vSwitches, EIPs and routes around a HAVIP.

use super::*;

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
