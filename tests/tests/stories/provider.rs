//! The configuration that a cloud's guide gives for a VIP of an external network, by keepalived as it is.
//!
//! Three nodes, each with an address of the VPC on eth0 and, on eth1, an interface of the provider's network without an
//! address of its own: the VIP is the only one there, and a default route by the provider's router goes with it.

use anyhow::{Context, Result, ensure};
use havip_api::{Attach, CreateInterface, CreateVip, CreateVpc, Event, EventFilter};
use havip_lab::{
    Guest, PATIENCE, Scene, Setting, eventually,
    names::{HostName, OUTSIDE_CLIENT},
};
use havip_tests::{SUBNET, program};
use std::{net::Ipv4Addr, time::Duration};

/// The guide's file, as it is published for its first node.
const GUIDE: &str = r#"! Configuration File for keepalived
global_defs {
   router_id LVS_DEVEL
   vrrp_skip_check_adv_addr
   vrrp_garp_interval 0
   vrrp_gna_interval 0
}
vrrp_script checkhaproxy
{
    script "/etc/keepalived/do_sth.sh"
     interval 5
}
vrrp_instance VI_1 {
# Note the selection of primary and backup parameters
state BACKUP            # Set the initial state to "backup"
    interface eth0          # Set the NIC for binding VIP, such as eth0
    virtual_router_id 51    # Configure the virtual_router_id value for the cluster
    nopreempt               # Set non-preempt mode
    priority 100            # Two devices are nodes of equal weight with the same value
    advert_int 5
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    unicast_src_ip 10.0.240.14  # Set the local private IP address
    unicast_peer {
        10.0.240.15             # The IP address of the peer device
        10.0.240.16
    }
    virtual_ipaddress {
        192.168.177.204/24 dev eth1    # Set the high availability virtual VIP
    }
    virtual_routes {
        0.0.0.0/0 via 192.168.177.1 dev eth1  Custom routing rule
    }
}
"#;

/// The guide's file for a node: on another than the first its own address and the first's change places, as nobody can
/// send from an address that is not its own.
fn guides(own: Ipv4Addr, behind_the_route: &str) -> String {
    let ([(_, _, first), ..], between) = (NODES, "the first");
    let [own, first] = [own, first].map(|address| address.to_string());
    let swapped = GUIDE.replace(&own, between).replace(&first, &own).replace(between, &first);
    let mine = if own == first { GUIDE.to_owned() } else { swapped };
    mine.replace("Custom routing rule", behind_the_route)
}

/// The nodes, the provider's network, and its router outside, which asks for nothing but ARP.
fn scene() -> Result<Scene> {
    let mut scene = Setting::subnet(SUBNET).edges(2).start(program())?;
    let body = CreateVpc { name: "guide".into(), cidr: "10.0.0.0/16".into(), ..CreateVpc::default() };
    scene.vpc = scene.lab.api(|client| client.create_vpc(&body))?.meta.id;
    scene.subnet = scene.make_subnet("inner", "10.0.240.0/24")?;
    let provider = scene.make_external("provider", PROVIDER, None)?;
    let body = CreateVip { subnet: provider.clone(), address: Some(VIP.to_string()), ..CreateVip::default() };
    scene.vip = Some(scene.settled(|client| client.create_vip(&body))?.meta.id);
    scene.vip_address = VIP.into();
    scene.open_to_all("tcp", "80")?;
    scene.open_to_all("icmp", "")?;
    let inner = scene.subnet.clone();
    for (name, host, address) in NODES {
        let guest = scene.add_guest_at(&inner, name, HostName::Host(host), address)?.id.clone();
        let body =
            CreateInterface { subnet: provider.clone(), without_address: true, ..CreateInterface::default() };
        let interface = scene.lab.api(|client| client.create_interface(&body))?;
        let attach = Attach { instance: guest, ..Attach::default() };
        scene.settled(|client| client.attach_interface(&interface.meta.id, &attach))?;
        let node = &scene[name];
        eventually(PATIENCE, || node.shell("ip link show dev eth1 up | grep -q eth1").map(drop))?;
        // Such a node has one default route, which comes and goes with the VIP; it is asked by eth1 for eth1's address.
        node.shell("ip route del default; cd /proc/sys/net/ipv4/conf; echo 1 > all/arp_ignore")?;
        node.serve(name)?;
    }
    scene.associate(NODES.map(|(name, ..)| name))?;
    let outside = scene.outside()?;
    let device = scene.device_outside()?;
    outside.shell(&format!("ip address add {ROUTER}/24 dev {device}"))?;
    outside.serve_peer_address()?;
    Ok(scene)
}

