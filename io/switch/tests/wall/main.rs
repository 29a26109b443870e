//! The wall: whatever a guest, the outside or the underlay says falsely, and whomever it is meant for, it is dropped,
//! counted by a reason of its own, and nothing else moves.
//!
//! Rows are lies ([`lies`]), columns are those who are lied to ([`aim`]); each cell is a frame in a real cable of a
//! host whose programs are at real devices ([`scene`]). `--nocapture` prints the table.

mod aim;
#[path = "../hook/mod.rs"]
mod hook;
mod lies;
mod random;
mod scene;

use aim::aims;
use havip_model::MacAddr;
use havip_switch::{Attach, Ledger};
use havip_wire::{Arp, Dhcp, build::frame};
use lies::{Lie, Told};
use scene::{CLIENT, UNDERLAY_MAC, VIRTUAL_MAC, Wall, gateway, mac, own, underlay};
use std::{collections::BTreeSet, net::Ipv4Addr};

#[test]
fn every_lie_to_anybody_is_dropped_by_its_reason_and_nothing_else_moves_on_tcx() {
    stands(&mut Wall::new("tcx", Attach::Auto));
}

#[test]
fn every_lie_to_anybody_is_dropped_by_its_reason_and_nothing_else_moves_on_clsact() {
    stands(&mut Wall::new("clsact", Attach::Clsact));
}

#[test]
fn what_guests_ask_by_dhcp_is_heard_at_the_agents_device_and_never_by_the_hosts_stack() {
    for attach in [Attach::Auto, Attach::Clsact] {
        let mut wall = Wall::new("dhcp", attach);
        let asks = Dhcp::discover(mac(11), 7).encode();
        let none = Ipv4Addr::UNSPECIFIED;
        // A host that is a DHCP server too listens for all three; the second is the far end's own MAC.
        let far_end = std::fs::read_to_string("/sys/class/net/d0x/address");
        let far_end = far_end.map_or(MacAddr::BROADCAST, |text| text.trim().parse().unwrap());
        for (to_mac, source, to) in [
            (MacAddr::BROADCAST, none, Ipv4Addr::BROADCAST),
            (far_end, none, underlay(1)),
            (VIRTUAL_MAC, own(11), gateway(1)),
        ] {
            let frame = frame(mac(11), to_mac).ip(source, to).udp(68, 67, &asks);
            wall.sends("p11x", &frame);
            let mut came = vec![];
            wall.eventually("the agent hears it", |wall| {
                came.extend(wall.came("d0x"));
                !came.is_empty()
            });
            assert_eq!(came, [frame]);
        }
        assert_eq!(wall.counted(), Ledger::from([("dhcp_up", 3)]));
        wall.tells_the_truth("after DHCP");
    }
}

fn stands(wall: &mut Wall) {
    wall.tells_the_truth("at first");
    let mut cells = 0;
    for lie in lies::lies() {
        let mut reasons = BTreeSet::new();
        for aim in aims() {
            let Some(told) = (lie.tell)(&aim) else { continue };
            wall.hears(&lie, &format!("{:?}", aim.place), &told);
            reasons.insert(told.reason);
            cells += 1;
        }
        assert!(!reasons.is_empty(), "{} is told to nobody", lie.what);
        println!("{:<60} {}", lie.what, Vec::from_iter(reasons).join(", "));
        // What a lie had let out would come before the truth.
        wall.tells_the_truth(lie.what);
    }
    println!("{cells} cells");
}

impl Wall {
    /// One cell.
    #[track_caller]
    fn hears(&mut self, lie: &Lie, place: &str, told: &Told) {
        let cell = format!("{} × {place}", lie.what);
        let expected: Ledger = told.besides.iter().chain([&told.reason]).map(|name| (*name, 1)).collect();
        let records = self.records();
        self.sends(lie.from, &told.frame);
        self.eventually(&cell, |wall| {
            let counted = wall.counted();
            // A counter that is not expected is the outcome, too.
            let is_other = counted.keys().any(|name| !expected.contains_key(name));
            assert!(!is_other, "{cell}: {counted:?}, not {expected:?}");
            counted == expected
        });
        assert_eq!(self.fell_through(), [""; 0], "{cell}: into the host's stack");
        assert_eq!(self.came_anywhere(), [], "{cell}: it came out");
        assert_eq!(self.records(), records, "{cell}: a VIP or EIP has moved");
        self.settle();
    }

    /// Honest frames come out where they should, one each, and nothing comes with them: not what was said before.
    #[track_caller]
    fn tells_the_truth(&mut self, when: &str) {
        let ping = |to_mac, to| frame(mac(11), to_mac).ip(own(11), to).ping(1, 1);
        let inside = frame(mac(33), mac(31)).ip(own(13), own(12)).ping(1, 1);
        let tunnelled = frame(mac(202), UNDERLAY_MAC).ip(underlay(2), underlay(1)).vxlan(9, 200, &inside);
        let honest = [
            ("p11x", "p12x", ping(mac(12), own(12))),
            ("p11x", "p21x", ping(VIRTUAL_MAC, own(21))),
            ("p11x", "u0x", ping(mac(13), own(13))),
            ("p11x", "e0x", ping(VIRTUAL_MAC, CLIENT)),
            ("p11x", "p11x", frame(mac(11), VIRTUAL_MAC).arp(Arp::request(mac(11), own(11), gateway(1)))),
            ("u0x", "p31x", tunnelled),
        ];
        for (from, to, frame) in honest {
            self.sends(from, &frame);
            let mut came = vec![];
            self.eventually(&format!("{when}: from {from} to {to}"), |wall| {
                came.extend(wall.came(to));
                !came.is_empty()
            });
            assert_eq!(came.len(), 1, "{when}: out of {to} came {came:02x?}");
        }
        assert_eq!(self.came_anywhere(), [], "{when}");
        assert_eq!(self.fell_through(), [""; 0], "{when}");
        self.settle();
    }
}
