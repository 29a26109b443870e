//! A resource of any kind, and its name.

use crate::{
    DeploymentSet, DeploymentSetId, Eip, EipId, EipPool, EipPoolId, EipTarget, Host, HostNumber, Instance,
    InstanceId, Interface, InterfaceId, Meta, NextHop, ProjectId, ResourceGroup, ResourceGroupId, Route,
    RouteId, SecurityGroup, SecurityGroupId, Subnet, SubnetId, Target, Vip, VipId, Vpc, VpcId,
};
use std::{fmt, str::FromStr};

macro_rules! resources {
    ($($kind:ident($id:ident) = $word:literal, $key:ident;)*) => {
        /// A resource of any kind.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Resource { $(#[doc = concat!("See [`", stringify!($kind), "`].")] $kind($kind),)* }

        /// Names a resource of any kind; shown as `vip/vip-…`, and as `host/3` for hosts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ResourceKey { $(#[doc = concat!("A ", $word, ".")] $kind($id),)* }

        impl Resource {
            /// Its name.
            pub fn key(&self) -> ResourceKey {
                match self { $(Self::$kind(resource) => ResourceKey::$kind(resource.$key),)* }
            }
            /// What all resources have.
            pub fn meta(&self) -> &Meta {
                match self { $(Self::$kind(resource) => &resource.meta,)* }
            }
            /// The same, to be changed.
            pub fn meta_mut(&mut self) -> &mut Meta {
                match self { $(Self::$kind(resource) => &mut resource.meta,)* }
            }
        }

        impl ResourceKey {
            /// The word for its kind, as in stored keys.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$kind(_) => $word,)* }
            }
            /// The resource of this id, whatever its kind; hosts are found by their numbers only.
            pub fn of_id(id: &str) -> Option<Self> {
                $(if let Ok(id) = id.parse::<$id>() {
                    return Some(Self::$kind(id));
                })*
                None
            }
            /// Its id alone: `vip-…`, or a host's number.
            pub fn id(&self) -> String {
                match self { $(Self::$kind(id) => id.to_string(),)* }
            }
        }

        impl FromStr for ResourceKey {
            type Err = NotAResource;
            fn from_str(text: &str) -> Result<Self, NotAResource> {
                let bad = || NotAResource(text.chars().take(64).collect());
                let (kind, id) = text.split_once('/').ok_or_else(bad)?;
                match kind {
                    $($word => id.parse().map(Self::$kind).map_err(|_| bad()),)*
                    _ => Err(bad()),
                }
            }
        }

        $(impl From<$kind> for Resource {
            fn from(resource: $kind) -> Self { Self::$kind(resource) }
        })*
    };
}

resources! {
    ResourceGroup(ResourceGroupId) = "resource-group", id;
    Vpc(VpcId) = "vpc", id;
    Subnet(SubnetId) = "subnet", id;
    SecurityGroup(SecurityGroupId) = "security-group", id;
    DeploymentSet(DeploymentSetId) = "deployment-set", id;
    Host(HostNumber) = "host", number;
    Instance(InstanceId) = "instance", id;
    Interface(InterfaceId) = "interface", id;
    Vip(VipId) = "vip", id;
    EipPool(EipPoolId) = "eip-pool", id;
    Eip(EipId) = "eip", id;
    Route(RouteId) = "route", id;
}

impl Resource {
    /// The project that owns it; none if it is everybody's.
    pub fn owner(&self) -> Option<ProjectId> {
        match self {
            Self::Host(_) | Self::EipPool(_) => None,
            resource => Some(resource.meta().project),
        }
    }

    /// Whether somebody of the project may know that it is there.
    pub fn is_seen_by(&self, project: ProjectId) -> bool {
        self.owner().is_none_or(|owner| owner == project)
    }
}

impl From<Target> for ResourceKey {
    fn from(target: Target) -> Self {
        match target {
            Target::Instance(id) => Self::Instance(id),
            Target::Interface(id) => Self::Interface(id),
        }
    }
}

impl From<EipTarget> for ResourceKey {
    fn from(target: EipTarget) -> Self {
        match target {
            EipTarget::Vip(id) => Self::Vip(id),
            EipTarget::Instance(id) => Self::Instance(id),
            EipTarget::Interface(id) => Self::Interface(id),
        }
    }
}

impl From<NextHop> for ResourceKey {
    fn from(next_hop: NextHop) -> Self {
        match next_hop {
            NextHop::Vip(id) => Self::Vip(id),
            NextHop::Interface(id) => Self::Interface(id),
        }
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind(), self.id())
    }
}

/// The text does not name a resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} does not name a resource; such a name is for example vip/vip-…")]
pub struct NotAResource(String);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;

    #[test]
    fn a_name_reads_back_what_it_shows() {
        let names = [
            ResourceKey::Vip(VipId::new(Body::from_entropy([1; 16]))),
            ResourceKey::EipPool(EipPoolId::new(Body::from_entropy([2; 16]))),
            ResourceKey::Host(HostNumber::MIN),
        ];
        for name in names {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        for wrong in ["", "vip", "vip/", "eip/vip-aaaaaaaaaaaaaaaaaaaa", "host/0", "host/-1", "tree/1"] {
            assert!(wrong.parse::<ResourceKey>().is_err(), "{wrong}");
        }
    }
}
