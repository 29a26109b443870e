//! What must be so of any frame, whatever it is: pure, from the frame, how it came and what became of it.
//!
//! It knows nothing of how the switch decides. What it knows is who has which address, and what nobody may do.

use super::corpus::{Given, Way};
use crate::hook::six::link_local;
use crate::scene::segment::{self, OUTWARDS, VLAN, outer, outer6};
use crate::scene::{EDGE_MAC, eip, eip6, gateway, gateway6, host, key, mac, own, own6, underlay, vip, vip6};
use havip_model::MacAddr;
use havip_wire::{
    Announcement, Arp, EtherType, Ethernet, Ipv6, Message, Protocol,
    known::{ANNOUNCEMENT_VNI, DHCP_CLIENT_PORT, DHCP_SERVER_PORT, PASSED_ON_VNI_BIT, VRRP_IPV4},
};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub const DROPPED: i32 = 2;
pub const REDIRECTED: i32 = 7;
/// TC_ACT_UNSPEC: the host's stack takes it.
pub const TO_THE_HOST: i32 = -1;

/// Something that left.
pub struct Left<'a> {
    pub by: u32,
    /// If that is the overlay: to which host, in which tunnel.
    pub to: Option<(Ipv4Addr, u32)>,
    pub frame: &'a [u8],
}

/// What became of a frame.
pub struct Outcome<'a> {
    pub verdict: i32,
    /// The frame as it was afterwards.
    pub after: &'a [u8],
    /// Why it was dropped or refused first.
    pub reason: Option<&'static str>,
    /// It left itself.
    pub left: Option<Left<'a>>,
    /// Copies of it, or what the switch made of them.
    pub copies: Vec<Left<'a>>,
}

/// Devices by index.
pub struct Devices {
    pub ports: HashMap<u32, u32>,
    pub overlay: u32,
    pub edge: u32,
    pub dhcp: u32,
}

type Judgement = Result<(), String>;

macro_rules! must {
    ($so:expr, $($why:tt)*) => { if !$so { return Err(format!($($why)*)); } };
}

/// Whether that may be.
pub fn judge(devices: &Devices, given: &Given, outcome: &Outcome<'_>) -> Judgement {
    if outcome.verdict == TO_THE_HOST {
        return passes_to_the_host(given, outcome);
    }
    must!([DROPPED, REDIRECTED].contains(&outcome.verdict), "verdict {}", outcome.verdict);
    must!(
        (outcome.verdict == REDIRECTED) == outcome.left.is_some(),
        "left, and was not redirected, or the reverse"
    );
    for left in outcome.left.iter().chain(&outcome.copies) {
        stays_in_its_vpc(devices, given, left)?;
        if let Way::Port(number) = given.way
            && devices.ports.get(&left.by) != Some(&number)
        {
            tells_the_truth(devices, number, given, left)?;
        }
        if let Some(number) = devices.ports.get(&left.by) {
            is_for(*number, given, left)?;
        }
    }
    let is_silent = outcome.left.is_none() && outcome.copies.is_empty() && outcome.reason.is_none();
    must!(!is_silent || may_be_used_up(given), "it is gone without a reason");
    Ok(())
}

/// Only by the edge's device, untouched, and nothing that is for an EIP.
fn passes_to_the_host(given: &Given, outcome: &Outcome<'_>) -> Judgement {
    must!(given.way == Way::Edge, "into the host's stack");
    must!(outcome.after == given.frame, "changed, and into the host's stack");
    must!(outcome.copies.is_empty() && outcome.reason.is_none(), "into the host's stack, and elsewhere");
    let four = ipv4(&given.frame).map(|ip| ip.destination);
    // Who claims a false length is told nothing.
    let six = ipv6(&given.frame).map(|ip| ip.destination);
    let is_bound = four.is_some_and(|to| EIPS.map(eip).contains(&to))
        || six.is_some_and(|to| EIPS.map(eip6).contains(&to));
    must!(
        !(is_bound && given.frame[..6] == EDGE_MAC.0 && given.tag.is_none()),
        "for an EIP, and into the host's stack"
    );
    // Of neighbours, the host hears what nobody inside is asked.
    let is_packet = four.is_some() || ipv6(&given.frame).is_some_and(|ip| ip.next_header != Protocol::ICMPV6);
    let is_guests = [41, 42, 43].iter().any(|number| given.frame[..6] == mac(*number).0);
    must!(!(is_packet && is_guests && is_of_segment(given)), "for a guest, and into the host's stack");
    Ok(())
}

