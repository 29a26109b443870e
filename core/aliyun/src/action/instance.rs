//! Instances as they are shown, and what clients read around them.

use super::{
    Action, Does, group, resource_group,
    server::{IMAGE, TYPE},
    tag, vswitch,
};
use crate::{ask::Ask, error, name, page::page};
use havip_dialect::{Clock, Error, View, Worked, encode_base64, format_time};
use havip_model::{EipTarget, Instance, Interface};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "DescribeInstances",
        product: None,
        honoured: &[
            "InstanceIds",
            "VpcId",
            "VSwitchId",
            "ZoneId",
            "Status",
            "InstanceName",
            "Tag.Key",
            "Tag.Value",
            "ResourceGroupId",
            "SecurityGroupId",
            "PrivateIpAddresses",
            "PageNumber",
            "PageSize",
            "DryRun",
        ],
        harmless: &["AdditionalAttributes", "InstanceNetworkType", "MaxResults", "InstanceChargeType"],
        does: Does::Read(describe),
    },
    Action {
        name: "DescribeInstanceStatus",
        product: None,
        honoured: &["InstanceId", "ZoneId", "PageNumber", "PageSize"],
        harmless: &["ClusterId"],
        does: Does::Read(describe_status),
    },
    Action {
        name: "DescribeInstanceAttribute",
        product: None,
        honoured: &["InstanceId"],
        harmless: &[],
        does: Does::Read(describe_one),
    },
    Action {
        name: "DescribeInstanceAttachmentAttributes",
        product: None,
        honoured: &["InstanceIds", "PageNumber", "PageSize"],
        harmless: &[],
        does: Does::Read(describe_attachments),
    },
    Action {
        name: "DescribeInstanceMaintenanceAttributes",
        product: None,
        honoured: &["InstanceId", "PageNumber", "PageSize"],
        harmless: &[],
        does: Does::Read(describe_maintenance),
    },
    Action {
        name: "DescribeUserData",
        product: None,
        honoured: &["InstanceId"],
        harmless: &[],
        does: Does::Read(describe_user_data),
    },
    Action {
        name: "DescribeInstanceRamRole",
        product: None,
        honoured: &["InstanceIds"],
        harmless: &["RamRoleName", "PageNumber", "PageSize"],
        does: Does::Read(|_, _| {
            Ok(json!({"InstanceRamRoleSets": {"InstanceRamRoleSet": []}, "TotalCount": 0}))
        }),
    },
    Action {
        name: "DescribeDisks",
        product: None,
        honoured: &[
            "InstanceId",
            "DiskIds",
            "DiskType",
            "Tag.Key",
            "Tag.Value",
            "ResourceGroupId",
            "PageNumber",
            "PageSize",
        ],
        harmless: &["AdditionalAttributes", "MaxResults"],
        does: Does::Read(describe_disks),
    },
];

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let addresses = ask.array("PrivateIpAddresses")?;
    let is = |name: &str, value: &str| ask.text(name).is_none_or(|wanted| wanted == value);
    let tags = tag::Wanted::read(ask, "Tag")?;
    let mut rows = named(ask, view)?;
    rows.retain(|instance| {
        let interfaces: Vec<&Interface> = view.world.interfaces_of(instance.id).collect();
        let any = |name: &str, of: &dyn Fn(&Interface) -> String| {
            ask.text(name).is_none_or(|wanted| interfaces.iter().any(|interface| of(interface) == wanted))
        };
        let wanted = ask.text("SecurityGroupId");
        let is_guarded =
            |id: &str| interfaces.iter().any(|one| group::names(one).iter().any(|name| name == id));
        wanted.is_none_or(is_guarded)
            && any("VpcId", &|interface| name::VPC.show(interface.vpc))
            && any("VSwitchId", &|interface| name::VSWITCH.show(interface.subnet))
            && is("ZoneId", zone(view, instance))
            && is("Status", status(view, instance))
            && is("InstanceName", &instance.meta.name)
            && tags.hold(&instance.meta)
            && resource_group::holds(ask, &instance.meta)
            && addresses.as_ref().is_none_or(|wanted| {
                let mut all = interfaces.iter().flat_map(|interface| interface.addresses());
                all.any(|address| wanted.contains(&address.to_string()))
            })
    });
    let mut shown =
        page(ask, ("Instances", "Instance"), 100, rows, |one| &one.meta, |one| show(ask, view, one))?;
    shown["NextToken"] = "".into();
    Ok(shown)
}

