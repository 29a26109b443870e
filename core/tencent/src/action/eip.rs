//! EIPs.

use super::{Action, Does, task};
use crate::{
    ask::{Ask, look_up},
    error,
    error::error,
    list::{Narrow, part},
    name, tag,
};
use havip_admission::{Code, request};
use havip_dialect::{Clock, Error, ParamError, Step, View, format_time};
use havip_model::{Eip, EipTarget, Family, Resource, ResourceKey, Status};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "AllocateAddresses",
        honoured: &[
            "AddressCount",
            "InternetMaxBandwidthOut",
            "AddressName",
            "AddressType",
            "Tags.Key",
            "Tags.Value",
            "ClientToken",
        ],
        harmless: &["InternetChargeType", "InternetServiceProvider", "AddressChargePrepaid"],
        does: Does::Change { plan: allocate, answer: allocated, refused: allocate_refused },
    },
    Action {
        name: "DescribeAddresses",
        honoured: &["AddressIds", "Filters.Name", "Filters.Values", "Offset", "Limit"],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "AssociateAddress",
        honoured: &["AddressId", "InstanceId", "NetworkInterfaceId", "PrivateIpAddress"],
        harmless: &[],
        does: Does::Change { plan: associate, answer: task, refused: associate_refused },
    },
    Action {
        name: "DisassociateAddress",
        honoured: &["AddressId", "ReallocateNormalPublicIp"],
        harmless: &[],
        does: Does::Change { plan: dissociate, answer: task, refused: |_| None },
    },
    Action {
        name: "ReleaseAddresses",
        honoured: &["AddressIds"],
        harmless: &[],
        does: Does::Change { plan: release, answer: task, refused: |_| None },
    },
];

fn allocate(ask: &Ask, _: &View) -> Result<Vec<Step>, Error> {
    let count = ask.number("AddressCount")?.unwrap_or(1);
    if !(1..=20).contains(&count) {
        return Err(error("AddressQuotaLimitExceeded", "AddressCount must be 1 to 20."));
    }
    if ask.text("AddressType").is_some_and(|kind| kind != "EIP") {
        return Err(error("InvalidParameterValue", "AddressType can only be EIP here."));
    }
    let bandwidth = ask.number("InternetMaxBandwidthOut")?.unwrap_or(1);
    let request = request::AllocateEip {
        pool: None,
        texts: request::Texts {
            name: ask.name("AddressName")?.unwrap_or_default(),
            tags: tag::given(ask)?,
            ..request::Texts::default()
        },
        address: None,
        family: Some(Family::Ipv4),
        bandwidth_mbps: Some(bandwidth),
    };
    let said = [("InternetChargeType", CHARGE), ("InternetServiceProvider", ISP)];
    let said: Vec<_> = said
        .into_iter()
        .filter_map(|(parameter, word)| Some((word, ask.text(parameter)?.to_string())))
        .collect();
    Ok((0..count).map(|_| Step::saying(request.clone(), said.clone())).collect())
}

fn allocated(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    let ids = made.iter().filter_map(|key| match key {
        ResourceKey::Eip(id) => Some(name::EIP.show(*id)),
        _ => None,
    });
    json!({"AddressSet": ids.collect::<Vec<_>>(), "TaskId": null})
}

fn allocate_refused(code: Code) -> Option<&'static str> {
    match code {
        Code::PoolFull => Some("AddressQuotaLimitExceeded"),
        Code::OutOfRange => Some("InvalidParameterValue.Range"),
        _ => None,
    }
}

fn associate(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let eip = find(view, ask.required("AddressId")?)?;
    let target = match (ask.text("InstanceId"), ask.text("NetworkInterfaceId")) {
        (Some(id), None) if name::HAVIP.fits(id) => {
            EipTarget::Vip(look_up("InstanceId", id, name::HAVIP, &view.world.vips)?.id)
        }
        (Some(id), None) => {
            EipTarget::Instance(look_up("InstanceId", id, name::INSTANCE, &view.world.instances)?.id)
        }
        (None, Some(id)) => EipTarget::Interface(
            look_up("NetworkInterfaceId", id, name::INTERFACE, &view.world.interfaces)?.id,
        ),
        (None, None) => return Err(error::of_parameter(ParamError::Missing("InstanceId".into()))),
        (Some(_), Some(_)) => {
            return Err(error(
                "InvalidParameter.Coexist",
                "InstanceId and NetworkInterfaceId exclude each other.",
            ));
        }
    };
    let address = view.private_address(target).map(|address| address.to_string());
    if ask.text("PrivateIpAddress").is_some_and(|wanted| address.as_deref() != Some(wanted)) {
        return Err(error("InvalidParameterValue", "An EIP leads to the primary private address."));
    }
    Ok(vec![request::BindEip { eip: eip.id, target }.into()])
}

fn associate_refused(code: Code) -> Option<&'static str> {
    match code {
        Code::EipBound => Some("InvalidAddressState"),
        Code::TargetHasEip => Some("InvalidInstance.AlreadyBindEip"),
        _ => None,
    }
}

