//! Real devices in namespaces of our own. Needs root.

mod scene;

use havip_model::MacAddr;
use havip_netlink::{
    BridgeSpec, ErrorKind, GuestInterface, LinkEvent, LinkWatch, Links, Namespace, Offload, Route, VethEnd,
    VethSpec, VxlanSpec,
};
use scene::{Scene, within};
use std::{net::IpAddr, os::fd::AsFd};

const NEAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const FAR: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

fn pair() -> VethSpec<'static> {
    let near = VethEnd { name: "near", mac: Some(NEAR), mtu: 1450 };
    VethSpec { near, far: VethEnd { name: "far", mac: Some(FAR), mtu: 1400 }, far_namespace: None }
}

#[tokio::test]
async fn a_veth_pair_has_the_names_macs_and_mtus_it_was_given() {
    let scene = Scene::new("pair");
    let links = scene.links();
    let index = links.create_veth(pair()).await.unwrap();

    let near = links.by_index(index).await.unwrap().unwrap();
    let far = links.by_name("far").await.unwrap().unwrap();
    assert_eq!((near.name.as_str(), near.mac, near.mtu, near.kind.as_str()), ("near", NEAR, 1450, "veth"));
    assert_eq!((far.mac, far.mtu, far.peer, far.is_up), (FAR, 1400, Some(index), false));
    assert_eq!(links.create_veth(pair()).await.unwrap_err().kind(), ErrorKind::Exists);
    assert_eq!(links.list().await.unwrap().len(), 3, "loopback and the pair");

    links.delete(index).await.unwrap();
    links.delete(index).await.expect("removed already is fine");
    links.delete_by_name("far").await.unwrap();
    assert_eq!(links.by_name("far").await.unwrap(), None);
    assert_eq!(links.index_of("far").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn the_far_end_can_be_made_in_another_namespace() {
    let (here, there) = (Scene::new("here"), Scene::new("there"));
    let spec = VethSpec { far_namespace: Some(there.namespace.as_fd()), ..pair() };
    let index = here.links().create_veth(spec).await.unwrap();
    assert_eq!(here.links().by_name("far").await.unwrap(), None);
    assert_eq!(there.links().by_name("far").await.unwrap().unwrap().mac, FAR);
    let near = here.links().by_index(index).await.unwrap().unwrap();
    assert!(near.peer_is_elsewhere);
    assert_ne!(near.peer, Some(near.index), "the kernel would tell a loss of carrier late");

    let again = VethSpec { near: VethEnd { name: "near2", ..spec.near }, ..spec };
    assert_eq!(
        here.links().create_veth(again).await.unwrap_err().kind(),
        ErrorKind::Exists,
        "far is taken there"
    );
    assert_eq!(here.links().by_name("near2").await.unwrap(), None, "nothing is left");
}

#[tokio::test]
async fn a_device_can_be_renamed_and_moved_with_its_mac_and_mtu() {
    let (here, there) = (Scene::new("from"), Scene::new("to"));
    let (from, to) = (here.links(), there.links());
    from.create_veth(pair()).await.unwrap();
    let far = from.index_of("far").await.unwrap();
    from.set_mac(far, MacAddr([2, 0, 0, 0, 0, 9])).await.unwrap();
    from.set_mtu(far, 1300).await.unwrap();
    from.rename(far, "eth0").await.unwrap();
    from.move_to(far, there.namespace.as_fd()).await.unwrap();

    let moved = to.by_name("eth0").await.unwrap().unwrap();
    assert_eq!((moved.mac, moved.mtu, moved.is_up), (MacAddr([2, 0, 0, 0, 0, 9]), 1300, false));
    assert_eq!(from.by_name("eth0").await.unwrap(), None);
}

#[tokio::test]
async fn two_external_vxlan_devices_on_one_port_cannot_both_be_up() {
    let scene = Scene::new("vxlan");
    let links = scene.links();
    let spec = VxlanSpec { name: "ov", port: 7402, mtu: 1550, mac: None };
    let index = links.create_vxlan(spec).await.unwrap();
    links.set_up(index).await.unwrap();
    let device = links.by_index(index).await.unwrap().unwrap();
    assert_eq!((device.kind.as_str(), device.mtu, device.is_up), ("vxlan", 1550, true));
    let shown = scene.shows(&["ip", "-d", "link", "show", "ov"]);
    for option in ["external", "nolearning", "dstport 7402", "noudpcsum", "udp6zerocsumtx", "udp6zerocsumrx"]
    {
        assert!(shown.contains(option), "{option} in {shown}");
    }

    let second = links.create_vxlan(VxlanSpec { name: "ov2", ..spec }).await;
    assert_eq!(second.unwrap_err().kind(), ErrorKind::Exists);
}

#[tokio::test]
async fn a_bridge_carries_traffic_at_once_between_its_members() {
    let (left, right, middle) = (Scene::new("left"), Scene::new("right"), Scene::new("middle"));
    let links = middle.links();
    let bridge = links.create_bridge(BridgeSpec { name: "br", mtu: 1600 }).await.unwrap();
    links.set_up(bridge).await.unwrap();
    for (number, scene) in [(1, &left), (2, &right)] {
        let name = format!("m{number}");
        let spec = VethSpec {
            near: VethEnd { name: &name, mac: None, mtu: 1600 },
            far: VethEnd { name: "eth0", mac: None, mtu: 1600 },
            far_namespace: Some(scene.namespace.as_fd()),
        };
        let member = links.create_veth(spec).await.unwrap();
        links.set_master(member, Some(bridge)).await.unwrap();
        links.set_up(member).await.unwrap();
        let inside = scene.links();
        let eth0 = inside.index_of("eth0").await.unwrap();
        inside.set_up(eth0).await.unwrap();
        inside.add_address(eth0, format!("10.0.0.{number}/24").parse().unwrap()).await.unwrap();
    }
    left.shows(&["ping", "-c", "1", "-w", "10", "10.0.0.2"]);
    let member = links.by_name("m1").await.unwrap().unwrap();
    assert_eq!(member.master, Some(bridge));
    links.set_master(member.index, None).await.unwrap();
    assert_eq!(links.by_name("m1").await.unwrap().unwrap().master, None);
}

#[tokio::test]
async fn addresses_come_and_go_and_twice_is_the_same() {
    let scene = Scene::new("address");
    let links = scene.links();
    let near = links.create_veth(pair()).await.unwrap();
    let four = "10.1.2.3/24".parse().unwrap();
    let six = "fd00::3/64".parse().unwrap();
    for address in [four, four, six, six] {
        links.add_address(near, address).await.unwrap();
    }
    let mut seen = links.addresses(near).await.unwrap();
    seen.sort();
    assert_eq!(seen, [four, six]);
    for address in [four, four, six] {
        links.remove_address(near, address).await.unwrap();
    }
    assert_eq!(links.addresses(near).await.unwrap(), []);
}

#[tokio::test]
async fn routes_and_neighbours_are_what_the_kernel_then_uses() {
    let scene = Scene::new("route");
    let links = scene.links();
    let near = links.create_veth(pair()).await.unwrap();
    links.set_up(near).await.unwrap();
    links.add_address(near, "10.1.2.3/32".parse().unwrap()).await.unwrap();
    let router: IpAddr = "169.254.1.1".parse().unwrap();
    let mut default = Route::via("0.0.0.0/0".parse().unwrap(), router);
    assert!(links.add_route(default).await.is_err(), "nothing covers the router");
    default.device = Some(near);
    default.onlink = true;
    links.add_route(default).await.unwrap();
    links.add_route(default).await.expect("twice is the same");
    links.add_route(Route::on_device("10.9.0.0/16".parse().unwrap(), near)).await.unwrap();
    links.set_neighbour(near, router, FAR).await.unwrap();
    links.set_neighbour(near, router, NEAR).await.unwrap();

    assert!(
        scene.shows(&["ip", "route", "get", "192.0.2.1"]).contains("via 169.254.1.1 dev near src 10.1.2.3")
    );
    assert!(scene.shows(&["ip", "route", "get", "10.9.8.7"]).contains("10.9.8.7 dev near"));
    let known = links.neighbours(near).await.unwrap();
    assert!(known.iter().any(|n| n.address == router && n.mac == Some(NEAR) && n.is_permanent), "{known:?}");

    links.remove_neighbour(near, router).await.unwrap();
    links.remove_route(default).await.unwrap();
    links.remove_route(default).await.expect("removed already is fine");
    assert!(!scene.shows(&["ip", "route"]).contains("default"));
    let mixed = Route::via("0.0.0.0/0".parse().unwrap(), "fd00::1".parse().unwrap());
    assert!(links.add_route(mixed).await.is_err());
}

#[tokio::test]
async fn resolving_a_neighbour_learns_its_mac_without_a_packet() {
    let (here, there) = (Scene::new("asker"), Scene::new("asked"));
    let spec = VethSpec { far_namespace: Some(there.namespace.as_fd()), ..pair() };
    let near = here.links().create_veth(spec).await.unwrap();
    let (asker, asked) = (here.links(), there.links());
    let far = asked.index_of("far").await.unwrap();
    asker.set_up(near).await.unwrap();
    asked.set_up(far).await.unwrap();
    asker.add_address(near, "10.0.0.1/24".parse().unwrap()).await.unwrap();
    asked.add_address(far, "10.0.0.2/24".parse().unwrap()).await.unwrap();
    let address: IpAddr = "10.0.0.2".parse().unwrap();

    asker.resolve_neighbour(near, address).await.unwrap();
    within(2, async || {
        let known = asker.neighbours(near).await.unwrap();
        known.iter().any(|n| n.address == address && n.mac == Some(FAR))
    })
    .await;
}

#[tokio::test]
async fn a_watch_tells_of_lost_carrier_and_of_removal() {
    let (here, there) = (Scene::new("watch"), Scene::new("watched"));
    let spec = VethSpec { far_namespace: Some(there.namespace.as_fd()), ..pair() };
    let links = here.links();
    let near = links.create_veth(spec).await.unwrap();
    let inside = there.links();
    let far = inside.index_of("far").await.unwrap();
    links.set_up(near).await.unwrap();
    inside.set_up(far).await.unwrap();
    let mut watch = LinkWatch::open_in(&here.namespace).unwrap();
    let carrier = async |watch: &mut LinkWatch, wanted: bool| loop {
        match watch.next().await.unwrap() {
            LinkEvent::Changed(link) if link.index == near && link.has_carrier == wanted => break,
            LinkEvent::Deleted(link) => panic!("{link:?}"),
            _ => {}
        }
    };
    // The urgent path of the kernel's link watch takes milliseconds; a second is its slow one.
    let limit = std::time::Duration::from_millis(900);

    inside.set_down(far).await.unwrap();
    tokio::time::timeout(limit, carrier(&mut watch, false)).await.unwrap();
    inside.set_up(far).await.unwrap();
    tokio::time::timeout(limit, carrier(&mut watch, true)).await.unwrap();
    inside.delete(far).await.unwrap();
    let gone = async {
        loop {
            if let LinkEvent::Deleted(link) = watch.next().await.unwrap() {
                break link;
            }
        }
    };
    assert_eq!(tokio::time::timeout(limit, gone).await.unwrap().name, "near");
}

#[tokio::test]
async fn offloads_can_be_switched() {
    let scene = Scene::new("offload");
    let links = scene.links();
    links.create_veth(pair()).await.unwrap();
    links.set_offload("near", Offload::TransmitChecksum, false).unwrap();
    links.set_offload("near", Offload::GenericReceive, true).unwrap();
    assert_eq!(
        links.set_offload("nowhere", Offload::GenericReceive, true).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn links_of_this_thread_see_its_own_namespace() {
    let scene = Scene::new("own");
    scene.links().create_bridge(BridgeSpec { name: "only-here", mtu: 1500 }).await.unwrap();
    let outside = Links::open().unwrap();
    assert_eq!(outside.by_name("only-here").await.unwrap(), None);
    assert!(Namespace::current().is_ok());
}

#[tokio::test]
async fn a_guest_gets_its_interfaces_addressed_and_up() {
    let (host, guest) = (Scene::new("host"), Scene::new("guest"));
    let links = host.links();
    // The name that the device will have in the guest is taken on the host.
    links.create_bridge(BridgeSpec { name: "eth0", mtu: 1500 }).await.unwrap();
    let near = links.create_veth(pair()).await.unwrap();
    links.set_up(near).await.unwrap();
    let interface = GuestInterface {
        device: "far".into(),
        name: "eth0".into(),
        mac: Some(MacAddr([2, 0, 0, 0, 0, 9])),
        addresses: vec!["10.20.1.5/24".parse().unwrap(), "fd00::5/64".parse().unwrap()],
        gateways: vec!["10.20.1.1".parse().unwrap(), "fe80::1".parse().unwrap()],
        mtu: 1350,
    };
    links.equip(&guest.namespace, std::slice::from_ref(&interface)).await.unwrap();

    let inside = guest.links();
    let eth0 = inside.by_name("eth0").await.unwrap().unwrap();
    assert_eq!((eth0.mac, eth0.mtu, eth0.has_carrier), (MacAddr([2, 0, 0, 0, 0, 9]), 1350, true));
    let addresses = inside.addresses(eth0.index).await.unwrap();
    assert!(interface.addresses.iter().all(|address| addresses.contains(address)), "{addresses:?}");
    assert!(guest.shows(&["ip", "route"]).contains("default via 10.20.1.1 dev eth0"));
    assert!(guest.shows(&["ip", "-6", "route"]).contains("default via fe80::1 dev eth0"));
    assert!(
        !guest
            .shows(&["ip", "-6", "address", "show", "dev", "eth0", "scope", "global"])
            .contains("tentative")
    );
    assert_eq!(guest.namespace.sysctl("ipv6/conf/eth0/accept_ra").unwrap(), "0");
    assert_eq!(links.by_name("far").await.unwrap(), None);
    let gone = links.equip(&guest.namespace, &[interface]).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn only_a_veth_of_a_guest_or_a_tap_can_be_plugged() {
    let (host, guest) = (Scene::new("plug"), Scene::new("plugged"));
    let links = host.links();
    let bridge = links.create_bridge(BridgeSpec { name: "br", mtu: 1500 }).await.unwrap();
    links.create_veth(pair()).await.unwrap();
    let elsewhere = VethSpec {
        near: VethEnd { name: "port", ..pair().near },
        far_namespace: Some(guest.namespace.as_fd()),
        ..pair()
    };
    let port = links.create_veth(elsewhere).await.unwrap();
    host.shows(&["ip", "tuntap", "add", "tap0", "mode", "tap"]);
    host.shows(&["ip", "tuntap", "add", "tun0", "mode", "tun"]);
    let why = async |device| {
        let error = links.check_pluggable(device).await.unwrap_err();
        std::error::Error::source(&error).unwrap().to_string()
    };

    assert_eq!(links.check_pluggable("port").await.unwrap().index, port);
    assert_eq!(links.check_pluggable("tap0").await.unwrap().name, "tap0");
    assert!(why("tun0").await.contains("make a tap"));
    assert!(why("lo").await.contains("loopback"));
    assert!(why("br").await.contains("is a bridge"));
    assert!(why("near").await.contains("peer is in this namespace"));
    assert_eq!(links.check_pluggable("absent").await.unwrap_err().kind(), ErrorKind::NotFound);
    links.set_master(port, Some(bridge)).await.unwrap();
    assert!(why("port").await.contains("take it out"));
}
