//! What a written entry means for the claim machine: the one place where steps become its events.

use havip_claim::keeper::{Event, Kind};
use havip_model::{PortState, VipKey};
use havip_reconcile::table::{Address, Entry, EntryKey};

/// The events that follow from an entry that stood and the one that stands now under the same key.
///
/// To be told *after* the write, as the machine takes the switch's maps for granted (rule C7).
pub fn events(key: EntryKey, before: Option<&Entry>, now: Option<&Entry>) -> Vec<Event> {
    let mut events = Vec::new();
    match key {
        EntryKey::Members(vni) => match (before.is_some(), now.is_some()) {
            (false, true) => events.push(Event::VpcJoined(vni)),
            (true, false) => events.push(Event::VpcLeft(vni)),
            _ => {}
        },
        EntryKey::Address(vni, address) => {
            // An external subnet's active edge has its record under the network's address.
            let made = |entry: Option<&Entry>| match entry {
                Some(Entry::Address(Address::Vip { incarnation, .. })) => Some((*incarnation, Kind::Vip)),
                Some(Entry::Address(Address::Segment { incarnation, .. })) => Some((*incarnation, Kind::Eip)),
                _ => None,
            };
            let key = VipKey { vni, address };
            match (made(before), made(now)) {
                (before, Some(made)) if before != Some(made) => {
                    events.push(Event::Configured { key, incarnation: made.0, kind: made.1 });
                }
                (Some(_), None) => events.push(Event::Removed(key)),
                _ => {}
            }
        }
        EntryKey::Nat(vni, _) => {
            // The active edge's record is kept under the public address.
            let eip = |entry: Option<&Entry>| match entry {
                Some(Entry::Nat { public, incarnation }) => Some((*public, *incarnation)),
                _ => None,
            };
            let (before, now) = (eip(before), eip(now));
            let public = |eip: (_, _)| VipKey { vni, address: eip.0 };
            if let Some(old) = before.filter(|old| now.is_none_or(|new| new.0 != old.0)) {
                events.push(Event::Removed(public(old)));
            }
            if let Some(new) = now.filter(|_| now != before) {
                events.push(Event::Configured { key: public(new), incarnation: new.1, kind: Kind::Eip });
            }
        }
        EntryKey::Entitled(key, port) => {
            let may_claim =
                |entry: Option<&Entry>| matches!(entry, Some(Entry::Entitled { direct_return: false }));
            match (may_claim(before), may_claim(now)) {
                (false, true) => events.push(Event::Entitled { key, port }),
                (true, false) => events.push(Event::Disentitled { key, port }),
                _ => {}
            }
        }
        EntryKey::Port(port) => {
            let active = |entry: Option<&Entry>| match entry {
                Some(Entry::Port(port)) if port.state != PortState::Inactive => Some(port.vni),
                _ => None,
            };
            match (active(before), active(now)) {
                (None, Some(vni)) => events.push(Event::PortUp { port, vni }),
                // What migrates is not dead: nobody may speak for it.
                (Some(_), None) if is_migrating(before) => events.push(Event::PortLeft(port)),
                (Some(_), None) => events.push(Event::PortDown(port)),
                _ => {}
            }
        }
        EntryKey::Host(_)
        | EntryKey::Relayed(_)
        | EntryKey::Subnet(_)
        | EntryKey::Mac(..)
        | EntryKey::AdvertSource(..)
        | EntryKey::Route(..)
        | EntryKey::Eip(_)
        | EntryKey::Pool(_)
        | EntryKey::Segment(_)
        | EntryKey::Group(_)
        | EntryKey::Membership(_) => {}
    }
    events
}

