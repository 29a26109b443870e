//! What the switch answers to neighbour discovery, and what it never answers (section 4 of the design).

mod hook;

use havip_claim::Order;
use havip_model::{MacAddr, PortState};
use havip_reconcile::table::{Entry, EntryKey};
use havip_switch::Outcome;
use havip_wire::{EtherType, Nd, NdOption, Protocol, build::frame, solicited_node};
use hook::six::{
    ALL_NODES, GATEWAY, NOBODY, Said, VIP, advertisement, announcement, announcing, group, link_local, own,
    solicitation, vip,
};
use hook::{DROPPED, Hook, REDIRECTED, VIRTUAL_MAC, mac, port, subnet_of, underlay, vni};
use std::net::Ipv6Addr;

/// What the switch says to port 11.
fn answer(by: MacAddr, router: bool, target: Ipv6Addr, asker: Ipv6Addr) -> Vec<u8> {
    let said = Said { router, solicited: asker != NOBODY, override_flag: true, mac: Some(by) };
    match asker == NOBODY {
        true => advertisement(by, group(ALL_NODES), target, ALL_NODES, target, said),
        false => advertisement(by, mac(11), target, asker, target, said),
    }
}

#[test]
fn addresses_gateways_vips_and_link_local_addresses_are_answered_by_advertisements() {
    let mut hook = Hook::six("ndanswers");
    let mut rows = vec![
        (GATEWAY, VIRTUAL_MAC, true, "the gateway"),
        (link_local(VIRTUAL_MAC), VIRTUAL_MAC, true, "the gateway's link-local address"),
        (own(12), mac(12), false, "an interface of this host"),
        (own(13), mac(13), false, "an interface of another host"),
        (link_local(mac(12)), mac(12), false, "an interface's link-local address"),
        (link_local(mac(13)), mac(13), false, "one of another host"),
        (VIP, VIRTUAL_MAC, false, "a VIP without a holder"),
    ];
    for turn in 0..2 {
        for (target, by, router, what) in &rows {
            for asker in [own(11), link_local(mac(11)), NOBODY] {
                if asker == NOBODY && *target == VIP {
                    continue; // an entitled port's probe of a VIP has a test of its own
                }
                let expected = answer(*by, *router, *target, asker);
                let ran = hook.sends(11, &solicitation(mac(11), asker, *target));
                assert_eq!(ran.verdict, REDIRECTED, "{what}");
                assert_eq!(ran.frame, expected, "{what} to {asker}");
                hook.counted(&[("nd_answered", 1)]);
                if asker != NOBODY {
                    // Whether the neighbour is still there is asked of it alone, and the option may be left out.
                    for options in [vec![NdOption::SourceMac(mac(11))], vec![]] {
                        let nd = Nd::NeighbourSolicitation { target: *target, options };
                        let ran = hook.sends(11, &frame(mac(11), *by).ip6(asker, *target).nd(nd));
                        assert_eq!(ran.frame, expected, "{what} alone");
                        hook.counted(&[("nd_answered", 1)]);
                    }
                }
            }
        }
        if turn == 0 {
            hook.holds6(12);
            rows.push((VIP, VIRTUAL_MAC, false, "a VIP that another port holds"));
        }
    }
}

