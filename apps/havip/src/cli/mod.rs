//! `havip <noun> <verb>`: what an operator asks of a server, one file per noun.

pub mod audit;
pub mod change;
pub mod completions;
pub mod connect;
pub mod deployment_set;
pub mod drill;
pub mod eip;
pub mod event;
pub mod failure;
pub mod flow;
pub mod group;
pub mod heard;
pub mod host;
pub mod instance;
pub mod interface;
pub mod kernel;
pub mod key;
pub mod kind;
pub mod label;
pub mod migration;
pub mod net;
pub mod policy;
pub mod pool;
pub mod port;
pub mod project;
pub mod quota;
pub mod resource_group;
pub mod route;
pub mod session;
pub mod show;
pub mod subnet;
pub mod tag;
pub mod time;
pub mod trace;
pub mod user;
pub mod vip;
pub mod vpc;
pub mod why;

use anyhow::Result;
use session::Session;

/// A noun of the command line: the verb, where to ask, how to answer.
#[derive(Debug, clap::Args)]
pub struct Noun<V: clap::Subcommand> {
    #[command(subcommand)]
    verb: V,
    #[command(flatten)]
    connection: connect::Connection,
    /// How to show the answer: table, wide, json or yaml [default: table]
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true,
        help_heading = "Output"
    )]
    output: Option<show::Format>,
}

/// What a verb does.
pub trait Verb: Sized {
    /// Does what needs no server; gives the verb back if it needs one.
    fn run_here(self, _: show::Format) -> Result<Option<Self>> {
        Ok(Some(self))
    }
    /// Asks the server and shows the answer.
    fn run(self, session: &Session) -> Result<()>;
}

impl<V: clap::Subcommand + Verb> Noun<V> {
    /// Connects as told, before or behind the noun, and runs the verb.
    pub fn run(self, before: connect::BeforeNoun, output: Option<show::Format>) -> Result<()> {
        let format = self.output.or(output).unwrap_or(show::Format::Table);
        let Some(verb) = self.verb.run_here(format)? else { return Ok(()) };
        let connection = self.connection.or(before);
        let project = connection.project.clone().or_else(|| std::env::var("HAVIP_PROJECT").ok());
        let client = connection.settle(&|name| std::env::var(name).ok())?.open()?;
        let client = match project.filter(|project| !project.is_empty()) {
            Some(project) => client.in_project(&project),
            None => client,
        };
        verb.run(&Session::new(client, format))
    }
}
