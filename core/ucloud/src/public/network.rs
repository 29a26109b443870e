//! VPCs and subnets of UCloud.

use crate::{
    action::{Action, Does, done},
    ask::Ask,
    error,
    error::error,
    name,
};
use havip_admission::request;
use havip_dialect::{Error, Step, View};
use havip_model::{ResourceKey, Subnet, Vpc};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateVPC",
        honoured: &["Name", "Network", "Remark", "Tag"],
        harmless: &[],
        does: Does::Change { plan: create_vpc, answer: created },
    },
    Action {
        name: "DescribeVPC",
        honoured: &["VPCIds", "Tag", "Offset", "Limit"],
        harmless: &[],
        does: Does::Read(describe_vpc),
    },
    Action {
        name: "DeleteVPC",
        honoured: &["VPCId"],
        harmless: &[],
        does: Does::Change { plan: delete_vpc, answer: done },
    },
    Action {
        name: "CreateSubnet",
        honoured: &["VPCId", "Subnet", "Netmask", "SubnetName", "Remark", "Tag"],
        harmless: &[],
        does: Does::Change { plan: create_subnet, answer: created },
    },
    Action {
        name: "DescribeSubnet",
        honoured: &["VPCId", "SubnetId", "SubnetIds", "Tag", "Offset", "Limit"],
        harmless: &["ShowAvailableIPs"],
        does: Does::Read(describe_subnet),
    },
    Action {
        name: "DeleteSubnet",
        honoured: &["SubnetId"],
        harmless: &[],
        does: Does::Change { plan: delete_subnet, answer: done },
    },
];

fn create_vpc(ask: &Ask, _: &View) -> Result<Vec<Step>, Error> {
    let networks = ask.params.list("Network");
    let [network] = networks[..] else {
        let problem = match networks.len() {
            0 => error::of_parameter(havip_dialect::ParamError::Missing("Network".into())),
            _ => error(error::UNSUPPORTED, "a VPC has one network here"),
        };
        return Err(problem);
    };
    let request = request::CreateVpc {
        texts: texts(ask, "Name")?,
        region: ask.home.region.clone(),
        cidr: network.parse().map_err(|_| wrong("Network", network))?,
        cidr6: None,
    };
    Ok(vec![Step::saying(request, tag(ask))])
}

fn create_subnet(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vpc = ask.find("VPCId", name::VPC, &view.world.vpcs)?.id;
    let (network, mask) = (ask.required("Subnet")?, ask.number("Netmask")?.unwrap_or(24));
    let cidr = format!("{network}/{mask}").parse().map_err(|_| wrong("Subnet", network))?;
    let name = request::Texts {
        name: ask.text("SubnetName").unwrap_or("Subnet").into(),
        description: ask.text("Remark").unwrap_or_default().into(),
        ..request::Texts::default()
    };
    let request = request::CreateSubnet {
        vpc,
        texts: name,
        zone: ask.home.zone.clone(),
        cidr,
        cidr6: None,
        external: None,
    };
    Ok(vec![Step::saying(request, tag(ask))])
}

fn created(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    match made.first() {
        Some(ResourceKey::Vpc(id)) => json!({"VPCId": name::VPC.show(*id)}),
        Some(ResourceKey::Subnet(id)) => json!({"SubnetId": name::SUBNET.show(*id)}),
        _ => json!({}),
    }
}

fn delete_vpc(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vpc = ask.find("VPCId", name::VPC, &view.world.vpcs)?.id;
    Ok(vec![request::DeleteVpc { vpc }.into()])
}

fn delete_subnet(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let subnet = ask.find("SubnetId", name::SUBNET, &view.world.subnets)?.id;
    Ok(vec![request::DeleteSubnet { subnet }.into()])
}

fn describe_vpc(ask: &Ask, view: &View) -> Result<Value, Error> {
    let passes = |vpc: &&Vpc| ask.is("Tag", said(&vpc.meta));
    let rows: Vec<&Vpc> =
        ask.named("VPCIds", name::VPC, &view.world.vpcs).into_iter().filter(passes).collect();
    ask.part(
        ("DataSet", "TotalCount"),
        rows,
        |vpc| &vpc.meta,
        |vpc| {
            let count = view.world.subnets_of(vpc.id).count();
            json!({
                "VPCId": name::VPC.show(vpc.id),
                "Name": vpc.meta.name,
                "Tag": said(&vpc.meta),
                "Network": [vpc.cidr.to_string()],
                "NetworkInfo": [{"Network": vpc.cidr.to_string(), "SubnetCount": count}],
                "SubnetCount": count,
                "CreateTime": vpc.meta.created_at.0 / 1000,
                "UpdateTime": vpc.meta.updated_at.0 / 1000,
                "VPCType": "DefinedVPC",
            })
        },
    )
}

fn describe_subnet(ask: &Ask, view: &View) -> Result<Value, Error> {
    let passes = |subnet: &&Subnet| {
        ask.is("VPCId", &name::VPC.show(subnet.vpc))
            && ask.is("SubnetId", &name::SUBNET.show(subnet.id))
            && ask.is("Tag", said(&subnet.meta))
    };
    let rows: Vec<&Subnet> =
        ask.named("SubnetIds", name::SUBNET, &view.world.subnets).into_iter().filter(passes).collect();
    ask.part(
        ("DataSet", "TotalCount"),
        rows,
        |subnet| &subnet.meta,
        |subnet| {
            let vpc = view.world.vpcs.get(&subnet.vpc);
            json!({
                "SubnetId": name::SUBNET.show(subnet.id),
                "SubnetName": subnet.meta.name,
                "Subnet": subnet.cidr.network().to_string(),
                // A text, as the vendor sends it.
                "Netmask": subnet.cidr.prefix_len().to_string(),
                "Gateway": subnet.gateway.to_string(),
                "VPCId": name::VPC.show(subnet.vpc),
                "VPCName": vpc.map(|vpc| vpc.meta.name.as_str()).unwrap_or_default(),
                "Zone": ask.zone(),
                "AvailableIPs": view.free_addresses(subnet),
                "RouteTableId": "",
                "Tag": said(&subnet.meta),
                "Remark": subnet.meta.description,
                "HasNATGW": false,
                "CreateTime": subnet.meta.created_at.0 / 1000,
            })
        },
    )
}

fn texts(ask: &Ask, name: &str) -> Result<request::Texts, Error> {
    let description = ask.text("Remark").unwrap_or_default().into();
    Ok(request::Texts { name: ask.required(name)?.into(), description, ..request::Texts::default() })
}

fn tag(ask: &Ask) -> Vec<(&'static str, String)> {
    ask.text("Tag").map(|tag| (TAG, tag.to_string())).into_iter().collect()
}

fn said(meta: &havip_model::Meta) -> &str {
    meta.said.get(TAG).map_or("Default", String::as_str)
}

fn wrong(name: &str, text: &str) -> Error {
    error(error::NOT_AVAILABLE, format!("Params [{name}] not available: {text:?} is no range"))
}

/// The business group, which only sorts what is shown.
const TAG: &str = "ucloud.tag";
