//! VIPs of UCloud: nobody is associated, whoever of the subnet announces one holds it.

use crate::{
    action::{Action, Does, done},
    ask::Ask,
    error,
    error::error,
    name,
};
use havip_admission::{request, request::Choice};
use havip_dialect::{Blocked, Error, Step, View, deletion};
use havip_model::{Binding, Family, Profile, Resource, ResourceKey, Vip};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "AllocateVIP",
        honoured: &["VPCId", "SubnetId", "Ip", "Count", "Name", "Remark", "Tag"],
        harmless: &[],
        does: Does::Change { plan: allocate, answer: allocated },
    },
    Action {
        name: "DescribeVIP",
        honoured: &["VPCId", "SubnetId", "VIPId", "Tag"],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "UpdateVIPAttribute",
        honoured: &["VIPId", "Name", "Remark", "Tag"],
        harmless: &[],
        does: Does::Change { plan: update, answer: done },
    },
    Action {
        name: "ReleaseVIP",
        honoured: &["VIPId"],
        harmless: &[],
        does: Does::Change { plan: release, answer: done },
    },
];

fn allocate(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vpc = ask.find("VPCId", name::VPC, &view.world.vpcs)?;
    let subnet = ask.find("SubnetId", name::SUBNET, &view.world.subnets)?;
    if subnet.vpc != vpc.id {
        return Err(error::not_found("subnet of this VPC", ask.required("SubnetId")?));
    }
    let count = ask.number("Count")?.unwrap_or(1);
    let address = match ask.text("Ip") {
        Some(_) if count != 1 => {
            return Err(error(
                error::NOT_AVAILABLE,
                "Params [Count] not available: Ip goes with a Count of 1",
            ));
        }
        Some(text) => Choice::Chosen(text.parse().map_err(|_| {
            error(error::NOT_AVAILABLE, format!("Params [Ip] not available: {text:?} is no address"))
        })?),
        None => Choice::Automatic(Family::Ipv4),
    };
    if !(1..=50).contains(&count) {
        return Err(error(error::NOT_AVAILABLE, "Params [Count] not available: it must be 1 to 50"));
    }
    let request = request::CreateVip {
        texts: request::Texts {
            name: ask.text("Name").unwrap_or("VIP").into(),
            description: ask.text("Remark").unwrap_or_default().into(),
            ..request::Texts::default()
        },
        address,
        binding: Some(Binding::Subnet),
        profile: Profile::Native,
        ..request::CreateVip::of(subnet.id)
    };
    let said: Vec<_> = ask.text("Tag").map(|tag| (TAG, tag.to_string())).into_iter().collect();
    Ok((0..count).map(|_| Step::saying(request.clone(), said.clone())).collect())
}

fn allocated(_: &Ask, view: &View, made: &[ResourceKey]) -> Value {
    let vips = made.iter().filter_map(|key| match key {
        ResourceKey::Vip(id) => view.world.vips.get(id),
        _ => None,
    });
    let (mut set, mut addresses) = (vec![], vec![]);
    for vip in vips {
        let address = vip.address().to_string();
        set.push(json!({"VIP": address, "VIPId": name::VIP.show(vip.id), "VPCId": name::VPC.show(vip.vpc)}));
        addresses.push(address);
    }
    json!({"VIPSet": set, "DataSet": addresses})
}

fn update(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vip = find(ask, view)?;
    let said: Vec<_> = ask.text("Tag").map(|tag| (TAG, tag.to_string())).into_iter().collect();
    // The rules know no business groups: the name that it has already carries one along.
    let same = (!said.is_empty()).then(|| vip.meta.name.clone());
    let texts = request::NewTexts {
        name: ask.text("Name").map(Into::into).or(same),
        description: ask.params.sent("Remark").map(Into::into),
    };
    match texts == request::NewTexts::default() {
        true => Ok(vec![]),
        false => {
            let vip = vip.id;
            let request =
                request::UpdateVip { vip, texts, contention: None, assist: None, advert_sources: None };
            Ok(vec![Step::saying(request, said)])
        }
    }
}

fn release(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vip = find(ask, view)?;
    Ok(vec![deletion(view, vip).map_err(blocked)?.into()])
}

/// What stands in the way of a deletion.
pub fn blocked(blocked: Blocked) -> Error {
    error(error::IN_USE, format!("the VIP {blocked}"))
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let withdrawn = view.withdrawn().filter_map(|resource| match resource {
        Resource::Vip(vip) => Some(vip),
        _ => None,
    });
    let passes = |vip: &&Vip| {
        ask.is("VPCId", &name::VPC.show(vip.vpc))
            && ask.is("SubnetId", &name::SUBNET.show(vip.subnet))
            && ask.is("VIPId", &name::VIP.show(vip.id))
            && ask.is("Tag", tag(vip))
    };
    let mut rows: Vec<&Vip> =
        ask.named("VIPId", name::VIP, &view.world.vips).into_iter().chain(withdrawn).filter(passes).collect();
    rows.sort_by_key(|vip| vip.meta.created_at);
    let addresses: Vec<String> = rows.iter().map(|vip| vip.address().to_string()).collect();
    let set: Vec<Value> = rows.iter().map(|vip| show(ask, view, vip)).collect();
    Ok(json!({"TotalCount": rows.len(), "DataSet": addresses, "VIPSet": set}))
}

fn show(ask: &Ask, view: &View, vip: &Vip) -> Value {
    let real = view.holding(vip).and_then(|interface| interface.primary_of(Family::of(vip.address())));
    json!({
        "VIPId": name::VIP.show(vip.id),
        "VIP": vip.address().to_string(),
        "VPCId": name::VPC.show(vip.vpc),
        "SubnetId": name::SUBNET.show(vip.subnet),
        "Name": vip.meta.name,
        "Remark": vip.meta.description,
        "Tag": tag(vip),
        "Zone": ask.zone(),
        "RealIp": real.map(|address| address.to_string()).unwrap_or_default(),
        "CreateTime": vip.meta.created_at.0 / 1000,
    })
}

fn tag(vip: &Vip) -> &str {
    vip.meta.said.get(TAG).map_or("Default", String::as_str)
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Vip, Error> {
    ask.find("VIPId", name::VIP, &view.world.vips)
}

/// The business group, which only sorts what is shown.
const TAG: &str = "ucloud.tag";
