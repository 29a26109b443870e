//! VPCs, subnets, routes and interfaces.

use super::transport::{Client, ClientError, segment};
use crate::{
    AddAddresses, Attach, CreateInterface, CreateRoute, CreateSubnet, CreateVpc, Interface, InterfaceFilter,
    Page, Plug, Route, RouteFilter, Subnet, SubnetFilter, UpdateInterface, UpdateNetwork, Vpc, VpcFilter,
};

impl Client {
    /// A page of VPCs.
    pub fn vpcs(&self, filter: &VpcFilter) -> Result<Page<Vpc>, ClientError> {
        self.list("/vpcs", filter)
    }
    /// All VPCs that pass the filter.
    pub fn all_vpcs(&self, filter: &VpcFilter) -> Result<Vec<Vpc>, ClientError> {
        self.every(|after| self.vpcs(&VpcFilter { after, limit: Some(200), ..filter.clone() }))
    }
    /// One VPC.
    pub fn vpc(&self, id: &str) -> Result<Vpc, ClientError> {
        self.get(&format!("/vpcs/{}", segment(id)))
    }
    /// Makes a VPC.
    pub fn create_vpc(&self, body: &CreateVpc) -> Result<Vpc, ClientError> {
        self.post("/vpcs", body)
    }
    /// Changes a VPC; what is absent stays.
    pub fn update_vpc(&self, id: &str, body: &UpdateNetwork) -> Result<Vpc, ClientError> {
        self.patch(&format!("/vpcs/{}", segment(id)), body)
    }
    /// Deletes a VPC.
    pub fn delete_vpc(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/vpcs/{}", segment(id)), &[])
    }
    /// A page of subnets.
    pub fn subnets(&self, filter: &SubnetFilter) -> Result<Page<Subnet>, ClientError> {
        self.list("/subnets", filter)
    }
    /// All subnets that pass the filter.
    pub fn all_subnets(&self, filter: &SubnetFilter) -> Result<Vec<Subnet>, ClientError> {
        self.every(|after| self.subnets(&SubnetFilter { after, limit: Some(200), ..filter.clone() }))
    }
    /// One subnet.
    pub fn subnet(&self, id: &str) -> Result<Subnet, ClientError> {
        self.get(&format!("/subnets/{}", segment(id)))
    }
    /// Makes a subnet.
    pub fn create_subnet(&self, body: &CreateSubnet) -> Result<Subnet, ClientError> {
        self.post("/subnets", body)
    }
    /// Changes a subnet; what is absent stays.
    pub fn update_subnet(&self, id: &str, body: &UpdateNetwork) -> Result<Subnet, ClientError> {
        self.patch(&format!("/subnets/{}", segment(id)), body)
    }
    /// Deletes a subnet.
    pub fn delete_subnet(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/subnets/{}", segment(id)), &[])
    }
    /// A page of routes.
    pub fn routes(&self, filter: &RouteFilter) -> Result<Page<Route>, ClientError> {
        self.list("/routes", filter)
    }
    /// All routes that pass the filter.
    pub fn all_routes(&self, filter: &RouteFilter) -> Result<Vec<Route>, ClientError> {
        self.every(|after| self.routes(&RouteFilter { after, limit: Some(200), ..filter.clone() }))
    }
    /// One route.
    pub fn route(&self, id: &str) -> Result<Route, ClientError> {
        self.get(&format!("/routes/{}", segment(id)))
    }
    /// Makes a route.
    pub fn create_route(&self, body: &CreateRoute) -> Result<Route, ClientError> {
        self.post("/routes", body)
    }
    /// Deletes a route.
    pub fn delete_route(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/routes/{}", segment(id)), &[])
    }
    /// A page of interfaces.
    pub fn interfaces(&self, filter: &InterfaceFilter) -> Result<Page<Interface>, ClientError> {
        self.list("/interfaces", filter)
    }
    /// All interfaces that pass the filter.
    pub fn all_interfaces(&self, filter: &InterfaceFilter) -> Result<Vec<Interface>, ClientError> {
        self.every(|after| self.interfaces(&InterfaceFilter { after, limit: Some(200), ..filter.clone() }))
    }
    /// One interface.
    pub fn interface(&self, id: &str) -> Result<Interface, ClientError> {
        self.get(&format!("/interfaces/{}", segment(id)))
    }
    /// Makes an interface.
    pub fn create_interface(&self, body: &CreateInterface) -> Result<Interface, ClientError> {
        self.post("/interfaces", body)
    }
    /// Changes an interface; what is absent stays.
    pub fn update_interface(&self, id: &str, body: &UpdateInterface) -> Result<Interface, ClientError> {
        self.patch(&format!("/interfaces/{}", segment(id)), body)
    }
    /// Deletes an interface.
    pub fn delete_interface(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/interfaces/{}", segment(id)), &[])
    }
    /// Attaches an interface to an instance.
    pub fn attach_interface(&self, id: &str, body: &Attach) -> Result<Interface, ClientError> {
        self.post(&format!("/interfaces/{}/attach", segment(id)), body)
    }
    /// Detaches an interface from its instance; its associations stay.
    pub fn detach_interface(&self, id: &str) -> Result<Interface, ClientError> {
        self.order(&format!("/interfaces/{}/detach", segment(id)))
    }
    /// Plugs the existing device of an interface into a host's switch.
    pub fn plug_interface(&self, id: &str, body: &Plug) -> Result<Interface, ClientError> {
        self.post(&format!("/interfaces/{}/plug", segment(id)), body)
    }
    /// Takes the device of an interface out of its host's switch.
    pub fn unplug_interface(&self, id: &str) -> Result<Interface, ClientError> {
        self.order(&format!("/interfaces/{}/unplug", segment(id)))
    }
    /// Prepares a device of another host for the guest of an interface, which moves there while it runs.
    pub fn migrate_interface(&self, id: &str, body: &Plug) -> Result<Interface, ClientError> {
        self.post(&format!("/interfaces/{}/migrate", segment(id)), body)
    }
    /// Says that the guest of an interface has arrived where it was on its way to.
    pub fn finish_migration(&self, id: &str) -> Result<Interface, ClientError> {
        self.order(&format!("/interfaces/{}/finish-migration", segment(id)))
    }
    /// Leaves the guest of an interface where it is.
    pub fn cancel_migration(&self, id: &str) -> Result<Interface, ClientError> {
        self.order(&format!("/interfaces/{}/cancel-migration", segment(id)))
    }
    /// Gives an interface further addresses.
    pub fn add_addresses(&self, id: &str, body: &AddAddresses) -> Result<Interface, ClientError> {
        self.post(&format!("/interfaces/{}/addresses", segment(id)), body)
    }
    /// Takes a secondary address from an interface.
    pub fn remove_address(&self, id: &str, address: &str) -> Result<(), ClientError> {
        self.delete(&format!("/interfaces/{}/addresses/{}", segment(id), segment(address)), &[])
    }
}
