//! `havip subnet`: ranges of a VPC's addresses.

use super::change::Change;
use super::label::{Label, Labelled};
use super::session::Session;
use super::show::{Column, Names, Row};
use super::{Verb, time};
use anyhow::Result;
use clap::Subcommand;
use havip_api::{CreateExternal, CreateSubnet, Subnet, SubnetFilter, UpdateNetwork, Vpc};

/// What can be done with subnets.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip subnet create --vpc shop --name web --cidr 10.20.1.0/24
  havip subnet create --vpc both --name web --cidr 10.20.1.0/24 --cidr6 fd00:20:0:1::/64
  havip subnet create --vpc shop --name provider --cidr 192.168.177.0/24 --external --vlan 177
  havip subnet create --vpc both --name provider --cidr 192.168.177.0/24 --cidr6 2001:db8:177::/64 --external --vlan 177 --gateway6 fe80::1")]
pub enum SubnetVerb {
    /// Make a subnet
    Create {
        /// The VPC's id or name
        #[arg(long)]
        vpc: String,
        /// Need not be unique
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// For people
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// Its addresses, within the VPC's; the first one is the gateway's
        #[arg(long)]
        cidr: String,
        /// A /64 within the VPC's IPv6 addresses, or of the provider's network; each interface gets an address of it
        #[arg(long)]
        cidr6: Option<String>,
        /// The server's own zone if absent
        #[arg(long)]
        zone: Option<String>,
        /// A part of a provider's network, which the edges join by their outside device: the addresses are that network's
        #[arg(long)]
        external: bool,
        /// The tag of the provider's network; no tag if absent
        #[arg(long, requires = "external")]
        vlan: Option<u16>,
        /// The router there; the network's first address if absent
        #[arg(long, requires = "external")]
        gateway: Option<String>,
        /// The router of IPv6 there, which may be a link-local address; the first address if absent
        #[arg(long, requires = "external")]
        gateway6: Option<String>,
        #[command(flatten)]
        label: Label,
        #[command(flatten)]
        change: Change,
    },
    /// List subnets
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
    /// Show one subnet
    Get {
        /// Its id or name
        subnet: String,
    },
    /// Change the name or description, or give it IPv6
    Update {
        /// Its id or name
        subnet: String,
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
    /// Delete a subnet without interfaces and VIPs
    Delete {
        /// Its id or name
        subnet: String,
        #[command(flatten)]
        change: Change,
    },
}

impl Verb for SubnetVerb {
    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::Create {
                vpc,
                name,
                description,
                cidr,
                cidr6,
                zone,
                external,
                vlan,
                gateway,
                gateway6,
                label,
                change,
            } => {
                let vpc = session.id_of::<Vpc>(&vpc)?;
                let external = external.then_some(CreateExternal { vlan, gateway, gateway6 });
                let body = CreateSubnet {
                    vpc,
                    name,
                    description,
                    tags: label.tags(),
                    resource_group: label.group(session)?,
                    cidr,
                    cidr6,
                    zone,
                    external,
                };
                change.show(session, &change.client(session).create_subnet(&body)?)
            }
            Self::List { vpc, name, q, labelled } => {
                let vpc = session.id_of_any::<Vpc>(vpc.as_deref())?;
                session.show_all(&session.client.all_subnets(&SubnetFilter {
                    vpc,
                    name,
                    resource_group: labelled.group(session)?,
                    tag: labelled.tag,
                    q,
                    ..Default::default()
                })?)
            }
            Self::Get { subnet } => session.show_details(&session.get::<Subnet>(&subnet)?),
            Self::Update { subnet, name, description, cidr6, change } => {
                let id = session.id_of::<Subnet>(&subnet)?;
                change.show(
                    session,
                    &change
                        .client(session)
                        .update_subnet(&id, &UpdateNetwork { name, description, cidr6 })?,
                )
            }
            Self::Delete { subnet, change } => {
                let id = session.id_of::<Subnet>(&subnet)?;
                change.client(session).delete_subnet(&id)?;
                session.say(&format!("{id} deleted"))
            }
        }
    }
}

impl Row for Subnet {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("VPC"),
        Column::Always("CIDR"),
        Column::Wide("CIDR6"),
        Column::Always("GATEWAY"),
        Column::Wide("GATEWAY6"),
        Column::Wide("ZONE"),
        Column::Wide("OUTSIDE"),
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
            self.cidr.clone(),
            self.cidr6.clone().unwrap_or_default(),
            self.gateway.clone(),
            self.gateway6.clone().unwrap_or_default(),
            self.zone.clone(),
            outside(self),
            self.meta.status.to_string(),
            self.meta.reason.clone(),
            time::age(&self.meta.created_at),
            self.meta.description.clone(),
        ]
    }
}

/// What of the provider's network it is, and which edge joins it.
fn outside(subnet: &Subnet) -> String {
    let Some(external) = &subnet.external else { return String::new() };
    let network = external.vlan.map_or("untagged".into(), |vlan| format!("VLAN {vlan}"));
    external.edge.as_ref().map_or(network.clone(), |edge| format!("{network} by {edge}"))
}