fn is_migrating(entry: Option<&Entry>) -> bool {
    matches!(entry, Some(Entry::Port(port)) if port.state == PortState::MigratingOut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::{Incarnation, PortNumber, SubnetNumber, Vni};
    use std::net::IpAddr;

    fn vni() -> Vni {
        Vni::new(9).unwrap()
    }
    fn key(last: u8) -> VipKey {
        VipKey { vni: vni(), address: [10, 0, 0, last].into() }
    }
    fn vip(incarnation: u64) -> Entry {
        let subnet = SubnetNumber::MIN;
        Entry::Address(Address::Vip {
            subnet,
            incarnation: Incarnation(incarnation),
            subnet_binding: false,
            hold: false,
        })
    }

    #[test]
    fn a_vip_is_configured_anew_only_by_another_incarnation() {
        let at = EntryKey::Address(vni(), key(1).address);
        let configured = |incarnation| {
            vec![Event::Configured { key: key(1), incarnation: Incarnation(incarnation), kind: Kind::Vip }]
        };
        assert_eq!(events(at, None, Some(&vip(1))), configured(1));
        assert_eq!(events(at, Some(&vip(1)), Some(&vip(1))), vec![]);
        assert_eq!(events(at, Some(&vip(1)), Some(&vip(2))), configured(2));
        assert_eq!(events(at, Some(&vip(1)), None), vec![Event::Removed(key(1))]);
        let gateway = Entry::Address(Address::Gateway { subnet: SubnetNumber::MIN });
        assert_eq!(events(at, Some(&vip(1)), Some(&gateway)), vec![Event::Removed(key(1))]);
    }

    #[test]
    fn an_eip_is_a_record_under_its_public_address() {
        let at = EntryKey::Nat(vni(), key(1).address);
        let nat = |public: [u8; 4]| Entry::Nat { public: public.into(), incarnation: Incarnation(4) };
        let public = |public: [u8; 4]| VipKey { vni: vni(), address: IpAddr::from(public) };
        let one = public([203, 0, 113, 1]);
        let two = public([203, 0, 113, 2]);
        let configured = |key| Event::Configured { key, incarnation: Incarnation(4), kind: Kind::Eip };
        let (first, second) = (nat([203, 0, 113, 1]), nat([203, 0, 113, 2]));
        assert_eq!(events(at, None, Some(&first)), vec![configured(one)]);
        assert_eq!(events(at, Some(&first), Some(&second)), vec![Event::Removed(one), configured(two)]);
        assert_eq!(events(at, Some(&first), None), vec![Event::Removed(one)]);
    }

    #[test]
    fn only_a_port_that_was_not_migrating_went_down() {
        let port = PortNumber::MIN;
        let in_state = |state| {
            Entry::Port(havip_reconcile::table::Port {
                ifindex: 1,
                is_veth: true,
                vni: vni(),
                subnet: SubnetNumber::MIN,
                mac: havip_model::MacAddr::ZERO,
                virtual_mac: havip_model::MacAddr::ZERO,
                primary: None,
                primary6: None,
                mtu: 1500,
                source_dest_check: true,
                is_awaited: false,
                state,
                editions: None,
            })
        };
        let at = EntryKey::Port(port);
        let (active, leaving) = (in_state(PortState::Active), in_state(PortState::MigratingOut));
        let inactive = in_state(PortState::Inactive);
        assert_eq!(events(at, Some(&active), Some(&leaving)), vec![], "it passes on until acknowledged");
        for now in [None, Some(&inactive)] {
            assert_eq!(events(at, Some(&active), now), vec![Event::PortDown(port)]);
            assert_eq!(events(at, Some(&leaving), now), vec![Event::PortLeft(port)]);
        }
    }

    #[test]
    fn a_port_that_may_only_send_from_a_vip_is_not_entitled_to_claim_it() {
        let port = PortNumber::MIN;
        let at = EntryKey::Entitled(key(1), port);
        let entry = |direct_return| Entry::Entitled { direct_return };
        assert_eq!(events(at, None, Some(&entry(true))), vec![]);
        assert_eq!(events(at, None, Some(&entry(false))), vec![Event::Entitled { key: key(1), port }]);
        let gone = vec![Event::Disentitled { key: key(1), port }];
        assert_eq!(events(at, Some(&entry(false)), Some(&entry(true))), gone);
        assert_eq!(events(at, Some(&entry(false)), None), gone);
    }
}
