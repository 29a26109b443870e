//! What may be asked for: one type per request.
//!
//! In a `Update…` a field that is `None` stays as it is. A name is at most 128 characters, a description at
//! most 256; both may be empty and need not be unique.

use havip_model::{
    AssociationMode, Binding, Contention, Driver, EipId, EipPoolId, EipTarget, HostId, HostNumber,
    InstanceId, InterfaceId, MacAddr, NextHop, Profile, RouteId, SubnetId, Target, VipId, VpcId,
};
use ipnet::{IpNet, Ipv4Net};
use std::net::IpAddr;

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident)*) => {
        /// Anything that may be asked for.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Request { $($(#[$doc])* $name($name),)* }

        $(impl From<$name> for Request {
            fn from(request: $name) -> Self { Self::$name(request) }
        })*
    };
}

requests! {
    /// Makes a VPC.
    CreateVpc
    /// Changes a VPC's texts.
    UpdateVpc
    /// Deletes a VPC without subnets.
    DeleteVpc
    /// Makes a subnet.
    CreateSubnet
    /// Changes a subnet's texts.
    UpdateSubnet
    /// Deletes a subnet without interfaces and VIPs.
    DeleteSubnet
    /// Makes an interface.
    CreateInterface
    /// Changes an interface.
    UpdateInterface
    /// Deletes an interface and unbinds it everywhere.
    DeleteInterface
    /// Attaches an interface to an instance.
    AttachInterface
    /// Detaches an interface from its instance; it keeps its associations and its EIP.
    DetachInterface
    /// Gives an interface further addresses.
    AddAddresses
    /// Takes further addresses from an interface.
    RemoveAddresses
    /// Moves further addresses from one interface to another at once.
    MoveAddresses
    /// Plugs an interface into a host by an existing device.
    PlugInterface
    /// Unplugs what [`PlugInterface`] plugged.
    UnplugInterface
    /// Makes an instance with its primary interface and runs it.
    RunInstance
    /// Changes an instance's texts.
    UpdateInstance
    /// Starts an instance.
    StartInstance
    /// Stops an instance: SIGTERM, then SIGKILL.
    StopInstance
    /// Powers an instance off: ports down and everything killed at once.
    PowerOffInstance
    /// Deletes an instance with its primary interface and unbinds both everywhere.
    DeleteInstance
    /// Makes a VIP, with associations if some are given.
    CreateVip
    /// Changes a VIP.
    UpdateVip
    /// Deletes a VIP.
    DeleteVip
    /// Lets an instance or interface claim a VIP.
    Associate
    /// Takes that permission back.
    Dissociate
    /// Makes a pool of public addresses.
    CreateEipPool
    /// Changes a pool.
    UpdateEipPool
    /// Deletes a pool without EIPs.
    DeleteEipPool
    /// Takes an address out of a pool.
    AllocateEip
    /// Changes an EIP.
    UpdateEip
    /// Lets an EIP lead to a VIP, an instance or an interface.
    BindEip
    /// Lets an EIP lead nowhere.
    UnbindEip
    /// Gives an EIP back to its pool.
    ReleaseEip
    /// Makes a custom route.
    CreateRoute
    /// Deletes a custom route.
    DeleteRoute
    /// Adds a machine that has shown its join token.
    JoinHost
    /// Takes over what a host says of itself.
    UpdateHost
    /// Removes a host on which nothing runs.
    RemoveHost
}

/// A name and a description.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts {
    /// The name.
    pub name: String,
    /// The description.
    pub description: String,
}

/// A new name, a new description, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewTexts {
    /// The new name.
    pub name: Option<String>,
    /// The new description.
    pub description: Option<String>,
}

/// See [`Request::CreateVpc`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateVpc {
    /// Name and description.
    pub texts: Texts,
    /// Where it is to be.
    pub region: String,
    /// The addresses its subnets are cut from: /8 to /28.
    pub cidr: Ipv4Net,
}

/// See [`Request::UpdateVpc`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateVpc {
    /// Which.
    pub vpc: VpcId,
    /// The new texts.
    pub texts: NewTexts,
}

/// See [`Request::DeleteVpc`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteVpc {
    /// Which.
    pub vpc: VpcId,
}

/// See [`Request::CreateSubnet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSubnet {
    /// Its VPC.
    pub vpc: VpcId,
    /// Name and description.
    pub texts: Texts,
    /// The zone it is to be in.
    pub zone: String,
    /// Its addresses, within the VPC's: at most a /29.
    pub cidr: Ipv4Net,
}

/// See [`Request::UpdateSubnet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateSubnet {
    /// Which.
    pub subnet: SubnetId,
    /// The new texts.
    pub texts: NewTexts,
}

/// See [`Request::DeleteSubnet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteSubnet {
    /// Which.
    pub subnet: SubnetId,
}

/// Which address something is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// The lowest free one.
    #[default]
    Automatic,
    /// This one.
    Chosen(IpAddr),
    /// None; interfaces only.
    Without,
}

