//! Configuration entries: written as map entries, all or nothing, and read back.

pub(crate) mod decode;
mod encode;
pub(crate) mod groups;

use crate::{
    Switch,
    error::{EntryError, MapError},
    layout::{self, AddressKey, AddressPortKey, Plain},
};
use encode::Write;
use havip_model::{PortNumber, VipKey};
use havip_reconcile::table::{Entry, EntryKey};
use libbpf_rs::{MapCore, MapFlags};
use std::collections::{BTreeMap, BTreeSet};

impl Switch {
    /// Writes an entry, over the one that is there. After an error everything is as before.
    pub fn put(&self, key: &EntryKey, entry: &Entry) -> Result<(), EntryError> {
        let mut writes = encode::writes(key, entry)?;
        let mut entitlements = self.entitlements.lock().expect("no holder of the lock panics");
        let mut is_new = false;
        if let EntryKey::Entitled(vip, port) = key {
            is_new = entitlements.add(*vip, *port);
            writes.extend(entitlements.indices(*vip, *port));
        }
        let result = self.replace(key, Some(entry), writes);
        if let (Ok(()), EntryKey::Group(edition), Entry::Group(compiled)) = (&result, key, entry) {
            self.groups().insert(*edition, (**compiled).clone());
        }
        if let (Err(_), true, EntryKey::Entitled(vip, port)) = (&result, is_new, key) {
            entitlements.take(*vip, *port);
        }
        result
    }

    /// Removes an entry; one that is not there is fine. After an error everything is as before.
    pub fn remove(&self, key: &EntryKey) -> Result<(), EntryError> {
        let mut writes: Vec<_> =
            encode::keys(key).into_iter().map(|(map, key)| Write { map, key, value: None }).collect();
        let mut entitlements = self.entitlements.lock().expect("no holder of the lock panics");
        let mut was_there = false;
        if let EntryKey::Entitled(vip, port) = key {
            was_there = entitlements.take(*vip, *port);
            writes.extend(entitlements.indices(*vip, *port));
        }
        let result = self.replace(key, None, writes);
        match (&result, key) {
            (Ok(()), EntryKey::Group(edition)) => _ = self.groups().remove(edition),
            (Ok(()), EntryKey::Port(port)) => self.forget_flows(*port),
            _ => {}
        }
        if let (Err(_), true, EntryKey::Entitled(vip, port)) = (&result, was_there, key) {
            entitlements.add(*vip, *port);
        }
        result
    }

    /// Forgets the connections of a port that is no more.
    fn forget_flows(&self, port: PortNumber) {
        for set in 0..layout::FLOW_SETS {
            let key = layout::FlowKey { port: port.get(), set };
            if let Err(error) = self.delete("flows", key.bytes()) {
                tracing::warn!(%port, %error, "could not forget the port's connections");
                return;
            }
        }
    }

    /// Performs the writes after the removals that the old entry makes necessary.
    fn replace(&self, key: &EntryKey, entry: Option<&Entry>, writes: Vec<Write>) -> Result<(), EntryError> {
        let mut all = self.leftovers(key, entry).map_err(|source| EntryError::Map { key: *key, source })?;
        all.extend(writes);
        self.perform(all).map_err(|source| EntryError::Map { key: *key, source })
    }

    /// What the maps hold now.
    pub fn entries(&self) -> Result<BTreeMap<EntryKey, Entry>, MapError> {
        let mut entries = BTreeMap::new();
        for map in decode::MAPS {
            let handle = self.map(map);
            for key in handle.keys() {
                let read = handle.lookup(&key, MapFlags::ANY);
                let value = read.map_err(|source| MapError::Kernel { what: "read", map, source })?;
                let Some(value) = value else { continue }; // removed meanwhile
                entries.extend(decode::entry(map, &key, &value).ok_or(MapError::Foreign { map })?);
            }
        }
        let groups = groups::read(self)?.into_iter();
        entries.extend(
            groups.map(|(edition, tables)| (EntryKey::Group(edition), Entry::Group(Box::new(tables)))),
        );
        Ok(entries)
    }

