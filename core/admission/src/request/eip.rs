//! Requests about EIP pools and EIPs.

use super::{NewTexts, Texts};
use havip_model::{EipId, EipPoolId, EipTarget, Family};
use ipnet::IpNet;
use std::net::IpAddr;

/// The most ranges that a pool has: an edge's switch has room for 64 in all.
pub const RANGES_PER_POOL: u64 = 16;

/// See [`Request::CreateEipPool`](super::Request::CreateEipPool).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateEipPool {
    /// Name and description.
    pub texts: Texts,
    /// Its addresses: 1 to [`RANGES_PER_POOL`] ranges of one family, given out in this order.
    pub cidrs: Vec<IpNet>,
    /// The outside router, of the same family.
    pub gateway: Option<IpAddr>,
    /// Addresses of `cidrs` that are never given out, such as the edges' own.
    pub reserved: Vec<IpAddr>,
}

/// See [`Request::UpdateEipPool`](super::Request::UpdateEipPool).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateEipPool {
    /// Which.
    pub pool: EipPoolId,
    /// The new texts.
    pub texts: NewTexts,
    /// All ranges, in place of the present ones; every EIP of the pool must be of one of them.
    pub cidrs: Option<Vec<IpNet>>,
    /// Addresses that are never given out, in place of the present ones.
    pub reserved: Option<Vec<IpAddr>>,
}

/// See [`Request::DeleteEipPool`](super::Request::DeleteEipPool).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteEipPool {
    /// Which.
    pub pool: EipPoolId,
}

/// See [`Request::AllocateEip`](super::Request::AllocateEip).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllocateEip {
    /// From which pool; none for the first of the family that has a free address, or the one that a chosen address is
    /// of.
    pub pool: Option<EipPoolId>,
    /// Name and description.
    pub texts: Texts,
    /// The address; none for the lowest free one.
    pub address: Option<IpAddr>,
    /// Of which family it must be; none for the pool's, and IPv4 without a pool.
    pub family: Option<Family>,
    /// Bits per second in units of a million, each way: at least 1; none is unlimited.
    pub bandwidth_mbps: Option<u32>,
}

/// See [`Request::UpdateEip`](super::Request::UpdateEip).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateEip {
    /// Which.
    pub eip: EipId,
    /// The new texts.
    pub texts: NewTexts,
    /// The new bandwidth; `Some(None)` is unlimited.
    pub bandwidth_mbps: Option<Option<u32>>,
}

/// See [`Request::BindEip`](super::Request::BindEip).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindEip {
    /// Which.
    pub eip: EipId,
    /// To what.
    pub target: EipTarget,
}

/// See [`Request::UnbindEip`](super::Request::UnbindEip).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnbindEip {
    /// Which.
    pub eip: EipId,
}

/// See [`Request::ReleaseEip`](super::Request::ReleaseEip).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseEip {
    /// Which.
    pub eip: EipId,
    /// Unbinds it first.
    pub unbind: bool,
}
