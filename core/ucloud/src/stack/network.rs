//! VPCs and subnets of UCloudStack, and the renaming of anything.

use super::texts;
use crate::{
    action::{Action, Does, done},
    ask::Ask,
    error,
    error::error,
    name::stack as name,
};
use havip_admission::request;
use havip_dialect::{Error, Step, View};
use havip_model::{ResourceKey, Status, Subnet};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateVPC",
        honoured: &["Name", "Network", "Remark", "TagKeyValuePairs"],
        harmless: &[],
        does: Does::Change { plan: create_vpc, answer: created },
    },
    Action {
        name: "DescribeVPC",
        honoured: &["VPCIDs", "Limit", "Offset"],
        harmless: &[],
        does: Does::Read(describe_vpc),
    },
    Action {
        name: "DeleteVPC",
        honoured: &["VPCID"],
        harmless: &[],
        does: Does::Change { plan: delete_vpc, answer: done },
    },
    Action {
        name: "CreateSubnet",
        honoured: &["VPCID", "Name", "Network", "Remark", "TagKeyValuePairs"],
        harmless: &[],
        does: Does::Change { plan: create_subnet, answer: created },
    },
    Action {
        name: "DescribeSubnet",
        honoured: &["SubnetIDs", "VPCID", "Limit", "Offset"],
        harmless: &[],
        does: Does::Read(describe_subnet),
    },
    Action {
        name: "DeleteSubnet",
        honoured: &["SubnetID"],
        harmless: &[],
        does: Does::Change { plan: delete_subnet, answer: done },
    },
    Action {
        name: "ModifyNameAndRemark",
        honoured: &["ResourceID", "Name", "Remark"],
        harmless: &[],
        does: Does::Change { plan: rename, answer: done },
    },
];

fn create_vpc(ask: &Ask, _: &View) -> Result<Vec<Step>, Error> {
    let network = ask.required("Network")?;
    let request = request::CreateVpc {
        texts: texts::given(ask)?,
        region: ask.home.region.clone(),
        cidr: network.parse().map_err(|_| wrong(network))?,
        cidr6: None,
    };
    Ok(vec![request.into()])
}

fn create_subnet(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vpc = ask.find("VPCID", name::VPC, &view.world.vpcs)?.id;
    let network = ask.required("Network")?;
    let request = request::CreateSubnet {
        vpc,
        texts: texts::given(ask)?,
        zone: ask.home.zone.clone(),
        cidr: network.parse().map_err(|_| wrong(network))?,
        cidr6: None,
        external: None,
    };
    Ok(vec![request.into()])
}

fn created(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    match made.first() {
        Some(ResourceKey::Vpc(id)) => json!({"VPCID": name::VPC.show(*id)}),
        Some(ResourceKey::Subnet(id)) => json!({"SubnetID": name::SUBNET.show(*id)}),
        _ => json!({}),
    }
}

fn delete_vpc(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vpc = ask.find("VPCID", name::VPC, &view.world.vpcs)?.id;
    Ok(vec![request::DeleteVpc { vpc }.into()])
}

fn delete_subnet(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let subnet = ask.find("SubnetID", name::SUBNET, &view.world.subnets)?.id;
    Ok(vec![request::DeleteSubnet { subnet }.into()])
}

