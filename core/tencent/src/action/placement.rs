//! Placement groups, which the API calls disaster recovery groups: instances of which no two are on one host.

use super::{Action, Does, done, server};
use crate::{
    ask::Ask,
    error::{self, error},
    list::{Narrow, part},
    name, reply, tag,
};
use havip_admission::{Code, request};
use havip_dialect::{Clock, Error, ParamError, Step, View, format_time};
use havip_model::{DeploymentSet, DeploymentSetId, Profile, ResourceKey};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateDisasterRecoverGroup",
        honoured: &[
            "Name",
            "Type",
            "Affinity",
            "Strategy",
            "TagSpecification.ResourceType",
            "TagSpecification.Tags.Key",
            "TagSpecification.Tags.Value",
            "ClientToken",
        ],
        harmless: &[],
        does: Does::Change { plan: create, answer: created, refused },
    },
    Action {
        name: "ModifyDisasterRecoverGroupAttribute",
        honoured: &["DisasterRecoverGroupId", "Name", "Affinity"],
        harmless: &[],
        does: Does::Change { plan: modify, answer: done, refused },
    },
    Action {
        name: "DeleteDisasterRecoverGroups",
        honoured: &["DisasterRecoverGroupIds"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done, refused },
    },
    Action {
        name: "DescribeDisasterRecoverGroups",
        honoured: &["DisasterRecoverGroupIds", "Name", "Filters.Name", "Filters.Values", "Offset", "Limit"],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "DescribeDisasterRecoverGroupQuota",
        honoured: &[],
        harmless: &[],
        does: Does::Read(describe_quota),
    },
    Action {
        name: "ModifyInstancesDisasterRecoverGroup",
        honoured: &["InstanceIds", "DisasterRecoverGroupId", "DisasterRecoverGroupIds", "Force"],
        harmless: &[],
        does: Does::Change { plan: join, answer: done, refused },
    },
    Action {
        name: "DeleteInstancesDisasterRecoverGroups",
        honoured: &["InstanceIds", "DisasterRecoverGroupIds"],
        harmless: &[],
        does: Does::Change { plan: leave, answer: done, refused },
    },
];

/// One host each is the only kind: the others spread over switches or racks.
fn create(ask: &Ask, _: &View) -> Result<Vec<Step>, Error> {
    let name = ask.name("Name")?.ok_or_else(|| error::of_parameter(ParamError::Missing("Name".into())))?;
    let kind = ask.required("Type")?;
    if kind != "HOST" {
        return Err(error("InvalidParameterValue", format!("Type can only be HOST here, not {kind:?}.")));
    }
    if let Some(other) = ask.text("Strategy").filter(|strategy| *strategy != "SPREAD") {
        let message = format!("Strategy can only be SPREAD here, not {other:?}.");
        return Err(error("InvalidParameterValue", message));
    }
    check_affinity(ask)?;
    let tags = tag::specified(ask, "ps")?;
    let texts = request::Texts { name, tags, ..request::Texts::default() };
    Ok(vec![request::CreateDeploymentSet { texts }.into()])
}

/// How many of a group may be on one host.
fn check_affinity(ask: &Ask) -> Result<(), Error> {
    match ask.number("Affinity")? {
        None | Some(1) => Ok(()),
        Some(other) => {
            Err(error("InvalidParameterValue", format!("Affinity can only be 1 here, not {other}.")))
        }
    }
}

fn created(_: &Ask, view: &View, made: &[ResourceKey]) -> Value {
    let set = made.iter().find_map(|key| match key {
        ResourceKey::DeploymentSet(id) => view.world.deployment_sets.get(id),
        _ => None,
    });
    let shown = set.map(|set| show(view, set));
    let parts =
        ["DisasterRecoverGroupId", "Type", "Name", "CvmQuotaTotal", "CurrentNum", "CreateTime", "Strategy"];
    shown.map_or_else(|| json!({}), |shown| parts.iter().map(|part| (*part, shown[*part].clone())).collect())
}

fn modify(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let set = look_up(view, ask.required("DisasterRecoverGroupId")?)?.id;
    check_affinity(ask)?;
    let texts = request::NewTexts { name: ask.name("Name")?, description: None };
    match texts.name {
        Some(_) => Ok(vec![request::UpdateDeploymentSet { set, texts }.into()]),
        None => Ok(vec![]),
    }
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let gone = sets(ask, view, MOST_AT_ONCE)?;
    Ok(gone.into_iter().map(|set| request::DeleteDeploymentSet { set: set.id }.into()).collect())
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let ids = ask.params.list("DisasterRecoverGroupIds");
    if let Some(wrong) = ids.iter().find(|id| !name::PLACEMENT.fits(id)) {
        return Err(malformed(wrong));
    }
    check_count(ids.len(), MOST_AT_ONCE)?;
    let narrow = Narrow::read(ask, "DisasterRecoverGroupIds", name::PLACEMENT, &[])?;
    let passes = |set: &&DeploymentSet| {
        narrow.pass(&name::PLACEMENT.show(set.id), &set.meta, |_| vec![])
            // A part of the name is enough.
            && ask.text("Name").is_none_or(|part| set.meta.name.contains(part))
    };
    let all = name::PLACEMENT.among(&view.world.deployment_sets, &ids);
    let rows: Vec<&DeploymentSet> = all.into_iter().filter(passes).collect();
    part(ask, "DisasterRecoverGroupSet", rows, |set| &set.meta, |set| show(view, set))
}

