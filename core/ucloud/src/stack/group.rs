//! Security groups of UCloudStack; here they are of no VPC, as there.

use super::texts;
use crate::{
    action::{Action, Does, done},
    ask::Ask,
    error,
    error::error,
    name::stack as name,
};
use havip_admission::{request, request::NewRule};
use havip_dialect::{Error, ParamError, Step, View};
use havip_model::{
    Direction, Interface, Peer, Ports, Protocol, ResourceKey, Rule, RuleAction, SecurityGroup,
    SecurityGroupId, Status,
};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateSecurityGroup",
        honoured: &["Name", "Remark", "Rule", "TagKeyValuePairs"],
        harmless: &[],
        does: Does::Change { plan: create, answer: created },
    },
    Action {
        name: "DescribeSecurityGroup",
        honoured: &["SGIDs", "Limit", "Offset"],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "DescribeSecurityGroupResource",
        honoured: &["SGID", "Limit", "Offset"],
        harmless: &[],
        does: Does::Read(describe_members),
    },
    Action {
        name: "DeleteSecurityGroup",
        honoured: &["SGID"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done },
    },
    Action {
        name: "CreateSecurityGroupRule",
        honoured: &["SGID", "Rules"],
        harmless: &[],
        does: Does::Change { plan: add, answer: added },
    },
    Action {
        name: "UpdateSecurityGroupRule",
        honoured: &["SGID", "Rules"],
        harmless: &[],
        does: Does::Change { plan: change, answer: done },
    },
    Action {
        name: "DeleteSecurityGroupRule",
        honoured: &["SGID", "SGRuleID"],
        harmless: &[],
        does: Does::Change { plan: remove, answer: done },
    },
    Action {
        name: "BindSecurityGroup",
        honoured: &["SGID", "ResourceID"],
        // A machine has one interface for both here.
        harmless: &["NICType"],
        does: Does::Change { plan: bind, answer: done },
    },
    Action {
        name: "UnBindSecurityGroup",
        honoured: &["SGID", "ResourceID"],
        harmless: &[],
        does: Does::Change { plan: unbind, answer: done },
    },
];

/// Besides its rules everything may go out; nothing else comes in.
fn create(ask: &Ask, _: &View) -> Result<Vec<Step>, Error> {
    let texts = texts::given(ask)?;
    let mut rules = vec![NewRule::allow(Direction::Egress, Peer::Any)];
    for text in ask.params.list("Rule") {
        rules.push(read("Rule", text)?);
    }
    Ok(vec![request::CreateSecurityGroup { vpc: None, texts, rules, members_reach_each_other: false }.into()])
}

fn created(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    match made.first() {
        Some(ResourceKey::SecurityGroup(id)) => json!({"SGID": name::GROUP.show(*id)}),
        _ => json!({}),
    }
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    Ok(vec![request::DeleteSecurityGroup { group: find(ask, view)?.id }.into()])
}

fn add(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let group = find(ask, view)?.id;
    let rules = some(ask)?.into_iter().map(|text| read("Rules", text)).collect::<Result<_, _>>()?;
    Ok(vec![request::AddRules { group, rules }.into()])
}

/// The last of those that it has then.
fn added(_: &Ask, view: &View, made: &[ResourceKey]) -> Value {
    let rule = made.iter().find_map(|key| match key {
        ResourceKey::SecurityGroup(id) => view.world.groups.get(id)?.rules.last(),
        _ => None,
    });
    rule.map_or_else(|| json!({}), |rule| json!({"SGRuleID": rule_name(rule)}))
}

/// Each rule has the name of the one whose place it takes behind it.
fn change(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let group = find(ask, view)?;
    let mut rules: Vec<NewRule> = group.rules.iter().map(NewRule::from).collect();
    for text in some(ask)? {
        let (rule, id) = text.rsplit_once('|').unwrap_or((text, ""));
        let old = named(group, id)?;
        let place = group.rules.iter().position(|one| one.number == old.number);
        let place = place.ok_or_else(|| error::not_found("security group rule", id))?;
        rules[place] = read("Rules", rule)?;
    }
    match rules.iter().eq(&group.rules.iter().map(NewRule::from).collect::<Vec<_>>()) {
        true => Ok(vec![]),
        false => Ok(vec![request::ReplaceRules { group: group.id, rules }.into()]),
    }
}

