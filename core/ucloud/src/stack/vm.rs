//! Machines of UCloudStack.

use super::{group, texts};
use crate::{
    action::{Action, Does, done},
    ask::Ask,
    error,
    error::error,
    name::stack as name,
};
use havip_admission::{request, request::Choice};
use havip_dialect::{Error, Step, View, Worked};
use havip_model::{Instance, ResourceKey};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateVMInstance",
        honoured: &[
            "Name",
            "Remark",
            "VPCID",
            "SubnetID",
            "InternalIP",
            "CPU",
            "Memory",
            "ImageID",
            "VMType",
            "WANSGID",
            "LANSGID",
            "TagKeyValuePairs",
        ],
        harmless: &[
            "BootDiskSetType",
            "DataDiskSetType",
            "BootDiskSpace",
            "ChargeType",
            "Quantity",
            "Password",
        ],
        does: Does::Change { plan: create, answer: created },
    },
    Action {
        name: "DescribeVMInstance",
        honoured: &["VMIDs", "VPCID", "SubnetID", "Limit", "Offset"],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "StartVMInstance",
        honoured: &["VMID"],
        harmless: &[],
        does: Does::Change { plan: start, answer: same },
    },
    Action {
        name: "RestartVMInstance",
        honoured: &["VMID"],
        harmless: &[],
        does: Does::Change { plan: restart, answer: same },
    },
    Action {
        name: "StopVMInstance",
        honoured: &["VMID", "GracefulShutdown"],
        harmless: &[],
        does: Does::Change { plan: stop, answer: same },
    },
    Action {
        name: "PoweroffVMInstance",
        honoured: &["VMID"],
        harmless: &[],
        does: Does::Change { plan: power_off, answer: same },
    },
    Action {
        name: "DeleteVMInstance",
        honoured: &["VMID"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done },
    },
];

fn create(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vpc = ask.find("VPCID", name::VPC, &view.world.vpcs)?;
    let subnet = ask.find("SubnetID", name::SUBNET, &view.world.subnets)?;
    if subnet.vpc != vpc.id {
        return Err(error::not_found("subnet of this VPC", ask.required("SubnetID")?));
    }
    let address = match ask.text("InternalIP") {
        Some(text) => {
            Choice::Chosen(text.parse::<std::net::Ipv4Addr>().map_err(|_| wrong("InternalIP", text))?.into())
        }
        None => Choice::default(),
    };
    let cores = ask.number("CPU")?.ok_or_else(|| missing("CPU"))?;
    let memory_mib = ask.number("Memory")?.ok_or_else(|| missing("Memory"))?;
    let request = request::RunInstance {
        texts: texts::given(ask)?,
        subnet: subnet.id,
        address,
        cpu_millis: cores.saturating_mul(1000),
        memory_mib,
        groups: group::wanted(ask, view, &["WANSGID", "LANSGID"])?,
        ..ask.home.instance.clone()
    };
    let said = vec![(IMAGE, ask.required("ImageID")?.to_string())];
    Ok(vec![Step::saying(request, said)])
}

fn created(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    match made.first() {
        Some(ResourceKey::Instance(id)) => {
            json!({"VMID": name::VM.show(*id), "DiskID": name::DISK.show(*id), "EIPID": ""})
        }
        _ => json!({}),
    }
}

fn start(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let instance = find(ask, view)?;
    match view.worked(instance) {
        Worked::Stopped | Worked::Failed => Ok(vec![request::StartInstance { instance: instance.id }.into()]),
        _ => Err(error(error::STATE, "the VM is not stopped")),
    }
}

fn restart(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let instance = find(ask, view)?;
    match view.worked(instance) {
        Worked::Running => Ok(vec![request::RestartInstance { instance: instance.id }.into()]),
        _ => Err(error(error::STATE, "the VM does not run")),
    }
}

fn stop(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let is_graceful = ask.params.flag("GracefulShutdown").map_err(error::of_parameter)?.unwrap_or(true);
    let instance = find(ask, view)?;
    match (view.worked(instance), is_graceful) {
        (Worked::Running, true) => Ok(vec![request::StopInstance::of(instance.id).into()]),
        (Worked::Running, false) => Ok(vec![request::PowerOffInstance::of(instance.id).into()]),
        _ => Err(error(error::STATE, "the VM does not run")),
    }
}

