//! Instances: run, start, stop, restart, terminate.

use super::{Action, Does, done, group, placement, subnet};
use crate::{ask::Ask, error, error::error, name, tag};
use havip_admission::{Code, request, request::Choice};
use havip_dialect::{Error, ParamError, Step, View, Worked, decode_base64};
use havip_model::{Driver, Instance, ResourceKey};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "RunInstances",
        honoured: &[
            "Placement.Zone",
            "ImageId",
            "InstanceType",
            "VirtualPrivateCloud.VpcId",
            "VirtualPrivateCloud.SubnetId",
            "VirtualPrivateCloud.PrivateIpAddresses",
            "VirtualPrivateCloud.AsVpcGateway",
            "InternetAccessible.PublicIpAssigned",
            "InternetAccessible.InternetMaxBandwidthOut",
            "SecurityGroupIds",
            "DisasterRecoverGroupIds",
            "InstanceCount",
            "MinCount",
            "InstanceName",
            "UserData",
            "TagSpecification.ResourceType",
            "TagSpecification.Tags.Key",
            "TagSpecification.Tags.Value",
            "ClientToken",
            "DryRun",
        ],
        harmless: &[
            "Placement.ProjectId",
            "InstanceChargeType",
            "InstanceChargePrepaid",
            "InstanceMarketOptions",
            "SystemDisk",
            "LoginSettings",
            "EnhancedService",
            "InternetAccessible.InternetChargeType",
        ],
        does: Does::Change { plan: run, answer: ran, refused: run_refused },
    },
    Action {
        name: "StartInstances",
        honoured: &["InstanceIds"],
        harmless: &[],
        does: Does::Change { plan: start, answer: done, refused: |_| None },
    },
    Action {
        name: "StopInstances",
        honoured: &["InstanceIds", "ForceStop", "StopType", "StoppedMode"],
        harmless: &[],
        does: Does::Change { plan: stop, answer: done, refused: |_| None },
    },
    Action {
        name: "RebootInstances",
        honoured: &["InstanceIds", "ForceReboot", "StopType"],
        harmless: &[],
        does: Does::Change { plan: reboot, answer: done, refused: |_| None },
    },
    Action {
        name: "TerminateInstances",
        honoured: &["InstanceIds"],
        harmless: &["ReleasePrepaidDataDisks"],
        does: Does::Change { plan: terminate, answer: done, refused: |_| None },
    },
];

fn run(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (zone, image) = (ask.required("Placement.Zone")?, ask.required("ImageId")?);
    let vpc = ask.find("VirtualPrivateCloud.VpcId", name::VPC, &view.world.vpcs)?;
    let subnet = ask.find("VirtualPrivateCloud.SubnetId", name::SUBNET, &view.world.subnets)?;
    if subnet.vpc != vpc.id {
        return Err(error::not_found("subnet of this VPC", ask.required("VirtualPrivateCloud.SubnetId")?));
    }
    if zone != subnet::zone(subnet) {
        return Err(error(
            "InvalidZone.MismatchRegion",
            "The subnet is in another zone than Placement.Zone.",
        ));
    }
    let wants_address = ask.flag("InternetAccessible.PublicIpAssigned")?
        || ask.number("InternetAccessible.InternetMaxBandwidthOut")?.is_some_and(|bandwidth| bandwidth > 0);
    if wants_address || ask.flag("VirtualPrivateCloud.AsVpcGateway")? {
        let message = "An instance gets no public address by itself here, and is no gateway: associate an EIP, or make a route.";
        return Err(error("UnsupportedOperation", message));
    }
    let count = ask.number("InstanceCount")?.unwrap_or(1);
    if !(1..=100).contains(&count) || ask.number("MinCount")?.is_some_and(|least| least == 0 || least > count)
    {
        return Err(error(
            "InvalidParameterValue.Range",
            "InstanceCount must be 1 to 100, and MinCount at most as many.",
        ));
    }
    let addresses = ask.params.list("VirtualPrivateCloud.PrivateIpAddresses");
    if !addresses.is_empty() && addresses.len() != count as usize {
        return Err(error(
            "InvalidParameterValue",
            "PrivateIpAddresses must name as many addresses as InstanceCount.",
        ));
    }
    let (home, user_data) = (&ask.home.instance, user_data(ask)?);
    let (groups, tags) = (group::wanted(ask, view)?, tag::specified(ask, "instance")?);
    let kind = ask.text("InstanceType").unwrap_or("havip");
    let deployment_set = placement::given(ask, view)?;
    let steps = (0..count as usize).map(|at| {
        let address = match addresses.get(at) {
            Some(text) => {
                let malformed = |_| error::malformed("PrivateIpAddresses", text);
                Choice::Chosen(text.parse::<std::net::Ipv4Addr>().map_err(malformed)?.into())
            }
            None => Choice::default(),
        };
        let texts = request::Texts {
            name: ask.name("InstanceName")?.unwrap_or_default(),
            tags: tags.clone(),
            ..request::Texts::default()
        };
        let user_data = user_data.clone();
        let (subnet, groups) = (subnet.id, groups.clone());
        let request = request::RunInstance {
            texts,
            subnet,
            address,
            user_data,
            groups,
            deployment_set,
            ..home.clone()
        };
        Ok(Step::saying(request, vec![(IMAGE, image.into()), (TYPE, kind.into())]))
    });
    steps.collect()
}

