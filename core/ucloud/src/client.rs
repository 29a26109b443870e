//! What a client of these clouds sends, for tests and benches.

use crate::{authenticate::sign, name};
use havip_dialect::{Asker, Params};
use havip_model::{SubnetId, VipId, VpcId};

/// The parameters of a request, signed; UCloud's are sent to `/`, UCloudStack's to `/api`.
pub fn signed(params: Params, asker: &Asker) -> Params {
    let mut all = params.or(&[("PublicKey", asker.key), ("Region", "local")]);
    let signature = sign(&all, asker.secret);
    all.extend([("Signature".to_owned(), signature)]);
    all
}

/// Asks UCloud for one VIP; and its name, which the answer has.
pub fn read(vip: VipId) -> (Params, String) {
    let id = name::VIP.show(vip);
    (Params::of(&[("Action", "DescribeVIP"), ("VIPId", &id)]), id)
}

/// Makes a VIP of UCloud with an address of the server's choice.
pub fn create(vpc: VpcId, subnet: SubnetId) -> Params {
    let (vpc, subnet) = (name::VPC.show(vpc), name::SUBNET.show(subnet));
    Params::of(&[("Action", "AllocateVIP"), ("VPCId", &vpc), ("SubnetId", &subnet)])
}

/// Asks UCloudStack for one VIP; and its name, which the answer has.
pub fn read_of_stack(vip: VipId) -> (Params, String) {
    let id = name::stack::VIP.show(vip);
    (Params::of(&[("Action", "DescribeVIP"), ("VIPIDs.0", &id)]), id)
}

/// Makes a VIP of UCloudStack with an address of the server's choice.
pub fn create_of_stack(vpc: VpcId, subnet: SubnetId) -> Params {
    let (vpc, subnet) = (name::stack::VPC.show(vpc), name::stack::SUBNET.show(subnet));
    Params::of(&[
        ("Action", "AllocateVIP"),
        ("VPCID", &vpc),
        ("SubnetID", &subnet),
        ("Name", "bench"),
        ("VIPType", "LAN"),
        ("Zone", "local"),
        ("Quantity", "1"),
    ])
}
