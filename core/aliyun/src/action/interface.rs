//! Network interfaces.

use super::{Action, Does, done, group, resource_group, tag};
use crate::{ask::Ask, error, name, page::page};
use havip_admission::{Code, Refusal, request, request::Choice};
use havip_dialect::{Clock, Error, Step, View, format_time};
use havip_model::{EipTarget, Interface, Resource, ResourceKey, Status};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateNetworkInterface",
        product: None,
        honoured: &[
            "VSwitchId",
            "PrimaryIpAddress",
            "SecurityGroupId",
            "SecurityGroupIds",
            "NetworkInterfaceName",
            "Description",
            "Tag.Key",
            "Tag.Value",
            "ResourceGroupId",
            "ClientToken",
            "DryRun",
        ],
        harmless: &[],
        does: Does::Change { plan: create, answer: created, refused: create_refused },
    },
    Action {
        name: "AttachNetworkInterface",
        product: None,
        honoured: &["NetworkInterfaceId", "InstanceId"],
        harmless: &["WaitForNetworkConfigurationReady"],
        does: Does::Change { plan: attach, answer: done, refused: attach_refused },
    },
    Action {
        name: "DetachNetworkInterface",
        product: None,
        honoured: &["NetworkInterfaceId", "InstanceId"],
        harmless: &[],
        does: Does::Change { plan: detach, answer: done, refused: |_| None },
    },
    Action {
        name: "DeleteNetworkInterface",
        product: None,
        honoured: &["NetworkInterfaceId"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done, refused: delete_refused },
    },
    Action {
        name: "DescribeNetworkInterfaces",
        product: None,
        honoured: &[
            "NetworkInterfaceId",
            "InstanceId",
            "VpcId",
            "VSwitchId",
            "PrimaryIpAddress",
            "PrivateIpAddress",
            "Type",
            "Status",
            "SecurityGroupId",
            "NetworkInterfaceName",
            "Tag.Key",
            "Tag.Value",
            "ResourceGroupId",
            "PageNumber",
            "PageSize",
        ],
        harmless: &["MaxResults"],
        does: Does::Read(describe),
    },
];

fn create(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let subnet = ask.find("VSwitchId", name::VSWITCH, &view.world.subnets, "InvalidVSwitchId.NotFound")?;
    let address = match ask.text("PrimaryIpAddress") {
        Some(text) => {
            let wrong = |_| {
                Error::new(
                    403,
                    "InvalidVSwitchId.IpInvalid",
                    format!("PrimaryIpAddress {text:?} is not an IPv4 address."),
                )
            };
            Choice::Chosen(text.parse::<std::net::Ipv4Addr>().map_err(wrong)?.into())
        }
        None => Choice::default(),
    };
    let texts = request::Texts {
        name: ask
            .new_text("NetworkInterfaceName", 128, "InvalidParameter.NetworkInterfaceName")?
            .unwrap_or_default(),
        description: ask.new_text("Description", 256, "InvalidDescription.Malformed")?.unwrap_or_default(),
        tags: tag::given(ask)?,
        resource_group: resource_group::given(ask, view)?,
    };
    let request = request::CreateInterface {
        subnet: subnet.id,
        texts,
        address,
        address6: Default::default(),
        secondary: vec![],
        mac: None,
        source_dest_check: true,
        groups: group::wanted(ask, view)?,
        instance: None,
    };
    Ok(vec![request.into()])
}

fn created(_: &Ask, view: &View, made: &[ResourceKey]) -> Value {
    let interface = made.iter().find_map(|key| match key {
        ResourceKey::Interface(id) => view.world.interfaces.get(id),
        _ => None,
    });
    interface.map_or_else(|| json!({}), |interface| show(view, interface))
}

fn create_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    Some(match refusal.code {
        Code::AddressInUse => (400, "InvalidPrivateIpAddress.Duplicated"),
        Code::AddressOutsideSubnet | Code::AddressReserved => (403, "InvalidVSwitchId.IpInvalid"),
        Code::SubnetFull => (403, "InvalidVSwitchId.IpNotEnough"),
        _ => return group::refused(refusal),
    })
}

