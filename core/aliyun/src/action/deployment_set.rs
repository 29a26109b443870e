//! Deployment sets: instances of which no two are on one host.

use super::{Action, Does, done};
use crate::{ask::Ask, error, name, page::page};
use havip_admission::{Code, Refusal, request};
use havip_dialect::{Clock, Error, Step, View, format_time};
use havip_model::{DeploymentSet, DeploymentSetId, ResourceKey};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateDeploymentSet",
        product: None,
        honoured: &[
            "DeploymentSetName",
            "Description",
            "Strategy",
            "Domain",
            "Granularity",
            "Type",
            "ClientToken",
        ],
        // Instances stay on their hosts, whatever becomes of those.
        harmless: &["OnUnableToRedeployFailedInstance"],
        does: Does::Change { plan: create, answer: created, refused: create_refused },
    },
    Action {
        name: "ModifyDeploymentSetAttribute",
        product: None,
        honoured: &["DeploymentSetId", "DeploymentSetName", "Description"],
        harmless: &[],
        does: Does::Change { plan: modify, answer: done, refused: create_refused },
    },
    Action {
        name: "ModifyInstanceDeployment",
        product: None,
        honoured: &["InstanceId", "DeploymentSetId", "RemoveFromDeploymentSet", "Force"],
        harmless: &[],
        does: Does::Change { plan: join, answer: done, refused: join_refused },
    },
    Action {
        name: "DeleteDeploymentSet",
        product: None,
        honoured: &["DeploymentSetId"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done, refused: delete_refused },
    },
    Action {
        name: "DescribeDeploymentSets",
        product: None,
        honoured: &[
            "DeploymentSetIds",
            "DeploymentSetName",
            "Strategy",
            "Domain",
            "Granularity",
            "Type",
            "NetworkType",
            "PageNumber",
            "PageSize",
        ],
        harmless: &[],
        does: Does::Read(describe),
    },
];

/// One host each is the only strategy: the others spread over racks, or put instances together.
fn create(ask: &Ask, _: &View) -> Result<Vec<Step>, Error> {
    let strategy = ask.text("Strategy").unwrap_or(STRATEGY);
    if strategy != STRATEGY {
        let message = format!("Strategy can only be {STRATEGY} here, not {strategy:?}.");
        return Err(Error::new(400, "InvalidParameter.Strategy", message));
    }
    ask.only("Domain", "default")?;
    ask.only("Granularity", "host")?;
    ask.only("Type", STRATEGY)?;
    Ok(vec![request::CreateDeploymentSet { texts: texts(ask)?.into() }.into()])
}

fn created(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    match made.first() {
        Some(ResourceKey::DeploymentSet(id)) => json!({"DeploymentSetId": name::DEPLOYMENT_SET.show(*id)}),
        _ => json!({}),
    }
}

fn create_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    match refusal.code {
        Code::TooManyDeploymentSets => Some((400, "QuotaExceed.DeploymentSet")),
        Code::InvalidText => Some((400, "InvalidDeploymentSetName.Malformed")),
        _ => None,
    }
}

fn modify(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (set, texts) = (find(ask, view)?.id, texts(ask)?);
    match texts == request::NewTexts::default() {
        true => Ok(vec![]),
        false => Ok(vec![request::UpdateDeploymentSet { set, texts }.into()]),
    }
}

/// An instance joins where it is: with `Force`, too, as it would leave its disk behind on another host.
fn join(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let all = &view.world.instances;
    let instance = ask.find("InstanceId", name::INSTANCE, all, "InvalidInstanceId.NotFound")?;
    let id = ask.required("DeploymentSetId")?;
    let set = name::DEPLOYMENT_SET.find(&view.world.deployment_sets, id).ok_or_else(|| {
        Error::new(400, "DeploymentSet.InvalidId", "The specified deployment set does not exist.")
    })?;
    ask.flag("Force")?;
    let is_of_it = instance.deployment_set == Some(set.id);
    match (ask.flag("RemoveFromDeploymentSet")?, is_of_it) {
        (true, true) => Ok(vec![request::LeaveDeploymentSet { instance: instance.id }.into()]),
        (true, false) => {
            Err(Error::new(400, "DeploymentSet.InvalidId", "The instance is not of this deployment set."))
        }
        (false, true) => Ok(vec![]),
        (false, false) => Ok(vec![request::JoinDeploymentSet { instance: instance.id, set: set.id }.into()]),
    }
}