#[test]
fn what_nobody_has_and_what_the_asker_has_itself_is_not_answered_by_advertisements() {
    let mut hook = Hook::six("ndsilence");
    hook.holds6(11);
    let nobody = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x200);
    let rows = [
        (own(11), nobody, "nd_unknown"),
        (NOBODY, nobody, "nd_unknown"),
        (own(11), own(21), "nd_unknown"), // another subnet's
        (own(11), link_local(mac(21)), "nd_unknown"),
        (NOBODY, "fe80::1234".parse().unwrap(), "nd_unknown"),
        (NOBODY, own(11), "nd_consumed"),
        (NOBODY, link_local(mac(11)), "nd_consumed"),
        (link_local(mac(11)), own(11), "nd_consumed"),
        (NOBODY, VIP, "nd_consumed"),
        (own(11), VIP, "nd_consumed"),
    ];
    for (source, target, counter) in rows {
        let ran = hook.sends(11, &solicitation(mac(11), source, target));
        assert_eq!(ran.verdict, DROPPED, "{source} asks for {target}");
        hook.counted(&[(counter, 1)]);
    }
    // The holder may ask as the VIP.
    let ran = hook.sends(11, &solicitation(mac(11), VIP, own(12)));
    assert_eq!(ran.frame, answer(mac(12), false, own(12), VIP));
    hook.counted(&[("nd_answered", 1)]);
}

#[test]
fn a_probe_of_dad_by_an_entitled_port_goes_to_the_holder_and_its_answer_comes_back_once() {
    let mut hook = Hook::six("ndprobe");
    let probe = solicitation(mac(11), NOBODY, VIP);
    hook.refuses(11, "nd_consumed", &probe); // nobody holds it: free to take

    hook.holds6(12);
    let ran = hook.sends(11, &probe);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, probe.clone()), "to the holder's port, as it is");
    hook.counted(&[("probe_forwarded", 1)]);

    // The answer to a probe has the form of an announcement; the holder's next one is a refresh again.
    let answer = announcement(mac(12), VIP);
    let ran = hook.sends(12, &answer);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, answer.clone()));
    hook.counted(&[("probe_returned", 1)]);
    let held = hook.record6();
    hook.sends(12, &answer);
    hook.counted(&[("claim_refreshed", 1), ("announced", 2)]);
    assert_eq!(hook.record6(), held);

    // A port that may not claim the VIP has its probe answered, and the holder is not asked.
    hook.remove(EntryKey::Entitled(vip(), port(11)));
    let ran = hook.sends(11, &probe);
    assert_eq!(ran.frame, self::answer(VIRTUAL_MAC, false, VIP, NOBODY));
    hook.counted(&[("nd_answered", 1)]);
    hook.put(EntryKey::Entitled(vip(), port(11)), Entry::Entitled { direct_return: false });

    // The holder's port is down: nobody is asked, and nobody objects to a takeover.
    hook.plug(12, PortState::Inactive, true);
    hook.refuses(11, "nd_consumed", &probe);
}

#[test]
fn a_probe_of_dad_crosses_hosts_in_both_directions() {
    let mut hook = Hook::six("ndprobes");
    // Port 13 of host 2 holds the VIP; ours probes.
    hook.held6_elsewhere();
    let probe = solicitation(mac(11), NOBODY, VIP);
    let ran = hook.sends(11, &probe);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, probe));
    hook.counted(&[("probe_forwarded", 1), ("sent_remote", 1)]);
    let answer = announcement(mac(13), VIP);
    let ran = hook.arrives(underlay(2), 100, &answer);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, answer.clone()));
    hook.counted(&[("probe_returned", 1)]);
    hook.arrives(underlay(2), 100, &answer);
    hook.counted(&[("nd_consumed", 1)]); // nobody has asked again

    // Port 12 of this host holds it; host 2's port 13 probes.
    let probe = solicitation(mac(13), NOBODY, VIP);
    hook.arrives(underlay(2), 100, &probe);
    hook.counted(&[("not_holder", 1)]);
    hook.holds6(12);
    let ran = hook.arrives(underlay(2), 100, &probe);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, probe.clone()));
    hook.counted(&[("probe_forwarded", 1)]);
    let answer = announcement(mac(12), VIP);
    let ran = hook.sends(12, &answer);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, answer));
    hook.counted(&[("probe_returned", 1), ("sent_remote", 1)]);
    hook.plug(12, PortState::Inactive, true);
    hook.arrives(underlay(2), 100, &probe);
    hook.counted(&[("target_inactive", 1)]);

    // Nothing else of neighbour discovery travels between hosts.
    let to_one = Nd::NeighbourSolicitation { target: VIP, options: vec![] };
    for odd in [
        frame(mac(13), mac(12)).ip6(NOBODY, own(12)).nd(to_one),
        solicitation(mac(13), own(13), own(11)),
        solicitation(mac(13), own(13), VIP),
        advertisement(mac(13), mac(11), own(13), own(11), own(13), announcing(mac(13))),
    ] {
        assert_eq!(hook.arrives(underlay(2), 100, &odd).verdict, DROPPED);
        hook.counted(&[("inner_odd", 1)]);
    }
}

