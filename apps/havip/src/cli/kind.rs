//! Kinds of resources: how each is found by id, name or address.

use super::session::{NotFound, Session, choose};
use super::show::Row;
use anyhow::{Result, bail};
use havip_api::{
    Client, ClientError, DeploymentSet, DeploymentSetFilter, Eip, EipFilter, EipPool, EipPoolFilter, Host,
    HostFilter, Instance, InstanceFilter, Interface, InterfaceFilter, Resource, ResourceGroup,
    ResourceGroupFilter, Route, RouteFilter, SecurityGroup, SecurityGroupFilter, Subnet, SubnetFilter, Vip,
    VipFilter, Vpc, VpcFilter,
};
use havip_model::{
    DeploymentSetId, EipId, EipPoolId, HostId, InstanceId, InterfaceId, ResourceGroupId, RouteId,
    SecurityGroupId, SubnetId, VipId, VpcId,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// A kind of resource.
pub trait Kind: Resource + Row + Serialize + Sized {
    /// For sentences: `VPC`.
    const NOUN: &'static str;
    /// On the command line: `vpc`.
    const COMMAND: &'static str;

    /// Whether a text is an id of this kind.
    fn is_id(text: &str) -> bool;
    /// One by its id.
    fn fetch(client: &Client, id: &str) -> Result<Self, ClientError>;
    /// All that have this name, or this address where addresses tell them apart.
    fn called(client: &Client, called: &str) -> Result<Vec<Self>, ClientError>;
    /// All of them.
    fn every(client: &Client) -> Result<Vec<Self>, ClientError>;
}

/// An id with its name.
#[derive(Debug, Clone)]
pub struct Named {
    /// The id.
    pub id: String,
    /// The name; may be empty.
    pub name: String,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.is_empty() {
            true => f.write_str(&self.id),
            false => write!(f, "{} ({})", self.id, self.name),
        }
    }
}

macro_rules! kinds {
    ($($kind:ident $id:ident $noun:literal $command:literal $fetch:ident $all:ident $filter:ident
       $(by $address:expr)?;)*) => {
        $(impl Kind for $kind {
            const NOUN: &'static str = $noun;
            const COMMAND: &'static str = $command;

            fn is_id(text: &str) -> bool {
                text.parse::<$id>().is_ok()
            }
            fn fetch(client: &Client, id: &str) -> Result<Self, ClientError> {
                client.$fetch(id)
            }
            fn called(client: &Client, called: &str) -> Result<Vec<Self>, ClientError> {
                $(if let Ok(address) = called.parse::<IpAddr>() {
                    let found: fn(&Client, &str) -> Result<Vec<Self>, ClientError> = $address;
                    // An IPv6 address may be spelled in many ways.
                    return found(client, &address.to_string());
                })?
                client.$all(&$filter { name: Some(called.to_owned()), ..Default::default() })
            }
            fn every(client: &Client) -> Result<Vec<Self>, ClientError> {
                client.$all(&$filter::default())
            }
        })*

        /// The names of all resources whose ids have this prefix.
        pub fn names_by_id(client: &Client, prefix: &str) -> Result<BTreeMap<String, String>, ClientError> {
            match prefix {
                $($id::PREFIX => Ok(names($kind::every(client)?)),)*
                _ => Ok(BTreeMap::new()),
            }
        }
    };
}

kinds! {
    Vpc VpcId "VPC" "vpc" vpc all_vpcs VpcFilter;
    Subnet SubnetId "subnet" "subnet" subnet all_subnets SubnetFilter;
    Interface InterfaceId "interface" "interface" interface all_interfaces InterfaceFilter by |client, address| {
        let mut some = client.all_interfaces(&InterfaceFilter { q: Some(address.into()), ..Default::default() })?;
        some.retain(|one| [&one.address, &one.address6].into_iter().flatten().any(|own| own == address));
        Ok(some)
    };
    Instance InstanceId "instance" "instance" instance all_instances InstanceFilter;
    Vip VipId "VIP" "vip" vip all_vips VipFilter by |client, address| {
        client.all_vips(&VipFilter { address: Some(address.into()), ..Default::default() })
    };
    EipPool EipPoolId "pool" "pool" eip_pool all_eip_pools EipPoolFilter;
    Eip EipId "EIP" "eip" eip all_eips EipFilter by |client, address| {
        client.all_eips(&EipFilter { address: Some(address.into()), ..Default::default() })
    };
    Route RouteId "route" "route" route all_routes RouteFilter;
    SecurityGroup SecurityGroupId "security group" "security-group" security_group all_security_groups SecurityGroupFilter;
    ResourceGroup ResourceGroupId "resource group" "resource-group" resource_group all_resource_groups ResourceGroupFilter;
    DeploymentSet DeploymentSetId "deployment set" "deployment-set" deployment_set all_deployment_sets DeploymentSetFilter;
    Host HostId "host" "host" host all_hosts HostFilter;
}

fn names<K: Resource>(all: Vec<K>) -> BTreeMap<String, String> {
    all.iter().map(|resource| (resource.meta().id.clone(), resource.meta().name.clone())).collect()
}

impl Session {
    /// The id of the instance or interface that is called so.
    pub fn guest_called(&self, called: &str) -> Result<String> {
        self.one_of(called, "instance or interface", &[candidates::<Instance>, candidates::<Interface>])
    }

    /// The id of the VIP, instance or interface that is called so.
    pub fn target_called(&self, called: &str) -> Result<String> {
        let kinds: &[Candidates] = &[candidates::<Vip>, candidates::<Instance>, candidates::<Interface>];
        self.one_of(called, "VIP, instance or interface", kinds)
    }

    /// The id of the VIP or interface that is called so.
    pub fn next_hop_called(&self, called: &str) -> Result<String> {
        self.one_of(called, "VIP or interface", &[candidates::<Vip>, candidates::<Interface>])
    }

    fn one_of(&self, called: &str, noun: &str, kinds: &[Candidates]) -> Result<String> {
        let mut all = Vec::new();
        for kind in kinds {
            all.extend(kind(&self.client, called)?);
        }
        match all.is_empty() {
            true => bail!(NotFound(format!("there is no {noun} called {called:?}"))),
            false => choose(noun, "", called, all),
        }
    }
}

/// Those of one kind that are called so.
type Candidates = fn(&Client, &str) -> Result<Vec<Named>, ClientError>;

fn candidates<K: Kind>(client: &Client, called: &str) -> Result<Vec<Named>, ClientError> {
    if K::is_id(called) {
        return Ok(vec![Named { id: called.to_owned(), name: String::new() }]);
    }
    let named = |resource: &K| Named { id: resource.meta().id.clone(), name: resource.meta().name.clone() };
    Ok(K::called(client, called)?.iter().map(named).collect())
}
