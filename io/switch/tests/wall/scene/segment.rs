//! An external subnet of VPC 100, in VLAN 177 of both families, which host 1 joins.
//!
//! Port 41 and 43 on host 2 have addresses of it, port 42 has only the VIP, which it holds and 41 may take.

use super::{EDGE_MAC, VIRTUAL_MAC, Wall, host, mac, port, vni};
use havip_claim::Order;
use havip_model::{Incarnation, SubnetNumber, VipKey};
use havip_reconcile::table::{Address, Entry, EntryKey};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub const VLAN: u16 = 177;
/// Its frames between hosts, on their way out; those from outside have the mark of what is passed on besides.
pub const OUTWARDS: u32 = 1 << 22 | SubnetNumber::EXTERNAL | 4;
pub const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 177, 204);
pub const VIP6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x177, 0, 0, 0, 0, 204);
/// The ports of this host.
pub const PORTS: [u32; 2] = [41, 42];

/// An address of it: of port 41 or 43, of the router (1), of the switch (2), of somebody outside.
pub fn outer(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, 177, number as u8)
}
pub fn outer6(number: u32) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0x177, 0, 0, 0, 0, number as u16)
}
/// What has a record: who joins it, and its VIPs.
pub fn keys() -> [VipKey; 3] {
    [IpAddr::from(outer(0)), VIP.into(), VIP6.into()].map(|address| VipKey { vni: vni(100), address })
}

impl Wall {
    pub(super) fn join_segment(&self) {
        let (subnet, incarnation) = (SubnetNumber::new(SubnetNumber::EXTERNAL | 4).unwrap(), Incarnation(7));
        let (vni, virtual_mac) = (vni(100), VIRTUAL_MAC);
        let (gateway, gateway6) = (Some(outer(2).into()), Some(outer6(2).into()));
        self.put(EntryKey::Subnet(subnet), Entry::Subnet { vni, virtual_mac, gateway, gateway6 });
        let (cidr, cidr6) = ("192.168.177.0/24".parse().unwrap(), "2001:db8:177::/64".parse().unwrap());
        for range in [ipnet::IpNet::V4(cidr), ipnet::IpNet::V6(cidr6)] {
            self.put(EntryKey::Route(vni, range), Entry::Route { next_hop: None });
        }
        for address in [IpAddr::from(outer(2)), outer6(2).into()] {
            self.put(EntryKey::Address(vni, address), Entry::Address(Address::Gateway { subnet }));
        }
        let [network, ..] = keys();
        self.switch.order(&Order::Prepare { key: network, incarnation }).unwrap();
        let address = Address::Segment { subnet, incarnation };
        self.put(EntryKey::Address(vni, network.address), Entry::Address(address));
        let segment = Entry::Segment { vni, cidr, cidr6: Some(cidr6), vlan: Some(VLAN) };
        self.put(EntryKey::Segment(subnet), segment);
        self.take(network, 1, EDGE_MAC);
        for (number, on) in [(41, 1), (42, 1), (43, 2)] {
            self.plug_outer(subnet, number, on);
        }
        for key in &keys()[1..] {
            self.switch.order(&Order::Prepare { key: *key, incarnation }).unwrap();
            let address = Address::Vip { subnet, incarnation, subnet_binding: false, hold: false };
            self.put(EntryKey::Address(vni, key.address), Entry::Address(address));
            for number in PORTS {
                self.put(EntryKey::Entitled(*key, port(number)), Entry::Entitled { direct_return: false });
            }
            self.take(*key, 42, mac(42));
        }
    }

    fn plug_outer(&self, subnet: SubnetNumber, number: u32, on: u32) {
        let (vni, port, mac, host) = (vni(100), port(number), mac(number), Some(host(on)));
        let (four, six) = (outer(number).into(), outer6(number).into());
        let own: Vec<IpAddr> = if number == 42 { vec![] } else { vec![four, six] };
        let link_local = IpAddr::from(mac.link_local());
        let entry = Address::Interface { subnet, port, host, mac, source_dest_check: true, primary: true };
        for address in own.iter().chain([&link_local]) {
            self.put(EntryKey::Address(vni, *address), Entry::Address(entry));
        }
        let address = own.first().copied().unwrap_or(link_local);
        self.put(EntryKey::Mac(subnet, mac), Entry::Mac { port, address });
        if on == 1 {
            self.open_port(number, vni, subnet, own.first().copied(), own.get(1).copied());
        }
    }
}
