//! Lies of Ethernet and ARP.

use super::{Lie, because, by_guest, told};
use crate::aim::{Aim, Place};
use crate::scene::{mac, own, vip};
use havip_model::{Epoch, Holder, Incarnation, MacAddr, Record, VipKey};
use havip_wire::{
    Announcement, Arp, EtherType, Message, RecordKind, VlanTag,
    build::{frame, gratuitous_arp},
};
use std::net::Ipv4Addr;

pub fn lies() -> Vec<Lie> {
    let service = VlanTag { service: true, control: 0 };
    let asks = |from: MacAddr, inside: MacAddr, sender, target| {
        frame(from, MacAddr::BROADCAST).arp(Arp::request(inside, sender, target))
    };
    let answers = |sender: Ipv4Addr, to: &Aim| {
        frame(mac(11), to.mac).arp(Arp::request(to.mac, to.address, sender).answer(mac(11)))
    };
    vec![
        by_guest("from another's MAC", "source_mac", move |to| ping(mac(12), to)),
        by_guest("from the MAC of a virtual router, unassociated", "source_mac", move |to| {
            ping(MacAddr::vrrp(false, 51), to)
        }),
        by_guest("from a group's MAC", "source_mac", move |to| ping(MacAddr([3, 0, 0, 0, 0, 11]), to)),
        by_guest("tagged", "tagged", move |to| {
            frame(mac(11), to.mac).tag(VlanTag::vlan(5)).raw(EtherType::IPV4, &inner(to))
        }),
        by_guest("with a service tag", "qinq", move |to| {
            frame(mac(11), to.mac).tag(service).raw(EtherType::IPV4, &inner(to))
        }),
        by_guest("tagged twice", "tagged", move |to| {
            let tags = frame(mac(11), to.mac).tag(VlanTag::vlan(5)).tag(VlanTag::vlan(6));
            tags.raw(EtherType::IPV4, &inner(to))
        }),
        by_guest("tagged behind a priority", "qinq", move |to| {
            let tags = frame(mac(11), to.mac).tag(VlanTag::vlan(0)).tag(VlanTag::vlan(5));
            tags.raw(EtherType::IPV4, &inner(to))
        }),
        by_guest("of 802.3 with LLC", "snap", move |to| {
            frame(mac(11), to.mac).raw(EtherType(100), &[0xaa; 100])
        }),
        by_guest("reverse ARP", "rarp", move |to| {
            frame(mac(11), to.mac).raw(EtherType::RARP, &asks(mac(11), mac(11), own(11), to.address)[14..])
        }),
        by_guest("a message of hosts", "announcement_by_port", |to| {
            frame(mac(11), to.mac).announcement(&announcement(to))
        }),
        by_guest("to all at once", "broadcast", |to| {
            frame(mac(11), MacAddr::BROADCAST).ip(own(11), to.address).udp(9, 9, b"x")
        }),
        by_guest("ARP with another's MAC inside", "arp_mac", move |to| {
            asks(mac(11), mac(12), own(11), to.address)
        }),
        by_guest("ARP from another's address", "arp_sender", move |to| {
            asks(mac(11), mac(11), own(13), to.address)
        }),
        by_guest("ARP from a VIP of others", "arp_sender", move |to| {
            asks(mac(11), mac(11), vip(1), to.address)
        }),
        by_guest("an answer for another's address", "arp_sender", move |to| answers(own(13), to)),
        by_guest("an answer for a VIP of others", "arp_sender", move |to| answers(vip(1), to)),
        told("asks for what is not in its subnet", "p11x", move |to| {
            let is_own = matches!(to.place, Place::SameSubnet | Place::OtherVpc);
            (!is_own).then(|| because("arp_unknown", asks(mac(11), mac(11), own(11), to.address)))
        }),
        told("announces an address", "p11x", |to| {
            let reason = if to.is_inside() { "claim_of_address" } else { "claim_unknown" };
            Some(because(reason, gratuitous_arp(mac(11), to.address)))
        }),
        told("announces a VIP", "p11x", |to| {
            let reason = match to.place {
                Place::SameSubnet | Place::OtherVpc => "claim_not_associated",
                Place::OtherSubnet => "claim_other_subnet",
                Place::Outside | Place::Host => "claim_unknown",
            };
            Some(because(reason, gratuitous_arp(mac(11), to.vip)))
        }),
        told("announces the gateway", "p11x", |to| {
            let reason = if to.is_inside() { "claim_of_gateway" } else { "claim_unknown" };
            Some(because(reason, gratuitous_arp(mac(11), to.gateway)))
        }),
    ]
}

/// Port 11's ping from this MAC.
fn ping(from: MacAddr, to: &Aim) -> Vec<u8> {
    frame(from, to.mac).ip(own(11), to.address).ping(1, 1)
}
fn inner(to: &Aim) -> Vec<u8> {
    ping(mac(11), to)[14..].to_vec()
}

/// Host 2 would say that its port 13 has taken the VIP.
pub fn announcement(to: &Aim) -> Announcement {
    let number = |number| crate::scene::port(number);
    let record = Record {
        incarnation: Incarnation(5),
        epoch: Epoch(1 << 61),
        holder: Holder { host: crate::scene::host(2), port: number(13) },
        released: false,
        mac: mac(13),
        moves: 1,
    };
    let key = VipKey { vni: crate::scene::vni(to.vpc), address: to.vip.into() };
    let message = Message::Record { kind: RecordKind::Announce, key, record };
    Announcement { from: crate::scene::host(2), hops: 0, nonce: 0, sent_at: 0, message }
}
