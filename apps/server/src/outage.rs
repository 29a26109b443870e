//! How long nobody sent as a VIP when it moved: from the last packet of the old holder to the first of the new.
//!
//! The two come from different hosts, in any order, and of a lost host the first never comes.
//! Kept in memory only: agents say it again on each new stream.

use havip_model::{Epoch, Holder, Timestamp, VipId};
use havip_stream::convert::{Sending, Sent};
use std::collections::{BTreeMap, HashMap};

/// What is known of the packets that holders sent, by VIP and claim.
#[derive(Debug, Default)]
pub struct Sendings {
    of: HashMap<VipId, BTreeMap<Epoch, Packets>>,
}

/// What a holder sent under one claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Packets {
    /// The first packet, and the last that a port of the same host had sent under an earlier claim.
    first: Option<(Timestamp, Option<Timestamp>)>,
    /// Once the claim has ended: the last packet, if there was one.
    last: Option<Option<Timestamp>>,
}

/// The figure of one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Both packets are known.
    Known {
        /// The old holder's last.
        last_at: Timestamp,
        /// The new holder's first.
        first_at: Timestamp,
    },
    /// The new holder has not sent as the VIP, as far as is known.
    NotSent,
    /// The host of this earlier holder has not told when it sent its last.
    NotTold(Holder),
    /// Nobody is known to have sent as the VIP before.
    NobodyBefore,
}

impl Sendings {
    /// Takes over what a host told.
    pub fn note(&mut self, vip: VipId, sent: &Sent) {
        let of_vip = self.of.entry(vip).or_default();
        let packets = of_vip.entry(sent.epoch).or_default();
        match sent.sending {
            // Said again, it is the same; a second first packet of the same claim is a later one.
            Sending::Began { first_at, before_at } => {
                packets.first = packets.first.or(Some((first_at, before_at)))
            }
            Sending::Ended { last_at } => packets.last = Some(last_at),
        }
        while of_vip.len() > MOST_CLAIMS {
            of_vip.pop_first();
        }
    }

    /// Forgets VIPs that are no more.
    pub fn retain(&mut self, is_there: impl Fn(&VipId) -> bool) {
        self.of.retain(|vip, _| is_there(vip));
    }

    /// The claims of a VIP whose first packet is known.
    pub fn begun(&self, vip: VipId) -> Vec<Epoch> {
        let of_vip = self.of.get(&vip).into_iter().flatten();
        of_vip.filter(|(_, packets)| packets.first.is_some()).map(|(epoch, _)| *epoch).collect()
    }

    /// The figure of a claim; `earlier` are those before it, the newest first.
    pub fn outage(
        &self,
        vip: VipId,
        claim: (Epoch, Holder),
        earlier: impl IntoIterator<Item = (Epoch, Holder)>,
    ) -> Outage {
        let packets =
            |epoch| self.of.get(&vip).and_then(|of_vip| of_vip.get(&epoch)).copied().unwrap_or_default();
        let (epoch, holder) = claim;
        let Some((first_at, before_at)) = packets(epoch).first else { return Outage::NotSent };
        let mut last_at = before_at;
        for (epoch, of) in earlier {
            match packets(epoch).last {
                // What this host's ports sent before is known by the claim itself.
                None if of.host == holder.host && before_at.is_some() => break,
                None => return Outage::NotTold(of),
                Some(None) => {} // it never sent: the one before it counts
                Some(Some(last)) => {
                    last_at = last_at.max(Some(last));
                    break;
                }
            }
        }
        last_at.map_or(Outage::NobodyBefore, |last_at| Outage::Known { last_at, first_at })
    }
}

/// Who looks further back looks at what was recorded.
const MOST_CLAIMS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::{Body, HostNumber, PortNumber, VipKey, Vni};

    fn vip() -> VipId {
        VipId::new(Body::from_entropy([1; 16]))
    }

    fn holder(host: u32) -> Holder {
        Holder { host: HostNumber::new(host).unwrap(), port: PortNumber::new(host).unwrap() }
    }

    fn began(epoch: u64, first: u64, before: Option<u64>) -> (u64, Sending) {
        (epoch, Sending::Began { first_at: Timestamp(first), before_at: before.map(Timestamp) })
    }

    fn ended(epoch: u64, last: Option<u64>) -> (u64, Sending) {
        (epoch, Sending::Ended { last_at: last.map(Timestamp) })
    }

    fn known(last: u64, first: u64) -> Outage {
        Outage::Known { last_at: Timestamp(last), first_at: Timestamp(first) }
    }

    /// The figure of claim 3 on host 3, behind claims 2 and 1 on hosts 2 and 1.
    fn of_third(told: &[(u64, Sending)]) -> Outage {
        let mut sendings = Sendings::default();
        for (epoch, sending) in told {
            let key = VipKey { vni: Vni::MIN, address: "10.0.0.9".parse().unwrap() };
            sendings.note(vip(), &Sent { vip: key, epoch: Epoch(*epoch), sending: *sending });
        }
        let earlier = [(Epoch(2), holder(2)), (Epoch(1), holder(1))];
        sendings.outage(vip(), (Epoch(3), holder(3)), earlier)
    }

    #[test]
    fn an_outage_is_from_the_old_holders_last_packet_to_the_new_ones_first() {
        for (told, outage) in [
            (vec![ended(2, Some(100)), began(3, 350, None)], known(100, 350)),
            (vec![began(3, 350, None), ended(2, Some(100))], known(100, 350)),
            // The second holder never sent, so the first one's last packet counts.
            (vec![ended(1, Some(90)), ended(2, None), began(3, 350, None)], known(90, 350)),
            // Host 3 itself sent later than the one that is told.
            (vec![ended(2, Some(100)), began(3, 350, Some(120))], known(120, 350)),
            (vec![ended(2, Some(100))], Outage::NotSent),
            (vec![began(3, 350, None)], Outage::NotTold(holder(2))),
            (vec![ended(2, None), began(3, 350, None)], Outage::NotTold(holder(1))),
            (vec![ended(1, None), ended(2, None), began(3, 350, None)], Outage::NobodyBefore),
            // Told twice, as after a new stream.
            (vec![ended(2, Some(100)), began(3, 350, None), began(3, 351, None)], known(100, 350)),
        ] {
            assert_eq!(of_third(&told), outage, "{told:?}");
        }
    }

    #[test]
    fn a_move_within_a_host_is_known_by_the_new_holders_packet_alone() {
        let mut sendings = Sendings::default();
        let key = VipKey { vni: Vni::MIN, address: "10.0.0.9".parse().unwrap() };
        let (epoch, sending) = began(2, 350, Some(340));
        sendings.note(vip(), &Sent { vip: key, epoch: Epoch(epoch), sending });
        let outage = sendings.outage(vip(), (Epoch(2), holder(1)), [(Epoch(1), holder(1))]);
        assert_eq!(outage, known(340, 350));
        assert_eq!(sendings.begun(vip()), [Epoch(2)]);
        sendings.retain(|_| false);
        assert_eq!(sendings.begun(vip()), []);
    }
}
