//! Security groups: made, shown, deleted, and who is in them.
//!
//! Here they are of no VPC, as the cloud has them: interfaces of every VPC may be in one.

use super::{Action, Does, done, policy};
use crate::{
    ask::{Ask, look_up},
    error,
    error::error,
    list::{Narrow, part},
    name, tag,
};
use havip_admission::{Code, request};
use havip_dialect::{Clock, Error, ParamError, Step, View, format_time};
use havip_model::{Interface, ResourceKey, SecurityGroup, SecurityGroupId};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateSecurityGroup",
        honoured: &["GroupName", "GroupDescription", "Tags.Key", "Tags.Value"],
        harmless: &["ProjectId"],
        does: Does::Change { plan: create, answer: created, refused },
    },
    Action {
        name: "CreateSecurityGroupWithPolicies",
        honoured: &["GroupName", "GroupDescription", "Tags.Key", "Tags.Value", "SecurityGroupPolicySet"],
        harmless: &["ProjectId"],
        does: Does::Change { plan: create, answer: created, refused },
    },
    Action {
        name: "DeleteSecurityGroup",
        honoured: &["SecurityGroupId"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done, refused },
    },
    Action {
        name: "ModifySecurityGroupAttribute",
        honoured: &["SecurityGroupId", "GroupName", "GroupDescription"],
        harmless: &[],
        does: Does::Change { plan: modify, answer: done, refused },
    },
    Action {
        name: "DescribeSecurityGroups",
        honoured: &["SecurityGroupIds", "Filters.Name", "Filters.Values", "Offset", "Limit"],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "DescribeSecurityGroupAssociationStatistics",
        honoured: &["SecurityGroupIds"],
        harmless: &[],
        does: Does::Read(describe_members),
    },
    Action {
        name: "AssociateNetworkInterfaceSecurityGroups",
        honoured: &["NetworkInterfaceIds", "SecurityGroupIds"],
        harmless: &[],
        does: Does::Change { plan: |ask, view| join(ask, view, of_interfaces), answer: done, refused },
    },
    Action {
        name: "DisassociateNetworkInterfaceSecurityGroups",
        honoured: &["NetworkInterfaceIds", "SecurityGroupIds"],
        harmless: &[],
        does: Does::Change { plan: |ask, view| leave(ask, view, of_interfaces), answer: done, refused },
    },
    Action {
        name: "AssociateSecurityGroups",
        honoured: &["InstanceIds", "SecurityGroupIds"],
        harmless: &[],
        does: Does::Change { plan: |ask, view| join(ask, view, of_instances), answer: done, refused },
    },
    Action {
        name: "DisassociateSecurityGroups",
        honoured: &["InstanceIds", "SecurityGroupIds"],
        harmless: &[],
        does: Does::Change { plan: |ask, view| leave(ask, view, of_instances), answer: done, refused },
    },
];

/// Without rules nothing passes, as there.
fn create(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let texts = request::Texts {
        name: ask.name("GroupName")?.ok_or_else(|| missing("GroupName"))?,
        description: description(ask)?.unwrap_or_default(),
        tags: tag::given(ask)?,
        ..request::Texts::default()
    };
    ask.required("GroupDescription")?;
    let rules = policy::first(ask, view)?;
    Ok(vec![request::CreateSecurityGroup { vpc: None, texts, rules, members_reach_each_other: false }.into()])
}

fn created(_: &Ask, view: &View, made: &[ResourceKey]) -> Value {
    let group = made.iter().find_map(|key| match key {
        ResourceKey::SecurityGroup(id) => view.world.groups.get(id),
        _ => None,
    });
    group.map_or_else(|| json!({}), |group| json!({"SecurityGroup": show(group)}))
}

fn refused(code: Code) -> Option<&'static str> {
    match code {
        Code::GroupInUse => Some("ResourceInUse"),
        Code::DefaultGroup => Some("InvalidParameterValue"),
        _ => None,
    }
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    Ok(vec![request::DeleteSecurityGroup { group: find(ask, view)?.id }.into()])
}

fn modify(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let texts = request::NewTexts { name: ask.name("GroupName")?, description: description(ask)? };
    let group = find(ask, view)?.id;
    match texts == request::NewTexts::default() {
        true => Ok(vec![]),
        false => Ok(vec![request::UpdateSecurityGroup { group, texts }.into()]),
    }
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let filters = ["security-group-id", "security-group-name", "project-id"];
    let narrow = Narrow::read(ask, "SecurityGroupIds", name::GROUP, &filters)?;
    let passes = |one: &&SecurityGroup| {
        narrow.pass(&name::GROUP.show(one.id), &one.meta, |filter| match filter {
            "security-group-id" => vec![name::GROUP.show(one.id)],
            "security-group-name" => vec![one.meta.name.clone()],
            _ => vec!["0".into()],
        })
    };
    let rows: Vec<&SecurityGroup> = name::GROUP
        .among(&view.world.groups, narrow.ids("security-group-id"))
        .into_iter()
        .filter(passes)
        .collect();
    part(ask, "SecurityGroupSet", rows, |one| &one.meta, |one| show(one))
}

