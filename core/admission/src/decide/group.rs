//! Security groups.

use super::{Decision, check, nothing_to_do};
use crate::{Code, Refusal, request::*};
use havip_model::{
    Counter, Direction, Edition, Family, GroupNumber, Peer, Profile, Protocol, ResourceGroupId, ResourceKey,
    Rule, RuleNumber, SecurityGroup, SecurityGroupId, Vpc, VpcId,
};
use ipnet::IpNet;
use std::collections::BTreeSet;

impl Decision<'_> {
    pub fn create_security_group(&mut self, request: &CreateSecurityGroup) -> Result<ResourceKey, Refusal> {
        let most = self.facts.quotas.limits(Profile::Native).groups_per_vpc;
        let (count, whose) = match request.vpc {
            Some(id) => {
                let vpc = self.find::<Vpc>(id, "/vpc")?.id;
                (self.world.groups_of(vpc).count(), format!("VPC {vpc} has"))
            }
            None => (self.world.common_groups().count(), "there are".into()),
        };
        if count >= most {
            let of_all = if request.vpc.is_none() { " of every VPC" } else { "" };
            let message = format!(
                "{whose} {most} security groups{of_all}, the most there may be; delete one, or have the quota \
                 groups_per_vpc raised"
            );
            return Err(Code::TooManyGroupsInVpc.at("/vpc", message));
        }
        let mut group = self.new_group(request.vpc, &request.texts, &request.rules, false)?;
        if request.members_reach_each_other {
            let inner = NewRule::allow(Direction::Ingress, Peer::Group(group.id));
            self.check_rule_count(group.rules.len() + 1)?;
            let number = self.rule_number()?;
            group.rules.push(inner.numbered(number));
        }
        Ok(self.put(group))
    }

    /// The group that a VPC has from the beginning: the VPC may come in, and everything may go out.
    pub fn default_group(
        &mut self,
        vpc: VpcId,
        resource_group: Option<ResourceGroupId>,
    ) -> Result<SecurityGroup, Refusal> {
        let name = Texts { name: "default".into(), resource_group, ..Texts::default() };
        let rules =
            [NewRule::allow(Direction::Ingress, Peer::Vpc), NewRule::allow(Direction::Egress, Peer::Any)];
        self.new_group(Some(vpc), &name, &rules, true)
    }

    fn new_group(
        &mut self,
        vpc: Option<VpcId>,
        texts: &Texts,
        rules: &[NewRule],
        is_default: bool,
    ) -> Result<SecurityGroup, Refusal> {
        let meta = self.meta(texts)?;
        let number = self.number(Counter::Group, GroupNumber::MAX.get().into())?;
        let number = u32::try_from(number).ok().and_then(|n| GroupNumber::new(n).ok());
        let edition = self.edition()?;
        let id = SecurityGroupId::new(self.draw.body());
        let rules = self.rules(vpc, vec![], rules)?;
        let number = number.expect("the counter stays within group numbers");
        Ok(SecurityGroup { id, meta, vpc, number, edition, is_default, rules })
    }

    pub fn update_security_group(&mut self, request: &UpdateSecurityGroup) -> Result<ResourceKey, Refusal> {
        if request.texts == NewTexts::default() {
            return Err(nothing_to_do("a name or a description"));
        }
        self.edit_texts::<SecurityGroup>(request.group, &request.texts, "/group")
    }

    pub fn delete_security_group(&mut self, request: &DeleteSecurityGroup) -> Result<ResourceKey, Refusal> {
        let group = self.find::<SecurityGroup>(request.group, "/group")?;
        if group.is_default {
            let message = format!("{} is the default group of {}, and goes with it", group.id, of(group.vpc));
            return Err(Code::DefaultGroup.at("/group", message));
        }
        let interfaces = self.world.interfaces_of_group(group.id);
        let interfaces: Vec<_> = interfaces.map(|interface| ResourceKey::Interface(interface.id)).collect();
        if !interfaces.is_empty() {
            let message = format!(
                "security group {} guards {} interface(s); give them other groups first",
                group.id,
                interfaces.len()
            );
            return Err(Code::GroupInUse.at("/group", message).blocked_by(interfaces));
        }
        let others = self.world.groups_naming(group.id).filter(|other| *other != group.id);
        let others: Vec<_> = others.map(ResourceKey::SecurityGroup).collect();
        if !others.is_empty() {
            let message = format!(
                "rules of {} other group(s) are about security group {}; remove those rules first",
                others.len(),
                group.id
            );
            return Err(Code::GroupInUse.at("/group", message).blocked_by(others));
        }
        Ok(self.delete(ResourceKey::SecurityGroup(group.id)))
    }

    pub fn add_rules(&mut self, request: &AddRules) -> Result<ResourceKey, Refusal> {
        let group = self.find::<SecurityGroup>(request.group, "/group")?;
        if request.rules.is_empty() {
            return Err(nothing_to_do("rules"));
        }
        let rules = self.rules(group.vpc, group.rules.clone(), &request.rules)?;
        self.set_rules(group.id, rules)
    }

    pub fn remove_rules(&mut self, request: &RemoveRules) -> Result<ResourceKey, Refusal> {
        let group = self.find::<SecurityGroup>(request.group, "/group")?;
        if request.rules.is_empty() {
            return Err(nothing_to_do("rules"));
        }
        let there: BTreeSet<_> = group.rules.iter().map(|rule| rule.number).collect();
        if let Some(missing) = request.rules.iter().find(|number| !there.contains(number)) {
            let message = format!(
                "security group {} has no rule {}; show the group to see its rules",
                group.id,
                missing.get()
            );
            return Err(Code::RuleNotFound.at("/rules", message));
        }
        let mut rules = group.rules.clone();
        rules.retain(|rule| !request.rules.contains(&rule.number));
        self.set_rules(group.id, rules)
    }

    pub fn replace_rules(&mut self, request: &ReplaceRules) -> Result<ResourceKey, Refusal> {
        let group = self.find::<SecurityGroup>(request.group, "/group")?;
        let kept = |new: &&NewRule| group.rules.iter().find(|rule| is_same(rule, new));
        let old: Vec<_> = request.rules.iter().filter_map(|new| kept(&new).cloned()).collect();
        if old.len() == request.rules.len() && old == group.rules {
            return Err(nothing_to_do("other rules than it has"));
        }
        // Those that stay keep their numbers, and so their counters.
        let mut numbered = self.rules(group.vpc, vec![], &request.rules)?;
        for rule in &mut numbered {
            let same = old.iter().find(|old| Rule { number: old.number, ..rule.clone() } == **old);
            rule.number = same.map_or(rule.number, |old| old.number);
        }
        self.set_rules(group.id, numbered)
    }

    fn set_rules(&mut self, id: SecurityGroupId, rules: Vec<Rule>) -> Result<ResourceKey, Refusal> {
        let edition = self.edition()?;
        Ok(self.edit::<SecurityGroup>(id, |group| {
            group.rules = rules;
            group.edition = edition;
        }))
    }

    fn edition(&mut self) -> Result<Edition, Refusal> {
        let number = self.number(Counter::Edition, Edition::MAX.get().into())?;
        let edition = u32::try_from(number).ok().and_then(|n| Edition::new(n).ok());
        Ok(edition.expect("the counter stays within editions"))
    }

    fn rule_number(&mut self) -> Result<RuleNumber, Refusal> {
        let number = self.number(Counter::Rule, RuleNumber::MAX.get().into())?;
        let number = u32::try_from(number).ok().and_then(|n| RuleNumber::new(n).ok());
        Ok(number.expect("the counter stays within rule numbers"))
    }

    /// The rules that are there, and the new ones with their numbers.
    fn rules(
        &mut self,
        vpc: Option<VpcId>,
        mut rules: Vec<Rule>,
        new: &[NewRule],
    ) -> Result<Vec<Rule>, Refusal> {
        self.check_rule_count(rules.len() + new.len())?;
        for (at, new) in new.iter().enumerate() {
            let field = format!("/rules/{at}");
            self.check_rule(vpc, new, &field)?;
            if let Some(same) = rules.iter().find(|rule| is_same(rule, new)) {
                let message = format!("rule {} says the same; give it once", same.number.get());
                return Err(Code::RuleExists.at(field, message));
            }
            let number = self.rule_number()?;
            rules.push(new.clone().numbered(number));
        }
        Ok(rules)
    }

    /// Checks that a group may have so many rules.
    fn check_rule_count(&self, rules: usize) -> Result<(), Refusal> {
        let quota = self.facts.quotas.limits(Profile::Native).rules_per_group;
        let most = quota.min(SecurityGroup::MOST_RULES);
        if rules <= most {
            return Ok(());
        }
        let message = format!(
            "the group would have {rules} rules, the most it may have are {most}; use another group besides, of which \
             an interface may have {}",
            SecurityGroup::PER_INTERFACE
        );
        Err(Code::TooManyRules.at("/rules", message))
    }

    fn check_rule(&self, vpc: Option<VpcId>, rule: &NewRule, field: &str) -> Result<(), Refusal> {
        let last = SecurityGroup::LAST_PRIORITY;
        check::within(
            rule.priority.into(),
            1,
            last.into(),
            &format!("{field}/priority"),
            "the priority of a rule",
        )?;
        check::text(&rule.description, &format!("{field}/description"), 256)?;
        if rule.ports.is_some() && !rule.protocol.has_ports() {
            let message =
                format!("protocol {} has no ports; leave them out, or say tcp or udp", rule.protocol);
            return Err(Code::InvalidRule.at(format!("{field}/ports"), message));
        }
        let at = format!("{field}/peer");
        match rule.peer {
            Peer::Any | Peer::Vpc => Ok(()),
            Peer::Prefix(net) => check_prefix(net, rule.protocol, &at),
            Peer::Group(id) => {
                let named = self.find::<SecurityGroup>(id, &at)?;
                if named.vpc.is_some() && named.vpc != vpc {
                    let message = format!(
                        "security group {id} is of {}, not of {}; name one that is",
                        of(named.vpc),
                        of(vpc)
                    );
                    return Err(Code::OtherVpc.at(at, message));
                }
                Ok(())
            }
        }
    }

    /// The security groups that an interface is to have: the default one where none is named.
    pub fn pick_groups(
        &self,
        vpc: VpcId,
        wanted: &[SecurityGroupId],
        field: &str,
    ) -> Result<Vec<SecurityGroupId>, Refusal> {
        if wanted.is_empty() {
            return Ok(self.world.default_group(vpc).into_iter().collect());
        }
        let quota = self.facts.quotas.limits(Profile::Native).groups_per_interface;
        let most = quota.min(SecurityGroup::PER_INTERFACE);
        if wanted.len() > most {
            let message = format!("an interface has at most {most} security groups, not {}", wanted.len());
            return Err(Code::TooManyGroups.at(field, message));
        }
        for (at, id) in wanted.iter().enumerate() {
            let field = format!("{field}/{at}");
            let group = self.find::<SecurityGroup>(*id, &field)?;
            if group.vpc.is_some_and(|of| of != vpc) {
                let message =
                    format!("security group {id} is of {}, not of VPC {vpc}; use one that is", of(group.vpc));
                return Err(Code::OtherVpc.at(field, message));
            }
            if wanted[..at].contains(id) {
                return Err(Code::GroupRepeated
                    .at(field, format!("security group {id} is named twice; name it once")));
            }
        }
        Ok(wanted.to_vec())
    }
}

