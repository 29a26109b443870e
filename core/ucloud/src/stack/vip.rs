//! VIPs of UCloudStack: a set of machines that is replaced as a whole.

use super::texts;
use crate::{
    action::{Action, Does, done},
    ask::Ask,
    error,
    error::error,
    name::stack as name,
    public::blocked,
};
use havip_admission::{request, request::Choice};
use havip_dialect::{Error, Step, View, deletion};
use havip_model::{AssociationMode, Binding, Family, Profile, Resource, ResourceKey, Status, Target, Vip};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "AllocateVIP",
        honoured: &[
            "Name",
            "Remark",
            "VIPType",
            "VPCID",
            "SubnetID",
            "IP",
            "IPVersion",
            "AssociatedResourceIDs",
            "AssociatedResourceType",
            "TagKeyValuePairs",
        ],
        harmless: &["Quantity"],
        does: Does::Change { plan: allocate, answer: allocated },
    },
    Action {
        name: "DescribeVIP",
        honoured: &["VIPIDs", "VIPType", "Status", "Keyword", "Limit", "Offset"],
        harmless: &["ProjectIDs"],
        does: Does::Read(describe),
    },
    Action {
        name: "UpdateVIPBindResource",
        honoured: &["VIPID", "AssociatedResourceIDs", "AssociatedResourceType"],
        harmless: &[],
        does: Does::Change { plan: rebind, answer: done },
    },
    Action {
        name: "ReleaseVIP",
        honoured: &["VIPID"],
        harmless: &[],
        does: Does::Change { plan: release, answer: done },
    },
    Action {
        name: "GetVIPPrice",
        honoured: &[],
        harmless: &["ChargeType", "Quantity", "SegmentID", "Bandwidth", "Count"],
        does: Does::Read(|ask, _| Ok(price(ask, "BUY"))),
    },
    Action {
        name: "GetVIPDiffPrice",
        honoured: &["VIPID"],
        harmless: &["Bandwidth"],
        does: Does::Read(|ask, view| find(ask, view).map(|_| price(ask, "UPGRADE"))),
    },
    Action {
        name: "UpdateVIPBandwidth",
        honoured: &["VIPID"],
        harmless: &["Bandwidth"],
        does: Does::Change { plan: change_bandwidth, answer: |_, _, _| json!({}) },
    },
];

/// All VIPs are of type LAN here, and have none.
fn change_bandwidth(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    find(ask, view)?;
    Err(error(error::UNSUPPORTED, "a VIP of type LAN has no bandwidth of its own: an EIP bound to it has"))
}

fn allocate(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    match ask.required("VIPType")? {
        "LAN" => {}
        "WAN" => {
            return Err(error(
                error::UNSUPPORTED,
                "a VIP of type WAN is not here: bind an EIP to one of type LAN",
            ));
        }
        other => {
            return Err(error(
                error::NOT_AVAILABLE,
                format!("Params [VIPType] not available: {other:?} is neither LAN nor WAN"),
            ));
        }
    }
    let vpc = ask.find("VPCID", name::VPC, &view.world.vpcs)?;
    let subnet = ask.find("SubnetID", name::SUBNET, &view.world.subnets)?;
    if subnet.vpc != vpc.id {
        return Err(error::not_found("subnet of this VPC", ask.required("SubnetID")?));
    }
    let family = match ask.text("IPVersion") {
        None | Some("IPv4") => Family::Ipv4,
        Some("IPv6") => Family::Ipv6,
        Some(other) => {
            return Err(error(
                error::UNSUPPORTED,
                format!("a VIP has one address: IPVersion is IPv4 or IPv6, not {other:?}"),
            ));
        }
    };
    let wrong = |text: &str| {
        error(error::NOT_AVAILABLE, format!("Params [IP] not available: {text:?} is no address of {family}"))
    };
    let address = match ask.text("IP") {
        Some(text) => {
            let address = text.parse().map_err(|_| wrong(text))?;
            if Family::of(address) != family {
                return Err(wrong(text));
            }
            Choice::Chosen(address)
        }
        None => Choice::Automatic(family),
    };
    let targets = targets(ask, view)?;
    let request = request::CreateVip {
        texts: texts::given(ask)?,
        address,
        binding: Some(Binding::Associated),
        profile: Profile::Ucloudstack,
        associations: targets.into_iter().map(|target| (target, AssociationMode::Claim)).collect(),
        ..request::CreateVip::of(subnet.id)
    };
    Ok(vec![request.into()])
}

fn allocated(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    match made.first() {
        Some(ResourceKey::Vip(id)) => json!({"VIPID": name::VIP.show(*id)}),
        _ => json!({}),
    }
}

/// Replaces the whole set: none named means that none is left, as a form cannot say an empty list.
fn rebind(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vip = find(ask, view)?;
    let wanted = targets(ask, view)?;
    let is_wanted = |target: &Target| wanted.contains(target);
    let now: Vec<Target> = vip.associations.iter().map(|association| association.target).collect();
    let leave = now.iter().filter(|target| !is_wanted(target));
    let leave = leave.map(|target| Step::from(request::Dissociate { vip: vip.id, target: *target }));
    let come = wanted.iter().filter(|target| !now.contains(target));
    let come = come.map(|target| {
        request::Associate { vip: vip.id, target: *target, mode: AssociationMode::Claim }.into()
    });
    Ok(leave.chain(come).collect())
}

