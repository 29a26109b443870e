//! Instances as they are shown.

use super::{
    Action, Does, group,
    server::{IMAGE, TYPE},
    subnet,
};
use crate::{
    ask::Ask,
    error::error,
    list::{Narrow, part},
    name,
};
use havip_dialect::{Clock, Error, View, Worked, format_time};
use havip_model::{EipTarget, Instance};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "DescribeInstances",
        honoured: &["InstanceIds", "Filters.Name", "Filters.Values", "Offset", "Limit"],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "DescribeInstancesStatus",
        honoured: &["InstanceIds", "Offset", "Limit"],
        harmless: &[],
        does: Does::Read(describe_status),
    },
];

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let filters = [
        "zone",
        "vpc-id",
        "subnet-id",
        "instance-id",
        "instance-name",
        "instance-state",
        "private-ip-address",
        "public-ip-address",
        "instance-charge-type",
        "security-group-id",
    ];
    let narrow = narrow(ask, &filters)?;
    let passes = |one: &&Instance| {
        let shown = show(view, one);
        let texts = |value: &Value| match value {
            Value::Array(all) => all.iter().filter_map(Value::as_str).map(Into::into).collect(),
            Value::String(text) => vec![text.clone()],
            _ => vec![],
        };
        narrow.pass(&name::INSTANCE.show(one.id), &one.meta, |filter| match filter {
            "zone" => texts(&shown["Placement"]["Zone"]),
            "vpc-id" => texts(&shown["VirtualPrivateCloud"]["VpcId"]),
            "subnet-id" => texts(&shown["VirtualPrivateCloud"]["SubnetId"]),
            "instance-id" => texts(&shown["InstanceId"]),
            "instance-name" => texts(&shown["InstanceName"]),
            "instance-state" => texts(&shown["InstanceState"]),
            "private-ip-address" => texts(&shown["PrivateIpAddresses"]),
            "security-group-id" => texts(&shown["SecurityGroupIds"]),
            "public-ip-address" => texts(&shown["PublicIpAddresses"]),
            _ => texts(&shown["InstanceChargeType"]),
        })
    };
    let rows: Vec<&Instance> = name::INSTANCE
        .among(&view.world.instances, narrow.ids("instance-id"))
        .into_iter()
        .filter(passes)
        .collect();
    part(ask, "InstanceSet", rows, |one| &one.meta, |one| show(view, one))
}

fn describe_status(ask: &Ask, view: &View) -> Result<Value, Error> {
    let narrow = narrow(ask, &[])?;
    let rows = name::INSTANCE.among(&view.world.instances, narrow.ids("instance-id"));
    part(
        ask,
        "InstanceStatusSet",
        rows,
        |one| &one.meta,
        |one| json!({"InstanceId": name::INSTANCE.show(one.id), "InstanceState": state(view, one)}),
    )
}

/// This service has its own word for an id that is none.
fn narrow(ask: &Ask, filters: &[&str]) -> Result<Narrow, Error> {
    Narrow::read(ask, "InstanceIds", name::INSTANCE, filters).map_err(|problem| match &*problem.code {
        "InvalidParameterValue.Malformed" => error("InvalidInstanceId.Malformed", problem.message),
        _ => problem,
    })
}

fn show(view: &View, instance: &Instance) -> Value {
    let primary = view.world.primary_interface(instance.id);
    let zone = primary.and_then(|one| view.world.subnets.get(&one.subnet)).map(subnet::zone);
    let addresses: Vec<String> = view
        .world
        .interfaces_of(instance.id)
        .filter_map(|one| one.primary)
        .map(|address| address.to_string())
        .collect();
    let eips = view.world.eips_to(EipTarget::Instance(instance.id)).filter(|eip| eip.address.is_ipv4());
    let public: Vec<String> = eips.map(|eip| eip.address.to_string()).collect();
    let charging = match (view.worked(instance), instance.gave_up_share) {
        (Worked::Stopped | Worked::Failed, true) => "STOP_CHARGING",
        (Worked::Stopped | Worked::Failed, false) => "KEEP_CHARGING",
        _ => "NOT_APPLICABLE",
    };
    let group = instance.deployment_set.map(|set| name::PLACEMENT.show(set));
    let said = |word: &str| instance.meta.said.get(word).map_or("havip", String::as_str);
    let (operation, outcome) = match view.worked(instance) {
        Worked::Starting => {
            (if instance.starts > 1 { "StartInstances" } else { "RunInstances" }, "OPERATING")
        }
        Worked::Running => ("StartInstances", "SUCCESS"),
        Worked::Stopping => ("StopInstances", "OPERATING"),
        Worked::Stopped => ("StopInstances", "SUCCESS"),
        Worked::Failed => ("StartInstances", "FAILED"),
    };
    json!({
        "InstanceId": name::INSTANCE.show(instance.id),
        "InstanceName": instance.meta.name,
        "InstanceState": state(view, instance),
        "RestrictState": "NORMAL",
        "InstanceType": said(TYPE),
        "ImageId": said(IMAGE),
        "CPU": instance.cpu_millis.div_ceil(1000),
        "Memory": instance.memory_mib.div_ceil(1024),
        "InstanceChargeType": "POSTPAID_BY_HOUR",
        "Placement": {"Zone": zone.unwrap_or(&instance.zone), "ProjectId": 0, "HostIds": []},
        "SystemDisk": {"DiskType": "CLOUD_PREMIUM", "DiskId": name::DISK.show(instance.id), "DiskSize": 20},
        "DataDisks": [],
        "PrivateIpAddresses": addresses,
        "PublicIpAddresses": public,
        "InternetAccessible": {"InternetChargeType": "TRAFFIC_POSTPAID_BY_HOUR", "InternetMaxBandwidthOut": 0, "PublicIpAssigned": false},
        "VirtualPrivateCloud": {
            "VpcId": primary.map(|one| name::VPC.show(one.vpc)).unwrap_or_default(),
            "SubnetId": primary.map(|one| name::SUBNET.show(one.subnet)).unwrap_or_default(),
            "AsVpcGateway": false,
        },
        "CreatedTime": format_time(instance.meta.created_at, Clock::Seconds),
        "OsName": "Debian",
        "SecurityGroupIds": primary.map(group::names).unwrap_or_default(),
        "DisasterRecoverGroupId": group.clone().unwrap_or_default(),
        "DisasterRecoverGroupIds": group.into_iter().collect::<Vec<_>>(),
        "LoginSettings": {"KeyIds": []},
        "Tags": crate::reply::tags(&instance.meta),
        "StopChargingMode": charging,
        "Uuid": instance.id.body().as_str(),
        "LatestOperation": operation,
        "LatestOperationState": outcome,
        "DisableApiTermination": false,
        "IsolatedSource": "NOTISOLATED",
    })
}

fn state(view: &View, instance: &Instance) -> &'static str {
    match view.worked(instance) {
        Worked::Starting if instance.starts > 1 => "STARTING",
        Worked::Starting => "PENDING",
        Worked::Running => "RUNNING",
        Worked::Stopping => "STOPPING",
        Worked::Stopped => "STOPPED",
        Worked::Failed => "LAUNCH_FAILED",
    }
}