fn describe_quota(_: &Ask, view: &View) -> Result<Value, Error> {
    let most = view.quotas.limits(Profile::Tencent).deployment_sets_per_project;
    Ok(json!({
        "GroupQuota": most,
        "CurrentNum": view.world.deployment_sets.len(),
        "CvmInHostGroupQuota": view.world.hosts.len(),
        "CvmInSwGroupQuota": 0,
        "CvmInSwitchGroupQuota": 0,
        "CvmInRackGroupQuota": 0,
    }))
}

/// Instances join where they are: with `Force`, too, as they would leave their disks behind on other hosts.
fn join(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    ask.flag("Force")?;
    let set =
        match (ask.text("DisasterRecoverGroupId"), ask.params.list("DisasterRecoverGroupIds").is_empty()) {
            (Some(id), true) => look_up(view, id)?.id,
            (None, false) => given(ask, view)?.expect("the list is not empty"),
            (None, true) => {
                return Err(error::of_parameter(ParamError::Missing("DisasterRecoverGroupId".into())));
            }
            (Some(_), false) => {
                let message = "DisasterRecoverGroupId and DisasterRecoverGroupIds exclude each other.";
                return Err(error("InvalidParameter.Coexist", message));
            }
        };
    let instances = server::instances(ask, view)?.into_iter();
    Ok(instances.map(|instance| request::JoinDeploymentSet { instance: instance.id, set }.into()).collect())
}

fn leave(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let sets = sets(ask, view, 100)?;
    let steps = server::instances(ask, view)?.into_iter().map(|instance| {
        let is_of_one = sets.iter().any(|set| instance.deployment_set == Some(set.id));
        let other = || {
            error(
                "FailedOperation.DisasterRecoverGroupNotMatch",
                "An instance is of another group or of none.",
            )
        };
        is_of_one.then(|| request::LeaveDeploymentSet { instance: instance.id }.into()).ok_or_else(other)
    });
    steps.collect()
}

/// The one group of `DisasterRecoverGroupIds` that instances are to be in.
pub fn given(ask: &Ask, view: &View) -> Result<Option<DeploymentSetId>, Error> {
    match ask.params.list("DisasterRecoverGroupIds")[..] {
        [] => Ok(None),
        [id] => Ok(Some(look_up(view, id)?.id)),
        _ => Err(error(
            "InvalidParameterValue.LimitExceeded",
            "An instance is in one placement group at most.",
        )),
    }
}

/// The cloud's words for what the rules say of groups.
pub fn refused(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::DeploymentSetFull => "ResourceInsufficient.DisasterRecoverGroupCvmQuota",
        Code::DeploymentSetInUse => "FailedOperation.PlacementSetNotEmpty",
        Code::TooManyDeploymentSets => "LimitExceeded.DisasterRecoverGroup",
        Code::AlreadyInState => "FailedOperation.AlreadyInDisasterRecoverGroup",
        _ => return None,
    })
}

fn sets<'a>(ask: &Ask, view: &View<'a>, most: usize) -> Result<Vec<&'a DeploymentSet>, Error> {
    let ids = ask.params.list("DisasterRecoverGroupIds");
    if ids.is_empty() {
        return Err(error::of_parameter(ParamError::Missing("DisasterRecoverGroupIds".into())));
    }
    check_count(ids.len(), most)?;
    ids.into_iter().map(|id| look_up(view, id)).collect()
}

fn check_count(count: usize, most: usize) -> Result<(), Error> {
    match count > most {
        true => Err(error("LimitExceeded", format!("DisasterRecoverGroupIds may name at most {most}."))),
        false => Ok(()),
    }
}

fn look_up<'a>(view: &View<'a>, id: &str) -> Result<&'a DeploymentSet, Error> {
    if !name::PLACEMENT.fits(id) {
        return Err(malformed(id));
    }
    let missing = || {
        error("ResourceNotFound.InvalidPlacementSet", format!("The placement group {id:?} does not exist."))
    };
    name::PLACEMENT.find(&view.world.deployment_sets, id).ok_or_else(missing)
}

fn malformed(id: &str) -> Error {
    let shown: String = id.chars().take(64).collect();
    let message = format!("The placement group id {shown:?} is malformed.");
    error("InvalidParameterValue.DisasterRecoverGroupIdMalformed", message)
}

fn show(view: &View, set: &DeploymentSet) -> Value {
    let members: Vec<String> =
        view.world.instances_of_set(set.id).map(|instance| name::INSTANCE.show(instance.id)).collect();
    json!({
        "DisasterRecoverGroupId": name::PLACEMENT.show(set.id),
        "Name": set.meta.name,
        "Type": "HOST",
        "Strategy": "SPREAD",
        "Affinity": 1,
        "CvmQuotaTotal": view.world.hosts.len(),
        "CurrentNum": members.len(),
        "InstanceIds": members,
        "CreateTime": format_time(set.meta.created_at, Clock::Seconds),
        "Tags": reply::tags(&set.meta),
    })
}

/// Groups that one request may name.
const MOST_AT_ONCE: usize = 10;