fn dissociate(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let eip = find(view, ask.required("AddressId")?)?;
    if ask.flag("ReallocateNormalPublicIp")? {
        return Err(error("UnsupportedOperation", "Instances have no public addresses of their own here."));
    }
    match eip.target {
        Some(_) => Ok(vec![request::UnbindEip { eip: eip.id }.into()]),
        None => Err(error("InvalidAddressIdStatus.NotPermit", "The EIP is associated with nothing.")),
    }
}

fn release(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let ids = ask.params.list("AddressIds");
    if ids.is_empty() {
        return Err(error::of_parameter(ParamError::Missing("AddressIds".into())));
    }
    let steps = ids.into_iter().map(|id| {
        let eip = find(view, id)?;
        match eip.target {
            None => Ok(request::ReleaseEip { eip: eip.id, unbind: false }.into()),
            Some(_) => Err(error(
                "InvalidAddressIdStatus.NotPermit",
                format!("{id} is associated; disassociate it first."),
            )),
        }
    });
    steps.collect()
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let filters = [
        "address-id",
        "address-name",
        "address-ip",
        "address-status",
        "instance-id",
        "private-ip-address",
        "network-interface-id",
        "instance-type",
        "address-type",
    ];
    let narrow = Narrow::read(ask, "AddressIds", name::EIP, &filters)?;
    let passes = |eip: &&Eip| {
        let shown = show(view, eip);
        let text = |key: &str| vec![shown[key].as_str().unwrap_or_default().to_string()];
        narrow.pass(&name::EIP.show(eip.id), &eip.meta, |filter| match filter {
            "address-id" => text("AddressId"),
            "address-name" => text("AddressName"),
            "address-ip" => text("AddressIp"),
            "address-status" => text("AddressStatus"),
            "instance-id" => text("InstanceId"),
            "private-ip-address" => text("PrivateAddressIp"),
            "network-interface-id" => text("NetworkInterfaceId"),
            "instance-type" => text("InstanceType"),
            _ => text("AddressType"),
        })
    };
    let withdrawn = view.withdrawn().filter_map(|resource| match resource {
        Resource::Eip(eip) => Some(eip),
        _ => None,
    });
    let rows: Vec<&Eip> = name::EIP
        .among(&view.world.eips, narrow.ids("address-id"))
        .into_iter()
        .chain(withdrawn)
        .filter(passes)
        .collect();
    part(ask, "AddressSet", rows, |eip| &eip.meta, |eip| show(view, eip))
}

fn show(view: &View, eip: &Eip) -> Value {
    let (kind, id, interface) = match eip.target {
        Some(EipTarget::Vip(id)) => ("HAVIP", name::HAVIP.show(id), String::new()),
        Some(target @ EipTarget::Instance(id)) => {
            let interface =
                view.world.interface_of(target).map(|interface| name::INTERFACE.show(interface.id));
            ("CVM", name::INSTANCE.show(id), interface.unwrap_or_default())
        }
        Some(EipTarget::Interface(id)) => ("ENI", String::new(), name::INTERFACE.show(id)),
        None => ("", String::new(), String::new()),
    };
    let private = eip.target.and_then(|target| view.private_address(target));
    json!({
        "AddressId": name::EIP.show(eip.id),
        "AddressName": eip.meta.name,
        "AddressStatus": status(view, eip),
        "AddressIp": eip.address.to_string(),
        "InstanceId": id,
        "InstanceType": kind,
        "NetworkInterfaceId": interface,
        "PrivateAddressIp": private.map(|address| address.to_string()).unwrap_or_default(),
        "CreatedTime": format_time(eip.meta.created_at, Clock::Seconds),
        "Bandwidth": eip.bandwidth_mbps.unwrap_or(0),
        "InternetChargeType": eip.meta.said.get(CHARGE).map_or("TRAFFIC_POSTPAID_BY_HOUR", String::as_str),
        "InternetServiceProvider": eip.meta.said.get(ISP).map_or("BGP", String::as_str),
        "AddressType": "EIP",
        "IsArrears": false,
        "IsBlocked": false,
        "IsEipDirectConnection": false,
        "CascadeRelease": false,
        "LocalBgp": false,
        "TagSet": crate::reply::tags(&eip.meta),
    })
}

fn status(view: &View, eip: &Eip) -> &'static str {
    let is_interface = matches!(eip.target, Some(EipTarget::Interface(_)));
    match (view.status(ResourceKey::Eip(eip.id), &eip.meta), eip.target.is_some()) {
        (Status::Deleting, _) => "OFFLINING",
        (Status::Creating, true) => "BINDING",
        (Status::Creating, false) if eip.incarnation.0 > 0 => "UNBINDING",
        (_, true) if is_interface => "BIND_ENI",
        (_, true) => "BIND",
        (_, false) => "UNBIND",
    }
}

fn find<'a>(view: &View<'a>, id: &str) -> Result<&'a Eip, Error> {
    let missing = || error("InvalidAddressId.NotFound", format!("The EIP {id:?} does not exist."));
    match name::EIP.fits(id) {
        true => name::EIP.find(&view.world.eips, id).ok_or_else(missing),
        false => Err(error::malformed("AddressId", id)),
    }
}

const CHARGE: &str = "tencent.internet-charge-type";
const ISP: &str = "tencent.isp";
