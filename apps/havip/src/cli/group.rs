//! `havip security-group`: what may reach instances, and what they may send.

use super::change::Change;
use super::label::{Label, Labelled};
use super::session::Session;
use super::show::{Column, Names, Row};
use super::{Verb, time};
use anyhow::Result;
use clap::{Args, Subcommand};
use havip_api::{
    CreateSecurityGroup, Direction, NewRule, Rule, RuleAction, Rules, SecurityGroup, SecurityGroupFilter,
    Update, Vpc,
};

/// What can be done with security groups.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip security-group create --vpc shop --name web
  havip security-group allow web --from any --protocol tcp --ports 80
  havip security-group allow web --from vpc
  havip security-group allow web --to any
  havip interface update 10.20.1.3 --security-group web")]
pub enum SecurityGroupVerb {
    /// Make a security group; without rules, nothing passes
    Create {
        /// The VPC's id or name; without one, interfaces of every VPC may have it
        #[arg(long)]
        vpc: Option<String>,
        /// Need not be unique
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// For people
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        #[command(flatten)]
        label: Label,
        #[command(flatten)]
        change: Change,
    },
    /// List security groups
    List {
        /// Of this VPC
        #[arg(long)]
        vpc: Option<String>,
        /// With exactly this name
        #[arg(long)]
        name: Option<String>,
        /// Whose id, name or description hold these letters in order
        #[arg(short)]
        q: Option<String>,
        #[command(flatten)]
        labelled: Labelled,
    },
    /// Show one security group and its rules
    Get {
        /// Its id or name
        group: String,
    },
    /// Change the name or description
    Update {
        /// Its id or name
        group: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        /// The new description
        #[arg(long)]
        description: Option<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Delete a security group that guards nothing
    Delete {
        /// Its id or name
        group: String,
        #[command(flatten)]
        change: Change,
    },
    /// Add a rule that lets something pass
    Allow {
        #[command(flatten)]
        rule: RuleArgs,
        #[command(flatten)]
        change: Change,
    },
    /// Add a rule that drops something
    Drop {
        #[command(flatten)]
        rule: RuleArgs,
        #[command(flatten)]
        change: Change,
    },
    /// Remove a rule
    RemoveRule {
        /// The group's id or name
        group: String,
        /// The rule's number, which `get` shows
        rule: u32,
        #[command(flatten)]
        change: Change,
    },
}

/// What a rule is about.
#[derive(Debug, Args)]
pub struct RuleArgs {
    /// The group's id or name
    group: String,
    /// What comes from here: any, vpc, a range of addresses, or another group
    #[arg(long, value_name = "PEER", required_unless_present = "to", conflicts_with = "to")]
    from: Option<String>,
    /// What goes to here: any, vpc, a range of addresses, or another group
    #[arg(long, value_name = "PEER")]
    to: Option<String>,
    /// all, tcp, udp, icmp, icmpv6, or a number
    #[arg(long, default_value = "all")]
    protocol: String,
    /// The destination's port, or ports such as 8000-8080; all if absent
    #[arg(long)]
    ports: Option<String>,
    /// 1 is looked at first, 100 last
    #[arg(long, default_value_t = 100)]
    priority: u8,
    /// For people
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
}

impl RuleArgs {
    /// The group's id and the rule.
    fn read(self, session: &Session, action: RuleAction) -> Result<(String, Rules)> {
        let Self { group, from, to, protocol, ports, priority, description } = self;
        let group = session.id_of::<SecurityGroup>(&group)?;
        let (direction, peer) = match (from, to) {
            (Some(from), _) => (Direction::Ingress, from),
            (None, to) => (Direction::Egress, to.unwrap_or_default()),
        };
        let is_said = peer == "any" || peer == "vpc" || peer.contains('/');
        let peer = if is_said { peer } else { session.id_of::<SecurityGroup>(&peer)? };
        let rule = NewRule { direction, action, priority, protocol, ports, peer, description };
        Ok((group, Rules { rules: vec![rule] }))
    }
}

impl Verb for SecurityGroupVerb {
    fn run(self, session: &Session) -> Result<()> {
        let id_of = |called: &str| session.id_of::<SecurityGroup>(called);
        let add = |rule: RuleArgs, action, change: Change| {
            let (group, rules) = rule.read(session, action)?;
            change.show(session, &change.client(session).add_rules(&group, &rules)?)
        };
        match self {
            Self::Create { vpc, name, description, label, change } => {
                let vpc = session.id_of_any::<Vpc>(vpc.as_deref())?;
                let body = CreateSecurityGroup {
                    vpc,
                    name,
                    description,
                    tags: label.tags(),
                    resource_group: label.group(session)?,
                    rules: vec![],
                };
                change.show(session, &change.client(session).create_security_group(&body)?)
            }
            Self::List { vpc, name, q, labelled } => {
                let vpc = session.id_of_any::<Vpc>(vpc.as_deref())?;
                let filter = SecurityGroupFilter {
                    vpc,
                    name,
                    resource_group: labelled.group(session)?,
                    tag: labelled.tag,
                    q,
                    ..Default::default()
                };
                session.show_all(&session.client.all_security_groups(&filter)?)
            }
            Self::Get { group } => session.show_details(&session.get::<SecurityGroup>(&group)?),
            Self::Update { group, name, description, change } => {
                let body = Update { name, description };
                change.show(session, &change.client(session).update_security_group(&id_of(&group)?, &body)?)
            }
            Self::Delete { group, change } => {
                let id = id_of(&group)?;
                change.client(session).delete_security_group(&id)?;
                session.say(&format!("{id} deleted"))
            }
            Self::Allow { rule, change } => add(rule, RuleAction::Allow, change),
            Self::Drop { rule, change } => add(rule, RuleAction::Drop, change),
            Self::RemoveRule { group, rule, change } => {
                let id = id_of(&group)?;
                change.client(session).remove_rule(&id, rule)?;
                session.say(&format!("rule {rule} removed from {id}"))
            }
        }
    }
}

impl Row for SecurityGroup {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("VPC"),
        Column::Always("INTERFACES"),
        Column::Wide("RULES"),
        Column::Always("STATUS"),
        Column::Wide("REASON"),
        Column::Always("AGE"),
        Column::Wide("DESCRIPTION"),
    ];

    fn cells(&self, names: &dyn Names) -> Vec<String> {
        let rules: Vec<_> = self.rules.iter().map(|rule| sentence(rule, names)).collect();
        vec![
            self.meta.id.clone(),
            self.meta.name.clone(),
            self.vpc.as_ref().map_or_else(|| "-".into(), |vpc| names.name(vpc)),
            self.interfaces.to_string(),
            rules.join("\n"),
            self.meta.status.to_string(),
            self.meta.reason.clone(),
            time::age(&self.meta.created_at),
            self.meta.description.clone(),
        ]
    }
}

/// `12: allow tcp 80 from any, priority 100`.
fn sentence(rule: &Rule, names: &dyn Names) -> String {
    let action = match rule.action {
        RuleAction::Allow => "allow",
        RuleAction::Drop => "drop",
    };
    let way = match rule.direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    };
    let ports = rule.ports.as_ref().map(|ports| format!(" {ports}")).unwrap_or_default();
    let (number, protocol, peer) = (rule.number, &rule.protocol, names.name(&rule.peer));
    format!("{number}: {action} {protocol}{ports} {way} {peer}, priority {}", rule.priority)
}