#[test]
fn an_ask_is_the_gateways_solicitation_and_its_answer_is_consumed() {
    let mut hook = Hook::six("ndask");
    assert_eq!(hook.order(Order::Ask { key: vip(), port: port(11) }), Outcome::Done);
    let ask = solicitation(VIRTUAL_MAC, GATEWAY, VIP);
    assert_eq!(hook.left_by("p11", 1), [ask]);
    hook.counted(&[("asked", 1)]);
    hook.told();

    let solicited = |by: u32, mac| Said { solicited: true, mac, ..announcing(hook::mac(by)) };
    let reply = |by, mac| advertisement(hook::mac(by), VIRTUAL_MAC, VIP, GATEWAY, VIP, solicited(by, mac));
    hook.refuses(11, "nd_mac", &reply(11, Some(mac(12))));
    hook.told();
    assert_eq!(hook.sends(11, &reply(11, Some(mac(11)))).verdict, DROPPED);
    hook.counted(&[("answered", 1), ("nd_consumed", 1)]);
    assert_eq!(hook.record6(), None, "an answer is no claim");
    assert_eq!(hook.told().len(), 1);
    // Its own address may be its source, and the option may be left out: it was asked alone.
    let other = advertisement(mac(11), VIRTUAL_MAC, own(11), GATEWAY, VIP, solicited(11, None));
    hook.sends(11, &other);
    hook.counted(&[("nd_consumed", 1)]); // one answer for each ask
    hook.told();

    hook.refuses(12, "vip_not_held", &reply(12, Some(mac(12)))); // it was not asked
    hook.refuses(21, "nd_sender", &reply(21, Some(mac(21)))); // and may not have it
}

#[test]
fn without_a_gateway_of_ipv6_the_ask_comes_from_its_link_local_address() {
    let hook = Hook::six("ndaskll");
    let subnet = EntryKey::Subnet(subnet_of(10));
    let (gateway, gateway6) = (Some(hook::GATEWAY.into()), None);
    hook.put(subnet, Entry::Subnet { vni: vni(), virtual_mac: VIRTUAL_MAC, gateway, gateway6 });
    assert_eq!(hook.order(Order::Ask { key: vip(), port: port(11) }), Outcome::Done);
    assert_eq!(hook.left_by("p11", 1), [solicitation(VIRTUAL_MAC, link_local(VIRTUAL_MAC), VIP)]);
}

#[test]
fn a_doubted_holder_is_asked_by_solicitation_and_its_answer_is_alive() {
    let mut hook = Hook::six("nddoubt");
    hook.holds6(11);
    let record = hook.record6().unwrap();
    assert_eq!(hook.order(Order::Doubt { key: vip(), record }), Outcome::Done);
    assert_eq!(hook.left_by("p11", 1), [solicitation(VIRTUAL_MAC, GATEWAY, VIP)]);
    hook.counted(&[("asked", 1)]);
    let said = Said { solicited: true, ..announcing(mac(11)) };
    hook.sends(11, &advertisement(mac(11), VIRTUAL_MAC, VIP, GATEWAY, VIP, said));
    hook.counted(&[("alive_sent", 1), ("announced", 2), ("nd_consumed", 1)]);
    assert_eq!(hook.record6(), Some(record));
}

