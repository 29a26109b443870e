//! All resources at one revision: what rules decide from.

use crate::{
    Eip, EipId, EipPool, EipPoolId, Host, HostNumber, Instance, InstanceId, Interface, InterfaceId, Route, RouteId,
    Subnet, SubnetId, Vip, VipId, Vpc, VpcId,
};
use std::collections::BTreeMap;

/// A snapshot of every resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    /// VPCs.
    pub vpcs: BTreeMap<VpcId, Vpc>,
    /// Subnets.
    pub subnets: BTreeMap<SubnetId, Subnet>,
    /// Interfaces.
    pub interfaces: BTreeMap<InterfaceId, Interface>,
    /// Instances.
    pub instances: BTreeMap<InstanceId, Instance>,
    /// VIPs.
    pub vips: BTreeMap<VipId, Vip>,
    /// EIP pools.
    pub pools: BTreeMap<EipPoolId, EipPool>,
    /// EIPs.
    pub eips: BTreeMap<EipId, Eip>,
    /// Routes.
    pub routes: BTreeMap<RouteId, Route>,
    /// Hosts.
    pub hosts: BTreeMap<HostNumber, Host>,
}
