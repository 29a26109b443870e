//! vSwitches: subnets.

use super::{Action, Does, done, resource_group, tag};
use crate::{ask::Ask, error, name, page::page};
use havip_admission::{Code, Refusal, request};
use havip_dialect::{Clock, Error, Step, View, format_time};
use havip_model::{Resource, ResourceKey, Status, Subnet, VpcId};
use ipnet::Ipv4Net;
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateVSwitch",
        product: None,
        honoured: &[
            "VpcId",
            "ZoneId",
            "CidrBlock",
            "CidrMask",
            "VSwitchName",
            "Description",
            "Tag.Key",
            "Tag.Value",
            "ClientToken",
            "DryRun",
        ],
        harmless: &[],
        does: Does::Change { plan: create, answer: created, refused: create_refused },
    },
    Action {
        name: "DeleteVSwitch",
        product: None,
        honoured: &["VSwitchId", "DryRun"],
        harmless: &["ClientToken"],
        does: Does::Change { plan: delete, answer: done, refused: |_| None },
    },
    Action {
        name: "ModifyVSwitchAttribute",
        product: None,
        honoured: &["VSwitchId", "VSwitchName", "Description"],
        harmless: &[],
        does: Does::Change { plan: modify, answer: done, refused: |_| None },
    },
    Action {
        name: "DescribeVSwitches",
        product: None,
        honoured: &[
            "VSwitchId",
            "VSwitchName",
            "Tag.Key",
            "Tag.Value",
            "ResourceGroupId",
            "VpcId",
            "ZoneId",
            "IsDefault",
            "RouteTableId",
            "PageNumber",
            "PageSize",
            "DryRun",
        ],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "DescribeVSwitchAttributes",
        product: None,
        honoured: &["VSwitchId", "DryRun"],
        harmless: &[],
        does: Does::Read(describe_one),
    },
];

fn create(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vpc = ask.find("VpcId", name::VPC, &view.world.vpcs, "InvalidVpcId.NotFound")?;
    let zone = ask.required("ZoneId")?;
    if !ask.home.knows_zone(zone) {
        return Err(error::not_found("InvalidZoneId.NotFound", "zone", zone));
    }
    let cidr = match (ask.text("CidrBlock"), ask.number("CidrMask")?) {
        (Some(text), None) => {
            let malformed = |_| {
                Error::new(
                    400,
                    "InvalidCidrBlock.Malformed",
                    format!("CidrBlock {text:?} is not a range such as 172.16.0.0/24."),
                )
            };
            text.parse::<Ipv4Net>().map_err(malformed)?
        }
        (None, Some(mask)) => free_range(view, vpc.id, vpc.cidr, mask)?,
        (None, None) => {
            return Err(error::of_parameter(havip_dialect::ParamError::Missing("CidrBlock".into())));
        }
        (Some(_), Some(_)) => return Err(error::invalid("CidrBlock and CidrMask exclude each other.")),
    };
    let request = request::CreateSubnet {
        vpc: vpc.id,
        texts: request::Texts::from(texts(ask)?).tagged(tag::given(ask)?).grouped(vpc.meta.resource_group),
        zone: ask.home.zone.clone(),
        cidr,
        cidr6: None,
        external: None,
    };
    Ok(vec![Step::saying(request, vec![(ZONE, zone.into())])])
}

/// The lowest range of this size that no vSwitch overlaps.
fn free_range(view: &View, vpc: VpcId, cidr: Ipv4Net, mask: u32) -> Result<Ipv4Net, Error> {
    let wrong =
        || Error::new(400, "InvalidCirdrBlock.MaskLength", "CidrMask must be 16 to 29 and within the VPC.");
    let mask = u8::try_from(mask).ok().filter(|mask| (16..=29).contains(mask)).ok_or_else(wrong)?;
    let taken: Vec<Ipv4Net> = view.world.subnets_of(vpc).map(|subnet| subnet.cidr).collect();
    let is_free =
        |range: &Ipv4Net| taken.iter().all(|other| !other.contains(range) && !range.contains(other));
    // At most as many as there are vSwitches are taken, so the first one after them is free.
    let found = cidr.subnets(mask).map_err(|_| wrong())?.find(is_free);
    found.ok_or_else(|| {
        Error::new(400, "InvalidCidrBlock.Overlapped", "The VPC has no free range of this size.")
    })
}

fn created(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    match made.first() {
        Some(ResourceKey::Subnet(id)) => json!({"VSwitchId": name::VSWITCH.show(*id)}),
        _ => json!({}),
    }
}