fn start(scene: &Scene, behind_the_route: &str) -> Result<()> {
    for (name, _, own) in NODES {
        let config = guides(own, behind_the_route);
        let script = format!(
            "mkdir -p /etc/keepalived; cat > /etc/keepalived/keepalived.conf <<'HAVIP_END'
{config}HAVIP_END
printf '#!/bin/sh\\nexit 0\\n' > /etc/keepalived/do_sth.sh; chmod 0755 /etc/keepalived/do_sth.sh
keepalived --log-console --log-detail --dont-fork --pid /run/keepalived.pid &
"
        );
        scene[name].begin("keepalived", &script)?;
    }
    Ok(())
}

/// Who holds the VIP, when the outside reaches it there.
fn holder<'a>(scene: &Scene, among: &[&'a str], within: Duration) -> Result<&'a str> {
    let outside = scene.outside()?;
    let mut found = None;
    eventually(within, || {
        let page = outside.fetch(&format!("http://{VIP}/"))?;
        found = among.iter().find(|name| **name == page).copied();
        ensure!(found.is_some(), "{page:?} answers");
        Ok(())
    })?;
    found.context("nobody answers")
}

fn others(holder: &str) -> Vec<&'static str> {
    NODES.map(|(name, ..)| name).into_iter().filter(|name| *name != holder).collect()
}

/// What the router outside knows the VIP by.
fn mac_outside(scene: &Scene) -> Result<String> {
    let shown = scene.outside()?.shell(&format!("ip neigh show {VIP}"))?;
    Ok(shown.split_whitespace().skip_while(|word| *word != "lladdr").nth(1).context("no entry")?.to_owned())
}

fn mac_of_eth1(guest: &Guest) -> Result<String> {
    Ok(guest.shell("cat /sys/class/net/eth1/address")?.trim().to_owned())
}

#[test]
fn the_guides_external_vip_moves_and_keepalived_says_that_it_has_lost_the_route() -> Result<()> {
    let scene = scene()?;
    start(&scene, "Custom routing rule")?;
    let first = holder(&scene, &others(""), ELECTION)?;
    ensure!(mac_outside(&scene)? == mac_of_eth1(&scene[first])?, "the outside knows it by another MAC");
    let lost = |guest: &Guest| -> Result<()> {
        let log = guest.log_of("keepalived")?;
        ensure!(log.contains("Custom"), "keepalived does not say what it did not understand: {log}");
        let routes = guest.shell("ip route")?;
        ensure!(!routes.contains("default"), "the route is there all the same: {routes}");
        Ok(())
    };
    lost(&scene[first])?;

    scene[first].power_off()?;

    let second = holder(&scene, &others(first), ELECTION)?;
    ensure!(mac_outside(&scene)? == mac_of_eth1(&scene[second])?, "the outside knows it by the old MAC");
    lost(&scene[second])
}

