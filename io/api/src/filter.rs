//! What a list may be narrowed by, as query parameters; an unknown one is refused.

use crate::PathProtocol;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

macro_rules! filters {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
        #[into_params(parameter_in = Query)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<$type>,)*
            /// Continue behind this: `next` of the page before.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub after: Option<String>,
            /// At most so many, 1 to 200; 50 if absent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[param(minimum = 1, maximum = 200)]
            pub limit: Option<u32>,
        }
    )*};
}

filters! {
    /// Which deployment sets.
    DeploymentSetFilter {
        /// With exactly this name.
        name: String,
        /// With this tag: `KEY=VALUE`, or `KEY` with any value.
        tag: String,
        /// In the resource group with this id.
        resource_group: String,
        /// Whose name or description has the letters of this text in order, or whose id contains it.
        q: String,
    }
    /// Which resource groups.
    ResourceGroupFilter {
        /// With exactly this name.
        name: String,
        /// Whose name or description has the letters of this text in order, or whose id contains it.
        q: String,
    }
    /// Which VPCs.
    VpcFilter {
        /// With exactly this name.
        name: String,
        /// With this tag: `KEY=VALUE`, or `KEY` with any value.
        tag: String,
        /// In the resource group with this id.
        resource_group: String,
        /// Whose name or description has the letters of this text in order, or whose id or addresses contain it.
        q: String,
    }
    /// Which subnets.
    SubnetFilter {
        /// Of the VPC with this id.
        vpc: String,
        /// With exactly this name.
        name: String,
        /// With this tag: `KEY=VALUE`, or `KEY` with any value.
        tag: String,
        /// In the resource group with this id.
        resource_group: String,
        /// Whose name or description has the letters of this text in order, or whose id or addresses contain it.
        q: String,
    }
    /// Which interfaces.
    InterfaceFilter {
        /// Of the VPC with this id.
        vpc: String,
        /// Of the subnet with this id.
        subnet: String,
        /// Of the instance with this id.
        instance: String,
        /// With exactly this name.
        name: String,
        /// With this tag: `KEY=VALUE`, or `KEY` with any value.
        tag: String,
        /// In the resource group with this id.
        resource_group: String,
        /// Whose name or description has the letters of this text in order, or whose id or addresses contain it.
        q: String,
    }
    /// Which instances.
    InstanceFilter {
        /// With an interface in the VPC with this id.
        vpc: String,
        /// With an interface in the subnet with this id.
        subnet: String,
        /// On the host with this id.
        host: String,
        /// Of the deployment set with this id.
        deployment_set: String,
        /// With exactly this name.
        name: String,
        /// With this tag: `KEY=VALUE`, or `KEY` with any value.
        tag: String,
        /// In the resource group with this id.
        resource_group: String,
        /// Whose name or description has the letters of this text in order, or whose id or addresses contain it.
        q: String,
    }
    /// Which VIPs.
    VipFilter {
        /// Of the VPC with this id.
        vpc: String,
        /// Of the subnet with this id.
        subnet: String,
        /// Associated with the instance with this id, itself or by its interfaces.
        instance: String,
        /// With exactly this address.
        address: String,
        /// With exactly this name.
        name: String,
        /// With this tag: `KEY=VALUE`, or `KEY` with any value.
        tag: String,
        /// In the resource group with this id.
        resource_group: String,
        /// Whose name or description has the letters of this text in order, or whose id or addresses contain it.
        q: String,
    }
    /// Which pools of public addresses.
    EipPoolFilter {
        /// With exactly this name.
        name: String,
        /// Whose name or description has the letters of this text in order, or whose id or addresses contain it.
        q: String,
    }
    /// Which EIPs.
    EipFilter {
        /// From the pool with this id.
        pool: String,
        /// Bound to the VIP, instance or interface with this id.
        target: String,
        /// With exactly this address.
        address: String,
        /// With exactly this name.
        name: String,
        /// With this tag: `KEY=VALUE`, or `KEY` with any value.
        tag: String,
        /// In the resource group with this id.
        resource_group: String,
        /// Whose name or description has the letters of this text in order, or whose id or addresses contain it.
        q: String,
    }
    /// Which routes.
    RouteFilter {
        /// Of the VPC with this id.
        vpc: String,
        /// With exactly this name.
        name: String,
        /// With this tag: `KEY=VALUE`, or `KEY` with any value.
        tag: String,
        /// In the resource group with this id.
        resource_group: String,
        /// Whose name or description has the letters of this text in order, or whose id or addresses contain it.
        q: String,
    }
    /// Which security groups.
    SecurityGroupFilter {
        /// Of the VPC with this id.
        vpc: String,
        /// With exactly this name.
        name: String,
        /// With this tag: `KEY=VALUE`, or `KEY` with any value.
        tag: String,
        /// In the resource group with this id.
        resource_group: String,
        /// Whose name or description has the letters of this text in order, or whose id contains it.
        q: String,
    }
    /// Which hosts.
    HostFilter {
        /// With exactly this name.
        name: String,
        /// Whose name or description has the letters of this text in order, or whose id or addresses contain it.
        q: String,
    }
    /// Which events; `after` is a sequence number.
    EventFilter {
        /// Of this kind.
        kind: String,
        /// Of the VIP with this id.
        vip: String,
        /// Of the instance with this id.
        instance: String,
        /// Of the host with this id.
        host: String,
        /// That name this address.
        address: String,
    }
    /// Which entries of the audit, oldest first; `after` is a sequence number.
    AuditFilter {
        /// By the user of this name.
        user: String,
        /// By this access key.
        key: String,
        /// Of the project with this id.
        project: String,
        /// From this address.
        source: String,
        /// Through this API: `native`, `aliyun`, `tencent`, `ucloud` or `ucloudstack`.
        dialect: String,
        /// Of this action, such as `vpc:DeleteHaVip`.
        action: String,
        /// About the resource with this id.
        resource: String,
        /// Of the request with this id.
        request_id: String,
        /// `done`, `refused`, or the code of a refusal.
        outcome: String,
        /// From this instant on (RFC 3339).
        since: String,
        /// Before this instant (RFC 3339).
        until: String,
    }
    /// Which tags, in the order of their resources' ids.
    TagFilter {
        /// Of the resource with this id.
        resource: String,
        /// With this key.
        key: String,
        /// With this value.
        value: String,
    }
    /// Which moves of a VIP, oldest first; `after` is a sequence number.
    HistoryFilter {
    }
}

/// Which events to watch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WatchFilter {
    /// Begin behind this sequence number; with what happens from now on if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of the VIP with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vip: Option<String>,
    /// Of the instance with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Of the host with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// That name this address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// Which packet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PathQuery {
    /// The id of the interface that sends it; absent: it comes from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The address that it is from; the interface's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The address that it is for.
    pub destination: String,
    /// What it is; a ping if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<PathProtocol>,
    /// To which port, if it is TCP or UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// What to look on at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TraceFilter {
    /// Only what the interface with this id sends or is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Only what is of the VPC with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// Only what is from or for this address, in IP, ARP or neighbour discovery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Only what is of this protocol; `icmp` is that of both families.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<PathProtocol>,
    /// Only what is from or to this port of TCP or UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 65535)]
    pub port: Option<u16>,
    /// Only what ends so: one or several of sent, answered, used, dropped, refused, with commas between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// Only what is dropped or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<bool>,
    /// Also what hosts tell each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<bool>,
    /// End after so long; 60 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 3600)]
    pub seconds: Option<u32>,
}
