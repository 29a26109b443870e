//! What is told of a packet's way against the way that it takes: random states, random packets.

mod edge_scene;
mod hook;

use edge_scene::ended::{became, told};
use edge_scene::{CLIENT, EDGE_MAC, EIP, EIP_OF_11, EIP_OF_13, ROUTER_MAC, edge, eip_key};
use havip_explain::path::{Entrance, Maps, Packet, Protocol, hop};
use havip_groups::{Compiled, GroupPeer, GroupRule};
use havip_model::{
    Direction::{Egress, Ingress},
    Edition, Epoch, Holder, Incarnation, PortState, Protocol as RuleProtocol, Record, RuleAction, RuleNumber,
};
use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::Order;
use havip_wire::{TcpFlags, build::Packet4, build::frame};
use hook::{
    DROPPED, GATEWAY, Hook, REDIRECTED, Ran, VIP, VIRTUAL_MAC,
    guard::{allow, group, net, only},
    host, mac, own, port, underlay, vip, vni,
};
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use std::{cell::RefCell, net::Ipv4Addr};

/// What is otherwise than usual.
#[derive(Debug, Clone)]
struct State {
    /// Who holds the VIP.
    holder: Option<(u32, u32)>,
    is_released: bool,
    is_12_active: bool,
    is_12_entitled: bool,
    has_11_direct_return: bool,
    is_21_checked: bool,
    is_13_somewhere: bool,
    is_host_2_known: bool,
    route: Option<Ipv4Addr>,
    /// The host that serves the EIPs.
    edge: u32,
    /// Which of [`groups`] guard ports 11, 12 and 21; none: it is not guarded.
    guarded: [Option<Vec<usize>>; 3],
    /// The group of ports 11 and 13.
    memberships: [u32; 2],
}

/// Rules of security groups; each has one that others of them contradict.
fn groups() -> Vec<Compiled> {
    let drops = |rule: GroupRule| GroupRule { action: RuleAction::Drop, ..rule };
    let sets = [
        vec![allow(Ingress, GroupPeer::Vpc), allow(Egress, GroupPeer::Any)],
        vec![only(RuleProtocol::TCP, Some((80, 90)), allow(Ingress, GroupPeer::Any))],
        vec![allow(Ingress, GroupPeer::Group(group(1))), allow(Egress, GroupPeer::Group(group(2)))],
        vec![drops(GroupRule {
            priority: 1,
            ..only(RuleProtocol::UDP, None, allow(Egress, net("10.0.0.0/16")))
        })],
        vec![
            only(RuleProtocol::ICMP, None, allow(Ingress, GroupPeer::Any)),
            drops(allow(Egress, net("198.51.100.0/24"))),
        ],
        vec![],
    ];
    let mut next = 1;
    let mut numbered = |rule: GroupRule| {
        next += 1;
        GroupRule { number: RuleNumber::new(next).unwrap(), ..rule }
    };
    sets.map(|rules| Compiled::of(&rules.into_iter().map(&mut numbered).collect::<Vec<_>>())).into()
}

fn edition(nth: usize) -> Edition {
    Edition::new(nth as u32 + 1).unwrap()
}

fn state() -> impl Strategy<Value = State> {
    let holder = select(vec![None, Some((1, 11)), Some((1, 12)), Some((2, 13)), Some((1, 21))]);
    let mostly = || prop::bool::weighted(0.85);
    let route =
        select(vec![None, Some(VIP), Some(own(21)), Some(own(12)), Some(Ipv4Addr::new(10, 0, 0, 222))]);
    let words = (holder, prop::bool::weighted(0.2), mostly(), mostly(), prop::bool::weighted(0.2), mostly());
    let set = || prop::option::weighted(0.5, prop::collection::vec(0..groups().len(), 0..=3));
    let guards = ([set(), set(), set()], [0u32..=2, 0..=2]);
    (words, mostly(), mostly(), route, select(vec![1u32, 1, 2, 3]), guards).prop_map(
        |(
            (holder, is_released, is_12_active, is_12_entitled, has_11_direct_return, is_21_checked),
            is_13_somewhere,
            is_host_2_known,
            route,
            edge,
            (guarded, memberships),
        )| State {
            holder,
            is_released,
            is_12_active,
            is_12_entitled,
            has_11_direct_return,
            is_21_checked,
            is_13_somewhere,
            is_host_2_known,
            route,
            edge,
            guarded,
            memberships,
        },
    )
}