/// Whatever the prefix of the id says that it is; in any status.
fn rename(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (id, world) = (ask.required("ResourceID")?, view.world);
    let new_name = ask.required("Name")?.to_string();
    let texts =
        request::NewTexts { name: Some(new_name), description: ask.params.sent("Remark").map(Into::into) };
    if let Some(vip) = name::VIP.find(&world.vips, id) {
        let request =
            request::UpdateVip { vip: vip.id, texts, contention: None, assist: None, advert_sources: None };
        return Ok(vec![request.into()]);
    }
    if let Some(vpc) = name::VPC.find(&world.vpcs, id) {
        return Ok(vec![request::UpdateVpc { vpc: vpc.id, texts, cidr6: None }.into()]);
    }
    if let Some(subnet) = name::SUBNET.find(&world.subnets, id) {
        return Ok(vec![request::UpdateSubnet { subnet: subnet.id, texts, cidr6: None }.into()]);
    }
    if let Some(instance) = name::VM.find(&world.instances, id) {
        return Ok(vec![request::UpdateInstance { instance: instance.id, texts }.into()]);
    }
    if let Some(interface) = name::NIC.find(&world.interfaces, id) {
        let request = request::UpdateInterface {
            interface: interface.id,
            texts,
            source_dest_check: None,
            groups: None,
        };
        return Ok(vec![request.into()]);
    }
    if let Some(eip) = name::EIP.find(&world.eips, id) {
        return Ok(vec![request::UpdateEip { eip: eip.id, texts, bandwidth_mbps: None }.into()]);
    }
    if let Some(group) = name::GROUP.find(&world.groups, id) {
        return Ok(vec![request::UpdateSecurityGroup { group: group.id, texts }.into()]);
    }
    Err(error::not_found("resource", id))
}

fn describe_vpc(ask: &Ask, view: &View) -> Result<Value, Error> {
    let rows = ask.named("VPCIDs", name::VPC, &view.world.vpcs);
    ask.part(
        ("Infos", "TotalCount"),
        rows,
        |vpc| &vpc.meta,
        |vpc| {
            let subnets: Vec<Value> =
                view.world.subnets_of(vpc.id).map(|subnet| show_subnet(ask, view, subnet)).collect();
            json!({
                "VPCID": name::VPC.show(vpc.id),
                "Name": vpc.meta.name,
                "Remark": vpc.meta.description,
                "Tags": texts::shown(&vpc.meta),
                "Network": vpc.cidr.to_string(),
                "State": state(view, ResourceKey::Vpc(vpc.id), &vpc.meta),
                "SubnetCount": subnets.len(),
                "SubnetInfos": subnets,
                "Region": ask.region(),
                "Zone": ask.zone(),
                "CreateTime": vpc.meta.created_at.0 / 1000,
                "UpdateTime": vpc.meta.updated_at.0 / 1000,
            })
        },
    )
}

fn describe_subnet(ask: &Ask, view: &View) -> Result<Value, Error> {
    let passes = |subnet: &&Subnet| ask.is("VPCID", &name::VPC.show(subnet.vpc));
    let all = ask.named("SubnetIDs", name::SUBNET, &view.world.subnets);
    let rows: Vec<&Subnet> = all.into_iter().filter(passes).collect();
    ask.part(("Infos", "TotalCount"), rows, |subnet| &subnet.meta, |subnet| show_subnet(ask, view, subnet))
}

fn show_subnet(ask: &Ask, view: &View, subnet: &Subnet) -> Value {
    json!({
        "SubnetID": name::SUBNET.show(subnet.id),
        "Name": subnet.meta.name,
        "Remark": subnet.meta.description,
        "Tags": texts::shown(&subnet.meta),
        "Network": subnet.cidr.to_string(),
        "VPCID": name::VPC.show(subnet.vpc),
        "State": state(view, ResourceKey::Subnet(subnet.id), &subnet.meta),
        "Region": ask.region(),
        "Zone": ask.zone(),
        "CreateTime": subnet.meta.created_at.0 / 1000,
        "UpdateTime": subnet.meta.updated_at.0 / 1000,
    })
}

fn state(view: &View, key: ResourceKey, meta: &havip_model::Meta) -> &'static str {
    match view.status(key, meta) {
        Status::Creating => "Allocating",
        Status::Available => "Available",
        Status::Failed => "Failed",
        Status::Deleting => "Deleting",
    }
}

fn wrong(text: &str) -> Error {
    error(error::NOT_AVAILABLE, format!("Params [Network] not available: {text:?} is no range"))
}
