//! `havip vip`: floating addresses, and who may claim them.

mod rows;

use super::change::Change;
use super::kind::Kind;
use super::label::{Label, Labelled};
use super::session::{Session, print};
use super::show::{Format, json};
use super::{Verb, drill, why};
use anyhow::{Result, bail};
use clap::Subcommand;
use havip_api::{
    Associate, AssociationMode, BatchDelete, BatchDeleted, Binding, ClientError, Contention, CreateVip,
    Family, HistoryFilter, Instance, Move, Subnet, UpdateVip, Vip, VipFilter, Vpc,
};
pub use rows::holder;

/// What can be done with VIPs.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip vip create --subnet web --name shop-vip --address 10.20.1.100
  havip vip associate shop-vip web-1
  havip vip associate shop-vip web-2
  havip vip get shop-vip
  havip vip history shop-vip
  havip vip why shop-vip
  havip vip drill shop-vip
  havip vip delete shop-vip --unbind

An associated instance becomes the holder by announcing the address with gratuitous ARP,
as keepalived does by itself, or by hand:
  ip address add 10.20.1.100/32 dev eth0; arping -U -c 1 -I eth0 10.20.1.100
of an IPv6 address with an unsolicited neighbour advertisement, which Linux sends by itself if told so:
  sysctl -w net.ipv6.conf.eth0.ndisc_notify=1; ip address add fd00:20:0:1::100/128 dev eth0")]