fn packet() -> impl Strategy<Value = (Entrance, Ipv4Addr, Ipv4Addr, Protocol)> {
    let ip = Ipv4Addr::new;
    let entrance = prop_oneof![
        4 => select(vec![11u32, 12, 21]).prop_map(|number| Entrance::Port(port(number))),
        2 => any::<bool>().prop_map(|passed_on| Entrance::Host { from: host(3), passed_on }),
        1 => Just(Entrance::Outside),
    ];
    let sources =
        vec![own(11), own(12), own(21), own(13), VIP, GATEWAY, CLIENT, ip(127, 0, 0, 1), ip(224, 0, 0, 5)];
    let destinations = vec![
        own(11),
        own(12),
        own(13),
        own(21),
        VIP,
        VIP,
        GATEWAY,
        ip(10, 0, 1, 1),
        ip(10, 9, 9, 9),
        ip(192, 168, 7, 7),
        CLIENT,
        EIP,
        EIP_OF_11,
        EIP_OF_13,
        ip(203, 0, 113, 77),
        underlay(2),
        ip(224, 0, 0, 5),
        ip(255, 255, 255, 255),
        ip(127, 0, 0, 1),
    ];
    let protocol = select(vec![Protocol::Ping, Protocol::Tcp(80), Protocol::Udp(53), Protocol::Udp(68)]);
    (entrance, select(sources), select(destinations), protocol, any::<bool>()).prop_map(
        |(entrance, source, destination, protocol, is_honest)| {
            let source = match entrance {
                Entrance::Port(number) if is_honest => own(number.get()),
                Entrance::Host { .. } if is_honest => own(13),
                Entrance::Outside if is_honest => CLIENT,
                _ => source,
            };
            (entrance, source, destination, protocol)
        },
    )
}

impl Hook {
    /// Makes it so.
    fn become_so(&mut self, state: &State) {
        self.order(Order::Forget { key: vip(), incarnation: Incarnation(5) });
        self.order(Order::Prepare { key: vip(), incarnation: Incarnation(5) });
        let record = |key_incarnation, on, number, released| Record {
            incarnation: Incarnation(key_incarnation),
            epoch: Epoch(1 << 20),
            holder: Holder { host: host(on), port: port(number) },
            released,
            mac: mac(number),
            moves: 1,
        };
        if let Some((on, number)) = state.holder {
            self.order(Order::Merge { key: vip(), record: record(5, on, number, state.is_released) });
        }
        let active = if state.is_12_active { PortState::Active } else { PortState::Inactive };
        self.plug(12, active, true);
        let entitled = EntryKey::Entitled(vip(), port(12));
        match state.is_12_entitled {
            true => self.put(entitled, Entry::Entitled { direct_return: false }),
            false => self.remove(entitled),
        }
        let direct_return = state.has_11_direct_return;
        self.put(EntryKey::Entitled(vip(), port(11)), Entry::Entitled { direct_return });
        self.interface(21, Some(1), state.is_21_checked);
        self.plug(21, PortState::Active, state.is_21_checked);
        self.interface(13, state.is_13_somewhere.then_some(2), true);
        match state.is_host_2_known {
            true => self.put(EntryKey::Host(host(2)), Entry::Host { underlay: underlay(2).into() }),
            // Its packets come all the same: what is not known is the way back.
            false => self.remove(EntryKey::Host(host(2))),
        }
        let route = EntryKey::Route(vni(), "192.168.0.0/16".parse().unwrap());
        match state.route {
            Some(next_hop) => self.put(route, Entry::Route { next_hop: Some(next_hop.into()) }),
            None => self.remove(route),
        }
        for eip in [EIP, EIP_OF_11, EIP_OF_13] {
            self.order(Order::Forget { key: eip_key(eip), incarnation: Incarnation(6) });
            self.order(Order::Prepare { key: eip_key(eip), incarnation: Incarnation(6) });
            if state.edge < 3 {
                self.order(Order::Merge { key: eip_key(eip), record: record(6, state.edge, 1, false) });
            }
        }
        self.plug(11, PortState::Active, true);
        for (number, sets) in [11, 12, 21].into_iter().zip(&state.guarded) {
            if let Some(sets) = sets {
                self.guard_by(number, Some(sets.iter().map(|nth| edition(*nth)).collect()));
            }
        }
        for (number, of) in [11, 13].into_iter().zip(state.memberships) {
            let of: Vec<u32> = [of].into_iter().filter(|of| *of > 0).collect();
            self.belongs(number, &of);
        }
        // What is told is what becomes of first packets.
        self.forget_flows();
        self.settle();
    }

