//! What the switch tells, on its way to the server.

use super::Engine;
use havip_model::{RefusalReason, Timestamp};
use havip_stream::convert::{self, Refused};
use havip_switch::{SwitchEvent, reason_name};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Refusals of hosts that nobody knows here: perhaps the server just told them of us before it told us of them.
#[derive(Debug, Default)]
pub struct Strangers {
    waiting: Vec<(Duration, Ipv4Addr, Refused)>,
}

impl Strangers {
    /// Keeps one for a while.
    fn wait(&mut self, until: Duration, outer: Ipv4Addr, refused: Refused) {
        // More than this in three seconds is no race.
        if self.waiting.len() < 64 {
            self.waiting.push((until, outer, refused));
        }
    }

    /// Those whose time is over and whose senders are still unknown.
    fn due(&mut self, now: Duration, is_host: impl Fn(Ipv4Addr) -> bool) -> Vec<Refused> {
        let (due, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(until, ..)| *until <= now);
        self.waiting = waiting;
        let due: Vec<(Duration, Ipv4Addr, Refused)> = due;
        due.into_iter().filter(|(_, outer, _)| !is_host(*outer)).map(|(_, _, refused)| refused).collect()
    }
}

impl Engine {
    pub(super) fn switch_event(&mut self, now: Duration, event: SwitchEvent) {
        match event {
            SwitchEvent::Notice { at, notice, .. } => self.noticed(at, notice),
            SwitchEvent::Refused { at, reason, port, mac, address, outer, count } => {
                tracing::debug!(name = reason_name(reason), ?port, %mac, ?address, ?outer, count, "refused");
                let at = Timestamp(self.wall_ms(at));
                // Of what came over the underlay, who sent it says more than what it was about.
                let address = outer.map(IpAddr::V4).or(address);
                let refused = Refused { reason, port, mac, address, count, at };
                match outer.filter(|_| is_of_stranger(reason)) {
                    Some(outer) => self.strangers.wait(now + ACQUAINTANCE, outer, refused),
                    None => self.outbox.refused(convert::refused_message(&refused)),
                }
            }
            SwitchEvent::Serves { at, key, epoch, before_at, .. } => self.serves(key, epoch, at, before_at),
            SwitchEvent::AdvertSeen { key, port, .. } => tracing::debug!(vip = ?key, %port, "first advert"),
            SwitchEvent::Arrived { at, port } => self.guest_arrived(at, port),
            SwitchEvent::EchoReturned { host, .. } => self.echo_returned(now, host),
        }
    }

    /// Reports the strangers that have stayed strangers.
    pub(super) fn report_strangers(&mut self, now: Duration) {
        let known: BTreeSet<IpAddr> = self.other_hosts().map(|host| host.underlay).collect();
        for refused in self.strangers.due(now, |outer| known.contains(&outer.into())) {
            self.outbox.refused(convert::refused_message(&refused));
        }
    }
}

fn is_of_stranger(reason: RefusalReason) -> bool {
    reason_name(reason) == "outer_unknown"
}

/// How long the server may take to tell a host of another one.
const ACQUAINTANCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::MacAddr;

    #[test]
    fn only_a_sender_that_stays_unknown_is_reported() {
        let refused = |count| Refused {
            reason: RefusalReason(64),
            port: None,
            mac: MacAddr::ZERO,
            address: None,
            count,
            at: Timestamp(0),
        };
        assert!(is_of_stranger(RefusalReason(64)));
        let (known, unknown) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 9));
        let mut strangers = Strangers::default();
        strangers.wait(Duration::from_secs(3), known, refused(1));
        strangers.wait(Duration::from_secs(3), unknown, refused(2));
        assert_eq!(strangers.due(Duration::from_secs(2), |address| address == known), []);
        assert_eq!(strangers.due(Duration::from_secs(3), |address| address == known), [refused(2)]);
        assert_eq!(strangers.due(Duration::from_secs(9), |_| false), []);
    }
}
