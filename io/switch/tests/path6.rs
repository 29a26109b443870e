//! What is told of an IPv6 packet's way against the way that it takes: every source to every destination by every
//! entrance, whoever holds the VIP and whichever edge serves.

mod edge_scene;
mod hook;

use edge_scene::ended::{became, held, told};
use edge_scene::six::*;
use edge_scene::{EDGE_MAC, ROUTER_MAC};
use havip_explain::path::{Entrance, Maps, Packet, Protocol, hop};
use havip_wire::build::{Packet6, frame};
use havip_wire::{Icmpv6, TcpFlags};
use hook::six::{ALL_NODES, GATEWAY, NOBODY, VIP, link_local, own, vip};
use hook::{Hook, Ran, VIRTUAL_MAC, host, mac, port, underlay, vni};
use std::{collections::BTreeMap, net::Ipv6Addr};

fn say(packet: Packet6, protocol: Protocol) -> Vec<u8> {
    match protocol {
        Protocol::Ping => packet.icmp(&Icmpv6::EchoRequest { identifier: 1, sequence: 1, data: b"" }),
        Protocol::Tcp(to) => packet.tcp(40_000, to, TcpFlags::SYN, b""),
        Protocol::Udp(to) => packet.udp(1000, to, b"x"),
    }
}

fn takes(hook: &Hook, entrance: Entrance, (from, to): (Ipv6Addr, Ipv6Addr), protocol: Protocol) -> Ran {
    let bytes = |source, destination| say(frame(source, destination).ip6(from, to), protocol);
    match entrance {
        Entrance::Port(number) => hook.sends(number.get(), &bytes(mac(number.get()), VIRTUAL_MAC)),
        Entrance::Host { from, passed_on } => {
            let vni = vni().get() | u32::from(passed_on) << 23;
            hook.arrives(underlay(from.get()), vni, &bytes(mac(13), VIRTUAL_MAC))
        }
        Entrance::Outside => hook.enters("edge_rx", "e0", &bytes(ROUTER_MAC, EDGE_MAC)),
    }
}

#[test]
fn the_path_of_ipv6_that_is_told_is_the_one_that_packets_take() {
    let mut hook = edge("path");
    let ports = [11, 12, 21].map(|number| Entrance::Port(port(number)));
    let hosts = [false, true].map(|passed_on| Entrance::Host { from: host(2), passed_on });
    let entrances = ports.into_iter().chain(hosts).chain([Entrance::Outside]);
    let sources =
        [own(11), own(12), own(13), own(21), VIP, GATEWAY, CLIENT, link_local(mac(11)), ALL_NODES, NOBODY];
    let text = |address: &str| address.parse::<Ipv6Addr>().unwrap();
    let nobodys = ["fd00::9999", "fd12::1", "2001:db8:e::77", "::ffff:10.0.0.11"].map(text);
    let named =
        [own(11), own(12), own(13), own(21), VIP, GATEWAY, CLIENT, EIP, EIP_OF_11, EIP_OF_13, ALL_NODES];
    let destinations: Vec<Ipv6Addr> = named.into_iter().chain(nobodys).collect();
    let protocols = [Protocol::Ping, Protocol::Tcp(80), Protocol::Udp(546)];
    let states = [(None, None), (Some((1, 12)), Some(1)), (Some((2, 13)), Some(2)), (Some((1, 11)), None)];
    let mut ends = BTreeMap::<String, u32>::new();
    for (holder, edge) in states {
        held(&mut hook, vip(), 5, holder);
        for eip in [EIP, EIP_OF_11, EIP_OF_13] {
            held(&mut hook, key(eip), 6, edge.map(|edge| (edge, 1)));
        }
        let (table, records) = (hook.switch.entries().unwrap(), hook.switch.records(vni()).unwrap());
        let maps = Maps { host: host(1), is_edge: true, table: &table, records: &records };
        for entrance in entrances.clone() {
            for (source, destination) in sources
                .iter()
                .flat_map(|source| destinations.iter().map(|destination| (*source, *destination)))
            {
                for protocol in protocols {
                    // The limits of what is told by ICMP are not the question.
                    hook.forget_memories();
                    let packet = Packet {
                        vni: vni(),
                        source: source.into(),
                        destination: destination.into(),
                        protocol,
                    };
                    let found = hop(maps, entrance, packet);
                    let ran = takes(&hook, entrance, (source, destination), protocol);
                    let really = became(&ran, &hook.moved_all(), found.end);
                    assert_eq!(told(found.end), really, "{entrance:?} {packet:?} {:#?}", found.rules);
                    *ends.entry(really).or_default() += 1;
                }
            }
        }
    }
    println!("{ends:#?}");
    assert!(ends.len() >= 20, "only these ends were seen: {ends:?}");
}
