//! HAVIPs: any interface of the subnet may claim one, unless it checks associations.

use super::{Action, Does, done};
use crate::{
    ask::{Ask, look_up},
    error,
    error::error,
    list::{Narrow, part},
    name, tag,
};
use havip_admission::{Code, request, request::Choice};
use havip_dialect::{Clock, Error, Params, Step, View, deletion, format_time};
use havip_model::{
    AssociationMode, Binding, EipTarget, Family, Profile, Resource, ResourceKey, Target, Timestamp, Vip,
};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateHaVip",
        honoured: &[
            "VpcId",
            "SubnetId",
            "HaVipName",
            "Vip",
            "CheckAssociate",
            "HaVipAssociationSet.InstanceId",
            "HaVipAssociationSet.InstanceType",
            "Tags.Key",
            "Tags.Value",
            "ClientToken",
        ],
        harmless: &[],
        does: Does::Change { plan: create, answer: created, refused: |_| None },
    },
    Action {
        name: "DeleteHaVip",
        honoured: &["HaVipId"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done, refused: |_| None },
    },
    Action {
        name: "DescribeHaVips",
        honoured: &["HaVipIds", "Filters.Name", "Filters.Values", "Offset", "Limit"],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "ModifyHaVipAttribute",
        honoured: &["HaVipId", "HaVipName"],
        harmless: &[],
        does: Does::Change { plan: modify, answer: done, refused: |_| None },
    },
    Action {
        name: "HaVipAssociateAddressIp",
        honoured: &["HaVipId", "AddressIp"],
        harmless: &[],
        does: Does::Change { plan: bind, answer: done, refused: bind_refused },
    },
    Action {
        name: "HaVipDisassociateAddressIp",
        honoured: &["HaVipId"],
        harmless: &[],
        does: Does::Change { plan: unbind, answer: done, refused: |_| None },
    },
    Action {
        name: "AssociateHaVipInstance",
        honoured: ASSOCIATION,
        harmless: &[],
        does: Does::Change { plan: associate, answer: done, refused: associate_refused },
    },
    Action {
        name: "DisassociateHaVipInstance",
        honoured: ASSOCIATION,
        harmless: &[],
        does: Does::Change { plan: dissociate, answer: done, refused: |_| None },
    },
];

const ASSOCIATION: &[&str] =
    &["HaVipAssociationSet.HaVipId", "HaVipAssociationSet.InstanceId", "HaVipAssociationSet.InstanceType"];

fn create(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vpc = ask.find("VpcId", name::VPC, &view.world.vpcs)?;
    ask.required("HaVipName")?;
    let subnet = ask.find("SubnetId", name::SUBNET, &view.world.subnets)?;
    if subnet.vpc != vpc.id {
        return Err(error::not_found("subnet of this VPC", ask.required("SubnetId")?));
    }
    let address =
        ask.address("Vip")?.map_or(Choice::Automatic(Family::Ipv4), |vip| Choice::Chosen(vip.into()));
    let binding = if ask.flag("CheckAssociate")? { Binding::Associated } else { Binding::Subnet };
    let entries = entries(ask)?;
    let associations = entries.iter().map(|entry| Ok((target(view, entry)?, AssociationMode::Claim)));
    let request = request::CreateVip {
        texts: request::Texts {
            name: ask.name("HaVipName")?.unwrap_or_default(),
            tags: tag::given(ask)?,
            ..request::Texts::default()
        },
        address,
        binding: Some(binding),
        profile: Profile::Tencent,
        associations: associations.collect::<Result<_, Error>>()?,
        ..request::CreateVip::of(subnet.id)
    };
    Ok(vec![request.into()])
}

fn created(_: &Ask, view: &View, made: &[ResourceKey]) -> Value {
    let vip = made.iter().find_map(|key| match key {
        ResourceKey::Vip(id) => view.world.vips.get(id),
        _ => None,
    });
    vip.map_or_else(|| json!({}), |vip| json!({"HaVip": show(view, vip, None)}))
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let request = deletion(view, find(ask, view)?);
    let request =
        request.map_err(|blocked| error("UnsupportedOperation", format!("The HAVIP {blocked}.")))?;
    Ok(vec![request.into()])
}

