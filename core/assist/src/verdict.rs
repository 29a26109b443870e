//! Whether an advert may be repeated for its dead sender.

use crate::Delivered;
use havip_model::{Holder, PortNumber, Record, VipKey};
use havip_wire::Vrrp;
use std::{net::IpAddr, time::Duration};

/// A remembered advert with what this host knows about whom and what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The memory.
    pub delivered: Delivered,
    /// What it says, if it can be read.
    pub advert: Option<Vrrp>,
    /// The port it came from, and the host that has it now; none if that is known no more.
    pub sender: Option<Holder>,
    /// The VIPs it names; other addresses are left out.
    pub names: Vec<Named>,
}

/// A VIP that an advert names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The VIP.
    pub key: VipKey,
    /// Its user lets the switch speak for dead holders.
    pub assists: bool,
    /// The active ports that may claim it, of the instance that was given the advert: that port first, if it is one.
    pub heirs: Vec<PortNumber>,
    /// Who holds it, or held it until it was released.
    pub record: Option<Record>,
    /// The record names a port of the sender's instance: the sender itself, or the interface that has the VIPs where
    /// another one sends the adverts.
    pub is_senders: bool,
}

/// One advert to be repeated with priority 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speech {
    /// The port that hears it.
    pub to: PortNumber,
    /// Whose advert it is.
    pub source: IpAddr,
    /// The virtual router's number.
    pub router: u8,
    /// A VIP it names that the dead instance holds or held, and its record: the switch speaks only if that is still so.
    pub key: VipKey,
    /// The record.
    pub record: Record,
    /// A port of the instance that hears it, which may claim that VIP: the switch speaks only if that is still so.
    pub heir: PortNumber,
    /// Every such VIP with the ports that may claim it: a claim by one of them that follows was assisted.
    pub names: Vec<(VipKey, Vec<PortNumber>)>,
    /// The time between the sender's adverts: who hears this takes over within it.
    pub interval: Duration,
}

/// Why nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Silence {
    /// It cannot be read, or only its sender can make such an advert (AH).
    NotRepeatable,
    /// Its sender had resigned before it died.
    Resigned,
    /// It was repeated already.
    Repeated,
    /// Three of its intervals are over: those who wait for the sender take over by themselves.
    TooOld,
    /// It names no VIP that its sender's instance holds and the port may claim: a demoted peer's death moves nothing.
    NotHolder,
    /// The holder is not among the dead.
    HolderLives,
    /// The holder is dead, and whether this port of its instance is too, which sends the adverts, is not known. While
    /// it lives its own software sees what happened.
    SenderUnknown(Holder),
    /// A VIP that it names has `assist=off`.
    Off,
}

/// Whether the advert may be repeated, now that some are dead.
///
/// # Errors
/// The reason why not.
pub fn verdict(now: Duration, known: &Known, is_dead: impl Fn(Holder) -> bool) -> Result<Speech, Silence> {
    let Known { delivered, advert, sender, names } = known;
    let advert = advert.as_ref().filter(|advert| advert.can_be_repeated()).ok_or(Silence::NotRepeatable)?;
    if advert.is_resignation() {
        return Err(Silence::Resigned);
    }
    if delivered.is_repeated {
        return Err(Silence::Repeated);
    }
    let interval = Duration::from_millis(10 * u64::from(advert.interval_centis()));
    if now.saturating_sub(delivered.at) >= 3 * interval {
        return Err(Silence::TooOld);
    }
    // One that was released when its port went down stays as good as dead for an instance of several ports.
    let is_gone = |record: &Record| record.released || is_dead(record.holder);
    let is_left = |record: &Record| match *sender {
        _ if record.holder.port == delivered.sender => is_dead(record.holder),
        Some(sender) => is_gone(record) && is_dead(sender),
        None => false,
    };
    let held: Vec<(&Named, Record)> = names
        .iter()
        .filter(|named| named.is_senders && !named.heirs.is_empty())
        .filter_map(|named| Some((named, named.record?)))
        .collect();
    if held.is_empty() {
        return Err(Silence::NotHolder);
    }
    let left: Vec<&(&Named, Record)> = held.iter().filter(|(_, record)| is_left(record)).collect();
    let Some(&&(first, record)) = left.first() else {
        let has_died = held.iter().any(|(_, record)| is_dead(record.holder));
        return Err(match sender.filter(|_| has_died) {
            Some(sender) => Silence::SenderUnknown(sender),
            None => Silence::HolderLives,
        });
    };
    // One advert speaks of all its VIPs: whoever wants one of them left alone has all of them left alone.
    if names.iter().any(|named| !named.assists) {
        return Err(Silence::Off);
    }
    let names = left.iter().map(|(named, _)| (named.key, named.heirs.clone())).collect();
    let &Delivered { to, source, router, .. } = delivered;
    Ok(Speech { to, source, router, key: first.key, record, heir: first.heirs[0], names, interval })
}
