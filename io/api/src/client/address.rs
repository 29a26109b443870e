//! VIPs and public addresses.

use super::transport::{Client, ClientError, segment};
use crate::{
    AllocateEip, Associate, BatchDelete, BatchDeleted, BindEip, CreateEipPool, CreateVip, Drill, DrillVip,
    Eip, EipFilter, EipPool, EipPoolFilter, HistoryFilter, Move, Page, UpdateEip, UpdateEipPool, UpdateVip,
    Vip, VipFilter, Why,
};

impl Client {
    /// A page of VIPs.
    pub fn vips(&self, filter: &VipFilter) -> Result<Page<Vip>, ClientError> {
        self.list("/vips", filter)
    }
    /// All VIPs that pass the filter.
    pub fn all_vips(&self, filter: &VipFilter) -> Result<Vec<Vip>, ClientError> {
        self.every(|after| self.vips(&VipFilter { after, limit: Some(200), ..filter.clone() }))
    }
    /// One VIP.
    pub fn vip(&self, id: &str) -> Result<Vip, ClientError> {
        self.get(&format!("/vips/{}", segment(id)))
    }
    /// Makes a VIP, with its associations, in one step.
    pub fn create_vip(&self, body: &CreateVip) -> Result<Vip, ClientError> {
        self.post("/vips", body)
    }
    /// Changes a VIP; what is absent stays.
    pub fn update_vip(&self, id: &str, body: &UpdateVip) -> Result<Vip, ClientError> {
        self.patch(&format!("/vips/{}", segment(id)), body)
    }
    /// Lets a VIP's claims begin anew: whoever has the address is asked, whatever was claimed before.
    pub fn renew_vip(&self, vip: &str) -> Result<Vip, ClientError> {
        self.order(&format!("/vips/{}/renew", segment(vip)))
    }
    /// Deletes a VIP; with `unbind`, unbinds it first from associations, EIP and routes.
    pub fn delete_vip(&self, id: &str, unbind: bool) -> Result<(), ClientError> {
        self.delete(&format!("/vips/{}", segment(id)), &[("unbind", unbind.to_string())])
    }
    /// Deletes many VIPs, each for itself.
    pub fn delete_vips(&self, body: &BatchDelete) -> Result<BatchDeleted, ClientError> {
        self.post("/vips/batch-delete", body)
    }
    /// Lets an instance or an interface claim a VIP.
    pub fn associate(&self, vip: &str, body: &Associate) -> Result<Vip, ClientError> {
        self.post(&format!("/vips/{}/associations", segment(vip)), body)
    }
    /// Takes the permission to claim a VIP back.
    pub fn dissociate(&self, vip: &str, target: &str) -> Result<(), ClientError> {
        self.delete(&format!("/vips/{}/associations/{}", segment(vip), segment(target)), &[])
    }
    /// How a VIP moved, oldest first.
    pub fn vip_history(&self, vip: &str, filter: &HistoryFilter) -> Result<Page<Move>, ClientError> {
        self.list(&format!("/vips/{}/history", segment(vip)), filter)
    }
    /// Takes the link of a VIP's holder away for a while; it comes back by itself.
    pub fn drill_vip(&self, vip: &str, body: &DrillVip) -> Result<Drill, ClientError> {
        self.post(&format!("/vips/{}/drill", segment(vip)), body)
    }
    /// Why a VIP is where it is.
    pub fn why_vip(&self, vip: &str) -> Result<Why, ClientError> {
        self.get(&format!("/vips/{}/why", segment(vip)))
    }
    /// A page of pools.
    pub fn eip_pools(&self, filter: &EipPoolFilter) -> Result<Page<EipPool>, ClientError> {
        self.list("/eip-pools", filter)
    }
    /// All pools that pass the filter.
    pub fn all_eip_pools(&self, filter: &EipPoolFilter) -> Result<Vec<EipPool>, ClientError> {
        self.every(|after| self.eip_pools(&EipPoolFilter { after, limit: Some(200), ..filter.clone() }))
    }
    /// One pool.
    pub fn eip_pool(&self, id: &str) -> Result<EipPool, ClientError> {
        self.get(&format!("/eip-pools/{}", segment(id)))
    }
    /// Makes a pool of public addresses.
    pub fn create_eip_pool(&self, body: &CreateEipPool) -> Result<EipPool, ClientError> {
        self.post("/eip-pools", body)
    }
    /// Changes a pool; what is absent stays.
    pub fn update_eip_pool(&self, id: &str, body: &UpdateEipPool) -> Result<EipPool, ClientError> {
        self.patch(&format!("/eip-pools/{}", segment(id)), body)
    }
    /// Deletes a pool.
    pub fn delete_eip_pool(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/eip-pools/{}", segment(id)), &[])
    }
    /// A page of EIPs.
    pub fn eips(&self, filter: &EipFilter) -> Result<Page<Eip>, ClientError> {
        self.list("/eips", filter)
    }
    /// All EIPs that pass the filter.
    pub fn all_eips(&self, filter: &EipFilter) -> Result<Vec<Eip>, ClientError> {
        self.every(|after| self.eips(&EipFilter { after, limit: Some(200), ..filter.clone() }))
    }
    /// One EIP.
    pub fn eip(&self, id: &str) -> Result<Eip, ClientError> {
        self.get(&format!("/eips/{}", segment(id)))
    }
    /// Takes a public address from a pool.
    pub fn allocate_eip(&self, body: &AllocateEip) -> Result<Eip, ClientError> {
        self.post("/eips", body)
    }
    /// Changes an EIP; what is absent stays.
    pub fn update_eip(&self, id: &str, body: &UpdateEip) -> Result<Eip, ClientError> {
        self.patch(&format!("/eips/{}", segment(id)), body)
    }
    /// Gives an EIP back to its pool; with `unbind`, unbinds it first.
    pub fn release_eip(&self, id: &str, unbind: bool) -> Result<(), ClientError> {
        self.delete(&format!("/eips/{}", segment(id)), &[("unbind", unbind.to_string())])
    }
    /// Binds an EIP to a VIP, an instance or an interface.
    pub fn bind_eip(&self, id: &str, target: &str) -> Result<Eip, ClientError> {
        self.post(&format!("/eips/{}/bind", segment(id)), &BindEip { target: target.into() })
    }
    /// Unbinds an EIP.
    pub fn unbind_eip(&self, id: &str) -> Result<Eip, ClientError> {
        self.order(&format!("/eips/{}/unbind", segment(id)))
    }
}