fn modify(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vip = find(ask, view)?;
    let texts = request::NewTexts { name: ask.name("HaVipName")?, description: None };
    match texts.name {
        Some(_) => {
            let request = request::UpdateVip {
                vip: vip.id,
                texts,
                contention: None,
                assist: None,
                advert_sources: None,
            };
            Ok(vec![request.into()])
        }
        None => Ok(vec![]),
    }
}

fn bind(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vip = find(ask, view)?;
    ask.required("AddressIp")?;
    let address = ask.address("AddressIp")?.map(std::net::IpAddr::from);
    let eip = address.and_then(|address| view.world.eip_by_address(address));
    let eip = eip.ok_or_else(|| error::not_found("address", ask.text("AddressIp").unwrap_or_default()))?;
    Ok(vec![request::BindEip { eip: eip.id, target: EipTarget::Vip(vip.id) }.into()])
}

fn bind_refused(code: Code) -> Option<&'static str> {
    [Code::EipBound, Code::TargetHasEip].contains(&code).then_some("UnsupportedOperation.BindEIP")
}

fn unbind(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vip = find(ask, view)?;
    let eip = view.world.eips_to(EipTarget::Vip(vip.id)).next();
    let eip = eip.ok_or_else(|| error("UnsupportedOperation.UnbindEIP", "The HAVIP has no EIP."))?;
    Ok(vec![request::UnbindEip { eip: eip.id }.into()])
}

fn associate(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    each(ask, view, |vip, target| {
        request::Associate { vip: vip.id, target, mode: AssociationMode::Claim }.into()
    })
}

fn associate_refused(code: Code) -> Option<&'static str> {
    match code {
        Code::AlreadyAssociated => Some("InvalidParameterValue.DuplicatedHaVipAssociations"),
        Code::MixedTargets | Code::OtherSubnet | Code::OtherVpc => Some("InvalidParameter"),
        _ => None,
    }
}

fn dissociate(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    each(ask, view, |vip, target| request::Dissociate { vip: vip.id, target }.into())
}

/// A step for every entry; all of them happen or none.
fn each(ask: &Ask, view: &View, step: fn(&Vip, Target) -> Step) -> Result<Vec<Step>, Error> {
    let entries = entries(ask)?;
    if entries.is_empty() {
        return Err(error::of_parameter(havip_dialect::ParamError::Missing("HaVipAssociationSet".into())));
    }
    let steps = entries.iter().map(|entry| {
        let id = entry.required("HaVipId").map_err(error::of_parameter)?;
        let vip = look_up("HaVipId", id, name::HAVIP, &view.world.vips)?;
        Ok(step(vip, target(view, entry)?))
    });
    steps.collect()
}

fn entries(ask: &Ask) -> Result<Vec<Params>, Error> {
    let entries = ask.params.structs("HaVipAssociationSet");
    match entries.len() {
        0..=10 => Ok(entries),
        _ => Err(error("LimitExceeded", "HaVipAssociationSet may have at most 10 entries.")),
    }
}

/// An instance, unless `InstanceType` says that it is an interface.
fn target(view: &View, entry: &Params) -> Result<Target, Error> {
    let id = entry.required("InstanceId").map_err(error::of_parameter)?;
    match entry.text("InstanceType").unwrap_or("CVM") {
        "CVM" => Ok(Target::Instance(look_up("InstanceId", id, name::INSTANCE, &view.world.instances)?.id)),
        "ENI" => {
            Ok(Target::Interface(look_up("InstanceId", id, name::INTERFACE, &view.world.interfaces)?.id))
        }
        other => {
            Err(error("InvalidParameterValue", format!("InstanceType must be CVM or ENI, not {other:?}.")))
        }
    }
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let narrow = Narrow::read(ask, "HaVipIds", name::HAVIP, FILTERS)?;
    let withdrawn = view.withdrawn().filter_map(|resource| match resource {
        Resource::Vip(vip) => Some(vip),
        _ => None,
    });
    let passes =
        |vip: &&Vip| narrow.pass(&name::HAVIP.show(vip.id), &vip.meta, |filter| values(view, vip, filter));
    let rows: Vec<&Vip> = name::HAVIP
        .among(&view.world.vips, narrow.ids("havip-id"))
        .into_iter()
        .chain(withdrawn)
        .filter(passes)
        .collect();
    let first = narrow.wanted("havip-association.instance-id");
    part(ask, "HaVipSet", rows, |vip| &vip.meta, |vip| show(view, vip, first))
}

