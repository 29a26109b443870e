//! Ports: devices that become part of the switch, and leave it without a gap.
//!
//! In: entry (inactive), program, device up, carrier, entry active. Out: entry inactive, device down, program off,
//! entry gone. The first protects others from a guest that nobody checks, the second its own packets from the host.

use super::Engine;
use super::drill::Drills;
use super::program::chain;
use crate::devices::quiet;
use anyhow::Context;
use havip_model::{Driver, InterfaceId, PortNumber, PortState, Vni};
use havip_netlink::{GuestInterface, Link, LinkEvent, Namespace, VethEnd, VethSpec, create_tap};
use havip_reconcile::compile::Device;
use havip_reconcile::item::{Item, ItemKey, PortItem};
use havip_reconcile::table::{Entry, EntryKey};
use std::collections::BTreeMap;

/// The ports of this host that have a device.
#[derive(Debug, Default)]
pub struct Ports {
    plugged: BTreeMap<InterfaceId, Plugged>,
    /// Ports whose link is taken away on purpose.
    pub(super) drills: Drills,
    /// Something has changed that may let a port be plugged, or make it unplugged.
    is_due: bool,
}

/// A device in the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plugged {
    port: PortNumber,
    vni: Vni,
    name: String,
    ifindex: u32,
    is_veth: bool,
    /// Made by this agent, which removes it too.
    is_ours: bool,
    has_carrier: bool,
    guest: Guest,
}

/// Where the guest of a port is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guest {
    /// Here, as far as anybody knows.
    Here,
    /// On its way here: the port comes up with its first frame.
    Awaited,
    /// It has left for another host.
    Left,
}

impl Ports {
    /// Something has changed: ports are looked at again.
    pub fn look_again(&mut self) {
        self.is_due = true;
    }

    /// Whether ports are to be looked at again.
    pub fn is_due(&self) -> bool {
        self.is_due
    }

    /// Whether this interface has a device.
    pub fn has(&self, interface: &InterfaceId) -> bool {
        self.plugged.contains_key(interface)
    }

    /// The device of a port, and whose it is.
    pub(super) fn device_of(&self, port: PortNumber) -> Option<(InterfaceId, u32)> {
        let found = self.plugged.iter().find(|(_, plugged)| plugged.port == port);
        found.map(|(interface, plugged)| (*interface, plugged.ifindex))
    }

    /// The port whose device this is.
    pub(super) fn port_at(&self, ifindex: u32) -> Option<PortNumber> {
        self.plugged.values().find(|plugged| plugged.ifindex == ifindex).map(|plugged| plugged.port)
    }

    /// Where the guest of a port is, to be changed.
    pub(super) fn guest_of(&mut self, interface: &InterfaceId) -> Option<&mut Guest> {
        self.plugged.get_mut(interface).map(|plugged| &mut plugged.guest)
    }

    /// How many there are, and how many of them have carrier.
    pub fn counts(&self) -> (usize, usize) {
        (self.plugged.len(), self.plugged.values().filter(|plugged| plugged.has_carrier).count())
    }
}

impl Engine {
    /// Unplugs what should not be and plugs what can be; says whether anything was done.
    pub(super) async fn sync_ports(&mut self) -> bool {
        if !std::mem::take(&mut self.ports.is_due) {
            return false;
        }
        let mut done = self.follow_migrations();
        let wanted: BTreeMap<InterfaceId, PortItem> =
            self.port_items().map(|port| (port.interface, port.clone())).collect();
        for (interface, plugged) in self.ports.plugged.clone() {
            let stays = wanted.get(&interface).is_some_and(|item| match &item.device {
                Some(device) => *device == plugged.name,
                None => plugged.is_ours,
            });
            if !stays {
                self.unplug(interface).await;
                done = true;
            }
        }
        for (interface, item) in &wanted {
            if self.ports.has(interface) {
                continue;
            }
            match self.plug(item).await {
                Ok(plugged) => {
                    done |= plugged;
                    self.faults.items.remove(&ItemKey::Port(*interface));
                }
                Err(error) => {
                    let reason = format!("{error:#}");
                    self.outbox.port(item.port, false, &reason);
                    let before = self.faults.items.insert(ItemKey::Port(*interface), reason.clone());
                    if before.as_ref() != Some(&reason) {
                        tracing::warn!(port = %item.port, reason, "could not plug a port");
                    }
                }
            }
        }
        let gone = |key: &ItemKey| matches!(key, ItemKey::Port(port) if !wanted.contains_key(port));
        self.faults.items.retain(|key, _| !gone(key));
        done
    }

