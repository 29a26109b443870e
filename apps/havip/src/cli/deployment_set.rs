//! `havip deployment-set`: instances that must not fail together.

use super::change::Change;
use super::label::{Label, Labelled};
use super::session::Session;
use super::show::{Column, Names, Row};
use super::{Verb, time};
use anyhow::Result;
use clap::Subcommand;
use havip_api::{
    CreateDeploymentSet, DeploymentSet, DeploymentSetFilter, Instance, JoinDeploymentSet, Update,
};

/// What can be done with deployment sets.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip deployment-set create --name web
  havip instance run --subnet web --name web-1 --deployment-set web
  havip instance run --subnet web --name web-2 --deployment-set web

  havip deployment-set join web web-3
  havip deployment-set leave web-3

No two instances of a set are on one host: not when they are made, not when one joins, and not when one is migrated.
An instance joins where it is; if another one of the set is there, migrate one of the two first.")]
pub enum DeploymentSetVerb {
    /// Make a deployment set
    Create {
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
    /// List deployment sets and their instances
    List {
        /// With exactly this name
        #[arg(long)]
        name: Option<String>,
        /// Whose name or description has these letters in order, or whose id contains them
        #[arg(short)]
        q: Option<String>,
        #[command(flatten)]
        labelled: Labelled,
    },
    /// Show one deployment set
    Get {
        /// Its id or name
        set: String,
    },
    /// Change the name or description
    Update {
        /// Its id or name
        set: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        /// The new description
        #[arg(long)]
        description: Option<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Put an instance into a deployment set, from another one too
    Join {
        /// The set's id or name
        set: String,
        /// The instance's id or name
        instance: String,
        #[command(flatten)]
        change: Change,
    },
    /// Take an instance out of its deployment set
    Leave {
        /// The instance's id or name
        instance: String,
        #[command(flatten)]
        change: Change,
    },
    /// Delete a deployment set without instances
    Delete {
        /// Its id or name
        set: String,
        #[command(flatten)]
        change: Change,
    },
}

impl Verb for DeploymentSetVerb {
    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Create { name, description, label, change } => {
                let (tags, resource_group) = (label.tags(), label.group(session)?);
                let body = CreateDeploymentSet { name, description, tags, resource_group };
                change.show(session, &change.client(session).create_deployment_set(&body)?)
            }
            Self::List { name, q, labelled } => {
                let (resource_group, tag) = (labelled.group(session)?, labelled.tag);
                let filter = DeploymentSetFilter { name, tag, resource_group, q, ..Default::default() };
                session.show_all(&session.client.all_deployment_sets(&filter)?)
            }
            Self::Get { set } => session.show_details(&session.get::<DeploymentSet>(&set)?),
            Self::Update { set, name, description, change } => {
                let id = session.id_of::<DeploymentSet>(&set)?;
                let body = Update { name, description };
                change.show(session, &change.client(session).update_deployment_set(&id, &body)?)
            }
            Self::Join { set, instance, change } => {
                let instance = session.id_of::<Instance>(&instance)?;
                let body = JoinDeploymentSet { deployment_set: session.id_of::<DeploymentSet>(&set)? };
                change.show(session, &change.client(session).join_deployment_set(&instance, &body)?)
            }
            Self::Leave { instance, change } => {
                let instance = session.id_of::<Instance>(&instance)?;
                change.client(session).leave_deployment_set(&instance)?;
                session.say(&format!("{instance} left its deployment set"))
            }
            Self::Delete { set, change } => {
                let id = session.id_of::<DeploymentSet>(&set)?;
                change.client(session).delete_deployment_set(&id)?;
                session.say(&format!("{id} deleted"))
            }
        }
    }
}

impl Row for DeploymentSet {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("INSTANCES"),
        Column::Always("AGE"),
        Column::Wide("DESCRIPTION"),
    ];

    fn cells(&self, names: &dyn Names) -> Vec<String> {
        let instances: Vec<String> = self.instances.iter().map(|id| names.name(id)).collect();
        vec![
            self.meta.id.clone(),
            self.meta.name.clone(),
            instances.join(", "),
            time::age(&self.meta.created_at),
            self.meta.description.clone(),
        ]
    }
}
