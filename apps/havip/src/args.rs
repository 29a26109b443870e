//! The command line: programs that run, and verbs that ask.

use crate::cli::{self, Noun, connect, show};
use crate::logging::LogFormat;
use crate::up;
use clap::{Parser, Subcommand};

/// Highly available VIPs for any fleet of Linux hosts.
#[derive(Debug, Parser)]
#[command(name = "havip", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Havip {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub connection: connect::BeforeNoun,
    /// How to show answers: table, wide, json or yaml (may also stand behind the noun)
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub output: Option<show::Format>,
    /// How programs log: text or json; the environment's HAVIP_LOG says what (`debug`, `havip_agent=trace,info`, …)
    #[arg(
        long,
        env = "HAVIP_LOG_FORMAT",
        value_enum,
        default_value = "text",
        value_name = "FORMAT",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub log_format: LogFormat,
}

/// What to do; nouns first, as they are used most.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// VPCs: private networks
    Vpc(Noun<cli::vpc::VpcVerb>),
    /// Subnets: ranges of a VPC's addresses
    Subnet(Noun<cli::subnet::SubnetVerb>),
    /// Instances: guests
    Instance(Noun<cli::instance::InstanceVerb>),
    /// Interfaces (ENIs) of instances
    #[command(visible_alias = "eni")]
    Interface(Noun<cli::interface::InterfaceVerb>),
    /// VIPs: floating addresses, who may claim them, who holds them
    Vip(Noun<cli::vip::VipVerb>),
    /// EIPs: public addresses
    Eip(Noun<cli::eip::EipVerb>),
    /// Pools that EIPs come from
    Pool(Noun<cli::pool::PoolVerb>),
    /// Instances of which no two are on one host
    DeploymentSet(Noun<cli::deployment_set::DeploymentSetVerb>),
    /// Parts of a project, each of whose resources is in one
    ResourceGroup(Noun<cli::resource_group::ResourceGroupVerb>),
    /// What may reach instances, and what they may send
    SecurityGroup(Noun<cli::group::SecurityGroupVerb>),
    /// Routes of a VPC
    Route(Noun<cli::route::RouteVerb>),
    /// The network: where a packet would go, and why
    Net(Noun<cli::net::NetVerb>),
    /// Hosts: machines with an agent
    Host(Noun<cli::host::HostVerb>),
    /// Events: what happened, and what is happening
    Event(Noun<cli::event::EventVerb>),
    /// Ports: existing devices of a host, plugged into its switch
    Port(Noun<cli::port::PortVerb>),
    /// Projects: who owns resources
    Project(Noun<cli::project::ProjectVerb>),
    /// Users of a project
    User(Noun<cli::user::UserVerb>),
    /// Access keys of users
    Key(Noun<cli::key::KeyVerb>),
    /// Policies: what users may do
    Policy(Noun<cli::policy::PolicyVerb>),
    /// Tags: what a project sorts its resources by
    Tag(Noun<cli::tag::TagVerb>),
    /// Quotas: how much a project may have, and how to get more
    Quota(Noun<cli::quota::QuotaVerb>),
    /// The audit: who did what, and what was refused
    Audit(Noun<cli::audit::AuditVerb>),

    /// Run a server and an agent on this machine
    Up(up::Args),
    /// Run a server: API, rules, store
    Server(Box<havip_server::Args>),
    /// Run the agent of this host
    Agent(Box<havip_agent::Args>),
    /// Make whole topologies in network namespaces of this machine
    #[command(subcommand)]
    Lab(havip_lab::LabCommand),
    /// Watch a VIP move between real keepalived instances on this machine
    Demo(havip_lab::demo::DemoArgs),
    /// Write completions for a shell
    Completions(cli::completions::Args),
    /// Write the description of the API
    #[command(hide = true)]
    Openapi,
}

const AFTER_HELP: &str = "\
A first VIP:
  havip up                                               # in a terminal of its own, as root
  havip vpc create --name shop --cidr 10.20.0.0/16
  havip subnet create --vpc shop --name web --cidr 10.20.1.0/24
  havip instance run --subnet web --name web-1
  havip vip create --subnet web --name shop-vip --address 10.20.1.100 --associate web-1
  havip instance exec web-1 -- ip address add 10.20.1.100/32 dev eth0
  havip instance exec web-1 -- arping -U -c 1 -I eth0 10.20.1.100
  havip vip list
`havip demo` shows a failover with real keepalived; `havip vip --help` tells more.

Wherever an id is asked for, a name will do if only one resource has it.

Exit codes:
  0  done
  1  failed for another reason
  2  the command line is wrong
  3  the server refused; the line says why and what to do
  4  what was named does not exist
  5  the server was not reached
  6  accepted, but not on every host in time, or failed on one
`havip instance exec` ends with the exit code of the program it ran.";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Havip::command().debug_assert();
    }

    #[test]
    fn where_to_ask_and_how_to_show_may_stand_before_or_behind_the_noun() {
        for line in [
            "havip --lab one -o json vip list",
            "havip vip --lab one -o json list",
            "havip vip list --lab one -o json",
        ] {
            assert!(Havip::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
    }

    #[test]
    fn the_lines_of_the_help_can_be_typed() {
        let lines = AFTER_HELP.lines().filter_map(|line| line.strip_prefix("  havip "));
        for line in lines {
            let words = line.split('#').next().unwrap_or_default().split_whitespace();
            let parsed = Havip::try_parse_from(std::iter::once("havip").chain(words));
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        }
    }

    #[test]
    fn the_examples_of_every_noun_can_be_typed() {
        let help = Havip::command();
        let mut examples = 0;
        for noun in help.get_subcommands() {
            let text = noun.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in text.lines().filter_map(|line| line.strip_prefix("  havip ")) {
                let typed = line.split(['|', '>']).next().unwrap_or_default();
                // What stands between quotes is one word.
                let parts = typed.split('"').enumerate();
                let words = parts.flat_map(|(position, part)| match position % 2 {
                    0 => part.split_whitespace().collect(),
                    _ => vec![part],
                });
                let parsed = Havip::try_parse_from(std::iter::once("havip").chain(words));
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                examples += 1;
            }
        }
        assert!(examples >= 15, "{examples}");
    }

    #[test]
    fn every_verb_and_argument_explains_itself() {
        fn look(command: &clap::Command, path: &str, silent: &mut Vec<String>) {
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str();
                let is_plain = ["help", "version"].contains(&id);
                if argument.get_help().is_none() && !is_plain && !argument.is_hide_set() {
                    silent.push(format!("{path} {id}"));
                }
            }
            for sub in command.get_subcommands() {
                if sub.get_about().is_none() {
                    silent.push(format!("{path} {}", sub.get_name()));
                }
                look(sub, &format!("{path} {}", sub.get_name()), silent);
            }
        }
        let mut silent = Vec::new();
        look(&Havip::command(), "havip", &mut silent);
        assert!(silent.is_empty(), "without a help text: {silent:?}");
    }
}
