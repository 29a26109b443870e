//! Events in plain words, with what to do about them.

mod finding;
mod served;

use super::{Shapes, time};
use havip_model::{
    Epoch, Event, EventKind, Evidence, Holder, HostNumber, Interface, MacAddr, MoveCause, PortNumber,
    Refusal, VipId, reason,
};
use std::net::IpAddr;

/// A move, as an event holds it.
struct Moved {
    vip: VipId,
    address: IpAddr,
    epoch: Epoch,
    from: Option<Holder>,
    to: Option<Holder>,
    cause: MoveCause,
    moves: Option<u32>,
    evidence: Option<Evidence>,
}

impl Shapes<'_> {
    /// An event.
    pub fn event(&self, event: &Event) -> havip_api::Event {
        let mut shown = havip_api::Event {
            sequence: event.sequence,
            at: time(event.at),
            kind: kind(&event.kind).into(),
            text: String::new(),
            advice: String::new(),
            vip: None,
            address: None,
            epoch: None,
            from: None,
            to: None,
            cause: None,
            holder: None,
            other: None,
            outage_ms: None,
            ahead_ms: None,
            evidence: None,
            reason: None,
            host: None,
            host_name: None,
            port: None,
            interface: None,
            instance: None,
            instance_name: None,
            mac: None,
            count: None,
            resource: None,
            change: None,
        };
        match &event.kind {
            EventKind::VipMoved { vip, address, epoch, from, to, cause, moves, evidence } => {
                let (vip, address, epoch, from, to) = (*vip, *address, *epoch, *from, *to);
                let (cause, moves, evidence) = (*cause, *moves, evidence.clone());
                self.moved(&mut shown, Moved { vip, address, epoch, from, to, cause, moves, evidence });
            }
            EventKind::Refused(refusal) => self.refused(&mut shown, refusal),
            EventKind::VipServed { .. } => self.served(&mut shown, &event.kind),
            EventKind::Found { vip, address, epoch, host, count, finding } => {
                let about = finding::About { vip: *vip, address: *address, epoch: *epoch };
                shown.count = Some(*count);
                self.found(&mut shown, about, *host, finding);
            }
            EventKind::HostJoined { host } => {
                self.on_host(&mut shown, *host);
                shown.text = format!("{} is live", self.called(*host));
            }
            EventKind::HostLost { host } => {
                self.on_host(&mut shown, *host);
                shown.text = format!("{} is not heard any more", self.called(*host));
                shown.advice = "look at the machine and its agent; its VIPs move to others meanwhile".into();
            }
            EventKind::EdgeMoved { address, subnet, to } => {
                self.on_host(&mut shown, *to);
                shown.address = Some(address.to_string());
                shown.resource = subnet.map(|subnet| subnet.to_string());
                let what = if subnet.is_some() { "external subnet " } else { "" };
                shown.text = format!("edge {} serves {what}{address} now", self.host_name(*to));
            }
            EventKind::InstanceChanged { instance, state, reason } => {
                let known = instance.parse().ok().and_then(|id| self.durable.state.world.instances.get(&id));
                if let Some(known) = known {
                    shown.instance_name = Some(known.meta.name.clone());
                    self.on_host(&mut shown, known.host);
                }
                let name = shown.instance_name.clone().filter(|name| !name.is_empty());
                shown.instance = Some(instance.clone());
                shown.change = Some(state.clone());
                shown.text = format!("instance {} is {state}", name.unwrap_or_else(|| instance.clone()));
                if !reason.is_empty() {
                    shown.text.push_str(&format!(": {reason}"));
                }
            }
            EventKind::Changed { resource, change } => {
                shown.text = format!("{resource} was {change}");
                shown.resource = Some(resource.clone());
                shown.change = Some(change.clone());
            }
        }
        shown
    }

    /// A move, as a VIP's history shows it.
    pub fn history_row(&self, event: &Event) -> Option<havip_api::Move> {
        let EventKind::VipMoved { vip, epoch, to, cause, moves, .. } = event.kind else { return None };
        let shown = self.event(event);
        let figure = self.figure(vip, epoch, to);
        Some(havip_api::Move {
            sequence: shown.sequence,
            at: shown.at,
            from: shown.from,
            to: shown.to,
            epoch: epoch.0,
            cause: cause.into(),
            moves,
            evidence: shown.evidence,
            outage_ms: figure.outage_ms,
            last_sent_at: figure.last_sent_at,
            first_sent_at: figure.first_sent_at,
            outage_unknown: figure.unknown,
            text: shown.text,
        })
    }

    fn moved(&self, shown: &mut havip_api::Event, moved: Moved) {
        let Moved { vip, address, epoch, from, to, cause, moves, evidence } = moved;
        let show = |holder: Holder, (epoch, moves)| {
            let mac = self.plugged(holder).map_or(MacAddr::ZERO, |interface| interface.mac);
            self.holder(holder, epoch, mac, moves)
        };
        shown.vip = Some(vip.to_string());
        shown.address = Some(address.to_string());
        shown.epoch = Some(epoch.0.to_string());
        shown.cause = Some(cause.into());
        shown.from = from.map(|from| show(from, self.claimed_before(vip, shown.sequence, from)));
        shown.to = to.map(|to| show(to, (epoch, moves)));
        if let Some(holder) = to.or(from) {
            self.on_port(shown, holder.host, Some(holder.port));
        }
        let from = from.map_or("nobody".into(), |from| self.words(from));
        shown.text = match to {
            Some(to) => format!("VIP {address} moved from {from} to {}: {}", self.words(to), because(cause)),
            None => format!("VIP {address} has no holder after {from}: {}", because(cause)),
        };
        if let Some(evidence) = &evidence {
            shown.text.push_str(&format!(" ({evidence})"));
        }
        shown.evidence = evidence;
    }

    /// The claim by which a port had held a VIP, and the moves up to it; the epoch 0 if it is not kept any more.
    fn claimed_before(&self, vip: VipId, sequence: u64, holder: Holder) -> (Epoch, Option<u32>) {
        let claims = self.durable.state.timeline.moves_before(vip, sequence).take(LOOK_BACK);
        let mut of_holder = claims.filter_map(|event| match event.kind {
            EventKind::VipMoved { epoch, to, moves, .. } if to == Some(holder) => Some((epoch, moves)),
            _ => None,
        });
        of_holder.next().unwrap_or_default()
    }

    fn refused(&self, shown: &mut havip_api::Event, refusal: &Refusal) {
        self.on_port(shown, refusal.host, refusal.port);
        let known = reason::reason(refusal.reason);
        shown.reason = Some(reason::reason_name(refusal.reason).into());
        shown.mac = Some(refusal.mac.to_string());
        shown.address = refusal.address.map(|address| address.to_string());
        shown.count = Some(refusal.count);
        let is_of_outside = refusal.reason.is_of_outside() && refusal.port.is_none();
        let vip = match refusal.address.zip(refusal.port) {
            Some((address, port)) => self.vip_at(address, port),
            None => refusal.address.filter(|_| is_of_outside).and_then(|address| self.vip_outside(address)),
        };
        shown.vip = vip.map(|vip| vip.to_string());
        let sender = match refusal.port {
            Some(port) => self.words(Holder { host: refusal.host, port }),
            None if is_of_outside => format!("outside, at {}", self.called(refusal.host)),
            None => format!("the underlay of {}", self.called(refusal.host)),
        };
        let what = known.map_or("refused by a newer switch", |known| known.explanation);
        let address = refusal.address.map_or(String::new(), |address| format!(" for {address}"));
        let times = if refusal.count > 1 { format!(", {} times", refusal.count) } else { String::new() };
        shown.text = format!("dropped from {sender} ({}){address}: {what}{times}", refusal.mac);
        shown.advice = known.map_or("", |known| known.remedy).into();
    }

    pub(super) fn vip_at(&self, address: IpAddr, port: PortNumber) -> Option<VipId> {
        let world = &self.durable.state.world;
        match world.address_user(world.interface_by_port(port)?.vpc, address)? {
            havip_model::AddressUser::Vip(id) => Some(id),
            havip_model::AddressUser::Interface(_) => None,
        }
    }

    fn vip_outside(&self, address: IpAddr) -> Option<VipId> {
        match self.durable.state.world.external_user(address)? {
            havip_model::AddressUser::Vip(id) => Some(id),
            havip_model::AddressUser::Interface(_) => None,
        }
    }

    fn plugged(&self, holder: Holder) -> Option<&Interface> {
        self.durable.state.world.interface_by_port(holder.port)
    }

    fn on_host(&self, shown: &mut havip_api::Event, host: HostNumber) {
        shown.host = self.host_id(host);
        shown.host_name = Some(self.host_name(host));
    }

    fn on_port(&self, shown: &mut havip_api::Event, host: HostNumber, port: Option<PortNumber>) {
        self.on_host(shown, host);
        let Some(port) = port else { return };
        shown.port = Some(port.get());
        let Some(interface) = self.plugged(Holder { host, port }) else { return };
        shown.interface = Some(interface.id.to_string());
        let instance = interface.instance.and_then(|id| self.durable.state.world.instances.get(&id));
        shown.instance = instance.map(|instance| instance.id.to_string());
        shown.instance_name = instance.map(|instance| instance.meta.name.clone());
    }

    /// `host h1`, or `host number 1` once it was removed.
    pub(super) fn called(&self, host: HostNumber) -> String {
        let name = self.host_name(host);
        if self.host_id(host).is_some() { format!("host {name}") } else { name }
    }

    /// `blue on host h1`, or as much as is known.
    pub(super) fn words(&self, holder: Holder) -> String {
        format!("{} on {}", self.who(holder), self.called(holder.host))
    }

    /// `blue`, or as much as is known.
    pub(super) fn who(&self, holder: Holder) -> String {
        let interface = self.plugged(holder);
        let instance = interface
            .and_then(|interface| interface.instance)
            .and_then(|id| self.durable.state.world.instances.get(&id));
        match (instance, interface) {
            (Some(instance), _) if !instance.meta.name.is_empty() => instance.meta.name.clone(),
            (Some(instance), _) => instance.id.to_string(),
            (None, Some(interface)) => interface.id.to_string(),
            (None, None) => format!("port {}", holder.port),
        }
    }
}

