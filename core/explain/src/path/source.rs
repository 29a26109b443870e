//! Who a port says it is.

use super::Walk;
use havip_model::{PortNumber, VipKey, is_link_local};
use havip_reconcile::table::{Address, Entry, EntryKey, Port};
use std::net::IpAddr;

impl Walk<'_> {
    /// Whether the port may send from the packet's source; else the reason.
    pub(super) fn judge_source(&mut self, number: PortNumber, port: &Port) -> Result<(), &'static str> {
        let source = self.packet.source;
        if [port.primary, port.primary6].contains(&Some(source)) {
            self.say("source_own", format!("{source} is the interface's own address"));
            return Ok(());
        }
        if let Some(reason) = odd(source, "source_odd") {
            self.say("source_odd", format!("{source} is no address that a host may send from"));
            return Err(reason);
        }
        let refused = |walk: &mut Self, text: &str, reason| {
            walk.say("source_foreign", format!("{source} {text}"));
            Err(reason)
        };
        if is_link_local(source) {
            let its = IpAddr::V6(port.mac.link_local()) == source;
            return match its {
                true => {
                    self.say("source_own", format!("{source} is the interface's link-local address"));
                    Ok(())
                }
                false => refused(self, "is not the interface's link-local address", "source_address"),
            };
        }
        let key = self.key(source);
        match self.maps.table.get(&EntryKey::Address(key.vni, source)) {
            Some(Entry::Address(Address::Vip { .. })) => self.judge_vip_source(key, number),
            Some(Entry::Address(Address::Gateway { .. } | Address::Segment { .. })) => {
                refused(self, "is the gateway's address", "source_address")
            }
            Some(Entry::Address(Address::Interface { port: of, .. })) if *of == number => {
                self.say("source_own", format!("{source} is an address of the interface"));
                Ok(())
            }
            _ if port.source_dest_check => refused(
                self,
                "is not an address of the interface, whose source/destination check is on",
                "source_address",
            ),
            _ => {
                self.say(
                    "source_unchecked",
                    format!(
                        "{source} is somebody else's, and the interface's source/destination check is off"
                    ),
                );
                Ok(())
            }
        }
    }

    fn judge_vip_source(&mut self, vip: VipKey, number: PortNumber) -> Result<(), &'static str> {
        let address = vip.address;
        let may_claim = self.may_claim(vip, number);
        let holds =
            self.holder(vip).is_some_and(|holder| (holder.host, holder.port) == (self.maps.host, number));
        if holds && may_claim {
            self.say("source_held", format!("{address} is a VIP that the port holds"));
            return Ok(());
        }
        if self.returns_directly(vip, number) {
            self.say(
                "source_direct_return",
                format!("{address} is a VIP that the port may send from without holding it (direct-return)"),
            );
            return Ok(());
        }
        if may_claim {
            self.say(
                "source_not_held",
                format!("{address} is a VIP that the port may claim and does not hold"),
            );
            return Err("vip_not_held");
        }
        self.say("source_foreign", format!("{address} is a VIP that the port is not associated with"));
        Err("source_address")
    }

    /// The port may claim the VIP (C2).
    pub(super) fn may_claim(&self, vip: VipKey, number: PortNumber) -> bool {
        let of = |number| match self.maps.table.get(&EntryKey::Port(number)) {
            Some(Entry::Port(port)) => Some(port.subnet),
            _ => None,
        };
        if let Some(Entry::Address(Address::Vip { subnet, subnet_binding: true, .. })) =
            self.maps.table.get(&EntryKey::Address(vip.vni, vip.address))
            && of(number) == Some(*subnet)
        {
            return true;
        }
        let entry = self.maps.table.get(&EntryKey::Entitled(vip, number));
        matches!(entry, Some(Entry::Entitled { direct_return: false }))
    }

    pub(super) fn returns_directly(&self, vip: VipKey, number: PortNumber) -> bool {
        let entry = self.maps.table.get(&EntryKey::Entitled(vip, number));
        matches!(entry, Some(Entry::Entitled { direct_return: true }))
    }
}

/// Why no packet has this address; none if one may.
pub(super) fn odd(address: IpAddr, nobodys: &'static str) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => {
            let first = address.octets()[0];
            (first == 0 || first == 127 || first >= 224).then_some(nobodys)
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h] = address.segments();
            let is_odd = [a, b, c, d, e] == [0; 5] && (f == 0 || f == 0xffff);
            let says_ipv4 = f != 0 || g != 0 || h > 1;
            match is_odd {
                true if says_ipv4 => Some("mapped"),
                true => Some(nobodys),
                false => address.is_multicast().then_some(nobodys),
            }
        }
    }
}
