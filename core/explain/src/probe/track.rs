//! Where the packet went: what hosts saw of it, put into the order of its way.

use havip_model::{HostNumber, PortNumber};
use std::collections::BTreeSet;

/// What one host's switch did with the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Which host.
    pub host: HostNumber,
    /// By its clock, in microseconds since 1970.
    pub at_us: u64,
    /// The host that it came from; none: a port of this one, or the outside.
    pub from: Option<HostNumber>,
    /// What became of it.
    pub became: LiveEnd,
}

/// Where a packet is: as far as one host can tell, or in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveEnd {
    /// A port of this host was given it.
    Delivered(PortNumber),
    /// On its way to another host.
    ToHost(HostNumber),
    /// It left by the edge.
    Outside,
    /// The switch itself answered.
    Answered,
    /// The switch took it for something that is for itself.
    Used,
    /// Dropped, or refused: then its sender was told.
    Dropped {
        /// The reason's name.
        reason: String,
        /// Whether its sender was told.
        is_told: bool,
    },
    /// No hook has seen it: the device took it, or it is gone before.
    NeverSeen,
    /// One host sent it, and the other has not seen it: the network between them lost it.
    LostOnTheWay {
        /// Which sent it.
        from: HostNumber,
        /// To which.
        to: HostNumber,
    },
    /// It went to a host that nobody asked.
    OutOfSight(HostNumber),
}

/// The way of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// The hosts that saw it, in order.
    pub sights: Vec<Sight>,
    /// Where it is.
    pub end: LiveEnd,
}

impl Track {
    /// Nothing that is seen later changes it.
    pub fn is_final(&self) -> bool {
        !matches!(self.end, LiveEnd::NeverSeen | LiveEnd::LostOnTheWay { .. })
    }
}

/// Puts what was seen in order, beginning at the port of this host that sent it; `watched` were looked on at.
pub fn track(first: HostNumber, watched: &BTreeSet<HostNumber>, seen: &[Sight]) -> Track {
    let mut left: Vec<&Sight> = seen.iter().collect();
    left.sort_by_key(|sight| sight.at_us);
    let (mut host, mut from) = (first, None);
    let mut sights: Vec<Sight> = vec![];
    loop {
        let Some(at) = left.iter().position(|sight| sight.host == host && sight.from == from) else {
            let end = match from {
                None => LiveEnd::NeverSeen,
                Some(_) if !watched.contains(&host) => LiveEnd::OutOfSight(host),
                Some(from) => LiveEnd::LostOnTheWay { from, to: host },
            };
            return Track { sights, end };
        };
        let sight = left.remove(at).clone();
        let became = sight.became.clone();
        sights.push(sight);
        match became {
            LiveEnd::ToHost(to) => (host, from) = (to, Some(host)),
            end => return Track { sights, end },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(number: u32) -> HostNumber {
        HostNumber::new(number).unwrap()
    }

    fn sight(at: u32, from: Option<u32>, became: LiveEnd) -> Sight {
        Sight { host: host(at), at_us: 0, from: from.map(host), became }
    }

    #[test]
    fn what_hosts_saw_becomes_one_way_with_a_place_where_it_ends() {
        let port = PortNumber::MIN;
        let watched: BTreeSet<_> = [1, 2].map(host).into();
        let dropped = || LiveEnd::Dropped { reason: "group_ingress".into(), is_told: false };
        let rows = [
            (vec![], LiveEnd::NeverSeen, false),
            (vec![sight(1, None, LiveEnd::Delivered(port))], LiveEnd::Delivered(port), true),
            // What the second host saw may be told before what the first one saw.
            (vec![sight(2, Some(1), dropped()), sight(1, None, LiveEnd::ToHost(host(2)))], dropped(), true),
            (
                vec![sight(1, None, LiveEnd::ToHost(host(2)))],
                LiveEnd::LostOnTheWay { from: host(1), to: host(2) },
                false,
            ),
            (vec![sight(1, None, LiveEnd::ToHost(host(3)))], LiveEnd::OutOfSight(host(3)), true),
            // Passed on to a third one, as the VIP had moved (C8), and back.
            (
                vec![
                    sight(1, None, LiveEnd::ToHost(host(2))),
                    sight(2, Some(1), LiveEnd::ToHost(host(1))),
                    sight(1, Some(2), LiveEnd::Delivered(port)),
                ],
                LiveEnd::Delivered(port),
                true,
            ),
        ];
        for (seen, end, is_final) in rows {
            let track = track(host(1), &watched, &seen);
            assert_eq!((&track.end, track.is_final()), (&end, is_final), "{seen:?}");
            assert_eq!(track.sights.len(), seen.len());
        }
    }
}
