//! Security groups as stories use them.

use crate::Scene;
use anyhow::{Context, Result};
use havip_api::{
    CreateSecurityGroup, Direction, NewRule, Rule, Rules, SecurityGroup, SecurityGroupFilter, UpdateInterface,
};

impl Scene {
    /// The security group that guards guests whose groups nobody named.
    pub fn default_group(&self) -> Result<SecurityGroup> {
        let filter = SecurityGroupFilter { vpc: Some(self.vpc.clone()), ..SecurityGroupFilter::default() };
        let groups = self.lab.api(|client| client.all_security_groups(&filter))?;
        groups.into_iter().find(|group| group.is_default).context("the VPC has no default security group")
    }

    /// Adds a rule to the default security group, unless it has such a rule; returns the group with it.
    pub fn add_rule(&self, rule: &NewRule) -> Result<SecurityGroup> {
        let group = self.default_group()?;
        let is_same = |one: &Rule| {
            (one.direction, &one.protocol, &one.ports, &one.peer)
                == (rule.direction, &rule.protocol, &rule.ports, &rule.peer)
        };
        if group.rules.iter().any(is_same) {
            return Ok(group);
        }
        let body = Rules { rules: vec![rule.clone()] };
        self.settled(|client| client.add_rules(&group.meta.id, &body))
    }

    /// Lets everybody reach these ports of a protocol, from outside too.
    pub fn open_to_all(&self, protocol: &str, ports: &str) -> Result<SecurityGroup> {
        self.add_rule(&NewRule::allow(Direction::Ingress, "any").of(protocol, ports))
    }

    /// Makes a security group with these rules; returns its id.
    pub fn make_group(&self, name: &str, rules: &[NewRule]) -> Result<String> {
        let (vpc, rules) = (Some(self.vpc.clone()), rules.to_vec());
        let body = CreateSecurityGroup { vpc, name: name.into(), rules, ..CreateSecurityGroup::default() };
        Ok(self.settled(|client| client.create_security_group(&body))?.meta.id)
    }

    /// Lets these groups, and no others, guard a guest.
    pub fn guard(&self, guest: &str, groups: &[&str]) -> Result<()> {
        let instance = self.lab.api(|client| client.instance(&self[guest].id))?;
        let first = instance.interfaces.first().context("the guest has no interface")?.id.clone();
        let security_groups = Some(groups.iter().map(|id| (*id).to_owned()).collect());
        let body = UpdateInterface { security_groups, ..UpdateInterface::default() };
        self.settled(|client| client.update_interface(&first, &body)).map(drop)
    }

    /// Removes the rules of a group that name these ports.
    pub fn close(&self, group: &str, ports: &str) -> Result<()> {
        let rules = self.lab.api(|client| client.security_group(group))?.rules;
        for rule in rules.iter().filter(|rule| rule.ports.as_deref() == Some(ports)) {
            self.settled(|client| client.remove_rule(group, rule.number))?;
        }
        Ok(())
    }
}