    /// The removal of what an entry wrote under another key; none if another entry has taken that over since, as entries
    /// are put before others are removed.
    fn own_index<T: Plain>(
        &self,
        map: &'static str,
        key: &[u8],
        is_own: impl FnOnce(T) -> bool,
    ) -> Result<Option<Write>, MapError> {
        let by: Option<T> = self.read(map, key, MapFlags::ANY)?;
        Ok(by.is_some_and(is_own).then(|| Write { map, key: key.to_vec(), value: None }))
    }

    /// Removals of what the old entry wrote under keys that the new one does not use, and kept measurements.
    fn leftovers(&self, key: &EntryKey, entry: Option<&Entry>) -> Result<Vec<Write>, MapError> {
        let mut writes = vec![];
        match key {
            EntryKey::Host(host) => {
                let number = host.get().to_ne_bytes();
                let new = match entry {
                    Some(Entry::Host { underlay }) => Some(layout::octets(*underlay)),
                    _ => None,
                };
                let old: Option<layout::Host> = self.read("hosts", &number, MapFlags::ANY)?;
                if let Some(old) = old.filter(|old| Some(old.underlay) != new) {
                    let is_own = |by: layout::Peer| by.host == host.get();
                    writes.extend(self.own_index("peers", &old.underlay, is_own)?);
                }
            }
            EntryKey::Port(port) => {
                let number = port.get().to_ne_bytes();
                let new = match entry {
                    Some(Entry::Port(port)) => Some(port),
                    _ => None,
                };
                let old: Option<layout::Port> = self.read("ports", &number, MapFlags::ANY)?;
                if let Some(old) = old {
                    if new.is_none_or(|new| new.ifindex != old.ifindex) {
                        let is_own = |by: layout::Port| by.number == port.get();
                        writes.extend(self.own_index("devices", &old.ifindex.to_ne_bytes(), is_own)?);
                    }
                    if new.is_none_or(|new| new.mac.0 != old.mac) {
                        let key = layout::MacKey { subnet: 0, mac: old.mac, zero: [0; 2] };
                        let is_own = |by: layout::MacValue| by.port == port.get();
                        writes.extend(self.own_index("macs", key.bytes(), is_own)?);
                    }
                }
            }
            EntryKey::Segment(subnet) => {
                let new = match entry {
                    Some(Entry::Segment { vlan, .. }) => Some(vlan.unwrap_or(0)),
                    _ => None,
                };
                let old: Option<layout::Segment> =
                    self.read("segments", &subnet.get().to_ne_bytes(), MapFlags::ANY)?;
                if let Some(old) = old.filter(|old| Some(old.vlan) != new) {
                    let is_own = |by: u32| by == subnet.get();
                    writes.extend(self.own_index("vlans", &u32::from(old.vlan).to_ne_bytes(), is_own)?);
                }
            }
            EntryKey::Group(edition) => {
                let new = match entry {
                    Some(Entry::Group(compiled)) => Some(&**compiled),
                    _ => None,
                };
                if let Some(old) = self.groups().get(edition) {
                    writes.extend(groups::leftovers(*edition, old, new));
                }
            }
            _ => {}
        }
        Ok(writes)
    }

