//! Items and the plugged devices of one host become the entries of its switch, one change at a time.

mod audience;

use crate::item::{EipItem, EndpointItem, GroupItem, Item, ItemKey, PortItem, SubnetItem, VipItem, VpcItem};
use crate::table::{Address, Entry, EntryKey, Port, Table};
pub use audience::Audience;
use havip_groups::Compiled;
use havip_model::{
    Binding, Contention, Edition, Family, HostNumber, InterfaceId, PortNumber, PortState, SecurityGroupId,
    Vni,
};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The most hosts that one host sends an announcement to, as its maker or as a relay (rule C4).
pub const MOST_MEMBERS: usize = 64;

/// The host-side device of a port, as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    /// Its number on this host.
    pub ifindex: u32,
    /// Its peer is in another namespace.
    pub is_veth: bool,
    /// It has carrier, and its instance runs: what is not up is inactive, whatever is wanted.
    pub up: bool,
    /// Its guest is on its way here and was not seen yet; it is not up then.
    pub is_awaited: bool,
}

/// What a host's switch should hold, kept up to date item by item.
///
/// A change costs what the changed item costs, not what all items cost.
/// Where two items give the same entry (an address that is just moving), the first by [`ItemKey`] has it.
#[derive(Debug, Clone)]
pub struct Desired {
    host: HostNumber,
    items: BTreeMap<ItemKey, Item>,
    devices: BTreeMap<InterfaceId, Device>,
    claimants: BTreeMap<EntryKey, BTreeMap<ItemKey, Entry>>,
    /// The ports of this host by their primary addresses: a port is active only while these are its own.
    primaries: BTreeMap<(Vni, IpAddr), BTreeSet<InterfaceId>>,
    /// The ports of this host by their security groups: a port has the editions that are there.
    guarded: BTreeMap<SecurityGroupId, BTreeSet<InterfaceId>>,
    table: Table,
}

impl Desired {
    /// Nothing yet, for this host.
    pub fn new(host: HostNumber) -> Self {
        Self {
            host,
            items: BTreeMap::new(),
            devices: BTreeMap::new(),
            claimants: BTreeMap::new(),
            primaries: BTreeMap::new(),
            guarded: BTreeMap::new(),
            table: Table::new(),
        }
    }

    /// The entries.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The items.
    pub fn items(&self) -> &BTreeMap<ItemKey, Item> {
        &self.items
    }

    /// The item that gives an entry: it is at fault if the switch cannot hold it.
    pub fn giver(&self, key: &EntryKey) -> Option<ItemKey> {
        self.claimants.get(key)?.keys().next().copied()
    }

    /// Takes an item as it is from now on; answers the entries that may have changed.
    pub fn put(&mut self, item: Item) -> BTreeSet<EntryKey> {
        let key = item.key();
        let mut touched = self.withdraw(key);
        if let Item::Port(port) = &item {
            for net in &port.addresses {
                self.primaries.entry((port.vni, net.addr())).or_default().insert(port.interface);
            }
            for group in &port.groups {
                self.guarded.entry(*group).or_default().insert(port.interface);
            }
        }
        for (entry_key, entry) in self.entries(&item) {
            self.claimants.entry(entry_key).or_default().insert(key, entry);
            touched.insert(entry_key);
        }
        self.items.insert(key, item);
        touched.extend(self.guard_anew(key));
        self.settle(touched)
    }

    /// Forgets an item; answers the entries that may have changed.
    pub fn remove(&mut self, key: &ItemKey) -> BTreeSet<EntryKey> {
        let mut touched = self.withdraw(*key);
        self.items.remove(key);
        touched.extend(self.guard_anew(*key));
        self.settle(touched)
    }

    /// Gives the ports of a security group the edition of its rules that is there now.
    fn guard_anew(&mut self, key: ItemKey) -> BTreeSet<EntryKey> {
        let ItemKey::Group(group) = key else { return BTreeSet::new() };
        let ports = self.guarded.get(&group).into_iter().flatten();
        let ports: Vec<_> = ports.map(|interface| ItemKey::Port(*interface)).collect();
        let mut touched = BTreeSet::new();
        for key in ports {
            let Some(Item::Port(port)) = self.items.get(&key) else { continue };
            for (entry_key, entry) in self.port_entries(port) {
                if matches!(entry_key, EntryKey::Port(_)) {
                    self.claimants.entry(entry_key).or_default().insert(key, entry);
                    touched.insert(entry_key);
                }
            }
        }
        touched
    }

