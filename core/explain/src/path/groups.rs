//! What the security groups of a port say.

use super::{Protocol, Walk};
use havip_groups::{OtherEnd, judge};
use havip_model::{Direction, PortNumber, RuleAction, is_link_local};
use havip_reconcile::table::{Address, Entry, EntryKey, Port};
use std::{collections::BTreeSet, net::IpAddr};

impl Walk<'_> {
    /// Whether the groups of a port let the first packet of a connection pass; else the reason.
    pub(super) fn ask_groups(
        &mut self,
        number: PortNumber,
        port: &Port,
        direction: Direction,
    ) -> Result<(), &'static str> {
        let Some(editions) = &port.editions else { return Ok(()) };
        let (address, reason, way) = match direction {
            Direction::Ingress => (self.packet.source, "group_ingress", "in"),
            Direction::Egress => (self.packet.destination, "group_egress", "out"),
        };
        let other = self.other_end(port, address);
        let (protocol, to_port) = match self.packet.protocol {
            Protocol::Ping if address.is_ipv4() => (1, 0),
            Protocol::Ping => (58, 0),
            Protocol::Tcp(to) => (6, to),
            Protocol::Udp(to) => (17, to),
        };
        let groups =
            editions.iter().filter_map(|edition| match self.maps.table.get(&EntryKey::Group(*edition)) {
                Some(Entry::Group(compiled)) => Some(&**compiled),
                _ => None,
            });
        let (action, rule) = judge(groups, direction, protocol, to_port, &other);
        let (code, text) = match (action, rule) {
            (RuleAction::Allow, Some(rule)) => {
                ("group_allows", format!("rule {rule} of the security groups of port {number} lets it {way}"))
            }
            (RuleAction::Drop, Some(rule)) => (
                "group_drops",
                format!("rule {rule} of the security groups of port {number} does not let it {way}"),
            ),
            (_, None) => {
                ("group_silent", format!("no rule of the security groups of port {number} lets it {way}"))
            }
        };
        self.say(code, text);
        if let Some(said) = self.rules.last_mut() {
            said.group_rule = rule;
        }
        if action == RuleAction::Allow { Ok(()) } else { Err(reason) }
    }

    /// Who the other end is to rules.
    fn other_end(&self, port: &Port, address: IpAddr) -> OtherEnd {
        let stands = match is_link_local(address) {
            true => self.maps.table.iter().find_map(|(key, entry)| match (key, entry) {
                (EntryKey::Mac(subnet, mac), Entry::Mac { address: stands, .. })
                    if *subnet == port.subnet && IpAddr::V6(mac.link_local()) == address =>
                {
                    Some(*stands)
                }
                _ => None,
            }),
            false => Some(address),
        };
        let of = stands.map(|stands| self.key(stands)).and_then(|key| {
            match self.maps.table.get(&EntryKey::Address(key.vni, key.address)) {
                Some(Entry::Address(of)) => Some((key, *of)),
                _ => None,
            }
        });
        let peer = match of {
            Some((_, Address::Interface { port, .. })) => Some(port),
            Some((key, Address::Vip { .. })) => self.holder(key).map(|holder| holder.port),
            _ => None,
        };
        let groups = match peer.and_then(|peer| self.maps.table.get(&EntryKey::Membership(peer))) {
            Some(Entry::Membership { groups }) => groups.iter().copied().collect(),
            _ => BTreeSet::new(),
        };
        OtherEnd { address, is_of_vpc: of.is_some(), groups }
    }
}