/// The word of an event's kind.
pub fn kind(kind: &EventKind) -> &'static str {
    match kind {
        EventKind::VipMoved { .. } => "vip-moved",
        EventKind::VipServed { .. } => "vip-served",
        EventKind::Refused(_) => "refused",
        EventKind::Found { finding, .. } => finding.word(),
        EventKind::HostJoined { .. } => "host-joined",
        EventKind::HostLost { .. } => "host-lost",
        EventKind::EdgeMoved { .. } => "edge-moved",
        EventKind::InstanceChanged { .. } => "instance-changed",
        EventKind::Changed { .. } => "changed",
    }
}

/// A holder's claim is the newest move before, but for reports that came late.
const LOOK_BACK: usize = 8;

/// Why a VIP moved, as a part of a sentence.
pub fn because(cause: MoveCause) -> &'static str {
    match cause {
        MoveCause::Claim => "it announced the VIP",
        MoveCause::Asked => "it has the address and nobody held it",
        MoveCause::Doubted => "the holder did not answer any more",
        MoveCause::Released => "it was released",
        MoveCause::TakenBack => "it was released by mistake and is alive",
        MoveCause::Repeated => "it announced the VIP once more after a newer claim",
        MoveCause::Repaired => "another host knew the claim",
        MoveCause::HostLost => "the host was lost",
        MoveCause::PortDown => "its port is down",
        MoveCause::Assisted => "it announced the VIP, told by the switch that the holder is dead",
        MoveCause::Contested => {
            "it claimed it again and, of the two, it alone answered, or its turn had come"
        }
        MoveCause::Disassociated => "it is not associated any more",
        MoveCause::Deleted => "its interface was deleted",
        MoveCause::Migrated => "its guest moved there and holds it still",
    }
}
