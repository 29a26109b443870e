//! Why a request may not happen, in words for people and a code for programs.

use havip_model::ResourceKey;
use std::fmt;

/// Why a request may not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Stable, for programs.
    pub code: Code,
    /// Where in the request the trouble is, as a JSON pointer such as `/address`; empty for the whole.
    pub field: String,
    /// What was wrong and what to do.
    pub message: String,
    /// The resources that stand in the way.
    pub blocked_by: Vec<ResourceKey>,
}

impl Refusal {
    /// What transports decide by.
    pub fn kind(&self) -> Kind {
        self.code.kind()
    }
}

/// What kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What the request names does not exist.
    NotFound,
    /// What is asked for does not fit what is there.
    Conflict,
    /// The request makes no sense, whatever is there.
    Invalid,
    /// A limit or a range is exhausted.
    LimitExceeded,
    /// What is to go is still used.
    InUse,
}

macro_rules! codes {
    ($($kind:ident { $($(#[$doc:meta])* $name:ident = $word:literal,)* })*) => {
        /// Stable names of all refusals.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($($(#[$doc])* $name,)*)* }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$($(Self::$name,)*)*];

            /// The name that programs compare: snake_case, never changed.
            pub const fn as_str(self) -> &'static str {
                match self { $($(Self::$name => $word,)*)* }
            }

            /// What kind of trouble it is.
            pub const fn kind(self) -> Kind {
                match self { $($(Self::$name => Kind::$kind,)*)* }
            }
        }
    };
}

codes! {
    NotFound {
        /// No such VPC.
        VpcNotFound = "vpc_not_found",
        /// No such subnet.
        SubnetNotFound = "subnet_not_found",
        /// No such interface.
        InterfaceNotFound = "interface_not_found",
        /// No such instance.
        InstanceNotFound = "instance_not_found",
        /// No such VIP.
        VipNotFound = "vip_not_found",
        /// No such EIP pool.
        EipPoolNotFound = "eip_pool_not_found",
        /// No such EIP.
        EipNotFound = "eip_not_found",
        /// No such route.
        RouteNotFound = "route_not_found",
        /// No such security group.
        SecurityGroupNotFound = "security_group_not_found",
        /// The security group has no such rule.
        RuleNotFound = "rule_not_found",
        /// No such deployment set.
        DeploymentSetNotFound = "deployment_set_not_found",
        /// No such resource group.
        ResourceGroupNotFound = "resource_group_not_found",
        /// No such host.
        HostNotFound = "host_not_found",
        /// No such resource, or it is of a kind that has no tags.
        ResourceNotFound = "resource_not_found",
        /// The target is not associated with the VIP.
        NotAssociated = "not_associated",
        /// The interface does not have this further address.
        AddressNotOnInterface = "address_not_on_interface",
        /// No such project.
        ProjectNotFound = "project_not_found",
        /// No such user.
        UserNotFound = "user_not_found",
        /// No such access key.
        AccessKeyNotFound = "access_key_not_found",
        /// No such policy, or the user does not have it.
        PolicyNotFound = "policy_not_found",
        /// No such request for another limit.
        QuotaRequestNotFound = "quota_request_not_found",
    }
    Invalid {
        /// A name, description, zone or region is too long, empty, or holds control characters.
        InvalidText = "invalid_text",
        /// A CIDR whose address has bits behind its prefix.
        CidrHasHostBits = "cidr_has_host_bits",
        /// A CIDR that is too large or too small for its use.
        CidrSize = "cidr_size",
        /// A CIDR of addresses that are not for networks: multicast, loopback, link-local and the like.
        CidrNotUsable = "cidr_not_usable",
        /// A subnet's CIDR is not within its VPC's.
        CidrOutsideVpc = "cidr_outside_vpc",
        /// An address is not of the subnet.
        AddressOutsideSubnet = "address_outside_subnet",
        /// An address is the network's, the gateway's, the broadcast one, anycast, or kept back.
        AddressReserved = "address_reserved",
        /// The same address twice in one request.
        AddressRepeated = "address_repeated",
        /// An address is needed here.
        AddressRequired = "address_required",
        /// An address of the other family than is given here.
        AddressFamily = "address_family",
        /// An address that nobody can send from.
        AddressNotUnicast = "address_not_unicast",
        /// A MAC that no interface may have.
        MacNotUsable = "mac_not_usable",
        /// A size outside its range.
        OutOfRange = "out_of_range",
        /// A device's name is not one, or is given where none belongs.
        InvalidDevice = "invalid_device",
        /// An image's name is missing, or is given where none belongs.
        InvalidImage = "invalid_image",
        /// A first process is named where none belongs.
        InvalidInit = "invalid_init",
        /// A public address is not of the pool.
        AddressOutsidePool = "address_outside_pool",
        /// The associations of one VIP are instances or interfaces, not both.
        MixedTargets = "mixed_targets",
        /// A rule that no packet could match.
        InvalidRule = "invalid_rule",
        /// The same security group twice in one request.
        GroupRepeated = "group_repeated",
        /// A key that no tag may have.
        InvalidTagKey = "invalid_tag_key",
        /// A value that no tag may have.
        InvalidTagValue = "invalid_tag_value",
        /// A profile of a quota that has one limit for all.
        InvalidProfile = "invalid_profile",
        /// Nothing was asked for.
        NothingToDo = "nothing_to_do",
    }
    Conflict {
        /// A CIDR overlaps another one.
        CidrOverlaps = "cidr_overlaps",
        /// Another subnet is joined to the provider's VLAN.
        VlanInUse = "vlan_in_use",
        /// What is of a provider's network has no EIP, and is no next hop: the switch does not route there.
        ExternalSubnet = "external_subnet",
        /// The VPC or the subnet has no IPv6 range.
        NoIpv6Range = "no_ipv6_range",
        /// The VPC or the subnet has an IPv6 range already.
        HasIpv6Range = "has_ipv6_range",
        /// Both must be IPv4 or both IPv6.
        OtherFamily = "other_family",
        /// Somebody has the address.
        AddressInUse = "address_in_use",
        /// Somebody has the MAC.
        MacInUse = "mac_in_use",
        /// Both must be of the same VPC.
        OtherVpc = "other_vpc",
        /// Both must be of the same subnet.
        OtherSubnet = "other_subnet",
        /// Both must be in the same zone.
        OtherZone = "other_zone",
        /// The interface is attached already.
        AlreadyAttached = "already_attached",
        /// The interface is not attached.
        NotAttached = "not_attached",
        /// The primary interface stays with its instance.
        PrimaryInterface = "primary_interface",
        /// The interface is plugged in already.
        AlreadyPlugged = "already_plugged",
        /// The interface was not plugged in by hand.
        NotPlugged = "not_plugged",
        /// The guest is on its way to another host already.
        AlreadyMigrating = "already_migrating",
        /// The guest is not on its way to another host.
        NotMigrating = "not_migrating",
        /// The instance's driver cannot do that.
        WrongDriver = "wrong_driver",
        /// The driver makes the interface's device itself.
        DriverPlugs = "driver_plugs",
        /// The instance runs on another host.
        OtherHost = "other_host",
        /// A device of the host is used by another interface.
        DeviceInUse = "device_in_use",
        /// The instance is in that state already.
        AlreadyInState = "already_in_state",
        /// The target is associated already.
        AlreadyAssociated = "already_associated",
        /// The EIP leads somewhere already.
        EipBound = "eip_bound",
        /// The EIP leads nowhere.
        EipNotBound = "eip_not_bound",
        /// The target has an EIP already.
        TargetHasEip = "target_has_eip",
        /// The target has no address that an EIP or a route could lead to.
        TargetHasNoAddress = "target_has_no_address",
        /// The VPC has a route to this destination already.
        RouteExists = "route_exists",
        /// The destination is within a subnet, which always wins.
        DestinationInSubnet = "destination_in_subnet",
        /// The interface drops what is not for its own addresses.
        SourceDestCheckOn = "source_dest_check_on",
        /// The security group has such a rule already.
        RuleExists = "rule_exists",
        /// A VPC's default security group stays as long as the VPC.
        DefaultGroup = "default_group",
        /// A project's default resource group stays as it is.
        DefaultResourceGroup = "default_resource_group",
        /// Another host has this name.
        HostNameInUse = "host_name_in_use",
        /// Another host has this VXLAN address.
        UnderlayInUse = "underlay_in_use",
        /// The host is not heard.
        HostNotLive = "host_not_live",
        /// Another project, or another user or resource group of the project, has this name.
        NameInUse = "name_in_use",
        /// What was asked for was decided already.
        AlreadyDecided = "already_decided",
        /// Nobody would be left who may do everything.
        LastAdministrator = "last_administrator",
    }
    LimitExceeded {
        /// The subnet has no free address.
        SubnetFull = "subnet_full",
        /// The pool has no free address.
        PoolFull = "pool_full",
        /// There is no live host for it.
        NoHost = "no_host",
        /// A host, or every one that would do, has no room for it.
        HostFull = "host_full",
        /// The VIP has as many associations as it may.
        TooManyAssociations = "too_many_associations",
        /// The instance is associated with as many VIPs as it may.
        TooManyVipsOfInstance = "too_many_vips_of_instance",
        /// The VPC has as many VIPs as it may.
        TooManyVipsInVpc = "too_many_vips_in_vpc",
        /// The project has as many VIPs as it may.
        TooManyVipsInProject = "too_many_vips_in_project",
        /// More tags in one request than there may be.
        TooManyTags = "too_many_tags",
        /// The resource has as many tags as it may.
        TooManyTagsOfResource = "too_many_tags_of_resource",
        /// The project may have no VIPs at all.
        VipsNotAllowed = "vips_not_allowed",
        /// The VPC has as many routes to VIPs as it may.
        TooManyVipRoutes = "too_many_vip_routes",
        /// The interface has as many further addresses as it may.
        TooManyAddresses = "too_many_addresses",
        /// The VIP has as many further sources of adverts as it may.
        TooManyAdvertSources = "too_many_advert_sources",
        /// The instance has as many interfaces as it may.
        TooManyInterfaces = "too_many_interfaces",
        /// The VPC has as many security groups as it may.
        TooManyGroupsInVpc = "too_many_groups_in_vpc",
        /// More security groups than an interface may have.
        TooManyGroups = "too_many_groups",
        /// More rules than a security group may have.
        TooManyRules = "too_many_rules",
        /// No host is left that has no instance of the deployment set.
        DeploymentSetFull = "deployment_set_full",
        /// The project has as many deployment sets as it may.
        TooManyDeploymentSets = "too_many_deployment_sets",
        /// The project has as many resource groups as it may.
        TooManyResourceGroups = "too_many_resource_groups",
        /// A kind of number that is never given twice has run out.
        NumbersExhausted = "numbers_exhausted",
        /// The user has as many access keys as it may.
        TooManyAccessKeys = "too_many_access_keys",
        /// The user, or the project, has as many policies as it may.
        TooManyPolicies = "too_many_policies",
        /// The project has as many undecided requests for other limits as it may.
        TooManyQuotaRequests = "too_many_quota_requests",
    }
    InUse {
        /// The security group guards interfaces, or rules of others are about it.
        GroupInUse = "group_in_use",
        /// Instances are in the deployment set.
        DeploymentSetInUse = "deployment_set_in_use",
        /// Resources are in the resource group.
        ResourceGroupInUse = "resource_group_in_use",
        /// The VPC has subnets or security groups.
        VpcInUse = "vpc_in_use",
        /// The subnet has interfaces or VIPs.
        SubnetInUse = "subnet_in_use",
        /// The interface is attached to an instance.
        InterfaceAttached = "interface_attached",
        /// A route leads to the interface.
        InterfaceHasRoute = "interface_has_route",
        /// The VIP is associated, has an EIP, or a route leads to it.
        VipInUse = "vip_in_use",
        /// The pool has EIPs.
        EipPoolInUse = "eip_pool_in_use",
        /// Instances or interfaces are on the host.
        HostInUse = "host_in_use",
        /// The addresses to be reserved are given out.
        ReservedInUse = "reserved_in_use",
        /// The project has users or resources, or is the first one.
        ProjectInUse = "project_in_use",
        /// Users have the policy.
        PolicyInUse = "policy_in_use",
    }
}

impl Code {
    /// A refusal of a part of the request.
    pub(crate) fn at(self, field: impl Into<String>, message: impl Into<String>) -> Refusal {
        Refusal { code: self, field: field.into(), message: message.into(), blocked_by: Vec::new() }
    }
}

impl Refusal {
    /// Names what stands in the way.
    pub(crate) fn blocked_by(mut self, blockers: impl IntoIterator<Item = ResourceKey>) -> Self {
        self.blocked_by.extend(blockers);
        self
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