/// A script in base64. A sandbox has no cloud-init that would read anything else.
fn user_data(ask: &Ask) -> Result<String, Error> {
    let Some(encoded) = ask.text("UserData") else { return Ok(String::new()) };
    let malformed = || error("InvalidParameterValue", "UserData must be base64 of a text.");
    let text =
        decode_base64(encoded).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(malformed)?;
    match ask.home.instance.driver == Driver::Namespace && text.starts_with("#cloud-config") {
        true => Err(error(
            "UnsupportedOperation",
            "UserData must be a script here: the sandbox has no cloud-init.",
        )),
        false => Ok(text),
    }
}

fn ran(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    let ids = made.iter().filter_map(|key| match key {
        ResourceKey::Instance(id) => Some(name::INSTANCE.show(*id)),
        _ => None,
    });
    json!({"InstanceIdSet": ids.collect::<Vec<_>>()})
}

fn run_refused(code: Code) -> Option<&'static str> {
    match code {
        Code::AddressInUse => Some("InvalidParameterValue.IPAddressDuplicated"),
        Code::NoHost | Code::HostFull => Some("ResourceInsufficient.AvailabilityZoneSoldOut"),
        code => placement::refused(code),
    }
}

fn start(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    each(ask, view, |instance, worked| match worked {
        Worked::Stopped | Worked::Failed => Ok(request::StartInstance { instance: instance.id }.into()),
        other => Err(in_state(other)),
    })
}

fn stop_type(ask: &Ask) -> Result<&str, Error> {
    let kind = ask.text("StopType").unwrap_or("SOFT");
    match ["SOFT", "HARD", "SOFT_FIRST"].contains(&kind) {
        true => Ok(kind),
        false => {
            let message = format!("StopType must be SOFT, HARD or SOFT_FIRST, not {kind:?}.");
            Err(error("InvalidParameterValue", message))
        }
    }
}

fn stop(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let is_hard = stop_type(ask)? == "HARD" || ask.flag("ForceStop")?;
    let gives_up_share = match ask.text("StoppedMode") {
        None | Some("KEEP_CHARGING") => false,
        Some("STOP_CHARGING") => true,
        Some(other) => {
            let message = format!("StoppedMode must be KEEP_CHARGING or STOP_CHARGING, not {other:?}.");
            return Err(error("InvalidParameterValue", message));
        }
    };
    each(ask, view, |one, worked| match worked {
        Worked::Running | Worked::Stopping if is_hard => {
            Ok(request::PowerOffInstance { instance: one.id, gives_up_share }.into())
        }
        Worked::Running => Ok(request::StopInstance { instance: one.id, gives_up_share }.into()),
        other => Err(in_state(other)),
    })
}

/// SOFT and SOFT_FIRST are one here: what has not ended within 60 s is powered off.
fn reboot(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let kind = stop_type(ask)?;
    if ask.flag("ForceReboot")? || kind == "HARD" {
        let message = "An instance is not restarted by force; stop it with StopType HARD, then start it.";
        return Err(error("UnsupportedOperation", message));
    }
    each(ask, view, |instance, worked| match worked {
        Worked::Running => Ok(request::RestartInstance { instance: instance.id }.into()),
        other => Err(in_state(other)),
    })
}

fn terminate(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    each(ask, view, |instance, _| Ok(request::DeleteInstance { instance: instance.id }.into()))
}

fn each(
    ask: &Ask,
    view: &View,
    step: impl Fn(&Instance, Worked) -> Result<Step, Error>,
) -> Result<Vec<Step>, Error> {
    instances(ask, view)?.into_iter().map(|instance| step(instance, view.worked(instance))).collect()
}

/// The instances of `InstanceIds`.
pub fn instances<'a>(ask: &Ask, view: &View<'a>) -> Result<Vec<&'a Instance>, Error> {
    let ids = ask.params.list("InstanceIds");
    if ids.is_empty() {
        return Err(error::of_parameter(ParamError::Missing("InstanceIds".into())));
    }
    if ids.len() > 100 {
        return Err(error("LimitExceeded", "InstanceIds may name at most 100."));
    }
    let found = ids.into_iter().map(|id| {
        let shown: String = id.chars().take(64).collect();
        if !name::INSTANCE.fits(id) {
            return Err(error(
                "InvalidInstanceId.Malformed",
                format!("The instance id {shown:?} is malformed."),
            ));
        }
        let missing =
            || error("InvalidInstanceId.NotFound", format!("The instance {shown:?} does not exist."));
        name::INSTANCE.find(&view.world.instances, id).ok_or_else(missing)
    });
    found.collect()
}

fn in_state(worked: Worked) -> Error {
    let code = match worked {
        Worked::Running => "UnsupportedOperation.InstanceStateRunning",
        Worked::Starting => "UnsupportedOperation.InstanceStateStarting",
        Worked::Stopping => "UnsupportedOperation.InstanceStateStopping",
        Worked::Stopped | Worked::Failed => "UnsupportedOperation.InstanceStateStopped",
    };
    error(code, "The instance is not in a state for this.")
}

/// The image and the type that the client named; of no effect here.
pub const IMAGE: &str = "tencent.image";
pub const TYPE: &str = "tencent.instance-type";
