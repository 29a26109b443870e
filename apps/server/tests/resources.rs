//! The lives of resources over the API.

mod support;

use havip_api::*;
use support::{Scene, eventually};

#[test]
fn a_vpc_a_subnet_and_a_vip_live_and_go() {
    let scene = Scene::start();
    let client = &scene.client;
    let (vpc, subnet) = scene.network();
    assert_eq!((vpc.cidr.as_str(), vpc.region.as_str()), ("10.20.0.0/16", "local"));
    assert_eq!((subnet.gateway.as_str(), subnet.zone.as_str()), ("10.20.1.1", "local-a"));

    let wish = CreateVip {
        subnet: subnet.meta.id.clone(),
        name: "front".into(),
        address: Some("10.20.1.100".into()),
        ..Default::default()
    };
    let vip = client.create_vip(&wish).unwrap();
    assert_eq!(
        (vip.address.as_str(), vip.binding, vip.holder.is_none()),
        ("10.20.1.100", Binding::Associated, true)
    );
    assert_eq!((vip.meta.generation, vip.meta.status), (1, Status::Available));
    assert_eq!(client.vip(&vip.meta.id).unwrap(), vip);

    let update =
        UpdateVip { description: Some("the shop".into()), assist: Some(false), ..Default::default() };
    let updated = client.update_vip(&vip.meta.id, &update).unwrap();
    assert_eq!(
        (updated.meta.generation, updated.meta.description.as_str(), updated.assist),
        (2, "the shop", false)
    );

    let refused = client.delete_subnet(&subnet.meta.id).unwrap_err();
    assert_eq!((refused.code(), refused.status()), (Some("subnet_in_use"), Some(409)));
    client.delete_vip(&vip.meta.id, false).unwrap();
    assert!(client.vip(&vip.meta.id).unwrap_err().is_not_found());
    client.delete_subnet(&subnet.meta.id).unwrap();
    client.delete_vpc(&vpc.meta.id).unwrap();
    assert!(client.all_vpcs(&VpcFilter::default()).unwrap().is_empty());
}

#[test]
fn everything_that_was_answered_is_there_after_a_restart() {
    let mut scene = Scene::start();
    let (vpc, subnet) = scene.network();
    let vip =
        scene.client.create_vip(&CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() }).unwrap();
    let events = scene.client.all_events(&EventFilter::default()).unwrap();

    scene.restart();

    assert_eq!(scene.client.vpc(&vpc.meta.id).unwrap(), vpc);
    assert_eq!(scene.client.vip(&vip.meta.id).unwrap(), vip);
    assert_eq!(scene.client.all_events(&EventFilter::default()).unwrap(), events);
    let pools = scene.client.all_eip_pools(&EipPoolFilter::default()).unwrap();
    assert_eq!(pools.len(), 1, "the default pool is made once");
}

#[test]
fn an_eip_is_allocated_bound_and_given_back() {
    let scene = Scene::start();
    let client = &scene.client;
    let (_, subnet) = scene.network();
    let vip = client.create_vip(&CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() }).unwrap();
    let eip = client.allocate_eip(&AllocateEip { bandwidth_mbps: Some(10), ..Default::default() }).unwrap();
    assert!(eip.address.starts_with("203.0.113."));

    let bound = client.bind_eip(&eip.meta.id, &vip.meta.id).unwrap();
    assert_eq!(bound.target.as_deref(), Some(vip.meta.id.as_str()));
    let shown = client.vip(&vip.meta.id).unwrap().eip.unwrap();
    assert_eq!((shown.id, shown.address), (eip.meta.id.clone(), eip.address.clone()));

    let unlimited = UpdateEip { bandwidth_mbps: Some(None), ..Default::default() };
    assert_eq!(client.update_eip(&eip.meta.id, &unlimited).unwrap().bandwidth_mbps, None);

    let refused = client.delete_vip(&vip.meta.id, false).unwrap_err();
    assert_eq!(refused.code(), Some("vip_in_use"));
    let ClientError::Refused(problem) = refused else { panic!("{refused}") };
    assert_eq!(problem.blocked_by, std::slice::from_ref(&eip.meta.id));
    client.delete_vip(&vip.meta.id, true).unwrap();
    assert_eq!(client.eip(&eip.meta.id).unwrap().target, None);
    client.release_eip(&eip.meta.id, false).unwrap();
    assert!(client.all_eips(&EipFilter::default()).unwrap().is_empty());
}

