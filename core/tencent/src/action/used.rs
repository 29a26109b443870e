//! Who has which address of a VPC.

use super::{Action, Does};
use crate::{ask::Ask, error::error, name};
use havip_dialect::{Error, View};
use havip_model::{Interface, SubnetId, Vip};
use serde_json::{Value, json};
use std::net::IpAddr;

pub const ACTIONS: &[Action] = &[Action {
    name: "DescribeUsedIpAddress",
    honoured: &["VpcId", "SubnetId", "IpAddresses", "Offset", "Limit"],
    harmless: &[],
    does: Does::Read(describe),
}];

/// An address and who has it.
struct Used {
    subnet: SubnetId,
    address: IpAddr,
    kind: &'static str,
    id: String,
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let vpc = ask.find("VpcId", name::VPC, &view.world.vpcs)?.id;
    let subnet = match ask.text("SubnetId") {
        Some(_) => Some(ask.find("SubnetId", name::SUBNET, &view.world.subnets)?.id),
        None => None,
    };
    let wanted = ask.params.list("IpAddresses");
    let (offset, limit) = (ask.number("Offset")?.unwrap_or(0) as usize, ask.number("Limit")?.unwrap_or(20));
    if !(1..=100).contains(&limit) {
        return Err(error("InvalidParameterValue.Range", "Limit must be 1 to 100."));
    }
    let of_interfaces = view.world.interfaces_of_vpc(vpc).flat_map(of_interface);
    let mut all: Vec<Used> = of_interfaces.chain(view.world.vips_of_vpc(vpc).map(of_vip)).collect();
    all.retain(|used| {
        subnet.is_none_or(|subnet| used.subnet == subnet)
            && (wanted.is_empty() || wanted.contains(&used.address.to_string().as_str()))
    });
    all.sort_by_key(|used| used.address);
    let shown: Vec<Value> = all
        .iter()
        .skip(offset)
        .take(limit as usize)
        .map(|used| {
            json!({
                "VpcId": name::VPC.show(vpc),
                "SubnetId": name::SUBNET.show(used.subnet),
                "IpAddress": used.address.to_string(),
                "ResourceType": used.kind,
                "ResourceId": used.id,
            })
        })
        .collect();
    Ok(json!({"TotalCount": all.len(), "IpAddressStates": shown}))
}

/// The first interface of an instance is a part of it.
fn of_interface(interface: &Interface) -> impl Iterator<Item = Used> {
    let (kind, id) = match interface.instance.filter(|_| interface.is_primary) {
        Some(instance) => ("CVM", name::INSTANCE.show(instance)),
        None => ("ENI", name::INTERFACE.show(interface.id)),
    };
    let subnet = interface.subnet;
    interface.addresses().map(move |address| Used { subnet, address, kind, id: id.clone() })
}

fn of_vip(vip: &Vip) -> Used {
    Used { subnet: vip.subnet, address: vip.address(), kind: "HAVIP", id: name::HAVIP.show(vip.id) }
}
