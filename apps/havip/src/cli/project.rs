//! `havip project`: who owns resources.

use super::session::{NotFound, Session};
use super::show::{Column, Names, Row};
use super::{Verb, time};
use anyhow::{Result, bail};
use clap::Subcommand;
use havip_api::{CreateProject, Project, Update};

/// What can be done with projects.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip project create --name shop
  havip user create --project shop --name ci
  havip vip list --project shop")]
pub enum ProjectVerb {
    /// Make a project
    Create {
        /// 1 to 64 of letters, digits, "-", "_" and "."; no other project has it
        #[arg(long)]
        name: String,
        /// For people
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
    },
    /// List projects
    List,
    /// Show one project
    Get {
        /// Its id or name
        called: String,
    },
    /// Change the name or description
    Update {
        /// Its id or name
        called: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        /// The new description
        #[arg(long)]
        description: Option<String>,
    },
    /// Delete a project without users and resources
    Delete {
        /// Its id or name
        called: String,
    },
}

impl Verb for ProjectVerb {
    fn run(self, session: &Session) -> Result<()> {
        let client = &session.client;
        match self {
            Self::Create { name, description } => {
                session.show(&client.create_project(&CreateProject { name, description })?)
            }
            Self::List => session.show_all(&client.projects()?.items),
            Self::Get { called } => session.show_details(&find(session, &called)?),
            Self::Update { called, name, description } => {
                let id = find(session, &called)?.id;
                session.show(&client.update_project(&id, &Update { name, description })?)
            }
            Self::Delete { called } => {
                let id = find(session, &called)?.id;
                client.delete_project(&id)?;
                session.say(&format!("{id} deleted"))
            }
        }
    }
}

fn find(session: &Session, called: &str) -> Result<Project> {
    let mut all = session.client.projects()?.items.into_iter();
    match all.find(|project| project.id == called || project.name == called) {
        Some(project) => Ok(project),
        None => {
            bail!(NotFound(format!("there is no project called {called:?}; `havip project list` shows all")))
        }
    }
}

impl Row for Project {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("USERS"),
        Column::Always("AGE"),
        Column::Wide("DESCRIPTION"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![
            self.id.clone(),
            self.name.clone(),
            self.users.to_string(),
            time::age(&self.created_at),
            self.description.clone(),
        ]
    }
}
