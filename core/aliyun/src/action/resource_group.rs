//! Resource groups: which one something is in, and moves from one to another.
//!
//! They are made by the native API: the cloud has a product of its own for that.

use super::{Action, Does, done, tag};
use crate::{ask::Ask, error, name};
use havip_admission::{Code, Refusal, request::MoveToGroup};
use havip_dialect::{Call, Error, Step, View};
use havip_model::{Meta, ResourceGroupId, ResourceKey};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "MoveResourceGroup",
        product: None,
        honoured: &["ResourceType", "ResourceId", "NewResourceGroupId"],
        harmless: &[],
        does: Does::Change {
            plan: |ask, view| move_to(ask, view, "NewResourceGroupId"),
            answer: done,
            refused,
        },
    },
    // What ECS calls it.
    Action {
        name: "JoinResourceGroup",
        product: None,
        honoured: &["ResourceType", "ResourceId", "ResourceGroupId"],
        harmless: &[],
        does: Does::Change { plan: |ask, view| move_to(ask, view, "ResourceGroupId"), answer: done, refused },
    },
];

/// The group that something is to be in from the beginning; the default one if none is named.
pub fn given(ask: &Ask, view: &View) -> Result<Option<ResourceGroupId>, Error> {
    ask.text("ResourceGroupId").map(|id| look_up(ask, view, id)).transpose()
}

/// Whether a resource is in the group that a list is narrowed to.
pub fn holds(ask: &Ask, meta: &Meta) -> bool {
    ask.text("ResourceGroupId").is_none_or(|wanted| wanted == shown(meta))
}

/// The group's name, as every resource's answer has it.
pub fn shown(meta: &Meta) -> String {
    name::RESOURCE_GROUP.show(meta.group())
}

/// The group that a list is narrowed to; or of what an action shows that is about one thing.
pub fn of_read(ask: &Ask, view: &View) -> Option<ResourceGroupId> {
    if let Some(id) = ask.text("ResourceGroupId") {
        return look_up(ask, view, id).ok();
    }
    let world = view.world;
    let meta = match ask.action.name {
        "DescribeVpcAttribute" => &name::VPC.find(&world.vpcs, ask.text("VpcId")?)?.meta,
        "DescribeVSwitchAttributes" => &name::VSWITCH.find(&world.subnets, ask.text("VSwitchId")?)?.meta,
        "DescribeSecurityGroupAttribute" => {
            &name::GROUP.find(&world.groups, ask.text("SecurityGroupId")?)?.meta
        }
        "DescribeInstanceAttribute" | "DescribeUserData" => {
            &name::INSTANCE.find(&world.instances, ask.text("InstanceId")?)?.meta
        }
        _ => return None,
    };
    Some(meta.group())
}

fn move_to(ask: &Ask, view: &View, parameter: &str) -> Result<Vec<Step>, Error> {
    let group = look_up(ask, view, ask.required(parameter)?)?;
    let resource = tag::one(ask, view)?;
    let mut resources = vec![resource];
    if let ResourceKey::Vpc(vpc) = resource {
        // Here they might be elsewhere; there they are where their VPC is.
        resources.extend(view.world.subnets_of(vpc).map(|subnet| ResourceKey::Subnet(subnet.id)));
    }
    let steps = resources.chunks(50).map(|some| MoveToGroup { group, resources: some.to_vec() }.into());
    Ok(steps.collect())
}

fn refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    (refusal.code == Code::ResourceNotFound).then_some((404, "ResourceNotFound"))
}

fn look_up(ask: &Ask, view: &View, id: &str) -> Result<ResourceGroupId, Error> {
    let default = ResourceGroupId::default_of(view.project);
    if id == name::RESOURCE_GROUP.show(default) {
        return Ok(default);
    }
    let missing = || {
        let is_of_ecs = ask.permission().starts_with("ecs:") || ask.action.name == "JoinResourceGroup";
        let code = if is_of_ecs { "InvalidResourceGroup.NotFound" } else { "IllegalParam.ResourceGroupId" };
        error::not_found(code, "resource group", id)
    };
    let found = name::RESOURCE_GROUP.find(&view.world.resource_groups, id);
    found.map(|group| group.id).ok_or_else(missing)
}
