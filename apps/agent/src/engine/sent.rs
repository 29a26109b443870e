//! When ports of this host sent as the VIPs that they held: the server makes an outage of it.

use super::Engine;
use super::program::chain;
use havip_model::{Epoch, Record, Timestamp, VipKey};
use havip_stream::convert::{self, Sending};
use havip_switch::Sent;
use std::time::Duration;

/// The claims whose first and last packets were told.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct SentTold {
    first: Epoch,
    last: Epoch,
}

impl Engine {
    /// A port of this host holds the VIP and sent its first packet as it.
    pub(super) fn serves(&mut self, vip: VipKey, epoch: Epoch, at: Duration, before_at: Option<Duration>) {
        let told = self.records.sent.entry(vip).or_default();
        if std::mem::replace(&mut told.first, epoch) == epoch {
            return; // two processors saw a first packet
        }
        let (first_at, before_at) = (self.at(at), before_at.map(|before| self.at(before)));
        self.tell_sent(vip, epoch, Sending::Began { first_at, before_at });
    }

    /// The record has changed; if a port of this host held the VIP before, its claim has ended.
    pub(super) fn may_have_ended(&mut self, vip: VipKey, before: Option<Record>, now: &Record) {
        let before = before.filter(|before| before.holder.host == self.host && !before.released);
        let Some(ended) = before.filter(|before| before.rank() != now.rank()) else { return };
        match self.switch.record_and_sent(vip) {
            Ok((_, sent)) => {
                let last_at = last_under(ended.epoch, sent);
                self.ended(vip, ended.epoch, last_at);
            }
            Err(error) => tracing::error!(error = chain(&error), "could not read a record"),
        }
    }

    /// What nobody heard of: the ring was full, no agent was there, or the stream is a new one.
    pub(super) fn tell_missed_sent(&mut self, vip: VipKey, record: Option<&Record>, sent: Option<Sent>) {
        let (Some(record), Some(sent)) = (record, sent) else { return };
        self.serves(vip, sent.epoch, sent.first_at, sent.before_at);
        let holds = record.holder.host == self.host && !record.released && record.epoch == sent.epoch;
        if !holds {
            self.ended(vip, sent.epoch, Some(sent.last_at));
        }
    }

    fn ended(&mut self, vip: VipKey, epoch: Epoch, last_at: Option<Duration>) {
        let told = self.records.sent.entry(vip).or_default();
        if std::mem::replace(&mut told.last, epoch) != epoch {
            let last_at = last_at.map(|last| self.at(last));
            self.tell_sent(vip, epoch, Sending::Ended { last_at });
        }
    }

    fn tell_sent(&self, vip: VipKey, epoch: Epoch, sending: Sending) {
        self.outbox.sent(convert::sent_message(&convert::Sent { vip, epoch, sending }));
    }

    fn at(&self, since_boot: Duration) -> Timestamp {
        Timestamp(self.wall_ms(since_boot))
    }
}

/// The last packet under a claim of this host that has ended; its successor here may have sent already.
fn last_under(epoch: Epoch, sent: Option<Sent>) -> Option<Duration> {
    let sent = sent?;
    match sent.epoch.cmp(&epoch) {
        std::cmp::Ordering::Equal => Some(sent.last_at),
        std::cmp::Ordering::Greater => sent.before_at,
        std::cmp::Ordering::Less => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_packet_of_a_claim_is_found_also_when_its_successor_has_sent() {
        let ms = Duration::from_millis;
        let sent = Sent { epoch: Epoch(5), first_at: ms(50), last_at: ms(59), before_at: Some(ms(49)) };
        for (epoch, last) in [(4, Some(ms(49))), (5, Some(ms(59))), (6, None)] {
            assert_eq!(last_under(Epoch(epoch), Some(sent)), last, "{epoch}");
        }
        assert_eq!(last_under(Epoch(4), Some(Sent { before_at: None, ..sent })), None);
        assert_eq!(last_under(Epoch(5), None), None);
    }
}
