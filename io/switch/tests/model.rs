//! The kernel against `core/claim`'s switch: random operations, the same records, notices, messages and asks, of a VIP
//! of IPv4 and of IPv6 in turn.

mod hook;

use havip_claim::{
    Notice, Order, Release,
    keeper::Kind,
    switch::{Action, Configured, Event, Message, MessageKind, Port, SwitchModel},
};
use havip_model::{Epoch, Holder, Incarnation, MacAddr, MoveCause, PortState, Record, VipKey};
use havip_reconcile::table::{Address, Entry, EntryKey};
use havip_switch::SwitchEvent;
use havip_wire::{
    Announcement, Ethernet, RecordKind,
    build::{frame, gratuitous_arp},
};
use hook::{
    DROPPED, GATEWAY, Hook, REDIRECTED, VIRTUAL_MAC, arp_reply, host, mac, own, port, six, subnet_of,
    underlay, vni,
};
use proptest::{prelude::*, test_runner::TestRunner};
use std::{
    cell::{Cell, RefCell},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::{Duration, Instant},
};

/// A record of the case's VIP, spelled small so that random ones collide.
#[derive(Debug, Clone, Copy)]
struct Rank {
    incarnation: u64,
    /// Below 4: that epoch; from 4 on: so much more than the present record's, less 6.
    epoch: u64,
    host: u32,
    port: u32,
    released: bool,
}

/// A record that an order names.
#[derive(Debug, Clone, Copy)]
enum Named {
    Present,
    Nothing,
    Random(Rank),
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Claim {
        port: u32,
        vrrp: bool,
    },
    Reply {
        port: u32,
        vrrp: bool,
    },
    Receive {
        kind: MessageKind,
        from: u32,
        hops: u8,
        record: Named,
    },
    /// The agent shows that it lives.
    Heartbeat,
    /// The port's claims are contested until the past, or for longer than a case takes; with any contention or not.
    HoldOff {
        port: u32,
        is_long: bool,
        always: bool,
    },
    /// This host is a relay for the others, or is not.
    SetRelayed(bool),
    /// A packet for the VIP, in a tunnel from this host.
    Packet {
        from: u32,
        is_passed_on: bool,
    },
    Merge(Rank),
    Release(u32),
    ReleaseDown(u32),
    ReleaseExact(Named),
    Take {
        port: u32,
        expected: Named,
        cause: MoveCause,
    },
    Ask(u32),
    Doubt(Named),
    Announce,
    Prepare(u64),
    Forget(u64),
    Configure {
        incarnation: u64,
        hold: bool,
        subnet_binding: bool,
    },
    Unconfigure,
    Entitle(u32),
    /// Entitled to send from the VIP, which is no leave to claim it.
    EntitleDirectReturn(u32),
    Disentitle(u32),
    SetPort {
        port: u32,
        is_active: bool,
    },
}

fn rank() -> impl Strategy<Value = Rank> {
    let ports = prop::sample::select(vec![(1, 11), (1, 12), (2, 13), (3, 14)]);
    (4u64..=6, 0u64..12, ports, prop::bool::weighted(0.3)).prop_map(
        |(incarnation, epoch, (host, port), released)| Rank { incarnation, epoch, host, port, released },
    )
}
fn named() -> impl Strategy<Value = Named> {
    prop_oneof![4 => Just(Named::Present), 1 => Just(Named::Nothing), 2 => rank().prop_map(Named::Random)]
}
fn local() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![11, 12, 12, 11, 21])
}
fn op() -> impl Strategy<Value = Op> {
    let kind = prop::sample::select(vec![
        MessageKind::Announce,
        MessageKind::Announce,
        MessageKind::AnnounceDown,
        MessageKind::Correction,
        MessageKind::Doubt,
        MessageKind::Alive,
        MessageKind::Stalled,
    ]);
    let cause = prop::sample::select(vec![MoveCause::Asked, MoveCause::Doubted, MoveCause::TakenBack]);
    prop_oneof![
        8 => (local(), prop::bool::weighted(0.2)).prop_map(|(port, vrrp)| Op::Claim { port, vrrp }),
        4 => (local(), any::<bool>()).prop_map(|(port, vrrp)| Op::Reply { port, vrrp }),
        8 => (kind, 2u32..=3, 0u8..=1, named()).prop_map(|(kind, from, hops, record)| Op::Receive { kind, from, hops, record }),
        4 => (2u32..=3, prop::bool::weighted(0.3)).prop_map(|(from, is_passed_on)| Op::Packet { from, is_passed_on }),
        2 => rank().prop_map(Op::Merge),
        2 => local().prop_map(Op::Release),
        2 => local().prop_map(Op::ReleaseDown),
        2 => named().prop_map(Op::ReleaseExact),
        4 => (local(), named(), cause).prop_map(|(port, expected, cause)| Op::Take { port, expected, cause }),
        3 => local().prop_map(Op::Ask),
        3 => named().prop_map(Op::Doubt),
        1 => Just(Op::Announce),
        1 => (4u64..=6).prop_map(Op::Prepare),
        1 => (4u64..=6).prop_map(Op::Forget),
        2 => (4u64..=6, any::<bool>(), any::<bool>()).prop_map(|(incarnation, hold, subnet_binding)| Op::Configure { incarnation, hold, subnet_binding }),
        1 => Just(Op::Heartbeat),
        1 => (local(), any::<bool>(), any::<bool>()).prop_map(|(port, is_long, always)| Op::HoldOff { port, is_long, always }),
        1 => Just(Op::Unconfigure),
        1 => any::<bool>().prop_map(Op::SetRelayed),
        2 => local().prop_map(Op::Entitle),
        1 => local().prop_map(Op::EntitleDirectReturn),
        1 => local().prop_map(Op::Disentitle),
        1 => (local(), prop::bool::weighted(0.7)).prop_map(|(port, is_active)| Op::SetPort { port, is_active }),
    ]
}

