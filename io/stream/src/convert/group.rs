//! Security groups and their rules.

use super::ConvertError;
use super::field::{self, prefix_message};
use crate::proto::{self, group_rule::Peer};
use havip_groups::{GroupPeer, GroupRule};
use havip_model::{Direction, Ports, Protocol, RuleAction};
use havip_reconcile::item::GroupItem;

pub(super) fn group_message(group: &GroupItem) -> proto::SecurityGroupItem {
    proto::SecurityGroupItem {
        id: group.id.to_string(),
        number: group.number.get(),
        edition: group.edition.get(),
        rules: group.rules.iter().map(rule_message).collect(),
    }
}

pub(super) fn group(message: proto::SecurityGroupItem) -> Result<GroupItem, ConvertError> {
    let rules = message.rules.iter().enumerate();
    let rules = rules.map(|(at, one)| rule(one).map_err(|error| error.within(format!("rules[{at}]"))));
    Ok(GroupItem {
        id: field::text("id", &message.id)?,
        number: field::number("number", message.number)?,
        edition: field::number("edition", message.edition)?,
        rules: rules.collect::<Result<_, _>>()?,
    })
}

fn rule_message(rule: &GroupRule) -> proto::GroupRule {
    proto::GroupRule {
        number: rule.number.get(),
        direction: field::word_text(rule.direction, DIRECTIONS),
        action: field::word_text(rule.action, ACTIONS),
        priority: rule.priority.into(),
        protocol: match rule.protocol {
            Protocol::All => None,
            Protocol::Number(number) => Some(number.into()),
        },
        first_port: rule.ports.map(|ports| u32::from(*ports.range().start())),
        last_port: rule.ports.map_or(0, |ports| u32::from(*ports.range().end())),
        peer: match rule.peer {
            GroupPeer::Any => None,
            GroupPeer::Vpc => Some(Peer::Vpc(true)),
            GroupPeer::Prefix(net) => Some(Peer::Prefix(prefix_message(net))),
            GroupPeer::Group(group) => Some(Peer::Group(group.get())),
        },
    }
}

fn rule(message: &proto::GroupRule) -> Result<GroupRule, ConvertError> {
    let ports = match message.first_port {
        Some(first) => {
            let (first, last): (u16, u16) =
                (field::number("first_port", first)?, field::number("last_port", message.last_port)?);
            let wrong = || ConvertError::new("last_port", format!("is {last}, which is before {first}"));
            Some(Ports::new(first, last).ok_or_else(wrong)?)
        }
        None => None,
    };
    Ok(GroupRule {
        number: field::number("number", message.number)?,
        direction: field::word("direction", &message.direction, DIRECTIONS)?,
        action: field::word("action", &message.action, ACTIONS)?,
        priority: field::number("priority", message.priority)?,
        protocol: match message.protocol {
            Some(number) => Protocol::Number(field::number("protocol", number)?),
            None => Protocol::All,
        },
        ports,
        peer: match &message.peer {
            None => GroupPeer::Any,
            Some(Peer::Vpc(_)) => GroupPeer::Vpc,
            Some(Peer::Prefix(net)) => GroupPeer::Prefix(field::prefix("prefix", net)?),
            Some(Peer::Group(number)) => GroupPeer::Group(field::number("group", *number)?),
        },
    })
}

const DIRECTIONS: &[(&str, Direction)] = &[("ingress", Direction::Ingress), ("egress", Direction::Egress)];
const ACTIONS: &[(&str, RuleAction)] = &[("allow", RuleAction::Allow), ("drop", RuleAction::Drop)];
