//! Tags from the beginning, and lists that are narrowed by them.

use super::*;

fn names(shown: &Value, set: &str, name: &str) -> Vec<String> {
    shown[set].as_array().unwrap().iter().map(|one| text(&one[name])).collect()
}

#[test]
fn what_is_made_with_tags_has_them_and_lists_are_narrowed_by_them() {
    let mut scene = Scene::new();
    let tags = json!([{"Key": "team", "Value": "shop"}, {"Key": "tier", "Value": ""}]);
    let havip = scene.havip(json!({"Tags": tags}));
    scene.havip(json!({"Tags": [{"Key": "team", "Value": "bank"}]}));
    scene.havip(json!({}));
    assert_eq!(scene.shown(&havip)["TagSet"], tags);
    for (name, values, found) in [
        ("tag:team", json!(["shop"]), 1),
        ("tag:team", json!(["shop", "bank"]), 2),
        ("tag-key", json!(["team"]), 2),
        ("tag-value", json!([""]), 1),
        ("tag:tier", json!([""]), 1),
        ("tag:nobody", json!(["shop"]), 0),
    ] {
        let shown = scene.ok("DescribeHaVips", json!({"Filters": [{"Name": name, "Values": values}]}));
        assert_eq!(shown["TotalCount"], found, "{name} {values}");
    }
    let (vpc, subnet) = (scene.vpc.clone(), scene.subnet.clone());
    let other = json!({"VpcName": "other", "CidrBlock": "10.1.0.0/16", "Tags": tags});
    scene.ok("CreateVpc", other);
    let more = json!({"VpcId": vpc, "SubnetName": "more", "Zone": "ap-guangzhou-3", "CidrBlock": "10.0.2.0/24", "Tags": tags});
    scene.ok("CreateSubnet", more);
    scene.ok("AllocateAddresses", json!({"AddressName": "out", "Tags": tags}));
    let eni = json!({"VpcId": vpc, "SubnetId": subnet, "NetworkInterfaceName": "eni", "Tags": tags});
    scene.ok("CreateNetworkInterface", eni);
    scene.ok("CreateSecurityGroup", json!({"GroupName": "sg", "GroupDescription": "of tests", "Tags": tags}));
    for (action, set, name, is) in [
        ("DescribeVpcs", "VpcSet", "VpcName", "other"),
        ("DescribeSubnets", "SubnetSet", "SubnetName", "more"),
        ("DescribeAddresses", "AddressSet", "AddressName", "out"),
        ("DescribeNetworkInterfaces", "NetworkInterfaceSet", "NetworkInterfaceName", "eni"),
        ("DescribeSecurityGroups", "SecurityGroupSet", "SecurityGroupName", "sg"),
    ] {
        let shown = scene.ok(action, json!({"Filters": [{"Name": "tag:team", "Values": ["shop"]}]}));
        assert_eq!(names(&shown, set, name), [is], "{action}");
        assert_eq!(shown[set][0]["TagSet"], tags, "{action}");
    }
}

#[test]
fn an_instance_is_tagged_by_a_specification_that_speaks_of_instances() {
    let mut scene = Scene::new();
    let run = |scene: &Scene, specification: Value| {
        json!({
            "Placement": {"Zone": "ap-guangzhou-3"}, "ImageId": "img-1",
            "VirtualPrivateCloud": {"VpcId": scene.vpc, "SubnetId": scene.subnet},
            "TagSpecification": specification,
        })
    };
    let tags = json!([{"Key": "team", "Value": "shop"}]);
    let wanted = run(&scene, json!([{"ResourceType": "instance", "Tags": tags}]));
    scene.ok("RunInstances", wanted);
    scene.instances(1);
    let by = |name: &str, value: &str| json!({"Filters": [{"Name": name, "Values": [value]}]});
    for filter in [by("tag:team", "shop"), by("tag-key", "team"), by("tag-value", "shop")] {
        let shown = scene.ok("DescribeInstances", filter);
        assert_eq!((&shown["TotalCount"], &shown["InstanceSet"][0]["Tags"]), (&json!(1), &tags));
    }
    let disks = run(&scene, json!([{"ResourceType": "disk", "Tags": tags}]));
    scene.refused("RunInstances", disks, "InvalidParameterValue");
    let one = json!({"ResourceType": "instance", "Tags": tags});
    let twice = run(&scene, json!([one, one]));
    scene.refused("RunInstances", twice, "InvalidParameterValue.TagDuplicateResourceType");
}

#[test]
fn tags_that_nothing_can_have_are_refused_with_the_clouds_codes() {
    let mut scene = Scene::new();
    let of = |scene: &Scene, tags: Value| json!({"VpcId": scene.vpc, "SubnetId": scene.subnet, "HaVipName": "front", "Tags": tags});
    let many: Vec<Value> = (0..21).map(|at| json!({"Key": format!("key-{at}"), "Value": ""})).collect();
    for (tags, code) in [
        (json!([{"Key": "aliyun", "Value": ""}]), "InvalidParameterValue.TagInvalidKey"),
        (json!([{"Value": "v"}]), "InvalidParameterValue.TagInvalidKey"),
        (json!([{"Key": "k", "Value": "http://"}]), "InvalidParameterValue.TagInvalidVal"),
        (
            json!([{"Key": "k", "Value": ""}, {"Key": "k", "Value": ""}]),
            "InvalidParameterValue.TagDuplicateKey",
        ),
        (json!(many), "LimitExceeded.TagTagsExceeded"),
    ] {
        let wanted = of(&scene, tags);
        scene.refused("CreateHaVip", wanted, code);
    }
    scene.trial.quotas.tags_per_resource = Some(3);
    let wanted = of(&scene, json!(many[..4]));
    scene.refused("CreateHaVip", wanted, "LimitExceeded.TagKeyPerResourceExceeded");
    assert_eq!(scene.ok("DescribeHaVips", json!({}))["TotalCount"], 0);
}