fn describe_status(ask: &Ask, view: &View) -> Result<Value, Error> {
    let ids = ask.params.list("InstanceId");
    if ids.len() > 100 {
        return Err(Error::new(
            403,
            "InvalidParameter.TooManyInstanceIds",
            "At most 100 instances may be named.",
        ));
    }
    let passes = |one: &&Instance| ask.text("ZoneId").is_none_or(|wanted| wanted == zone(view, one));
    let all = name::INSTANCE.among(&view.world.instances, &ids);
    let rows: Vec<&Instance> = all.into_iter().filter(passes).collect();
    page(
        ask,
        ("InstanceStatuses", "InstanceStatus"),
        50,
        rows,
        |one| &one.meta,
        |one| json!({"InstanceId": name::INSTANCE.show(one.id), "Status": status(view, one)}),
    )
}

fn describe_one(ask: &Ask, view: &View) -> Result<Value, Error> {
    let instance = find(ask, view)?;
    let mut shown = show(ask, view, instance);
    // What this one has besides, or in another form.
    shown["IoOptimized"] = "optimized".into();
    shown["VlanId"] = "".into();
    shown["ClusterId"] = "".into();
    Ok(shown)
}

fn describe_attachments(ask: &Ask, view: &View) -> Result<Value, Error> {
    let rows = named(ask, view)?;
    page(
        ask,
        ("Instances", "Instance"),
        100,
        rows,
        |one| &one.meta,
        |one| {
            json!({
                "InstanceId": name::INSTANCE.show(one.id),
                "PrivatePoolOptionsMatchCriteria": "",
                "PrivatePoolOptionsId": "",
            })
        },
    )
}

fn describe_maintenance(ask: &Ask, view: &View) -> Result<Value, Error> {
    let mut ids = ask.params.list("InstanceId");
    ids.extend(ask.text("InstanceId"));
    let rows = name::INSTANCE.among(&view.world.instances, &ids);
    page(
        ask,
        ("MaintenanceAttributes", "MaintenanceAttribute"),
        100,
        rows,
        |one| &one.meta,
        |one| {
            json!({
                "InstanceId": name::INSTANCE.show(one.id),
                "ActionOnMaintenance": {"Value": "AutoRecover", "DefaultValue": "AutoRecover", "SupportedValues": {"SupportedValue": ["AutoRecover"]}},
                "MaintenanceWindows": {"MaintenanceWindow": []},
                "NotifyOnMaintenance": false,
            })
        },
    )
}

fn describe_user_data(ask: &Ask, view: &View) -> Result<Value, Error> {
    let instance = find(ask, view)?;
    Ok(json!({
        "InstanceId": name::INSTANCE.show(instance.id),
        "RegionId": ask.region(),
        "UserData": encode_base64(instance.user_data.as_bytes()),
    }))
}

/// Each instance has one disk, which cannot be taken from it.
fn describe_disks(ask: &Ask, view: &View) -> Result<Value, Error> {
    let (ids, tags) = (ask.array("DiskIds")?, tag::Wanted::read(ask, "Tag")?);
    let wants_system = ask.text("DiskType").is_none_or(|kind| ["all", "system"].contains(&kind));
    let passes = |one: &&Instance| {
        wants_system
            && ids.as_ref().is_none_or(|ids| ids.contains(&name::DISK.show(one.id)))
            && tags.hold(&one.meta)
            && resource_group::holds(ask, &one.meta)
    };
    let of: Vec<&str> = ask.text("InstanceId").into_iter().collect();
    let all = name::INSTANCE.among(&view.world.instances, &of);
    let rows: Vec<&Instance> = all.into_iter().filter(passes).collect();
    page(
        ask,
        ("Disks", "Disk"),
        100,
        rows,
        |one| &one.meta,
        |one| {
            json!({
                "DiskId": name::DISK.show(one.id),
                "DiskName": "",
                "Description": "",
                "InstanceId": name::INSTANCE.show(one.id),
                "Type": "system",
                "Category": "cloud_essd",
                "PerformanceLevel": "PL0",
                "Size": 20,
                "Status": "In_use",
                "Device": "/dev/xvda",
                "DiskChargeType": "PostPaid",
                "DeleteWithInstance": true,
                "DeleteAutoSnapshot": false,
                "EnableAutoSnapshot": false,
                "Encrypted": false,
                "Portable": false,
                "ImageId": said(one, IMAGE),
                "RegionId": ask.region(),
                "ZoneId": zone(view, one),
                "ResourceGroupId": resource_group::shown(&one.meta),
                "CreationTime": format_time(one.meta.created_at, Clock::Minutes),
                // Tagged with its instance, and as that is.
                "Tags": tag::of_ecs(&one.meta),
                "OperationLocks": {"OperationLock": []},
            })
        },
    )
}