#[test]
fn neighbour_discovery_that_lies_is_dropped_by_reason() {
    let mut hook = Hook::six("ndlies");
    hook.holds6(12);
    let ask = |source, target| solicitation(mac(11), source, target);
    let say =
        |source, target, said| advertisement(mac(11), group(ALL_NODES), source, ALL_NODES, target, said);
    let option = |mac| vec![NdOption::SourceMac(mac)];
    let nd = |source: Ipv6Addr, options| {
        let (to, target) = (solicited_node(own(12)), own(12));
        frame(mac(11), group(to)).ip6(source, to).nd(Nd::NeighbourSolicitation { target, options })
    };
    let mapped: Ipv6Addr = "::ffff:10.0.0.12".parse().unwrap();
    let compatible: Ipv6Addr = "::10.0.0.12".parse().unwrap();
    let mine = announcing(mac(11));
    let rows: &[(&str, Vec<u8>)] = &[
        ("nd_sender", ask(own(12), own(13))),
        ("nd_sender", ask(link_local(mac(12)), own(13))),
        ("nd_sender", ask(GATEWAY, own(12))),
        ("vip_not_held", ask(VIP, own(12))),
        ("mapped", ask(mapped, own(12))),
        ("mapped", ask(compatible, own(12))),
        ("source_odd", ask(Ipv6Addr::LOCALHOST, own(12))),
        ("source_odd", ask(ALL_NODES, own(12))),
        ("mapped", ask(own(11), mapped)),
        ("mapped", ask(own(11), compatible)),
        ("nd_malformed", ask(own(11), ALL_NODES)),
        ("nd_mac", nd(own(11), option(mac(12)))),
        ("nd_mac", nd(own(11), [option(mac(11)), option(mac(12))].concat())),
        ("nd_mac", nd(own(11), vec![NdOption::TargetMac(mac(12))])),
        ("nd_malformed", nd(NOBODY, option(mac(11)))), // DAD says no MAC
        ("nd_malformed", nd(own(11), vec![NdOption::Mtu(1500); 17])),
        ("mapped", say(mapped, mapped, mine)),
        ("mapped", say(own(11), mapped, mine)),
        ("source_odd", say(NOBODY, own(11), mine)),
        ("nd_mac", say(own(11), own(11), announcing(mac(12)))),
        ("nd_sender", say(own(12), own(11), mine)),
        ("nd_sender", say(own(11), own(12), Said { override_flag: false, ..mine })),
        ("nd_sender", say(own(11), own(12), Said { mac: None, ..mine })),
        ("nd_sender", say(own(11), GATEWAY, Said { solicited: true, ..mine })),
        ("vip_not_held", say(own(11), VIP, Said { override_flag: false, ..mine })),
        ("vip_not_held", say(own(11), VIP, Said { mac: None, ..mine })),
        ("nd_consumed", say(own(11), link_local(mac(11)), mine)),
        ("nd_consumed", say(link_local(mac(11)), own(11), mine)),
    ];
    for (reason, bytes) in rows {
        assert_eq!(hook.sends(11, bytes).verdict, DROPPED, "{reason}: {bytes:02x?}");
        hook.counted(&[(reason, 1)]);
        hook.left_by("ov", 0);
    }
    // A probe that is not sent to those who would know.
    let alone = Nd::NeighbourSolicitation { target: own(12), options: vec![] };
    hook.refuses(11, "nd_malformed", &frame(mac(11), mac(12)).ip6(NOBODY, own(12)).nd(alone));
}

