//! A provider's network of IPv6: a VIP that keepalived moves between interfaces without an address of their own, known
//! outside by neighbour discovery alone.

use anyhow::{Context, Result, ensure};
use havip_api::{Attach, CreateInterface, CreateVip};
use havip_lab::{
    Guest, OUTSIDE_CLIENT6, PATIENCE, Scene, Setting, eventually, keepalived::Keepalived, names::HostName,
};
use havip_tests::{SUBNET, program, url};
use std::{net::Ipv6Addr, time::Duration};

/// Blue and green have eth0 in the VPC and eth1 in the provider's network; `own` has an address there. The router is the
/// machine outside.
fn scene() -> Result<Scene> {
    let mut scene = Setting::subnet(SUBNET).edges(2).dual().guests(["blue", "green"]).start(program())?;
    let outside = scene.outside()?;
    let device = scene.device_outside()?;
    scene.open_outside6(0)?;
    outside.shell(&format!(
        "ip address add {ROUTER}/64 dev {device} nodad; sysctl -qw net.ipv6.conf.{device}.forwarding=1"
    ))?;
    outside.serve_peer_address()?;
    let router = outside.shell(&format!("ip -6 -o address show dev {device} scope link"))?;
    let router = router.split_whitespace().find(|word| word.starts_with("fe80")).context("no link-local")?;
    let router = router.trim_end_matches("/64").to_owned();
    let provider = scene.make_dual_external("provider", "192.168.177.0/24", "2001:db8:177::/64", &router)?;
    let body = CreateVip { subnet: provider.clone(), address: Some(VIP.to_string()), ..CreateVip::default() };
    scene.vip = Some(scene.settled(|client| client.create_vip(&body))?.meta.id);
    scene.vip_address = VIP.into();
    scene.open_to_all("tcp", "80")?;
    scene.open_to_all("icmpv6", "")?;
    for name in ["blue", "green"] {
        let body = CreateInterface {
            subnet: provider.clone(),
            without_address: true,
            without_address6: true,
            ..CreateInterface::default()
        };
        let interface = scene.lab.api(|client| client.create_interface(&body))?;
        let node = &scene[name];
        let attach = Attach { instance: node.id.clone(), ..Attach::default() };
        scene.settled(|client| client.attach_interface(&interface.meta.id, &attach))?;
        eventually(PATIENCE, || node.shell("ip link show dev eth1 up | grep -q eth1").map(drop))?;
        // The router is known by what it says of itself, as routers are; so it is to `own`, by the API.
        node.shell(&format!("ip -6 route del default; ip -6 route add default via {router} dev eth1"))?;
        node.serve(name)?;
    }
    scene.add_guest_in(&provider, "own", HostName::Host(3), "")?;
    scene.associate(["blue", "green"])?;
    Ok(scene)
}

/// What the router outside knows an address by, when the outside reaches it there.
fn mac_outside(scene: &Scene, address: Ipv6Addr) -> Result<String> {
    let shown = scene.outside()?.shell(&format!("ip -6 neigh show {address}"))?;
    Ok(shown.split_whitespace().skip_while(|word| *word != "lladdr").nth(1).context("no entry")?.to_owned())
}

fn mac_of(guest: &Guest, device: &str) -> Result<String> {
    let line = format!("ip -o link show dev {device} | sed 's/.*ether \\([^ ]*\\).*/\\1/'");
    Ok(guest.shell(&line)?.trim().to_owned())
}

#[test]
fn an_ipv6_vip_of_a_providers_network_moves_and_its_holder_is_known_outside_by_its_own_mac() -> Result<()> {
    let scene = scene()?;
    let outside = scene.outside()?;
    // keepalived adds a VIP of IPv6 as an address that nothing is sent from unless it says so.
    let leaves = |guest: &Guest| {
        eventually(PATIENCE, || {
            let got =
                guest.shell(&format!("curl -s -m 2 --interface {VIP} http://[{OUTSIDE_CLIENT6}]:8080/"))?;
            ensure!(got.trim() == VIP.to_string(), "{} is known outside as {got}", guest.name);
            Ok(())
        })
    };
    let is_known_as = |guest: &Guest| -> Result<()> {
        let (known, its) = (mac_outside(&scene, VIP)?, mac_of(guest, "eth1")?);
        ensure!(known == its, "the outside knows {}'s address by {known}, not by {its}", guest.name);
        Ok(())
    };
    let (blue, green) = (&scene["blue"], &scene["green"]);
    let (first, second) = (blue.address_like(VIP.into())?, green.address_like(VIP.into())?);
    let on_eth1 = |keepalived| Keepalived { vip_device: Some("eth1"), ..keepalived };
    blue.start_keepalived(&on_eth1(Keepalived::primary(first, second, VIP)))?;
    outside.eventually_fetches(&url(VIP), "blue", PATIENCE)?;
    green.start_keepalived(&on_eth1(Keepalived::secondary(second, first, VIP)))?;
    is_known_as(blue)?;
    leaves(blue)?;

    blue.power_off()?;

    outside.eventually_fetches(&url(VIP), "green", ELECTION)?;
    is_known_as(green)?;
    leaves(green)?;

    scene.lab.set_underlay_cable(HostName::Edge(1), false)?;
    scene.lab.set_outside_cable(HostName::Edge(1), false)?;

    outside.eventually_fetches(&url(VIP), "green", Duration::from_secs(5))?;
    leaves(green)?;

    // Somebody outside says that it has the address: it is told, and nobody fights for it.
    let device = scene.device_outside()?;
    outside.shell(&format!("ndptool -t na -U -i {device} -T {VIP} send"))?;
    let event = super::provider::foreign_owner(&scene)?;
    ensure!(event.mac == Some(mac_of(&outside, &device)?) && event.vip == scene.vip, "{event:?}");
    scene.eventually_held_by("green")
}

#[test]
fn an_interface_of_a_providers_ipv6_network_reaches_outsiders_and_nobody_there_can_take_its_address()
-> Result<()> {
    let scene = scene()?;
    let (outside, own) = (scene.outside()?, &scene["own"]);
    let address = own.address6.context("it has no IPv6 address")?;
    ensure!(address.to_string() == "2001:db8:177::3", "it has {address}");
    // By the router of its default route, and as a neighbour.
    own.pings(OUTSIDE_CLIENT6)?;
    own.pings(ROUTER)?;
    outside.pings(address)?;
    ensure!(mac_outside(&scene, address)? == mac_of(own, "eth0")?, "the outside knows it by another MAC");

    let device = scene.device_outside()?;
    outside.shell(&format!(
        "sysctl -qw net.ipv6.conf.{device}.accept_dad=1; ip -6 address add {address}/128 dev {device}"
    ))?;
    eventually(PATIENCE, || {
        let shown = outside.shell(&format!("ip -6 address show dev {device}"))?;
        ensure!(shown.contains("dadfailed"), "it was not told that somebody has the address: {shown}");
        Ok(())
    })?;
    own.pings(OUTSIDE_CLIENT6)
}

const ROUTER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x177, 0, 0, 0, 0, 1);
const VIP: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x177, 0, 0, 0, 0, 0x204);
/// Three adverts of 1 s, the skew, and as much again for a busy machine.
const ELECTION: Duration = Duration::from_secs(10);
