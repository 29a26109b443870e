//! Tags are the same whichever API sets them, each project's own, and outlive the server.

mod support;

use havip_api::*;
use support::{
    Scene,
    clouds::{Aliyun, Tencent},
};

fn change(set: &[(&str, &str)]) -> ChangeTags {
    let set = set.iter().map(|(key, value)| ((*key).to_string(), (*value).to_string())).collect();
    ChangeTags { set, ..ChangeTags::default() }
}

#[test]
fn what_one_api_sets_every_other_shows_and_it_outlives_the_server() {
    let mut scene = Scene::start();
    let (_, subnet) = scene.network();
    let key = scene.key();
    let wish = CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() };
    let vip = scene.client.create_vip(&wish).unwrap().meta.id;
    let body = vip.rsplit_once('-').unwrap().1.to_string();
    let set = [
        ("ResourceType", "HAVIP".to_string()),
        ("ResourceId.1", format!("havip-{body}")),
        ("Tag.1.Key", "team".into()),
        ("Tag.1.Value", "shop".into()),
    ];
    let set: Vec<(&str, &str)> = set.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (status, answer) = Aliyun.ask(&scene, &key, "TagResources", &set);
    assert_eq!(status, 200, "{answer}");
    let all = scene.client.change_tags(&vip, &change(&[("tier", "")])).unwrap().items;
    let tag = |key: &str, value: &str| Tag { resource: vip.clone(), key: key.into(), value: value.into() };
    assert_eq!(all, [tag("team", "shop"), tag("tier", "")]);
    let shown = scene.client.vip(&vip).unwrap().meta;
    assert_eq!((shown.tags.get("team").map(String::as_str), shown.generation), (Some("shop"), 1));
    let (_, answer) = Tencent.ask(&scene, &key, "DescribeHaVips", &[]);
    assert_eq!(answer["HaVipSet"][0]["TagSet"][0]["Key"], "team", "{answer}");

    scene.restart();
    let first = scene.client.tags(&TagFilter { limit: Some(1), ..Default::default() }).unwrap();
    assert_eq!(first.items, [tag("team", "shop")]);
    let rest = scene.client.tags(&TagFilter { after: first.next, ..Default::default() }).unwrap();
    assert_eq!((rest.items, rest.next), (vec![tag("tier", "")], None));
    let by_value = TagFilter { key: Some("team".into()), value: Some("other".into()), ..Default::default() };
    assert!(scene.client.tags(&by_value).unwrap().items.is_empty());
    let away = ChangeTags { remove_all: true, ..ChangeTags::default() };
    assert!(scene.client.change_tags(&vip, &away).unwrap().items.is_empty());
}

#[test]
fn tags_of_another_project_are_neither_seen_nor_changed() {
    let scene = Scene::start();
    let (vpc, _) = scene.network();
    scene.client.change_tags(&vpc.meta.id, &change(&[("team", "shop")])).unwrap();
    let ann = scene.client_of(&scene.user("other", "ann"));
    assert!(ann.tags(&TagFilter::default()).unwrap().items.is_empty());
    for id in [vpc.meta.id.as_str(), "vpc-aaaaaaaaaaaaaaaaaaaa", "nothing"] {
        let refused = ann.change_tags(id, &change(&[("team", "mine")])).unwrap_err();
        assert_eq!((refused.status(), refused.code()), (Some(404), Some("resource_not_found")), "{id}");
    }
    let refused = scene.client.change_tags(&vpc.meta.id, &change(&[("aliyun", "")])).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(400), Some("invalid_tag_key")));
}