pub enum VipVerb {
    /// Make a VIP in a subnet
    Create {
        /// The subnet's id or name
        #[arg(long)]
        subnet: String,
        /// Its address, IPv4 or IPv6, within the subnet; chosen if absent
        #[arg(long)]
        address: Option<String>,
        /// Of which family the address is to be chosen, ipv4 or ipv6; ipv4 if absent
        #[arg(long, conflicts_with = "address")]
        family: Option<Family>,
        /// Need not be unique
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// For people
        #[arg(long, default_value = "", hide_default_value = true)]
        description: String,
        /// An instance or interface that may claim it, by id or name; may be repeated
        #[arg(long = "associate", value_name = "INSTANCE|INTERFACE")]
        associate: Vec<String>,
        /// Who may claim it: associated (instances and interfaces) or subnet (any interface of the subnet)
        #[arg(long, default_value = "associated")]
        binding: Binding,
        /// What happens to a claim by a port that lost it less than 30 s ago: hold (both are asked, and if both have the
        /// address the present holder keeps it for a while) or follow (it is followed at once)
        #[arg(long, default_value = "hold")]
        contention: Contention,
        /// The switch does not speak for a dead holder: its peers wait for their own timers
        #[arg(long)]
        no_assist: bool,
        /// A further address whose VRRP adverts naming the VIP reach associated ports; may be repeated
        #[arg(long = "advert-source", value_name = "ADDRESS")]
        advert_sources: Vec<String>,
        #[command(flatten)]
        label: Label,
        #[command(flatten)]
        change: Change,
    },
    /// List VIPs and who holds them
    List {
        /// Of this VPC
        #[arg(long)]
        vpc: Option<String>,
        /// Of this subnet
        #[arg(long)]
        subnet: Option<String>,
        /// Associated with this instance
        #[arg(long)]
        instance: Option<String>,
        /// With exactly this name
        #[arg(long)]
        name: Option<String>,
        /// Whose name or description has these letters in order, or whose id or address contains them
        #[arg(short)]
        q: Option<String>,
        #[command(flatten)]
        labelled: Labelled,
    },
    /// Show one VIP: who may claim it, who holds it since when
    Get {
        /// Its id, name or address
        vip: String,
    },
    /// Change a VIP; what is not named stays
    Update {
        /// Its id, name or address
        vip: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        /// The new description
        #[arg(long)]
        description: Option<String>,
        /// What happens to a claim by a port that has just lost it: hold or follow
        #[arg(long)]
        contention: Option<Contention>,
        /// Whether the switch speaks for a dead holder, so that its VRRP peers wait for their skew alone
        #[arg(long, value_name = "true|false")]
        assist: Option<bool>,
        /// All further addresses whose adverts naming the VIP reach associated ports; may be repeated
        #[arg(long = "advert-source", value_name = "ADDRESS", conflicts_with = "no_advert_sources")]
        advert_sources: Vec<String>,
        /// No further addresses
        #[arg(long)]
        no_advert_sources: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Let a VIP's claims begin anew: whoever has the address is asked, whatever was claimed before
    Renew {
        /// Its id, name or address
        vip: String,
        #[command(flatten)]
        change: Change,
    },
    /// Delete VIPs
    Delete {
        /// Their ids, names or addresses
        #[arg(required = true)]
        vips: Vec<String>,
        /// Unbind them first from associations, EIPs and routes
        #[arg(long)]
        unbind: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Let an instance or interface claim a VIP
    Associate {
        /// Its id, name or address
        vip: String,
        /// An instance (all its interfaces in the VIP's subnet) or an interface, by id or name
        #[arg(value_name = "INSTANCE|INTERFACE")]
        target: String,
        /// claim, or direct-return (send from the VIP without holding it)
        #[arg(long, default_value = "claim")]
        mode: AssociationMode,
        #[command(flatten)]
        change: Change,
    },
    /// Take the permission to claim a VIP back
    Dissociate {
        /// Its id, name or address
        vip: String,
        /// The associated instance or interface, by id or name
        #[arg(value_name = "INSTANCE|INTERFACE")]
        target: String,
        #[command(flatten)]
        change: Change,
    },
    /// Explain in words why a VIP is where it is, or why nobody holds it, and what to do
    ///
    /// Says who may claim it and what their hosts have seen of them (link, VRRP adverts, answers),
    /// who holds it since when and why, what was refused for its address in the last ten minutes,
    /// and what a host could not program.
    Why {
        /// Its id, name or address
        vip: String,
    },
    /// Run a failover on purpose and report how long nobody sent as the VIP
    ///
    /// Takes the link of the holder's interface away, as if its cable were pulled. The agent of its host gives the
    /// link back after the time, whatever becomes of this command. Everything that goes through this interface
    /// stops meanwhile, and other VIPs that it holds move, too.
    /// Refused if nobody holds the VIP or nobody else could take it over.
    Drill {
        /// Its id, name or address
        vip: String,
        /// Seconds without link, 1 to 60; keepalived with adverts of 1 s needs up to 4 to take over
        #[arg(long = "for", value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=60))]
        lasts: u32,
        /// Do not ask first
        #[arg(short, long)]
        yes: bool,
    },
    /// Show how a VIP moved, oldest first, and how long nobody sent as it
    ///
    /// OUTAGE is the time from the last packet from the VIP before the move to the first one after it, as the
    /// switches of the two hosts saw them; of a VIP that nobody uses it is no more than silence.
    /// `-o json` says in outage_unknown why a figure is not known.
    History {
        /// Its id, name or address
        vip: String,
    },
}

impl Verb for VipVerb {
    fn run(self, session: &Session) -> Result<()> {
        let id_of = |called: &str| session.id_of::<Vip>(called);
        match self {
            Self::Create {
                subnet,
                address,
                family,
                name,
                description,
                associate,
                binding,
                contention,
                no_assist,
                advert_sources,
                label,
                change,
            } => {
                let subnet = session.id_of::<Subnet>(&subnet)?;
                let targets: Result<Vec<_>> =
                    associate.iter().map(|called| session.guest_called(called)).collect();
                let body = CreateVip {
                    subnet,
                    address,
                    family,
                    name,
                    description,
                    tags: label.tags(),
                    resource_group: label.group(session)?,
                    binding,
                    contention,
                    assist: !no_assist,
                    associations: targets?.into_iter().map(Associate::claim).collect(),
                    advert_sources,
                };
                change.show(session, &change.client(session).create_vip(&body)?)
            }
            Self::List { vpc, subnet, instance, name, q, labelled } => {
                let vpc = session.id_of_any::<Vpc>(vpc.as_deref())?;
                let subnet = session.id_of_any::<Subnet>(subnet.as_deref())?;
                let instance = session.id_of_any::<Instance>(instance.as_deref())?;
                let filter = VipFilter {
                    vpc,
                    subnet,
                    instance,
                    name,
                    resource_group: labelled.group(session)?,
                    tag: labelled.tag,
                    q,
                    ..Default::default()
                };
                session.show_all(&session.client.all_vips(&filter)?)
            }
            Self::Get { vip } => session.show_details(&session.get::<Vip>(&vip)?),
            Self::Update {
                vip,
                name,
                description,
                contention,
                assist,
                advert_sources,
                no_advert_sources,
                change,
            } => {
                let is_named = no_advert_sources || !advert_sources.is_empty();
                let advert_sources = is_named.then_some(advert_sources);
                let body = UpdateVip { name, description, contention, assist, advert_sources };
                change.show(session, &change.client(session).update_vip(&id_of(&vip)?, &body)?)
            }
            Self::Renew { vip, change } => {
                change.show(session, &change.client(session).renew_vip(&id_of(&vip)?)?)
            }
            Self::Delete { vips, unbind, change } => delete(session, &change, &vips, unbind),
            Self::Associate { vip, target, mode, change } => {
                let target = session.guest_called(&target)?;
                change.show(
                    session,
                    &change.client(session).associate(&id_of(&vip)?, &Associate { target, mode })?,
                )
            }
            Self::Dissociate { vip, target, change } => {
                let (vip, target) = (id_of(&vip)?, session.guest_called(&target)?);
                change.client(session).dissociate(&vip, &target)?;
                session.say(&format!("{target} may no longer claim {vip}"))
            }
            Self::Drill { vip, lasts, yes } => drill::run(session, &session.get::<Vip>(&vip)?, lasts, yes),
            Self::Why { vip } => why::show(session, &session.client.why_vip(&id_of(&vip)?)?),
            Self::History { vip } => session.show_all(&history(session, &id_of(&vip)?)?),
        }
    }
}

/// Deletes one VIP, or many with a line for each.
fn delete(session: &Session, change: &Change, called: &[String], unbind: bool) -> Result<()> {
    let ids: Vec<String> = called.iter().map(|called| session.id_of::<Vip>(called)).collect::<Result<_>>()?;
    if let [id] = ids.as_slice() {
        change.client(session).delete_vip(id, unbind)?;
        return session.say(&format!("{id} deleted"));
    }
    let mut results = Vec::new();
    for part in ids.chunks(BATCH_LIMIT) {
        let body = BatchDelete { ids: part.to_vec(), unbind };
        results.extend(change.client(session).delete_vips(&body)?.results);
    }
    match session.format {
        Format::Json => print(&json(&BatchDeleted { results: results.clone() })?)?,
        Format::Yaml => print(&serde_yaml_ng::to_string(&BatchDeleted { results: results.clone() })?)?,
        Format::Table | Format::Wide => {
            for row in &results {
                let outcome =
                    row.problem.as_ref().map_or("deleted".into(), |problem| format!("kept: {problem}"));
                session.say(&format!("{} {outcome}", row.id))?;
            }
        }
    }
    // The first refusal decides the exit code; every one has been shown.
    match results.iter().find_map(|row| row.problem.clone()) {
        Some(problem) if results.len() == 1 => Err(ClientError::Refused(Box::new(problem)).into()),
        Some(_) => {
            let kept = results.iter().filter(|row| row.problem.is_some()).count();
            bail!("{kept} of {} {}s were not deleted", results.len(), Vip::NOUN)
        }
        None => Ok(()),
    }
}

/// All pages of a VIP's history.
fn history(session: &Session, id: &str) -> Result<Vec<Move>> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = session.client.vip_history(id, &HistoryFilter { after, limit: Some(200) })?;
        all.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

/// A batch has at most so many ids.
const BATCH_LIMIT: usize = 200;
