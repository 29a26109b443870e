//! `havip pool`: ranges that public addresses come from.

use super::change::Change;
use super::session::Session;
use super::show::{Column, Names, Row};
use super::{Verb, time};
use anyhow::Result;
use clap::Subcommand;
use havip_api::{CreateEipPool, EipPool, EipPoolFilter, UpdateEipPool};

/// What can be done with pools.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Example:\n  havip pool create --name office --cidr 198.51.100.0/24 --gateway 198.51.100.1"
)]
pub enum PoolVerb {
    /// Make a pool
    Create {
        /// Need not be unique
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// For people
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// A range of addresses; may be repeated, they are given out in this order
        #[arg(long = "cidr", value_name = "CIDR", required = true)]
        cidrs: Vec<String>,
        /// The outside router; without one, only addresses on the edge's own network are reached
        #[arg(long)]
        gateway: Option<String>,
        /// An address that is never given out, such as an edge's own; may be repeated
        #[arg(long = "reserve", value_name = "ADDRESS")]
        reserved: Vec<String>,
        #[command(flatten)]
        change: Change,
    },
    /// List pools
    List {
        /// With exactly this name
        #[arg(long)]
        name: Option<String>,
        /// Whose id, name, description or addresses hold these letters in order
        #[arg(short)]
        q: Option<String>,
    },
    /// Show one pool
    Get {
        /// Its id or name
        pool: String,
    },
    /// Change the name, description, ranges or reserved addresses
    Update {
        /// Its id or name
        pool: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        /// The new description
        #[arg(long)]
        description: Option<String>,
        /// A range; may be repeated: all of them, in the order in which they are given out
        #[arg(long = "cidr", value_name = "CIDR")]
        cidrs: Vec<String>,
        /// All addresses that are never given out; may be repeated
        #[arg(long = "reserve", value_name = "ADDRESS", conflicts_with = "no_reserved")]
        reserved: Vec<String>,
        /// Every address may be given out
        #[arg(long)]
        no_reserved: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Delete a pool without EIPs
    Delete {
        /// Its id or name
        pool: String,
        #[command(flatten)]
        change: Change,
    },
}

impl Verb for PoolVerb {
    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Create { name, description, cidrs, gateway, reserved, change } => {
                let body = CreateEipPool { name, description, cidrs, gateway, reserved };
                change.show(session, &change.client(session).create_eip_pool(&body)?)
            }
            Self::List { name, q } => session.show_all(&session.client.all_eip_pools(&EipPoolFilter {
                name,
                q,
                ..Default::default()
            })?),
            Self::Get { pool } => session.show_details(&session.get::<EipPool>(&pool)?),
            Self::Update { pool, name, description, cidrs, reserved, no_reserved, change } => {
                let id = session.id_of::<EipPool>(&pool)?;
                let reserved = (no_reserved || !reserved.is_empty()).then_some(reserved);
                let cidrs = (!cidrs.is_empty()).then_some(cidrs);
                let body = UpdateEipPool { name, description, cidrs, reserved };
                change.show(session, &change.client(session).update_eip_pool(&id, &body)?)
            }
            Self::Delete { pool, change } => {
                let id = session.id_of::<EipPool>(&pool)?;
                change.client(session).delete_eip_pool(&id)?;
                session.say(&format!("{id} deleted"))
            }
        }
    }
}

impl Row for EipPool {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("CIDRS"),
        Column::Always("GATEWAY"),
        Column::Always("ALLOCATED"),
        Column::Wide("RESERVED"),
        Column::Always("STATUS"),
        Column::Wide("REASON"),
        Column::Always("AGE"),
        Column::Wide("DESCRIPTION"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![
            self.meta.id.clone(),
            self.meta.name.clone(),
            self.cidrs.join(","),
            self.gateway.clone().unwrap_or_default(),
            self.allocated.to_string(),
            self.reserved.join(","),
            self.meta.status.to_string(),
            self.meta.reason.clone(),
            time::age(&self.meta.created_at),
            self.meta.description.clone(),
        ]
    }
}
