//! EIPs.

use super::{Action, Does, done, resource_group, tag};
use crate::{ask::Ask, error, name, page::page};
use havip_admission::{Code, Refusal, request};
use havip_dialect::{Clock, Error, Step, View, format_time};
use havip_model::{Eip, EipTarget, Family, Resource, ResourceKey, Status};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "AllocateEipAddress",
        product: None,
        honoured: &[
            "Bandwidth",
            "Name",
            "Description",
            "Tag.Key",
            "Tag.Value",
            "ResourceGroupId",
            "IpAddress",
            "PublicIpAddressPoolId",
            "Netmode",
            "ClientToken",
            "DryRun",
        ],
        harmless: &[
            "InternetChargeType",
            "InstanceChargeType",
            "ISP",
            "AutoPay",
            "Period",
            "PricingCycle",
            "ActivityId",
        ],
        does: Does::Change { plan: allocate, answer: allocated, refused: allocate_refused },
    },
    Action {
        name: "AssociateEipAddress",
        product: None,
        honoured: &[
            "AllocationId",
            "InstanceId",
            "InstanceType",
            "PrivateIpAddress",
            "Mode",
            "InstanceRegionId",
            "ClientToken",
            "DryRun",
        ],
        harmless: &["VpcId"],
        does: Does::Change { plan: associate, answer: done, refused: associate_refused },
    },
    Action {
        name: "UnassociateEipAddress",
        product: None,
        honoured: &["AllocationId", "InstanceId", "InstanceType", "ClientToken", "DryRun"],
        harmless: &["PrivateIpAddress", "Force"],
        does: Does::Change { plan: unassociate, answer: done, refused: |_| None },
    },
    Action {
        name: "ReleaseEipAddress",
        product: None,
        honoured: &["AllocationId", "DryRun"],
        harmless: &[],
        does: Does::Change { plan: release, answer: done, refused: |_| None },
    },
    Action {
        name: "DescribeEipAddresses",
        product: None,
        honoured: &[
            "AllocationId",
            "EipAddress",
            "EipName",
            "Tag.Key",
            "Tag.Value",
            "ResourceGroupId",
            "Status",
            "AssociatedInstanceId",
            "AssociatedInstanceType",
            "ChargeType",
            "ISP",
            "PublicIpAddressPoolId",
            "PageNumber",
            "PageSize",
            "DryRun",
        ],
        harmless: &["IncludeReservationData"],
        does: Does::Read(describe),
    },
];

fn allocate(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    ask.only("Netmode", "public")?;
    let text = ask.text("Bandwidth").unwrap_or("5");
    let malformed =
        || Error::new(400, "InvalidBandwidth.Malformed", "Bandwidth must be 1 to 500, in Mbit/s.");
    let bandwidth =
        text.parse().ok().filter(|bandwidth| (1..=500).contains(bandwidth)).ok_or_else(malformed)?;
    let pool = match ask.text("PublicIpAddressPoolId") {
        Some(id) => {
            let pool = name::POOL.find(&view.world.pools, id);
            Some(pool.ok_or_else(|| error::not_found("ResourceNotFound.PublicIpAddressPool", "pool", id))?.id)
        }
        None => None,
    };
    let address = match ask.text("IpAddress") {
        Some(text) => {
            let wrong = |_| error::invalid(format!("IpAddress {text:?} is not an IPv4 address."));
            Some(text.parse::<std::net::Ipv4Addr>().map_err(wrong)?.into())
        }
        None => None,
    };
    let texts = request::Texts {
        name: ask.new_text("Name", 128, "InvalidName.Malformed")?.unwrap_or_default(),
        description: ask.new_text("Description", 256, "InvalidDescription.Malformed")?.unwrap_or_default(),
        tags: tag::given(ask)?,
        resource_group: resource_group::given(ask, view)?,
    };
    let request = request::AllocateEip {
        pool,
        texts,
        address,
        family: Some(Family::Ipv4),
        bandwidth_mbps: Some(bandwidth),
    };
    let said = [("InternetChargeType", TRAFFIC), ("InstanceChargeType", CHARGE), ("ISP", ISP)];
    let said =
        said.into_iter().filter_map(|(parameter, word)| Some((word, ask.text(parameter)?.to_string())));
    Ok(vec![Step::saying(request, said.collect())])
}

fn allocated(_: &Ask, view: &View, made: &[ResourceKey]) -> Value {
    let eip = made.iter().find_map(|key| match key {
        ResourceKey::Eip(id) => view.world.eips.get(id),
        _ => None,
    });
    let Some(eip) = eip else { return json!({}) };
    json!({
        "AllocationId": name::EIP.show(eip.id),
        "EipAddress": eip.address.to_string(),
        "OrderId": 0,
        "ResourceGroupId": resource_group::shown(&eip.meta),
    })
}