#[test]
fn interfaces_have_addresses_that_move() {
    let scene = Scene::start();
    let client = &scene.client;
    let (_, subnet) = scene.network();
    let make =
        || client.create_interface(&CreateInterface { subnet: subnet.meta.id.clone(), ..Default::default() });
    let (one, other) = (make().unwrap(), make().unwrap());
    assert_ne!((&one.mac, &one.address, one.port), (&other.mac, &other.address, other.port));

    let add = AddAddresses { addresses: vec!["10.20.1.77".into()], automatic: 1, ..Default::default() };
    let added = client.add_addresses(&one.meta.id, &add).unwrap();
    assert_eq!(added.secondary_addresses.len(), 2);
    let take = AddAddresses {
        addresses: vec!["10.20.1.77".into()],
        from: Some(one.meta.id.clone()),
        ..Default::default()
    };
    assert_eq!(client.add_addresses(&other.meta.id, &take).unwrap().secondary_addresses, ["10.20.1.77"]);
    assert_eq!(client.interface(&one.meta.id).unwrap().secondary_addresses.len(), 1);
    client.remove_address(&other.meta.id, "10.20.1.77").unwrap();
    assert!(client.interface(&other.meta.id).unwrap().secondary_addresses.is_empty());

    let without =
        CreateInterface { subnet: subnet.meta.id.clone(), without_address: true, ..Default::default() };
    assert_eq!(client.create_interface(&without).unwrap().address, None);
}

#[test]
fn a_network_of_both_families_lives_and_one_of_before_becomes_one() {
    let scene = Scene::start();
    let client = &scene.client;
    let (vpc, subnet) = scene.network();
    let give = |cidr6: &str| UpdateNetwork { cidr6: Some(cidr6.into()), ..Default::default() };
    let none = client.update_subnet(&subnet.meta.id, &give("fd00:20:0:1::/64")).unwrap_err();
    assert_eq!(none.code(), Some("no_ipv6_range"));
    assert_eq!(
        client.update_vpc(&vpc.meta.id, &give("fd00:20::/56")).unwrap().cidr6.as_deref(),
        Some("fd00:20::/56")
    );
    let subnet = client.update_subnet(&subnet.meta.id, &give("fd00:20:0:1::/64")).unwrap();
    assert_eq!(subnet.gateway6.as_deref(), Some("fd00:20:0:1::1"));
    let again = client.update_vpc(&vpc.meta.id, &give("fd00:21::/56")).unwrap_err();
    assert_eq!((again.status(), again.code()), (Some(409), Some("has_ipv6_range")));
    let odd = client.update_vpc(&vpc.meta.id, &give("fd00:21::/wide")).unwrap_err();
    assert_eq!((odd.status(), odd.code()), (Some(400), Some("invalid_cidr")));

    let subnet = subnet.meta.id;
    let made = client.create_interface(&CreateInterface { subnet: subnet.clone(), ..Default::default() });
    let made = made.unwrap();
    assert_eq!(
        (made.address.as_deref(), made.address6.as_deref()),
        (Some("10.20.1.3"), Some("fd00:20:0:1::3"))
    );
    let more = AddAddresses { automatic: 1, family: Some(Family::Ipv6), ..Default::default() };
    assert_eq!(client.add_addresses(&made.meta.id, &more).unwrap().secondary_addresses, ["fd00:20:0:1::4"]);
    client.remove_address(&made.meta.id, "fd00:20:0:1::4").unwrap();
    let chosen = CreateVip { subnet, address: Some("FD00:20:0:1:0::100".into()), ..Default::default() };
    let vip = client.create_vip(&chosen).unwrap();
    assert_eq!(vip.address, "fd00:20:0:1::100");
    let found = client.all_vips(&VipFilter { address: Some(vip.address.clone()), ..Default::default() });
    assert_eq!(found.unwrap(), [vip]);
}

#[test]
fn an_address_of_the_wrong_family_is_refused_with_where_it_belongs() {
    let scene = Scene::start();
    let client = &scene.client;
    let subnet = scene.network().1.meta.id;
    let interface = || CreateInterface { subnet: subnet.clone(), ..Default::default() };
    let six = || Some("fd00:20:0:1::7".to_owned());
    let as_ipv4 = client.create_interface(&CreateInterface { address: six(), ..interface() }).unwrap_err();
    assert_eq!(as_ipv4.code(), Some("address_family"));
    assert!(as_ipv4.to_string().contains("address6"), "{as_ipv4}");
    let as_ipv6 = CreateInterface { address6: Some("10.20.1.7".into()), ..interface() };
    assert_eq!(client.create_interface(&as_ipv6).unwrap_err().code(), Some("address_family"));
    let both = CreateInterface { address6: six(), without_address6: true, ..interface() };
    assert_eq!(client.create_interface(&both).unwrap_err().code(), Some("contradiction"));
    let nowhere = CreateInterface { address6: six(), ..interface() };
    assert_eq!(client.create_interface(&nowhere).unwrap_err().code(), Some("address_outside_subnet"));

    let vip = || CreateVip { subnet: subnet.clone(), ..Default::default() };
    let both = CreateVip { address: six(), family: Some(Family::Ipv6), ..vip() };
    assert_eq!(client.create_vip(&both).unwrap_err().code(), Some("contradiction"));
    let none = client.create_vip(&CreateVip { family: Some(Family::Ipv6), ..vip() }).unwrap_err();
    assert_eq!(none.code(), Some("no_ipv6_range"));
    let add = AddAddresses { family: Some(Family::Ipv6), ..Default::default() };
    let one = client.create_interface(&interface()).unwrap();
    assert_eq!(client.add_addresses(&one.meta.id, &add).unwrap_err().code(), Some("contradiction"));
}

