//! Why a VIP is where it is: what the server knows, and what the hosts of those who may claim it have seen.

use super::{Fault, Service};
use crate::{entropy, shape::Shapes};
use havip_explain::Seen;
use havip_model::{HostNumber, PortNumber, Target, Vip, VipId, World};
use havip_stream::{
    convert,
    proto::{LookAtVip, PortSeen, command::Body},
};
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

impl Service {
    /// Says why. A host that does not answer in time is not waited for.
    pub async fn why(&self, id: VipId) -> Result<havip_api::Why, Fault> {
        let not_found = || Fault::not_found("VIP", "vip_not_found", &id.to_string());
        let looked = self.read(|durable| {
            let vip = durable.state.world.vips.get(&id)?;
            let hosts: BTreeSet<HostNumber> = candidates(&durable.state.world, vip)
                .filter_map(|candidate| candidate.interface.host)
                .collect();
            Some((vip.key, hosts))
        });
        let (key, hosts) = looked.ok_or_else(not_found)?;
        let vip = Some(convert::vip_key_message(key));
        let looks = hosts.into_iter().map(|host| {
            let look = LookAtVip { vip: vip.clone() };
            self.tracker.command(host, Body::Look(look), PATIENCE)
        });
        let results = futures_util::future::join_all(looks).await;
        let seen: HashMap<PortNumber, Seen> = results
            .into_iter()
            .flatten()
            .flat_map(|result| result.seen)
            .filter_map(|seen| Some((PortNumber::new(seen.port).ok()?, read(&seen))))
            .collect();
        self.read(|durable| {
            let vip = durable.state.world.vips.get(&id).ok_or_else(not_found)?;
            Ok(Shapes::of(self, durable).why(vip, &seen, entropy::now()))
        })
    }
}

/// An interface that may claim a VIP, or send as it.
pub struct Candidate<'a> {
    /// The interface.
    pub interface: &'a havip_model::Interface,
    /// It may claim.
    pub may_hold: bool,
}

/// The interfaces that may claim a VIP, or send as it; at most 20 of a whole subnet.
pub fn candidates<'a>(world: &'a World, vip: &'a Vip) -> impl Iterator<Item = Candidate<'a>> {
    let associated = vip.associations.iter().flat_map(|association| {
        let may_hold = association.mode == havip_model::AssociationMode::Claim;
        let (of_instance, alone) = match association.target {
            Target::Instance(id) => (Some(world.interfaces_of(id)), None),
            Target::Interface(id) => (None, world.interfaces.get(&id)),
        };
        let all = of_instance.into_iter().flatten().chain(alone);
        all.filter(|interface| interface.subnet == vip.subnet)
            .map(move |interface| Candidate { interface, may_hold })
    });
    let is_open = vip.binding == havip_model::Binding::Subnet;
    let of_subnet = is_open.then(|| world.interfaces_of_subnet(vip.subnet));
    let of_subnet = of_subnet.into_iter().flatten().map(|interface| Candidate { interface, may_hold: true });
    associated.filter(move |_| !is_open).chain(of_subnet).take(MOST_CANDIDATES)
}

fn read(seen: &PortSeen) -> Seen {
    let ms = Duration::from_millis;
    Seen {
        advert: seen.advert_ago_ms.map(|ago| (ms(ago), ms(seen.advert_interval_ms))),
        asked: seen.asked_ago_ms.map(ms),
        answered: seen.answered_ago_ms.map(ms),
    }
}

/// A person waits; an agent looks within some ms.
const PATIENCE: Duration = Duration::from_secs(1);
const MOST_CANDIDATES: usize = 20;
