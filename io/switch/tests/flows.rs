//! The kernel's memory of connections and the machine of `core/groups`, on the same random packets.

mod hook;

use havip_groups::{Flows, GroupPeer, GroupRule, Kind, OtherEnd, State, Tuple, Verdict, ticks, walk};
use havip_model::{Direction, Protocol as Of, RuleAction};
use havip_wire::{Icmp, IcmpError, TcpFlags, build::frame};
use hook::guard::{allow, net, only, tuple};
use hook::{Hook, REDIRECTED, mac, own, underlay};
use proptest::{
    prelude::*,
    sample,
    test_runner::{Config, TestRunner},
};
use std::{cell::RefCell, net::Ipv4Addr};

#[derive(Debug, Clone)]
enum Step {
    /// A packet of one of a few connections.
    Packet { inwards: bool, protocol: u8, own_port: u16, peer_port: u16, flags: u8 },
    /// A ping, or its answer.
    Ping { inwards: bool, asks: bool, identifier: u16 },
    /// An error about a datagram that went the other way.
    Error { inwards: bool, own_port: u16, peer_port: u16 },
    /// Other rules.
    Rules(usize),
    /// So many seconds pass: their sums keep away from every limit, as a test takes time itself.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let ports = || (sample::select(vec![80u16, 443]), sample::select(vec![4000u16, 4001, 4002]));
    // FIN, SYN, RST, SYN ACK, ACK, FIN ACK
    let flags = sample::select(vec![0x01u8, 0x02, 0x04, 0x12, 0x10, 0x10, 0x10, 0x11]);
    prop_oneof![
        8 => (any::<bool>(), sample::select(vec![6u8, 6, 17]), ports(), flags).prop_map(
            |(inwards, protocol, (own_port, peer_port), flags)| Step::Packet { inwards, protocol, own_port, peer_port, flags }
        ),
        2 => (any::<bool>(), any::<bool>(), 1u16..3)
            .prop_map(|(inwards, asks, identifier)| Step::Ping { inwards, asks, identifier }),
        1 => (any::<bool>(), ports())
            .prop_map(|(inwards, (own_port, peer_port))| Step::Error { inwards, own_port, peer_port }),
        1 => (0..RULES).prop_map(Step::Rules),
        1 => sample::select(vec![17u64, 50, 500, 8000]).prop_map(Step::Pass),
    ]
}

const RULES: usize = 5;

fn rules(which: usize) -> Vec<GroupRule> {
    let (inwards, outwards) =
        (allow(Direction::Ingress, GroupPeer::Any), allow(Direction::Egress, GroupPeer::Any));
    match which {
        0 => vec![inwards, outwards],
        1 => vec![outwards],
        2 => vec![only(Of::TCP, Some((80, 80)), inwards), outwards],
        3 => vec![only(Of::TCP, Some((4000, 5000)), allow(Direction::Egress, net("10.0.0.0/24"))), inwards],
        _ => {
            vec![GroupRule { action: RuleAction::Drop, ..only(Of::TCP, Some((443, 443)), inwards) }, inwards]
        }
    }
}

/// The frame, and what it is to the machine.
fn packet(step: &Step) -> Option<(Direction, Vec<u8>, Tuple, Kind)> {
    let start = |inwards: bool| match inwards {
        true => frame(mac(13), mac(11)).ip(own(13), own(11)),
        false => frame(mac(11), mac(13)).ip(own(11), own(13)),
    };
    let way = |inwards| if inwards { Direction::Ingress } else { Direction::Egress };
    let peer = own(13).into();
    Some(match *step {
        Step::Packet { inwards, protocol, own_port, peer_port, flags } => {
            let (from, to) = if inwards { (peer_port, own_port) } else { (own_port, peer_port) };
            let (bytes, kind) = match protocol {
                6 => (
                    start(inwards).tcp(from, to, TcpFlags(flags), b""),
                    match flags {
                        _ if flags & 4 != 0 => Kind::Reset,
                        2 => Kind::Syn,
                        _ if flags & 1 != 0 => Kind::Fin,
                        _ => Kind::Data,
                    },
                ),
                _ => (start(inwards).udp(from, to, b"hello"), Kind::Data),
            };
            (way(inwards), bytes, tuple(protocol, peer, own_port, peer_port), kind)
        }
        Step::Ping { inwards, asks, identifier } => {
            let data = b"abcdefgh".as_slice();
            let bytes = start(inwards).icmp(&match asks {
                true => Icmp::EchoRequest { identifier, sequence: 1, data },
                false => Icmp::EchoReply { identifier, sequence: 1, data },
            });
            let who_asks = if asks != inwards { 1 } else { 2 };
            (way(inwards), bytes, tuple(1, peer, identifier, who_asks), Kind::Data)
        }
        Step::Error { inwards, own_port, peer_port } => {
            let about = match inwards {
                true => start(false).udp(own_port, peer_port, b"hello"),
                false => start(true).udp(peer_port, own_port, b"hello"),
            };
            let error = Icmp::Error { error: IcmpError::PORT_UNREACHABLE, quoted: &about[14..] };
            let kind = Kind::Error(tuple(17, peer, own_port, peer_port));
            (way(inwards), start(inwards).icmp(&error), tuple(1, peer, 0, 0), kind)
        }
        Step::Rules(_) | Step::Pass(_) => return None,
    })
}

