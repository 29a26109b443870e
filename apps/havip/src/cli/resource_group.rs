//! `havip resource-group`: parts of a project.

use super::change::Change;
use super::session::Session;
use super::show::{Column, Names, Row};
use super::{Verb, time};
use anyhow::Result;
use clap::Subcommand;
use havip_api::{CreateResourceGroup, MoveResources, ResourceGroup, ResourceGroupFilter, Update};

/// What can be done with resource groups.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip resource-group create --name shop
  havip vip create --subnet web --resource-group shop
  havip resource-group move shop vip-aaaaaaaaaaaaaaaaaaaa i-aaaaaaaaaaaaaaaaaaaa
  havip vip list --resource-group shop

Every project has the group `default`, for what is in no other.")]
pub enum ResourceGroupVerb {
    /// Make a resource group
    Create {
        /// No other group of the project has it
        #[arg(long)]
        name: String,
        /// For people
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        #[command(flatten)]
        change: Change,
    },
    /// List resource groups
    List {
        /// With exactly this name
        #[arg(long)]
        name: Option<String>,
        /// Whose name or description has these letters in order, or whose id contains them
        #[arg(short)]
        q: Option<String>,
    },
    /// Show one resource group
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
    /// Delete a resource group in which nothing is
    Delete {
        /// Its id or name
        group: String,
        #[command(flatten)]
        change: Change,
    },
    /// Move resources to a resource group, all of them or none; an instance takes its first interface along
    Move {
        /// The group's id or name
        group: String,
        /// Ids of resources
        #[arg(required = true)]
        resources: Vec<String>,
    },
}

impl Verb for ResourceGroupVerb {
    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Create { name, description, change } => {
                let body = CreateResourceGroup { name, description };
                change.show(session, &change.client(session).create_resource_group(&body)?)
            }
            Self::List { name, q } => {
                let filter = ResourceGroupFilter { name, q, ..Default::default() };
                session.show_all(&session.client.all_resource_groups(&filter)?)
            }
            Self::Get { group } => session.show_details(&session.get::<ResourceGroup>(&group)?),
            Self::Update { group, name, description, change } => {
                let id = session.id_of::<ResourceGroup>(&group)?;
                let body = Update { name, description };
                change.show(session, &change.client(session).update_resource_group(&id, &body)?)
            }
            Self::Delete { group, change } => {
                let id = session.id_of::<ResourceGroup>(&group)?;
                change.client(session).delete_resource_group(&id)?;
                session.say(&format!("{id} deleted"))
            }
            Self::Move { group, resources } => {
                let id = session.id_of::<ResourceGroup>(&group)?;
                session.show(&session.client.move_resources(&id, &MoveResources { resources })?)
            }
        }
    }
}

impl Row for ResourceGroup {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("RESOURCES"),
        Column::Always("AGE"),
        Column::Wide("DESCRIPTION"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![
            self.meta.id.clone(),
            self.meta.name.clone(),
            self.resources.to_string(),
            time::age(&self.meta.created_at),
            self.meta.description.clone(),
        ]
    }
}