fn attach(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let interface = find(ask, view)?.id;
    let instance = ask.find("InstanceId", name::INSTANCE, &view.world.instances, "InvalidEcsId.NotFound")?.id;
    Ok(vec![request::AttachInterface { interface, instance, device: None }.into()])
}

fn attach_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    Some(match refusal.code {
        Code::AlreadyAttached | Code::AlreadyPlugged => (400, "InvalidOperation.InvalidEniState"),
        Code::TooManyInterfaces => (403, "EniPerInstanceLimitExceeded"),
        Code::OtherZone => (403, "InvalidOperation.AvailabilityZoneMismatch"),
        Code::OtherVpc => (403, "InvalidOperation.VpcMismatch"),
        _ => return None,
    })
}

fn detach(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let interface = find(ask, view)?;
    let instance = ask.find("InstanceId", name::INSTANCE, &view.world.instances, "InvalidEcsId.NotFound")?;
    if interface.instance != Some(instance.id) {
        let message = "The network interface is not attached to this instance.";
        return Err(Error::new(400, "InvalidParameter.EniNotBelongEcs", message));
    }
    if interface.is_primary {
        let message = "The primary network interface stays with its instance.";
        return Err(Error::new(400, "InvalidOperation.DetachPrimaryEniNotAllowed", message));
    }
    Ok(vec![request::DetachInterface { interface: interface.id }.into()])
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    Ok(vec![request::DeleteInterface { interface: find(ask, view)?.id }.into()])
}

fn delete_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    let is_used =
        [Code::InterfaceAttached, Code::InterfaceHasRoute, Code::PrimaryInterface].contains(&refusal.code);
    is_used.then_some((400, "InvalidOperation.InvalidEniState"))
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let (ids, addresses) = (ask.params.list("NetworkInterfaceId"), ask.params.list("PrivateIpAddress"));
    let tags = tag::Wanted::read(ask, "Tag")?;
    let is = |name: &str, value: &str| ask.text(name).is_none_or(|wanted| wanted == value);
    let passes = |one: &&Interface| {
        let instance = one.instance.map(|id| name::INSTANCE.show(id)).unwrap_or_default();
        let primary = one.primary.map(|address| address.to_string()).unwrap_or_default();
        (ids.is_empty() || ids.contains(&name::INTERFACE.show(one.id).as_str()))
            && is("InstanceId", &instance)
            && is("VpcId", &name::VPC.show(one.vpc))
            && is("VSwitchId", &name::VSWITCH.show(one.subnet))
            && is("PrimaryIpAddress", &primary)
            && (addresses.is_empty()
                || one.addresses().any(|address| addresses.contains(&address.to_string().as_str())))
            && ask.text("SecurityGroupId").is_none_or(|id| group::names(one).iter().any(|name| name == id))
            && is("Type", kind(one))
            && is("Status", status(view, one))
            && is("NetworkInterfaceName", &one.meta.name)
            && tags.hold(&one.meta)
            && resource_group::holds(ask, &one.meta)
    };
    let withdrawn = view.withdrawn().filter_map(|resource| match resource {
        Resource::Interface(interface) => Some(interface),
        _ => None,
    });
    let rows: Vec<&Interface> = name::INTERFACE
        .among(&view.world.interfaces, &ids)
        .into_iter()
        .chain(withdrawn)
        .filter(passes)
        .collect();
    let names = ("NetworkInterfaceSets", "NetworkInterfaceSet");
    let mut shown = page(ask, names, 1000, rows, |one| &one.meta, |one| show(view, one))?;
    shown["NextToken"] = "".into();
    Ok(shown)
}

