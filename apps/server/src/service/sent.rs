//! What hosts tell of the packets that holders sent: made into the figure of each move.

use super::Service;
use crate::{ledger::State, outage::Outage};
use havip_model::{Epoch, EventKind, Holder, HostNumber, VipId};
use havip_stream::convert::Sent;
use std::collections::BTreeSet;

impl Service {
    /// Takes over what holders on a host sent; each figure that becomes known is recorded, once.
    pub async fn sent(&self, host: HostNumber, all: Vec<Sent>) {
        let mut touched: BTreeSet<VipId> = BTreeSet::new();
        self.read(|durable| {
            let mut sendings = self.sendings();
            for sent in &all {
                let Some(vip) = durable.state.world.vip_by_key(sent.vip) else { continue };
                let is_own = claims(&durable.state, vip.id)
                    .any(|(epoch, holder)| epoch == sent.epoch && holder.host == host);
                if is_own {
                    sendings.note(vip.id, sent);
                    touched.insert(vip.id);
                }
            }
            // Of a VIP that is gone nobody wants to know.
            sendings.retain(|vip| durable.state.world.vips.contains_key(vip));
        });
        if !self.read(|durable| touched.iter().any(|vip| !self.served(&durable.state, *vip).is_empty())) {
            return;
        }
        self.record("served", |state, write| {
            for vip in &touched {
                for kind in self.served(state, *vip) {
                    let EventKind::VipServed { first_at, .. } = &kind else { continue };
                    write.event(state.timeline.last(), *first_at, kind);
                }
            }
        })
        .await;
    }

    /// The figure of a claim that is not recorded, and why it is not known.
    pub fn outage(&self, state: &State, vip: VipId, claim: (Epoch, Holder)) -> Outage {
        let mut earlier: Vec<_> = claims(state, vip).filter(|(epoch, _)| *epoch < claim.0).collect();
        earlier.sort_unstable_by_key(|(epoch, _)| std::cmp::Reverse(*epoch));
        self.sendings().outage(vip, claim, earlier)
    }

    /// Figures that are known and not recorded.
    fn served(&self, state: &State, vip: VipId) -> Vec<EventKind> {
        let Some(its) = state.world.vips.get(&vip) else { return vec![] };
        let begun = self.sendings().begun(vip);
        let open = begun.into_iter().filter(|epoch| state.timeline.served(vip, *epoch).is_none());
        let figures = open.filter_map(|epoch| {
            let (_, holder) = claims(state, vip).find(|(of, _)| *of == epoch)?;
            let Outage::Known { last_at, first_at } = self.outage(state, vip, (epoch, holder)) else {
                return None;
            };
            let address = its.address();
            Some(EventKind::VipServed { vip, address, epoch, holder, last_at, first_at })
        });
        figures.collect()
    }
}

/// The claims of a VIP, the newest move first.
fn claims(state: &State, vip: VipId) -> impl Iterator<Item = (Epoch, Holder)> {
    state.timeline.moves_before(vip, u64::MAX).filter_map(|event| match event.kind {
        EventKind::VipMoved { epoch, to: Some(holder), .. } => Some((epoch, holder)),
        _ => None,
    })
}
