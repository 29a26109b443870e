//! When a VIP may be deleted: by the rule of the API that made it, whoever asks.

use crate::View;
use havip_admission::request::DeleteVip;
use havip_model::{EipTarget, NextHop, Profile, Vip};

/// What stands in the way of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// Somebody is associated, and the cloud wants that ended first.
    #[error("is associated with instances or interfaces; end that first")]
    Associated,
    /// Somebody holds it, and the cloud wants that ended first.
    #[error("is held by an instance; take it off in the failover software first")]
    Held,
    /// An EIP leads to it.
    #[error("has an EIP; unbind that first")]
    Eip,
    /// A route leads to it.
    #[error("is the next hop of a route; delete that first")]
    Route,
}

/// The request that deletes a VIP.
///
/// # Errors
/// What stands in the way, in this order: associations, the holder, the EIP, routes.
pub fn deletion(view: &View, vip: &Vip) -> Result<DeleteVip, Blocked> {
    match vip.profile {
        Profile::Native | Profile::Alibaba if !vip.associations.is_empty() => {
            return Err(Blocked::Associated);
        }
        // Who may hold it does not matter, only who does.
        Profile::Tencent if view.holding(vip).is_some() => return Err(Blocked::Held),
        // UCloudStack unbinds by itself.
        Profile::Native | Profile::Alibaba | Profile::Tencent | Profile::Ucloudstack => {}
    }
    if view.world.eips_to(EipTarget::Vip(vip.id)).next().is_some() {
        return Err(Blocked::Eip);
    }
    match view.world.routes_via(NextHop::Vip(vip.id)).next() {
        Some(_) => Err(Blocked::Route),
        None => Ok(DeleteVip { vip: vip.id, unbind: true }),
    }
}
