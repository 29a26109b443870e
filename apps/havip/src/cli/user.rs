//! `havip user`: who of a project may ask.

use super::session::{NotFound, Session};
use super::show::{Column, Names, Row};
use super::{Verb, time};
use anyhow::{Result, bail};
use clap::Subcommand;
use havip_api::{CreateUser, UpdateUser, User};

/// What can be done with users.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip user create --project shop --name ci
  havip key create --user ci --project shop --name laptop --out ci.json
  havip user update ci --project shop --administrator true")]
pub enum UserVerb {
    /// Make a user of the project that is asked for (--project)
    Create {
        /// 1 to 64 of letters, digits, "-", "_" and "."; no other user of the project has it
        #[arg(long)]
        name: String,
        /// For people
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// It may do everything, in every project
        #[arg(long)]
        administrator: bool,
        /// The policy that says what it may do, by name; may be repeated [default: FullAccess]
        #[arg(long = "policy", value_name = "POLICY")]
        policies: Vec<String>,
    },
    /// List the users of the project that is asked for
    List,
    /// Show one user
    Get {
        /// Its id or name
        called: String,
    },
    /// Change a user
    Update {
        /// Its id or name
        called: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        /// The new description
        #[arg(long)]
        description: Option<String>,
        /// Whether it may do everything, in every project: true or false
        #[arg(long)]
        administrator: Option<bool>,
    },
    /// Delete a user with its access keys
    Delete {
        /// Its id or name
        called: String,
    },
}

impl Verb for UserVerb {
    fn run(self, session: &Session) -> Result<()> {
        let client = &session.client;
        match self {
            Self::Create { name, description, administrator, policies } => {
                let policies = Some(policies).filter(|policies| !policies.is_empty());
                session.show(&client.create_user(&CreateUser {
                    name,
                    description,
                    administrator,
                    policies,
                })?)
            }
            Self::List => session.show_all(&client.users()?.items),
            Self::Get { called } => session.show_details(&find(session, &called)?),
            Self::Update { called, name, description, administrator } => {
                let id = find(session, &called)?.id;
                session.show(&client.update_user(&id, &UpdateUser { name, description, administrator })?)
            }
            Self::Delete { called } => {
                let id = find(session, &called)?.id;
                client.delete_user(&id)?;
                session.say(&format!("{id} deleted"))
            }
        }
    }
}

/// The user of this id or name.
pub fn find(session: &Session, called: &str) -> Result<User> {
    let mut all = session.client.users()?.items.into_iter();
    match all.find(|user| user.id == called || user.name == called) {
        Some(user) => Ok(user),
        None => bail!(NotFound(format!(
            "there is no user called {called:?} in this project; `havip user list` shows all"
        ))),
    }
}

impl Row for User {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("ADMINISTRATOR"),
        Column::Always("POLICIES"),
        Column::Always("KEYS"),
        Column::Wide("PROJECT"),
        Column::Always("AGE"),
        Column::Wide("DESCRIPTION"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![
            self.id.clone(),
            self.name.clone(),
            if self.administrator { "yes" } else { "no" }.into(),
            self.policies.join(" "),
            self.access_keys.to_string(),
            self.project.clone(),
            time::age(&self.created_at),
            self.description.clone(),
        ]
    }
}
