//! `havip policy`: what users may do.

use super::session::{NotFound, Session};
use super::show::{Column, Names, Row};
use super::{Verb, time, user};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use havip_api::{CreatePolicy, Policy, PolicyVerdict, ResourceGroup, TestPolicy, UpdatePolicy};
use std::path::{Path, PathBuf};

/// What can be done with policies.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip policy create --name operator --document operator.json
  havip policy attach operator --user ci
  havip policy test --user ci --action vpc:DeleteHaVip --resource vip-aaaaaaaaaaaaaaaaaaaa")]
pub enum PolicyVerb {
    /// Make a policy for users of the project that is asked for (--project)
    Create {
        /// 1 to 64 of letters, digits, "-", "_" and "."; no other policy of the project has it
        #[arg(long)]
        name: String,
        /// For people
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// The file with what it says: a RAM policy in JSON
        #[arg(long, value_name = "FILE")]
        document: PathBuf,
    },
    /// List the policies of the project that is asked for
    List,
    /// Show one policy
    Get {
        /// Its id or name
        called: String,
    },
    /// Change a policy; it holds for the next request of its users
    Update {
        /// Its id or name
        called: String,
        /// The new description
        #[arg(long)]
        description: Option<String>,
        /// The file with what it says from now on
        #[arg(long, value_name = "FILE")]
        document: Option<PathBuf>,
    },
    /// Delete a policy that no user has
    Delete {
        /// Its id or name
        called: String,
    },
    /// Give a user a policy
    Attach {
        /// The policy's name
        policy: String,
        /// The user, by id or name
        #[arg(long)]
        user: String,
    },
    /// Take a policy from a user
    Detach {
        /// The policy's name
        policy: String,
        /// The user, by id or name
        #[arg(long)]
        user: String,
    },
    /// Say what policies decide of an action, and by which statement; nothing happens
    Test {
        /// What is to be done, such as vpc:DeleteHaVip
        #[arg(long)]
        action: String,
        /// To what: an id, or a whole "acs:…"; all of the action's kind if absent
        #[arg(long)]
        resource: Option<String>,
        /// In which resource group that is; in the one of --resource if absent
        #[arg(long, value_name = "GROUP")]
        resource_group: Option<String>,
        /// By which user, by id or name; by yourself if absent
        #[arg(long)]
        user: Option<String>,
        /// By the policy in this file instead
        #[arg(long, value_name = "FILE")]
        document: Option<PathBuf>,
        /// From which address; from here if absent
        #[arg(long)]
        source: Option<String>,
        /// Through which API: native, aliyun, tencent, ucloud or ucloudstack; the native one if absent
        #[arg(long)]
        dialect: Option<String>,
    },
}

impl Verb for PolicyVerb {
    fn run(self, session: &Session) -> Result<()> {
        let client = &session.client;
        match self {
            Self::Create { name, description, document } => {
                let document = read(&document)?;
                session.show(&client.create_policy(&CreatePolicy { name, description, document })?)
            }
            Self::List => session.show_all(&client.policies()?.items),
            Self::Get { called } => session.show_details(&find(session, &called)?),
            Self::Update { called, description, document } => {
                let document = document.as_deref().map(read).transpose()?;
                let id = find(session, &called)?.id;
                session.show(&client.update_policy(&id, &UpdatePolicy { description, document })?)
            }
            Self::Delete { called } => {
                let id = find(session, &called)?.id;
                client.delete_policy(&id)?;
                session.say(&format!("{id} deleted"))
            }
            Self::Attach { policy, user: called } => {
                let id = user::find(session, &called)?.id;
                session.show(&client.attach_policy(&id, &policy)?)
            }
            Self::Detach { policy, user: called } => {
                let id = user::find(session, &called)?.id;
                session.show(&client.detach_policy(&id, &policy)?)
            }
            Self::Test { action, resource, resource_group, user, document, source, dialect } => {
                let document = document.as_deref().map(read).transpose()?;
                let resource_group = session.id_of_any::<ResourceGroup>(resource_group.as_deref())?;
                let asked = TestPolicy { action, resource, resource_group, user, document, source, dialect };
                session.show_details(&client.test_policy(&asked)?)
            }
        }
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
}

fn find(session: &Session, called: &str) -> Result<Policy> {
    let mut all = session.client.policies()?.items.into_iter();
    match all.find(|policy| policy.id == called || policy.name == called) {
        Some(policy) => Ok(policy),
        None => bail!(NotFound(format!(
            "there is no policy called {called:?} in this project; `havip policy list` shows all"
        ))),
    }
}

impl Row for Policy {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("USERS"),
        Column::Always("AGE"),
        Column::Wide("DESCRIPTION"),
        Column::Wide("DOCUMENT"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![
            self.id.clone(),
            self.name.clone(),
            self.users.join(" "),
            time::age(&self.created_at),
            self.description.clone(),
            self.document.split_whitespace().collect::<Vec<_>>().join(" "),
        ]
    }
}

impl Row for PolicyVerdict {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ALLOWED"),
        Column::Always("ACTION"),
        Column::Always("RESOURCE"),
        Column::Always("POLICY"),
        Column::Always("STATEMENT"),
        Column::Always("REASON"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![
            if self.allowed { "yes" } else { "no" }.into(),
            self.action.clone(),
            self.resource.clone(),
            self.policy.clone().unwrap_or_default(),
            self.statement.map(|number| number.to_string()).unwrap_or_default(),
            self.reason.clone(),
        ]
    }
}
