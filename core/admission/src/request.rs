//! What may be asked for: one type per request.
//!
//! In a `Update…` a field that is `None` stays as it is. A name is at most 128 characters, a description at
//! most 256; both may be empty and need not be unique.

mod deployment_set;
mod eip;
mod group;
mod host;
mod instance;
mod interface;
mod network;
mod resource_group;
mod route;
mod tag;
mod texts;
mod vip;

pub use {
    deployment_set::*, eip::*, group::*, host::*, instance::*, interface::*, network::*, resource_group::*,
    route::*, tag::*, texts::*, vip::*,
};

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident)*) => {
        /// Anything that may be asked for.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Request { $($(#[$doc])* $name($name),)* }

        $(impl From<$name> for Request {
            fn from(request: $name) -> Self { Self::$name(request) }
        })*
    };
}

requests! {
    /// Makes a VPC.
    CreateVpc
    /// Changes a VPC's texts, or gives it IPv6.
    UpdateVpc
    /// Deletes a VPC without subnets.
    DeleteVpc
    /// Makes a subnet.
    CreateSubnet
    /// Changes a subnet's texts, or gives it IPv6.
    UpdateSubnet
    /// Deletes a subnet without interfaces and VIPs.
    DeleteSubnet
    /// Makes an interface.
    CreateInterface
    /// Changes an interface.
    UpdateInterface
    /// Deletes an interface that no route leads to, and unbinds it everywhere.
    DeleteInterface
    /// Attaches an interface to an instance.
    AttachInterface
    /// Detaches an interface from its instance; it keeps its associations and its EIP.
    DetachInterface
    /// Gives an interface further addresses.
    AddAddresses
    /// Takes further addresses from an interface.
    RemoveAddresses
    /// Moves further addresses from one interface to another at once.
    MoveAddresses
    /// Gives an interface further addresses, whoever has them as such.
    TakeAddresses
    /// Plugs an interface into a host by an existing device.
    PlugInterface
    /// Unplugs what [`PlugInterface`] plugged.
    UnplugInterface
    /// Prepares another host for a guest that moves there while it runs.
    MigrateInterface
    /// Says that the guest is there: it has sent its first frame, or somebody knows.
    FinishMigration
    /// The guest stays where it is.
    CancelMigration
    /// The two hosts of a migration have told how long nobody heard from the guest.
    MeasureMigration
    /// Every host has acknowledged that the port has left a host.
    SettleInterface
    /// Makes an instance with its primary interface and runs it.
    RunInstance
    /// Changes an instance's texts.
    UpdateInstance
    /// Starts an instance.
    StartInstance
    /// Stops an instance: SIGTERM, then SIGKILL.
    StopInstance
    /// Stops an instance that runs, and starts it anew.
    RestartInstance
    /// Powers an instance off: ports down and everything killed at once.
    PowerOffInstance
    /// Lets a machine of the driver `qemu` go on at another host while it runs.
    MigrateInstance
    /// The machine stays where it is.
    CancelInstanceMigration
    /// Deletes an instance with its primary interface, to which no route leads, and unbinds both everywhere.
    DeleteInstance
    /// Makes a VIP, with associations if some are given.
    CreateVip
    /// Changes a VIP.
    UpdateVip
    /// Lets a VIP's claims begin anew.
    RenewVip
    /// Deletes a VIP.
    DeleteVip
    /// Lets an instance or interface claim a VIP.
    Associate
    /// Takes that permission back.
    Dissociate
    /// Changes the tags of a resource.
    TagResource
    /// Makes a deployment set.
    CreateDeploymentSet
    /// Changes a deployment set's texts.
    UpdateDeploymentSet
    /// Deletes a deployment set without instances.
    DeleteDeploymentSet
    /// Puts an instance into a deployment set, from another one too, where it is.
    JoinDeploymentSet
    /// Takes an instance out of its deployment set.
    LeaveDeploymentSet
    /// Makes a resource group.
    CreateResourceGroup
    /// Changes a resource group's texts.
    UpdateResourceGroup
    /// Deletes a resource group in which nothing is.
    DeleteResourceGroup
    /// Moves resources to another resource group.
    MoveToGroup
    /// Makes a pool of public addresses.
    CreateEipPool
    /// Changes a pool.
    UpdateEipPool
    /// Deletes a pool without EIPs.
    DeleteEipPool
    /// Takes an address out of a pool.
    AllocateEip
    /// Changes an EIP.
    UpdateEip
    /// Lets an EIP lead to a VIP, an instance or an interface.
    BindEip
    /// Lets an EIP lead nowhere.
    UnbindEip
    /// Gives an EIP back to its pool.
    ReleaseEip
    /// Makes a custom route.
    CreateRoute
    /// Deletes a custom route.
    DeleteRoute
    /// Makes a security group.
    CreateSecurityGroup
    /// Changes a security group's texts.
    UpdateSecurityGroup
    /// Deletes a security group that guards nothing.
    DeleteSecurityGroup
    /// Gives a security group further rules.
    AddRules
    /// Takes rules from a security group.
    RemoveRules
    /// Gives a security group other rules, at once.
    ReplaceRules
    /// Adds a machine that has shown its join token.
    JoinHost
    /// Takes over what a host says of itself.
    UpdateHost
    /// Removes a host on which nothing runs.
    RemoveHost
}

impl Request {
    /// What it says of what it makes, if it makes something that a project owns.
    pub fn texts(&self) -> Option<&Texts> {
        Some(match self {
            Self::CreateVpc(it) => &it.texts,
            Self::CreateSubnet(it) => &it.texts,
            Self::CreateInterface(it) => &it.texts,
            Self::RunInstance(it) => &it.texts,
            Self::CreateVip(it) => &it.texts,
            Self::AllocateEip(it) => &it.texts,
            Self::CreateRoute(it) => &it.texts,
            Self::CreateSecurityGroup(it) => &it.texts,
            Self::CreateDeploymentSet(it) => &it.texts,
            Self::CreateResourceGroup(it) => &it.texts,
            _ => return None,
        })
    }

    /// Whether it is about hosts or pools, which are everybody's: decided from everything that there is.
    pub fn is_about_all(&self) -> bool {
        matches!(
            self,
            Self::CreateEipPool(_)
                | Self::UpdateEipPool(_)
                | Self::DeleteEipPool(_)
                | Self::JoinHost(_)
                | Self::UpdateHost(_)
                | Self::RemoveHost(_)
        )
    }
}
