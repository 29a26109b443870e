//! Security groups: made, shown, deleted, and who is in them.

use super::{Action, Does, done, resource_group, rule, tag};
use crate::{ask::Ask, error, name, page::page};
use havip_admission::{Code, Refusal, request};
use havip_dialect::{Clock, Error, ParamError, Step, View, format_time};
use havip_model::{Direction, Instance, Interface, ResourceKey, SecurityGroup, SecurityGroupId};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateSecurityGroup",
        product: None,
        honoured: &[
            "VpcId",
            "SecurityGroupName",
            "Description",
            "Tag.Key",
            "Tag.Value",
            "ResourceGroupId",
            "SecurityGroupType",
            "ClientToken",
        ],
        harmless: &[],
        does: Does::Change { plan: create, answer: created, refused: create_refused },
    },
    Action {
        name: "DeleteSecurityGroup",
        product: None,
        honoured: &["SecurityGroupId"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done, refused: delete_refused },
    },
    Action {
        name: "ModifySecurityGroupAttribute",
        product: None,
        honoured: &["SecurityGroupId", "SecurityGroupName", "Description"],
        harmless: &[],
        does: Does::Change { plan: modify, answer: done, refused: create_refused },
    },
    Action {
        name: "ModifySecurityGroupPolicy",
        product: None,
        honoured: &["SecurityGroupId", "InnerAccessPolicy", "ClientToken"],
        harmless: &[],
        does: Does::Change { plan: modify_policy, answer: done, refused: |_| None },
    },
    Action {
        name: "DescribeSecurityGroups",
        product: None,
        honoured: &[
            "SecurityGroupId",
            "SecurityGroupIds",
            "SecurityGroupName",
            "Tag.Key",
            "Tag.Value",
            "ResourceGroupId",
            "SecurityGroupType",
            "NetworkType",
            "VpcId",
            "PageNumber",
            "PageSize",
            "DryRun",
        ],
        harmless: &["MaxResults", "IsQueryEcsCount"],
        does: Does::Read(describe),
    },
    Action {
        name: "DescribeSecurityGroupAttribute",
        product: None,
        honoured: &["SecurityGroupId", "Direction", "NicType"],
        harmless: &["MaxResults"],
        does: Does::Read(describe_one),
    },
    Action {
        name: "DescribeSecurityGroupReferences",
        product: None,
        honoured: &["SecurityGroupId"],
        harmless: &[],
        does: Does::Read(describe_references),
    },
    Action {
        name: "JoinSecurityGroup",
        product: None,
        honoured: &["SecurityGroupId", "InstanceId", "NetworkInterfaceId"],
        harmless: &[],
        does: Does::Change { plan: join, answer: done, refused: membership_refused },
    },
    Action {
        name: "LeaveSecurityGroup",
        product: None,
        honoured: &["SecurityGroupId", "InstanceId", "NetworkInterfaceId"],
        harmless: &[],
        does: Does::Change { plan: leave, answer: done, refused: membership_refused },
    },
];

/// As the cloud makes one: its members reach each other, everything may go out, nothing else comes in.
fn create(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    ask.only("SecurityGroupType", "normal")?;
    let vpc = ask.find("VpcId", name::VPC, &view.world.vpcs, "InvalidVpcId.NotFound")?;
    let request = request::CreateSecurityGroup {
        vpc: Some(vpc.id),
        texts: request::Texts::from(texts(ask)?)
            .tagged(tag::given(ask)?)
            .grouped(resource_group::given(ask, view)?),
        rules: vec![rule::outwards()],
        members_reach_each_other: true,
    };
    Ok(vec![request.into()])
}

fn created(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    match made.first() {
        Some(ResourceKey::SecurityGroup(id)) => json!({"SecurityGroupId": name::GROUP.show(*id)}),
        _ => json!({}),
    }
}

fn create_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    match refusal.code {
        Code::InvalidText => Some((400, "InvalidSecurityGroupName.Malformed")),
        Code::TooManyGroupsInVpc => Some((403, "QuotaExceed.SecurityGroup")),
        _ => None,
    }
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    Ok(vec![request::DeleteSecurityGroup { group: find(ask, view)?.id }.into()])
}

fn delete_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    match refusal.code {
        Code::GroupInUse => Some((403, "DependencyViolation")),
        Code::DefaultGroup => Some((403, "InvalidOperation.DeletionProtection")),
        _ => None,
    }
}

fn modify(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (group, texts) = (find(ask, view)?.id, texts(ask)?);
    match texts == request::NewTexts::default() {
        true => Ok(vec![]),
        false => Ok(vec![request::UpdateSecurityGroup { group, texts }.into()]),
    }
}