#[test]
fn the_kernel_remembers_connections_as_the_model_does() {
    let hook = RefCell::new(Hook::new("flows"));
    let mut runner = TestRunner::new(Config { cases: 60, max_shrink_iters: 500, ..Config::default() });
    let steps = prop::collection::vec(step(), 1..150);
    runner.run(&steps, |steps| agrees(&mut hook.borrow_mut(), &steps)).unwrap();
}

/// Runs both from nothing, and compares after each step.
fn agrees(hook: &mut Hook, steps: &[Step]) -> Result<(), TestCaseError> {
    hook.forget_flows();
    let mut model = Flows::new(hook.flow_seed());
    let (mut now_rules, mut stamp, mut aged) = (rules(0), 0, 0);
    hook.guard(11, &[&now_rules]);
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Rules(which) => {
                now_rules = rules(*which);
                stamp += 1;
                hook.guard(11, &[&now_rules]);
            }
            Step::Pass(seconds) => {
                aged += ticks(*seconds);
                hook.age_flows(*seconds);
            }
            _ => {}
        }
        let Some((direction, bytes, who, kind)) = packet(step) else { continue };
        hook.moved(DROPS);
        let now = boot_ticks().wrapping_add(aged);
        let other = OtherEnd { address: own(13).into(), is_of_vpc: true, groups: Default::default() };
        let allows = |direction: Direction| {
            let service = match who.protocol {
                6 | 17 if direction == Direction::Ingress => who.own_port,
                6 | 17 => who.peer_port,
                _ => 0,
            };
            walk(&now_rules, direction, who.protocol, service, &other) == RuleAction::Allow
        };
        let expected = model.judge(now, stamp, direction, (who, kind), allows);
        let ran = match direction {
            Direction::Ingress => hook.arrives(underlay(2), 100, &bytes),
            Direction::Egress => hook.sends(11, &bytes),
        };
        let found = match hook.moved(DROPS) {
            [0, 0, 0] if ran.verdict == REDIRECTED => Verdict::Pass,
            [1, 0, 0] => Verdict::Forbidden(Direction::Ingress),
            [0, 1, 0] => Verdict::Forbidden(Direction::Egress),
            [0, 0, 1] => Verdict::Full,
            other => panic!("{other:?} of {bytes:02x?}"),
        };
        prop_assert_eq!(found, expected, "step {}: {:?}", at, step);
        let mut states: Vec<_> =
            model.states(now).into_iter().map(|(who, state)| (who.bytes(), number(state))).collect();
        let remembered: Vec<_> = hook.flows(11).into_iter().map(|flow| (flow.tuple, flow.state)).collect();
        states.retain(|state| !remembered.contains(state));
        prop_assert_eq!(states, vec![], "the kernel does not have these at step {}", at);
    }
    Ok(())
}

const DROPS: &[&str; 3] = &["group_ingress", "group_egress", "flow_table_full"];

fn number(state: State) -> u8 {
    match state {
        State::New => 1,
        State::Answered => 2,
        State::Closing => 3,
        State::Cut => 4,
    }
}

fn boot_ticks() -> u32 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap();
    (std::time::Duration::from(now).as_nanos() as u64 >> 24) as u32
}

#[test]
fn pings_of_two_guests_do_not_answer_each_other() {
    let hook = Hook::new("flowping");
    hook.guard(11, &[&[allow(Direction::Egress, GroupPeer::Any)]]);
    let reply = |from: Ipv4Addr, from_mac| {
        let reply = Icmp::EchoReply { identifier: 7, sequence: 1, data: b"abcdefgh" };
        frame(from_mac, mac(11)).ip(from, own(11)).icmp(&reply)
    };
    let (other_mac, other) = hook::guard::stranger(&hook, 14);
    hook.sends(11, &frame(mac(11), mac(13)).ip(own(11), own(13)).ping(7, 1));
    assert_eq!(hook.arrives(underlay(2), 100, &reply(own(13), mac(13))).verdict, REDIRECTED);
    assert_ne!(hook.arrives(underlay(2), 100, &reply(other, other_mac)).verdict, REDIRECTED);
}