#[test]
fn the_guides_external_vip_moves_with_its_default_route_and_the_segment_with_its_edge() -> Result<()> {
    let scene = scene()?;
    start(&scene, "# Custom routing rule")?;
    let first = holder(&scene, &others(""), ELECTION)?;
    let leaves = |guest: &Guest| {
        eventually(PATIENCE, || guest.fetches(&format!("http://{OUTSIDE_CLIENT}:8080/"), &VIP.to_string()))
    };
    leaves(&scene[first])?;
    let outside = scene.outside()?;

    scene[first].power_off()?;

    let second = holder(&scene, &others(first), ELECTION)?;
    leaves(&scene[second])?;
    ensure!(mac_outside(&scene)? == mac_of_eth1(&scene[second])?, "the outside knows it by the old MAC");

    scene.lab.set_underlay_cable(HostName::Edge(1), false)?;
    scene.lab.set_outside_cable(HostName::Edge(1), false)?;

    outside.eventually_fetches(&format!("http://{VIP}/"), second, Duration::from_secs(5))?;
    leaves(&scene[second])?;

    // Somebody outside says that it has the address: it is told, and nobody fights for it.
    let device = scene.device_outside()?;
    // Nobody answers an announcement, which arping calls a failure.
    outside.run(&["sh", "-c", &format!("ip address add {VIP}/32 dev lo; arping -U -c 1 -w 1 -I {device} {VIP}; ip address del {VIP}/32 dev lo")])?;
    let event = foreign_owner(&scene)?;
    let mac = outside.shell(&format!("ip -o link show dev {device} | sed 's/.*ether \\([^ ]*\\).*/\\1/'"))?;
    ensure!(event.mac.as_deref() == Some(mac.trim()) && event.vip == scene.vip, "{event:?}");
    scene.eventually_held_by(second)
}

#[test]
fn what_leaves_for_a_vlan_has_its_tag_and_what_comes_with_it_is_answered() -> Result<()> {
    let mut scene = Setting::subnet(SUBNET).edges(1).start(program())?;
    let provider = scene.make_external("provider", PROVIDER, Some(177))?;
    let node = Ipv4Addr::new(192, 168, 177, 20);
    scene.add_guest_at(&provider, "node", HostName::Host(1), node)?;
    let outside = scene.outside()?;
    let device = scene.device_outside()?;

    scene["node"].begin("ping", &format!("ping -i 0.2 -w 30 {ROUTER} &"))?;
    let asked = outside.shell(&format!(
        "timeout 20 tcpdump -l -n -e -c 1 -i {device} 'vlan 177 and arp dst host {ROUTER}' 2>/dev/null"
    ))?;
    ensure!(asked.contains("vlan 177") && asked.contains(&format!("who-has {ROUTER}")), "{asked}");

    // This kernel has no VLAN devices: the question is written as it stands on the wire.
    let asks = format!(
        "import socket, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind((\"{device}\", 0))
own, ip = bytes.fromhex(\"020000000177\"), socket.inet_aton
arp = bytes.fromhex(\"0001080006040001\") + own + ip(\"{ROUTER}\") + bytes(6) + ip(\"{node}\")
for tag in [\"810000b10806\", \"810000b20806\", \"0806\"] * 12:
    s.send(b\"\\xff\" * 6 + own + bytes.fromhex(tag) + arp); time.sleep(0.1)"
    );
    let answered = outside.shell(&format!(
        "python3 -c '{asks}' >/dev/null 2>&1 & timeout 20 tcpdump -l -n -e -c 3 -i {device} 'ether dst 02:00:00:00:01:77' 2>/dev/null"
    ))?;
    let all_tagged =
        answered.lines().all(|line| line.contains("vlan 177") && line.contains(&format!("{node} is-at")));
    ensure!(all_tagged && answered.lines().count() == 3, "{answered}");
    Ok(())
}

/// Waits until it is told that somebody outside has an address of ours.
pub(super) fn foreign_owner(scene: &Scene) -> Result<Event> {
    let filter = EventFilter { kind: Some("refused".into()), ..EventFilter::default() };
    eventually(PATIENCE, || {
        let refused = scene.lab.api(|client| client.all_events(&filter))?;
        let found = refused.into_iter().find(|event| event.reason.as_deref() == Some("foreign_owner"));
        found.context("nobody tells of it")
    })
}

const NODES: [(&str, u8, Ipv4Addr); 3] = [
    ("havip-01", 1, Ipv4Addr::new(10, 0, 240, 14)),
    ("havip-02", 2, Ipv4Addr::new(10, 0, 240, 15)),
    ("havip-03", 3, Ipv4Addr::new(10, 0, 240, 16)),
];
const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 177, 204);
/// The provider's network.
const PROVIDER: &str = "192.168.177.0/24";
const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 177, 1);
/// Three adverts of 5 s, the skew, and ten seconds for a busy machine.
const ELECTION: Duration = Duration::from_secs(26);
