//! Instances: run, start, stop, delete.

use super::{Action, Does, deployment_set, done, group, resource_group, tag};
use crate::{ask::Ask, error, name};
use havip_admission::{Code, Refusal, request, request::Choice};
use havip_dialect::{Error, Step, View, Worked, decode_base64};
use havip_model::{Driver, Instance, ResourceKey};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "RunInstances",
        product: None,
        honoured: &[
            "VSwitchId",
            "SecurityGroupId",
            "SecurityGroupIds",
            "PrivateIpAddress",
            "Amount",
            "MinAmount",
            "InstanceName",
            "Description",
            "Tag.Key",
            "Tag.Value",
            "ResourceGroupId",
            "DeploymentSetId",
            "UserData",
            "ImageId",
            "InstanceType",
            "ZoneId",
            "InternetMaxBandwidthOut",
            "ClientToken",
            "DryRun",
        ],
        harmless: &[
            "SystemDisk",
            "Password",
            "PasswordInherit",
            "InstanceChargeType",
            "InternetChargeType",
            "SpotStrategy",
            "SpotPriceLimit",
            "SpotDuration",
            "SpotInterruptionBehavior",
            "IoOptimized",
            "Period",
            "PeriodUnit",
            "AutoRenew",
            "AutoRenewPeriod",
            "AutoPay",
            "SecurityEnhancementStrategy",
            "InternetMaxBandwidthIn",
            "CreditSpecification",
            "DeletionProtection",
        ],
        does: Does::Change { plan: run, answer: ran, refused: run_refused },
    },
    Action {
        name: "StartInstance",
        product: None,
        honoured: &["InstanceId", "DryRun"],
        harmless: &["InitLocalDisk"],
        does: Does::Change { plan: start, answer: done, refused: |_| None },
    },
    Action {
        name: "StartInstances",
        product: None,
        honoured: &["InstanceId", "DryRun"],
        harmless: &["BatchOptimization"],
        does: Does::Change { plan: start, answer: each, refused: |_| None },
    },
    Action {
        name: "StopInstance",
        product: None,
        honoured: &["InstanceId", "ForceStop", "DryRun", "StoppedMode"],
        harmless: &["ConfirmStop"],
        does: Does::Change { plan: stop, answer: done, refused: |_| None },
    },
    Action {
        name: "StopInstances",
        product: None,
        honoured: &["InstanceId", "ForceStop", "DryRun", "StoppedMode"],
        harmless: &["BatchOptimization"],
        does: Does::Change { plan: stop, answer: each, refused: |_| None },
    },
    Action {
        name: "DeleteInstance",
        product: None,
        honoured: &["InstanceId", "Force", "DryRun"],
        harmless: &["TerminateSubscription", "ForceStop"],
        does: Does::Change { plan: delete, answer: done, refused: delete_refused },
    },
    Action {
        name: "DeleteInstances",
        product: None,
        honoured: &["InstanceId", "Force", "ClientToken", "DryRun"],
        harmless: &["TerminateSubscription", "ForceStop"],
        does: Does::Change { plan: delete, answer: done, refused: delete_refused },
    },
];

fn run(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let subnet = ask.find("VSwitchId", name::VSWITCH, &view.world.subnets, "InvalidVSwitchId.NotFound")?;
    let (image, kind) = (ask.required("ImageId")?, ask.required("InstanceType")?);
    if ask.text("ZoneId").is_some_and(|zone| zone != super::vswitch::zone(subnet)) {
        return Err(Error::new(
            400,
            "InvalidParameter.Mismatch",
            "The vSwitch is in another zone than ZoneId.",
        ));
    }
    if ask.number("InternetMaxBandwidthOut")?.is_some_and(|bandwidth| bandwidth > 0) {
        return Err(error::invalid(
            "An instance gets no public address by itself here: leave InternetMaxBandwidthOut at 0 and associate an EIP.",
        ));
    }
    let amount = ask.number("Amount")?.unwrap_or(1);
    if !(1..=100).contains(&amount)
        || ask.number("MinAmount")?.is_some_and(|least| least > amount || least == 0)
    {
        return Err(error::invalid("Amount must be 1 to 100, and MinAmount at most Amount."));
    }
    let address = match ask.text("PrivateIpAddress") {
        Some(_) if amount > 1 => {
            return Err(error::invalid("PrivateIpAddress goes with an Amount of 1 only."));
        }
        Some(text) => {
            let malformed = |_| {
                Error::new(
                    400,
                    "InvalidPrivateIpAddress.Malformed",
                    format!("PrivateIpAddress {text:?} is not an IPv4 address."),
                )
            };
            Choice::Chosen(text.parse::<std::net::Ipv4Addr>().map_err(malformed)?.into())
        }
        None => Choice::default(),
    };
    let texts = request::Texts {
        name: ask.new_text("InstanceName", 128, "InvalidInstanceName.Malformed")?.unwrap_or_default(),
        description: ask.new_text("Description", 256, "InvalidDescription.Malformed")?.unwrap_or_default(),
        tags: tag::given(ask)?,
        resource_group: resource_group::given(ask, view)?,
    };
    let home = &ask.home.instance;
    let user_data = user_data(ask, home.driver)?;
    let (subnet, groups) = (subnet.id, group::wanted(ask, view)?);
    let deployment_set = deployment_set::given(ask, view)?;
    let request =
        request::RunInstance { texts, subnet, address, user_data, groups, deployment_set, ..home.clone() };
    let said = vec![(IMAGE, image.to_string()), (TYPE, kind.to_string())];
    Ok((0..amount).map(|_| Step::saying(request.clone(), said.clone())).collect())
}

