//! Network interfaces.

use super::{Action, Does, done, group};
use crate::{
    action::subnet,
    ask::{Ask, look_up},
    error,
    error::error,
    list::{Narrow, part},
    name, tag,
};
use havip_admission::{Code, request, request::Choice};
use havip_dialect::{Clock, Error, Step, View, format_time};
use havip_model::{Interface, Resource, ResourceKey, Status, SubnetId};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateNetworkInterface",
        honoured: &[
            "VpcId",
            "SubnetId",
            "NetworkInterfaceName",
            "NetworkInterfaceDescription",
            "PrivateIpAddresses.PrivateIpAddress",
            "PrivateIpAddresses.Primary",
            "SecurityGroupIds",
            "Tags.Key",
            "Tags.Value",
            "ClientToken",
        ],
        harmless: &[],
        does: Does::Change { plan: create, answer: created, refused: |_| None },
    },
    Action {
        name: "CreateAndAttachNetworkInterface",
        honoured: &[
            "VpcId",
            "SubnetId",
            "InstanceId",
            "NetworkInterfaceName",
            "NetworkInterfaceDescription",
            "PrivateIpAddresses.PrivateIpAddress",
            "PrivateIpAddresses.Primary",
            "SecurityGroupIds",
            "Tags.Key",
            "Tags.Value",
            "ClientToken",
        ],
        harmless: &[],
        does: Does::Change { plan: create_attached, answer: created, refused: attach_refused },
    },
    Action {
        name: "AttachNetworkInterface",
        honoured: &["NetworkInterfaceId", "InstanceId", "ClientToken"],
        harmless: &[],
        does: Does::Change { plan: attach, answer: done, refused: attach_refused },
    },
    Action {
        name: "DetachNetworkInterface",
        honoured: &["NetworkInterfaceId", "InstanceId", "ClientToken"],
        harmless: &[],
        does: Does::Change { plan: detach, answer: done, refused: |_| None },
    },
    Action {
        name: "DeleteNetworkInterface",
        honoured: &["NetworkInterfaceId"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done, refused: |_| None },
    },
    Action {
        name: "DescribeNetworkInterfaces",
        honoured: &["NetworkInterfaceIds", "Filters.Name", "Filters.Values", "Offset", "Limit"],
        harmless: &[],
        does: Does::Read(describe),
    },
];

fn create(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    Ok(vec![wanted(ask, view)?.into()])
}

fn create_attached(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let instance =
        look_up("InstanceId", ask.required("InstanceId")?, name::INSTANCE, &view.world.instances)?.id;
    Ok(vec![request::CreateInterface { instance: Some(instance), ..wanted(ask, view)? }.into()])
}

fn wanted(ask: &Ask, view: &View) -> Result<request::CreateInterface, Error> {
    let vpc = ask.find("VpcId", name::VPC, &view.world.vpcs)?;
    let subnet = ask.find("SubnetId", name::SUBNET, &view.world.subnets)?;
    if subnet.vpc != vpc.id {
        return Err(error::not_found("subnet of this VPC", ask.required("SubnetId")?));
    }
    ask.required("NetworkInterfaceName")?;
    request(ask, view, subnet.id)
}

fn request(ask: &Ask, view: &View, subnet: SubnetId) -> Result<request::CreateInterface, Error> {
    let mut addresses = ask.params.structs("PrivateIpAddresses").into_iter().enumerate().map(|(at, one)| {
        let text = one.required("PrivateIpAddress").map_err(error::of_parameter)?;
        let address =
            text.parse::<std::net::Ipv4Addr>().map_err(|_| error::malformed("PrivateIpAddress", text))?;
        let is_primary = one.flag("Primary").map_err(error::of_parameter)?.unwrap_or(at == 0);
        Ok((is_primary, std::net::IpAddr::from(address)))
    });
    let addresses: Vec<(bool, std::net::IpAddr)> = addresses.by_ref().collect::<Result<_, Error>>()?;
    let primary = addresses.iter().find(|(is_primary, _)| *is_primary).map(|(_, address)| *address);
    let others = addresses.iter().map(|(_, address)| *address).filter(|address| Some(*address) != primary);
    Ok(request::CreateInterface {
        subnet,
        texts: request::Texts {
            name: ask.name("NetworkInterfaceName")?.unwrap_or_default(),
            description: ask.name("NetworkInterfaceDescription")?.unwrap_or_default(),
            tags: tag::given(ask)?,
            ..request::Texts::default()
        },
        address: primary.map_or_else(Choice::default, Choice::Chosen),
        address6: Default::default(),
        secondary: others.collect(),
        mac: None,
        source_dest_check: true,
        groups: group::wanted(ask, view)?,
        instance: None,
    })
}

fn created(_: &Ask, view: &View, made: &[ResourceKey]) -> Value {
    let interface = made.iter().find_map(|key| match key {
        ResourceKey::Interface(id) => view.world.interfaces.get(id),
        _ => None,
    });
    interface.map_or_else(|| json!({}), |interface| json!({"NetworkInterface": show(view, interface)}))
}

