//! Tencent's names: a prefix and the first eight characters of the body, which no two of a kind share.

use havip_dialect::Naming;
use havip_model::Body;

const fn of(prefix: &'static str) -> Naming {
    Naming::new(prefix, Body::HEAD)
}

pub const VPC: Naming = of("vpc-");
pub const SUBNET: Naming = of("subnet-");
pub const HAVIP: Naming = of("havip-");
pub const EIP: Naming = of("eip-");
pub const INSTANCE: Naming = of("ins-");
pub const INTERFACE: Naming = of("eni-");
pub const GROUP: Naming = of("sg-");
pub const PLACEMENT: Naming = of("ps-");
/// Of a VPC: its one table of routes.
pub const ROUTE_TABLE: Naming = of("rtb-");
/// Of an instance: its one disk.
pub const DISK: Naming = of("disk-");

/// Havip's own prefixes, for messages of the rules.
pub const RENAMED: &[(&str, Naming)] = &[
    ("vpc-", VPC),
    ("subnet-", SUBNET),
    ("vip-", HAVIP),
    ("eip-", EIP),
    ("i-", INSTANCE),
    ("eni-", INTERFACE),
    ("sg-", GROUP),
    ("ds-", PLACEMENT),
];
