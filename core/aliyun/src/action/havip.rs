//! HAVIPs: create, delete, list, rename, associate, unassociate.

use super::{Action, Does, done, resource_group, tag};
use crate::{
    ask::Ask,
    error, name,
    page::{Filters, page},
};
use havip_admission::{Code, Refusal, request, request::Choice};
use havip_dialect::{Blocked, Clock, Error, Step, View, deletion, format_time};
use havip_model::{AssociationMode, EipTarget, Family, Profile, Resource, ResourceKey, Status, Target, Vip};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateHaVip",
        product: None,
        honoured: &[
            "VSwitchId",
            "IpAddress",
            "Name",
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
        name: "DeleteHaVip",
        product: None,
        honoured: &["HaVipId", "ClientToken", "DryRun"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done, refused: |_| None },
    },
    Action {
        name: "DescribeHaVips",
        product: None,
        honoured: &[
            "Filter.Key",
            "Filter.Value",
            "Tags.Key",
            "Tags.Value",
            "ResourceGroupId",
            "PageNumber",
            "PageSize",
        ],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "ModifyHaVipAttribute",
        product: None,
        honoured: &["HaVipId", "Name", "Description", "ClientToken"],
        harmless: &[],
        does: Does::Change { plan: modify, answer: done, refused: |_| None },
    },
    Action {
        name: "AssociateHaVip",
        product: None,
        honoured: &["HaVipId", "InstanceId", "InstanceType", "ClientToken", "DryRun"],
        harmless: &[],
        does: Does::Change { plan: associate, answer: done, refused: associate_refused },
    },
    Action {
        name: "UnassociateHaVip",
        product: None,
        honoured: &["HaVipId", "InstanceId", "InstanceType", "Force", "ClientToken", "DryRun"],
        harmless: &[],
        does: Does::Change { plan: unassociate, answer: done, refused: unassociate_refused },
    },
];

fn create(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let subnet = ask.find("VSwitchId", name::VSWITCH, &view.world.subnets, "InvalidVSwitchId.NotFound")?;
    let address = match ask.text("IpAddress") {
        Some(text) => {
            let malformed = |_| {
                Error::new(
                    400,
                    "InvalidIPAddress.Malformed",
                    format!("IpAddress {text:?} is not an IPv4 address."),
                )
            };
            Choice::Chosen(text.parse::<std::net::Ipv4Addr>().map_err(malformed)?.into())
        }
        None => Choice::Automatic(Family::Ipv4),
    };
    let request = request::CreateVip {
        texts: request::Texts::from(texts(ask)?)
            .tagged(tag::given(ask)?)
            .grouped(resource_group::given(ask, view)?),
        address,
        profile: Profile::Alibaba,
        ..request::CreateVip::of(subnet.id)
    };
    Ok(vec![request.into()])
}

fn created(_: &Ask, view: &View, made: &[ResourceKey]) -> Value {
    let vip = made.iter().find_map(|key| match key {
        ResourceKey::Vip(id) => view.world.vips.get(id),
        _ => None,
    });
    vip.map_or_else(
        || json!({}),
        |vip| json!({"HaVipId": name::HAVIP.show(vip.id), "IpAddress": vip.address().to_string()}),
    )
}

fn create_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    Some(match refusal.code {
        Code::AddressOutsideSubnet => (400, "InvalidIPAddress.OutOfRange"),
        Code::AddressReserved => (400, "InvalidIPAddress.NotAvailable"),
        Code::AddressInUse | Code::SubnetFull => (400, "InvalidIPAddress.AlreadyUsed"),
        Code::AddressNotUnicast => (400, "InvalidIPAddress.Malformed"),
        Code::TooManyVipsInVpc => (400, "CountLimitExceed.HaVipInVpc"),
        Code::TooManyVipsInProject => (403, "QuotaExceeded.HaVip"),
        // What the vendor calls the privilege vpc_privilege_allow_buy_havip_instance.
        Code::VipsNotAllowed => (400, "Forbidden.HaVip"),
        Code::InvalidText => (400, "Abs.Vpc.InvalidName.Malformed"),
        _ => return None,
    })
}

