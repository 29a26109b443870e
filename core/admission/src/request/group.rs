//! Requests about security groups.

use super::{NewTexts, Texts};
use havip_model::{Direction, Peer, Ports, Protocol, Rule, RuleAction, RuleNumber, SecurityGroupId, VpcId};

/// See [`Request::CreateSecurityGroup`](super::Request::CreateSecurityGroup).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSecurityGroup {
    /// Its VPC; none: interfaces of every VPC may have it.
    pub vpc: Option<VpcId>,
    /// Name and description.
    pub texts: Texts,
    /// Its first rules; without any, nothing passes.
    pub rules: Vec<NewRule>,
    /// Besides, a rule as the last that lets its interfaces reach each other.
    pub members_reach_each_other: bool,
}

/// A rule that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRule {
    /// Which way.
    pub direction: Direction,
    /// What becomes of it.
    pub action: RuleAction,
    /// 1 is looked at first, 100 last.
    pub priority: u8,
    /// The protocol.
    pub protocol: Protocol,
    /// The destination's ports, of TCP and UDP; none: all.
    pub ports: Option<Ports>,
    /// Who the other end is.
    pub peer: Peer,
    /// At most 256 characters.
    pub description: String,
}

impl NewRule {
    /// Lets everything from or to somebody pass, unless another rule says otherwise.
    pub fn allow(direction: Direction, peer: Peer) -> Self {
        Self {
            direction,
            action: RuleAction::Allow,
            priority: havip_model::SecurityGroup::LAST_PRIORITY,
            protocol: Protocol::All,
            ports: None,
            peer,
            description: String::new(),
        }
    }

    /// The rule of this number.
    pub fn numbered(self, number: RuleNumber) -> Rule {
        let Self { direction, action, priority, protocol, ports, peer, description } = self;
        Rule { number, direction, action, priority, protocol, ports, peer, description }
    }
}

impl From<&Rule> for NewRule {
    fn from(rule: &Rule) -> Self {
        let Rule { number: _, direction, action, priority, protocol, ports, peer, description } =
            rule.clone();
        Self { direction, action, priority, protocol, ports, peer, description }
    }
}

/// See [`Request::UpdateSecurityGroup`](super::Request::UpdateSecurityGroup).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateSecurityGroup {
    /// Which.
    pub group: SecurityGroupId,
    /// The new texts.
    pub texts: NewTexts,
}

/// See [`Request::DeleteSecurityGroup`](super::Request::DeleteSecurityGroup).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteSecurityGroup {
    /// Which.
    pub group: SecurityGroupId,
}

/// See [`Request::AddRules`](super::Request::AddRules).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddRules {
    /// To which group.
    pub group: SecurityGroupId,
    /// The rules; all of them or none.
    pub rules: Vec<NewRule>,
}

/// See [`Request::RemoveRules`](super::Request::RemoveRules).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveRules {
    /// From which group.
    pub group: SecurityGroupId,
    /// The rules; all of them or none.
    pub rules: Vec<RuleNumber>,
}

/// See [`Request::ReplaceRules`](super::Request::ReplaceRules).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplaceRules {
    /// Of which group.
    pub group: SecurityGroupId,
    /// All its rules from now on; those that are there already keep their numbers.
    pub rules: Vec<NewRule>,
}
