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
    /// The VIPs it names; other addresses are left out.
    pub names: Vec<Named>,
}

/// A VIP that an advert names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// The VIP.
    pub key: VipKey,
    /// Its user lets the switch speak for dead holders.
    pub assists: bool,
    /// The port that was given the advert may claim it.
    pub may_claim: bool,
    /// Who holds it, or held it until it was released.
    pub record: Option<Record>,
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
    /// A VIP it names that the dead sender holds or held, and its record: the switch speaks only if that is still so.
    pub key: VipKey,
    /// The record.
    pub record: Record,
    /// Every such VIP: a claim of one of them that follows was assisted.
    pub names: Vec<VipKey>,
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
    /// It names no VIP that its sender holds and the port may claim: a demoted peer's death moves nothing.
    NotHolder,
    /// Its sender is not among the dead.
    SenderLives,
    /// A VIP that it names has `assist=off`.
    Off,
}

/// Whether the advert may be repeated, now that some are dead.
///
/// # Errors
/// The reason why not.
pub fn verdict(now: Duration, known: &Known, is_dead: impl Fn(Holder) -> bool) -> Result<Speech, Silence> {
    let Known { delivered, advert, names } = known;
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
    let held: Vec<(VipKey, Record)> = names
        .iter()
        .filter(|named| named.may_claim)
        .filter_map(|named| {
            Some((named.key, named.record.filter(|record| record.holder.port == delivered.sender)?))
        })
        .collect();
    let &(key, record) = held.first().ok_or(Silence::NotHolder)?;
    if !is_dead(record.holder) {
        return Err(Silence::SenderLives);
    }
    // One advert speaks of all its VIPs: whoever wants one of them left alone has all of them left alone.
    if names.iter().any(|named| !named.assists) {
        return Err(Silence::Off);
    }
    let names = held.into_iter().map(|(key, _)| key).collect();
    let &Delivered { to, source, router, .. } = delivered;
    Ok(Speech { to, source, router, key, record, names, interval })
}
