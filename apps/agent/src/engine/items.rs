//! What this host was told, by kind.
//!
//! Items are kept in the order of [`ItemKey`](havip_reconcile::item::ItemKey): hosts and VPCs first, EIPs, ports
//! and instances last, the many endpoints and VIPs between. Walking in from the near end leaves those alone.

use super::Engine;
use havip_model::{HostNumber, Vni};
use havip_reconcile::item::{EipItem, HostItem, InstanceItem, Item, PortItem, SubnetItem, VpcItem};

impl Engine {
    /// The other hosts.
    pub(super) fn other_hosts(&self) -> impl Iterator<Item = &HostItem> {
        let hosts = self.desired.items().values().map_while(|item| match item {
            Item::Host(host) => Some(host),
            _ => None,
        });
        hosts.filter(|host| host.number != self.host)
    }

    /// A host, if this one was told of it.
    pub(super) fn host_item(&self, number: HostNumber) -> Option<&HostItem> {
        self.other_hosts().find(|host| host.number == number)
    }

    /// The VPCs of this host.
    pub(super) fn vpcs(&self) -> impl Iterator<Item = &VpcItem> {
        let behind_hosts = self.desired.items().values().skip_while(|item| matches!(item, Item::Host(_)));
        behind_hosts.map_while(|item| match item {
            Item::Vpc(vpc) => Some(vpc),
            _ => None,
        })
    }

    /// A VPC by its number.
    pub(super) fn vpc(&self, vni: Vni) -> Option<&VpcItem> {
        self.vpcs().find(|vpc| vpc.vni == vni)
    }

    /// The subnets of these VPCs.
    pub(super) fn subnets(&self) -> impl Iterator<Item = &SubnetItem> {
        let is_before = |item: &&Item| matches!(item, Item::Host(_) | Item::Vpc(_));
        self.desired.items().values().skip_while(is_before).map_while(|item| match item {
            Item::Subnet(subnet) => Some(subnet),
            _ => None,
        })
    }

    /// The instances of this host.
    pub(super) fn instances(&self) -> impl Iterator<Item = &InstanceItem> {
        self.desired.items().values().rev().map_while(|item| match item {
            Item::Instance(instance) => Some(instance),
            _ => None,
        })
    }

    /// The ports that this host should have.
    pub(super) fn port_items(&self) -> impl Iterator<Item = &PortItem> {
        let before_instances =
            self.desired.items().values().rev().skip_while(|item| matches!(item, Item::Instance(_)));
        before_instances.map_while(|item| match item {
            Item::Port(port) => Some(port),
            _ => None,
        })
    }

    /// The bound public addresses that this host was told of.
    pub(super) fn eips(&self) -> impl Iterator<Item = &EipItem> {
        let is_behind = |item: &&Item| matches!(item, Item::Instance(_) | Item::Port(_));
        self.desired.items().values().rev().skip_while(is_behind).map_while(|item| match item {
            Item::Eip(eip) => Some(eip),
            _ => None,
        })
    }
}