fn allocate_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    Some(match refusal.code {
        Code::PoolFull => (400, "OperationFailed.InsufficientEIP"),
        Code::AddressInUse => (400, "Ip.Allocated"),
        Code::AddressOutsidePool | Code::AddressReserved => (400, "ResourceNotFound.Ip"),
        _ => return None,
    })
}

fn associate(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let eip = find(ask, view)?;
    ask.only("Mode", "NAT")?;
    if ask.text("InstanceRegionId").is_some_and(|region| region != ask.region()) {
        return Err(Error::new(
            400,
            "InvalidParameter.Mismatch",
            "EIP and instance must be of the same region.",
        ));
    }
    let target = target(ask, view)?;
    let address = view.private_address(target).map(|address| address.to_string());
    if ask.text("PrivateIpAddress").is_some_and(|wanted| address.as_deref() != Some(wanted)) {
        return Err(error::invalid(
            "An EIP leads to the primary private address; leave PrivateIpAddress out.",
        ));
    }
    Ok(vec![request::BindEip { eip: eip.id, target }.into()])
}

fn associate_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    Some(match refusal.code {
        Code::EipBound => (400, "IncorrectEipStatus"),
        Code::TargetHasEip => (400, "InvalidAssociation.Duplicated"),
        Code::TargetHasNoAddress | Code::OtherFamily => (400, "InvalidBindingStatus"),
        _ => return None,
    })
}

fn unassociate(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let eip = find(ask, view)?;
    let Some(target) = eip.target else {
        return Err(Error::new(400, "IncorrectEipStatus", "The EIP is associated with nothing."));
    };
    let (kind, id) = shown_target(target);
    let is_other = ask.text("InstanceId").is_some_and(|wanted| wanted != id)
        || ask.text("InstanceType").is_some_and(|wanted| !wanted.eq_ignore_ascii_case(kind));
    match is_other {
        true => Err(Error::new(
            404,
            "InvalidBindInstance.NotFound",
            "The EIP is not associated with this instance.",
        )),
        false => Ok(vec![request::UnbindEip { eip: eip.id }.into()]),
    }
}

fn release(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let eip = find(ask, view)?;
    if eip.target.is_some() {
        return Err(Error::new(
            400,
            "IncorrectEipStatus",
            "The EIP is associated with an instance; unassociate it first.",
        ));
    }
    Ok(vec![request::ReleaseEip { eip: eip.id, unbind: false }.into()])
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let (ids, addresses) = (ask.commas("AllocationId"), ask.commas("EipAddress"));
    if ids.len() > 50 || addresses.len() > 50 {
        return Err(error::invalid("AllocationId and EipAddress may name at most 50 EIPs."));
    }
    let tags = tag::Wanted::read(ask, "Tag")?;
    let is = |name: &str, value: &str| ask.text(name).is_none_or(|wanted| wanted == value);
    let passes = |eip: &&Eip| {
        let (kind, id) = eip.target.map_or(("", String::new()), shown_target);
        (ids.is_empty() || ids.contains(&name::EIP.show(eip.id).as_str()))
            && (addresses.is_empty() || addresses.contains(&eip.address.to_string().as_str()))
            && is("EipName", &eip.meta.name)
            && is("Status", status(view, eip))
            && is("AssociatedInstanceId", &id)
            && ask.text("AssociatedInstanceType").is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind))
            && is("ChargeType", said(eip, CHARGE))
            && is("ISP", said(eip, ISP))
            && is("PublicIpAddressPoolId", &name::POOL.show(eip.pool))
            && tags.hold(&eip.meta)
            && resource_group::holds(ask, &eip.meta)
    };
    let withdrawn = view.withdrawn().filter_map(|resource| match resource {
        Resource::Eip(eip) => Some(eip),
        _ => None,
    });
    let rows: Vec<&Eip> =
        name::EIP.among(&view.world.eips, &ids).into_iter().chain(withdrawn).filter(passes).collect();
    page(ask, ("EipAddresses", "EipAddress"), 100, rows, |eip| &eip.meta, |eip| show(ask, view, eip))
}

