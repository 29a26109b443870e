//! What is told of a packet's way out of an external subnet, into one and inside it, against the way that it takes: of
//! both families, by every entrance, whoever holds the VIPs and whichever edge joins it.

mod edge_scene;
mod hook;
mod segment_scene;

use edge_scene::ended::{became, held, told};
use havip_explain::path::{Entrance, Maps, Packet, Protocol, hop};
use havip_model::VipKey;
use havip_wire::build::frame;
use havip_wire::{Icmpv6, TcpFlags};
use hook::six::{ALL_NODES, link_local};
use hook::{Hook, Ran, VIRTUAL_MAC, host, mac, port, underlay, vni};
use segment_scene::six::{self, segment6};
use segment_scene::{EDGE_MAC, FAR, OUTSIDER, OUTWARDS, ROUTER_MAC, VIP, VLAN, address, network};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

fn key(address: IpAddr) -> VipKey {
    VipKey { vni: vni(), address }
}

fn takes(hook: &Hook, entrance: Entrance, packet: &Packet, leaves: bool) -> Ran {
    let bytes = |from_mac, to_mac| {
        let frame = frame(from_mac, to_mac);
        match (packet.source, packet.destination) {
            (IpAddr::V4(from), IpAddr::V4(to)) => match packet.protocol {
                Protocol::Ping => frame.ip(from, to).ping(1, 1),
                Protocol::Tcp(to_port) => frame.ip(from, to).tcp(40_000, to_port, TcpFlags::SYN, b""),
                Protocol::Udp(to_port) => frame.ip(from, to).udp(1000, to_port, b"x"),
            },
            (IpAddr::V6(from), IpAddr::V6(to)) => match packet.protocol {
                Protocol::Ping => {
                    frame.ip6(from, to).icmp(&Icmpv6::EchoRequest { identifier: 1, sequence: 1, data: b"" })
                }
                Protocol::Tcp(to_port) => frame.ip6(from, to).tcp(40_000, to_port, TcpFlags::SYN, b""),
                Protocol::Udp(to_port) => frame.ip6(from, to).udp(1000, to_port, b"x"),
            },
            mixed => panic!("{mixed:?}"),
        }
    };
    match entrance {
        Entrance::Port(number) => {
            let device = if number.get() == 31 { 21 } else { 12 };
            hook.sends(device, &bytes(mac(number.get()), ROUTER_MAC))
        }
        Entrance::Host { from, .. } => {
            let tunnel = if leaves { OUTWARDS } else { vni().get() };
            hook.arrives(underlay(from.get()), tunnel, &bytes(mac(33), VIRTUAL_MAC))
        }
        // By the MAC that somebody inside is known by, or the edge's own: who is outside knows no other.
        Entrance::Outside => {
            let to_mac = if is_guests(packet.destination) { mac(31) } else { EDGE_MAC };
            hook.enters_in_vlan(VLAN, &bytes(ROUTER_MAC, to_mac))
        }
    }
}

#[test]
fn the_path_through_an_external_subnet_that_is_told_is_the_one_that_packets_take() {
    let mut hook = segment6("path-segment");
    let text = |address: &str| address.parse::<IpAddr>().unwrap();
    let four: Vec<IpAddr> = [address(31), address(33), VIP, address(2), hook::own(11), OUTSIDER, FAR]
        .into_iter()
        .chain([Ipv4Addr::BROADCAST, underlay(2)])
        .map(IpAddr::from)
        .collect();
    let links = [mac(31), mac(32), mac(33), VIRTUAL_MAC, ROUTER_MAC].map(link_local);
    let six: Vec<IpAddr> = [six::own(31), six::own(33), six::VIP, six::SPEAKS_AS, hook::six::own(11)]
        .into_iter()
        .chain([six::OUTSIDER, six::FAR, ALL_NODES])
        .chain(links)
        .map(IpAddr::from)
        .chain([text("::ffff:192.168.177.31")])
        .collect();
    let protocols = [Protocol::Ping, Protocol::Tcp(80), Protocol::Udp(53)];
    let states = [(None, None), (Some((1, 31)), Some(1)), (Some((1, 32)), Some(1)), (Some((2, 33)), Some(2))];
    let entrances = [
        Entrance::Port(port(31)),
        Entrance::Port(port(32)),
        Entrance::Host { from: host(2), passed_on: false },
        Entrance::Outside,
    ];
    let mut ends = BTreeMap::<String, u32>::new();
    for (holder, edge) in states {
        held(&mut hook, key(VIP.into()), 6, holder);
        held(&mut hook, six::key(six::VIP), 7, holder);
        held(&mut hook, network(), 6, edge.map(|edge| (edge, 1)));
        let (table, records) = (hook.switch.entries().unwrap(), hook.switch.records(vni()).unwrap());
        let maps = Maps { host: host(1), is_edge: true, table: &table, records: &records };
        for (entrance, family, protocol) in entrances
            .iter()
            .flat_map(|entrance| [&four, &six].map(|family| (*entrance, family)))
            .flat_map(|(entrance, family)| protocols.map(|protocol| (entrance, family, protocol)))
        {
            for (source, destination) in
                family.iter().flat_map(|source| family.iter().map(move |destination| (*source, *destination)))
            {
                // What other hosts send of a segment is of their ports in it, and to nobody inside.
                let is_33 =
                    [address(33).into(), six::own(33).into(), link_local(mac(33)).into()].contains(&source);
                let inside = |to: IpAddr| table_has(&table, to);
                let leaves = matches!(entrance, Entrance::Host { .. }) && is_33 && !inside(destination);
                if matches!(entrance, Entrance::Host { .. }) && !is_33 {
                    continue;
                }
                // The limits of what is told by ICMP are not the question.
                hook.forget_memories();
                let packet = Packet { vni: vni(), source, destination, protocol };
                let found = hop(maps, entrance, packet);
                let ran = takes(&hook, entrance, &packet, leaves);
                let really = became(&ran, &hook.moved_all(), found.end);
                assert_eq!(told(found.end), really, "{entrance:?} {packet:?} {:#?}", found.rules);
                *ends.entry(really).or_default() += 1;
            }
        }
    }
    println!("{ends:#?}");
    assert!(ends.len() >= 15, "only these ends were seen: {ends:?}");
}

fn is_guests(address: IpAddr) -> bool {
    let own: [IpAddr; 6] = [
        segment_scene::address(31).into(),
        segment_scene::address(33).into(),
        VIP.into(),
        six::own(31).into(),
        six::own(33).into(),
        six::VIP.into(),
    ];
    own.contains(&address)
        || [31, 32, 33].iter().any(|number| address == IpAddr::from(link_local(mac(*number))))
}

/// Somebody in the segment, or the switch, has the address.
fn table_has(table: &havip_reconcile::table::Table, address: IpAddr) -> bool {
    use havip_reconcile::table::{Address, Entry, EntryKey};
    match table.get(&EntryKey::Address(vni(), address)) {
        Some(Entry::Address(
            Address::Interface { subnet, .. } | Address::Vip { subnet, .. } | Address::Gateway { subnet },
        )) => subnet.is_external(),
        _ => false,
    }
}
