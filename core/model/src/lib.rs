//! The resources of Havip as types that cannot be wrong.
//!
//! What a resource *is* lives here; whether a change to it may happen is `core/admission`, what a host must
//! know of it is `core/reconcile`, who holds a VIP is `core/claim`.

mod change;
mod deployment_set;
mod digest;
mod eip;
mod event;
mod fabric;
mod finding;
mod group;
mod host;
mod id;
mod identity;
mod instance;
mod mac;
mod map;
mod meta;
mod network;
mod quota;
pub mod reason;
mod record;
mod resource;
mod resource_group;
mod seal;
mod time;
mod vip;
mod world;

pub use change::{Change, Counter};
pub use deployment_set::DeploymentSet;
pub use digest::Digest;
pub use eip::{Eip, EipPool, EipTarget};
pub use event::{Event, EventKind, Evidence, MoveCause, Refusal, RefusalReason};
pub use fabric::{
    Edition, GroupNumber, HostNumber, NotANumber, OutOfRange, PortNumber, RuleNumber, SubnetNumber, Vni,
};
pub use finding::Finding;
pub use group::{Direction, Peer, Ports, Protocol, Rule, RuleAction, SecurityGroup};
pub use host::{Capacity, Host, HostState, Share};
pub use id::{
    AccessKeyId, Body, DeploymentSetId, EipId, EipPoolId, HostId, Id, IdError, InstanceId, InterfaceId,
    PolicyId, ProjectId, QuotaRequestId, ResourceGroupId, RouteId, SecurityGroupId, SubnetId, UserId, VipId,
    VpcId,
};
pub use identity::{AccessKey, Directory, FULL_ACCESS, Identity, IdentityKey, Policy, Project, User};
pub use instance::{Driver, InitSystem, Instance, InstanceState, PowerState};
pub use mac::{MacAddr, is_link_local};
pub use map::{Map, Multimap};
pub use meta::{Condition, Meta, Status};
pub use network::{External, Family, Interface, Migrated, Migration, NextHop, PortState, Route, Subnet, Vpc};
pub use quota::{Granted, Quota, QuotaDecision, QuotaRequest};
pub use record::{Epoch, Holder, Incarnation, Record, VipKey};
pub use resource::{NotAResource, Resource, ResourceKey};
pub use resource_group::ResourceGroup;
pub use seal::{SealKey, SealKeys};
pub use time::Timestamp;
pub use vip::{Association, AssociationMode, Binding, Contention, Limits, Profile, Target, Vip};
pub use world::{AddressUser, Parts, World};
