//! What the switch tells, on its way to the server.

use super::Engine;
use havip_model::{MoveCause, Record, Timestamp, VipKey};
use havip_stream::convert::{self, Move, Refused};
use havip_switch::SwitchEvent;
use std::time::Duration;

impl Engine {
    pub(super) fn switch_event(&mut self, now: Duration, event: SwitchEvent) {
        match event {
            SwitchEvent::Notice { at, notice, before, .. } => self.noticed(at, notice, before),
            SwitchEvent::Refused { at, reason, port, mac, address, outer, count } => {
                let name = havip_switch::reason_name(reason);
                tracing::debug!(name, ?port, %mac, ?address, ?outer, count, "refused");
                let at = Timestamp(self.wall_ms(at));
                let refused = Refused { reason, port, mac, address, count, at };
                self.outbox.refused(convert::refused_message(&refused));
            }
            SwitchEvent::AdvertSeen { key, port, .. } => tracing::debug!(vip = ?key, %port, "first advert"),
            SwitchEvent::EchoReturned { host, .. } => self.echo_returned(now, host),
        }
    }

    /// A move that was made on this host; the others' are told by theirs.
    pub(super) fn tell_move(
        &mut self,
        at: Duration,
        vip: VipKey,
        record: Record,
        before: Option<Record>,
        cause: MoveCause,
    ) {
        let from = before.filter(|before| before.incarnation == record.incarnation);
        let from = from.and_then(|before| before.present_holder());
        tracing::info!(vip = ?vip, to = ?record.present_holder(), ?from, ?cause, epoch = record.epoch.0, "holder changed");
        let moved = Move { vip, record, from, cause, at: Timestamp(self.wall_ms(at)) };
        self.outbox.moved(convert::move_message(&moved));
    }
}
