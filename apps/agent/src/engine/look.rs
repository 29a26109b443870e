//! What this host has seen of its ports that may claim a VIP: for whoever asks why a VIP is where it is.

use super::Engine;
use super::program::chain;
use crate::clock;
use havip_claim::Order;
use havip_model::{PortNumber, VipKey};
use havip_reconcile::table::{Address, Entry, EntryKey};
use havip_stream::{convert, proto};
use havip_switch::Outcome;
use std::collections::BTreeMap;
use std::time::Duration;

/// When each port was last asked for a VIP's address, and when it answered; times since boot.
#[derive(Debug, Default)]
pub struct Asked {
    of: BTreeMap<(VipKey, PortNumber), Question>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Question {
    asked_at: Duration,
    answered_at: Option<Duration>,
}

impl Asked {
    /// An order was carried out; only asks matter here, and the end of a VIP.
    pub fn ordered(&mut self, order: &Order, outcome: Outcome, now: Duration) {
        match order {
            Order::Ask { key, port } if outcome == Outcome::Done => {
                self.of.insert((*key, *port), Question { asked_at: now, answered_at: None });
            }
            Order::Forget { key, .. } => self.of.retain(|(of, _), _| of != key),
            _ => {}
        }
    }

    /// The port has the address.
    pub fn answered(&mut self, key: VipKey, port: PortNumber, at: Duration) {
        if let Some(question) = self.of.get_mut(&(key, port)) {
            question.answered_at = Some(at);
        }
    }

    fn of(&self, key: VipKey, port: PortNumber) -> Option<Question> {
        self.of.get(&(key, port)).copied()
    }
}

impl Engine {
    /// What was seen of each own port that may claim the VIP.
    pub(super) fn look_at(&self, id: u64, look: &proto::LookAtVip) -> proto::CommandResult {
        let Some(Ok(vip)) = look.vip.as_ref().map(convert::vip_key) else {
            return proto::CommandResult { id, error: "which VIP?".into(), ..Default::default() };
        };
        let table = self.desired.table();
        let open_in = match table.get(&EntryKey::Address(vip.vni, vip.address)) {
            Some(Entry::Address(Address::Vip { subnet, subnet_binding: true, .. })) => Some(*subnet),
            _ => None,
        };
        let may_claim = |port: &PortNumber, subnet| {
            open_in == Some(subnet) || table.contains_key(&EntryKey::Entitled(vip, *port))
        };
        let ports = self.port_items().filter(|item| may_claim(&item.port, item.subnet));
        let now = clock::since_boot();
        let seen = ports.map(|item| self.seen(vip, item.port, now)).collect();
        proto::CommandResult { id, seen, ..Default::default() }
    }

    fn seen(&self, vip: VipKey, port: PortNumber, now: Duration) -> proto::PortSeen {
        let advert = self.switch.last_advert(vip, port).unwrap_or_else(|error| {
            tracing::error!(error = chain(&error), "could not read a port's last advert");
            None
        });
        let question = self.claims.asked.of(vip, port);
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let ago = |at: Duration| ms(now.saturating_sub(at));
        proto::PortSeen {
            port: port.get(),
            advert_ago_ms: advert.map(|(at, _)| ago(at)),
            advert_interval_ms: advert.map_or(0, |(_, interval)| ms(interval)),
            asked_ago_ms: question.map(|question| ago(question.asked_at)),
            answered_ago_ms: question.and_then(|question| question.answered_at).map(ago),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::{Incarnation, Vni};

    #[test]
    fn an_answer_belongs_to_the_question_before_it() {
        let key = VipKey { vni: Vni::MIN, address: "10.0.0.9".parse().unwrap() };
        let (port, secs) = (PortNumber::MIN, Duration::from_secs);
        let mut asked = Asked::default();
        asked.answered(key, port, secs(1));
        assert_eq!(asked.of(key, port), None, "nobody had asked");

        asked.ordered(&Order::Ask { key, port }, Outcome::Refused, secs(1));
        assert_eq!(asked.of(key, port), None, "the port is down");
        asked.ordered(&Order::Ask { key, port }, Outcome::Done, secs(2));
        asked.answered(key, port, secs(3));
        assert_eq!(asked.of(key, port).unwrap().answered_at, Some(secs(3)));
        asked.ordered(&Order::Ask { key, port }, Outcome::Done, secs(4));
        assert_eq!(asked.of(key, port), Some(Question { asked_at: secs(4), answered_at: None }));

        asked.ordered(&Order::Forget { key, incarnation: Incarnation(1) }, Outcome::Done, secs(5));
        assert_eq!(asked.of(key, port), None);
    }
}