    /// Plugs a port if its device is there, or can be made now; false if it has to wait for its instance.
    async fn plug(&mut self, item: &PortItem) -> anyhow::Result<bool> {
        let name = item.device.clone().unwrap_or_else(|| self.config.port_device(item.port));
        let is_ours = item.device.is_none();
        let link = match (self.links.by_name(&name).await?, is_ours) {
            // An earlier life of this agent made it, and its guest may be sending right now.
            (Some(link), true) => link,
            (_, false) => self.links.check_pluggable(&name).await?,
            (None, true) if self.is_of_machine(item) => match self.make_tap(item, &name).await? {
                Some(link) => link,
                None => return Ok(false),
            },
            (None, true) => {
                let namespace = item.instance.and_then(|(instance, _)| self.guests.namespace(instance));
                let Some(namespace) = namespace else { return Ok(false) };
                self.make_veth(item, &name, &namespace).await?
            }
        };
        let was_in_switch = self.is_in_switch(item.port, link.index);
        if link.is_up && !was_in_switch {
            // A device of somebody else's: whatever it carried must not meet an unguarded host.
            self.links.set_down(link.index).await?;
        }
        quiet(&name)?;

        let (ifindex, is_veth) = (link.index, link.kind == "veth");
        let guest = if item.is_awaited_at(self.host) { Guest::Awaited } else { Guest::Here };
        let plugged = Plugged {
            port: item.port,
            vni: item.vni,
            name,
            ifindex,
            is_veth,
            is_ours,
            has_carrier: false,
            guest,
        };
        self.ports.plugged.insert(item.interface, plugged);
        self.renew_device(item.interface);
        self.program();
        let attached = async {
            self.switch.attach_port(ifindex).context("could not attach the switch")?;
            self.links.set_up(ifindex).await.context("could not set the device up")
        };
        if let Err(error) = attached.await {
            self.unplug(item.interface).await;
            return Err(error);
        }
        tracing::info!(port = %item.port, device = self.name_of(&item.interface), "port plugged");
        // The kernel may have told of the carrier before anybody knew this port.
        if let Some(link) = self.links.by_index(ifindex).await? {
            self.carrier(item.interface, link.has_carrier);
        }
        Ok(true)
    }

    fn is_in_switch(&self, port: PortNumber, ifindex: u32) -> bool {
        let entry = self.observed.get(&EntryKey::Port(port));
        matches!(entry, Some(Entry::Port(port)) if port.ifindex == ifindex)
            // Guarded by the program of an earlier version, whose entries are not ours to read.
            || self.switch.is_behind() && self.switch.guards(ifindex)
    }

    fn is_active_in_switch(&self, port: PortNumber) -> bool {
        let entry = self.observed.get(&EntryKey::Port(port));
        matches!(entry, Some(Entry::Port(port)) if port.state != PortState::Inactive)
    }