/// Both switches with the same past.
struct Pair<'a> {
    hook: &'a mut Hook,
    model: SwitchModel,
    key: VipKey,
    /// Of the last packet.
    verdict: i32,
}

impl Pair<'_> {
    fn record_of(&self, rank: Rank) -> Record {
        let present = self.hook.switch.record(self.key).unwrap().map_or(1 << 20, |record| record.epoch.0);
        let epoch = if rank.epoch < 4 { rank.epoch } else { (present + rank.epoch).saturating_sub(6) };
        Record {
            incarnation: Incarnation(rank.incarnation),
            epoch: Epoch(epoch),
            holder: Holder { host: host(rank.host), port: port(rank.port) },
            released: rank.released,
            mac: mac(rank.port),
            moves: 3,
        }
    }

    fn named(&self, named: Named) -> Option<Record> {
        match named {
            Named::Present => self.hook.switch.record(self.key).unwrap(),
            Named::Nothing => None,
            Named::Random(rank) => Some(self.record_of(rank)),
        }
    }

    /// The VIP is announced with this MAC.
    fn claim(&self, mac: MacAddr) -> Vec<u8> {
        match self.key.address {
            IpAddr::V4(vip) => gratuitous_arp(mac, vip),
            IpAddr::V6(vip) => six::announcement(mac, vip),
        }
    }

    /// The gateway is told that this MAC has the VIP.
    fn reply(&self, mac: MacAddr) -> Vec<u8> {
        match self.key.address {
            IpAddr::V4(vip) => frame(mac, VIRTUAL_MAC).arp(arp_reply(mac, vip, VIRTUAL_MAC, GATEWAY)),
            IpAddr::V6(vip) => {
                let said = six::Said { solicited: true, ..six::announcing(mac) };
                six::advertisement(mac, VIRTUAL_MAC, vip, six::GATEWAY, vip, said)
            }
        }
    }

    /// A packet of port 13 for the VIP.
    fn packet(&self) -> Vec<u8> {
        match self.key.address {
            IpAddr::V4(vip) => frame(mac(13), VIRTUAL_MAC).ip(own(13), vip).ttl(64).ping(1, 1),
            IpAddr::V6(vip) => six::ping(mac(13), VIRTUAL_MAC, six::own(13), vip, 64),
        }
    }

    /// Does the operation in the kernel; says what the model is to hear of it.
    fn perform(&mut self, op: Op) -> Option<Event> {
        let key = self.key;
        let ipv6 = key.address.is_ipv6();
        let speaks = |number: u32, vrrp: bool| if vrrp { MacAddr::vrrp(ipv6, 51) } else { mac(number) };
        Some(match op {
            Op::Claim { port: number, vrrp } => {
                let mac = speaks(number, vrrp);
                self.hook.sends(number, &self.claim(mac));
                Event::Claimed { port: port(number), address: key.address, mac }
            }
            Op::Reply { port: number, vrrp } => {
                let mac = speaks(number, vrrp);
                self.hook.sends(number, &self.reply(mac));
                Event::Replied { port: port(number), address: key.address, mac, advertised_recently: false }
            }
            Op::Heartbeat => {
                self.hook.switch.beat().unwrap();
                Event::Heartbeat
            }
            Op::HoldOff { port: number, is_long, always } => {
                let port = port(number);
                let of = |now: Duration| {
                    now - Duration::from_secs(9) + Duration::from_secs(18 * u64::from(is_long))
                };
                let boot = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap();
                self.hook.order(Order::HoldOff { key, port, until: of(Duration::from(boot)), always });
                Event::Ordered(Order::HoldOff { key, port, until: of(NOW), always })
            }
            Op::SetRelayed(is_relay) => {
                let hosts = if is_relay { vec![host(2), host(3)] } else { vec![] };
                self.hook.put(EntryKey::Relayed(key.vni), Entry::Members { hosts: hosts.clone() });
                Event::RelayedSet { vni: key.vni, hosts }
            }
            Op::Receive { kind, from, hops, record } => {
                let record = self.named(record)?;
                // Only of a released record can be said that its port went down.
                let kind = if record.released || kind != MessageKind::AnnounceDown {
                    kind
                } else {
                    MessageKind::Announce
                };
                let said = havip_wire::Message::Record { kind: wire_kind(kind), key, record };
                let announcement =
                    Announcement { from: host(from), hops, nonce: 0, sent_at: 0, message: said };
                let bytes = frame(MacAddr::ZERO, MacAddr::BROADCAST).announcement(&announcement);
                self.hook.arrives(underlay(from), 0xff_ffff, &bytes);
                Event::Received(Message { hops, kind, from: host(from), key, record })
            }
            Op::Packet { from, is_passed_on } => {
                let tunnel = vni().get() | u32::from(is_passed_on) << 23;
                self.verdict = self.hook.arrives(underlay(from), tunnel, &self.packet()).verdict;
                Event::Arrived { key, from: host(from), is_passed_on }
            }
            Op::Merge(rank) => self.order(Order::Merge { key, record: self.record_of(rank) }),
            Op::Release(number) => self.order(Order::Release { key, only: Release::Port(port(number)) }),
            Op::ReleaseDown(number) => self.order(Order::Release { key, only: Release::Down(port(number)) }),
            Op::ReleaseExact(record) => {
                let only = Release::Exact(self.named(record)?);
                self.order(Order::Release { key, only })
            }
            Op::Take { port: number, expected, cause } => {
                let (port, mac, expected) = (port(number), mac(number), self.named(expected));
                self.order(Order::Take { key, port, mac, expected, cause })
            }
            Op::Ask(number) => self.order(Order::Ask { key, port: port(number) }),
            Op::Doubt(record) => {
                let record = self.named(record)?;
                self.order(Order::Doubt { key, record })
            }
            Op::Announce => self.order(Order::Announce { key }),
            Op::Prepare(incarnation) => {
                self.order(Order::Prepare { key, incarnation: Incarnation(incarnation) })
            }
            Op::Forget(incarnation) => {
                self.order(Order::Forget { key, incarnation: Incarnation(incarnation) })
            }
            Op::Configure { incarnation, hold, subnet_binding } => {
                let (subnet, incarnation) = (subnet_of(10), Incarnation(incarnation));
                let entry = Address::Vip { subnet, incarnation, subnet_binding, hold };
                self.hook.put(EntryKey::Address(key.vni, key.address), Entry::Address(entry));
                let configured = Configured { incarnation, kind: Kind::Vip, subnet, subnet_binding, hold };
                Event::Configured { key, configured }
            }
            Op::Unconfigure => {
                self.hook.remove(EntryKey::Address(key.vni, key.address));
                Event::Unconfigured(key)
            }
            Op::Entitle(number) => {
                let entry = Entry::Entitled { direct_return: false };
                self.hook.put(EntryKey::Entitled(key, port(number)), entry);
                Event::Entitled { key, port: port(number) }
            }
            Op::EntitleDirectReturn(number) => {
                let entry = Entry::Entitled { direct_return: true };
                self.hook.put(EntryKey::Entitled(key, port(number)), entry);
                Event::Disentitled { key, port: port(number) }
            }
            Op::Disentitle(number) => {
                self.hook.remove(EntryKey::Entitled(key, port(number)));
                Event::Disentitled { key, port: port(number) }
            }
            Op::SetPort { port: number, is_active } => {
                let state = if is_active { PortState::Active } else { PortState::Inactive };
                self.hook.plug(number, state, true);
                port_set(number, is_active)
            }
        })
    }

    fn order(&self, order: Order) -> Event {
        self.hook.order(order);
        Event::Ordered(order)
    }

    /// Gives the model the clock that the kernel's new epoch was made by.
    fn follow_clock(&mut self) {
        let Some(record) = self.hook.switch.record(self.key).unwrap() else { return };
        if record.epoch.0 & 0xffff == 0 && record.epoch.0 > 0 {
            let offset = Duration::from_millis(record.epoch.millis()).saturating_sub(NOW);
            self.model.handle(NOW, Event::ClockSet { offset });
        }
    }

    fn compare(&mut self, op: Op, expected: &[Action]) {
        assert_eq!(
            self.hook.switch.record(self.key).unwrap(),
            self.model.record(self.key),
            "record after {op:?}"
        );
        let told: Vec<Notice> = self
            .hook
            .told()
            .into_iter()
            .filter_map(|event| match event {
                SwitchEvent::Notice { notice, .. } => Some(notice),
                _ => None,
            })
            .collect();
        // What is left to the agent is told once in 100 ms, and when its bucket is ready is a matter of time.
        let left_to_agent =
            |notice: &Notice| matches!(notice, Notice::Contested { .. } | Notice::Postponed { .. });
        let told: Vec<Notice> = told.into_iter().filter(|notice| !left_to_agent(notice)).collect();
        let left: Vec<Notice> = expected
            .iter()
            .filter_map(|action| if let Action::Notify(notice) = action { Some(*notice) } else { None })
            .filter(left_to_agent)
            .collect();
        let counted = self.hook.moved(&["claim_contested", "claim_postponed"]);
        let of = |is_it: fn(&Notice) -> bool| left.iter().filter(|notice| is_it(notice)).count() as u64;
        let expects = [
            of(|notice| matches!(notice, Notice::Contested { .. })),
            of(|notice| matches!(notice, Notice::Postponed { .. })),
        ];
        assert_eq!(counted, expects, "contested and postponed after {op:?}");
        let notices: Vec<Notice> = expected
            .iter()
            .filter_map(|action| if let Action::Notify(notice) = action { Some(*notice) } else { None })
            .filter(|notice| !left_to_agent(notice))
            .collect();
        assert_eq!(told, notices, "notices after {op:?}");

        if let Op::Packet { .. } = op {
            return self.compare_packet(op, expected);
        }
        // Answers are once per millisecond, which is a matter of speed here; they have a test of their own.
        let messages: Vec<_> = expected
            .iter()
            .filter_map(|action| match action {
                Action::Send { message, .. } if !is_answer(message) => Some(*message),
                _ => None,
            })
            .collect();
        let sent: Vec<_> = self
            .hook
            .sent_until("ov", |frames| {
                decode(frames).iter().filter(|sent| !is_answer(sent)).count() >= messages.len()
            })
            .into_iter()
            .collect();
        let sent: Vec<_> = decode(&sent).into_iter().filter(|sent| !is_answer(sent)).collect();
        assert_eq!(sent, messages, "messages after {op:?}");

        if matches!(op, Op::Claim { .. } | Op::Reply { .. } | Op::Receive { .. }) {
            let refused = expected.iter().filter(|action| matches!(action, Action::Refuse(_))).count();
            assert_eq!(self.hook.dropped(), refused as u64, "drops after {op:?}");
        }
        for number in [11, 12, 21] {
            let asks = |action: &&Action| matches!(action, Action::AskGuest { port, .. } if *port == hook::port(number));
            let expected = expected.iter().filter(asks).count();
            self.hook.left_by(&format!("p{number}"), expected);
        }
    }
    /// Whether a sender is told is a matter of speed, as corrections are.
    fn compare_packet(&mut self, op: Op, expected: &[Action]) {
        let passed_on = expected.iter().any(|action| matches!(action, Action::PassOn { .. }));
        let delivered = expected.iter().any(|action| matches!(action, Action::Deliver { .. }));
        let refused = expected.iter().filter(|action| matches!(action, Action::Refuse(_))).count();
        assert_eq!(self.hook.dropped(), refused as u64, "drops after {op:?}");
        match self.verdict {
            REDIRECTED => {
                assert!(passed_on || delivered, "{op:?} goes on, expected {expected:?}");
                self.hook.left_by("ov", 0);
            }
            _ if refused > 0 => assert_eq!(self.verdict, DROPPED),
            _ => {
                assert!(passed_on, "{op:?} went on, expected {expected:?}");
                let left = self.hook.left_by("ov", 2);
                let record = self.model.record(self.key).unwrap();
                let told =
                    Message { hops: 1, kind: MessageKind::Announce, from: host(1), key: self.key, record };
                assert_eq!(decode(&left[1..]), [told], "{op:?}");
            }
        }
    }
}

