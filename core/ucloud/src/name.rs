//! UCloud's names, of eight characters of the body, and UCloudStack's, of twelve.

use havip_dialect::Naming;

pub const VIP: Naming = Naming::new("vip-", 8);
pub const VPC: Naming = Naming::new("uvnet-", 8);
pub const SUBNET: Naming = Naming::new("subnet-", 8);

/// Of UCloudStack.
pub mod stack {
    use super::Naming;

    pub const VIP: Naming = Naming::new("vip-", 12);
    pub const VPC: Naming = Naming::new("vpc-", 12);
    pub const SUBNET: Naming = Naming::new("subnet-", 12);
    pub const VM: Naming = Naming::new("vm-", 12);
    pub const NIC: Naming = Naming::new("nic-", 12);
    pub const EIP: Naming = Naming::new("eip-", 12);
    pub const GROUP: Naming = Naming::new("sg-", 12);
    /// Of an instance: its one disk.
    pub const DISK: Naming = Naming::new("disk-", 12);

    /// Havip's own prefixes, for messages of the rules.
    pub const RENAMED: &[(&str, Naming)] = &[
        ("vpc-", VPC),
        ("subnet-", SUBNET),
        ("vip-", VIP),
        ("eip-", EIP),
        ("i-", VM),
        ("eni-", NIC),
        ("sg-", GROUP),
    ];
}

/// Havip's own prefixes, for messages of the rules.
pub const RENAMED: &[(&str, Naming)] = &[("vpc-", VPC), ("subnet-", SUBNET), ("vip-", VIP)];
