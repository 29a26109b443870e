//! `havip route`: a VPC's ways to addresses outside its subnets.

use super::change::Change;
use super::label::{Label, Labelled};
use super::session::Session;
use super::show::{Column, Names, Row};
use super::{Verb, time};
use anyhow::Result;
use clap::Subcommand;
use havip_api::{CreateRoute, Route, RouteFilter, Vpc};

/// What can be done with routes.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Example:\n  havip route create --vpc shop --destination 192.168.0.0/16 --next-hop router-vip"
)]
pub enum RouteVerb {
    /// Make a route
    Create {
        /// The VPC's id or name
        #[arg(long)]
        vpc: String,
        /// What it leads to, outside the VPC's subnets
        #[arg(long, value_name = "CIDR")]
        destination: String,
        /// A VIP (the route then follows its holder), or an interface without source/destination check
        #[arg(long, value_name = "VIP|INTERFACE")]
        next_hop: String,
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
    /// List routes
    List {
        /// Of this VPC
        #[arg(long)]
        vpc: Option<String>,
        /// With exactly this name
        #[arg(long)]
        name: Option<String>,
        /// Whose id, name, description or addresses hold these letters in order
        #[arg(short)]
        q: Option<String>,
        #[command(flatten)]
        labelled: Labelled,
    },
    /// Show one route
    Get {
        /// Its id or name
        route: String,
    },
    /// Delete a route
    Delete {
        /// Its id or name
        route: String,
        #[command(flatten)]
        change: Change,
    },
}

impl Verb for RouteVerb {
    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Create { vpc, destination, next_hop, name, description, label, change } => {
                let vpc = session.id_of::<Vpc>(&vpc)?;
                let next_hop = session.next_hop_called(&next_hop)?;
                let body = CreateRoute {
                    vpc,
                    name,
                    description,
                    tags: label.tags(),
                    resource_group: label.group(session)?,
                    destination,
                    next_hop,
                };
                change.show(session, &change.client(session).create_route(&body)?)
            }
            Self::List { vpc, name, q, labelled } => {
                let vpc = session.id_of_any::<Vpc>(vpc.as_deref())?;
                session.show_all(&session.client.all_routes(&RouteFilter {
                    vpc,
                    name,
                    resource_group: labelled.group(session)?,
                    tag: labelled.tag,
                    q,
                    ..Default::default()
                })?)
            }
            Self::Get { route } => session.show_details(&session.get::<Route>(&route)?),
            Self::Delete { route, change } => {
                let id = session.id_of::<Route>(&route)?;
                change.client(session).delete_route(&id)?;
                session.say(&format!("{id} deleted"))
            }
        }
    }
}

impl Row for Route {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("VPC"),
        Column::Always("DESTINATION"),
        Column::Always("NEXT HOP"),
        Column::Always("STATUS"),
        Column::Wide("REASON"),
        Column::Always("AGE"),
        Column::Wide("DESCRIPTION"),
    ];

    fn cells(&self, names: &dyn Names) -> Vec<String> {
        vec![
            self.meta.id.clone(),
            self.meta.name.clone(),
            names.name(&self.vpc),
            self.destination.clone(),
            names.name(&self.next_hop),
            self.meta.status.to_string(),
            self.meta.reason.clone(),
            time::age(&self.meta.created_at),
            self.meta.description.clone(),
        ]
    }
}
