//! `havip eip`: public addresses.

use super::change::Change;
use super::kind::Kind;
use super::label::{Label, Labelled};
use super::session::Session;
use super::show::{Column, Names, Row};
use super::{Verb, time};
use anyhow::Result;
use clap::Subcommand;
use havip_api::{AllocateEip, Eip, EipFilter, EipPool, Family, UpdateEip, Vip};

/// What can be done with EIPs.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip eip allocate --name front --bind shop-vip
  havip eip bind 203.0.113.10 shop-vip
  havip eip unbind front
  havip eip release front")]
pub enum EipVerb {
    /// Take a public address from a pool
    Allocate {
        /// The pool's id or name; the oldest pool with a free address if absent
        #[arg(long)]
        pool: Option<String>,
        /// Chosen if absent
        #[arg(long)]
        address: Option<String>,
        /// Of which family the address is to be chosen, ipv4 or ipv6; the pool's or the target's if absent
        #[arg(long, conflicts_with = "address")]
        family: Option<Family>,
        /// Need not be unique
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// For people
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// Million bits per second each way; unlimited if absent
        #[arg(long, value_name = "MBPS")]
        bandwidth: Option<u32>,
        /// Bind it at once to this VIP, instance or interface
        #[arg(long, value_name = "TARGET")]
        bind: Option<String>,
        #[command(flatten)]
        label: Label,
        #[command(flatten)]
        change: Change,
    },
    /// List EIPs
    List {
        /// From this pool
        #[arg(long)]
        pool: Option<String>,
        /// Bound to this VIP, instance or interface
        #[arg(long)]
        target: Option<String>,
        /// With exactly this name
        #[arg(long)]
        name: Option<String>,
        /// Whose id, name, description or addresses hold these letters in order
        #[arg(short)]
        q: Option<String>,
        #[command(flatten)]
        labelled: Labelled,
    },
    /// Show one EIP
    Get {
        /// Its id, name or address
        eip: String,
    },
    /// Change the name, description or bandwidth
    Update {
        /// Its id, name or address
        eip: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        /// The new description
        #[arg(long)]
        description: Option<String>,
        /// Million bits per second each way, or `unlimited`
        #[arg(long, value_name = "MBPS", value_parser = bandwidth)]
        bandwidth: Option<Bandwidth>,
        #[command(flatten)]
        change: Change,
    },
    /// Bind an EIP to a VIP, an instance or an interface
    Bind {
        /// Its id, name or address
        eip: String,
        /// A VIP, instance or interface, by id, name or address
        target: String,
        #[command(flatten)]
        change: Change,
    },
    /// Unbind an EIP
    Unbind {
        /// Its id, name or address
        eip: String,
        #[command(flatten)]
        change: Change,
    },
    /// Give an EIP back to its pool
    Release {
        /// Its id, name or address
        eip: String,
        /// Unbind it first
        #[arg(long)]
        unbind: bool,
        #[command(flatten)]
        change: Change,
    },
}

impl Verb for EipVerb {
    fn run(self, session: &Session) -> Result<()> {
        let id_of = |called: &str| session.id_of::<Eip>(called);
        match self {
            Self::Allocate { pool, address, family, name, description, bandwidth, bind, label, change } => {
                let pool = session.id_of_any::<EipPool>(pool.as_deref())?;
                // Looked up first: an EIP is not taken for a target that does not exist.
                let target = bind.map(|called| session.target_called(&called)).transpose()?;
                let is_open = pool.is_none() && address.is_none() && family.is_none();
                let family = match target.as_deref().filter(|target| is_open && Vip::is_id(target)) {
                    // An EIP leads to an address of its own family.
                    Some(vip) => session.client.vip(vip)?.address.contains(':').then_some(Family::Ipv6),
                    None => family,
                };
                let bandwidth_mbps = bandwidth;
                let (tags, resource_group) = (label.tags(), label.group(session)?);
                let body = AllocateEip {
                    pool,
                    address,
                    family,
                    name,
                    description,
                    tags,
                    resource_group,
                    bandwidth_mbps,
                };
                let eip = change.client(session).allocate_eip(&body)?;
                match target {
                    Some(target) => {
                        change.show(session, &change.client(session).bind_eip(&eip.meta.id, &target)?)
                    }
                    None => change.show(session, &eip),
                }
            }
            Self::List { pool, target, name, q, labelled } => {
                let pool = session.id_of_any::<EipPool>(pool.as_deref())?;
                let target = target.map(|called| session.target_called(&called)).transpose()?;
                let filter = EipFilter {
                    pool,
                    target,
                    name,
                    resource_group: labelled.group(session)?,
                    tag: labelled.tag,
                    q,
                    ..Default::default()
                };
                session.show_all(&session.client.all_eips(&filter)?)
            }
            Self::Get { eip } => session.show_details(&session.get::<Eip>(&eip)?),
            Self::Update { eip, name, description, bandwidth, change } => {
                let body =
                    UpdateEip { name, description, bandwidth_mbps: bandwidth.map(|Bandwidth(mbps)| mbps) };
                change.show(session, &change.client(session).update_eip(&id_of(&eip)?, &body)?)
            }
            Self::Bind { eip, target, change } => {
                let target = session.target_called(&target)?;
                change.show(session, &change.client(session).bind_eip(&id_of(&eip)?, &target)?)
            }
            Self::Unbind { eip, change } => {
                change.show(session, &change.client(session).unbind_eip(&id_of(&eip)?)?)
            }
            Self::Release { eip, unbind, change } => {
                let id = id_of(&eip)?;
                change.client(session).release_eip(&id, unbind)?;
                session.say(&format!("{id} released"))
            }
        }
    }
}

/// Millions of bits per second; none is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bandwidth(Option<u32>);

fn bandwidth(text: &str) -> Result<Bandwidth, String> {
    match (text, text.parse()) {
        ("unlimited", _) => Ok(Bandwidth(None)),
        (_, Ok(mbps)) => Ok(Bandwidth(Some(mbps))),
        _ => Err("neither a number nor `unlimited`".into()),
    }
}

impl Row for Eip {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("ADDRESS"),
        Column::Always("BOUND TO"),
        Column::Always("EDGE"),
        Column::Wide("POOL"),
        Column::Wide("BANDWIDTH"),
        Column::Always("STATUS"),
        Column::Wide("REASON"),
        Column::Always("AGE"),
        Column::Wide("DESCRIPTION"),
    ];

    fn cells(&self, names: &dyn Names) -> Vec<String> {
        vec![
            self.meta.id.clone(),
            self.meta.name.clone(),
            self.address.clone(),
            names.name_of_any(self.target.as_deref()),
            self.edge_name.clone(),
            names.name(&self.pool),
            self.bandwidth_mbps.map_or("unlimited".into(), |mbps| format!("{mbps} Mbit/s")),
            self.meta.status.to_string(),
            self.meta.reason.clone(),
            time::age(&self.meta.created_at),
            self.meta.description.clone(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bandwidth_is_a_number_or_unlimited() {
        assert_eq!(bandwidth("100"), Ok(Bandwidth(Some(100))));
        assert_eq!(bandwidth("unlimited"), Ok(Bandwidth(None)));
        assert!(bandwidth("fast").is_err());
    }
}
