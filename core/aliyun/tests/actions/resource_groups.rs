//! Resource groups: named in creations, shown, looked for, moved between.

use super::*;
use havip_admission::{Request, request::CreateResourceGroup, request::Texts};
use havip_model::{ProjectId, ResourceGroupId};

/// A group, as the native API makes one.
fn made(scene: &mut Scene, name: &str) -> String {
    let texts = Texts { name: name.into(), ..Texts::default() };
    let made = scene.trial.change(&[Request::from(CreateResourceGroup { texts }).into()]).unwrap();
    made[0].id()
}

fn default_group() -> String {
    ResourceGroupId::default_of(ProjectId::first()).to_string()
}

const LISTS: [(&str, &str, &str); 7] = [
    ("DescribeHaVips", "HaVips", "HaVip"),
    ("DescribeVpcs", "Vpcs", "Vpc"),
    ("DescribeVSwitches", "VSwitches", "VSwitch"),
    ("DescribeEipAddresses", "EipAddresses", "EipAddress"),
    ("DescribeSecurityGroups", "SecurityGroups", "SecurityGroup"),
    ("DescribeNetworkInterfaces", "NetworkInterfaceSets", "NetworkInterfaceSet"),
    ("DescribeInstances", "Instances", "Instance"),
];

#[test]
fn what_is_made_in_a_group_is_in_it_and_lists_are_narrowed_to_a_group() {
    let mut scene = Scene::new();
    let group = made(&mut scene, "shop");
    let within = [("ResourceGroupId", group.as_str())];
    scene.havip();
    scene.instance();
    let answer = scene.ok("CreateVpc", &within);
    assert_eq!(answer["ResourceGroupId"], group.as_str());
    let vpc = text(&answer["VpcId"]);
    let vswitch =
        scene.ok("CreateVSwitch", &[("VpcId", &vpc), ("ZoneId", "z"), ("CidrBlock", "172.16.0.0/24")]);
    let vswitch = text(&vswitch["VSwitchId"]);
    let on = [("VSwitchId", vswitch.as_str()), within[0]];
    scene.ok("CreateHaVip", &on);
    scene.ok("RunInstances", &[on[0], on[1], ("ImageId", "i"), ("InstanceType", "t")]);
    scene.ok("CreateNetworkInterface", &on);
    scene.ok("CreateSecurityGroup", &[("VpcId", vpc.as_str()), within[0]]);
    assert_eq!(scene.ok("AllocateEipAddress", &within)["ResourceGroupId"], group.as_str());
    // The vSwitch is where its VPC is; so are the VPC's own security group and the instance's interface.
    for ((action, list, each), count) in LISTS.into_iter().zip([1, 1, 1, 1, 2, 2, 1]) {
        let shown = scene.ok(action, &within);
        let rows = shown[list][each].as_array().unwrap();
        assert_eq!((rows.len(), &shown["TotalCount"]), (count, &json!(count)), "{action}");
        assert!(rows.iter().all(|row| row["ResourceGroupId"] == group.as_str()), "{shown}");
        let default = default_group();
        let others = scene.ok(action, &[("ResourceGroupId", default.as_str())]);
        let others = others[list][each].as_array().unwrap().clone();
        assert!(others.iter().all(|row| row["ResourceGroupId"] == default.as_str()), "{others:?}");
        assert_eq!(scene.ok(action, &[("ResourceGroupId", "rg-of-nobody")])["TotalCount"], 0, "{action}");
    }
    for action in ["DescribeRouteTables", "DescribeRouteTableList", "DescribeDisks"] {
        assert_eq!(scene.ok(action, &within)["TotalCount"], 1, "{action}");
    }
}

#[test]
fn resources_move_by_each_products_action_and_a_vpc_takes_its_vswitches_along() {
    let mut scene = Scene::new();
    let group = made(&mut scene, "shop");
    let (havip, instance, vpc) = (scene.havip(), scene.instance(), scene.vpc.clone());
    let of = |kind: &'static str, id: &'static str| [("ResourceType", kind), ("NewResourceGroupId", id)];
    let to = |kind| [("ResourceType", kind), ("NewResourceGroupId", group.as_str())];
    scene.ok("MoveResourceGroup", &[&to("HAVIP")[..], &[("ResourceId", havip.as_str())]].concat());
    assert_eq!(scene.shown(&havip)["ResourceGroupId"], group.as_str());
    scene.ok("MoveResourceGroup", &[&to("vpc")[..], &[("ResourceId", vpc.as_str())]].concat());
    let vswitches = scene.ok("DescribeVSwitches", &[("ResourceGroupId", group.as_str())]);
    assert_eq!(vswitches["TotalCount"], 1);
    let join = [
        ("ResourceType", "instance"),
        ("ResourceId", instance.as_str()),
        ("ResourceGroupId", group.as_str()),
    ];
    scene.ok("JoinResourceGroup", &join);
    let interfaces = scene.ok("DescribeNetworkInterfaces", &[("ResourceGroupId", group.as_str())]);
    assert_eq!(interfaces["TotalCount"], 1);

    let moved = [("ResourceId", havip.as_str())];
    let nowhere = [&of("HAVIP", "rg-of-nobody")[..], &moved].concat();
    scene.refused("MoveResourceGroup", &nowhere, 404, "IllegalParam.ResourceGroupId");
    let nobody = [&to("HAVIP")[..], &[("ResourceId", "havip-of-nobody")]].concat();
    scene.refused("MoveResourceGroup", &nobody, 404, "ResourceNotFound");
    let unknown = [&to("TREE")[..], &moved].concat();
    scene.refused("MoveResourceGroup", &unknown, 400, "InvalidInstanceType.NotFound");
    let vswitch = scene.vswitch.clone();
    for (action, code) in [
        ("CreateHaVip", "IllegalParam.ResourceGroupId"),
        ("CreateNetworkInterface", "InvalidResourceGroup.NotFound"),
    ] {
        let within = [("VSwitchId", vswitch.as_str()), ("ResourceGroupId", "rg-aaaaaaaaaaaaaaaaaaab")];
        scene.refused(action, &within, 404, code);
    }
}
