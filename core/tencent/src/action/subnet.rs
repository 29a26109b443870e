//! Subnets.

use super::{Action, Does, done};
use crate::{
    ask::Ask,
    error,
    error::error,
    list::{Narrow, part},
    name, tag,
};
use havip_admission::request;
use havip_dialect::{Clock, Error, Step, View, format_time};
use havip_model::{Resource, ResourceKey, Subnet};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateSubnet",
        honoured: &["VpcId", "SubnetName", "Zone", "CidrBlock", "Tags.Key", "Tags.Value"],
        harmless: &[],
        does: Does::Change { plan: create, answer: created, refused: |_| None },
    },
    Action {
        name: "DescribeSubnets",
        honoured: &["SubnetIds", "Filters.Name", "Filters.Values", "Offset", "Limit"],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "ModifySubnetAttribute",
        honoured: &["SubnetId", "SubnetName"],
        harmless: &[],
        does: Does::Change { plan: modify, answer: done, refused: |_| None },
    },
    Action {
        name: "DeleteSubnet",
        honoured: &["SubnetId"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done, refused: |_| None },
    },
];

fn create(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vpc = ask.find("VpcId", name::VPC, &view.world.vpcs)?.id;
    ask.required("SubnetName")?;
    let (zone, text) = (ask.required("Zone")?, ask.required("CidrBlock")?);
    if !ask.home.knows_zone(zone) {
        return Err(error("InvalidParameterValue", format!("The zone {zone:?} is not here.")));
    }
    let request = request::CreateSubnet {
        vpc,
        texts: request::Texts {
            name: ask.name("SubnetName")?.unwrap_or_default(),
            tags: tag::given(ask)?,
            ..request::Texts::default()
        },
        zone: ask.home.zone.clone(),
        cidr: text.parse().map_err(|_| error::malformed("CidrBlock", text))?,
        cidr6: None,
        external: None,
    };
    Ok(vec![Step::saying(request, vec![(ZONE, zone.into())])])
}

fn created(_: &Ask, view: &View, made: &[ResourceKey]) -> Value {
    let subnet = made.iter().find_map(|key| match key {
        ResourceKey::Subnet(id) => view.world.subnets.get(id),
        _ => None,
    });
    subnet.map_or_else(|| json!({}), |subnet| json!({"Subnet": show(view, subnet)}))
}

fn modify(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let subnet = find(ask, view)?.id;
    let texts = request::NewTexts { name: ask.name("SubnetName")?, description: None };
    match texts.name {
        Some(_) => Ok(vec![request::UpdateSubnet { subnet, texts, cidr6: None }.into()]),
        None => Ok(vec![]),
    }
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    Ok(vec![request::DeleteSubnet { subnet: find(ask, view)?.id }.into()])
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let filters = ["subnet-id", "subnet-name", "vpc-id", "zone", "cidr-block", "is-default"];
    let narrow = Narrow::read(ask, "SubnetIds", name::SUBNET, &filters)?;
    let passes = |subnet: &&Subnet| {
        narrow.pass(&name::SUBNET.show(subnet.id), &subnet.meta, |filter| {
            vec![match filter {
                "subnet-id" => name::SUBNET.show(subnet.id),
                "subnet-name" => subnet.meta.name.clone(),
                "vpc-id" => name::VPC.show(subnet.vpc),
                "zone" => zone(subnet).into(),
                "cidr-block" => subnet.cidr.to_string(),
                _ => "false".into(),
            }]
        })
    };
    let withdrawn = view.withdrawn().filter_map(|resource| match resource {
        Resource::Subnet(subnet) => Some(subnet),
        _ => None,
    });
    let rows: Vec<&Subnet> = name::SUBNET
        .among(&view.world.subnets, narrow.ids("subnet-id"))
        .into_iter()
        .chain(withdrawn)
        .filter(passes)
        .collect();
    part(ask, "SubnetSet", rows, |subnet| &subnet.meta, |subnet| show(view, subnet))
}

fn show(view: &View, subnet: &Subnet) -> Value {
    let (first, last) = subnet.usable();
    let total = u64::from(u32::from(last)).saturating_sub(u32::from(first).into()) + 1;
    json!({
        "SubnetId": name::SUBNET.show(subnet.id),
        "SubnetName": subnet.meta.name,
        "VpcId": name::VPC.show(subnet.vpc),
        "CidrBlock": subnet.cidr.to_string(),
        "Ipv6CidrBlock": subnet.cidr6.map(|cidr| cidr.to_string()).unwrap_or_default(),
        "Zone": zone(subnet),
        "RouteTableId": name::ROUTE_TABLE.show(subnet.vpc),
        "CreatedTime": format_time(subnet.meta.created_at, Clock::Plain),
        "AvailableIpAddressCount": view.free_addresses(subnet),
        "TotalIpAddressCount": total,
        "IsDefault": false,
        "EnableBroadcast": false,
        "NetworkAclId": "",
        "IsRemoteVpcSnat": false,
        "CdcId": "",
        "IsCdcSubnet": 0,
        "TagSet": crate::reply::tags(&subnet.meta),
    })
}

/// What the client called the zone, so that its plans do not differ from what it reads.
pub fn zone(subnet: &Subnet) -> &str {
    subnet.meta.said.get(ZONE).unwrap_or(&subnet.zone)
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Subnet, Error> {
    ask.find("SubnetId", name::SUBNET, &view.world.subnets)
}

const ZONE: &str = "tencent.zone";
