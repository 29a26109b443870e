//! Alibaba's names: a prefix and the whole body.

use havip_dialect::Naming;
use havip_model::Body;

const fn of(prefix: &'static str) -> Naming {
    Naming::new(prefix, Body::LEN)
}

pub const VPC: Naming = of("vpc-");
pub const VSWITCH: Naming = of("vsw-");
pub const HAVIP: Naming = of("havip-");
pub const EIP: Naming = of("eip-");
pub const POOL: Naming = of("pippool-");
pub const INSTANCE: Naming = of("i-");
pub const INTERFACE: Naming = of("eni-");
pub const GROUP: Naming = of("sg-");
pub const ROUTE: Naming = of("rte-");
pub const DEPLOYMENT_SET: Naming = of("ds-");
pub const RESOURCE_GROUP: Naming = of("rg-");
/// Of a VPC: its virtual router.
pub const ROUTER: Naming = of("vrt-");
/// Of a VPC: its one table of routes.
pub const ROUTE_TABLE: Naming = of("vtb-");
/// Of an instance: its one disk.
pub const DISK: Naming = of("d-");

/// Havip's own prefixes, for messages of the rules.
pub const RENAMED: &[(&str, Naming)] = &[
    ("vpc-", VPC),
    ("subnet-", VSWITCH),
    ("vip-", HAVIP),
    ("eip-", EIP),
    ("pool-", POOL),
    ("i-", INSTANCE),
    ("eni-", INTERFACE),
    ("route-", ROUTE),
    ("sg-", GROUP),
    ("rg-", RESOURCE_GROUP),
    ("ds-", DEPLOYMENT_SET),
];