/// Whether the members of a group reach each other is a rule like others, which the cloud does not show as one.
fn modify_policy(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let group = find(ask, view)?;
    let policy = ask.required("InnerAccessPolicy")?;
    let wanted = match policy.to_ascii_lowercase().as_str() {
        "accept" => true,
        "drop" => false,
        _ => {
            let message = format!("InnerAccessPolicy must be Accept or Drop, not {policy:?}.");
            return Err(Error::new(400, "InvalidPolicy.Malformed", message));
        }
    };
    let there = group.rules.iter().find(|of| rule::is_inner(group, of));
    Ok(match (there, wanted) {
        (None, true) => {
            vec![request::AddRules { group: group.id, rules: vec![rule::inner(group.id)] }.into()]
        }
        (Some(rule), false) => {
            vec![request::RemoveRules { group: group.id, rules: vec![rule.number] }.into()]
        }
        _ => vec![],
    })
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let mut ids = ask.array("SecurityGroupIds")?;
    if let Some(id) = ask.text("SecurityGroupId") {
        ids.get_or_insert_default().push(id.into());
    }
    if ids.as_ref().is_some_and(|ids| ids.len() > 100) {
        return Err(error::invalid("SecurityGroupIds may name at most 100 groups."));
    }
    let tags = tag::Wanted::read(ask, "Tag")?;
    let is = |name: &str, value: &str| ask.text(name).is_none_or(|wanted| wanted == value);
    let passes = |one: &&SecurityGroup| {
        ids.as_ref().is_none_or(|ids| ids.contains(&name::GROUP.show(one.id)))
            && is("SecurityGroupName", &one.meta.name)
            && is("SecurityGroupType", "normal")
            && is("NetworkType", "vpc")
            && is("VpcId", &vpc_name(one))
            && tags.hold(&one.meta)
            && resource_group::holds(ask, &one.meta)
    };
    let rows: Vec<&SecurityGroup> = view.world.groups.values().filter(passes).collect();
    let names = ("SecurityGroups", "SecurityGroup");
    let mut shown = page(ask, names, 100, rows, |one| &one.meta, |one| show(view, one))?;
    shown["RegionId"] = ask.region().into();
    shown["NextToken"] = "".into();
    Ok(shown)
}

fn show(view: &View, group: &SecurityGroup) -> Value {
    let rules = group.rules.iter().filter(|one| !rule::is_implied(group, one));
    json!({
        "SecurityGroupId": name::GROUP.show(group.id),
        "SecurityGroupName": group.meta.name,
        "Description": group.meta.description,
        "SecurityGroupType": "normal",
        "VpcId": vpc_name(group),
        "CreationTime": format_time(group.meta.created_at, Clock::Seconds),
        "EcsCount": view.world.interfaces_of_group(group.id).count(),
        "AvailableInstanceAmount": 0,
        "RuleCount": rules.clone().count(),
        "GroupToGroupRuleCount": rules.filter(|one| matches!(one.peer, havip_model::Peer::Group(_))).count(),
        "ResourceGroupId": resource_group::shown(&group.meta),
        "ServiceID": 0,
        "ServiceManaged": false,
        "Tags": tag::of_ecs(&group.meta),
    })
}

fn describe_one(ask: &Ask, view: &View) -> Result<Value, Error> {
    let group = find(ask, view)?;
    ask.only("NicType", "intranet")?;
    let direction = match ask.text("Direction").map(str::to_ascii_lowercase).as_deref() {
        None | Some("all") => None,
        Some("ingress") => Some(Direction::Ingress),
        Some("egress") => Some(Direction::Egress),
        Some(_) => return Err(error::invalid("Direction must be ingress, egress or all.")),
    };
    let shown = group.rules.iter().filter(|one| {
        !rule::is_implied(group, one) && direction.is_none_or(|direction| one.direction == direction)
    });
    let permissions: Vec<Value> = shown.map(|one| rule::show(view, group, one)).collect();
    let is_inner = group.rules.iter().any(|one| rule::is_inner(group, one));
    Ok(json!({
        "SecurityGroupId": name::GROUP.show(group.id),
        "SecurityGroupName": group.meta.name,
        "Description": group.meta.description,
        "VpcId": vpc_name(group),
        "RegionId": ask.region(),
        "InnerAccessPolicy": if is_inner { "Accept" } else { "Drop" },
        "Permissions": {"Permission": permissions},
        "SnapshotPolicyIds": {"SnapshotPolicyId": []},
        "NextToken": "",
    }))
}