/// It comes from the provider's network, or goes between hosts as a frame of it.
fn is_of_segment(given: &Given) -> bool {
    match given.way {
        Way::Edge => given.tag.is_some_and(|tag| tag & 0xfff == VLAN),
        Way::Overlay { vni, .. } => vni & !PASSED_ON_VNI_BIT == OUTWARDS,
        Way::Port(number) => segment::PORTS.contains(&number),
        Way::Dhcp => false,
    }
}

/// The ports that have one.
const EIPS: [u32; 4] = [11, 12, 21, 31];

fn vpc_of(port: u32) -> u32 {
    if port == 31 { 200 } else { 100 }
}

/// The VPC that the frame is of; none: it may lead nowhere.
fn vpc(given: &Given) -> Option<u32> {
    match given.way {
        Way::Port(number) => Some(vpc_of(number)),
        Way::Overlay { from, .. } if from != underlay(2) => None,
        Way::Overlay { vni: ANNOUNCEMENT_VNI, .. } => {
            let said = given.frame.get(14..)?;
            must_be_sealed(said).then_some(())?;
            match Announcement::decode(said).ok()?.message {
                Message::Record { key, .. } => Some(key.vni.get()),
                _ => Some(0),
            }
        }
        Way::Overlay { .. } | Way::Edge if is_of_segment(given) => Some(100),
        Way::Overlay { vni, .. } => Some(vni & !PASSED_ON_VNI_BIT),
        Way::Edge => {
            if ethernet(&given.frame)?.ether_type == EtherType::IPV6 {
                let at = |at: usize| <[u8; 16]>::try_from(given.frame.get(at..at + 16)?).ok();
                // The destination, or what is asked for.
                let named = [at(38), at(62)].map(|bytes| bytes.map(Ipv6Addr::from));
                let is_named = |number: &u32| named.contains(&Some(eip6(*number)));
                return EIPS.into_iter().find(is_named).map(vpc_of);
            }
            let to = match ethernet(&given.frame)?.ether_type {
                EtherType::ARP => Ipv4Addr::from(<[u8; 4]>::try_from(given.frame.get(38..42)?).ok()?),
                _ => Ipv4Addr::from(<[u8; 4]>::try_from(given.frame.get(30..34)?).ok()?),
            };
            EIPS.into_iter().find(|number| eip(*number) == to).map(vpc_of)
        }
        Way::Dhcp => {
            let mut all = EIPS.into_iter().chain(segment::PORTS);
            all.find(|number| given.frame[..6] == mac(*number).0).map(vpc_of)
        }
    }
}

/// What has no good seal is believed by nobody.
fn must_be_sealed(said: &[u8]) -> bool {
    Announcement::is_sealed_by(&key(1), said)
}