    /// Performs the writes in order; if one fails, undoes those before it in reverse order.
    fn perform(&self, writes: Vec<Write>) -> Result<(), MapError> {
        let mut done: Vec<Write> = vec![];
        for mut write in writes {
            let handle = self.map(write.map);
            let before = handle.lookup(&write.key, MapFlags::ANY).map_err(|source| MapError::Kernel {
                what: "read",
                map: write.map,
                source,
            })?;
            if let ("peers", Some(new), Some(old)) = (write.map, &mut write.value, &before) {
                // What overlay_rx measured stays; the host is the new one.
                let host = std::mem::offset_of!(layout::Peer, host);
                let host = host..host + size_of::<u32>();
                let (number, whole) = (new[host.clone()].to_vec(), old.clone());
                *new = whole;
                new[host].copy_from_slice(&number);
            }
            let undo = Write { map: write.map, key: write.key.clone(), value: before };
            match self.perform_one(&write) {
                Ok(()) => done.push(undo),
                Err(error) => {
                    for undo in done.into_iter().rev() {
                        if let Err(error) = self.perform_one(&undo) {
                            tracing::error!(map = undo.map, %error, "could not undo a map entry");
                        }
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn perform_one(&self, write: &Write) -> Result<(), MapError> {
        match &write.value {
            Some(value) => self.write(write.map, &write.key, value),
            None => self.delete(write.map, &write.key),
        }
    }
}

/// Who is entitled to what, by VIP: the maps answer only "this port to this VIP?".
#[derive(Debug, Default)]
pub(crate) struct Entitlements {
    ports: BTreeMap<VipKey, BTreeSet<PortNumber>>,
    /// How many VIPs two ports share, on both sides; a port with itself, too.
    shared: BTreeMap<PortNumber, BTreeMap<PortNumber, u32>>,
}

impl Entitlements {
    /// What the pinned map holds.
    pub(crate) fn read(switch: &Switch) -> Result<Self, MapError> {
        let foreign = || MapError::Foreign { map: "entitled" };
        let mut found = Self::default();
        for key in switch.map("entitled").keys() {
            let key = AddressPortKey::read(&key).ok_or_else(foreign)?;
            let vip = key.key().ok_or_else(foreign)?;
            found.add(vip, PortNumber::new(key.port).map_err(|_| foreign())?);
        }
        Ok(found)
    }

    /// False: it was there.
    fn add(&mut self, vip: VipKey, port: PortNumber) -> bool {
        let ports = self.ports.entry(vip).or_default();
        let is_new = ports.insert(port);
        if is_new {
            for (one, other) in pairs(ports, port) {
                *self.shared.entry(one).or_default().entry(other).or_default() += 1;
            }
        }
        is_new
    }

    /// False: it was not there.
    fn take(&mut self, vip: VipKey, port: PortNumber) -> bool {
        let Some(ports) = self.ports.get_mut(&vip).filter(|ports| ports.contains(&port)) else {
            return false;
        };
        for (one, other) in pairs(ports, port) {
            let fellows = self.shared.get_mut(&one).expect("add counted both");
            let count = fellows.get_mut(&other).expect("add counted both");
            *count -= 1;
            if *count == 0 {
                fellows.remove(&other);
            }
            if fellows.is_empty() {
                self.shared.remove(&one);
            }
        }
        ports.remove(&port);
        if ports.is_empty() {
            self.ports.remove(&vip);
        }
        true
    }

    /// The maps that say the same from the other side: the VIP's ports, and for each port that this touches those
    /// that share a VIP with it.
    fn indices(&self, vip: VipKey, port: PortNumber) -> Vec<Write> {
        let ports = self.ports.get(&vip);
        let key = AddressKey::vip(vip).bytes().to_vec();
        let mut writes = vec![Write { map: "circles", key, value: ports.map(circle) }];
        let touched: BTreeSet<_> = ports.into_iter().flatten().chain([&port]).collect();
        for port in touched {
            let fellows = self.shared.get(port).map(|fellows| circle(fellows.keys()));
            writes.push(Write { map: "associated", key: port.get().to_ne_bytes().to_vec(), value: fellows });
        }
        writes
    }
}

/// A port with each of a VIP's ports, itself among them, both ways round.
fn pairs(ports: &BTreeSet<PortNumber>, port: PortNumber) -> Vec<(PortNumber, PortNumber)> {
    let others = ports.iter().copied().filter(|other| *other != port);
    others.flat_map(|other| [(port, other), (other, port)]).chain([(port, port)]).collect()
}

/// As many of the ports as a circle has room for.
fn circle<'a>(ports: impl IntoIterator<Item = &'a PortNumber>) -> Vec<u8> {
    let mut circle = layout::Circle::zeroed();
    for (slot, port) in circle.ports.iter_mut().zip(ports) {
        *slot = port.get();
        circle.count += 1;
    }
    circle.bytes().to_vec()
}
