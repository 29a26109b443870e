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

#[test]
fn what_is_made_with_tags_is_found_by_them() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let tags = |tags: &[(&str, &str)]| change(tags).set;
    let wish = |set: &[(&str, &str)]| CreateVip {
        subnet: subnet.meta.id.clone(),
        tags: tags(set),
        ..Default::default()
    };
    let shop = scene.client.create_vip(&wish(&[("team", "shop"), ("tier", "")])).unwrap();
    let bank = scene.client.create_vip(&wish(&[("team", "bank")])).unwrap();
    assert_eq!(shop.meta.tags, tags(&[("team", "shop"), ("tier", "")]));
    let found = |tag: &str| -> Vec<String> {
        let filter = VipFilter { tag: Some(tag.into()), ..Default::default() };
        let all = scene.client.all_vips(&filter).unwrap();
        let mut all: Vec<String> = all.into_iter().map(|vip| vip.meta.id).collect();
        all.sort();
        all
    };
    let mut both = vec![shop.meta.id.clone(), bank.meta.id.clone()];
    both.sort();
    assert_eq!(found("team"), both);
    assert_eq!((found("team=shop"), found("tier=")), (vec![shop.meta.id.clone()], vec![shop.meta.id]));
    assert!(found("team=shops").is_empty() && found("nobody").is_empty());
    let refused = scene.client.create_vip(&wish(&[("acs:team", "")])).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(400), Some("invalid_tag_key")));
}

#[test]
fn whoever_may_not_tag_may_make_things_without_tags_alone() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let document =
        r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"vpc:*HaVip*","Resource":"*"}]}"#;
    let ann = scene.client_of(&scene.user_with_policy("ann", document));
    let wish = CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() };
    ann.create_vip(&wish).unwrap();
    let tagged = CreateVip { tags: change(&[("team", "shop")]).set, ..wish };
    let refused = ann.create_vip(&tagged).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(403), Some("forbidden")));
}