    /// Takes over the ports of an earlier life of this agent, as they are: packets go on through them.
    ///
    /// Devices that it made and that nobody wants any more are removed.
    pub(super) async fn adopt_ports(&mut self) -> anyhow::Result<()> {
        let links = self.links.list().await?;
        let wanted: BTreeMap<String, PortItem> = self
            .port_items()
            .map(|item| {
                (item.device.clone().unwrap_or_else(|| self.config.port_device(item.port)), item.clone())
            })
            .collect();
        for link in links {
            match wanted.get(&link.name) {
                Some(item) if self.is_in_switch(item.port, link.index) => {
                    tracing::info!(port = %item.port, device = link.name, "port found plugged");
                    let is_awaited = item.is_awaited_at(self.host);
                    let has_arrived = is_awaited && self.is_active_in_switch(item.port);
                    let plugged = Plugged {
                        port: item.port,
                        vni: item.vni,
                        is_veth: link.kind == "veth",
                        is_ours: item.device.is_none(),
                        has_carrier: link.has_carrier,
                        ifindex: link.index,
                        name: link.name,
                        guest: if is_awaited && !has_arrived { Guest::Awaited } else { Guest::Here },
                    };
                    self.ports.plugged.insert(item.interface, plugged);
                    self.renew_device(item.interface);
                    if has_arrived {
                        self.say_arrived(item.interface, item.port);
                    }
                    if !link.is_up {
                        // An earlier life ended in the middle of a drill.
                        self.switch.attach_port(link.index)?;
                        self.links.set_up(link.index).await?;
                    }
                }
                Some(_) => {} // to be plugged like a new one
                None if self.config.is_port_device(&link.name) => {
                    tracing::info!(device = link.name, "removing a device that nobody wants any more");
                    self.switch.detach_port(link.index)?;
                    self.links.delete(link.index).await?;
                }
                None => {}
            }
        }
        self.ports.look_again();
        Ok(())
    }

    fn name_of(&self, interface: &InterfaceId) -> Option<&str> {
        self.ports.plugged.get(interface).map(|plugged| plugged.name.as_str())
    }

    fn is_of_machine(&self, item: &PortItem) -> bool {
        let instance = item.instance.and_then(|(id, _)| self.desired.items().get(&ItemKey::Instance(id)));
        matches!(instance, Some(Item::Instance(instance)) if instance.driver == Driver::Qemu)
    }

    /// A tap for a machine that is being started; it is there as long as somebody has it open.
    async fn make_tap(&mut self, item: &PortItem, name: &str) -> anyhow::Result<Option<Link>> {
        let Some((instance, _)) = item.instance.filter(|(id, _)| self.guests.wants_tap(*id)) else {
            return Ok(None);
        };
        let tap = create_tap(name)?;
        let link = self.links.by_name(name).await?.context("the tap vanished while it was made")?;
        self.links.set_mtu(link.index, u32::from(item.mtu)).await?;
        self.guests.keep_tap(instance, item.interface, tap);
        Ok(Some(link))
    }

    /// A veth whose far end is the guest's interface, as a cloud image would have configured it.
    async fn make_veth(&self, item: &PortItem, name: &str, guest: &Namespace) -> anyhow::Result<Link> {
        let position = item.instance.map_or(0, |(_, position)| position);
        let far_name = format!("{}g{}", self.config.device_prefix, item.port);
        let mtu = u32::from(item.mtu);
        let near = VethEnd { name, mac: None, mtu };
        let far = VethEnd { name: &far_name, mac: Some(item.mac), mtu };
        // Left behind by a life that ended between the two steps below.
        self.links.delete_by_name(&far_name).await?;
        let ifindex = self.links.create_veth(VethSpec { near, far, far_namespace: None }).await?;
        let interface = GuestInterface {
            device: far_name,
            name: format!("eth{position}"),
            mac: None,
            addresses: item.addresses.clone(),
            // The default route is the first interface's, as in a cloud image.
            gateways: if position == 0 { item.gateways.clone() } else { vec![] },
            mtu,
        };
        let equipped = async {
            self.links.equip(guest, &[interface]).await?;
            anyhow::Ok(self.links.by_index(ifindex).await?.context("the device vanished while it was made")?)
        };
        let equipped = equipped.await;
        if equipped.is_err() {
            // The first failure is the one to tell.
            let _ = self.links.delete(ifindex).await;
        }
        equipped
    }

    /// Takes a port out: what it held is released before its device goes down.
    pub(super) async fn unplug(&mut self, interface: InterfaceId) {
        self.carrier(interface, false);
        self.program();
        let Some(plugged) = self.ports.plugged.remove(&interface) else { return };
        if let Err(error) = self.switch.detach_port(plugged.ifindex) {
            tracing::warn!(port = %plugged.port, error = chain(&error), "could not take the switch off a device");
        }
        self.touched.extend(self.desired.plug(interface, None));
        self.program();
        if plugged.is_ours
            && let Err(error) = self.links.delete(plugged.ifindex).await
        {
            tracing::warn!(port = %plugged.port, error = chain(&error), "could not remove a device");
        }
        self.outbox.forget_port(plugged.port);
        tracing::info!(port = %plugged.port, device = plugged.name, "port unplugged");
    }