fn stays_in_its_vpc(devices: &Devices, given: &Given, left: &Left<'_>) -> Judgement {
    let Some(own) = vpc(given) else { return Err("it leads nowhere, and left".into()) };
    let public = by_public_addresses(given, own, left.frame);
    let vpc = public.unwrap_or(own);
    if let Some(number) = devices.ports.get(&left.by) {
        must!(vpc_of(*number) == vpc, "from VPC {vpc} to port {number}");
        // Nothing is routed between a provider's network and the VPC.
        let is_outer = segment::PORTS.contains(number);
        let between = match given.way {
            Way::Port(from) => segment::PORTS.contains(&from) != is_outer,
            _ => is_of_segment(given) && !is_outer,
        };
        must!(!between, "between the external subnet and port {number}");
    } else if left.by == devices.overlay {
        let Some((to, tunnel)) = left.to else { return Err("into no tunnel".into()) };
        must!(to == underlay(2), "to {to}, which is no host");
        let is_from_host = matches!(given.way, Way::Overlay { .. });
        // An edge tells another host's guest why its packet does not leave.
        let switch4 = [gateway(1), gateway(2), outer(2)];
        let switch6 = [gateway6(1), gateway6(2), outer6(2)];
        let is_complaint = ipv4(left.frame).is_some_and(|ip| switch4.contains(&ip.source))
            || ipv6(left.frame).is_some_and(|ip| switch6.contains(&ip.source));
        let comes_in = given.way == Way::Edge && is_of_segment(given);
        match tunnel {
            ANNOUNCEMENT_VNI => is_our_message(left.frame, own)?,
            // A message may have named another edge.
            OUTWARDS => {
                let is_guests = matches!(given.way, Way::Port(from) if segment::PORTS.contains(&from));
                must!(is_guests, "out of the external subnet, and of nobody in it");
            }
            tunnel if tunnel == OUTWARDS | PASSED_ON_VNI_BIT => {
                must!(comes_in, "as a frame from the provider's network, which it is not");
            }
            tunnel if tunnel == vpc => {
                must!(
                    !is_from_host || public.is_some() || is_complaint,
                    "back to another host, and not marked"
                );
            }
            tunnel => must!(
                is_from_host && tunnel == vpc | PASSED_ON_VNI_BIT,
                "from VPC {vpc} into tunnel {tunnel}"
            ),
        }
    } else if left.by == devices.edge {
        if is_showing(left.frame) {
            must!(vpc == 100, "VPC {vpc} tells the provider's network of an address");
        } else if is_of_segment(given) {
            leaves_as_it_is(given, left.frame)?;
        } else {
            leaves_as_an_eip(given, own, left.frame)?;
        }
    } else {
        must!(left.by == devices.dhcp, "by device {}", left.by);
        let Way::Port(number) = given.way else { return Err("to the agent, and no guest's".into()) };
        let asked = ipv4(left.frame).filter(|ip| ip.protocol == Protocol::UDP).and_then(|ip| {
            let ports: [u8; 4] = ip.payload.get(..4)?.try_into().ok()?;
            (ports == [0, 68, 0, 67]).then(|| ip.payload.get(36..42).map(<[u8]>::to_vec))?
        });
        must!(asked.as_deref() == Some(&mac(number).0), "to the agent, and no question of the port's own");
    }
    Ok(())
}

/// From one EIP to another: whoever has one reaches everybody who has, as from outside. The VPC that it leads to.
fn by_public_addresses(given: &Given, own: u32, frame: &[u8]) -> Option<u32> {
    let is_eip =
        |number: &u32, address: IpAddr| [eip(*number).into(), eip6(*number).into()].contains(&address);
    let ends = |frame| -> Option<(IpAddr, IpAddr)> {
        let four = ipv4(frame).map(|ip| (ip.source.into(), ip.destination.into()));
        four.or_else(|| ipv6(frame).map(|ip| (ip.source.into(), ip.destination.into())))
    };
    let (_, to) = ends(&given.frame)?;
    let number = EIPS.into_iter().find(|number| is_eip(number, to))?;
    let (from, _) = ends(frame)?;
    EIPS.into_iter().find(|number| is_eip(number, from)).filter(|from| vpc_of(*from) == own)?;
    Some(vpc_of(number))
}

/// Sealed, in this host's name, about this VPC or none.
fn is_our_message(frame: &[u8], vpc: u32) -> Judgement {
    let Some(said) = frame.get(14..) else { return Err("an empty message".into()) };
    let Ok(read) = Announcement::decode(said) else { return Err(format!("no message: {said:02x?}")) };
    must!(must_be_sealed(said), "a message without a seal: {read:?}");
    let about = match read.message {
        Message::Record { key, .. } => key.vni.get(),
        _ => vpc,
    };
    must!(about == vpc, "a message about VPC {about} because of VPC {vpc}");
    // What a relay passes on is its maker's; there is none here.
    must!(read.from == host(1), "a message in the name of host {}", read.from);
    Ok(())
}

/// Outside nobody has a private address, or talks to the fabric's hosts.
fn leaves_as_an_eip(given: &Given, vpc: u32, frame: &[u8]) -> Judgement {
    if given.way == Way::Edge {
        return Ok(()); // an answer, or an error
    }
    let mut own_eips = EIPS.into_iter().filter(|number| vpc_of(*number) == vpc);
    if let Some(ip) = ipv6(frame) {
        must!(own_eips.any(|number| eip6(number) == ip.source), "outside as {}", ip.source);
        must!(ip.next_header != Protocol::VRRP, "an advert goes outside");
        return link_messages_of_a_guest_stay(&ip);
    }
    let Some(ip) = ipv4(frame) else { return Err(format!("outside without an address: {frame:02x?}")) };
    must!(own_eips.any(|number| eip(number) == ip.source), "outside as {}", ip.source);
    must!(![underlay(1), underlay(2)].contains(&ip.destination), "to the host {}", ip.destination);
    must!(ip.protocol != Protocol::VRRP, "an advert goes outside");
    Ok(())
}