    /// Takes the device of an interface as it is now, none while there is none; answers the changed entries.
    pub fn plug(&mut self, interface: InterfaceId, device: Option<Device>) -> BTreeSet<EntryKey> {
        match device {
            Some(device) => self.devices.insert(interface, device),
            None => self.devices.remove(&interface),
        };
        match self.items.get(&ItemKey::Port(interface)).cloned() {
            Some(port) => self.put(port),
            None => BTreeSet::new(),
        }
    }

    /// The device of an interface, if it is plugged.
    pub fn device(&self, interface: &InterfaceId) -> Option<Device> {
        self.devices.get(interface).copied()
    }

    /// Takes back what an item gave.
    fn withdraw(&mut self, key: ItemKey) -> BTreeSet<EntryKey> {
        let Some(item) = self.items.get(&key) else { return BTreeSet::new() };
        let mut touched = BTreeSet::new();
        for entry_key in keys(item) {
            if let Some(claimants) = self.claimants.get_mut(&entry_key) {
                claimants.remove(&key);
                touched.insert(entry_key);
            }
        }
        if let Item::Port(port) = item {
            for net in &port.addresses {
                if let Some(ports) = self.primaries.get_mut(&(port.vni, net.addr())) {
                    ports.remove(&port.interface);
                }
            }
            self.primaries.retain(|_, ports| !ports.is_empty());
            for group in &port.groups {
                if let Some(ports) = self.guarded.get_mut(group) {
                    ports.remove(&port.interface);
                }
            }
            self.guarded.retain(|_, ports| !ports.is_empty());
        }
        touched
    }

    /// Copies the winners of the touched entries to the table, the ports last as they look at addresses.
    fn settle(&mut self, mut touched: BTreeSet<EntryKey>) -> BTreeSet<EntryKey> {
        let leaning: BTreeSet<EntryKey> = touched.iter().flat_map(|key| self.ports_leaning_on(key)).collect();
        touched.extend(leaning);
        // EntryKey::Port is the last variant, so addresses are settled before ports look at them.
        for key in &touched {
            let winner = self.claimants.get(key).and_then(|claimants| claimants.values().next());
            match winner.cloned() {
                Some(Entry::Port(port)) => {
                    let number = if let EntryKey::Port(number) = key { *number } else { continue };
                    let state =
                        if is_sound(&self.table, number, &port) { port.state } else { PortState::Inactive };
                    self.table.insert(*key, Entry::Port(Port { state, ..port }));
                }
                Some(entry) => _ = self.table.insert(*key, entry),
                None => {
                    self.table.remove(key);
                    self.claimants.remove(key);
                }
            }
        }
        touched
    }

    /// The ports of this host of which this entry is a primary address: one, unless an address is just moving.
    fn ports_leaning_on(&self, key: &EntryKey) -> Vec<EntryKey> {
        let EntryKey::Address(vni, address) = key else { return vec![] };
        let interfaces = self.primaries.get(&(*vni, *address)).into_iter().flatten();
        let port = |interface: &InterfaceId| match self.items.get(&ItemKey::Port(*interface)) {
            Some(Item::Port(port)) => Some(EntryKey::Port(port.port)),
            _ => None,
        };
        interfaces.filter_map(port).collect()
    }

    fn entries(&self, item: &Item) -> Vec<(EntryKey, Entry)> {
        match item {
            Item::Host(host) if host.number == self.host => vec![],
            Item::Host(host) => {
                vec![(EntryKey::Host(host.number), Entry::Host { underlay: host.underlay })]
            }
            Item::Vpc(vpc) => self.audience(vpc),
            Item::Subnet(subnet) => subnet_entries(subnet),
            Item::Group(group) => vec![group_entry(group)],
            Item::Endpoint(endpoint) => endpoint_entries(endpoint),
            Item::Vip(vip) => vip_entries(vip),
            Item::Route(route) => vec![(
                EntryKey::Route(route.vni, route.destination.trunc()),
                Entry::Route { next_hop: Some(route.next_hop) },
            )],
            Item::EipPool(pool) => {
                let entry = Entry::Pool { gateway: pool.gateway };
                pool.cidrs.iter().map(|cidr| (EntryKey::Pool(cidr.trunc()), entry.clone())).collect()
            }
            Item::Eip(eip) => eip_entries(eip),
            Item::Port(port) => self.port_entries(port),
            Item::Instance(_) => vec![],
        }
    }

    /// Whom this host tells of claims in a VPC.
    fn audience(&self, vpc: &VpcItem) -> Vec<(EntryKey, Entry)> {
        let Audience { members, relayed } = Audience::of(self.host, &vpc.members.iter().copied().collect());
        let members = (EntryKey::Members(vpc.vni), Entry::Members { hosts: members });
        let relayed =
            (!relayed.is_empty()).then_some((EntryKey::Relayed(vpc.vni), Entry::Members { hosts: relayed }));
        [members].into_iter().chain(relayed).collect()
    }

