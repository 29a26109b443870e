//! Elastic NICs of UCloudStack.

use super::{group, texts};
use crate::{
    action::{Action, Does, done},
    ask::Ask,
    error,
    error::error,
    name::stack as name,
};
use havip_admission::{request, request::Choice};
use havip_dialect::{Error, Step, View};
use havip_model::{Interface, ResourceKey, Status};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateNIC",
        honoured: &["Name", "Remark", "VPCID", "SubnetID", "IP", "SGID", "TagKeyValuePairs"],
        harmless: &[],
        does: Does::Change { plan: create, answer: created },
    },
    Action {
        name: "DescribeNIC",
        honoured: &["NICIDs", "Limit", "Offset"],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "AttachNIC",
        honoured: &["NICID", "ResourceID"],
        harmless: &[],
        does: Does::Change { plan: attach, answer: done },
    },
    Action {
        name: "DetachNIC",
        honoured: &["NICID", "ResourceID"],
        harmless: &[],
        does: Does::Change { plan: detach, answer: done },
    },
    Action {
        name: "DeleteNIC",
        honoured: &["NICID"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done },
    },
];

fn create(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let subnet = ask.find("SubnetID", name::SUBNET, &view.world.subnets)?;
    if !ask.is("VPCID", &name::VPC.show(subnet.vpc)) {
        return Err(error::not_found("subnet of this VPC", ask.required("SubnetID")?));
    }
    let address = match ask.text("IP") {
        Some(text) => {
            let wrong =
                |_| error(error::NOT_AVAILABLE, format!("Params [IP] not available: {text:?} is no address"));
            Choice::Chosen(text.parse::<std::net::Ipv4Addr>().map_err(wrong)?.into())
        }
        None => Choice::default(),
    };
    let request = request::CreateInterface {
        subnet: subnet.id,
        texts: texts::given(ask)?,
        address,
        address6: Default::default(),
        secondary: vec![],
        mac: None,
        source_dest_check: true,
        groups: group::wanted(ask, view, &["SGID"])?,
        instance: None,
    };
    Ok(vec![request.into()])
}

fn created(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    match made.first() {
        Some(ResourceKey::Interface(id)) => json!({"NICID": name::NIC.show(*id)}),
        _ => json!({}),
    }
}

fn attach(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let interface = find(ask, view)?.id;
    let instance = ask.find("ResourceID", name::VM, &view.world.instances)?.id;
    Ok(vec![request::AttachInterface { interface, instance, device: None }.into()])
}

fn detach(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let interface = find(ask, view)?;
    let instance = ask.find("ResourceID", name::VM, &view.world.instances)?.id;
    match interface.instance == Some(instance) {
        true => Ok(vec![request::DetachInterface { interface: interface.id }.into()]),
        false => Err(error(error::CONFLICT, "the NIC is not attached to this VM")),
    }
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    Ok(vec![request::DeleteInterface { interface: find(ask, view)?.id }.into()])
}

/// Elastic ones only: a machine's first is a part of it.
fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let mut rows = ask.named("NICIDs", name::NIC, &view.world.interfaces);
    rows.retain(|one| !one.is_primary);
    ask.part(
        ("Infos", "TotalCount"),
        rows,
        |one| &one.meta,
        |one| {
            let bound = one.instance.map(|id| name::VM.show(id)).unwrap_or_default();
            let status =
                match (view.status(ResourceKey::Interface(one.id), &one.meta), one.instance.is_some()) {
                    (Status::Deleting, _) => "Deleting",
                    (Status::Creating, true) => "Binding",
                    (_, true) => "Bound",
                    (_, false) => "Free",
                };
            json!({
                "NICID": name::NIC.show(one.id),
                "Name": one.meta.name,
                "Remark": one.meta.description,
                "Tags": texts::shown(&one.meta),
                "NICStatus": status,
                "IP": one.primary.map(|address| address.to_string()).unwrap_or_default(),
                "MAC": one.mac.to_string(),
                "BindResourceID": bound,
                "VPCID": name::VPC.show(one.vpc),
                "SubnetID": name::SUBNET.show(one.subnet),
                "Region": ask.region(),
                "Zone": ask.zone(),
                "CreateTime": one.meta.created_at.0 / 1000,
            })
        },
    )
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Interface, Error> {
    ask.find("NICID", name::NIC, &view.world.interfaces)
}
