//! The same scene with IPv6: subnets fd00::/64 and fd00:0:0:1::/64, and a VIP that ports 11, 12 and 13 may claim.

use super::{DROPPED, Hook, VIRTUAL_MAC, host, mac, port, subnet_of, vni};
use havip_claim::{Order, Release};
use havip_model::{Epoch, Holder, Incarnation, MacAddr, Record, VipKey};
use havip_reconcile::table::{Address, Entry, EntryKey};
use havip_switch::Outcome;
use havip_wire::build::{frame, unsolicited_advertisement};
use havip_wire::{Icmpv6, Nd, NdOption, multicast_mac, solicited_node};
use std::net::Ipv6Addr;

pub const VIP: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x100);
pub const GATEWAY: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
pub const NOBODY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

pub fn vip() -> VipKey {
    VipKey { vni: vni(), address: VIP.into() }
}
pub fn own(number: u32) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, number as u16 / 10 - 1, 0, 0, 0, number as u16)
}
/// fe80::/64 with the EUI-64 of a MAC.
pub fn link_local(mac: MacAddr) -> Ipv6Addr {
    mac.link_local()
}
/// An Ethernet address of multicast.
pub fn group(address: Ipv6Addr) -> MacAddr {
    multicast_mac(address.into()).unwrap()
}

impl Hook {
    /// The scene of the module's first line; nobody holds the VIP.
    pub fn six(name: &str) -> Self {
        let mut hook = Self::new(name);
        hook.has_ipv6 = true;
        for number in [10, 20] {
            let subnet = subnet_of(number);
            let gateway = Ipv6Addr::new(0xfd00, 0, 0, number as u16 / 10 - 1, 0, 0, 0, 1);
            hook.put(
                EntryKey::Subnet(subnet),
                Entry::Subnet {
                    vni: vni(),
                    virtual_mac: VIRTUAL_MAC,
                    gateway: Some(std::net::Ipv4Addr::new(10, 0, number as u8 / 10 - 1, 1).into()),
                    gateway6: Some(gateway.into()),
                },
            );
            hook.put(EntryKey::Address(vni(), gateway.into()), Entry::Address(Address::Gateway { subnet }));
        }
        for (number, on) in [(11, 1), (12, 1), (21, 1), (13, 2)] {
            hook.interface(number, Some(on), true);
            if on == 1 {
                hook.plug(number, havip_model::PortState::Active, true);
            }
        }
        let incarnation = Incarnation(5);
        hook.order(Order::Prepare { key: vip(), incarnation });
        let address = Address::Vip { subnet: subnet_of(10), incarnation, subnet_binding: false, hold: false };
        hook.put(EntryKey::Address(vni(), VIP.into()), Entry::Address(address));
        for number in [11, 12, 13] {
            hook.put(EntryKey::Entitled(vip(), port(number)), Entry::Entitled { direct_return: false });
        }
        hook.settle();
        hook
    }

    /// Who holds the VIP of IPv6.
    pub fn record6(&self) -> Option<Record> {
        self.switch.record(vip()).unwrap()
    }
    /// The port of this host claims it; what that does is not looked at.
    pub fn holds6(&mut self, number: u32) {
        self.take_of(vip(), number);
        self.settle();
    }
    /// Port 13 of host 2 holds it, as this host has heard.
    pub fn held6_elsewhere(&mut self) -> Record {
        let epoch = self.record6().map_or(Epoch(1 << 20), |record| Epoch(record.epoch.0 + 1));
        let holder = Holder { host: host(2), port: port(13) };
        let incarnation = Incarnation(5);
        let record = Record { incarnation, epoch, holder, released: false, mac: mac(13), moves: 1 };
        self.order(Order::Merge { key: vip(), record });
        self.settle();
        record
    }
    /// The port's host releases it.
    pub fn released6(&mut self, number: u32) {
        let only = Release::Port(port(number));
        assert_eq!(self.order(Order::Release { key: vip(), only }), Outcome::Done);
        self.settle();
    }
    /// The VIP of IPv6 without a holder again.
    pub fn vacate6(&mut self) {
        self.order(Order::Forget { key: vip(), incarnation: Incarnation(5) });
        self.order(Order::Prepare { key: vip(), incarnation: Incarnation(5) });
        self.settle();
    }
    /// The port's frame is dropped, and nothing but this is counted.
    #[track_caller]
    pub fn refuses(&mut self, number: u32, reason: &'static str, bytes: &[u8]) {
        assert_eq!(self.sends(number, bytes).verdict, DROPPED, "{reason}");
        self.counted(&[(reason, 1)]);
    }
}

/// A solicitation: from :: the probe of DAD, without the option.
pub fn solicitation(from: MacAddr, source: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let to = solicited_node(target);
    let options = if source.is_unspecified() { vec![] } else { vec![NdOption::SourceMac(from)] };
    frame(from, group(to)).ip6(source, to).nd(Nd::NeighbourSolicitation { target, options })
}

/// What an advertisement says besides its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    pub router: bool,
    pub solicited: bool,
    pub override_flag: bool,
    pub mac: Option<MacAddr>,
}

/// What an unsolicited advertisement says that announces.
pub fn announcing(mac: MacAddr) -> Said {
    Said { router: false, solicited: false, override_flag: true, mac: Some(mac) }
}

/// An advertisement.
pub fn advertisement(
    from: MacAddr,
    to: MacAddr,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    target: Ipv6Addr,
    said: Said,
) -> Vec<u8> {
    let Said { router, solicited, override_flag, mac } = said;
    let options = mac.map(NdOption::TargetMac).into_iter().collect();
    let nd = Nd::NeighbourAdvertisement { router, solicited, override_flag, target, options };
    frame(from, to).ip6(source, destination).nd(nd)
}

/// As keepalived announces: to all nodes, from the address itself.
pub fn announcement(from: MacAddr, target: Ipv6Addr) -> Vec<u8> {
    unsolicited_advertisement(from, target)
}

/// A ping with these hops left.
pub fn ping(from: MacAddr, to: MacAddr, source: Ipv6Addr, destination: Ipv6Addr, hops: u8) -> Vec<u8> {
    let request =
        Icmpv6::EchoRequest { identifier: 1, sequence: 1, data: b"abcdefghijklmnopqrstuvwabcdefghi" };
    frame(from, to).ip6(source, destination).hop_limit(hops).icmp(&request)
}