fn decode(frames: &[Vec<u8>]) -> Vec<Message> {
    let read = |bytes: &Vec<u8>| {
        let announcement = Announcement::decode(Ethernet::decode(bytes).unwrap().payload).unwrap();
        let Announcement { from, hops, .. } = announcement;
        match announcement.message {
            havip_wire::Message::Record { kind, key, record } => {
                Message { hops, kind: model_kind(kind), from, key, record }
            }
            other => panic!("{other:?}"),
        }
    };
    frames.iter().map(read).collect()
}

fn model_kind(kind: RecordKind) -> MessageKind {
    let all = [
        MessageKind::Announce,
        MessageKind::AnnounceDown,
        MessageKind::Correction,
        MessageKind::Doubt,
        MessageKind::Alive,
        MessageKind::Stalled,
    ];
    all.into_iter().find(|known| wire_kind(*known) == kind).unwrap()
}

fn wire_kind(kind: MessageKind) -> RecordKind {
    match kind {
        MessageKind::Announce => RecordKind::Announce,
        MessageKind::AnnounceDown => RecordKind::AnnounceDown,
        MessageKind::Correction => RecordKind::Correction,
        MessageKind::Doubt => RecordKind::Doubt,
        MessageKind::Alive => RecordKind::Alive,
        MessageKind::Stalled => RecordKind::AdvertStalled,
    }
}