fn of(vpc: Option<VpcId>) -> String {
    vpc.map_or_else(|| "every VPC".into(), |vpc| format!("VPC {vpc}"))
}

/// Whether the rule that is there says what the new one says.
fn is_same(rule: &Rule, new: &NewRule) -> bool {
    (rule.direction, rule.action, rule.priority, rule.protocol, rule.ports, rule.peer)
        == (new.direction, new.action, new.priority, new.protocol, new.ports, new.peer)
}

/// Checks that some packet can match both.
fn check_prefix(net: IpNet, protocol: Protocol, field: &str) -> Result<(), Refusal> {
    if net != net.trunc() {
        let message = format!("{net} has bits behind its prefix; say {}", net.trunc());
        return Err(Code::CidrHasHostBits.at(field, message));
    }
    let is_mapped =
        matches!(net, IpNet::V6(net) if net.prefix_len() >= 96 && net.addr().to_ipv4_mapped().is_some());
    if is_mapped {
        return Err(Code::InvalidRule.at(field, format!("{net} is IPv4 in another spelling; say it as IPv4")));
    }
    let family = Family::of(net.addr());
    let fits = match protocol {
        Protocol::ICMP => family == Family::Ipv4,
        Protocol::ICMPV6 => family == Family::Ipv6,
        _ => true,
    };
    let message =
        || format!("{protocol} has no addresses of {family}; say icmp for IPv4 and icmpv6 for IPv6");
    fits.then_some(()).ok_or_else(|| Code::InvalidRule.at(field, message()))
}
