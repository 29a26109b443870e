//! EIPs of UCloudStack.

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
use havip_model::{Eip, EipTarget, Family, ResourceKey, Status};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "AllocateEIP",
        honoured: &["Name", "Remark", "Bandwidth", "IP", "TagKeyValuePairs"],
        harmless: &["ChargeType", "OperatorName", "Quantity", "SegmentID"],
        does: Does::Change { plan: allocate, answer: allocated },
    },
    Action {
        name: "DescribeEIP",
        honoured: &["EIPIDs", "Limit", "Offset"],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "BindEIP",
        honoured: &["EIPID", "ResourceID", "ResourceType"],
        harmless: &[],
        does: Does::Change { plan: bind, answer: done },
    },
    Action {
        name: "UnBindEIP",
        honoured: &["EIPID", "ResourceID", "ResourceType"],
        harmless: &[],
        does: Does::Change { plan: unbind, answer: done },
    },
    Action {
        name: "ReleaseEIP",
        honoured: &["EIPID"],
        harmless: &[],
        does: Does::Change { plan: release, answer: done },
    },
];

fn allocate(ask: &Ask, _: &View) -> Result<Vec<Step>, Error> {
    let bandwidth = ask
        .number("Bandwidth")?
        .ok_or_else(|| error::of_parameter(havip_dialect::ParamError::Missing("Bandwidth".into())))?;
    let address = match ask.text("IP") {
        Some(text) => {
            let wrong =
                |_| error(error::NOT_AVAILABLE, format!("Params [IP] not available: {text:?} is no address"));
            Some(text.parse::<std::net::Ipv4Addr>().map_err(wrong)?.into())
        }
        None => None,
    };
    let texts = texts::given(ask)?;
    let (family, bandwidth_mbps) = (Some(Family::Ipv4), Some(bandwidth));
    Ok(vec![request::AllocateEip { pool: None, texts, address, family, bandwidth_mbps }.into()])
}

fn allocated(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    match made.first() {
        Some(ResourceKey::Eip(id)) => json!({"EIPID": name::EIP.show(*id)}),
        _ => json!({}),
    }
}

fn bind(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (eip, target) = (find(ask, view)?.id, target(ask, view)?);
    Ok(vec![request::BindEip { eip, target }.into()])
}

fn unbind(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (eip, target) = (find(ask, view)?, target(ask, view)?);
    match eip.target == Some(target) {
        true => Ok(vec![request::UnbindEip { eip: eip.id }.into()]),
        false => Err(error(error::CONFLICT, "the EIP is not bound to this resource")),
    }
}

fn release(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let eip = find(ask, view)?;
    match eip.target {
        None => Ok(vec![request::ReleaseEip { eip: eip.id, unbind: false }.into()]),
        Some(_) => Err(error(error::IN_USE, "the EIP is bound; unbind it first")),
    }
}

fn target(ask: &Ask, view: &View) -> Result<EipTarget, Error> {
    match ask.text("ResourceType").unwrap_or("VM") {
        "VM" => Ok(EipTarget::Instance(ask.find("ResourceID", name::VM, &view.world.instances)?.id)),
        "NIC" | "ELASTIC_NIC" => {
            Ok(EipTarget::Interface(ask.find("ResourceID", name::NIC, &view.world.interfaces)?.id))
        }
        "VIP" => Ok(EipTarget::Vip(ask.find("ResourceID", name::VIP, &view.world.vips)?.id)),
        other => Err(error(error::NOT_AVAILABLE, format!("Params [ResourceType] not available: {other:?}"))),
    }
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let rows = ask.named("EIPIDs", name::EIP, &view.world.eips);
    // The vendor spells its count so.
    ask.part(
        ("Infos", "Totalcount"),
        rows,
        |eip| &eip.meta,
        |eip| {
            let (kind, id) = match eip.target {
                Some(EipTarget::Instance(id)) => ("VM", name::VM.show(id)),
                Some(EipTarget::Interface(id)) => ("NIC", name::NIC.show(id)),
                Some(EipTarget::Vip(id)) => ("VIP", name::VIP.show(id)),
                None => ("", String::new()),
            };
            let status = match (view.status(ResourceKey::Eip(eip.id), &eip.meta), eip.target.is_some()) {
                (Status::Deleting, _) => "Deleting",
                (Status::Creating, true) => "Binding",
                (_, true) => "Bound",
                (_, false) => "Free",
            };
            json!({
                "EIPID": name::EIP.show(eip.id),
                "Name": eip.meta.name,
                "Remark": eip.meta.description,
                "Tags": texts::shown(&eip.meta),
                "Status": status,
                "IP": eip.address.to_string(),
                "Bandwidth": eip.bandwidth_mbps.unwrap_or(0),
                "BindResourceID": id,
                "BindResourceType": kind,
                "ChargeType": "Dynamic",
                "OperatorName": "",
                "Region": ask.region(),
                "Zone": ask.zone(),
                "CreateTime": eip.meta.created_at.0 / 1000,
                "ExpireTime": 0,
            })
        },
    )
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Eip, Error> {
    ask.find("EIPID", name::EIP, &view.world.eips)
}