    /// A port's device, and its own addresses: these must be known before it is active, even if its endpoint is late.
    fn port_entries(&self, port: &PortItem) -> Vec<(EntryKey, Entry)> {
        let Some(device) = self.devices.get(&port.interface) else { return vec![] };
        let addresses: Vec<IpAddr> = port.addresses.iter().map(|net| net.addr()).collect();
        let mut entries = endpoint_entries(&EndpointItem {
            interface: port.interface,
            port: port.port,
            vni: port.vni,
            subnet: port.subnet,
            host: Some(self.host),
            mac: port.mac,
            addresses: addresses.clone(),
            source_dest_check: port.source_dest_check,
            instance: port.instance.map(|(instance, _)| instance),
            groups: vec![], // its endpoint says them, which knows their numbers
        });
        let entry = Port {
            ifindex: device.ifindex,
            is_veth: device.is_veth,
            vni: port.vni,
            subnet: port.subnet,
            mac: port.mac,
            virtual_mac: port.virtual_mac,
            primary: addresses.iter().copied().find(IpAddr::is_ipv4),
            primary6: addresses.iter().copied().find(IpAddr::is_ipv6),
            mtu: port.mtu,
            source_dest_check: port.source_dest_check,
            state: if device.up { port.state } else { PortState::Inactive },
            is_awaited: device.is_awaited && !device.up,
            editions: (!port.groups.is_empty()).then(|| self.editions(&port.groups)),
        };
        entries.push((EntryKey::Port(port.port), Entry::Port(entry)));
        entries
    }

    /// The editions of these groups that are there; of one that is not, no rule allows anything.
    fn editions(&self, groups: &[SecurityGroupId]) -> Vec<Edition> {
        let edition = |id: &SecurityGroupId| match self.items.get(&ItemKey::Group(*id)) {
            Some(Item::Group(group)) => Some(group.edition),
            _ => None,
        };
        groups.iter().filter_map(edition).collect()
    }
}

/// A group's rules as the switch looks them up.
fn group_entry(group: &GroupItem) -> (EntryKey, Entry) {
    (EntryKey::Group(group.edition), Entry::Group(Box::new(Compiled::of(&group.rules))))
}

/// Whether an active port may stand in this table: its primary addresses are its own there.
pub fn is_sound(table: &Table, number: PortNumber, port: &Port) -> bool {
    port.state == PortState::Inactive
        || port.primary.iter().chain(&port.primary6).all(|address| {
            let entry = table.get(&EntryKey::Address(port.vni, *address));
            matches!(entry, Some(Entry::Address(Address::Interface { port, .. })) if *port == number)
        })
}

/// Every key that an item may have given entries under.
fn keys(item: &Item) -> Vec<EntryKey> {
    match item {
        Item::Host(host) => vec![EntryKey::Host(host.number)],
        Item::Vpc(vpc) => vec![EntryKey::Members(vpc.vni), EntryKey::Relayed(vpc.vni)],
        Item::Subnet(subnet) => subnet_entries(subnet).into_iter().map(|(key, _)| key).collect(),
        Item::Group(group) => vec![EntryKey::Group(group.edition)],
        Item::Endpoint(endpoint) => endpoint_entries(endpoint).into_iter().map(|(key, _)| key).collect(),
        Item::Vip(vip) => vip_entries(vip).into_iter().map(|(key, _)| key).collect(),
        Item::Route(route) => vec![EntryKey::Route(route.vni, route.destination.trunc())],
        Item::EipPool(pool) => pool.cidrs.iter().map(|cidr| EntryKey::Pool(cidr.trunc())).collect(),
        Item::Eip(eip) => eip_entries(eip).into_iter().map(|(key, _)| key).collect(),
        Item::Port(port) => {
            let addresses = port.addresses.iter().map(|net| EntryKey::Address(port.vni, net.addr()));
            addresses.chain([EntryKey::Mac(port.subnet, port.mac), EntryKey::Port(port.port)]).collect()
        }
        Item::Instance(_) => vec![],
    }
}