fn describe_references(ask: &Ask, view: &View) -> Result<Value, Error> {
    let ids = ask.params.list("SecurityGroupId");
    if ids.is_empty() || ids.len() > 10 {
        return Err(error::invalid("SecurityGroupId.N must name 1 to 10 groups."));
    }
    let references = ids.into_iter().map(|id| {
        let group = look_up(view, id)?;
        let naming = view.world.groups_naming(group.id).filter(|other| *other != group.id);
        let naming: Vec<Value> =
            naming.map(|other| json!({"AliUid": "", "SecurityGroupId": name::GROUP.show(other)})).collect();
        Ok(json!({
            "SecurityGroupId": name::GROUP.show(group.id),
            "ReferencingSecurityGroups": {"ReferencingSecurityGroup": naming},
        }))
    });
    let references: Vec<Value> = references.collect::<Result<_, Error>>()?;
    Ok(json!({"SecurityGroupReferences": {"SecurityGroupReference": references}}))
}

fn join(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (group, interface) = (find(ask, view)?.id, member(ask, view)?);
    if interface.groups.contains(&group) {
        let message = "The instance or network interface is in this security group already.";
        return Err(Error::new(403, "InvalidInstanceId.AlreadyExists", message));
    }
    Ok(vec![
        request::UpdateInterface::guarded_by(
            interface.id,
            interface.groups.iter().copied().chain([group]).collect(),
        )
        .into(),
    ])
}

fn leave(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (group, interface) = (find(ask, view)?.id, member(ask, view)?);
    let mut groups = interface.groups.clone();
    groups.retain(|other| *other != group);
    if groups.len() == interface.groups.len() {
        let message = "The instance or network interface is not in this security group.";
        return Err(Error::new(403, "InstanceNotInSecurityGroup", message));
    }
    if groups.is_empty() {
        let message =
            "It is the only security group of the instance or network interface; join another first.";
        return Err(Error::new(403, "InstanceLastSecurityGroup", message));
    }
    Ok(vec![request::UpdateInterface::guarded_by(interface.id, groups).into()])
}

fn membership_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    match refusal.code {
        Code::TooManyGroups => Some((400, "InstanceSecurityGroupLimitExceeded")),
        Code::OtherVpc => Some((403, "InvalidParameter.VPCMismatch")),
        _ => None,
    }
}

/// The interface that is to join or leave: of an instance its primary one.
fn member<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Interface, Error> {
    match (ask.text("InstanceId"), ask.text("NetworkInterfaceId")) {
        (Some(_), None) => {
            let code = "InvalidInstanceId.NotFound";
            let instance: &Instance = ask.find("InstanceId", name::INSTANCE, &view.world.instances, code)?;
            let primary = view.world.primary_interface(instance.id);
            primary.ok_or_else(|| error::invalid("The instance has no network interface."))
        }
        (None, Some(_)) => {
            ask.find("NetworkInterfaceId", name::INTERFACE, &view.world.interfaces, "InvalidEniId.NotFound")
        }
        _ => Err(error::invalid("Say either InstanceId or NetworkInterfaceId.")),
    }
}

/// The groups that a new instance or network interface is to have; the VPC's default one if none is named.
pub fn wanted(ask: &Ask, view: &View) -> Result<Vec<SecurityGroupId>, Error> {
    let many = ask.params.list("SecurityGroupIds");
    match (ask.text("SecurityGroupId"), many.is_empty()) {
        (Some(_), false) => Err(error::invalid("SecurityGroupId and SecurityGroupIds exclude each other.")),
        (Some(id), true) => Ok(vec![look_up(view, id)?.id]),
        (None, _) => many.into_iter().map(|id| Ok(look_up(view, id)?.id)).collect(),
    }
}

/// The names of an interface's groups.
pub fn names(interface: &Interface) -> Vec<String> {
    interface.groups.iter().map(|id| name::GROUP.show(*id)).collect()
}

/// What the rules say of groups that a new instance or interface cannot have.
pub fn refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    match refusal.code {
        Code::OtherVpc => Some((400, "InvalidParameter.Mismatch")),
        Code::TooManyGroups => Some((400, "InstanceSecurityGroupLimitExceeded")),
        _ => None,
    }
}

pub fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a SecurityGroup, Error> {
    look_up(view, ask.text("SecurityGroupId").ok_or_else(missing)?)
}

pub fn look_up<'a>(view: &View<'a>, id: &str) -> Result<&'a SecurityGroup, Error> {
    let found = name::GROUP.find(&view.world.groups, id);
    found.ok_or_else(|| error::not_found("InvalidSecurityGroupId.NotFound", "security group", id))
}

fn missing() -> Error {
    error::of_parameter(ParamError::Missing("SecurityGroupId".into()))
}

/// A group that another cloud's API made is of no VPC.
fn vpc_name(group: &SecurityGroup) -> String {
    group.vpc.map(|vpc| name::VPC.show(vpc)).unwrap_or_default()
}

fn texts(ask: &Ask) -> Result<request::NewTexts, Error> {
    Ok(request::NewTexts {
        name: ask.new_text("SecurityGroupName", 128, "InvalidSecurityGroupName.Malformed")?,
        description: ask.new_text("Description", 256, "InvalidSecurityGroupDiscription.Malformed")?,
    })
}