fn join_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    (refusal.code == Code::DeploymentSetFull).then_some((403, "DeploymentSet.ModificationFailed"))
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    Ok(vec![request::DeleteDeploymentSet { set: find(ask, view)?.id }.into()])
}

fn delete_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    (refusal.code == Code::DeploymentSetInUse).then_some((403, "DependencyViolation.NotEmpty"))
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let ids = ask.array("DeploymentSetIds")?;
    if ids.as_ref().is_some_and(|ids| ids.len() > 100) {
        return Err(error::invalid("DeploymentSetIds may name at most 100 sets."));
    }
    let is = |name: &str, value: &str| ask.text(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
    let passes = |one: &&DeploymentSet| {
        ids.as_ref().is_none_or(|ids| ids.contains(&name::DEPLOYMENT_SET.show(one.id)))
            && ask.text("DeploymentSetName").is_none_or(|name| one.meta.name == name)
            && is("Strategy", STRATEGY)
            && is("Type", STRATEGY)
            && is("Domain", "default")
            && is("Granularity", "host")
            && is("NetworkType", "vpc")
    };
    let rows: Vec<&DeploymentSet> = view.world.deployment_sets.values().filter(passes).collect();
    let names = ("DeploymentSets", "DeploymentSet");
    let mut shown = page(ask, names, 50, rows, |one| &one.meta, |one| show(view, one))?;
    shown["RegionId"] = ask.region().into();
    Ok(shown)
}

fn show(view: &View, set: &DeploymentSet) -> Value {
    let members: Vec<String> =
        view.world.instances_of_set(set.id).map(|instance| name::INSTANCE.show(instance.id)).collect();
    json!({
        "DeploymentSetId": name::DEPLOYMENT_SET.show(set.id),
        "DeploymentSetName": set.meta.name,
        "DeploymentSetDescription": set.meta.description,
        "DeploymentStrategy": STRATEGY,
        "Strategy": STRATEGY,
        "Type": STRATEGY,
        "Domain": "default",
        "Granularity": "host",
        "GroupCount": 0,
        "InstanceAmount": members.len(),
        "InstanceIds": {"InstanceId": members},
        "Capacities": {"Capacity": capacities(view, set.id)},
        "CreationTime": format_time(set.meta.created_at, Clock::Seconds),
    })
}

/// How many hosts of each zone have an instance of the set, and how many have none.
fn capacities(view: &View, set: DeploymentSetId) -> Vec<Value> {
    let mut zones: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for host in view.world.hosts.values() {
        let is_used = view.world.instances_of_set(set).any(|instance| instance.host == host.number);
        let (used, free) = zones.entry(&host.zone).or_default();
        *(if is_used { used } else { free }) += 1;
    }
    let shown = |(zone, (used, free))| json!({"ZoneId": zone, "UsedAmount": used, "AvailableAmount": free});
    zones.into_iter().map(shown).collect()
}

/// The set that new instances are to be of.
pub fn given(ask: &Ask, view: &View) -> Result<Option<DeploymentSetId>, Error> {
    if ask.text("DeploymentSetId").is_none() {
        return Ok(None);
    }
    find(ask, view).map(|set| Some(set.id))
}

/// What the rules say of a set that has no room for a new instance.
pub fn refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    (refusal.code == Code::DeploymentSetFull).then_some((403, "QuotaExceed.DeploymentSetInstanceQuotaFull"))
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a DeploymentSet, Error> {
    let code = "InvalidDeploymentSetId.NotFound";
    ask.find("DeploymentSetId", name::DEPLOYMENT_SET, &view.world.deployment_sets, code)
}

fn texts(ask: &Ask) -> Result<request::NewTexts, Error> {
    Ok(request::NewTexts {
        name: ask.new_text("DeploymentSetName", 128, "InvalidDeploymentSetName.Malformed")?,
        description: ask.new_text("Description", 256, "InvalidDescription.Malformed")?,
    })
}

const STRATEGY: &str = "Availability";