/// What is associated is looked at first: that error is retried by clients.
fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vip = find(ask, view)?;
    let request = deletion(view, vip).map_err(|blocked| {
        let code = match blocked {
            Blocked::Associated | Blocked::Held => "IncorrectStatus",
            Blocked::Eip => "DependencyViolation.HaVipAssociatedWithEIP",
            // Spelled so by the vendor.
            Blocked::Route => "DependencyViolation.HaVipReferedByRouteEntry",
        };
        Error::new(400, code, format!("The HAVIP {blocked}."))
    })?;
    Ok(vec![request.into()])
}

fn modify(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vip = find(ask, view)?;
    let texts = texts(ask)?;
    if texts == request::NewTexts::default() {
        return Ok(vec![]);
    }
    let request =
        request::UpdateVip { vip: vip.id, texts, contention: None, assist: None, advert_sources: None };
    Ok(vec![request.into()])
}

fn associate(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vip = find(ask, view)?;
    let target = target(ask, view)?;
    if let Target::Interface(id) = target {
        let instance = view.world.interfaces.get(&id).and_then(|interface| interface.instance);
        let Some(instance) = instance else {
            let message = "The network interface is not attached to an instance; attach it first.";
            return Err(Error::new(400, "OperationUnsupported.BindOnFreeNetworkInterface", message));
        };
        let is_same = |other: &havip_model::Association| match other.target {
            Target::Interface(other) => {
                other != id
                    && view.world.interfaces.get(&other).is_some_and(|other| other.instance == Some(instance))
            }
            Target::Instance(_) => false,
        };
        if vip.associations.iter().any(is_same) {
            let message = "Another network interface of the same instance is associated with the HAVIP.";
            return Err(Error::new(400, "OperationUnsupported.BindOnSameEcs", message));
        }
    }
    Ok(vec![request::Associate { vip: vip.id, target, mode: AssociationMode::Claim }.into()])
}

fn associate_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    Some(match refusal.code {
        Code::AlreadyAssociated => (404, "InvalidHaVip.Exist"),
        Code::MixedTargets => (400, "OperationUnsupported.BindMultipleType"),
        Code::OtherSubnet | Code::OtherVpc => (400, "OperationUnsupported.BindOnMultipleVswitch"),
        Code::TooManyAssociations => (404, "QuotaExceeded.HaVipBindInstance"),
        Code::TooManyVipsOfInstance => (400, "CountLimitExceed.HaVipOnInstance"),
        _ => return None,
    })
}

fn unassociate(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vip = find(ask, view)?;
    let target = target(ask, view)?;
    let is_associated = vip.associations.iter().any(|association| association.target == target);
    if is_associated && view.is_holding(vip, target) && !ask.flag("Force")? {
        let message = "The instance holds the HAVIP; stop its failover software first, or say Force=True.";
        return Err(Error::new(400, "Forbidden.UnassociateMaster", message));
    }
    Ok(vec![request::Dissociate { vip: vip.id, target }.into()])
}

fn unassociate_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    (refusal.code == Code::NotAssociated).then_some((400, "ResourceNotAssociated"))
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let filters = Filters::read(ask, &["VpcId", "VSwitchId", "Status", "HaVipId", "HaVipAddress"])?;
    let tags = tag::Wanted::read(ask, "Tags")?;
    let withdrawn = view.withdrawn().filter_map(|resource| match resource {
        Resource::Vip(vip) => Some(vip),
        _ => None,
    });
    let passes = |vip: &&Vip| {
        filters.pass(|key| match key {
            "VpcId" => name::VPC.show(vip.vpc),
            "VSwitchId" => name::VSWITCH.show(vip.subnet),
            "Status" => status(view, vip).into(),
            "HaVipId" => name::HAVIP.show(vip.id),
            _ => vip.address().to_string(),
        }) && tags.hold(&vip.meta)
            && resource_group::holds(ask, &vip.meta)
    };
    let rows: Vec<&Vip> = name::HAVIP
        .among(&view.world.vips, filters.wanted("HaVipId"))
        .into_iter()
        .chain(withdrawn)
        .filter(passes)
        .collect();
    page(ask, ("HaVips", "HaVip"), 50, rows, |vip| &vip.meta, |vip| show(ask, view, vip))
}