const FILTERS: &[&str] = &[
    "havip-id",
    "havip-name",
    "vpc-id",
    "subnet-id",
    "vip",
    "address-ip",
    "havip-association.instance-id",
    "havip-association.instance-type",
    "check-associate",
    "type",
];

fn values(view: &View, vip: &Vip, filter: &str) -> Vec<String> {
    let targets = || vip.associations.iter().map(|association| association.target);
    match filter {
        "havip-id" => vec![name::HAVIP.show(vip.id)],
        "havip-name" => vec![vip.meta.name.clone()],
        "vpc-id" => vec![name::VPC.show(vip.vpc)],
        "subnet-id" => vec![name::SUBNET.show(vip.subnet)],
        "vip" => vec![vip.address().to_string()],
        "address-ip" => {
            view.world.eips_to(EipTarget::Vip(vip.id)).map(|eip| eip.address.to_string()).collect()
        }
        "havip-association.instance-id" => targets().map(|target| target_id(target).1).collect(),
        "havip-association.instance-type" => {
            targets().map(|target| target_id(target).0.to_string()).collect()
        }
        "check-associate" => vec![(vip.binding == Binding::Associated).to_string()],
        _ => vec!["NORMAL".into()],
    }
}

/// A HAVIP; of its associations the one that was asked for comes first, as Terraform reads no other.
fn show(view: &View, vip: &Vip, first: Option<&[String]>) -> Value {
    let holding = view.holding(vip);
    let holder = holding.and_then(|interface| interface.instance);
    let eip = view.world.eips_to(EipTarget::Vip(vip.id)).next();
    let mut associations: Vec<(&str, String)> =
        vip.associations.iter().map(|association| target_id(association.target)).collect();
    if let Some(first) = first {
        associations.sort_by_key(|(_, id)| !first.contains(id));
    }
    let id = name::HAVIP.show(vip.id);
    let associations: Vec<Value> = associations
        .into_iter()
        .map(|(kind, target)| json!({"InstanceId": target, "HaVipId": id, "InstanceType": kind}))
        .collect();
    let flushed = view.record(vip).map(|record| format_time(Timestamp(record.epoch.millis()), Clock::Plain));
    json!({
        "HaVipId": id,
        "HaVipName": vip.meta.name,
        "Vip": vip.address().to_string(),
        "VpcId": name::VPC.show(vip.vpc),
        "SubnetId": name::SUBNET.show(vip.subnet),
        "NetworkInterfaceId": holding.map(|interface| name::INTERFACE.show(interface.id)).unwrap_or_default(),
        "InstanceId": holder.map(|instance| name::INSTANCE.show(instance)).unwrap_or_default(),
        "AddressIp": eip.map(|eip| eip.address.to_string()).unwrap_or_default(),
        "State": if holding.is_some() { "AVAILABLE" } else { "UNBIND" },
        "CreatedTime": format_time(vip.meta.created_at, Clock::Plain),
        "Business": "",
        "HaVipAssociationSet": associations,
        "CheckAssociate": vip.binding == Binding::Associated,
        "CdcId": "",
        "FlushedTime": flushed.unwrap_or_else(|| "0000-00-00 00:00:00".into()),
        "TagSet": crate::reply::tags(&vip.meta),
    })
}

fn target_id(target: Target) -> (&'static str, String) {
    match target {
        Target::Instance(id) => ("CVM", name::INSTANCE.show(id)),
        Target::Interface(id) => ("ENI", name::INTERFACE.show(id)),
    }
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Vip, Error> {
    ask.find("HaVipId", name::HAVIP, &view.world.vips)
}