/// The switch tells the provider's network who has an address inside, or asks whether somebody there has it.
fn is_showing(frame: &[u8]) -> bool {
    let Some(ethernet) = ethernet(frame) else { return false };
    if let Ok(arp) = Arp::decode(ethernet.payload).map_err(drop)
        && ethernet.ether_type == EtherType::ARP
    {
        let is_inside = [outer(41), outer(43), segment::VIP].contains(&arp.target);
        let is_said = arp.sender == arp.target || arp.sender.is_unspecified();
        return is_inside && is_said && arp.sender_mac == ethernet.source && frame.len() == 60;
    }
    let Some(ip) = ipv6(frame) else { return false };
    let target = ip.payload.get(8..24).map(|bytes| Ipv6Addr::from(<[u8; 16]>::try_from(bytes).unwrap()));
    let inside = [41, 42, 43].map(|number| link_local(mac(number)));
    let inside = inside.into_iter().chain([outer6(41), outer6(43), segment::VIP6]);
    ip.next_header == Protocol::ICMPV6
        && inside.into_iter().any(|address| Some(address) == target)
        && match ip.payload.first() {
            Some(135) => ip.source.is_unspecified(),
            Some(136) => Some(ip.source) == target && ip.destination.is_multicast(),
            _ => false,
        }
}

/// Into the provider's network, of which only questions are for all: an answer or an error to somebody there, or what
/// a guest sends there as it is.
fn leaves_as_it_is(given: &Given, frame: &[u8]) -> Judgement {
    if given.way == Way::Edge {
        return Ok(());
    }
    let comes_in = matches!(given.way, Way::Overlay { vni, .. } if vni & PASSED_ON_VNI_BIT != 0);
    must!(!comes_in, "what came in goes out");
    let Some(head) = ethernet(frame) else { return Err("cut".into()) };
    match head.ether_type {
        EtherType::ARP => Ok(()),
        EtherType::IPV4 => {
            let Some(ip) = ipv4(frame) else { return Err("odd IPv4".into()) };
            must!(![underlay(1), underlay(2)].contains(&ip.destination), "to the host {}", ip.destination);
            must!(frame[0] & 1 == 0 && !ip.destination.is_multicast(), "to a group outside");
            Ok(())
        }
        EtherType::IPV6 => {
            let Some(ip) = ipv6(frame) else { return Err("odd IPv6".into()) };
            let is_group = frame[0] & 1 == 1;
            let asks = ip.next_header == Protocol::ICMPV6 && ip.payload.first() == Some(&135);
            must!(!is_group || asks, "to a group outside");
            link_messages_stay(&ip)
        }
        other => Err(format!("outside as {other:?}")),
    }
}