#[test]
fn a_batch_deletes_what_it_can_and_says_why_not_the_rest() {
    let scene = Scene::start();
    let client = &scene.client;
    let (_, subnet) = scene.network();
    let make =
        || client.create_vip(&CreateVip { subnet: subnet.meta.id.clone(), ..Default::default() }).unwrap();
    let (free, bound) = (make().meta.id, make().meta.id);
    let interface = CreateInterface { subnet: subnet.meta.id.clone(), ..Default::default() };
    let interface = client.create_interface(&interface).unwrap().meta.id;
    client.associate(&bound, &Associate::claim(&interface)).unwrap();

    let ids = vec![free.clone(), bound.clone(), "vip-nonsense".into()];
    let done = client.delete_vips(&BatchDelete { ids: ids.clone(), unbind: false }).unwrap().results;

    assert_eq!(done.iter().map(|row| row.id.clone()).collect::<Vec<_>>(), ids);
    assert_eq!(done.iter().map(|row| row.status).collect::<Vec<_>>(), [204, 409, 404]);
    let codes: Vec<_> =
        done.iter().map(|row| row.problem.as_ref().map(|problem| problem.code.as_str())).collect();
    assert_eq!(codes, [None, Some("vip_in_use"), Some("vip_not_found")]);
    eventually("the first is gone", || {
        client.vip(&free).is_err_and(|error| error.is_not_found()).then_some(())
    });
    assert_eq!(client.vip(&bound).unwrap().associations.len(), 1);
}

#[test]
fn a_list_comes_in_pages_and_narrows() {
    let scene = Scene::with(|config| config.quotas.vips_per_vpc = Some(500));
    let client = &scene.client;
    let (vpc, subnet) = scene.network();
    for number in 0..5 {
        let name = format!("Front-{number}");
        client.create_vip(&CreateVip { subnet: subnet.meta.id.clone(), name, ..Default::default() }).unwrap();
    }

    let first = client.vips(&VipFilter { limit: Some(2), ..Default::default() }).unwrap();
    assert_eq!((first.items.len(), first.next.is_some()), (2, true));
    let mut seen = vec![];
    let mut after = None;
    loop {
        let page = client.vips(&VipFilter { limit: Some(2), after, ..Default::default() }).unwrap();
        seen.extend(page.items.into_iter().map(|vip| vip.meta.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.is_sorted());

    let count = |filter: VipFilter| client.all_vips(&filter).unwrap().len();
    assert_eq!(count(VipFilter { vpc: Some(vpc.meta.id.clone()), ..Default::default() }), 5);
    assert_eq!(count(VipFilter { name: Some("Front-3".into()), ..Default::default() }), 1);
    assert_eq!(count(VipFilter { name: Some("front-3".into()), ..Default::default() }), 0);
    assert_eq!(count(VipFilter { q: Some("frt3".into()), ..Default::default() }), 1);
    assert_eq!(count(VipFilter { q: Some("10.20.1.5".into()), ..Default::default() }), 1);
    assert_eq!(count(VipFilter { address: Some("10.20.1.4".into()), ..Default::default() }), 1);
}

#[test]
fn a_watch_tells_what_was_missed_and_what_happens() {
    let scene = Scene::start();
    let (vpc, _) = scene.network();
    let filter = WatchFilter { after: Some(0), kind: Some("changed".into()), ..Default::default() };
    let mut watch = scene.client.watch_events(&filter).unwrap();
    let resources: Vec<_> = watch.by_ref().take(4).map(|event| event.unwrap().resource.unwrap()).collect();
    assert!(resources[0].starts_with("pool-"));
    assert_eq!(resources[1], vpc.meta.id);
    assert!(resources[2].starts_with("sg-"), "its default security group");

    scene
        .client
        .update_vpc(&vpc.meta.id, &UpdateNetwork { name: Some("new".into()), ..Default::default() })
        .unwrap();

    let event = watch.next().unwrap().unwrap();
    assert_eq!((event.resource, event.change.as_deref()), (Some(vpc.meta.id), Some("updated")));
}
