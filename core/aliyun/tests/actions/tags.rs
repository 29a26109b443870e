//! Tags of HAVIPs and of everything else that may have them.

use super::*;

#[test]
fn tags_are_set_shown_listed_and_taken() {
    let mut scene = Scene::new();
    let (havip, other, instance) = (scene.havip(), scene.havip(), scene.instance());
    let both = [
        ("ResourceType", "HaVip"),
        ("ResourceId.1", havip.as_str()),
        ("ResourceId.2", &other),
        ("Tag.1.Key", "team"),
        ("Tag.1.Value", "shop"),
        ("Tag.2.Key", "tier"),
    ];
    scene.ok("TagResources", &both);
    let tags = json!([{"Key": "team", "Value": "shop"}, {"Key": "tier", "Value": ""}]);
    assert_eq!(scene.shown(&havip)["Tags"]["Tag"], tags);
    let of_ecs = [
        ("ResourceType", "instance"),
        ("ResourceId.1", instance.as_str()),
        ("Tag.1.Key", "team"),
        ("Tag.1.Value", "shop"),
    ];
    scene.ok("TagResources", &of_ecs);
    let shown = scene.ok("DescribeInstances", &[]);
    let tags = json!([{"TagKey": "team", "TagValue": "shop"}]);
    assert_eq!(shown["Instances"]["Instance"][0]["Tags"]["Tag"], tags);

    let by_tag = [("ResourceType", "HAVIP"), ("Tag.1.Key", "tier"), ("MaxResults", "3")];
    let page = scene.ok("ListTagResources", &by_tag);
    let rows = page["TagResources"]["TagResource"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["ResourceType"] == "HAVIP"), "{page}");
    let next = text(&page["NextToken"]);
    let page = scene.ok("ListTagResources", &[&by_tag[..], &[("NextToken", next.as_str())]].concat());
    assert_eq!(page["TagResources"]["TagResource"].as_array().unwrap().len(), 1);
    assert_eq!(page["NextToken"], "");

    let one = [("ResourceType", "HAVIP"), ("ResourceId.1", havip.as_str()), ("TagKey.1", "team")];
    scene.ok("UnTagResources", &one);
    assert_eq!(scene.shown(&havip)["Tags"]["Tag"], json!([{"Key": "tier", "Value": ""}]));
    let all = [("ResourceType", "instance"), ("ResourceId.1", instance.as_str()), ("All", "true")];
    scene.ok("UntagResources", &all);
    let page = scene.ok("ListTagResources", &[("ResourceType", "instance"), ("ResourceId.1", &instance)]);
    assert_eq!(page["TagResources"]["TagResource"], json!([]));
}

#[test]
fn what_is_no_tag_is_refused_with_the_clouds_codes() {
    let mut scene = Scene::new();
    let havip = scene.havip();
    let on = |more: &[(&'static str, &'static str)]| {
        [&[("ResourceType", "HAVIP"), ("ResourceId.1", havip.as_str())][..], more].concat()
    };
    for (more, code) in [
        (&[("Tag.1.Key", "aliyun1"), ("Tag.1.Value", "v")][..], "InvalidTagKey"),
        (&[("Tag.1.Key", "k"), ("Tag.1.Value", "acs:v")], "InvalidTagValue"),
        (&[("Tag.1.Key", "k"), ("Tag.2.Key", "k")], "Forbidden.TagKey.Duplicated"),
        (&[], "MissingParam.Tags"),
    ] {
        scene.refused("TagResources", &on(more), 400, code);
    }
    let names: Vec<String> = (1..=21).map(|number| format!("Tag.{number}.Key")).collect();
    let keys: Vec<String> = (1..=21).map(|number| format!("key-{number}")).collect();
    let pairs: Vec<(&str, &str)> =
        names.iter().zip(&keys).map(|(name, key)| (name.as_str(), key.as_str())).collect();
    scene.refused("TagResources", &[&on(&[])[..], &pairs[..]].concat(), 400, "SizeLimitExceeded.TagNum");
    scene.ok("TagResources", &[&on(&[])[..], &pairs[..20]].concat());
    scene.refused("TagResources", &on(&[("Tag.1.Key", "more")]), 400, "QuotaExceeded.TagNum");
    let nowhere =
        [("ResourceType", "HAVIP"), ("ResourceId.1", "havip-aaaaaaaaaaaaaaaaaaaa"), ("Tag.1.Key", "k")];
    scene.refused("TagResources", &nowhere, 404, "InvalidInstanceIds.NotFound");
    let unknown = [("ResourceType", "DISK"), ("ResourceId.1", havip.as_str()), ("Tag.1.Key", "k")];
    scene.refused("TagResources", &unknown, 400, "InvalidInstanceType.NotFound");
    scene.refused("ListTagResources", &[("ResourceType", "HAVIP")], 400, "BothEmpty.TagsAndResources");
}

