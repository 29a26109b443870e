//! `havip vpc`: private networks.

use super::change::Change;
use super::label::{Label, Labelled};
use super::session::Session;
use super::show::{Column, Names, Row};
use super::{Verb, flow, time};
use anyhow::Result;
use clap::Subcommand;
use havip_api::{CreateVpc, UpdateNetwork, Vpc, VpcFilter};

/// What can be done with VPCs.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip vpc create --name shop --cidr 10.20.0.0/16
  havip vpc create --name both --cidr 10.20.0.0/16 --cidr6 fd00:20::/56
  havip vpc flow-log shop --rejected
  havip vpc flow-log shop --interval 60 --seconds 86400 -o json >> flows.jsonl")]
pub enum VpcVerb {
    /// Make a VPC
    Create {
        /// Need not be unique
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// For people
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// The addresses its subnets are cut from, such as 10.20.0.0/16
        #[arg(long)]
        cidr: String,
        /// The same for IPv6, a /16 to /64 such as fd00:20::/56; no IPv6 if absent
        #[arg(long)]
        cidr6: Option<String>,
        /// The server's own region if absent
        #[arg(long)]
        region: Option<String>,
        #[command(flatten)]
        label: Label,
        #[command(flatten)]
        change: Change,
    },
    /// List VPCs
    List {
        /// With exactly this name
        #[arg(long)]
        name: Option<String>,
        /// Whose id, name, description or addresses hold these letters in order
        #[arg(short)]
        q: Option<String>,
        #[command(flatten)]
        labelled: Labelled,
    },
    /// Show one VPC
    Get {
        /// Its id or name
        vpc: String,
    },
    /// Change the name or description, or give it IPv6
    Update {
        /// Its id or name
        vpc: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        /// The new description
        #[arg(long)]
        description: Option<String>,
        /// IPv6 addresses, if it has none; its interfaces get such by `havip interface add-address --family ipv6`
        #[arg(long)]
        cidr6: Option<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Follow the flows of a VPC: accepted ones, and rejected ones with the reason, on all its hosts
    ///
    /// A flow is what packets of one connection in one direction became on one host within an interval, and how many
    /// they were. The kernels count while somebody follows, one at a time; while nobody does, it costs nothing. With
    /// -o json each line is a document. What finds no room, and hosts that are not heard, are told in lines of their
    /// own and at the end. Whoever sees the VPC may follow it, if a policy allows havip:FollowFlowLog.
    FlowLog(flow::FlowLog),
    /// Delete a VPC without subnets
    Delete {
        /// Its id or name
        vpc: String,
        #[command(flatten)]
        change: Change,
    },
}

impl Verb for VpcVerb {
    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Create { name, description, cidr, cidr6, region, label, change } => {
                let body = CreateVpc {
                    name,
                    description,
                    tags: label.tags(),
                    resource_group: label.group(session)?,
                    cidr,
                    cidr6,
                    region,
                };
                change.show(session, &change.client(session).create_vpc(&body)?)
            }
            Self::List { name, q, labelled } => session.show_all(&session.client.all_vpcs(&VpcFilter {
                name,
                resource_group: labelled.group(session)?,
                tag: labelled.tag,
                q,
                ..Default::default()
            })?),
            Self::Get { vpc } => session.show_details(&session.get::<Vpc>(&vpc)?),
            Self::Update { vpc, name, description, cidr6, change } => {
                let id = session.id_of::<Vpc>(&vpc)?;
                change.show(
                    session,
                    &change.client(session).update_vpc(&id, &UpdateNetwork { name, description, cidr6 })?,
                )
            }
            Self::FlowLog(log) => log.run(session),
            Self::Delete { vpc, change } => {
                let id = session.id_of::<Vpc>(&vpc)?;
                change.client(session).delete_vpc(&id)?;
                session.say(&format!("{id} deleted"))
            }
        }
    }
}

impl Row for Vpc {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("CIDR"),
        Column::Wide("CIDR6"),
        Column::Wide("REGION"),
        Column::Wide("VNI"),
        Column::Wide("VIRTUAL MAC"),
        Column::Always("STATUS"),
        Column::Wide("REASON"),
        Column::Always("AGE"),
        Column::Wide("DESCRIPTION"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![
            self.meta.id.clone(),
            self.meta.name.clone(),
            self.cidr.clone(),
            self.cidr6.clone().unwrap_or_default(),
            self.region.clone(),
            self.vni.to_string(),
            self.virtual_mac.clone(),
            self.meta.status.to_string(),
            self.meta.reason.clone(),
            time::age(&self.meta.created_at),
            self.meta.description.clone(),
        ]
    }
}