fn create_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    Some(match refusal.code {
        Code::CidrOverlaps => (400, "InvalidCidrBlock.Overlapped"),
        Code::CidrSize => (400, "InvalidCirdrBlock.MaskLength"),
        Code::CidrHasHostBits | Code::CidrNotUsable => (400, "InvalidCidrBlock.Malformed"),
        Code::InvalidText => (400, "InvalidVSwitchName.Malformed"),
        _ => return None,
    })
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let subnet = find(ask, view)?.id;
    if view.world.vips_of_subnet(subnet).next().is_some() {
        let message = "The vSwitch has HAVIPs; delete them first.";
        return Err(Error::new(400, "DependencyViolation.HaVip", message));
    }
    if view.world.interfaces_of_subnet(subnet).next().is_some() {
        let message = "The vSwitch has instances or network interfaces; delete them first.";
        return Err(Error::new(400, "DependencyViolation", message));
    }
    Ok(vec![request::DeleteSubnet { subnet }.into()])
}

fn modify(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (subnet, texts) = (find(ask, view)?.id, texts(ask)?);
    match texts == request::NewTexts::default() {
        true => Ok(vec![]),
        false => Ok(vec![request::UpdateSubnet { subnet, texts, cidr6: None }.into()]),
    }
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let ids = ask.commas("VSwitchId");
    let tags = tag::Wanted::read(ask, "Tag")?;
    // There is no default one here.
    let wants_default = ask.flag("IsDefault")?;
    let is = |name: &str, value: String| ask.text(name).is_none_or(|wanted| wanted == value);
    let passes = |subnet: &&Subnet| {
        !wants_default
            && (ids.is_empty() || ids.contains(&name::VSWITCH.show(subnet.id).as_str()))
            && is("VSwitchName", subnet.meta.name.clone())
            && is("VpcId", name::VPC.show(subnet.vpc))
            && is("RouteTableId", name::ROUTE_TABLE.show(subnet.vpc))
            && is("ZoneId", zone(subnet).into())
            && tags.hold(&subnet.meta)
            && resource_group::holds(ask, &subnet.meta)
    };
    let withdrawn = view.withdrawn().filter_map(|resource| match resource {
        Resource::Subnet(subnet) => Some(subnet),
        _ => None,
    });
    let rows: Vec<&Subnet> =
        name::VSWITCH.among(&view.world.subnets, &ids).into_iter().chain(withdrawn).filter(passes).collect();
    page(ask, ("VSwitches", "VSwitch"), 50, rows, |subnet| &subnet.meta, |subnet| show(view, subnet))
}

fn describe_one(ask: &Ask, view: &View) -> Result<Value, Error> {
    Ok(show(view, find(ask, view)?))
}

fn show(view: &View, subnet: &Subnet) -> Value {
    let status = match view.status(ResourceKey::Subnet(subnet.id), &subnet.meta) {
        Status::Available => "Available",
        Status::Creating | Status::Deleting => "Pending",
        Status::Failed => "Failed",
    };
    json!({
        "VSwitchId": name::VSWITCH.show(subnet.id),
        "VSwitchName": subnet.meta.name,
        "Description": subnet.meta.description,
        "Status": status,
        "VpcId": name::VPC.show(subnet.vpc),
        "ZoneId": zone(subnet),
        "CidrBlock": subnet.cidr.to_string(),
        "Ipv6CidrBlock": subnet.cidr6.map(|cidr| cidr.to_string()).unwrap_or_default(),
        "EnabledIpv6": subnet.cidr6.is_some(),
        "AvailableIpAddressCount": view.free_addresses(subnet),
        "CreationTime": format_time(subnet.meta.created_at, Clock::Seconds),
        "IsDefault": false,
        "NetworkAclId": "",
        "ResourceGroupId": resource_group::shown(&subnet.meta),
        "RouteTable": {"RouteTableId": name::ROUTE_TABLE.show(subnet.vpc), "RouteTableType": "System"},
        "ShareType": "",
        "Tags": tag::of_vpc(&subnet.meta),
    })
}

/// What the client called the zone, so that its plans do not differ from what it reads.
pub fn zone(subnet: &Subnet) -> &str {
    subnet.meta.said.get(ZONE).unwrap_or(&subnet.zone)
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Subnet, Error> {
    ask.find("VSwitchId", name::VSWITCH, &view.world.subnets, "InvalidVSwitchId.NotFound")
}

fn texts(ask: &Ask) -> Result<request::NewTexts, Error> {
    Ok(request::NewTexts {
        name: ask.new_text("VSwitchName", 128, "InvalidVSwitchName.Malformed")?,
        description: ask.new_text("Description", 256, "InvalidVSwitchDescription.Malformed")?,
    })
}

const ZONE: &str = "aliyun.zone";
