//! `havip interface`: network interfaces (ENIs) of instances.

use super::change::Change;
use super::label::{Label, Labelled};
use super::session::Session;
use super::show::{Column, Names, Row};
use super::{Verb, time};
use anyhow::Result;
use clap::Subcommand;
use havip_api::{
    AddAddresses, Attach, CreateInterface, Family, Instance, Interface, InterfaceFilter, SecurityGroup,
    Subnet, UpdateInterface, Vpc,
};

/// What can be done with interfaces.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip interface create --subnet web --name extra
  havip interface attach extra --instance web-1
  havip interface add-address extra 10.20.1.77
  havip interface update extra --source-dest-check off")]
pub enum InterfaceVerb {
    /// Make an interface
    Create {
        /// The subnet's id or name
        #[arg(long)]
        subnet: String,
        /// Need not be unique
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// For people
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// Its own IPv4 address; chosen if absent
        #[arg(long)]
        address: Option<String>,
        /// It has no IPv4 address of its own
        #[arg(long, conflicts_with = "address")]
        without_address: bool,
        /// Its own IPv6 address; chosen if absent and its subnet has IPv6
        #[arg(long, value_name = "ADDRESS")]
        address6: Option<String>,
        /// It has no IPv6 address of its own
        #[arg(long, conflicts_with = "address6")]
        without_address6: bool,
        /// A further address; may be repeated
        #[arg(long = "secondary-address", value_name = "ADDRESS")]
        secondary_addresses: Vec<String>,
        /// Chosen if absent
        #[arg(long)]
        mac: Option<String>,
        /// The guest may send and receive other addresses than its own, as routers do
        #[arg(long)]
        no_source_dest_check: bool,
        /// One of its security groups; may be repeated; the VPC's default one if absent
        #[arg(long = "security-group", value_name = "GROUP")]
        security_groups: Vec<String>,
        /// Attach it at once to this instance
        #[arg(long, value_name = "INSTANCE")]
        attach: Option<String>,
        #[command(flatten)]
        label: Label,
        #[command(flatten)]
        change: Change,
    },
    /// List interfaces
    List {
        /// Of this VPC
        #[arg(long)]
        vpc: Option<String>,
        /// Of this subnet
        #[arg(long)]
        subnet: Option<String>,
        /// Of this instance
        #[arg(long)]
        instance: Option<String>,
        /// With exactly this name
        #[arg(long)]
        name: Option<String>,
        /// Whose id, name, description or addresses hold these letters in order
        #[arg(short)]
        q: Option<String>,
        #[command(flatten)]
        labelled: Labelled,
    },
    /// Show one interface
    Get {
        /// Its id, name or address
        interface: String,
    },
    /// Change the name, description, source/destination check or security groups
    Update {
        /// Its id, name or address
        interface: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        /// The new description
        #[arg(long)]
        description: Option<String>,
        /// Whether the guest may send and receive only its own addresses; off for routers
        #[arg(long, value_name = "on|off", value_parser = switch)]
        source_dest_check: Option<bool>,
        /// One of all its security groups from now on; may be repeated
        #[arg(long = "security-group", value_name = "GROUP")]
        security_groups: Option<Vec<String>>,
        #[command(flatten)]
        change: Change,
    },
    /// Delete an interface that no route leads to, and its associations
    Delete {
        /// Its id, name or address
        interface: String,
        #[command(flatten)]
        change: Change,
    },
    /// Attach an interface to an instance
    Attach {
        /// Its id, name or address
        interface: String,
        /// The instance's id or name
        #[arg(long)]
        instance: String,
        /// The existing device to plug, for instances of the driver external
        #[arg(long, value_name = "DEVICE")]
        dev: Option<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Detach an interface from its instance; its associations stay
    Detach {
        /// Its id, name or address
        interface: String,
        #[command(flatten)]
        change: Change,
    },
    /// Give an interface further addresses
    AddAddress {
        /// Its id, name or address
        interface: String,
        /// Free addresses of its subnet, or secondary ones of others with `--from` or `--reassign`
        #[arg(required_unless_present = "automatic")]
        addresses: Vec<String>,
        /// And so many of the lowest free ones
        #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "COUNT")]
        automatic: u32,
        /// Of which family these are, ipv4 or ipv6; ipv4 if absent
        #[arg(long, requires = "automatic")]
        family: Option<Family>,
        /// The interface that loses them in the same step
        #[arg(long, value_name = "INTERFACE")]
        from: Option<String>,
        /// Whoever has one of them as a secondary address loses it in the same step
        #[arg(long, conflicts_with_all = ["from", "automatic"])]
        reassign: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Take a secondary address from an interface
    RemoveAddress {
        /// Its id, name or address
        interface: String,
        /// The secondary address
        address: String,
        #[command(flatten)]
        change: Change,
    },
}

impl Verb for InterfaceVerb {
    fn run(self, session: &Session) -> Result<()> {
        let id_of = |called: &str| session.id_of::<Interface>(called);
        match self {
            Self::Create {
                subnet,
                name,
                description,
                address,
                without_address,
                address6,
                without_address6,
                secondary_addresses,
                mac,
                no_source_dest_check,
                security_groups,
                attach,
                label,
                change,
            } => {
                let subnet = session.id_of::<Subnet>(&subnet)?;
                let source_dest_check = !no_source_dest_check;
                let body = CreateInterface {
                    subnet,
                    name,
                    description,
                    tags: label.tags(),
                    resource_group: label.group(session)?,
                    address,
                    without_address,
                    address6,
                    without_address6,
                    secondary_addresses,
                    mac,
                    source_dest_check,
                    security_groups: session.ids_of::<SecurityGroup>(&security_groups)?,
                    instance: session.id_of_any::<Instance>(attach.as_deref())?,
                };
                change.show(session, &change.client(session).create_interface(&body)?)
            }
            Self::List { vpc, subnet, instance, name, q, labelled } => {
                let vpc = session.id_of_any::<Vpc>(vpc.as_deref())?;
                let subnet = session.id_of_any::<Subnet>(subnet.as_deref())?;
                let instance = session.id_of_any::<Instance>(instance.as_deref())?;
                let filter = InterfaceFilter {
                    vpc,
                    subnet,
                    instance,
                    name,
                    resource_group: labelled.group(session)?,
                    tag: labelled.tag,
                    q,
                    ..Default::default()
                };
                session.show_all(&session.client.all_interfaces(&filter)?)
            }
            Self::Get { interface } => session.show_details(&session.get::<Interface>(&interface)?),
            Self::Update { interface, name, description, source_dest_check, security_groups, change } => {
                let security_groups = security_groups.map(|called| session.ids_of::<SecurityGroup>(&called));
                let security_groups = security_groups.transpose()?;
                let body = UpdateInterface { name, description, source_dest_check, security_groups };
                change.show(session, &change.client(session).update_interface(&id_of(&interface)?, &body)?)
            }
            Self::Delete { interface, change } => {
                let id = id_of(&interface)?;
                change.client(session).delete_interface(&id)?;
                session.say(&format!("{id} deleted"))
            }
            Self::Attach { interface, instance, dev, change } => {
                let body = Attach { instance: session.id_of::<Instance>(&instance)?, device: dev };
                change.show(session, &change.client(session).attach_interface(&id_of(&interface)?, &body)?)
            }
            Self::Detach { interface, change } => {
                change.show(session, &change.client(session).detach_interface(&id_of(&interface)?)?)
            }
            Self::AddAddress { interface, addresses, automatic, family, from, reassign, change } => {
                let from = session.id_of_any::<Interface>(from.as_deref())?;
                let body = AddAddresses { addresses, automatic, family, from, reassign };
                change.show(session, &change.client(session).add_addresses(&id_of(&interface)?, &body)?)
            }
            Self::RemoveAddress { interface, address, change } => {
                let id = id_of(&interface)?;
                change.client(session).remove_address(&id, &address)?;
                session.say(&format!("{address} taken from {id}"))
            }
        }
    }
}

/// `on` or `off`, as lists show it, and as JSON has it.
fn switch(word: &str) -> Result<bool, String> {
    match word {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => Err("say on or off".into()),
    }
}

impl Row for Interface {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("ADDRESS"),
        Column::Wide("ADDRESS6"),
        Column::Wide("SECONDARY ADDRESSES"),
        Column::Always("MAC"),
        Column::Always("SUBNET"),
        Column::Wide("VPC"),
        Column::Always("INSTANCE"),
        Column::Always("HOST"),
        Column::Wide("PORT"),
        Column::Wide("DEVICE"),
        Column::Always("PORT STATE"),
        Column::Wide("MIGRATES TO"),
        Column::Wide("MIGRATED"),
        Column::Wide("SOURCE/DEST CHECK"),
        Column::Wide("SECURITY GROUPS"),
        Column::Always("STATUS"),
        Column::Wide("REASON"),
        Column::Wide("AGE"),
        Column::Wide("DESCRIPTION"),
    ];

    fn cells(&self, names: &dyn Names) -> Vec<String> {
        let seen_down = if self.port_up == Some(false) { " (down)" } else { "" };
        vec![
            self.meta.id.clone(),
            self.meta.name.clone(),
            self.address.clone().unwrap_or_default(),
            self.address6.clone().unwrap_or_default(),
            self.secondary_addresses.join(","),
            self.mac.clone(),
            names.name(&self.subnet),
            names.name(&self.vpc),
            names.name_of_any(self.instance.as_deref()),
            names.name_of_any(self.host.as_deref()),
            self.port.to_string(),
            self.device.clone().unwrap_or_default(),
            format!("{}{seen_down}", self.port_state),
            self.migration.as_ref().map_or_else(String::new, |to| {
                let device = to.device.as_ref().map_or_else(String::new, |device| format!("{device} of "));
                format!("{device}{}", names.name_of_any(to.host.as_deref()))
            }),
            self.migrated.as_ref().map_or_else(String::new, |migrated| {
                let outage = migrated.outage_ms.map_or_else(String::new, |ms| format!(", {ms} ms"));
                format!("from {}{outage}", names.name_of_any(migrated.from.as_deref()))
            }),
            if self.source_dest_check { "on" } else { "off" }.into(),
            self.security_groups.iter().map(|id| names.name(id)).collect::<Vec<_>>().join(","),
            self.meta.status.to_string(),
            self.meta.reason.clone(),
            time::age(&self.meta.created_at),
            self.meta.description.clone(),
        ]
    }
}