fn power_off(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let instance = find(ask, view)?;
    match view.worked(instance) {
        Worked::Running | Worked::Stopping => Ok(vec![request::PowerOffInstance::of(instance.id).into()]),
        _ => Err(error(error::STATE, "the VM does not run")),
    }
}

/// As in the vendor's console: what runs must be stopped first.
fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let instance = find(ask, view)?;
    match view.worked(instance) {
        Worked::Stopped | Worked::Failed => {
            Ok(vec![request::DeleteInstance { instance: instance.id }.into()])
        }
        _ => Err(error(error::STATE, "the VM is not stopped; stop it first")),
    }
}

fn same(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    match made.first() {
        Some(ResourceKey::Instance(id)) => json!({"VMID": name::VM.show(*id)}),
        _ => json!({}),
    }
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let passes = |one: &&Instance| {
        let primary = view.world.primary_interface(one.id);
        ask.is("VPCID", &primary.map(|interface| name::VPC.show(interface.vpc)).unwrap_or_default())
            && ask.is(
                "SubnetID",
                &primary.map(|interface| name::SUBNET.show(interface.subnet)).unwrap_or_default(),
            )
    };
    let rows: Vec<&Instance> =
        ask.named("VMIDs", name::VM, &view.world.instances).into_iter().filter(passes).collect();
    ask.part(("Infos", "TotalCount"), rows, |one| &one.meta, |one| show(ask, view, one))
}

fn show(ask: &Ask, view: &View, instance: &Instance) -> Value {
    let primary = view.world.primary_interface(instance.id);
    let addresses: Vec<Value> = view
        .world
        .interfaces_of(instance.id)
        .map(|interface| {
            json!({
                "InterfaceID": name::NIC.show(interface.id),
                "IP": interface.primary.map(|address| address.to_string()).unwrap_or_default(),
                "MAC": interface.mac.to_string(),
                "SubnetID": name::SUBNET.show(interface.subnet),
                "VPCID": name::VPC.show(interface.vpc),
                "Type": "Private",
                "IsElastic": if interface.is_primary { "N" } else { "Y" },
            })
        })
        .collect();
    let state = match view.worked(instance) {
        Worked::Starting if instance.starts > 1 => "Starting",
        Worked::Starting => "Initializing",
        Worked::Running => "Running",
        Worked::Stopping => "Stopping",
        Worked::Stopped => "Stopped",
        Worked::Failed => "Failed",
    };
    json!({
        "VMID": name::VM.show(instance.id),
        "Name": instance.meta.name,
        "Remark": instance.meta.description,
        "State": state,
        "CPU": instance.cpu_millis.div_ceil(1000),
        "Memory": instance.memory_mib,
        "ImageID": instance.meta.said.get(IMAGE).map_or("havip", String::as_str),
        "OSName": "Debian",
        "OSType": "Linux",
        "VMType": "Normal",
        "VPCID": primary.map(|interface| name::VPC.show(interface.vpc)).unwrap_or_default(),
        "SubnetID": primary.map(|interface| name::SUBNET.show(interface.subnet)).unwrap_or_default(),
        "IPInfos": addresses,
        "DiskInfos": [{"DiskID": name::DISK.show(instance.id), "Type": "Boot", "IsElastic": "N", "Size": 20}],
        "ChargeType": "Dynamic",
        "Region": ask.region(),
        "Zone": ask.zone(),
        "CreateTime": instance.meta.created_at.0 / 1000,
        "ExpireTime": 0,
        "Tags": texts::shown(&instance.meta),
    })
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Instance, Error> {
    ask.find("VMID", name::VM, &view.world.instances)
}

fn missing(name: &str) -> Error {
    error::of_parameter(havip_dialect::ParamError::Missing(name.into()))
}

fn wrong(name: &str, text: &str) -> Error {
    error(error::NOT_AVAILABLE, format!("Params [{name}] not available: {text:?}"))
}

/// The image that the client named; of no effect here.
const IMAGE: &str = "ucloudstack.image";
