//! What the switch answers to ARP, and what it never answers (section 4 of the design).

mod hook;

use havip_claim::Order;
use havip_model::MacAddr;
use havip_switch::Outcome;
use havip_wire::{Arp, build::frame};
use hook::{
    DROPPED, GATEWAY, Hook, REDIRECTED, VIP, VIRTUAL_MAC, arp_reply, host, mac, own, port, underlay, vip,
};
use std::net::Ipv4Addr;

const PROBE: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

fn request(from: u32, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    frame(mac(from), MacAddr::BROADCAST).arp(Arp::request(mac(from), sender, target))
}
fn answer(by: MacAddr, target: Ipv4Addr, to: u32, sender: Ipv4Addr) -> Vec<u8> {
    frame(by, mac(to)).arp(arp_reply(by, target, mac(to), sender))
}

#[test]
fn addresses_gateways_and_vips_are_answered() {
    let mut hook = Hook::new("answers");
    let mut rows = vec![
        (GATEWAY, VIRTUAL_MAC, "the gateway"),
        (own(12), mac(12), "an interface of this host"),
        (own(13), mac(13), "an interface of another host"),
        (VIP, VIRTUAL_MAC, "a VIP without a holder"),
    ];
    for turn in 0..2 {
        for (target, by, what) in &rows {
            for sender in [own(11), PROBE] {
                if sender == PROBE && *target == VIP {
                    continue; // an entitled port's probe of a VIP has a test of its own
                }
                let ran = hook.sends(11, &request(11, sender, *target));
                assert_eq!(ran.verdict, REDIRECTED, "{what}");
                assert_eq!(ran.frame, answer(*by, *target, 11, sender), "{what}");
                hook.counted(&[("arp_answered", 1)]);
            }
        }
        if turn == 0 {
            hook.holds(12);
            rows.push((VIP, VIRTUAL_MAC, "a VIP that another port holds"));
        }
    }
}

#[test]
fn what_nobody_has_and_what_the_asker_has_itself_is_not_answered() {
    let mut hook = Hook::new("silence");
    hook.holds(11);
    let nobody = Ipv4Addr::new(10, 0, 0, 200);
    let rows = [
        (own(11), nobody, "arp_unknown"),
        (PROBE, nobody, "arp_unknown"),
        (own(11), own(21), "arp_unknown"), // another subnet's
        (PROBE, own(11), "arp_consumed"),
        (PROBE, VIP, "arp_consumed"),
        (own(11), VIP, "arp_consumed"),
    ];
    for (sender, target, counter) in rows {
        let ran = hook.sends(11, &request(11, sender, target));
        assert_eq!(ran.verdict, DROPPED, "{sender} asks for {target}");
        hook.counted(&[(counter, 1)]);
    }
    // The holder may ask as the VIP.
    let ran = hook.sends(11, &request(11, VIP, own(12)));
    assert_eq!(ran.frame, answer(mac(12), own(12), 11, VIP));
    hook.counted(&[("arp_answered", 1)]);
}

#[test]
fn a_probe_by_an_entitled_port_goes_to_the_holder_and_its_answer_comes_back() {
    let mut hook = Hook::new("probe");
    let probe = request(11, PROBE, VIP);
    let ran = hook.sends(11, &probe);
    assert_eq!(ran.verdict, DROPPED, "nobody holds it: free to take");
    hook.counted(&[("arp_consumed", 1)]);

    hook.holds(12);
    let ran = hook.sends(11, &probe);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, probe.clone()), "to the holder's port, as it is");
    hook.counted(&[("probe_forwarded", 1)]);

    let reply = frame(mac(12), mac(11)).arp(arp_reply(mac(12), VIP, mac(11), PROBE));
    let ran = hook.sends(12, &reply);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, reply));
    hook.counted(&[("probe_returned", 1)]);

    // The holder's port is down: nobody is asked, and nobody objects to a takeover.
    hook.plug(12, havip_model::PortState::Inactive, true);
    assert_eq!(hook.sends(11, &probe).verdict, DROPPED);
    hook.counted(&[("arp_consumed", 1)]);
}

#[test]
fn a_probe_crosses_hosts_in_both_directions() {
    let mut hook = Hook::new("probes");
    // Port 13 of host 2 holds the VIP; ours probes.
    let far = havip_model::Record {
        incarnation: havip_model::Incarnation(5),
        epoch: havip_model::Epoch(1 << 20),
        holder: havip_model::Holder { host: host(2), port: port(13) },
        released: false,
        mac: mac(13),
        moves: 1,
    };
    hook.order(Order::Merge { key: vip(), record: far });
    hook.settle();
    let probe = request(11, PROBE, VIP);
    assert_eq!(hook.sends(11, &probe).verdict, REDIRECTED);
    hook.counted(&[("probe_forwarded", 1), ("sent_remote", 1)]);
    let reply = frame(mac(13), mac(11)).arp(arp_reply(mac(13), VIP, mac(11), PROBE));
    let ran = hook.arrives(underlay(2), 100, &reply);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, reply));
    hook.counted(&[("probe_returned", 1)]);

    // Port 12 of this host holds it; host 2's port 13 probes.
    hook.holds(12);
    let probe = request(13, PROBE, VIP);
    let ran = hook.arrives(underlay(2), 100, &probe);
    assert_eq!((ran.verdict, ran.frame), (REDIRECTED, probe));
    hook.counted(&[("probe_forwarded", 1)]);
    let reply = frame(mac(12), mac(13)).arp(arp_reply(mac(12), VIP, mac(13), PROBE));
    assert_eq!(hook.sends(12, &reply).verdict, REDIRECTED);
    hook.counted(&[("probe_returned", 1), ("sent_remote", 1)]);
}

#[test]
fn an_ask_is_the_gateways_request_and_its_answer_is_consumed() {
    let mut hook = Hook::new("ask");
    assert_eq!(hook.order(Order::Ask { key: vip(), port: port(11) }), Outcome::Done);
    let mut ask = frame(VIRTUAL_MAC, MacAddr::BROADCAST).arp(Arp::request(VIRTUAL_MAC, GATEWAY, VIP));
    ask.resize(60, 0);
    assert_eq!(hook.left_by("p11", 1), [ask.clone()]);
    hook.counted(&[("asked", 1)]);
    hook.told();

    let reply = frame(mac(11), VIRTUAL_MAC).arp(arp_reply(mac(11), VIP, VIRTUAL_MAC, GATEWAY));
    assert_eq!(hook.sends(11, &reply).verdict, DROPPED);
    hook.counted(&[("answered", 1), ("arp_consumed", 1)]);
    assert_eq!(hook.record(), None, "an answer is no claim");
    assert_eq!(hook.told().len(), 1);

    hook.sends(12, &frame(mac(12), VIRTUAL_MAC).arp(arp_reply(mac(12), VIP, VIRTUAL_MAC, GATEWAY)));
    hook.counted(&[("vip_not_held", 1)]); // it was not asked
}