/// See [`Request::CreateInterface`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateInterface {
    /// Its subnet.
    pub subnet: SubnetId,
    /// Name and description.
    pub texts: Texts,
    /// Its primary address.
    pub address: Choice,
    /// Further addresses.
    pub secondary: Vec<IpAddr>,
    /// Its MAC, where a guest brings one; drawn otherwise.
    pub mac: Option<MacAddr>,
    /// Whether the guest may send and receive only its own addresses; yes is the safe answer.
    pub source_dest_check: bool,
}

/// See [`Request::UpdateInterface`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateInterface {
    /// Which.
    pub interface: InterfaceId,
    /// The new texts.
    pub texts: NewTexts,
    /// Whether the guest may send and receive only its own addresses.
    pub source_dest_check: Option<bool>,
}

/// See [`Request::DeleteInterface`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteInterface {
    /// Which.
    pub interface: InterfaceId,
}

/// See [`Request::AttachInterface`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachInterface {
    /// Which.
    pub interface: InterfaceId,
    /// To whom.
    pub instance: InstanceId,
    /// The existing device to plug, for instances of the driver `external`.
    pub device: Option<String>,
}

/// See [`Request::DetachInterface`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachInterface {
    /// Which.
    pub interface: InterfaceId,
}

/// See [`Request::AddAddresses`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddAddresses {
    /// Which.
    pub interface: InterfaceId,
    /// These.
    pub addresses: Vec<IpAddr>,
    /// And so many of the lowest free ones.
    pub automatic: usize,
}

/// See [`Request::RemoveAddresses`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveAddresses {
    /// Which.
    pub interface: InterfaceId,
    /// These.
    pub addresses: Vec<IpAddr>,
}

/// See [`Request::MoveAddresses`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveAddresses {
    /// Who gives them.
    pub from: InterfaceId,
    /// Who gets them.
    pub to: InterfaceId,
    /// These.
    pub addresses: Vec<IpAddr>,
}

/// See [`Request::PlugInterface`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlugInterface {
    /// Which; not of an instance that the driver `namespace` runs.
    pub interface: InterfaceId,
    /// Where.
    pub host: HostNumber,
    /// The existing veth or tap.
    pub device: String,
}

/// See [`Request::UnplugInterface`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnplugInterface {
    /// Which.
    pub interface: InterfaceId,
}

/// See [`Request::RunInstance`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInstance {
    /// Name and description.
    pub texts: Texts,
    /// The subnet of its primary interface.
    pub subnet: SubnetId,
    /// The primary interface's address; not [`Choice::Without`].
    pub address: Choice,
    /// The primary interface's MAC, where a guest brings one; drawn otherwise.
    pub mac: Option<MacAddr>,
    /// Whether the guest may send and receive only its own addresses; yes is the safe answer.
    pub source_dest_check: bool,
    /// What runs it.
    pub driver: Driver,
    /// The existing device to plug, for the driver `external`; may also be plugged later.
    pub device: Option<String>,
    /// Where; none for the live host with the fewest instances.
    pub host: Option<HostNumber>,
    /// Processors, in thousandths: 10 to 64 000.
    pub cpu_millis: u32,
    /// Memory, in MiB: 16 to 262 144.
    pub memory_mib: u32,
    /// A script that its shell runs at each start: at most 64 KiB.
    pub user_data: String,
}

/// See [`Request::UpdateInstance`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateInstance {
    /// Which.
    pub instance: InstanceId,
    /// The new texts.
    pub texts: NewTexts,
}

/// See [`Request::StartInstance`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartInstance {
    /// Which.
    pub instance: InstanceId,
}

/// See [`Request::StopInstance`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopInstance {
    /// Which.
    pub instance: InstanceId,
}

/// See [`Request::PowerOffInstance`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PowerOffInstance {
    /// Which.
    pub instance: InstanceId,
}

/// See [`Request::DeleteInstance`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteInstance {
    /// Which.
    pub instance: InstanceId,
}

/// See [`Request::CreateVip`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateVip {
    /// Its subnet.
    pub subnet: SubnetId,
    /// Name and description.
    pub texts: Texts,
    /// Its address; not [`Choice::Without`].
    pub address: Choice,
    /// Who may claim it; none for what the profile says.
    pub binding: Option<Binding>,
    /// What happens to a claim by a port that has just lost it.
    pub contention: Contention,
    /// Whether the fabric speaks for its dead holder.
    pub assist: bool,
    /// The API that makes it.
    pub profile: Profile,
    /// Who is associated with it from the beginning.
    pub associations: Vec<(Target, AssociationMode)>,
    /// Further addresses whose adverts naming it reach associated ports.
    pub advert_sources: Vec<IpAddr>,
}

/// See [`Request::UpdateVip`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateVip {
    /// Which.
    pub vip: VipId,
    /// The new texts.
    pub texts: NewTexts,
    /// What happens to a claim by a port that has just lost it.
    pub contention: Option<Contention>,
    /// Whether the fabric speaks for its dead holder.
    pub assist: Option<bool>,
    /// Further addresses whose adverts naming it reach associated ports.
    pub advert_sources: Option<Vec<IpAddr>>,
}

