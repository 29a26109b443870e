//! A failover on purpose.

use super::{Caller, Fault, FaultKind, Service};
use crate::{
    entropy,
    shape::{Shapes, time},
};
use havip_model::{EventKind, Timestamp, Vip, VipId};
use havip_stream::proto::{Drill, command::Body};
use std::time::Duration;

impl Service {
    /// Takes the link of a VIP's holder away for a while; the holder's agent gives it back by itself.
    pub async fn drill(
        &self,
        caller: &Caller,
        id: VipId,
        lasts: Duration,
    ) -> Result<havip_api::Drill, Fault> {
        let not_found = || Fault::not_found("VIP", "vip_not_found", &id.to_string());
        let begun_at = entropy::now();
        let (drill, holder) = self.read(|durable| {
            let vip: &Vip = durable.state.world.vips.get(&id).ok_or_else(not_found)?;
            let shapes = Shapes::of(self, durable);
            if let Some(obstacle) = shapes.obstacle(vip, begun_at) {
                return Err(Fault::new(FaultKind::Conflict, obstacle.code, obstacle.text));
            }
            let shown = shapes.vip(vip);
            let record = durable.state.records.get(&vip.key);
            let held = shown.holder.zip(record.and_then(|record| record.present_holder()));
            let (shown, holder) = held.ok_or_else(not_found)?;
            // Everything that the interface holds moves with it.
            let others = durable.state.world.vips_of_vpc(vip.vpc).filter(|other| other.id != id);
            let others = others.filter(|other| {
                let record = durable.state.records.get(&other.key);
                let record = record.filter(|record| record.incarnation == other.incarnation);
                record.and_then(|record| record.present_holder()) == Some(holder)
            });
            let drill = havip_api::Drill {
                vip: id.to_string(),
                address: vip.address().to_string(),
                holder: shown,
                also: others.map(|other| other.id.to_string()).collect(),
                begun_at: time(begun_at),
                ends_at: time(Timestamp(begun_at.0 + lasts.as_millis() as u64)),
                after: durable.state.timeline.last(),
            };
            Ok((drill, holder))
        })?;
        let for_ms = u32::try_from(lasts.as_millis()).unwrap_or(u32::MAX);
        let order = Drill { port: holder.port.get(), for_ms };
        self.note_order(caller, id.to_string()).await?;
        self.tracker.command(holder.host, Body::Drill(order), PATIENCE).await?;
        // Whoever sees the port go down should find out that it was on purpose.
        self.note(EventKind::Changed { resource: id.to_string(), change: "drilled".into() }).await;
        Ok(drill)
    }
}

/// An agent sets a device down within some ms.
const PATIENCE: Duration = Duration::from_secs(5);