fn remove(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let group = find(ask, view)?;
    let rule = named(group, ask.required("SGRuleID")?)?;
    Ok(vec![request::RemoveRules { group: group.id, rules: vec![rule.number] }.into()])
}

fn bind(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (group, interface) = (find(ask, view)?.id, member(ask, view)?);
    match interface.groups.contains(&group) {
        true => Ok(vec![]),
        false => Ok(vec![
            request::UpdateInterface::guarded_by(
                interface.id,
                interface.groups.iter().copied().chain([group]).collect(),
            )
            .into(),
        ]),
    }
}

fn unbind(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (group, interface) = (find(ask, view)?.id, member(ask, view)?);
    let mut groups = interface.groups.clone();
    groups.retain(|other| *other != group);
    match (groups.len() == interface.groups.len(), groups.is_empty()) {
        (true, _) => Err(error(error::CONFLICT, "the security group is not bound to this resource")),
        (false, true) => Err(error(
            error::CONFLICT,
            "it is the only security group of this resource; bind another one first",
        )),
        (false, false) => Ok(vec![request::UpdateInterface::guarded_by(interface.id, groups).into()]),
    }
}

/// A NIC, or a machine's first interface.
fn member<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Interface, Error> {
    let id = ask.required("ResourceID")?;
    let instance = name::VM.find(&view.world.instances, id);
    let primary = instance.and_then(|instance| view.world.primary_interface(instance.id));
    let found = primary.or_else(|| name::NIC.find(&view.world.interfaces, id));
    found.ok_or_else(|| error::not_found("resource", id))
}

/// The groups that these parameters name, each once; the VPC's default one if none does.
pub fn wanted(ask: &Ask, view: &View, parameters: &[&str]) -> Result<Vec<SecurityGroupId>, Error> {
    let mut groups = vec![];
    for parameter in parameters.iter().filter(|parameter| ask.text(parameter).is_some()) {
        let id = ask.find(parameter, name::GROUP, &view.world.groups)?.id;
        if !groups.contains(&id) {
            groups.push(id);
        }
    }
    Ok(groups)
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let rows = ask.named("SGIDs", name::GROUP, &view.world.groups);
    ask.part(("Infos", "TotalCount"), rows, |one| &one.meta, |one| show(ask, view, one))
}

fn show(ask: &Ask, view: &View, group: &SecurityGroup) -> Value {
    let status = match view.status(ResourceKey::SecurityGroup(group.id), &group.meta) {
        Status::Creating => "Allocating",
        Status::Available => "Available",
        Status::Failed => "Failed",
        Status::Deleting => "Deleting",
    };
    let rules: Vec<Value> = group.rules.iter().map(show_rule).collect();
    json!({
        "SGID": name::GROUP.show(group.id),
        "Name": group.meta.name,
        "Remark": group.meta.description,
        "Tags": texts::shown(&group.meta),
        "Status": status,
        "ResourceCount": view.world.interfaces_of_group(group.id).count(),
        "RuleCount": rules.len(),
        "Rule": rules,
        "Region": ask.region(),
        "Zone": ask.zone(),
        "CreateTime": group.meta.created_at.0 / 1000,
        "UpdateTime": group.meta.updated_at.0 / 1000,
    })
}

fn describe_members(ask: &Ask, view: &View) -> Result<Value, Error> {
    let group = find(ask, view)?.id;
    let rows: Vec<&Interface> = view.world.interfaces_of_group(group).collect();
    ask.part(
        ("Infos", "TotalCount"),
        rows,
        |one| &one.meta,
        |one| {
            let machine = one.instance.filter(|_| one.is_primary);
            let instance = machine.and_then(|id| view.world.instances.get(&id));
            json!({
                "ResourceID": instance.map_or_else(|| name::NIC.show(one.id), |it| name::VM.show(it.id)),
                "ResourceType": if instance.is_some() { "VM" } else { "NIC" },
                "Name": instance.map_or(&one.meta.name, |it| &it.meta.name),
                "Region": ask.region(),
                "Zone": ask.zone(),
            })
        },
    )
}

