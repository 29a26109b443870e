//! Resource groups are the same through every API, each project's own, and outlive the server.

mod support;

use havip_api::*;
use support::{Scene, clouds::Aliyun};

fn group(name: &str) -> CreateResourceGroup {
    CreateResourceGroup { name: name.into(), ..CreateResourceGroup::default() }
}

#[test]
fn resources_are_made_in_groups_moved_and_found_by_them_and_it_outlives_the_server() {
    let mut scene = Scene::start();
    let (_, subnet) = scene.network();
    let first = scene.client.all_resource_groups(&ResourceGroupFilter::default()).unwrap();
    let [default] = &first[..] else { panic!("{first:?}") };
    assert!(default.is_default && default.meta.name == "default" && default.resources > 0, "{default:?}");
    let shop = scene.client.create_resource_group(&group("shop")).unwrap();
    assert!(!shop.is_default && shop.resources == 0, "{shop:?}");
    let within = CreateVip {
        subnet: subnet.meta.id.clone(),
        resource_group: Some(shop.meta.id.clone()),
        ..Default::default()
    };
    let vip = scene.client.create_vip(&within).unwrap();
    assert_eq!((&vip.meta.resource_group, &subnet.meta.resource_group), (&shop.meta.id, &default.meta.id));
    let body = MoveResources { resources: vec![subnet.meta.id.clone()] };
    assert_eq!(scene.client.move_resources(&shop.meta.id, &body).unwrap().resources, 2);

    scene.restart();
    let filter = |group: &str| VipFilter { resource_group: Some(group.into()), ..Default::default() };
    let found = scene.client.all_vips(&filter(&shop.meta.id)).unwrap();
    assert_eq!(found.iter().map(|one| &one.meta.id).collect::<Vec<_>>(), [&vip.meta.id]);
    assert!(scene.client.all_vips(&filter(&default.meta.id)).unwrap().is_empty());
    let within = [("ResourceGroupId", shop.meta.id.as_str())];
    let (_, answer) = Aliyun.ask(&scene, &scene.key(), "DescribeHaVips", &within);
    assert_eq!(answer["HaVips"]["HaVip"][0]["ResourceGroupId"], shop.meta.id.as_str(), "{answer}");

    let refused = scene.client.delete_resource_group(&shop.meta.id).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(409), Some("resource_group_in_use")));
    let all = MoveResources { resources: vec![subnet.meta.id.clone(), vip.meta.id.clone()] };
    scene.client.move_resources(&default.meta.id, &all).unwrap();
    let update = Update { name: Some("store".into()), ..Update::default() };
    let renamed = scene.client.update_resource_group(&shop.meta.id, &update).unwrap();
    assert_eq!((renamed.meta.name.as_str(), renamed.meta.generation), ("store", 2));
    scene.client.delete_resource_group(&shop.meta.id).unwrap();
    let refused = scene.client.delete_resource_group(&default.meta.id).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(409), Some("default_resource_group")));
}

#[test]
fn groups_of_another_project_are_neither_seen_nor_used() {
    let scene = Scene::start();
    let (_, subnet) = scene.network();
    let shop = scene.client.create_resource_group(&group("shop")).unwrap();
    let ann = scene.client_of(&scene.user("other", "ann"));
    let [default] = &ann.all_resource_groups(&ResourceGroupFilter::default()).unwrap()[..] else {
        panic!("a project has its own default group and no other")
    };
    // Both may have one of this name.
    ann.create_resource_group(&group("shop")).unwrap();
    let vpc = CreateVpc {
        cidr: "10.77.0.0/16".into(),
        resource_group: Some(shop.meta.id.clone()),
        ..Default::default()
    };
    for refused in [
        ann.resource_group(&shop.meta.id).unwrap_err(),
        ann.delete_resource_group(&shop.meta.id).unwrap_err(),
        ann.create_vpc(&vpc).unwrap_err(),
        scene.client.resource_group(&default.meta.id).unwrap_err(),
    ] {
        assert_eq!((refused.status(), refused.code()), (Some(404), Some("resource_group_not_found")));
    }
    let body = MoveResources { resources: vec![subnet.meta.id.clone()] };
    let refused = ann.move_resources(&default.meta.id, &body).unwrap_err();
    assert_eq!((refused.status(), refused.code()), (Some(404), Some("resource_not_found")));
}

#[test]
fn a_policy_says_who_may_make_groups_and_what_may_be_moved() {
    let scene = Scene::start();
    let (vpc, subnet) = scene.network();
    let shop = scene.client.create_resource_group(&group("shop")).unwrap();
    let body = vpc.meta.id.rsplit_once('-').unwrap().1;
    let document = format!(
        r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":["vpc:MoveResourceGroup","resourcemanager:List*"],
            "Resource":["acs:vpc:*:*:vpc/vpc-{body}","acs:resourcemanager:*"]}}]}}"#
    );
    let ann = scene.client_of(&scene.user_with_policy("ann", &document));
    assert_eq!(ann.all_resource_groups(&ResourceGroupFilter::default()).unwrap().len(), 2);
    let body = |id: &str| MoveResources { resources: vec![id.into()] };
    ann.move_resources(&shop.meta.id, &body(&vpc.meta.id)).unwrap();
    for refused in [
        ann.move_resources(&shop.meta.id, &body(&subnet.meta.id)).unwrap_err(),
        ann.create_resource_group(&group("more")).unwrap_err(),
    ] {
        assert_eq!((refused.status(), refused.code()), (Some(403), Some("forbidden")));
    }
}
