//! Whatever a guest or another host sends is redirected, consumed or dropped, and counted.

mod hook;

use havip_model::{Epoch, Holder, Incarnation, MacAddr, Record};
use havip_wire::{
    Announcement, Arp, Authentication, ChecksumForm, Dhcp, EtherType, Message, Protocol, RecordKind, VlanTag,
    Vrrp, VrrpVersion,
    build::{frame, gratuitous_arp},
};
use hook::{DROPPED, GATEWAY, Hook, REDIRECTED, VIP, VIRTUAL_MAC, host, mac, own, port, six, underlay, vip};
use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
use std::{cell::RefCell, net::Ipv4Addr};

/// Frames that reach every corner of the hooks; random ones begin with them.
fn seeds() -> Vec<Vec<u8>> {
    let version = VrrpVersion::V2 { interval_secs: 1, authentication: Authentication::None };
    let vrrp = Vrrp { vrid: 51, priority: 100, version, addresses: vec![VIP.into(), own(12).into()] };
    let version = VrrpVersion::V3 { interval_centis: 100, checksum: ChecksumForm::Pseudo };
    let vrrp6 = Vrrp { version, addresses: vec![six::VIP.into(), six::own(12).into()], ..vrrp.clone() };
    let record = Record {
        incarnation: Incarnation(5),
        epoch: Epoch(1 << 20),
        holder: Holder { host: host(2), port: port(13) },
        released: false,
        mac: mac(13),
        moves: 1,
    };
    let said = |kind| Message::Record { kind, key: vip(), record };
    let announced = |message| {
        let announcement = Announcement { from: host(2), hops: 0, nonce: 0, sent_at: 0, message };
        frame(MacAddr::ZERO, MacAddr::BROADCAST).announcement(&announcement)
    };
    let from = || frame(mac(11), VIRTUAL_MAC);
    let any = Ipv4Addr::UNSPECIFIED;
    vec![
        gratuitous_arp(mac(11), VIP),
        gratuitous_arp(MacAddr::vrrp(false, 51), VIP),
        from().arp(Arp::request(mac(11), own(11), GATEWAY)),
        from().arp(Arp::request(mac(11), any, VIP)),
        from().arp(hook::arp_reply(mac(11), VIP, VIRTUAL_MAC, GATEWAY)),
        from().ip(own(11), own(12)).ping(1, 1),
        from().ip(own(11), own(21)).options(&[1, 1, 1, 0]).udp(1, 2, b"x"),
        from().ip(own(11), VIP).syn(1, 80, 1460),
        from().ip(own(11), GATEWAY).ping(1, 1),
        from().ip(own(11), Ipv4Addr::new(8, 8, 8, 8)).fragment(1, 8, true).udp(1, 2, b"x"),
        from().ip(any, Ipv4Addr::BROADCAST).udp(68, 67, &Dhcp::discover(mac(11), 7).encode()),
        from().ip(own(11), own(12)).vrrp(&vrrp),
        from().ip(own(11), Ipv4Addr::new(224, 0, 0, 18)).vrrp(&vrrp),
        from().tag(VlanTag::vlan(0)).ip(own(11), own(12)).ping(1, 1),
        from().raw(EtherType::IPV6, &[0x60; 60]),
        six::announcement(mac(11), six::VIP),
        six::solicitation(mac(11), six::own(11), six::own(12)),
        six::solicitation(mac(11), six::NOBODY, six::VIP),
        from().ip6(six::own(11), six::own(12)).vrrp(&vrrp6),
        from().ip6(six::link_local(mac(11)), "ff02::12".parse().unwrap()).vrrp(&vrrp6),
        six::ping(mac(11), VIRTUAL_MAC, six::own(11), six::VIP, 64),
        six::ping(mac(11), VIRTUAL_MAC, six::own(11), six::own(21), 2),
        six::ping(mac(11), VIRTUAL_MAC, six::link_local(mac(11)), six::link_local(mac(12)), 255),
        six::ping(mac(11), VIRTUAL_MAC, six::own(11), six::GATEWAY, 255),
        from()
            .ip6(six::own(11), six::own(12))
            .raw(Protocol(60), &[44, 0, 1, 4, 0, 0, 0, 0, 58, 0, 0, 1, 0, 0, 0, 7, 135]),
        announced(said(RecordKind::Announce)),
        announced(said(RecordKind::Correction)),
        announced(said(RecordKind::Doubt)),
        announced(said(RecordKind::Alive)),
        announced(said(RecordKind::AdvertStalled)),
        announced(Message::EchoRequest),
        announced(Message::EchoReply { to: Some(host(1)) }),
    ]
}

#[derive(Debug, Clone)]
struct Mutation {
    seed: Index,
    /// Where, and what.
    bytes: Vec<(Index, u8)>,
    length: Option<Index>,
    /// 0: a guest sends it; else another host, in this tunnel.
    tunnel: u32,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let bytes = prop::collection::vec((any::<Index>(), any::<u8>()), 0..6);
    let length = prop::option::weighted(0.2, any::<Index>());
    let tunnel = prop::sample::select(vec![0, 0, 0, 100, 100, 0xff_ffff, 0xff_ffff, 0x80_0064, 7]);
    (any::<Index>(), bytes, length, tunnel).prop_map(|(seed, bytes, length, tunnel)| Mutation {
        seed,
        bytes,
        length,
        tunnel,
    })
}

#[test]
fn every_frame_is_redirected_or_dropped_and_counted() {
    let hook = RefCell::new(Hook::six("nothing"));
    hook.borrow().switch.attach_dhcp(hook.borrow().ifindex("d0")).unwrap();
    hook.borrow_mut().holds(12);
    hook.borrow_mut().holds6(12);
    let seeds = seeds();
    let config = ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&mutation(), |mutation| {
        let hook = hook.borrow_mut();
        let mut bytes = seeds[mutation.seed.index(seeds.len())].clone();
        for (at, byte) in &mutation.bytes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        // BPF_PROG_TEST_RUN wants a whole IP header behind what says, perhaps by now, that it is IP.
        let least = if bytes[12..14] == [0x86, 0xdd] { 54 } else { 34 };
        bytes.resize(bytes.len().max(least), 0);
        if let Some(length) = mutation.length {
            bytes.truncate(least + length.index(bytes.len() - least + 1));
        }
        let before: u64 = hook.switch.ledger().unwrap().values().sum();

        let ran = match mutation.tunnel {
            0 => hook.sends(11, &bytes),
            vni => hook.arrives(underlay(2), vni, &bytes),
        };

        prop_assert!(
            [DROPPED, REDIRECTED].contains(&ran.verdict),
            "verdict {} for {bytes:02x?}",
            ran.verdict
        );
        let after: u64 = hook.switch.ledger().unwrap().values().sum();
        prop_assert!(after > before, "not counted: {bytes:02x?}");
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