fn show(view: &View, interface: &Interface) -> Value {
    let subnet = view.world.subnets.get(&interface.subnet);
    let primary = interface.primary.map(|address| address.to_string()).unwrap_or_default();
    let instance = interface.instance.map(|id| name::INSTANCE.show(id)).unwrap_or_default();
    let targets = [
        Some(EipTarget::Interface(interface.id)),
        interface.instance.filter(|_| interface.is_primary).map(EipTarget::Instance),
    ];
    let mut eips = targets.into_iter().flatten().flat_map(|target| view.world.eips_to(target));
    let eip = eips.find(|eip| eip.address.is_ipv4());
    let public = json!({
        "AllocationId": eip.map(|eip| name::EIP.show(eip.id)).unwrap_or_default(),
        "PublicIpAddress": eip.map(|eip| eip.address.to_string()).unwrap_or_default(),
    });
    let sets = |is_v4: bool| interface.addresses().filter(move |address| address.is_ipv4() == is_v4);
    let private: Vec<Value> = sets(true)
        .map(|address| {
            let is_primary = interface.primary == Some(address);
            let public = if is_primary { public.clone() } else { json!({}) };
            json!({"PrivateIpAddress": address.to_string(), "Primary": is_primary, "PrivateDnsName": "", "AssociatedPublicIp": public})
        })
        .collect();
    let public6: Vec<Value> =
        sets(false).map(|address| json!({"Ipv6Address": address.to_string(), "Primary": false})).collect();
    json!({
        "NetworkInterfaceId": name::INTERFACE.show(interface.id),
        "NetworkInterfaceName": interface.meta.name,
        "Description": interface.meta.description,
        "Status": status(view, interface),
        "Type": kind(interface),
        "MacAddress": interface.mac.to_string(),
        "PrivateIpAddress": primary,
        "PrivateIpSets": {"PrivateIpSet": private},
        "Ipv6Sets": {"Ipv6Set": public6},
        "Ipv4PrefixSets": {"Ipv4PrefixSet": []},
        "Ipv6PrefixSets": {"Ipv6PrefixSet": []},
        "AssociatedPublicIp": public,
        "InstanceId": instance,
        "Attachment": {"InstanceId": instance, "DeviceIndex": interface.position, "NetworkCardIndex": 0, "TrunkNetworkInterfaceId": ""},
        "VpcId": name::VPC.show(interface.vpc),
        "VSwitchId": name::VSWITCH.show(interface.subnet),
        "ZoneId": subnet.map(super::vswitch::zone).unwrap_or_default(),
        "SecurityGroupIds": {"SecurityGroupId": group::names(interface)},
        "SourceDestCheck": interface.source_dest_check,
        "DeleteOnRelease": interface.is_primary,
        "NetworkInterfaceTrafficMode": "Standard",
        "QueueNumber": 1,
        "QueuePairNumber": 0,
        "ServiceID": 0,
        "ServiceManaged": false,
        "ResourceGroupId": resource_group::shown(&interface.meta),
        "CreationTime": format_time(interface.meta.created_at, Clock::Seconds),
        "Tags": tag::of_ecs(&interface.meta),
    })
}

fn status(view: &View, interface: &Interface) -> &'static str {
    match (view.status(ResourceKey::Interface(interface.id), &interface.meta), interface.instance.is_some()) {
        (Status::Deleting, _) => "Deleting",
        (Status::Creating, true) => "Attaching",
        (Status::Creating, false) if interface.meta.generation > 1 => "Detaching",
        (Status::Failed, _) => "Failed",
        (_, true) => "InUse",
        (_, false) => "Available",
    }
}

fn kind(interface: &Interface) -> &'static str {
    if interface.is_primary { "Primary" } else { "Secondary" }
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Interface, Error> {
    match ask.text("NetworkInterfaceId") {
        Some(id) => name::INTERFACE
            .find(&view.world.interfaces, id)
            .ok_or_else(|| error::not_found("InvalidEniId.NotFound", "network interface", id)),
        None => Err(error::of_parameter(havip_dialect::ParamError::Missing("NetworkInterfaceId".into()))),
    }
}
