//! What a host must know: self-contained pieces of the world that the server streams to its agent.
//!
//! Each item carries everything its host needs to act on it, so that one changed item changes one thing.

use havip_groups::GroupRule;
use havip_model::{
    Binding, Contention, Driver, Edition, EipId, EipPoolId, GroupNumber, HostNumber, Incarnation, InitSystem,
    InstanceId, InterfaceId, MacAddr, PortNumber, PortState, PowerState, RouteId, SecurityGroupId, SubnetId,
    SubnetNumber, VipId, VipKey, Vni, VpcId,
};
use ipnet::IpNet;
use std::net::IpAddr;

/// Names an item; an agent keeps one item per key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKey {
    /// A host.
    Host(HostNumber),
    /// A VPC.
    Vpc(VpcId),
    /// A subnet.
    Subnet(SubnetId),
    /// A security group.
    Group(SecurityGroupId),
    /// An interface anywhere in a VPC that the host needs.
    Endpoint(InterfaceId),
    /// A VIP.
    Vip(VipId),
    /// A route.
    Route(RouteId),
    /// A pool of public addresses; edges only.
    EipPool(EipPoolId),
    /// A bound public address.
    Eip(EipId),
    /// An interface to plug on this host.
    Port(InterfaceId),
    /// An instance to run on this host.
    Instance(InstanceId),
}

/// One piece of what a host must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// See [`HostItem`].
    Host(HostItem),
    /// See [`VpcItem`].
    Vpc(VpcItem),
    /// See [`SubnetItem`].
    Subnet(SubnetItem),
    /// See [`GroupItem`].
    Group(GroupItem),
    /// See [`EndpointItem`].
    Endpoint(EndpointItem),
    /// See [`VipItem`].
    Vip(VipItem),
    /// See [`RouteItem`].
    Route(RouteItem),
    /// See [`EipPoolItem`].
    EipPool(EipPoolItem),
    /// See [`EipItem`].
    Eip(EipItem),
    /// See [`PortItem`].
    Port(PortItem),
    /// See [`InstanceItem`].
    Instance(InstanceItem),
}

impl Item {
    /// Its name.
    pub fn key(&self) -> ItemKey {
        match self {
            Self::Host(host) => ItemKey::Host(host.number),
            Self::Vpc(vpc) => ItemKey::Vpc(vpc.id),
            Self::Subnet(subnet) => ItemKey::Subnet(subnet.id),
            Self::Group(group) => ItemKey::Group(group.id),
            Self::Endpoint(endpoint) => ItemKey::Endpoint(endpoint.interface),
            Self::Vip(vip) => ItemKey::Vip(vip.id),
            Self::Route(route) => ItemKey::Route(route.id),
            Self::EipPool(pool) => ItemKey::EipPool(pool.id),
            Self::Eip(eip) => ItemKey::Eip(eip.id),
            Self::Port(port) => ItemKey::Port(port.interface),
            Self::Instance(instance) => ItemKey::Instance(instance.id),
        }
    }
}

/// A host of a VPC that this host needs, itself included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostItem {
    /// Its number in every switch.
    pub number: HostNumber,
    /// Its name for people.
    pub name: String,
    /// Its VXLAN address.
    pub underlay: IpAddr,
    /// Where its agent answers other agents: `address:port`.
    pub peer_endpoint: String,
    /// Whether it joins the fabric to the outside network.
    pub is_edge: bool,
}

/// A VPC with ports on this host, or one whose EIPs this edge translates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VpcItem {
    /// Its name.
    pub id: VpcId,
    /// Its number on the wire.
    pub vni: Vni,
    /// What gateways and VIPs answer with.
    pub virtual_mac: MacAddr,
    /// The hosts that receive its announcements, this one included.
    pub members: Vec<HostNumber>,
}

/// A subnet of a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubnetItem {
    /// Its name.
    pub id: SubnetId,
    /// Its number in every switch.
    pub number: SubnetNumber,
    /// Its VPC.
    pub vni: Vni,
    /// Its addresses.
    pub cidrs: Vec<IpNet>,
    /// What the switch answers for as the gateway, one per family; of an external subnet an address that it speaks as.
    pub gateways: Vec<IpAddr>,
    /// The VPC's, for answering as the gateway.
    pub virtual_mac: MacAddr,
    /// How it is joined to a provider's network, if it is a part of one.
    pub external: Option<ExternalItem>,
}

/// How an external subnet is joined to the provider's network outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalItem {
    /// The tag of its frames outside; none: they are not tagged.
    pub vlan: Option<u16>,
    /// The making of the active edge's record, which is kept under the network's address.
    pub incarnation: Incarnation,
    /// The edges that may join it, lowest host number first; the first live one does at the beginning.
    pub edges: Vec<HostNumber>,
}

/// A security group with members that the host must guard, or that its rules are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupItem {
    /// Its name.
    pub id: SecurityGroupId,
    /// Its number in every switch.
    pub number: GroupNumber,
    /// Names these very rules.
    pub edition: Edition,
    /// They.
    pub rules: Vec<GroupRule>,
}

