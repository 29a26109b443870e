//! How long nobody sent as a VIP, as an event and in its history.

use super::Shapes;
use crate::{outage::Outage, shape::time};
use havip_model::{Epoch, EventKind, Holder, MacAddr, VipId};

/// The figure of a move; all empty where nobody holds the VIP since.
#[derive(Default)]
pub(super) struct Figure {
    pub outage_ms: Option<u64>,
    pub last_sent_at: Option<String>,
    pub first_sent_at: Option<String>,
    pub unknown: Option<String>,
}

impl Shapes<'_> {
    pub(super) fn served(&self, shown: &mut havip_api::Event, kind: &EventKind) {
        let EventKind::VipServed { vip, address, epoch, holder, last_at, first_at } = kind else { return };
        let outage_ms = first_at.0.saturating_sub(last_at.0);
        let mac = self.plugged(*holder).map_or(MacAddr::ZERO, |interface| interface.mac);
        self.on_port(shown, holder.host, Some(holder.port));
        shown.vip = Some(vip.to_string());
        shown.address = Some(address.to_string());
        shown.epoch = Some(epoch.0.to_string());
        shown.holder = Some(self.holder(*holder, *epoch, mac, None));
        shown.outage_ms = Some(outage_ms);
        shown.text = format!(
            "{} sends as VIP {address}, which nobody had done for {outage_ms} ms",
            self.words(*holder)
        );
    }

    /// What is known of the outage that a move to this holder cost.
    pub(super) fn figure(&self, vip: VipId, epoch: Epoch, to: Option<Holder>) -> Figure {
        let Some(holder) = to else { return Figure::default() };
        let served = self.durable.state.timeline.served(vip, epoch).map(|event| &event.kind);
        let outage = match served {
            Some(EventKind::VipServed { last_at, first_at, .. }) => {
                Outage::Known { last_at: *last_at, first_at: *first_at }
            }
            _ => self.service.outage(&self.durable.state, vip, (epoch, holder)),
        };
        let unknown = |why: String| Figure { unknown: Some(why), ..Figure::default() };
        match outage {
            Outage::Known { last_at, first_at } => Figure {
                outage_ms: Some(first_at.0.saturating_sub(last_at.0)),
                last_sent_at: Some(time(last_at)),
                first_sent_at: Some(time(first_at)),
                unknown: None,
            },
            Outage::NotSent => {
                unknown(format!("{} has not sent as the VIP, as far as is known", self.words(holder)))
            }
            Outage::NotTold(before) => unknown(format!(
                "{} has not told when {} last sent as the VIP",
                self.called(before.host),
                self.words(before)
            )),
            Outage::NobodyBefore => unknown("nobody is known to have sent as the VIP before".into()),
        }
    }
}