fn attach(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let interface = find(ask, view)?.id;
    let instance =
        look_up("InstanceId", ask.required("InstanceId")?, name::INSTANCE, &view.world.instances)?.id;
    Ok(vec![request::AttachInterface { interface, instance, device: None }.into()])
}

fn attach_refused(code: Code) -> Option<&'static str> {
    (code == Code::AlreadyAttached).then_some("ResourceInUse")
}

fn detach(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let interface = find(ask, view)?;
    let instance =
        look_up("InstanceId", ask.required("InstanceId")?, name::INSTANCE, &view.world.instances)?.id;
    match interface.instance == Some(instance) {
        true => Ok(vec![request::DetachInterface { interface: interface.id }.into()]),
        false => Err(error("InvalidParameterValue", "The interface is not attached to this instance.")),
    }
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    Ok(vec![request::DeleteInterface { interface: find(ask, view)?.id }.into()])
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let filters = [
        "vpc-id",
        "subnet-id",
        "network-interface-id",
        "attachment.instance-id",
        "network-interface-name",
        "address-ip",
        "is-primary",
        "groups.security-group-id",
    ];
    let narrow = Narrow::read(ask, "NetworkInterfaceIds", name::INTERFACE, &filters)?;
    let passes = |one: &&Interface| {
        narrow.pass(&name::INTERFACE.show(one.id), &one.meta, |filter| match filter {
            "vpc-id" => vec![name::VPC.show(one.vpc)],
            "subnet-id" => vec![name::SUBNET.show(one.subnet)],
            "network-interface-id" => vec![name::INTERFACE.show(one.id)],
            "attachment.instance-id" => one.instance.map(|id| name::INSTANCE.show(id)).into_iter().collect(),
            "network-interface-name" => vec![one.meta.name.clone()],
            "groups.security-group-id" => group::names(one),
            "address-ip" => one.addresses().map(|address| address.to_string()).collect(),
            _ => vec![one.is_primary.to_string()],
        })
    };
    let withdrawn = view.withdrawn().filter_map(|resource| match resource {
        Resource::Interface(interface) => Some(interface),
        _ => None,
    });
    let rows: Vec<&Interface> = name::INTERFACE
        .among(&view.world.interfaces, narrow.ids("network-interface-id"))
        .into_iter()
        .chain(withdrawn)
        .filter(passes)
        .collect();
    part(ask, "NetworkInterfaceSet", rows, |one| &one.meta, |one| show(view, one))
}

fn show(view: &View, interface: &Interface) -> Value {
    let zone = view.world.subnets.get(&interface.subnet).map(subnet::zone).unwrap_or_default();
    let addresses: Vec<Value> = interface
        .addresses()
        .filter(std::net::IpAddr::is_ipv4)
        .map(|address| {
            json!({
                "PrivateIpAddress": address.to_string(),
                "Primary": interface.primary == Some(address),
                "PublicIpAddress": "",
                "AddressId": "",
                "Description": "",
                "IsWanIpBlocked": false,
                "State": "AVAILABLE",
            })
        })
        .collect();
    let attachment = interface.instance.map(|instance| {
        json!({
            "InstanceId": name::INSTANCE.show(instance),
            "DeviceIndex": interface.position,
            "InstanceAccountId": "",
            "AttachTime": format_time(interface.meta.updated_at, Clock::Plain),
        })
    });
    let (state, attached) = match view.status(ResourceKey::Interface(interface.id), &interface.meta) {
        Status::Deleting => ("DELETING", "DELETING"),
        Status::Creating if interface.instance.is_some() => ("ATTACHING", "ATTACHING"),
        _ if interface.instance.is_some() => ("AVAILABLE", "INUSE"),
        _ => ("AVAILABLE", "AVAILABLE"),
    };
    json!({
        "NetworkInterfaceId": name::INTERFACE.show(interface.id),
        "NetworkInterfaceName": interface.meta.name,
        "NetworkInterfaceDescription": interface.meta.description,
        "VpcId": name::VPC.show(interface.vpc),
        "SubnetId": name::SUBNET.show(interface.subnet),
        "Zone": zone,
        "GroupSet": group::names(interface),
        "Primary": interface.is_primary,
        "EniType": u8::from(interface.is_primary),
        "MacAddress": interface.mac.to_string(),
        "State": state,
        "NetworkInterfaceState": attached,
        "PrivateIpAddressSet": addresses,
        "Attachment": attachment,
        "CreatedTime": format_time(interface.meta.created_at, Clock::Plain),
        "Ipv6AddressSet": [],
        "TagSet": crate::reply::tags(&interface.meta),
        "Business": "cvm",
        "CdcId": "",
        "AttachType": 0,
        "ResourceId": "",
        "QosLevel": "DEFAULT",
    })
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Interface, Error> {
    ask.find("NetworkInterfaceId", name::INTERFACE, &view.world.interfaces)
}