#[test]
fn what_is_made_with_tags_has_them_and_lists_are_narrowed_by_them() {
    let mut scene = Scene::new();
    let (vpc, vswitch) = (scene.vpc.clone(), scene.vswitch.clone());
    let tags = [("Tag.1.Key", "team"), ("Tag.1.Value", "shop"), ("Tag.2.Key", "tier")];
    let of = |more: &[(&'static str, &str)]| -> Vec<(String, String)> {
        let all = tags.iter().chain(more);
        all.map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect()
    };
    let made = [
        ("CreateHaVip", of(&[("VSwitchId", &vswitch)])),
        ("CreateVpc", of(&[("VpcName", "tagged")])),
        ("CreateVSwitch", of(&[("VpcId", &vpc), ("ZoneId", "z"), ("CidrBlock", "192.168.1.0/24")])),
        ("AllocateEipAddress", of(&[])),
        ("CreateSecurityGroup", of(&[("VpcId", &vpc)])),
        ("CreateNetworkInterface", of(&[("VSwitchId", &vswitch), ("NetworkInterfaceName", "eni")])),
        ("RunInstances", of(&[("VSwitchId", &vswitch), ("ImageId", "i"), ("InstanceType", "t")])),
    ];
    scene.havip();
    scene.instance();
    for (action, params) in &made {
        let params: Vec<(&str, &str)> = params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        scene.ok(action, &params);
    }
    // The instance's interface is tagged with it, and so is its disk.
    for (action, list, each, count) in [
        ("DescribeHaVips", "HaVips", "HaVip", 1),
        ("DescribeVpcs", "Vpcs", "Vpc", 1),
        ("DescribeVSwitches", "VSwitches", "VSwitch", 1),
        ("DescribeEipAddresses", "EipAddresses", "EipAddress", 1),
        ("DescribeSecurityGroups", "SecurityGroups", "SecurityGroup", 1),
        ("DescribeNetworkInterfaces", "NetworkInterfaceSets", "NetworkInterfaceSet", 2),
        ("DescribeInstances", "Instances", "Instance", 1),
        ("DescribeDisks", "Disks", "Disk", 1),
    ] {
        let filter = if action == "DescribeHaVips" { "Tags" } else { "Tag" };
        let [key, value] = ["Key", "Value"].map(|part| format!("{filter}.1.{part}"));
        let tier = format!("{filter}.2.Key");
        for (wanted, count) in [
            (vec![(&key, "team"), (&value, "shop")], count),
            (vec![(&key, "team"), (&tier, "tier")], count),
            (vec![(&key, "team"), (&value, "bank")], 0),
            (vec![(&key, "nobody")], 0),
        ] {
            let wanted: Vec<(&str, &str)> = wanted.into_iter().map(|(k, v)| (k.as_str(), v)).collect();
            let shown = scene.ok(action, &wanted);
            let rows = shown[list][each].as_array().unwrap().clone();
            assert_eq!((rows.len(), &shown["TotalCount"]), (count, &json!(count)), "{action} {wanted:?}");
            for row in rows {
                let words = if row["Tags"]["Tag"][0]["Key"].is_string() {
                    ["Key", "Value"]
                } else {
                    ["TagKey", "TagValue"]
                };
                let all = json!([{words[0]: "team", words[1]: "shop"}, {words[0]: "tier", words[1]: ""}]);
                assert_eq!(row["Tags"]["Tag"], all, "{action}");
            }
        }
    }
}

#[test]
fn each_product_has_its_own_codes_for_tags_that_nothing_can_be_made_with() {
    let mut scene = Scene::new();
    let vswitch = scene.vswitch.clone();
    let (havip, eni) = ("CreateHaVip", "CreateNetworkInterface");
    let names: Vec<String> = (1..=21).map(|number| format!("Tag.{number}.Key")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    for (tags, of_vpc, of_ecs) in [
        (&[("Tag.1.Key", "acs:k")][..], "InvalidTagKey", "InvalidTagKey.Malformed"),
        (&[("Tag.1.Value", "v")], "InvalidTagKey", "InvalidTagKey.Malformed"),
        (&[("Tag.1.Key", "k"), ("Tag.1.Value", "aliyun")], "InvalidTagValue", "InvalidTagValue.Malformed"),
        (&[("Tag.1.Key", "k"), ("Tag.2.Key", "k")], "Forbidden.TagKey.Duplicated", "Duplicate.TagKey"),
        (&many, "SizeLimitExceeded.TagNum", "NumberExceed.Tags"),
    ] {
        let params = [&[("VSwitchId", vswitch.as_str())][..], tags].concat();
        scene.refused(havip, &params, 400, of_vpc);
        scene.refused(eni, &params, 400, of_ecs);
    }
    scene.trial.quotas.tags_per_resource = Some(1);
    let two = [("VSwitchId", vswitch.as_str()), ("Tag.1.Key", "a"), ("Tag.2.Key", "b")];
    scene.refused(havip, &two, 400, "QuotaExceeded.TagNum");
    scene.refused("DescribeHaVips", &[("Tags.1.Value", "v")], 400, "InvalidTagKey");
    scene.refused("DescribeInstances", &[("Tag.1.Value", "v")], 400, "InvalidTagKey.Malformed");
    assert_eq!(scene.ok("DescribeHaVips", &[])["TotalCount"], 0);
}