fn release(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vip = find(ask, view)?;
    Ok(vec![deletion(view, vip).map_err(blocked)?.into()])
}

fn targets(ask: &Ask, view: &View) -> Result<Vec<Target>, Error> {
    let kind = ask.text("AssociatedResourceType").unwrap_or("VM");
    let ids = ask.params.list("AssociatedResourceIDs");
    let targets = ids.into_iter().filter(|id| !id.is_empty()).map(|id| match kind {
        "VM" => {
            let instance = name::VM.find(&view.world.instances, id);
            Ok(Target::Instance(instance.ok_or_else(|| error::not_found("VM", id))?.id))
        }
        "ELASTIC_NIC" => {
            let interface = name::NIC.find(&view.world.interfaces, id);
            Ok(Target::Interface(interface.ok_or_else(|| error::not_found("elastic NIC", id))?.id))
        }
        other => Err(error(
            error::NOT_AVAILABLE,
            format!("Params [AssociatedResourceType] not available: {other:?}"),
        )),
    });
    targets.collect()
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let withdrawn = view.withdrawn().filter_map(|resource| match resource {
        Resource::Vip(vip) => Some(vip),
        _ => None,
    });
    let passes = |vip: &&Vip| {
        let id = name::VIP.show(vip.id);
        let texts = [vip.meta.name.as_str(), vip.meta.description.as_str(), &id, &vip.address().to_string()]
            .join(" ");
        ask.among("VIPIDs", &id)
            && ask.is("VIPType", "LAN")
            && ask.among("Status", status(view, vip))
            && ask.text("Keyword").is_none_or(|word| texts.to_lowercase().contains(&word.to_lowercase()))
    };
    let rows: Vec<&Vip> = ask
        .named("VIPIDs", name::VIP, &view.world.vips)
        .into_iter()
        .chain(withdrawn)
        .filter(passes)
        .collect();
    ask.part(("Infos", "TotalCount"), rows, |vip| &vip.meta, |vip| show(ask, view, vip))
}

fn show(ask: &Ask, view: &View, vip: &Vip) -> Value {
    let (vpc, subnet) = (view.world.vpcs.get(&vip.vpc), view.world.subnets.get(&vip.subnet));
    let resources: Vec<Value> = vip
        .associations
        .iter()
        .map(|association| match association.target {
            Target::Instance(id) => {
                let known = view.world.instances.get(&id).map(|one| one.meta.name.as_str());
                json!({"ResourceID": name::VM.show(id), "ResourceName": known.unwrap_or_default()})
            }
            Target::Interface(id) => {
                let known = view.world.interfaces.get(&id).map(|one| one.meta.name.as_str());
                json!({"ResourceID": name::NIC.show(id), "ResourceName": known.unwrap_or_default()})
            }
        })
        .collect();
    let kind = match vip.associations.first().map(|association| association.target) {
        Some(Target::Interface(_)) => "ELASTIC_NIC",
        Some(Target::Instance(_)) | None => "VM",
    };
    json!({
        "VIPID": name::VIP.show(vip.id),
        "Name": vip.meta.name,
        "Remark": vip.meta.description,
        "Status": status(view, vip),
        "Reason": view.life.reason(ResourceKey::Vip(vip.id), &vip.meta),
        "VIPType": "LAN",
        "IP": vip.address().to_string(),
        "Region": ask.region(),
        "RegionAlias": ask.region(),
        "CompanyID": 0,
        "CompanyName": "",
        "Email": "",
        "ProjectID": "",
        "ProjectName": "",
        "VPCID": name::VPC.show(vip.vpc),
        "VPCName": vpc.map(|vpc| vpc.meta.name.as_str()).unwrap_or_default(),
        "VPCNetwork": vpc.map(|vpc| vpc.cidr.to_string()).unwrap_or_default(),
        "SubnetID": name::SUBNET.show(vip.subnet),
        "SubnetName": subnet.map(|subnet| subnet.meta.name.as_str()).unwrap_or_default(),
        "SubnetNetwork": subnet.map(|subnet| subnet.cidr.to_string()).unwrap_or_default(),
        "AssociatedResources": resources,
        "AssociatedResourceType": kind,
        "SegmentID": "",
        "SegmentName": "",
        "SegmentNetwork": "",
        "Bandwidth": 0,
        "ChargeType": "",
        "CreateTime": vip.meta.created_at.0 / 1000,
        "UpdateTime": vip.meta.updated_at.0 / 1000,
        "ExpireTime": 0,
        "Tags": texts::shown(&vip.meta),
    })
}

fn status(view: &View, vip: &Vip) -> &'static str {
    match view.status(ResourceKey::Vip(vip.id), &vip.meta) {
        Status::Creating if vip.meta.generation <= 1 => "Creating",
        Status::Creating => "Updating",
        Status::Available => "Available",
        Status::Failed => "Failed",
        Status::Deleting => "Deleting",
    }
}

/// Nothing costs anything here.
fn price(ask: &Ask, order: &str) -> Value {
    let charge = ask.text("ChargeType").unwrap_or("Dynamic");
    json!({"Infos": [{"Price": 0, "ChargeType": charge, "OrderType": order}]})
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Vip, Error> {
    ask.find("VIPID", name::VIP, &view.world.vips)
}