#[test]
fn neighbour_discovery_that_is_cut_routed_or_of_another_code_is_malformed() {
    let mut hook = Hook::six("ndcut");
    let whole = solicitation(mac(11), own(11), own(12));
    let changed = |at: usize, to: u8| {
        let mut bytes = whole.clone();
        bytes[at] = to;
        bytes
    };
    let mut rows = vec![
        changed(21, 254),     // hop limit
        changed(55, 1),       // code
        changed(79, 0),       // an option without a length
        changed(79, 2),       // one that is longer than the packet
        changed(19, 23),      // a payload that ends within the target
        changed(19, 31),      // within the option
        whole[..78].to_vec(), // the packet ends before it says
        changed(79, 3),
    ];
    rows[6][19] = 31;
    for bytes in &rows {
        assert_eq!(hook.sends(11, bytes).verdict, DROPPED);
        let (name, count) = match bytes.len() {
            78 => ("ip_malformed", 1),
            _ => ("nd_malformed", 1),
        };
        hook.counted(&[(name, count)]);
    }
    // Padding behind the packet is none of it.
    let padded = [whole.clone(), vec![0xa5; 20]].concat();
    assert_eq!(hook.sends(11, &padded).frame, answer(mac(12), false, own(12), own(11)));
    hook.counted(&[("nd_answered", 1)]);
}

#[test]
fn what_concerns_routers_and_groups_is_dropped_each_with_a_reason_of_its_own() {
    let mut hook = Hook::six("ndrouters");
    let from = link_local(mac(11));
    let routers: Ipv6Addr = "ff02::2".parse().unwrap();
    let reports: Ipv6Addr = "ff02::16".parse().unwrap();
    let mine = || vec![NdOption::SourceMac(mac(11))];
    let advertised = |lifetime_secs| Nd::RouterAdvertisement {
        hop_limit: 64,
        flags: 0,
        lifetime_secs,
        reachable_ms: 0,
        retransmit_ms: 0,
        options: mine(),
    };
    let icmp = |kind: u8, data: &[u8]| {
        frame(mac(11), group(ALL_NODES))
            .ip6(from, ALL_NODES)
            .hop_limit(255)
            .icmp(&havip_wire::Icmpv6::Other { kind, code: 0, data })
    };
    // A report of listeners comes behind the option that routers look at.
    let alert = [Protocol::ICMPV6.0, 0, 5, 2, 0, 0, 1, 0];
    let report = [alert.as_slice(), &[143, 0, 0, 0, 0, 0, 0, 0]].concat();
    let report = frame(mac(11), group(reports)).ip6(NOBODY, reports).hop_limit(1).raw(Protocol(0), &report);
    let solicited = Nd::RouterSolicitation { options: mine() };
    let rows: &[(&str, Vec<u8>)] = &[
        ("router_solicitation", frame(mac(11), group(routers)).ip6(from, routers).nd(solicited)),
        (
            "router_solicitation",
            frame(mac(11), group(routers))
                .ip6(NOBODY, routers)
                .nd(Nd::RouterSolicitation { options: vec![] }),
        ),
        ("router_advertisement", frame(mac(11), group(ALL_NODES)).ip6(from, ALL_NODES).nd(advertised(1800))),
        ("router_advertisement", frame(mac(11), mac(12)).ip6(from, own(12)).nd(advertised(0))),
        ("redirect", icmp(137, &[0; 36])),
        ("mld", report),
        ("mld", icmp(130, &[0; 20])),
        ("mld", icmp(131, &[0; 20])),
        ("nd_malformed", icmp(141, &[0; 4])), // inverse discovery
    ];
    for (reason, bytes) in rows {
        hook.refuses(11, reason, bytes);
    }
}

/// An extension header: its number, and its bytes behind the next one's number.
type Extension = (u8, Vec<u8>);

/// A payload behind extension headers, with the number of the first.
fn behind(extensions: &[Extension], last: u8, payload: &[u8]) -> (u8, Vec<u8>) {
    let mut bytes = vec![];
    let follows = extensions.iter().skip(1).map(|(number, _)| *number).chain([last]);
    for ((_, body), next) in extensions.iter().zip(follows) {
        bytes.push(next);
        bytes.extend(body);
    }
    bytes.extend(payload);
    (extensions.first().map_or(last, |(number, _)| *number), bytes)
}