    /// What the kernel says about a device.
    pub(super) async fn link_changed(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Changed(link) => {
                // The event may be older than what was read when the port was plugged: what is now counts.
                let link = match self.links.by_index(link.index).await {
                    Ok(Some(link)) => link,
                    Ok(None) | Err(_) => return, // gone already, which is an event of its own
                };
                self.edge_changed(&link, link.has_carrier);
                match self.interface_of(link.index) {
                    Some(interface) => self.carrier(interface, link.has_carrier),
                    None => self.device_appeared(&link.name),
                }
            }
            LinkEvent::Deleted(link) => {
                self.edge_changed(&link, false);
                if let Some(interface) = self.interface_of(link.index) {
                    self.unplug(interface).await;
                    self.ports.look_again();
                }
            }
            LinkEvent::Missed => self.look_at_all_links().await,
        }
    }

    /// Events were lost: every device is looked at again.
    async fn look_at_all_links(&mut self) {
        let links = match self.links.list().await {
            Ok(links) => links,
            Err(error) => return tracing::error!(error = chain(&error), "could not list the devices"),
        };
        for (interface, plugged) in self.ports.plugged.clone() {
            match links.iter().find(|link| link.index == plugged.ifindex) {
                Some(link) => self.carrier(interface, link.has_carrier),
                None => self.unplug(interface).await,
            }
        }
        self.ports.look_again();
    }

    fn interface_of(&self, ifindex: u32) -> Option<InterfaceId> {
        let mut ports = self.ports.plugged.iter();
        ports.find(|(_, plugged)| plugged.ifindex == ifindex).map(|(interface, _)| *interface)
    }

    fn device_appeared(&mut self, name: &str) {
        if self.port_items().any(|port| port.device.as_deref() == Some(name)) {
            self.ports.look_again();
        }
    }

    pub(super) fn carrier(&mut self, interface: InterfaceId, has_carrier: bool) {
        let Some(plugged) = self.ports.plugged.get_mut(&interface) else { return };
        if plugged.has_carrier != has_carrier {
            tracing::info!(port = %plugged.port, has_carrier, "port");
        }
        plugged.has_carrier = has_carrier;
        self.renew_device(interface);
    }

    /// What may have changed for all ports: a VPC was opened, an instance was powered off.
    pub(super) fn renew_devices(&mut self) {
        for interface in self.ports.plugged.keys().copied().collect::<Vec<_>>() {
            self.renew_device(interface);
        }
    }

    /// Whether this interface has a device that may send and receive.
    pub(super) fn is_port_up(&self, interface: &InterfaceId) -> bool {
        self.desired.device(interface).is_some_and(|device| device.up)
    }

    /// A port is up while its device has carrier, its VPC's records are here and its instance has power.
    pub(super) fn renew_device(&mut self, interface: InterfaceId) {
        let Some(plugged) = self.ports.plugged.get(&interface) else { return };
        let instance = match self.desired.items().get(&ItemKey::Port(interface)) {
            Some(Item::Port(item)) => item.instance.map(|(instance, _)| instance),
            _ => None,
        };
        let reason = if !plugged.has_carrier {
            "the device has no carrier"
        } else if plugged.guest == Guest::Awaited {
            "its guest is on its way here"
        } else if plugged.guest == Guest::Left {
            "its guest has left for another host"
        } else if !self.claims.open.contains(&plugged.vni) {
            "the VPC's records are being fetched"
        } else if instance.is_some_and(|instance| self.guests.is_unpowered(instance)) {
            "the instance is powered off"
        } else {
            ""
        };
        let up = reason.is_empty();
        self.outbox.port(plugged.port, up, reason);
        let is_awaited = plugged.guest == Guest::Awaited;
        let device = Device { ifindex: plugged.ifindex, is_veth: plugged.is_veth, up, is_awaited };
        if self.desired.device(&interface) != Some(device) {
            self.touched.extend(self.desired.plug(interface, Some(device)));
            // An instance may have waited for this.
            self.guests.look_again();
        }
    }
}
