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