#[test]
fn neighbour_discovery_behind_extension_headers_or_in_fragments_is_dropped_whatever_it_is() {
    let mut hook = Hook::six("ndhidden");
    hook.holds6(12);
    let held = hook.record6();
    let claim = announcement(mac(11), VIP);
    let messages = [
        claim.clone(),
        solicitation(mac(11), own(11), own(12)),
        frame(mac(11), group(ALL_NODES)).ip6(link_local(mac(11)), ALL_NODES).nd(Nd::RouterAdvertisement {
            hop_limit: 64,
            flags: 0,
            lifetime_secs: 9000,
            reachable_ms: 0,
            retransmit_ms: 0,
            options: vec![],
        }),
    ];
    let padding = |words: u8| [vec![words, 1, 4 + words * 8], vec![0; 4 + usize::from(words) * 8]].concat();
    let options = |number: u8| (number, padding(0));
    let fragment = |place: u16| (44, [vec![0], place.to_be_bytes().to_vec(), vec![0, 0, 0, 7]].concat());
    let chains: &[(&str, Vec<Extension>)] = &[
        ("nd_hidden", vec![options(0)]),
        ("nd_hidden", vec![options(60)]),
        ("nd_hidden", vec![(43, vec![0, 0, 0, 0, 0, 0, 0])]),
        ("nd_hidden", vec![options(0), options(60), options(60)]),
        ("nd_hidden", vec![(60, padding(7))]),
        ("nd_hidden", vec![fragment(0)]), // of one piece
        ("nd_hidden", vec![fragment(1)]), // the first of more
        ("nd_hidden", vec![options(0), fragment(1)]),
        ("nd_hidden", vec![(51, vec![0; 7])]), // an authentication header of 8 bytes
        ("ipv6_headers", vec![options(60); 9]),
        ("ipv6_headers", vec![options(60), options(0)]), // hop-by-hop options are first or not at all
    ];
    for message in &messages {
        let (source, to) = (&message[22..38], &message[38..54]);
        let address = |bytes: &[u8]| Ipv6Addr::from(<[u8; 16]>::try_from(bytes).unwrap());
        for (reason, chain) in chains {
            let (first, payload) = behind(chain, 58, &message[54..]);
            let packet = frame(mac(11), group(ALL_NODES)).ip6(address(source), address(to)).hop_limit(255);
            let ran = hook.sends(11, &packet.raw(Protocol(first), &payload));
            assert_eq!(ran.verdict, DROPPED, "{chain:?}");
            hook.counted(&[(reason, 1)]);
            assert_eq!(hook.record6(), held);
        }
        // A first fragment that leaves the message's type to the second.
        let (first, payload) = behind(&[fragment(1)], 58, &[]);
        let packet = frame(mac(11), group(ALL_NODES)).ip6(own(11), ALL_NODES).hop_limit(255);
        hook.refuses(11, "ipv6_headers", &packet.raw(Protocol(first), &payload));
    }
    // A chain whose last header is not there, and one that ends in the middle.
    for (first, payload) in [behind(&[options(60)], 60, &[]), (60, vec![58, 4, 0, 0, 0, 0, 0, 0])] {
        let packet = frame(mac(11), VIRTUAL_MAC).ip6(own(11), own(12)).raw(Protocol(first), &payload);
        hook.refuses(11, "ipv6_headers", &packet);
    }
}

#[test]
fn a_port_of_a_subnet_without_ipv6_speaks_none() {
    let mut hook = Hook::new("ndnone");
    for bytes in [
        solicitation(mac(11), NOBODY, link_local(mac(11))),
        announcement(mac(11), own(11)),
        frame(mac(11), VIRTUAL_MAC).raw(EtherType::IPV6, &[0x60; 60]),
    ] {
        hook.refuses(11, "ipv6", &bytes);
    }
}