fn show(group: &SecurityGroup) -> Value {
    json!({
        "SecurityGroupId": name::GROUP.show(group.id),
        "SecurityGroupName": group.meta.name,
        "SecurityGroupDesc": group.meta.description,
        "ProjectId": "0",
        "IsDefault": group.is_default,
        "CreatedTime": format_time(group.meta.created_at, Clock::Plain),
        "UpdateTime": format_time(group.meta.updated_at, Clock::Plain),
        "TagSet": crate::reply::tags(&group.meta),
    })
}

fn describe_members(ask: &Ask, view: &View) -> Result<Value, Error> {
    let rows = groups(ask, view)?.into_iter().map(|id| {
        let interfaces = view.world.interfaces_of_group(id);
        let (primary, other): (Vec<_>, Vec<_>) = interfaces.partition(|interface| interface.is_primary);
        let naming = view.world.groups_naming(id).filter(|naming| *naming != id).count();
        json!({
            "SecurityGroupId": name::GROUP.show(id),
            "CVM": primary.len(),
            "ENI": other.len(),
            "CDB": 0,
            "CLB": 0,
            "SG": naming,
            "TotalCount": primary.len() + other.len() + naming,
            "InstanceStatistics": [],
        })
    });
    Ok(json!({"SecurityGroupAssociationStatisticsSet": rows.collect::<Vec<_>>()}))
}

type Members = for<'a> fn(&Ask, &View<'a>) -> Result<Vec<&'a Interface>, Error>;

/// All of them are in all of these groups then.
fn join(ask: &Ask, view: &View, members: Members) -> Result<Vec<Step>, Error> {
    let more = groups(ask, view)?;
    let steps = members(ask, view)?.into_iter().filter_map(|interface| {
        let mut groups = interface.groups.clone();
        groups.extend(more.iter().filter(|id| !interface.groups.contains(id)));
        (groups != interface.groups)
            .then(|| request::UpdateInterface::guarded_by(interface.id, groups).into())
    });
    Ok(steps.collect())
}

/// None of them is in any of these groups then.
fn leave(ask: &Ask, view: &View, members: Members) -> Result<Vec<Step>, Error> {
    let gone = groups(ask, view)?;
    let mut steps = vec![];
    for interface in members(ask, view)? {
        let mut groups = interface.groups.clone();
        groups.retain(|id| !gone.contains(id));
        if groups.len() == interface.groups.len() {
            continue;
        }
        if groups.is_empty() {
            let message = "It would have no security group left; associate another one first.";
            return Err(error("UnsupportedOperation", message));
        }
        steps.push(request::UpdateInterface::guarded_by(interface.id, groups).into());
    }
    Ok(steps)
}

fn of_interfaces<'a>(ask: &Ask, view: &View<'a>) -> Result<Vec<&'a Interface>, Error> {
    let ids = some(ask, "NetworkInterfaceIds")?;
    let all = &view.world.interfaces;
    ids.into_iter().map(|id| look_up("NetworkInterfaceIds", id, name::INTERFACE, all)).collect()
}

/// Of an instance its primary interface.
fn of_instances<'a>(ask: &Ask, view: &View<'a>) -> Result<Vec<&'a Interface>, Error> {
    let primary = |id: &str| {
        let instance = look_up("InstanceIds", id, name::INSTANCE, &view.world.instances)?;
        let primary = view.world.primary_interface(instance.id);
        primary.ok_or_else(|| error::not_found("interface of the instance", id))
    };
    some(ask, "InstanceIds")?.into_iter().map(primary).collect()
}

/// Those of `SecurityGroupIds`, at least one.
fn groups(ask: &Ask, view: &View) -> Result<Vec<SecurityGroupId>, Error> {
    some(ask, "SecurityGroupIds")?;
    wanted(ask, view)
}

/// The groups that a new instance or interface is to have; the VPC's default one if none is named.
pub fn wanted(ask: &Ask, view: &View) -> Result<Vec<SecurityGroupId>, Error> {
    let ids = ask.params.list("SecurityGroupIds").into_iter();
    ids.map(|id| Ok(look_up("SecurityGroupIds", id, name::GROUP, &view.world.groups)?.id)).collect()
}

/// The names of an interface's groups.
pub fn names(interface: &Interface) -> Vec<String> {
    interface.groups.iter().map(|id| name::GROUP.show(*id)).collect()
}

pub fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a SecurityGroup, Error> {
    ask.find("SecurityGroupId", name::GROUP, &view.world.groups)
}

/// 1 to 100 of a list.
fn some<'a>(ask: &'a Ask, parameter: &str) -> Result<Vec<&'a str>, Error> {
    let ids = ask.params.list(parameter);
    match ids.len() {
        0 => Err(missing(parameter)),
        1..=100 => Ok(ids),
        _ => Err(error("LimitExceeded", format!("{parameter} may name at most 100."))),
    }
}

fn description(ask: &Ask) -> Result<Option<String>, Error> {
    match ask.text("GroupDescription") {
        Some(text) if text.chars().count() > 100 => {
            Err(error("InvalidParameterValue.TooLong", "GroupDescription must have at most 100 characters."))
        }
        text => Ok(text.map(Into::into)),
    }
}

fn missing(parameter: &str) -> Error {
    error::of_parameter(ParamError::Missing(parameter.into()))
}