fn show(ask: &Ask, view: &View, instance: &Instance) -> Value {
    let primary = view.world.primary_interface(instance.id);
    let address = primary.and_then(|interface| interface.primary).map(|address| address.to_string());
    let addresses: Vec<String> = address.into_iter().collect();
    let eip = view.world.eips_to(EipTarget::Instance(instance.id)).find(|eip| eip.address.is_ipv4());
    let interfaces: Vec<Value> = view.world.interfaces_of(instance.id).map(interface).collect();
    let mut shown = json!({
        "InstanceId": name::INSTANCE.show(instance.id),
        "InstanceName": instance.meta.name,
        "HostName": instance.meta.name,
        "Description": instance.meta.description,
        "Status": status(view, instance),
        "RegionId": ask.region(),
        "ZoneId": zone(view, instance),
        "ImageId": said(instance, IMAGE),
        "InstanceType": said(instance, TYPE),
        "InstanceTypeFamily": family(said(instance, TYPE)),
        "Cpu": instance.cpu_millis.div_ceil(1000),
        "Memory": instance.memory_mib,
        "OSName": "Debian",
        "OSNameEn": "Debian",
        "OSType": "linux",
        "InstanceChargeType": "PostPaid",
        "InternetChargeType": "PayByTraffic",
        "InstanceNetworkType": "vpc",
        "CreationTime": format_time(instance.meta.created_at, Clock::Minutes),
        "StartTime": format_time(instance.meta.created_at, Clock::Minutes),
        "ExpiredTime": "2099-12-31T15:59Z",
        "StoppedMode": stopped_mode(view, instance),
        "SerialNumber": instance.id.body().as_str(),
        "IoOptimized": true,
        "VpcAttributes": {
            "VpcId": primary.map(|interface| name::VPC.show(interface.vpc)).unwrap_or_default(),
            "VSwitchId": primary.map(|interface| name::VSWITCH.show(interface.subnet)).unwrap_or_default(),
            "NatIpAddress": "",
            "PrivateIpAddress": {"IpAddress": addresses},
        },
        "NetworkInterfaces": {"NetworkInterface": interfaces},
        "EipAddress": {
            "AllocationId": eip.map(|eip| name::EIP.show(eip.id)).unwrap_or_default(),
            "IpAddress": eip.map(|eip| eip.address.to_string()).unwrap_or_default(),
            "Bandwidth": eip.and_then(|eip| eip.bandwidth_mbps).unwrap_or(0),
            "InternetChargeType": if eip.is_some() { "PayByBandwidth" } else { "" },
            "IsSupportUnassociate": eip.is_some(),
        },
    });
    if let (Some(shown), Value::Object(rest)) = (shown.as_object_mut(), not_here()) {
        shown.extend(rest);
    }
    let cores = instance.cpu_millis.div_ceil(1000);
    let groups = primary.map(group::names).unwrap_or_default();
    shown["Tags"] = tag::of_ecs(&instance.meta);
    let set = instance.deployment_set.map(|set| name::DEPLOYMENT_SET.show(set));
    shown["DeploymentSetId"] = set.unwrap_or_default().into();
    shown["ResourceGroupId"] = resource_group::shown(&instance.meta).into();
    shown["SecurityGroupIds"] = json!({"SecurityGroupId": groups});
    shown["CpuOptions"] = json!({"CoreCount": cores, "ThreadsPerCore": 1, "Numa": ""});
    shown
}