/// A script in base64. A sandbox has no cloud-init that would read anything else.
fn user_data(ask: &Ask, driver: Driver) -> Result<String, Error> {
    let Some(encoded) = ask.text("UserData") else { return Ok(String::new()) };
    let malformed =
        || Error::new(400, "InvalidUserData.Base64FormatInvalid", "UserData must be base64 of a text.");
    let text =
        decode_base64(encoded).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(malformed)?;
    match driver == Driver::Namespace && text.starts_with("#cloud-config") {
        true => Err(Error::new(
            400,
            "InvalidUserData.NotSupported",
            "UserData must be a script here: the sandbox has no cloud-init.",
        )),
        false => Ok(text),
    }
}

fn ran(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    json!({"InstanceIdSets": {"InstanceIdSet": ids(made)}, "OrderId": "", "TradePrice": 0.0})
}

fn run_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    Some(match refusal.code {
        Code::AddressOutsideSubnet | Code::AddressReserved | Code::AddressNotUnicast => {
            (400, "InvalidPrivateIpAddress")
        }
        Code::AddressInUse => (400, "InvalidPrivateIpAddress.Duplicated"),
        Code::SubnetFull => (400, "QuotaExceeded.PrivateIpAddress"),
        Code::InvalidText => (400, "InvalidInstanceName.Malformed"),
        _ => return group::refused(refusal).or_else(|| deployment_set::refused(refusal)),
    })
}

fn start(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let steps = find(ask, view)?.into_iter().map(|instance| match view.worked(instance) {
        Worked::Stopped | Worked::Failed => Ok(request::StartInstance { instance: instance.id }.into()),
        _ => Err(incorrect("The instance is not stopped.")),
    });
    steps.collect()
}

fn stop(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let force = ask.flag("ForceStop")?;
    let gives_up_share = match ask.text("StoppedMode") {
        None | Some("KeepCharging") => false,
        Some("StopCharging") => true,
        Some(other) => {
            let message = format!("StoppedMode must be KeepCharging or StopCharging, not {other:?}.");
            return Err(Error::new(400, "InvalidParameter.StoppedMode", message));
        }
    };
    let steps = find(ask, view)?.into_iter().map(|one| match (view.worked(one), force) {
        (Worked::Running | Worked::Stopping, true) => {
            Ok(request::PowerOffInstance { instance: one.id, gives_up_share }.into())
        }
        (Worked::Running, false) => Ok(request::StopInstance { instance: one.id, gives_up_share }.into()),
        _ => Err(incorrect("The instance does not run.")),
    });
    steps.collect()
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let force = ask.flag("Force")?;
    let steps = find(ask, view)?.into_iter().map(|instance| match view.worked(instance) {
        Worked::Running | Worked::Starting | Worked::Stopping if !force => {
            Err(incorrect("The instance is not stopped; stop it first, or say Force=true."))
        }
        _ => Ok(request::DeleteInstance { instance: instance.id }.into()),
    });
    steps.collect()
}

fn delete_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    (refusal.code == Code::InterfaceHasRoute).then_some((400, "DependencyViolation.RouteEntry"))
}

/// What each of several instances has come to.
fn each(_: &Ask, view: &View, made: &[ResourceKey]) -> Value {
    let instances = made.iter().filter_map(|key| match key {
        ResourceKey::Instance(id) => view.world.instances.get(id),
        _ => None,
    });
    let shown: Vec<Value> = instances
        .map(|instance| {
            let (now, before) = match instance.power {
                havip_model::PowerState::Running => ("Starting", "Stopped"),
                _ => ("Stopping", "Running"),
            };
            json!({
                "InstanceId": name::INSTANCE.show(instance.id),
                "Code": "200",
                "Message": "success",
                "CurrentStatus": now,
                "PreviousStatus": before,
            })
        })
        .collect();
    json!({"InstanceResponses": {"InstanceResponse": shown}})
}

/// The one instance of `InstanceId`, or those of `InstanceId.N`.
fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<Vec<&'a Instance>, Error> {
    let mut ids = ask.params.list("InstanceId");
    ids.extend(ask.text("InstanceId"));
    let code = if ask.action.name.ends_with("Instances") && ask.action.name.starts_with("Delete") {
        "InvalidInstanceIds.NotFound"
    } else {
        "InvalidInstanceId.NotFound"
    };
    match ids.len() {
        0 => Err(error::of_parameter(havip_dialect::ParamError::Missing("InstanceId".into()))),
        1..=100 => ids
            .into_iter()
            .map(|id| {
                let instance = name::INSTANCE.find(&view.world.instances, id);
                instance.ok_or_else(|| error::not_found(code, "instance", id))
            })
            .collect(),
        _ => {
            Err(Error::new(403, "InvalidParameter.TooManyInstanceIds", "At most 100 instances may be named."))
        }
    }
}

fn ids(made: &[ResourceKey]) -> Vec<String> {
    let ids = made.iter().filter_map(|key| match key {
        ResourceKey::Instance(id) => Some(name::INSTANCE.show(*id)),
        _ => None,
    });
    ids.collect()
}

fn incorrect(message: &str) -> Error {
    Error::new(403, "IncorrectInstanceStatus", message)
}

/// The image and the type that the client named; of no effect here.
pub const IMAGE: &str = "aliyun.image";
pub const TYPE: &str = "aliyun.instance-type";