    fn takes(&self, entrance: Entrance, bytes: impl Fn(havip_wire::build::Frame) -> Vec<u8>) -> Ran {
        match entrance {
            Entrance::Port(number) => self.sends(number.get(), &bytes(frame(mac(number.get()), VIRTUAL_MAC))),
            // Host 3 is always known.
            Entrance::Host { from, passed_on } => self.arrives(
                underlay(from.get()),
                100 | u32::from(passed_on) << 23,
                &bytes(frame(mac(13), VIRTUAL_MAC)),
            ),
            Entrance::Outside => self.enters("edge_rx", "e0", &bytes(frame(ROUTER_MAC, EDGE_MAC))),
        }
    }
}

fn say(packet: Packet4, protocol: Protocol) -> Vec<u8> {
    match protocol {
        Protocol::Ping => packet.ping(1, 1),
        Protocol::Tcp(to) => packet.tcp(40_000, to, TcpFlags::SYN, b""),
        Protocol::Udp(to) => packet.udp(1000, to, b"x"),
    }
}

#[test]
fn the_path_that_is_told_is_the_one_that_packets_take() {
    let scene = edge("path");
    for (nth, group) in groups().into_iter().enumerate() {
        scene.put(EntryKey::Group(edition(nth)), Entry::Group(Box::new(group)));
    }
    let hook = RefCell::new(scene);
    let config = ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() };
    let ends = RefCell::new(std::collections::BTreeMap::<String, u32>::new());
    let result = TestRunner::new(config).run(
        &(state(), packet()),
        |(state, (entrance, source, destination, protocol))| {
            let mut hook = hook.borrow_mut();
            hook.become_so(&state);
            let (table, records) = (hook.switch.entries().unwrap(), hook.switch.records(vni()).unwrap());
            let maps = Maps { host: host(1), is_edge: true, table: &table, records: &records };
            let packet =
                Packet { vni: vni(), source: source.into(), destination: destination.into(), protocol };
            let found = hop(maps, entrance, packet);
            prop_assert!(!found.rules.is_empty(), "nothing decided");

            let ran = hook.takes(entrance, |frame| say(frame.ip(source, destination), protocol));

            let really = became(&ran, &hook.moved_all(), found.end);
            prop_assert_eq!(&told(found.end), &really, "{:#?}", found.rules);
            prop_assert!([DROPPED, REDIRECTED, -1].contains(&ran.verdict));
            *ends.borrow_mut().entry(really).or_default() += 1;
            Ok(())
        },
    );
    if let Err(error) = result {
        panic!("{error}");
    }
    println!("{:#?}", ends.borrow());
    assert!(ends.borrow().len() >= 22, "only these ends were seen: {:?}", ends.borrow());
}