/// What the cloud says of things that there are none of here; clients read some of it without asking whether it is there.
fn not_here() -> Value {
    json!({
        "OperationLocks": {"LockReason": []},
        "MetadataOptions": {"HttpEndpoint": "", "HttpTokens": "", "HttpPutResponseHopLimit": 0},
        "DedicatedHostAttribute": {"DedicatedHostId": "", "DedicatedHostName": "", "DedicatedHostClusterId": ""},
        "DedicatedInstanceAttribute": {"Affinity": "", "Tenancy": ""},
        "EcsCapacityReservationAttr": {"CapacityReservationId": "", "CapacityReservationPreference": ""},
        "HibernationOptions": {"Configured": false},
        "RdmaIpAddress": {"IpAddress": []},
        "InnerIpAddress": {"IpAddress": []},
        "PublicIpAddress": {"IpAddress": []},
        "InternetMaxBandwidthOut": 0,
        "InternetMaxBandwidthIn": 0,
        "DeletionProtection": false,
        "CreditSpecification": "",
        "DeviceAvailable": true,
        "Recyclable": false,
        "SpotPriceLimit": 0.0,
        "SpotStrategy": "NoSpot",
        "KeyPairName": "",
    })
}

fn interface(interface: &Interface) -> Value {
    let address = interface.primary.map(|address| address.to_string()).unwrap_or_default();
    let all = interface.addresses().filter(std::net::IpAddr::is_ipv4);
    let sets: Vec<Value> = all
        .map(|address| json!({"PrivateIpAddress": address.to_string(), "Primary": interface.primary == Some(address)}))
        .collect();
    json!({
        "NetworkInterfaceId": name::INTERFACE.show(interface.id),
        "MacAddress": interface.mac.to_string(),
        "PrimaryIpAddress": address,
        "Type": if interface.is_primary { "Primary" } else { "Secondary" },
        "PrivateIpSets": {"PrivateIpSet": sets},
        "Ipv6Sets": {"Ipv6Set": []},
    })
}

/// Whether others may have what a stopped instance had of its host.
fn stopped_mode(view: &View, instance: &Instance) -> &'static str {
    match (status(view, instance), instance.gave_up_share) {
        ("Stopped", true) => "StopCharging",
        ("Stopped", false) => "KeepCharging",
        _ => "Not-applicable",
    }
}

/// The cloud has no word for an instance that could not be started; it is not running, so it is stopped.
pub fn status(view: &View, instance: &Instance) -> &'static str {
    let has_run = instance.starts > 1;
    match view.worked(instance) {
        Worked::Starting if has_run => "Starting",
        Worked::Starting => "Pending",
        Worked::Running => "Running",
        Worked::Stopping => "Stopping",
        Worked::Stopped | Worked::Failed => "Stopped",
    }
}

/// Those of `InstanceIds`, all without it; those that are being withdrawn are not listed any more.
fn named<'a>(ask: &Ask, view: &View<'a>) -> Result<Vec<&'a Instance>, Error> {
    let ids = ask.array("InstanceIds")?;
    if ids.as_ref().is_some_and(|ids| ids.len() > 100) {
        return Err(error::invalid("InstanceIds may name at most 100 instances."));
    }
    Ok(match ids {
        // A list of none is not the same as no list.
        Some(ids) if ids.is_empty() => vec![],
        ids => name::INSTANCE.among(&view.world.instances, &ids.unwrap_or_default()),
    })
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Instance, Error> {
    ask.find("InstanceId", name::INSTANCE, &view.world.instances, "InvalidInstanceId.NotFound")
}

fn zone<'a>(view: &View<'a>, instance: &'a Instance) -> &'a str {
    let subnet =
        view.world.primary_interface(instance.id).and_then(|one| view.world.subnets.get(&one.subnet));
    subnet.map_or(instance.zone.as_str(), vswitch::zone)
}

fn said<'a>(instance: &'a Instance, word: &str) -> &'a str {
    instance.meta.said.get(word).map_or("havip", String::as_str)
}

/// `ecs.g6` of `ecs.g6.large`.
fn family(kind: &str) -> &str {
    kind.rsplit_once('.').map_or(kind, |(family, _)| family)
}
