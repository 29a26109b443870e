//! Where an address is.

use super::{End, Walk};
use havip_model::{Direction, HostNumber, PortNumber, PortState, SubnetNumber, VipKey};
use havip_reconcile::table::{Address, Entry, EntryKey, Port};
use std::net::IpAddr;

/// Where a packet would go next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    /// The address that decides: the destination, or a route's next hop.
    pub key: VipKey,
    pub is_vip: bool,
    pub subnet: SubnetNumber,
    pub host: HostNumber,
    pub port: PortNumber,
    pub by_route: bool,
}

/// Why there is none.
pub(super) enum Lost {
    /// Nobody in the VPC has the address, and no route leads there.
    Nobody,
    /// It is the gateway's.
    Gateway,
    /// It exists, and cannot be reached.
    Refused(&'static str),
}

impl Walk<'_> {
    /// The way to an address: its own, or by a custom route.
    pub(super) fn find_way(&mut self, address: IpAddr) -> Result<Way, Lost> {
        match self.find_address(address, false) {
            Err(Lost::Nobody) => {}
            found => return found,
        }
        let vni = self.packet.vni;
        let routes = self.maps.table.iter().filter_map(|(key, entry)| match (key, entry) {
            (EntryKey::Route(of, net), Entry::Route { next_hop }) if *of == vni && net.contains(&address) => {
                Some((*net, *next_hop))
            }
            _ => None,
        });
        let Some((net, next_hop)) = routes.max_by_key(|(net, _)| net.prefix_len()) else {
            self.say("nobody", format!("nobody in the VPC has {address}, and no route leads there"));
            return Err(Lost::Nobody);
        };
        let Some(next_hop) = next_hop else {
            self.say("nobody", format!("nobody has {address}, and no route leads out of the subnet {net}"));
            return Err(Lost::Refused("no_route"));
        };
        self.say("route", format!("nobody in the VPC has {address}; the route {net} leads by {next_hop}"));
        self.find_address(next_hop, true).map(|way| Way { by_route: true, ..way }).map_err(
            |lost| match lost {
                Lost::Nobody => {
                    self.say("nobody", format!("nobody has {next_hop}"));
                    Lost::Refused("no_route")
                }
                Lost::Gateway => Lost::Refused("target_odd"),
                refused => refused,
            },
        )
    }

    fn find_address(&mut self, address: IpAddr, by_route: bool) -> Result<Way, Lost> {
        let key = self.key(address);
        let Some(Entry::Address(of)) = self.maps.table.get(&EntryKey::Address(key.vni, address)) else {
            return Err(Lost::Nobody);
        };
        match *of {
            Address::Interface { source_dest_check: true, .. } if by_route => {
                self.say(
                    "next_hop_checked",
                    format!("{address} does not forward: its source/destination check is on"),
                );
                Err(Lost::Refused("next_hop_checked"))
            }
            Address::Interface { host: None, .. } => {
                self.say("nowhere", format!("{address} is an interface that is plugged into no host"));
                Err(Lost::Refused("target_nowhere"))
            }
            Address::Interface { host: Some(host), port, subnet, .. } => {
                self.say("interface", format!("{address} is the interface at port {port} of host {host}"));
                Ok(Way { key, is_vip: false, subnet, host, port, by_route })
            }
            Address::Gateway { .. } => {
                self.say("gateway", format!("{address} is a gateway, which is the switch itself"));
                Err(Lost::Gateway)
            }
            Address::Segment { .. } => {
                self.say("network", format!("{address} is the network's of an external subnet"));
                Err(Lost::Refused("target_odd"))
            }
            Address::Vip { subnet, .. } => {
                let Some(holder) = self.holder(key) else {
                    self.say("no_holder", format!("{address} is a VIP that nobody holds"));
                    return Err(Lost::Refused("no_holder"));
                };
                let (host, port) = (holder.host, holder.port);
                self.say("holder", format!("{address} is a VIP, held by port {port} of host {host}"));
                Ok(Way { key, is_vip: true, subnet, host, port, by_route })
            }
        }
    }

    /// The way to a link-local address of the port's subnet.
    pub(super) fn find_neighbour(&mut self, port: &Port, address: IpAddr) -> Result<Way, Lost> {
        if IpAddr::V6(port.virtual_mac.link_local()) == address {
            self.say("gateway", format!("{address} is the gateway's link-local address"));
            return Err(Lost::Gateway);
        }
        let neighbour = self.maps.table.iter().find_map(|(key, entry)| match (key, entry) {
            (EntryKey::Mac(subnet, mac), Entry::Mac { address: stands, .. })
                if *subnet == port.subnet && IpAddr::V6(mac.link_local()) == address =>
            {
                Some(*stands)
            }
            _ => None,
        });
        match neighbour {
            Some(stands) => self.find_address(stands, false),
            None => {
                self.say("nobody", format!("nobody in the subnet has {address}"));
                Err(Lost::Refused("no_route"))
            }
        }
    }

    /// To another host, if it is known.
    pub(super) fn goes_to_host(&mut self, host: HostNumber, passed_on: bool) -> End {
        if !self.maps.table.contains_key(&EntryKey::Host(host)) {
            self.say("host_unknown", format!("host {host} is not known here"));
            return End::Dropped("host_unknown");
        }
        self.say("tunnel", format!("to host {host} in the tunnel of VNI {}", self.packet.vni));
        End::ToHost { host, passed_on }
    }

    /// Into a port of this host.
    pub(super) fn deliver(&mut self, way: Way) -> End {
        let number = way.port;
        let Some(Entry::Port(port)) = self.maps.table.get(&EntryKey::Port(number)) else {
            self.say("not_here", format!("port {number} is not on this host"));
            return End::Dropped("not_here");
        };
        if port.state == PortState::Inactive {
            self.say("target_inactive", format!("port {number} is not active"));
            return End::Dropped("target_inactive");
        }
        if way.is_vip && !self.may_claim(way.key, number) {
            self.say(
                "not_entitled",
                format!("port {number} is not associated with {} any more", way.key.address),
            );
            return End::Dropped("holder_not_entitled");
        }
        if way.by_route && port.source_dest_check {
            self.say(
                "next_hop_checked",
                format!("port {number} does not forward: its source/destination check is on"),
            );
            return End::Dropped("next_hop_checked");
        }
        if let Err(reason) = self.ask_groups(number, port, Direction::Ingress) {
            return End::Dropped(reason);
        }
        self.say("delivered", format!("into port {number}"));
        End::Delivered(number)
    }
}