/// See [`Request::DeleteVip`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteVip {
    /// Which.
    pub vip: VipId,
    /// Ends its associations, unbinds its EIP and deletes the routes that lead to it first.
    pub unbind: bool,
}

/// See [`Request::Associate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Associate {
    /// With which VIP.
    pub vip: VipId,
    /// Who.
    pub target: Target,
    /// How.
    pub mode: AssociationMode,
}

/// See [`Request::Dissociate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dissociate {
    /// From which VIP.
    pub vip: VipId,
    /// Who.
    pub target: Target,
}

/// See [`Request::CreateEipPool`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateEipPool {
    /// Name and description.
    pub texts: Texts,
    /// Its addresses.
    pub cidr: IpNet,
    /// The outside router.
    pub gateway: Option<IpAddr>,
    /// Addresses of `cidr` that are never given out, such as the edges' own.
    pub reserved: Vec<IpAddr>,
}

/// See [`Request::UpdateEipPool`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateEipPool {
    /// Which.
    pub pool: EipPoolId,
    /// The new texts.
    pub texts: NewTexts,
    /// Addresses that are never given out, in place of the present ones.
    pub reserved: Option<Vec<IpAddr>>,
}

/// See [`Request::DeleteEipPool`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteEipPool {
    /// Which.
    pub pool: EipPoolId,
}

/// See [`Request::AllocateEip`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllocateEip {
    /// From which pool; none for the first that has a free address, or the one that a chosen address is of.
    pub pool: Option<EipPoolId>,
    /// Name and description.
    pub texts: Texts,
    /// The address; not [`Choice::Without`].
    pub address: Choice,
    /// Bits per second in units of a million, each way: at least 1; none is unlimited.
    pub bandwidth_mbps: Option<u32>,
}

/// See [`Request::UpdateEip`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateEip {
    /// Which.
    pub eip: EipId,
    /// The new texts.
    pub texts: NewTexts,
    /// The new bandwidth; `Some(None)` is unlimited.
    pub bandwidth_mbps: Option<Option<u32>>,
}

/// See [`Request::BindEip`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindEip {
    /// Which.
    pub eip: EipId,
    /// To what.
    pub target: EipTarget,
}

/// See [`Request::UnbindEip`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnbindEip {
    /// Which.
    pub eip: EipId,
}

/// See [`Request::ReleaseEip`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseEip {
    /// Which.
    pub eip: EipId,
    /// Unbinds it first.
    pub unbind: bool,
}

/// See [`Request::CreateRoute`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateRoute {
    /// In which VPC.
    pub vpc: VpcId,
    /// Name and description.
    pub texts: Texts,
    /// What it leads to; the longest prefix wins, and subnets win over routes.
    pub destination: IpNet,
    /// Who takes the packets.
    pub next_hop: NextHop,
}

/// See [`Request::DeleteRoute`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteRoute {
    /// Which.
    pub route: RouteId,
}

/// What a host says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// Its VXLAN address.
    pub underlay: IpAddr,
    /// Where its agent answers other agents: `address:port`.
    pub peer_endpoint: String,
    /// The device to the outside network, if it is an edge.
    pub edge_device: Option<String>,
    /// The largest packet a guest may send: 576 to 65 535 bytes.
    pub guest_mtu: u16,
}

/// See [`Request::JoinHost`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinHost {
    /// Its name; unique among hosts, not empty.
    pub name: String,
    /// Where it is.
    pub region: String,
    /// Where in the region it is.
    pub zone: String,
    /// What it says of itself.
    pub facts: HostFacts,
}

/// See [`Request::UpdateHost`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateHost {
    /// Which.
    pub host: HostNumber,
    /// The new texts.
    pub texts: NewTexts,
    /// What it says of itself now.
    pub facts: Option<HostFacts>,
}

/// See [`Request::RemoveHost`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveHost {
    /// Which.
    pub host: HostId,
}

impl CreateVip {
    /// A VIP with an automatic address and everything else as by default.
    pub fn of(subnet: SubnetId) -> Self {
        Self {
            subnet,
            texts: Texts::default(),
            address: Choice::Automatic,
            binding: None,
            contention: Contention::default(),
            assist: true,
            profile: Profile::default(),
            associations: Vec::new(),
            advert_sources: Vec::new(),
        }
    }
}

impl RunInstance {
    /// A sandbox of one processor and 512 MiB with an automatic address, wherever there is room.
    pub fn of(subnet: SubnetId) -> Self {
        Self {
            texts: Texts::default(),
            subnet,
            address: Choice::Automatic,
            mac: None,
            source_dest_check: true,
            driver: Driver::Namespace,
            device: None,
            host: None,
            cpu_millis: 1000,
            memory_mib: 512,
            user_data: String::new(),
        }
    }
}