fn show_rule(rule: &Rule) -> Value {
    let other = match rule.peer {
        Peer::Any | Peer::Vpc => "0.0.0.0/0".into(),
        Peer::Prefix(net) => net.to_string(),
        Peer::Group(id) => name::GROUP.show(id),
    };
    let priority = match rule.priority {
        HIGH => "HIGH",
        MEDIUM => "MEDIUM",
        LOW => "LOW",
        _ => "",
    };
    json!({
        "RuleID": rule_name(rule),
        "ProtocolType": rule.protocol.to_string().to_ascii_uppercase(),
        "DstPort": rule.ports.map(|ports| ports.to_string()).unwrap_or_default(),
        "SrcIP": other,
        "RuleAction": if rule.action == RuleAction::Allow { "ACCEPT" } else { "DROP" },
        "Priority": if priority.is_empty() { rule.priority.to_string() } else { priority.into() },
        "IsIn": if rule.direction == Direction::Ingress { "1" } else { "0" },
    })
}

/// `TCP|23|0.0.0.0/0|ACCEPT|HIGH|1`: protocol, ports, the other end, action, priority, and 1 for what comes in.
fn read(parameter: &str, text: &str) -> Result<NewRule, Error> {
    let shown: String = text.chars().take(64).collect();
    let wrong = |what: &str| {
        let form = "PROTOCOL|PORTS|RANGE|ACCEPT or DROP|HIGH, MEDIUM or LOW|1 for in, 0 for out";
        error(
            error::NOT_AVAILABLE,
            format!("Params [{parameter}] not available: {what} of {shown:?}; it must be {form}"),
        )
    };
    let parts: Vec<&str> = text.split('|').map(str::trim).collect();
    let [protocol, ports, range, action, priority, is_in] = parts[..] else {
        return Err(wrong("the number of parts"));
    };
    let protocol = Protocol::called(protocol).ok_or_else(|| wrong("the protocol"))?;
    let ports = match ports {
        "" | "-1" | "0" | "*" => None,
        ports => {
            let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
            let both = first.parse().ok().zip(last.parse().ok());
            Some(both.and_then(|(first, last)| Ports::new(first, last)).ok_or_else(|| wrong("the ports"))?)
        }
    };
    let net = match range.contains('/') {
        true => range.parse().map_err(|_| wrong("the range"))?,
        false => range.parse::<std::net::IpAddr>().map_err(|_| wrong("the range"))?.into(),
    };
    Ok(NewRule {
        direction: match is_in {
            "1" => Direction::Ingress,
            "0" => Direction::Egress,
            _ => return Err(wrong("the direction")),
        },
        action: match action.to_ascii_uppercase().as_str() {
            "ACCEPT" => RuleAction::Allow,
            "DROP" => RuleAction::Drop,
            _ => return Err(wrong("the action")),
        },
        priority: match priority.to_ascii_uppercase().as_str() {
            "HIGH" => HIGH,
            "MEDIUM" => MEDIUM,
            "LOW" => LOW,
            _ => return Err(wrong("the priority")),
        },
        protocol,
        ports,
        peer: Peer::Prefix(net),
        description: String::new(),
    })
}

fn rule_name(rule: &Rule) -> String {
    format!("sg_rule-{}", rule.number.get())
}

fn named<'a>(group: &'a SecurityGroup, id: &str) -> Result<&'a Rule, Error> {
    let number = id.strip_prefix("sg_rule-").and_then(|number| number.parse::<u32>().ok());
    let rule = group.rules.iter().find(|rule| Some(rule.number.get()) == number);
    rule.ok_or_else(|| error::not_found("security group rule", id))
}

fn some(ask: &Ask) -> Result<Vec<&str>, Error> {
    let texts = ask.params.list("Rules");
    match texts.is_empty() {
        true => Err(error::of_parameter(ParamError::Missing("Rules".into()))),
        false => Ok(texts),
    }
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a SecurityGroup, Error> {
    ask.find("SGID", name::GROUP, &view.world.groups)
}

/// The cloud has three priorities, Havip a hundred.
const HIGH: u8 = 1;
const MEDIUM: u8 = 50;
const LOW: u8 = 100;
