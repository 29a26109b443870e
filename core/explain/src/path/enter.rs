//! How a packet comes to a host, and where it goes from there.

use super::source::odd;
use super::way::{Lost, Way};
use super::{End, Protocol, Walk};
use havip_model::{Direction, HostNumber, PortNumber, PortState, is_link_local};
use havip_reconcile::table::{Address, Entry, EntryKey};
use std::net::IpAddr;

impl Walk<'_> {
    /// A guest sends it.
    pub(super) fn sent_by_port(&mut self, number: PortNumber) -> End {
        let Some(Entry::Port(port)) = self.maps.table.get(&EntryKey::Port(number)) else {
            self.say("port_unknown", format!("port {number} is not on this host"));
            return End::Dropped("port_unknown");
        };
        if port.state == PortState::Inactive {
            self.say("port_inactive", format!("port {number} is not active"));
            return End::Dropped("port_inactive");
        }
        self.packet.vni = port.vni;
        let destination = self.packet.destination;
        if destination.is_ipv6() && port.primary6.is_none() && !self.has_gateway6(port.subnet) {
            self.say("no_ipv6", "the subnet has no IPv6");
            return End::Dropped("ipv6");
        }
        if is_for_client(self.packet.protocol, destination) {
            self.say("dhcp_server", "only the fabric answers DHCP");
            return End::Dropped("dhcp_server");
        }
        if let Err(reason) = self.judge_source(number, port) {
            return End::Dropped(reason);
        }
        if let Some(reason) = no_target(destination) {
            self.say(reason, format!("{destination} is an address that is never forwarded"));
            return End::Dropped(reason);
        }
        if let Err(reason) = self.ask_groups(number, port, Direction::Egress) {
            return End::Dropped(reason);
        }
        let found = match is_link_local(destination) {
            true => self.find_neighbour(port, destination),
            false => self.find_way(destination),
        };
        if let Some(end) = self.beside_the_segment(port, &found) {
            return end;
        }
        let way = match found {
            Ok(way) if way.by_route && (way.host, way.port) == (self.maps.host, number) => {
                self.say("leads_back", "that route is no way for the port, which it leads to itself");
                return self.leave();
            }
            Ok(way) => way,
            Err(Lost::Gateway) if self.packet.protocol == Protocol::Ping => {
                self.say("answered", "the gateway answers pings");
                return End::Answered;
            }
            Err(Lost::Gateway) => return End::Dropped("target_odd"),
            Err(Lost::Refused(reason)) => return End::Dropped(reason),
            Err(Lost::Nobody) => return self.leave(),
        };
        let is_routed = way.by_route || way.subnet != port.subnet;
        if is_link_local(self.packet.source) && !is_link_local(destination) && is_routed {
            self.say("scope", "a packet from a link-local address does not leave its subnet");
            return End::Dropped("scope");
        }
        if (way.host, way.port) == (self.maps.host, number) {
            self.say("to_self", "that is the port that sends it");
            return End::Dropped("to_self");
        }
        if is_routed {
            self.say("routed", "the gateway routes it: one hop less to live");
        }
        if way.host != self.maps.host { self.goes_to_host(way.host, false) } else { self.deliver(way) }
    }

    fn has_gateway6(&self, subnet: havip_model::SubnetNumber) -> bool {
        let entry = self.maps.table.get(&EntryKey::Subnet(subnet));
        matches!(entry, Some(Entry::Subnet { gateway6: Some(_), .. }))
    }

    /// Another host sends it.
    pub(super) fn sent_by_host(&mut self, from: HostNumber, passed_on: bool) -> End {
        let (source, destination) = (self.packet.source, self.packet.destination);
        if let Some(of) =
            [source, destination].into_iter().find(|address| odd(*address, "inner_odd").is_some())
        {
            self.say("inner_odd", format!("no switch sends a packet from or to {of}"));
            return End::Dropped("inner_odd");
        }
        if let Some(subnet) = self.leaves_by_segment().filter(|_| self.maps.is_edge && !passed_on) {
            return self.go_outwards(subnet, true);
        }
        let way = match self.find_way(destination) {
            Ok(way) if way.by_route && self.maps.is_edge && !passed_on && self.is_from_next_hop(way) => {
                self.say("leads_back", "the route leads to who sends it: its host has sent it here to leave");
                return self.leave_from_host();
            }
            Ok(way) => way,
            Err(Lost::Nobody) if self.maps.is_edge && !is_link_local(destination) && !passed_on => {
                return self.leave_from_host();
            }
            Err(Lost::Nobody) => return self.nobody_here(),
            Err(Lost::Gateway) => return End::Dropped("target_odd"),
            Err(Lost::Refused(reason)) => return End::Dropped(reason),
        };
        if way.host == self.maps.host {
            return self.deliver(way);
        }
        match (way.is_vip, passed_on) {
            (true, false) => {
                self.say(
                    "passed_on",
                    "this host knows better who holds it, passes it on once and tells its sender",
                );
                self.goes_to_host(way.host, true)
            }
            // Its guest has migrated.
            (false, false) if way.host != from => {
                self.say("passed_on", "this host knows better where it is, and passes it on once");
                self.goes_to_host(way.host, true)
            }
            (true, true) => End::Dropped("not_holder"),
            (false, _) => End::Dropped("not_here"),
        }
    }

    /// The packet is from the port that the route leads to.
    fn is_from_next_hop(&self, way: Way) -> bool {
        let source = self.key(self.packet.source);
        let at = match self.maps.table.get(&EntryKey::Address(source.vni, source.address)) {
            Some(Entry::Address(Address::Interface { host: Some(host), port, .. })) => Some((*host, *port)),
            Some(Entry::Address(Address::Vip { .. })) => {
                self.holder(source).map(|holder| (holder.host, holder.port))
            }
            _ => None,
        };
        at == Some((way.host, way.port))
    }

    /// Nobody here has the destination: of this VPC, or this host does not know the VPC.
    pub(super) fn nobody_here(&mut self) -> End {
        if self.maps.table.contains_key(&EntryKey::Members(self.packet.vni)) {
            return End::Dropped("no_route");
        }
        self.say("vni_unknown", format!("VNI {} is of no VPC that this host needs", self.packet.vni));
        End::Dropped("vni_unknown")
    }

    /// It comes in by the edge's device.
    pub(super) fn sent_from_outside(&mut self) -> End {
        let (source, destination) = (self.packet.source, self.packet.destination);
        let Some(Entry::Eip { vni, target, .. }) = self.maps.table.get(&EntryKey::Eip(destination)) else {
            if let Some(end) = self.comes_by_segment() {
                return end;
            }
            self.say(
                "no_eip",
                format!("{destination} is no EIP that is bound: what comes for it is the host's own"),
            );
            return End::Dropped("eip_unknown");
        };
        self.packet.vni = *vni;
        if let Err(reason) = self.judge_outside_source(source, false) {
            return End::Dropped(reason);
        }
        self.say("eip", format!("the EIP {destination} leads to {target}"));
        self.enter(*target)
    }

    /// Whether somebody outside, on the same link or beyond a router, may send this into the VPC.
    pub(super) fn judge_outside_source(
        &mut self,
        source: IpAddr,
        same_link: bool,
    ) -> Result<(), &'static str> {
        let of_a_link = (is_link_local(source) && !same_link).then_some("source_odd");
        if let Some(reason) = odd(source, "source_odd").or(of_a_link) {
            self.say("source_odd", format!("{source} is no address that a host may send from"));
            return Err(reason);
        }
        if self.maps.table.contains_key(&EntryKey::Address(self.packet.vni, source)) {
            self.say(
                "source_inside",
                format!("{source} is an address of the VPC, and nobody outside has it"),
            );
            return Err("outside_source");
        }
        if is_for_client(self.packet.protocol, source) {
            self.say("dhcp_server", "only the fabric answers DHCP");
            return Err("dhcp_server");
        }
        Ok(())
    }

    /// Into the VPC, to what an EIP leads to.
    pub(super) fn enter(&mut self, target: IpAddr) -> End {
        // No route and no gateway is a target.
        let known = self.maps.table.get(&EntryKey::Address(self.packet.vni, target));
        let is_target =
            matches!(known, Some(Entry::Address(Address::Interface { .. } | Address::Vip { .. })));
        self.packet.destination = target;
        let way = match self.find_way(target) {
            Ok(way) if is_target => way,
            Err(Lost::Refused(reason)) => return End::Dropped(reason),
            Err(Lost::Gateway) => return End::Dropped("target_odd"),
            _ => return End::Dropped("no_route"),
        };
        if way.host != self.maps.host { self.goes_to_host(way.host, false) } else { self.deliver(way) }
    }
}

/// Why nothing is forwarded there, whoever has it.
fn no_target(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) if address.octets()[0] >= 240 => Some("broadcast"),
        address if address.is_multicast() => Some("multicast"),
        address => odd(address, "target_odd"),
    }
}

/// To a client of DHCP, of the family of this address.
fn is_for_client(protocol: Protocol, address: IpAddr) -> bool {
    protocol == Protocol::Udp(if address.is_ipv4() { 68 } else { 546 })
}