fn port_set(number: u32, is_active: bool) -> Event {
    Event::PortSet { port: port(number), state: Port { vni: vni(), subnet: subnet_of(number), is_active } }
}

/// The model's time stands still; a case takes less than the shortest deadline.
const NOW: Duration = Duration::from_secs(1_000_000);

#[test]
fn the_kernel_and_the_model_agree_on_random_operations() {
    let hook = RefCell::new(Hook::six("model"));
    let case = Cell::new(0u8);
    let (mut compared, mut slow) = (Cell::new(0u32), Cell::new(0u32));
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..ProptestConfig::default()
    });
    let result = runner.run(&prop::collection::vec(op(), 1..60), |ops| {
        case.set((case.get() + 1) % 40);
        let mut hook = hook.borrow_mut();
        // A VIP of its own for each case, so that no ask of an earlier one is remembered.
        let address = match case.get() {
            case @ 0..20 => IpAddr::from(Ipv4Addr::new(10, 0, 0, 40 + case)),
            case => Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x40 + u16::from(case)).into(),
        };
        let key = VipKey { vni: vni(), address };
        hook.forget_memories();
        hook.forget_beat();
        hook.order(Order::Forget { key, incarnation: Incarnation(u64::MAX) });
        for number in [11, 12, 21] {
            hook.plug(number, PortState::Active, true);
            hook.remove(EntryKey::Entitled(key, port(number)));
        }
        hook.remove(EntryKey::Address(key.vni, key.address));
        hook.put(EntryKey::Relayed(key.vni), Entry::Members { hosts: vec![] });
        hook.settle();
        let started = Instant::now();
        let mut pair = Pair { hook: &mut hook, model: SwitchModel::new(host(1)), key, verdict: 0 };
        pair.model.handle(NOW, Event::MembersSet { vni: vni(), others: vec![host(2), host(3)] });
        for number in [11, 12, 21] {
            pair.model.handle(NOW, port_set(number, true));
        }
        let begin = [
            Op::Prepare(5),
            Op::Configure { incarnation: 5, hold: true, subnet_binding: false },
            Op::Entitle(11),
            Op::Entitle(12),
        ];
        for op in begin.into_iter().chain(ops) {
            let Some(event) = pair.perform(op) else { continue };
            pair.follow_clock();
            let expected = pair.model.handle(NOW, event);
            if started.elapsed() > Duration::from_millis(150) {
                slow.set(slow.get() + 1);
                return Ok(()); // asks run out after 200 ms
            }
            pair.compare(op, &expected);
            compared.set(compared.get() + 1);
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    println!("{} operations compared, {} cases were too slow", compared.get_mut(), slow.get_mut());
    assert!(
        *compared.get_mut() > 3000,
        "the machine is too slow for this test: {} compared",
        compared.get_mut()
    );
}

/// What a smaller record is answered with, and what a packet's sender is told.
fn is_answer(message: &Message) -> bool {
    message.kind == MessageKind::Correction || (message.from == host(1) && message.hops == 1)
}
