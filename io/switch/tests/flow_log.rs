//! The flow log: which connections packets of a VPC belonged to, and what became of them.

mod hook;

use havip_model::{PortState, Vni};
use havip_reconcile::table::{Entry, EntryKey, Port};
use havip_switch::{FlowLog, LoggedFlow, Mode, TakenFlows, Wanted, reason_name};
use havip_wire::{TcpFlags, build::frame, build::gratuitous_arp};
use hook::{Hook, VIP, VIRTUAL_MAC, mac, own, port, subnet_of, vni};
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
};

fn log(hook: &Hook) -> FlowLog {
    let loaded = hook.switch.looker().load(Mode::FLOWS).unwrap();
    hook.switch.put_to_work(loaded, &Wanted::default(), &BTreeMap::new()).unwrap().1.unwrap()
}

/// A guest sends this frame to the programs that are at work now.
fn sends(hook: &Hook, number: u32, frame: &[u8]) {
    let mut context = hook.context(&format!("p{number}"));
    hook.switch.run("port_rx", frame, Some(&mut context)).unwrap();
}

fn tcp(from: u32, to: u32, source: u16, destination: u16) -> Vec<u8> {
    frame(mac(from), mac(to)).ip(own(from), own(to)).tcp(source, destination, TcpFlags::SYN, b"")
}

fn all() -> NonZeroU32 {
    NonZeroU32::MIN
}

/// Takes flows of the one VPC, and how many packets found no room.
fn take(log: &mut FlowLog, hook: &Hook) -> (Vec<LoggedFlow>, u64) {
    let TakenFlows { flows, mut lost } = log.take(&hook.switch).unwrap();
    let lost = lost.remove(&vni()).unwrap_or_default();
    (flows, lost)
}

#[test]
fn flows_are_counted_by_what_became_of_them_and_only_where_somebody_follows() {
    let hook = Hook::new("flowlog");
    let mut log = log(&hook);
    let (to_other_host, lie) = (
        frame(mac(11), mac(13)).ip(own(11), own(13)).udp(53, 53, b"x"),
        frame(mac(11), mac(12)).ip(own(12), own(13)).ping(1, 1),
    );
    let send_all = || {
        for _ in 0..3 {
            sends(&hook, 11, &tcp(11, 12, 4000, 80));
        }
        sends(&hook, 11, &gratuitous_arp(mac(11), VIP));
        sends(&hook, 11, &to_other_host);
        sends(&hook, 11, &to_other_host);
        sends(&hook, 11, &lie);
    };
    send_all();
    assert_eq!(take(&mut log, &hook), (vec![], 0), "nobody follows");

    log.follow(vni(), all()).unwrap();
    send_all();
    let (mut flows, lost) = take(&mut log, &hook);
    flows.sort_by_key(|flow| std::cmp::Reverse(flow.packets));
    let told = |flow: &LoggedFlow| {
        let (from, to, reason) = (flow.from, flow.to, flow.reason.map(reason_name));
        (from, to, flow.protocol, flow.ports, reason, flow.packets)
    };
    let told: Vec<_> = flows.iter().map(told).collect();
    let from = Some(port(11));
    let expected = [
        (from, Some(port(12)), 6, Some((4000, 80)), None, 3),
        (from, None, 17, Some((53, 53)), None, 2),
        (from, None, 1, None, Some("source_address"), 1),
    ];
    assert_eq!((&told[..], lost), (&expected[..], 0));
    assert_eq!((flows[0].source, flows[0].destination), (own(11).into(), own(12).into()));
    assert_eq!(flows[0].bytes, 3 * tcp(11, 12, 4000, 80).len() as u64);
    assert!(flows[0].first_at < flows[0].last_at && flows[2].first_at == flows[2].last_at);
    assert_eq!(take(&mut log, &hook), (vec![], 0), "each is told once");

    log.leave(vni()).unwrap();
    send_all();
    assert_eq!(take(&mut log, &hook), (vec![], 0));
}

