//! Security groups as the API shows them.

use super::Shapes;
use havip_model::{Direction, Peer, ResourceKey, Rule, RuleAction, SecurityGroup};

impl Shapes<'_> {
    /// A security group.
    pub fn security_group(&self, group: &SecurityGroup) -> havip_api::SecurityGroup {
        havip_api::SecurityGroup {
            meta: self.meta(ResourceKey::SecurityGroup(group.id), group.id.to_string(), &group.meta),
            vpc: group.vpc.map(|vpc| vpc.to_string()),
            is_default: group.is_default,
            interfaces: self.durable.state.world.interfaces_of_group(group.id).count(),
            rules: group.rules.iter().map(rule).collect(),
        }
    }

    /// A rule in the words in which it was made.
    pub fn rule_in_words(&self, rule: &Rule) -> String {
        let action = if rule.action == RuleAction::Allow { "allow" } else { "drop" };
        let way = if rule.direction == Direction::Ingress { "from" } else { "to" };
        let ports = rule.ports.map_or(String::new(), |ports| format!(" {ports}"));
        let peer = match rule.peer {
            Peer::Group(id) => match self.seen.groups.get(&id) {
                Some(group) if !group.meta.name.is_empty() => group.meta.name.clone(),
                _ => id.to_string(),
            },
            Peer::Any => "any".into(),
            Peer::Vpc => "vpc".into(),
            Peer::Prefix(net) => net.to_string(),
        };
        format!("{action} {}{ports} {way} {peer}", rule.protocol)
    }
}

fn rule(rule: &Rule) -> havip_api::Rule {
    havip_api::Rule {
        number: rule.number.get(),
        direction: match rule.direction {
            Direction::Ingress => havip_api::Direction::Ingress,
            Direction::Egress => havip_api::Direction::Egress,
        },
        action: match rule.action {
            RuleAction::Allow => havip_api::RuleAction::Allow,
            RuleAction::Drop => havip_api::RuleAction::Drop,
        },
        priority: rule.priority,
        protocol: rule.protocol.to_string(),
        ports: rule.ports.map(|ports| ports.to_string()),
        peer: match rule.peer {
            Peer::Any => "any".into(),
            Peer::Vpc => "vpc".into(),
            Peer::Prefix(net) => net.to_string(),
            Peer::Group(id) => id.to_string(),
        },
        description: rule.description.clone(),
    }
}
