//! Flags of verbs that change something: how long to wait until every host has it.

use super::session::Session;
use super::show::Row;
use anyhow::{Result, bail};
use havip_api::{Client, Resource, Status, Wait};
use serde::Serialize;
use std::fmt;

/// How long to wait until every host has the change.
#[derive(Debug, Clone, clap::Args)]
pub struct Change {
    /// Wait so long until every host has the change: 10s, 500ms, at most 60s
    #[arg(long, default_value = "10s", value_name = "TIME", conflicts_with = "no_wait")]
    wait: Wait,
    /// Do not wait until every host has the change
    #[arg(long)]
    no_wait: bool,
}

impl Change {
    /// A client whose changes wait as told.
    pub fn client(&self, session: &Session) -> Client {
        match self.no_wait {
            true => session.client.clone(),
            false => session.client.waiting(self.wait.0),
        }
    }

    /// Shows what a change made of a resource; an error if it was waited for and is not available.
    pub fn show<T: Resource + Row + Serialize>(&self, session: &Session, changed: &T) -> Result<()> {
        session.show(changed)?;
        let meta = changed.meta();
        match (self.no_wait, meta.status) {
            (true, _) | (false, Status::Available | Status::Deleting) => Ok(()),
            (false, Status::Creating) => bail!(Unsettled(format!(
                "{} is accepted, but not on every host after {}{}",
                meta.id,
                self.wait,
                because(&meta.reason)
            ))),
            (false, Status::Failed) => {
                bail!(Unsettled(format!("{} failed{}", meta.id, because(&meta.reason))))
            }
        }
    }
}

/// A change was accepted, but is not what it should be yet.
#[derive(Debug)]
pub struct Unsettled(pub String);

impl fmt::Display for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for Unsettled {}

fn because(reason: &str) -> String {
    match reason.is_empty() {
        true => String::new(),
        false => format!(": {reason}"),
    }
}