#[test]
fn frames_are_told_and_flows_counted_side_by_side() {
    let hook = Hook::new("flowboth");
    let loaded = hook.switch.looker().load(Mode { frames: true, flows: true }).unwrap();
    let followed = [(vni(), all())].into();
    let (trace, log) = hook.switch.put_to_work(loaded, &Wanted::default(), &followed).unwrap();
    let (mut trace, mut log) = (trace.unwrap(), log.unwrap());
    for _ in 0..3 {
        sends(&hook, 11, &tcp(11, 12, 4000, 80));
    }
    let (flows, _) = take(&mut log, &hook);
    assert_eq!(flows.iter().map(|flow| flow.packets).collect::<Vec<_>>(), [3]);
    let (seen, lost) = trace.take().unwrap();
    assert_eq!((seen.len(), lost), (3, 0), "what is counted ends each processor's last frame");
}

#[test]
fn one_of_so_many_connections_is_kept_the_same_ones_in_both_directions() {
    let hook = Hook::new("flowrate");
    let mut log = log(&hook);
    log.follow(vni(), NonZeroU32::new(4).unwrap()).unwrap();
    for source in 2000..2400 {
        sends(&hook, 11, &tcp(11, 12, source, 80));
        sends(&hook, 12, &tcp(12, 11, 80, source));
    }
    let (flows, lost) = take(&mut log, &hook);
    let ports = |from: u32| -> BTreeSet<u16> {
        let of = flows.iter().filter(|flow| flow.from == Some(port(from)));
        of.filter_map(|flow| flow.ports).map(|(a, b)| if a == 80 { b } else { a }).collect()
    };
    assert_eq!((ports(11), lost), (ports(12), 0));
    // A fair coin of four sides lands on one 100 times of 400, give or take 9.
    assert!((50..150).contains(&ports(11).len()), "{}", ports(11).len());
}

#[test]
fn what_finds_no_room_is_counted() {
    let hook = Hook::new("flowfull");
    let mut log = log(&hook);
    log.follow(vni(), all()).unwrap();
    let sent = 20_000; // the map holds 16384
    for source in 0..sent {
        sends(&hook, 11, &tcp(11, 12, source, 80));
    }
    let (flows, lost) = take(&mut log, &hook);
    assert_eq!((flows.len() as u64 + lost, flows.len()), (u64::from(sent), 16384));
    sends(&hook, 11, &tcp(11, 12, 4000, 80));
    assert_eq!(take(&mut log, &hook).0.len(), 1, "there is room again");
}

#[test]
fn no_vpc_takes_the_room_of_another() {
    let hook = Hook::new("flowfair");
    let (mut log, other) = (log(&hook), Vni::new(200).unwrap());
    // What its guest sends is dropped, as it is not said to have an address; that is a flow as well.
    hook.put(
        EntryKey::Port(port(21)),
        Entry::Port(Port {
            ifindex: hook.ifindex("p21"),
            is_veth: false,
            vni: other,
            subnet: subnet_of(30),
            mac: mac(21),
            virtual_mac: VIRTUAL_MAC,
            primary: None,
            primary6: None,
            mtu: 1500,
            source_dest_check: true,
            is_awaited: false,
            state: PortState::Active,
            editions: None,
        }),
    );
    log.follow(vni(), all()).unwrap();
    log.follow(other, all()).unwrap();
    let half = 8192; // of the map's 16384
    for source in 0..10_000 {
        sends(&hook, 11, &tcp(11, 12, source, 80));
    }
    for source in 0..half {
        sends(&hook, 21, &tcp(21, 11, source, 80));
    }
    let TakenFlows { flows, lost } = log.take(&hook.switch).unwrap();
    assert_eq!(lost, [(vni(), 10_000 - u64::from(half))].into(), "each loses its own");
    let of = |vni| flows.iter().filter(|flow| flow.vni == vni).count();
    assert_eq!((of(vni()), of(other)), (usize::from(half), usize::from(half)));

    log.leave(other).unwrap();
    for source in 0..10_000 {
        sends(&hook, 11, &tcp(11, 12, source, 80));
        sends(&hook, 21, &tcp(21, 11, source, 80));
    }
    let TakenFlows { flows, lost } = log.take(&hook.switch).unwrap();
    assert_eq!((flows.len(), lost.len()), (10_000, 0), "who is alone has all of it");
}