fn show(ask: &Ask, view: &View, vip: &Vip) -> Value {
    let instances: Vec<String> =
        vip.associations.iter().map(|association| target_id(association.target)).collect();
    let kind = match vip.associations.first().map(|association| association.target) {
        Some(Target::Instance(_)) => "EcsInstance",
        Some(Target::Interface(_)) => "NetworkInterface",
        None => "",
    };
    let eips: Vec<String> =
        view.world.eips_to(EipTarget::Vip(vip.id)).map(|eip| eip.address.to_string()).collect();
    json!({
        "HaVipId": name::HAVIP.show(vip.id),
        "IpAddress": vip.address().to_string(),
        "Name": vip.meta.name,
        "Description": vip.meta.description,
        "Status": status(view, vip),
        "RegionId": ask.region(),
        "VpcId": name::VPC.show(vip.vpc),
        "VSwitchId": name::VSWITCH.show(vip.subnet),
        "CreateTime": format_time(vip.meta.created_at, Clock::Seconds),
        "ChargeType": "",
        "ResourceGroupId": resource_group::shown(&vip.meta),
        "AssociatedInstanceType": kind,
        "AssociatedInstances": {"associatedInstance": instances},
        "AssociatedEipAddresses": {"associatedEipAddresse": eips},
        "MasterInstanceId": master(view, vip),
        "Tags": tag::of_vpc(&vip.meta),
    })
}

/// The associated one that holds the address now, by the record of the data plane.
fn master(view: &View, vip: &Vip) -> String {
    let holding = vip.associations.iter().map(|association| association.target);
    let associated = holding.into_iter().find(|target| view.is_holding(vip, *target));
    match (associated, view.holding(vip).and_then(|interface| interface.instance)) {
        (Some(target), _) => target_id(target),
        // The whole subnet may claim it: another API made it so.
        (None, Some(instance)) if vip.binding == havip_model::Binding::Subnet => {
            name::INSTANCE.show(instance)
        }
        (None, _) => String::new(),
    }
}

/// The cloud has no word for a failure: whatever hosts refuse is shown as it is.
fn status(view: &View, vip: &Vip) -> &'static str {
    let is_bound = !vip.associations.is_empty();
    match view.status(ResourceKey::Vip(vip.id), &vip.meta) {
        Status::Deleting => "Deleting",
        Status::Failed => "Failed",
        Status::Creating if vip.meta.generation <= 1 => "Creating",
        Status::Creating if is_bound => "Associating",
        Status::Creating => "Unassociating",
        Status::Available if is_bound => "InUse",
        Status::Available => "Available",
    }
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Vip, Error> {
    ask.find("HaVipId", name::HAVIP, &view.world.vips, "InvalidHaVipId.NotFound")
}

/// An instance, unless `InstanceType` says that it is an interface.
fn target(ask: &Ask, view: &View) -> Result<Target, Error> {
    let id = ask.required("InstanceId")?;
    match ask.text("InstanceType").unwrap_or("EcsInstance") {
        "EcsInstance" => {
            let instance = name::INSTANCE.find(&view.world.instances, id);
            let instance =
                instance.ok_or_else(|| error::not_found("InvalidInstanceId.NotFound", "instance", id))?;
            Ok(Target::Instance(instance.id))
        }
        "NetworkInterface" => {
            let interface = name::INTERFACE.find(&view.world.interfaces, id);
            let missing = || error::not_found("InvalidInstanceId.NotFound", "network interface", id);
            Ok(Target::Interface(interface.ok_or_else(missing)?.id))
        }
        other => {
            let message = format!("InstanceType must be EcsInstance or NetworkInterface, not {other:?}.");
            Err(Error::new(400, "IllegalParam.InstanceType", message))
        }
    }
}

fn target_id(target: Target) -> String {
    match target {
        Target::Instance(id) => name::INSTANCE.show(id),
        Target::Interface(id) => name::INTERFACE.show(id),
    }
}

fn texts(ask: &Ask) -> Result<request::NewTexts, Error> {
    Ok(request::NewTexts {
        name: ask.new_text("Name", 128, "Abs.Vpc.InvalidName.Malformed")?,
        description: ask.new_text("Description", 256, "InvalidDescription.Malformed")?,
    })
}