/// What of a guest's gets to others says who it is.
fn tells_the_truth(devices: &Devices, number: u32, given: &Given, left: &Left<'_>) -> Judgement {
    if left.to.is_some_and(|(_, tunnel)| tunnel == ANNOUNCEMENT_VNI) || is_made_by_the_switch(left) {
        return Ok(());
    }
    let goes_out = left.by == devices.edge && segment::PORTS.contains(&number);
    if goes_out && is_showing(left.frame) {
        return Ok(());
    }
    must!(given.tag.is_none_or(|tag| tag & 0xfff == 0), "tagged");
    let Some(frame) = ethernet(&given.frame) else { return Err("cut".into()) };
    let is_virtual = frame.source.0[..4] == [0, 0, 0x5e, 0] && number != 11;
    must!(frame.source == mac(number) || is_virtual, "from MAC {}", frame.source);
    must!(frame.tags.is_empty(), "tagged inside");
    let vip_of = |number| match number {
        11 => None,
        21 => Some((vip(2), vip6(2))),
        41 | 42 => Some((segment::VIP, segment::VIP6)),
        _ => Some((vip(1), vip6(1))),
    };
    let (own4, own6) = own_of(number);
    match frame.ether_type {
        EtherType::ARP => {
            let Ok(arp) = Arp::decode(frame.payload) else { return Err("odd ARP".into()) };
            must!(arp.sender_mac == frame.source, "MAC {} inside of {}'s", arp.sender_mac, frame.source);
            let is_its = arp.sender.is_unspecified()
                || vip_of(number).is_some_and(|(vip, _)| vip == arp.sender)
                || goes_out && Some(arp.sender) == own4;
            must!(is_its, "ARP of {}", arp.sender);
        }
        EtherType::IPV4 => {
            let Some(ip) = ipv4(&given.frame) else { return Err("odd IPv4".into()) };
            let is_its = Some(ip.source) == own4
                || vip_of(number).is_some_and(|(vip, _)| vip == ip.source)
                || ip.source.is_unspecified() && is_question(&ip);
            must!(is_its, "from {}", ip.source);
            if let Some(port) = udp_destination(&ip) {
                must!(port != DHCP_CLIENT_PORT, "an answer of DHCP");
            }
            must!(
                !ip.destination.is_multicast() || ip.destination == VRRP_IPV4,
                "to the group {}",
                ip.destination
            );
        }
        EtherType::IPV6 => {
            let Ok(ip) = Ipv6::decode(frame.payload) else { return Err("odd IPv6".into()) };
            let is_its = Some(ip.source) == own6
                || ip.source == link_local(mac(number))
                || vip_of(number).is_some_and(|(_, vip)| vip == ip.source)
                || ip.source.is_unspecified() && ip.next_header == Protocol::ICMPV6;
            must!(is_its, "from {}", ip.source);
            link_messages_of_a_guest_stay(&ip)?;
        }
        other => return Err(format!("of type {other:?}")),
    }
    Ok(())
}

/// The port's own addresses.
fn own_of(number: u32) -> (Option<Ipv4Addr>, Option<Ipv6Addr>) {
    match number {
        31 => (Some(own(12)), Some(own6(12))),
        41 => (Some(outer(41)), Some(outer6(41))),
        42 => (None, None),
        _ => (Some(own(number)), Some(own6(number))),
    }
}

/// Routers, redirects and listeners are nobody's, and neighbours are not spoken of behind headers.
fn link_messages_stay(ip: &Ipv6<'_>) -> Judgement {
    let Ok(upper) = ip.upper() else { return Err("headers that nobody can follow".into()) };
    let is_later = upper.fragment.is_some_and(|fragment| fragment.offset > 0);
    if upper.protocol == Protocol::ICMPV6 && !is_later {
        let Some(kind) = upper.payload.first() else { return Err("an empty ICMPv6".into()) };
        must!(!matches!(kind, 130..=134 | 137 | 141..=143), "ICMPv6 {kind} leaves its port");
        must!(!matches!(kind, 135 | 136) || upper.extensions.is_empty(), "ND behind headers");
    }
    Ok(())
}

/// That, and no answer of DHCP: what another host sends has been judged by its switch.
fn link_messages_of_a_guest_stay(ip: &Ipv6<'_>) -> Judgement {
    link_messages_stay(ip)?;
    let Ok(upper) = ip.upper() else { return Err("headers that nobody can follow".into()) };
    let is_later = upper.fragment.is_some_and(|fragment| fragment.offset > 0);
    if upper.protocol == Protocol::UDP && !is_later {
        let to = upper.payload.get(2..4).map(|port| u16::from_be_bytes([port[0], port[1]]));
        must!(to != Some(546), "an answer of DHCP");
    }
    Ok(())
}

