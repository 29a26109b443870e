//! External subnets: out of one and into one, at layer 2, by the edge that joins it to the outside.

use super::way::{Lost, Way};
use super::{End, Walk};
use havip_model::{SubnetNumber, VipKey, is_link_local};
use havip_reconcile::table::{Address, Entry, EntryKey, Port};
use ipnet::IpNet;
use std::net::IpAddr;

/// How an external subnet is joined to the outside.
struct Segment {
    /// Who says the edge.
    record: VipKey,
    /// Its addresses of the packet's family.
    range: IpNet,
    vlan: Option<u16>,
}

impl Walk<'_> {
    /// What a port sends that is not for its own external subnet, or is for another one: where that ends, if here.
    pub(super) fn beside_the_segment(&mut self, port: &Port, found: &Result<Way, Lost>) -> Option<End> {
        let destination = self.packet.destination;
        if !port.subnet.is_external() {
            let leads_there = matches!(found, Ok(way) if way.subnet.is_external());
            return leads_there.then(|| {
                self.say(
                    "external",
                    format!("{destination} is of an external subnet, into which nothing is routed"),
                );
                End::Dropped("no_route")
            });
        }
        // The switch itself, by its link-local address, is of every segment.
        let is_switch = is_link_local(destination) && matches!(found, Err(Lost::Gateway));
        let is_inside = self.subnet_of(destination) == Some(port.subnet);
        (!is_inside && !is_switch).then(|| self.go_outwards(port.subnet, false))
    }

    /// The external subnet that another host has sent this for, if it is to leave.
    pub(super) fn leaves_by_segment(&self) -> Option<SubnetNumber> {
        let subnet = self.subnet_of(self.packet.source).filter(|subnet| subnet.is_external())?;
        (self.subnet_of(self.packet.destination) != Some(subnet)).then_some(subnet)
    }

    /// To the outside of this subnet, by the edge that joins it. What another host has sent leaves here, whether this is
    /// that edge or not: while that changes, the hosts do not all know the same.
    pub(super) fn go_outwards(&mut self, subnet: SubnetNumber, from_host: bool) -> End {
        let destination = self.packet.destination;
        let Some(Segment { record, range, vlan }) = self.segment(subnet) else {
            self.say("no_segment", "how the external subnet is joined to the outside is not known here");
            return End::Dropped("no_route");
        };
        let edge = if from_host { Some(self.maps.host) } else { self.holder(record).map(|edge| edge.host) };
        let Some(edge) = edge else {
            self.say("no_edge", format!("no edge joins the external subnet {range} to the outside"));
            return End::Dropped("edge_off");
        };
        if edge != self.maps.host {
            self.say("edge", format!("{destination} is outside {range}, which host {edge} joins"));
            return self.goes_to_host(edge, false);
        }
        if self.maps.table.values().any(|entry| *entry == Entry::Host { underlay: destination }) {
            self.say("to_underlay", format!("{destination} is a host of the fabric"));
            return End::Dropped("to_underlay");
        }
        let tag = vlan.map_or("without a tag".into(), |vlan| format!("in VLAN {vlan}"));
        self.say(
            "segment",
            format!("it leaves {range} as it is, {tag}, to the MAC that its sender asked for"),
        );
        End::Outside
    }

    /// From outside, for an address of an external subnet; none if it is for none.
    pub(super) fn comes_by_segment(&mut self) -> Option<End> {
        let (source, destination) = (self.packet.source, self.packet.destination);
        let (vni, subnet) = self.maps.table.iter().find_map(|(key, entry)| match (key, entry) {
            (
                EntryKey::Address(vni, address),
                Entry::Address(Address::Interface { subnet, .. } | Address::Vip { subnet, .. }),
            ) if *address == destination && subnet.is_external() => Some((*vni, *subnet)),
            _ => None,
        })?;
        let Segment { record, range, .. } = self.segment(subnet)?;
        let edge = self.holder(record);
        if edge.is_none_or(|edge| edge.host != self.maps.host) {
            self.say("edge", format!("another edge joins the external subnet {range}"));
            return Some(End::Dropped("edge_inactive"));
        }
        self.packet.vni = vni;
        if let Err(reason) = self.judge_outside_source(source, true) {
            return Some(End::Dropped(reason));
        }
        self.say("segment", format!("{destination} is of the external subnet {range}"));
        Some(self.enter(destination))
    }

    /// None if it has no addresses of the packet's family.
    fn segment(&self, subnet: SubnetNumber) -> Option<Segment> {
        let Entry::Segment { vni, cidr, cidr6, vlan } = *self.maps.table.get(&EntryKey::Segment(subnet))?
        else {
            return None;
        };
        let range = match self.packet.destination {
            IpAddr::V4(_) => Some(IpNet::V4(cidr)),
            IpAddr::V6(_) => cidr6.map(IpNet::V6),
        };
        Some(Segment { record: VipKey { vni, address: cidr.network().into() }, range: range?, vlan })
    }

    fn subnet_of(&self, address: IpAddr) -> Option<SubnetNumber> {
        match self.maps.table.get(&EntryKey::Address(self.packet.vni, address))? {
            Entry::Address(
                Address::Interface { subnet, .. }
                | Address::Vip { subnet, .. }
                | Address::Gateway { subnet }
                | Address::Segment { subnet, .. },
            ) => Some(*subnet),
            _ => None,
        }
    }
}