fn subnet_entries(subnet: &SubnetItem) -> Vec<(EntryKey, Entry)> {
    let entry = Entry::Subnet {
        vni: subnet.vni,
        virtual_mac: subnet.virtual_mac,
        gateway: subnet.gateways.iter().copied().find(IpAddr::is_ipv4),
        gateway6: subnet.gateways.iter().copied().find(IpAddr::is_ipv6),
    };
    let gateway = Entry::Address(Address::Gateway { subnet: subnet.number });
    let gateways =
        subnet.gateways.iter().map(|address| (EntryKey::Address(subnet.vni, *address), gateway.clone()));
    // Subnets win over routes: what nobody in one has must not leave by a shorter prefix.
    let ranges = subnet
        .cidrs
        .iter()
        .map(|cidr| (EntryKey::Route(subnet.vni, cidr.trunc()), Entry::Route { next_hop: None }));
    [(EntryKey::Subnet(subnet.number), entry)]
        .into_iter()
        .chain(gateways)
        .chain(ranges)
        .chain(segment_entries(subnet))
        .collect()
}

/// What joins an external subnet to the outside: both families by one edge, whose record is under IPv4's network.
fn segment_entries(subnet: &SubnetItem) -> Vec<(EntryKey, Entry)> {
    let cidr = subnet.cidrs.iter().find_map(|cidr| match cidr {
        IpNet::V4(cidr) => Some(cidr.trunc()),
        IpNet::V6(_) => None,
    });
    let cidr6 = subnet.cidrs.iter().find_map(|cidr| match cidr {
        IpNet::V4(_) => None,
        IpNet::V6(cidr) => Some(cidr.trunc()),
    });
    let (Some(external), Some(cidr)) = (&subnet.external, cidr) else { return vec![] };
    let (vni, vlan, incarnation) = (subnet.vni, external.vlan, external.incarnation);
    let edge = Entry::Address(Address::Segment { subnet: subnet.number, incarnation });
    vec![
        (EntryKey::Address(vni, cidr.network().into()), edge),
        (EntryKey::Segment(subnet.number), Entry::Segment { vni, cidr, cidr6, vlan }),
    ]
}

fn endpoint_entries(endpoint: &EndpointItem) -> Vec<(EntryKey, Entry)> {
    let first = |family| endpoint.addresses.iter().find(|address| Family::of(**address) == family);
    let address = |address: &IpAddr| {
        let entry = Address::Interface {
            subnet: endpoint.subnet,
            port: endpoint.port,
            host: endpoint.host,
            mac: endpoint.mac,
            source_dest_check: endpoint.source_dest_check,
            primary: first(Family::of(*address)) == Some(address),
        };
        (EntryKey::Address(endpoint.vni, *address), Entry::Address(entry))
    };
    // In a provider's network a MAC says that a frame is from inside, whatever address its interface has or has not;
    // and the outside reaches its link-local address by what is known of it, like any other.
    let link_local = endpoint.subnet.is_external().then(|| IpAddr::V6(endpoint.mac.link_local()));
    let mac = endpoint.addresses.first().copied().or(link_local).map(|address| {
        let entry = Entry::Mac { port: endpoint.port, address };
        (EntryKey::Mac(endpoint.subnet, endpoint.mac), entry)
    });
    let member = (!endpoint.groups.is_empty()).then(|| {
        let groups = endpoint.groups.clone();
        (EntryKey::Membership(endpoint.port), Entry::Membership { groups })
    });
    endpoint.addresses.iter().chain(&link_local).map(address).chain(mac).chain(member).collect()
}

fn vip_entries(vip: &VipItem) -> Vec<(EntryKey, Entry)> {
    let address = Address::Vip {
        subnet: vip.subnet,
        incarnation: vip.incarnation,
        subnet_binding: vip.binding == Binding::Subnet,
        hold: vip.contention == Contention::Hold,
    };
    let entitled = vip.entitled.iter().map(|one| {
        (EntryKey::Entitled(vip.key, one.port), Entry::Entitled { direct_return: one.direct_return })
    });
    let sources = vip.advert_sources.iter();
    let sources = sources.map(|source| (EntryKey::AdvertSource(vip.key, *source), Entry::AdvertSource));
    let address = (EntryKey::Address(vip.key.vni, vip.key.address), Entry::Address(address));
    [address].into_iter().chain(entitled).chain(sources).collect()
}

fn eip_entries(eip: &EipItem) -> Vec<(EntryKey, Entry)> {
    vec![
        (
            EntryKey::Eip(eip.address),
            Entry::Eip { vni: eip.vni, target: eip.target, bandwidth_mbps: eip.bandwidth_mbps },
        ),
        (
            EntryKey::Nat(eip.vni, eip.target),
            Entry::Nat { public: eip.address, incarnation: eip.incarnation },
        ),
    ]
}

#[cfg(test)]
pub(crate) mod tests;
