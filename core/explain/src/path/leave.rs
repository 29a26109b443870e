//! Out of a VPC, by an edge.

use super::{End, Walk};
use havip_model::is_link_local;
use havip_reconcile::table::{Entry, EntryKey};
use std::net::IpAddr;

impl Walk<'_> {
    /// A guest's packet for nobody in the VPC: to the active edge of its source's EIP.
    pub(super) fn leave(&mut self) -> End {
        let (source, destination) = (self.packet.source, self.packet.destination);
        let nat = self.maps.table.get(&EntryKey::Nat(self.packet.vni, source));
        if is_link_local(source) && !is_link_local(destination) {
            self.say("scope", format!("no router passes on what is from {source}"));
            return End::Dropped("scope");
        }
        let Some(Entry::Nat { public, .. }) = nat.filter(|_| !is_link_local(destination)) else {
            if is_link_local(destination) || is_private(destination) {
                return End::Dropped("no_route");
            }
            self.say("no_eip", format!("{destination} is outside, and {source} has no EIP"));
            return End::Dropped("no_eip");
        };
        self.say("routed", "the gateway routes it: one hop less to live");
        let Some(edge) = self.holder(self.key(*public)) else {
            self.say("no_edge", format!("no edge serves {source}'s EIP {public}"));
            return End::Dropped("edge_off");
        };
        if edge.host != self.maps.host {
            self.say("edge", format!("{source} has the EIP {public}, whose edge is host {}", edge.host));
            return self.goes_to_host(edge.host, false);
        }
        self.go_outside(*public)
    }

    /// Another host sent it here, to leave.
    pub(super) fn leave_from_host(&mut self) -> End {
        let nat = self.maps.table.get(&EntryKey::Nat(self.packet.vni, self.packet.source));
        match nat {
            Some(Entry::Nat { public, .. }) => self.go_outside(*public),
            _ => self.nobody_here(),
        }
    }

    /// On the edge.
    fn go_outside(&mut self, public: IpAddr) -> End {
        let (source, destination) = (self.packet.source, self.packet.destination);
        if !self.maps.is_edge {
            self.say("no_edge", "this host is no edge");
            return End::Dropped("edge_off");
        }
        if let Some(Entry::Eip { vni, target, .. }) = self.maps.table.get(&EntryKey::Eip(destination)) {
            self.say(
                "hairpin",
                format!("{source} becomes {public}, and the EIP {destination} leads back in, to {target}"),
            );
            (self.packet.source, self.packet.vni) = (public, *vni);
            return self.enter(*target);
        }
        let is_host = self.maps.table.values().any(|entry| *entry == Entry::Host { underlay: destination });
        if is_host {
            self.say("to_underlay", format!("{destination} is a host of the fabric"));
            return End::Dropped("to_underlay");
        }
        let pools = self.maps.table.iter().filter_map(|(key, entry)| match (key, entry) {
            (EntryKey::Pool(net), Entry::Pool { gateway }) if net.contains(&public) => Some((*net, *gateway)),
            _ => None,
        });
        let Some((_, gateway)) = pools.max_by_key(|(net, _)| net.prefix_len()) else {
            self.say("no_pool", format!("{public} is of no pool of this edge"));
            return End::Dropped("edge_off");
        };
        self.packet.source = public;
        let by = gateway.map_or("to it itself".into(), |gateway| format!("by the router {gateway}"));
        self.say("translated", format!("{source} becomes its EIP {public}, and it leaves {by}"));
        End::Outside
    }
}

/// An address that is nowhere outside (RFC 1918, 6598, 3927, 4193): without an EIP it was meant for the VPC.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            address.is_private() || address.is_link_local() || a == 100 && b & 0xc0 == 64
        }
        IpAddr::V6(address) => address.is_unique_local(),
    }
}