/// Where the addresses of an interface are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointItem {
    /// The interface.
    pub interface: InterfaceId,
    /// Its number in every switch.
    pub port: PortNumber,
    /// Its VPC.
    pub vni: Vni,
    /// Its subnet.
    pub subnet: SubnetNumber,
    /// The host it is plugged into; none while it is nowhere.
    pub host: Option<HostNumber>,
    /// Its MAC.
    pub mac: MacAddr,
    /// Its addresses, the primary one of each family first.
    pub addresses: Vec<IpAddr>,
    /// Whether it may send and receive only its own addresses.
    pub source_dest_check: bool,
    /// The instance it belongs to: several ports of one die together.
    pub instance: Option<InstanceId>,
    /// Its security groups: what rules mean by them.
    pub groups: Vec<GroupNumber>,
}

/// A VIP and the ports that may claim it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VipItem {
    /// Its name.
    pub id: VipId,
    /// Where the switch finds it.
    pub key: VipKey,
    /// Its subnet.
    pub subnet: SubnetNumber,
    /// The making that claims are made under.
    pub incarnation: Incarnation,
    /// Who may claim it.
    pub binding: Binding,
    /// What happens to a claim by a port that has just lost it.
    pub contention: Contention,
    /// Whether the fabric speaks for its dead holder.
    pub assist: bool,
    /// The entitled ports of all hosts (for [`Binding::Subnet`] too).
    pub entitled: Vec<Entitlement>,
    /// Further addresses whose adverts naming the VIP reach associated ports.
    pub advert_sources: Vec<IpAddr>,
}

/// A port that may claim a VIP, or send from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entitlement {
    /// The port.
    pub port: PortNumber,
    /// It may send as the VIP without holding it.
    pub direct_return: bool,
}

/// A custom route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteItem {
    /// Its name.
    pub id: RouteId,
    /// Its VPC.
    pub vni: Vni,
    /// What it leads to.
    pub destination: IpNet,
    /// The address of the VIP or interface that takes its packets.
    pub next_hop: IpAddr,
}

/// Ranges of public addresses, for edges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EipPoolItem {
    /// Its name.
    pub id: EipPoolId,
    /// Its addresses.
    pub cidrs: Vec<IpNet>,
    /// The outside router.
    pub gateway: Option<IpAddr>,
}

/// A bound public address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EipItem {
    /// Its name.
    pub id: EipId,
    /// The public address.
    pub address: IpAddr,
    /// The VPC it leads into.
    pub vni: Vni,
    /// The VIP's or the interface's address.
    pub target: IpAddr,
    /// The making of this binding: the active edge's record is kept under it.
    pub incarnation: Incarnation,
    /// Bits per second in units of a million, each way.
    pub bandwidth_mbps: Option<u32>,
    /// The edges that may serve it, lowest host number first; the first live one does at the beginning.
    pub edges: Vec<HostNumber>,
}

/// An interface to plug on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortItem {
    /// The interface.
    pub interface: InterfaceId,
    /// Its number in every switch.
    pub port: PortNumber,
    /// Its VPC.
    pub vni: Vni,
    /// Its subnet.
    pub subnet: SubnetNumber,
    /// Its MAC.
    pub mac: MacAddr,
    /// The VPC's virtual MAC.
    pub virtual_mac: MacAddr,
    /// Its addresses with their subnet's prefix length, the primary one of each family first.
    pub addresses: Vec<IpNet>,
    /// Its subnet's gateways.
    pub gateways: Vec<IpAddr>,
    /// The largest packet the guest may send.
    pub mtu: u16,
    /// Whether it may send and receive only its own addresses.
    pub source_dest_check: bool,
    /// As wanted.
    pub state: PortState,
    /// The existing device to plug (driver `external`); none for a veth that the agent makes.
    pub device: Option<String>,
    /// The instance it belongs to, and which of its interfaces it is (0 is `eth0`).
    pub instance: Option<(InstanceId, u8)>,
    /// Its security groups: what guards it. None: everything passes.
    pub groups: Vec<SecurityGroupId>,
    /// Where its guest is on its way to: that host has this port, too, on a device of its own.
    pub arrives: Option<Arrival>,
}

/// The destination of a guest that moves to another host while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The host.
    pub host: HostNumber,
    /// The existing device there; none: its agent makes one.
    pub device: Option<String>,
}

impl PortItem {
    /// The same as this host has to see it: the destination has another device, and waits for the guest.
    pub fn seen_from(self, host: HostNumber) -> Self {
        match &self.arrives {
            Some(arrival) if arrival.host == host => {
                Self { device: arrival.device.clone(), state: PortState::Active, ..self }
            }
            _ => self,
        }
    }

    /// Whether this host waits for the guest.
    pub fn is_awaited_at(&self, host: HostNumber) -> bool {
        self.arrives.as_ref().is_some_and(|arrival| arrival.host == host)
    }
}

/// An instance to run on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceItem {
    /// Its name in the API.
    pub id: InstanceId,
    /// Its host name.
    pub name: String,
    /// What runs it.
    pub driver: Driver,
    /// What it boots, by its name on the host; only of the driver `qemu`.
    pub image: Option<String>,
    /// What its first process is; only of the driver `namespace`.
    pub init: InitSystem,
    /// Processors, in thousandths.
    pub cpu_millis: u32,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// A script for its shell at each start.
    pub user_data: String,
    /// What the user wants of it.
    pub power: PowerState,
    /// Counts starts; a greater one than the running one means: start anew.
    pub starts: u64,
    /// Where it is on its way to, of the driver `qemu`: that host has this item, too, and waits for it.
    pub goes_to: Option<HostNumber>,
}
