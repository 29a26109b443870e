//! Requests about routes.

use super::Texts;
use havip_model::{NextHop, RouteId, VpcId};
use ipnet::IpNet;

/// See [`Request::CreateRoute`](super::Request::CreateRoute).
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

/// See [`Request::DeleteRoute`](super::Request::DeleteRoute).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteRoute {
    /// Which.
    pub route: RouteId,
}