fn show(ask: &Ask, view: &View, eip: &Eip) -> Value {
    let (kind, id) = eip.target.map_or(("", String::new()), shown_target);
    let private = eip.target.and_then(|target| view.private_address(target));
    let bandwidth = eip.bandwidth_mbps.map_or_else(|| "0".to_string(), |bandwidth| bandwidth.to_string());
    json!({
        "AllocationId": name::EIP.show(eip.id),
        "IpAddress": eip.address.to_string(),
        "Name": eip.meta.name,
        "Description": eip.meta.description,
        "Status": status(view, eip),
        "InstanceId": id,
        "InstanceType": kind,
        "InstanceRegionId": if kind.is_empty() { "" } else { ask.region() },
        "PrivateIpAddress": private.map(|address| address.to_string()).unwrap_or_default(),
        "VpcId": eip.vpc.filter(|_| eip.target.is_some()).map(|vpc| name::VPC.show(vpc)).unwrap_or_default(),
        "Mode": if kind.is_empty() { "" } else { "NAT" },
        "Bandwidth": bandwidth,
        "EipBandwidth": bandwidth,
        "BandwidthPackageId": "",
        "BandwidthPackageType": "",
        "BandwidthPackageBandwidth": "",
        "InternetChargeType": said(eip, TRAFFIC),
        "ChargeType": said(eip, CHARGE),
        "ISP": said(eip, ISP),
        "Netmode": "public",
        "BizType": "default",
        "BusinessStatus": "Normal",
        "AllocationTime": format_time(eip.meta.created_at, Clock::Seconds),
        "ExpiredTime": "",
        "RegionId": ask.region(),
        "ResourceGroupId": resource_group::shown(&eip.meta),
        "PublicIpAddressPoolId": name::POOL.show(eip.pool),
        "DeletionProtection": false,
        "SecondLimited": false,
        "HDMonitorStatus": "OFF",
        "HasReservationData": "false",
        "SegmentInstanceId": "",
        "ServiceManaged": 0,
        "OperationLocks": {"LockReason": []},
        "SecurityProtectionTypes": {"SecurityProtectionType": []},
        "Tags": tag::of_vpc(&eip.meta),
    })
}

fn status(view: &View, eip: &Eip) -> &'static str {
    match (view.status(ResourceKey::Eip(eip.id), &eip.meta), eip.target.is_some()) {
        (Status::Deleting, _) => "Releasing",
        (Status::Failed, _) => "Failed",
        (Status::Creating, true) => "Associating",
        (Status::Creating, false) if eip.incarnation.0 > 0 => "Unassociating",
        (_, true) => "InUse",
        (_, false) => "Available",
    }
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Eip, Error> {
    ask.find("AllocationId", name::EIP, &view.world.eips, "InvalidAllocationId.NotFound")
}

/// What the EIP is to lead to; the published examples write the kind in any case.
fn target(ask: &Ask, view: &View) -> Result<EipTarget, Error> {
    let id = ask.required("InstanceId")?;
    let missing = || error::not_found("InvalidInstanId.NotFound", "instance", id);
    match ask.text("InstanceType").unwrap_or("EcsInstance").to_ascii_lowercase().as_str() {
        "ecsinstance" => {
            let instance = name::INSTANCE.find(&view.world.instances, id).ok_or_else(missing)?;
            Ok(EipTarget::Instance(instance.id))
        }
        "havip" => Ok(EipTarget::Vip(name::HAVIP.find(&view.world.vips, id).ok_or_else(missing)?.id)),
        "networkinterface" => {
            let interface = name::INTERFACE.find(&view.world.interfaces, id).ok_or_else(missing)?;
            Ok(EipTarget::Interface(interface.id))
        }
        other => {
            let message =
                format!("InstanceType can be EcsInstance, HaVip or NetworkInterface here, not {other:?}.");
            Err(Error::new(400, "InvalidInstanceType.ValueNotSupported", message))
        }
    }
}

fn shown_target(target: EipTarget) -> (&'static str, String) {
    match target {
        EipTarget::Vip(id) => ("HaVip", name::HAVIP.show(id)),
        EipTarget::Instance(id) => ("EcsInstance", name::INSTANCE.show(id)),
        EipTarget::Interface(id) => ("NetworkInterface", name::INTERFACE.show(id)),
    }
}

/// How it is paid for, as it was said, or as the cloud takes it to be if nobody says.
fn said<'a>(eip: &'a Eip, word: &str) -> &'a str {
    let usual = match word {
        TRAFFIC => "PayByBandwidth",
        CHARGE => "PostPaid",
        _ => "BGP",
    };
    eip.meta.said.get(word).map_or(usual, String::as_str)
}

const TRAFFIC: &str = "aliyun.internet-charge-type";
const CHARGE: &str = "aliyun.instance-charge-type";
const ISP: &str = "aliyun.isp";
