//! What becomes of good frames at random.

use super::chance::Chance;
use super::corpus::{Given, Way};
use crate::scene::segment::{self, OUTWARDS, VLAN, outer, outer6};
use crate::scene::{CLIENT, ROUTER_MAC, VIRTUAL_MAC, eip, gateway, key, mac, own, own6, underlay, vip, vip6};
use havip_wire::{Announcement, known::ANNOUNCEMENT_VNI};

/// Words that the switch knows: what is written over others now and then.
pub fn words() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = vec![];
    for address in [
        own(11),
        own(12),
        own(13),
        own(21),
        vip(1),
        vip(2),
        gateway(1),
        CLIENT,
        eip(12),
        underlay(1),
        underlay(2),
        outer(1),
        outer(2),
        outer(41),
        outer(43),
        segment::VIP,
    ] {
        all.push(address.octets().to_vec());
        all.push(address.to_ipv6_mapped().octets().to_vec());
    }
    let outer = [outer6(1), outer6(2), outer6(41), outer6(43), segment::VIP6, ROUTER_MAC.link_local()];
    for address in [own6(11), own6(12), own6(21), vip6(1), vip6(2)].into_iter().chain(outer) {
        all.push(address.octets().to_vec());
    }
    for number in [11, 12, 13, 21, 31, 41, 42, 43] {
        all.push(mac(number).0.to_vec());
        all.push(crate::hook::six::link_local(mac(number)).octets().to_vec());
    }
    all.push(VIRTUAL_MAC.0.to_vec());
    all.push(vec![0xff; 6]);
    for word in [0x0800u16, 0x0806, 0x8100, 0x88a8, 0x86dd, 0x88b5, 0x2000, 0x3fff, 67, 68, 546, 7402] {
        all.push(word.to_be_bytes().to_vec());
    }
    for protocol in [0u8, 1, 6, 17, 43, 44, 51, 58, 59, 60, 112, 134, 135, 136, 137] {
        all.push(vec![protocol]);
    }
    all
}

/// One of the corpus, or what is left of it.
pub fn mutated(chance: &mut Chance, corpus: &[Given], words: &[Vec<u8>]) -> Given {
    let mut given = chance.of(corpus).clone();
    for _ in 0..chance.below(6) {
        change(chance, &mut given.frame, corpus, words);
    }
    if chance.once_in(8) {
        lengths(&mut given.frame);
    }
    if chance.once_in(12) {
        let any = chance.number() as u16;
        given.tag = Some(*chance.of(&[0, 0, VLAN, any]));
    }
    if chance.once_in(10) {
        given.way = other_way(chance);
    }
    let is_message = matches!(given.way, Way::Overlay { vni: ANNOUNCEMENT_VNI, .. });
    if is_message && chance.once_in(2) {
        seal_anew(&mut given.frame);
    }
    // BPF_PROG_TEST_RUN wants a whole header of IP behind what says that it is IP.
    let least = match given.frame.get(12..14) {
        Some([0x86, 0xdd]) => 54,
        _ => 34,
    };
    if given.frame.len() < least {
        given.frame.resize(least, 0);
    }
    given
}

fn change(chance: &mut Chance, frame: &mut Vec<u8>, corpus: &[Given], words: &[Vec<u8>]) {
    // Headers are where it matters.
    let most = if chance.once_in(4) { frame.len() } else { frame.len().min(96) };
    let at = chance.below(most.max(1)).min(frame.len().saturating_sub(1));
    if frame.is_empty() {
        return;
    }
    match chance.below(9) {
        0 | 1 => frame[at] = chance.number() as u8,
        2 => frame[at] ^= 1 << chance.below(8),
        3 => frame[at] = *chance.of(&[0, 1, 0x7f, 0x80, 0xff]),
        4 | 5 => {
            for (to, from) in frame[at..].iter_mut().zip(chance.of(words)) {
                *to = *from;
            }
        }
        6 => frame.truncate(at.max(14)),
        7 => frame.extend(std::iter::repeat_n(chance.number() as u8, chance.below(64))),
        _ => {
            let other = &chance.of(corpus).frame;
            let from = chance.below(other.len());
            frame.truncate(at);
            frame.extend(&other[from..]);
        }
    }
}

/// Writes lengths that fit what is there.
fn lengths(frame: &mut [u8]) {
    let length = frame.len();
    match frame.get(12..14) {
        Some([8, 0]) if length >= 34 => frame[16..18].copy_from_slice(&((length - 14) as u16).to_be_bytes()),
        Some([0x86, 0xdd]) if length >= 54 => {
            frame[18..20].copy_from_slice(&((length - 54) as u16).to_be_bytes());
        }
        _ => {}
    }
}

fn other_way(chance: &mut Chance) -> Way {
    let from = *chance.of(&[underlay(2), underlay(2), underlay(2), underlay(1), underlay(99)]);
    let vni = *chance.of(&[
        100,
        200,
        300,
        ANNOUNCEMENT_VNI,
        100 | 1 << 23,
        200 | 1 << 23,
        0,
        1 << 22,
        OUTWARDS,
        OUTWARDS | 1 << 23,
        OUTWARDS + 1,
    ]);
    match chance.below(8) {
        0 => Way::Edge,
        1 => Way::Dhcp,
        2..=4 => Way::Overlay { from, vni },
        _ => Way::Port(*chance.of(&[11, 12, 21, 31, 41, 42])),
    }
}

/// As a host of the fabric would that says something odd.
fn seal_anew(frame: &mut Vec<u8>) {
    if frame.len() >= 14
        && let Ok(said) = Announcement::decode(&frame[14..])
    {
        frame.truncate(14);
        frame.extend(said.sealed(&key(1)));
    }
}