/// What a port is given is for it.
fn is_for(number: u32, given: &Given, left: &Left<'_>) -> Judgement {
    let (vip, vip6) = match number {
        41 | 42 => (segment::VIP, segment::VIP6),
        21 => (vip(2), vip6(2)),
        _ => (vip(1), vip6(1)),
    };
    let (own4, own6) = own_of(number);
    let ours4 = [own4, Some(vip)];
    let ours6 = [own6, Some(vip6), Some(link_local(mac(number)))];
    let Some(frame) = ethernet(left.frame) else { return Ok(()) };
    let is_odd_mac = |to: MacAddr| to != mac(number) && to.0[0] & 1 == 0 && to.0[..4] != [0, 0, 0x5e, 0];
    if given.way == Way::Dhcp {
        must!(left.frame[..6] == mac(number).0, "another's lease");
        return Ok(());
    }
    match frame.ether_type {
        EtherType::IPV4 => {
            let Some(ip) = ipv4(left.frame) else { return Err("a port is given odd IPv4".into()) };
            let is_for_it = ours4.contains(&Some(ip.destination)) || ip.destination == VRRP_IPV4;
            must!(is_for_it, "port {number} is given what is for {}", ip.destination);
            // Of an advert to the group copies are given, as it is; a VIP's MAC is what a host has said.
            let is_free = [VRRP_IPV4, vip].contains(&ip.destination);
            must!(
                is_free || !is_odd_mac(frame.destination),
                "port {number} is given MAC {}",
                frame.destination
            );
            // Nobody hears a stranger depose the master.
            if ip.protocol == Protocol::VRRP && given.way == Way::Port(11) {
                let named = ip.payload.get(8..).unwrap_or_default();
                let named: Vec<Ipv4Addr> = named
                    .chunks_exact(4)
                    .take(ip.payload.get(3).copied().unwrap_or_default().into())
                    .map(|bytes| Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]))
                    .collect();
                let hears = number != 11 && named.contains(&vip);
                must!(!hears, "port {number} hears a stranger about its VIP");
            }
        }
        EtherType::IPV6 => {
            let Ok(ip) = Ipv6::decode(frame.payload) else { return Err("a port is given odd IPv6".into()) };
            let is_for_it = ours6.contains(&Some(ip.destination)) || ip.destination.is_multicast();
            must!(is_for_it, "port {number} is given what is for {}", ip.destination);
        }
        EtherType::ARP => {}
        other => return Err(format!("port {number} is given {other:?}")),
    }
    Ok(())
}

/// Asks come from the gateway.
fn is_made_by_the_switch(left: &Left<'_>) -> bool {
    ethernet(left.frame).is_some_and(|frame| frame.source == crate::scene::VIRTUAL_MAC) && left.to.is_none()
}

/// Claims, questions, adverts and messages: they are heard, and nothing of them goes on.
fn may_be_used_up(given: &Given) -> bool {
    let Some(frame) = ethernet(&given.frame) else { return false };
    match frame.ether_type {
        EtherType::ARP | EtherType::ANNOUNCEMENT => true,
        EtherType::IPV4 => given.frame.get(30..34) == Some(&VRRP_IPV4.octets()),
        // What is no packet has a reason; behind a cut one there is none to be read.
        EtherType::IPV6 => matches!(given.frame.get(20), Some(58 | 112)),
        _ => false,
    }
}

fn ethernet(frame: &[u8]) -> Option<Ethernet<'_>> {
    Ethernet::decode(frame).ok()
}

fn ipv6(frame: &[u8]) -> Option<Ipv6<'_>> {
    let frame = ethernet(frame).filter(|frame| frame.ether_type == EtherType::IPV6)?;
    Ipv6::decode(frame.payload).ok()
}

/// The packet, whatever its sum is: the switch leaves that to who receives it.
fn ipv4(frame: &[u8]) -> Option<Packet4<'_>> {
    let ip = frame.get(14..).filter(|ip| frame[12..14] == [8, 0] && ip.len() >= 20 && ip[0] >> 4 == 4)?;
    let (head, total) = (usize::from(ip[0] & 15) * 4, usize::from(u16::from_be_bytes([ip[2], ip[3]])));
    let address = |at: usize| Ipv4Addr::new(ip[at], ip[at + 1], ip[at + 2], ip[at + 3]);
    Some(Packet4 {
        source: address(12),
        destination: address(16),
        protocol: Protocol(ip[9]),
        is_later: u16::from_be_bytes([ip[6], ip[7]]) & 0x1fff != 0,
        payload: ip.get(head..total.min(ip.len()))?,
    })
}

/// What is looked at of IPv4.
struct Packet4<'a> {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: Protocol,
    is_later: bool,
    payload: &'a [u8],
}

fn udp_destination(ip: &Packet4<'_>) -> Option<u16> {
    let is_first = ip.protocol == Protocol::UDP && !ip.is_later;
    ip.payload.get(2..4).filter(|_| is_first).map(|port| u16::from_be_bytes([port[0], port[1]]))
}

fn is_question(ip: &Packet4<'_>) -> bool {
    udp_destination(ip) == Some(DHCP_SERVER_PORT)
}
