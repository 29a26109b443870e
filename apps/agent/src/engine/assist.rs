//! Speaking for the dead: the hands and ears of core/assist's machine (section 6 of the design).

mod departed;
mod lost;
mod owners;

use super::program::chain;
use super::{Done, Engine};
use departed::Departed;
use havip_assist::{Action, Delivered, Event, Evidence, Known, Named, Speaker, Speech};
use havip_liveness::Witness;
use havip_model::{Holder, HostNumber, MoveCause, PortNumber, PortState, VipKey};
use havip_reconcile::item::{Item, ItemKey, VipItem};
use havip_reconcile::table::{Address, Entry, EntryKey};
use havip_stream::proto;
use havip_switch::Outcome;
use owners::Owners;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::oneshot;

/// What the loop keeps beside the machine.
#[derive(Debug, Default)]
pub struct Assist {
    speaker: Speaker,
    departed: Departed,
    /// The switch's memory is to be read, once for all that died in this turn.
    look_is_due: bool,
    /// Others that have missed a host wait for this one's word.
    witness: Witness,
    waiting: BTreeMap<u64, oneshot::Sender<proto::HearsReply>>,
}

impl Assist {
    /// When something is due.
    pub fn next_deadline(&self) -> Option<Duration> {
        let look = self.look_is_due.then_some(Duration::ZERO);
        look.into_iter().chain(self.speaker.next_deadline()).chain(self.witness.next_deadline()).min()
    }
}

impl Engine {
    fn tell_speaker(&mut self, now: Duration, event: Event) {
        for action in self.assist.speaker.handle(now, event) {
            match action {
                Action::Look => self.assist.look_is_due = true,
                Action::Speak { speech, evidence } => self.speak(now, speech, evidence),
                Action::AskAbout(port) => self.ask_about(port),
                Action::TakeBack(speech) => self.take_back(&speech),
                // Level: each round of reading goes on with it.
                Action::Release(host) => {
                    tracing::info!(%host, "a lost host's VIPs are released");
                    self.records.begin_anew();
                }
            }
        }
    }

    /// What is due by time.
    pub(super) fn assist_due(&mut self, now: Duration) {
        self.tell_speaker(now, Event::DeadlineReached);
        for question in self.assist.witness.deadline_reached(now) {
            self.say_whether_heard(question, false);
        }
        self.look_for_the_dead(now);
    }

    /// The port that a record names went down, here or on its host.
    pub(super) fn port_down(&mut self, holder: Holder) {
        let now = crate::clock::since_boot();
        self.tell_speaker(now, Event::PortDown(holder));
    }

    /// Reads what the switch remembers, if somebody died.
    pub(super) fn look_for_the_dead(&mut self, now: Duration) {
        if !std::mem::take(&mut self.assist.look_is_due) {
            return;
        }
        match self.switch.delivered() {
            Ok(all) => {
                let owners = self.owners(&all);
                let known = all.into_iter().filter_map(|delivered| self.known(delivered, &owners)).collect();
                self.tell_speaker(now, Event::Seen(known));
            }
            Err(error) => {
                tracing::error!(error = chain(&error), "could not read which adverts were delivered")
            }
        }
    }

    /// What this host knows about a remembered advert; none if its port is gone.
    fn known(&self, delivered: Delivered, owners: &Owners) -> Option<Known> {
        let Some(Entry::Port(port)) = self.observed.get(&EntryKey::Port(delivered.to)) else { return None };
        let vni = port.vni;
        let advert = delivered.advert();
        let own = owners.of(delivered.to);
        let siblings = owners.ports(own).filter(|sibling| *sibling != delivered.to);
        let hearers: Vec<PortNumber> = [delivered.to].into_iter().chain(siblings).collect();
        let theirs = owners.of(delivered.sender);
        let addresses = advert.iter().flat_map(|advert| advert.addresses.iter());
        let names = addresses
            .filter_map(|address| {
                let key = VipKey { vni, address: *address };
                let vip = self.vip_item(key)?;
                let record = self.record(key);
                let holder = record.map(|record| record.holder.port);
                let is_senders = holder == Some(delivered.sender)
                    || theirs.is_some() && holder.is_some_and(|holder| owners.of(holder) == theirs);
                let heirs = hearers.iter().copied().filter(|port| self.may_claim(vip, *port)).collect();
                Some(Named { key, assists: vip.assist, heirs, record, is_senders })
            })
            .collect();
        let host = match self.observed.get(&EntryKey::Address(vni, delivered.source)) {
            Some(Entry::Address(Address::Interface { port, host, .. })) if *port == delivered.sender => *host,
            _ => self.assist.departed.get(delivered.sender).map(|gone| gone.host),
        };
        let sender = host.map(|host| Holder { host, port: delivered.sender });
        Some(Known { delivered, advert, sender, names })
    }

    /// Whether a port is active here and may claim the VIP.
    fn may_claim(&self, vip: &VipItem, port: PortNumber) -> bool {
        let Some(Entry::Port(entry)) = self.observed.get(&EntryKey::Port(port)) else { return false };
        let entitled = self.observed.get(&EntryKey::Entitled(vip.key, port));
        let is_entitled = matches!(entitled, Some(Entry::Entitled { direct_return: false }))
            || (vip.binding == havip_model::Binding::Subnet && vip.subnet == entry.subnet);
        is_entitled && entry.state != PortState::Inactive && entry.vni == vip.key.vni
    }

    /// Whose the ports of the VPCs are; looked up only when somebody died.
    fn owners(&self, adverts: &[Delivered]) -> Owners {
        if adverts.is_empty() {
            return Owners::default();
        }
        let endpoints = self.desired.items().values().filter_map(|item| match item {
            Item::Endpoint(endpoint) => Some((endpoint.port, endpoint.instance?)),
            _ => None,
        });
        Owners::new(self.assist.departed.owned().chain(endpoints))
    }

    /// Remembers whose the ports were that leave their instances, before the items say so no more.
    pub(super) fn note_departed(&mut self, changed: &BTreeMap<ItemKey, Option<Item>>) {
        let now = crate::clock::since_boot();
        let mut members = BTreeMap::new();
        for (key, new) in changed {
            let Some(Item::Endpoint(old)) = self.desired.items().get(key) else { continue };
            let instance = match new {
                Some(Item::Endpoint(new)) => new.instance,
                _ => None,
            };
            if old.instance != instance {
                let members = members.entry(old.vni).or_insert_with(|| {
                    self.vpc(old.vni).map_or_else(Vec::new, |vpc| vpc.members.clone()).into()
                });
                self.assist.departed.note(now, old, members);
            }
        }
    }

    fn vip_item(&self, key: VipKey) -> Option<&VipItem> {
        let giver = self.desired.giver(&EntryKey::Address(key.vni, key.address))?;
        match self.desired.items().get(&giver)? {
            Item::Vip(vip) => Some(vip),
            _ => None,
        }
    }

    fn speak(&mut self, now: Duration, speech: Speech, evidence: Evidence) {
        match self.switch.speak(&speech) {
            Ok(Outcome::Done) => {
                let (vip, port, dead) = (speech.key, speech.to, speech.record.holder);
                tracing::info!(?vip, %port, ?dead, ?evidence, "spoke for a dead master");
                self.tell_speaker(now, Event::Spoken { speech, evidence });
            }
            Ok(outcome) => tracing::debug!(?speech, ?outcome, "not spoken for a dead master"),
            Err(error) => tracing::error!(error = chain(&error), "could not speak for a dead master"),
        }
    }

    /// Asks a port's host whether it is down, as another port of its instance is.
    fn ask_about(&mut self, port: Holder) {
        if port.host == self.host {
            // Should it live now and go down in a moment, that is told by itself.
            if self.is_down(port.port) == Some(true) {
                self.port_down(port);
            }
            return;
        }
        let endpoint = self.host_item(port.host).map(|host| host.peer_endpoint.clone());
        let Some(client) = endpoint.and_then(|endpoint| self.peers.client(port.host, &endpoint)) else {
            return;
        };
        let done = self.done.clone();
        tokio::spawn(async move {
            if client.down(port.port).await {
                // The loop ends only with the process.
                let _ = done.send(Done::Down(port));
            }
        });
    }

    /// Whether a port of this host is down; none if it is no port of this host, or that is not known yet.
    fn is_down(&self, port: PortNumber) -> Option<bool> {
        // One that migrates lives on, wherever it is.
        let mut items = self.port_items().filter(|item| item.port == port && item.arrives.is_none());
        let was_ours = self.assist.departed.get(port).is_some_and(|gone| gone.host == self.host);
        let is_ours = self.has_adopted && (items.next().is_some() || was_ours);
        let entry = self.observed.get(&EntryKey::Port(port));
        is_ours.then_some(!matches!(entry, Some(Entry::Port(port)) if port.state != PortState::Inactive))
    }

    /// Another host asks, which is to be answered if it has ports in the port's VPC.
    pub(super) fn asked_whether_down(
        &mut self,
        host: HostNumber,
        port: PortNumber,
        answer: oneshot::Sender<proto::DownReply>,
    ) {
        let vni = self.port_items().find(|item| item.port == port).map(|item| item.vni);
        let is_member = vni.and_then(|vni| self.vpc(vni)).is_some_and(|vpc| vpc.members.contains(&host));
        let was_member = self.assist.departed.get(port).is_some_and(|gone| gone.members.contains(&host));
        match self.is_down(port).filter(|_| is_member || was_member) {
            // Whoever asked may have gone.
            Some(down) => _ = answer.send(proto::DownReply { down }),
            // Dropping the answer says that there is none.
            None => tracing::debug!(%host, %port, "asked about a port that it has nothing to do with"),
        }
    }

    fn take_back(&self, speech: &Speech) {
        match self.switch.take_back(speech) {
            Ok(outcome) => {
                tracing::info!(vip = ?speech.key, port = %speech.to, ?outcome, "took back what was said")
            }
            Err(error) => tracing::error!(error = chain(&error), "could not take back what was said"),
        }
    }

    /// Why a VIP moved, with what this host knows beyond its kernel: that the new holder was told to take it.
    pub(super) fn cause_of(
        &self,
        at: Duration,
        vip: VipKey,
        to: Option<Holder>,
        cause: MoveCause,
    ) -> (MoveCause, Option<String>) {
        let is_taken =
            matches!(cause, MoveCause::Claim | MoveCause::Asked | MoveCause::Doubted | MoveCause::Repeated);
        match to.filter(|_| is_taken).and_then(|to| self.assist.speaker.evidence(at, vip, to.port)) {
            Some(evidence) => (MoveCause::Assisted, Some(self.in_words(evidence))),
            None => (cause, None),
        }
    }

    fn in_words(&self, evidence: &Evidence) -> String {
        let name = |host: HostNumber| {
            let known = self.host_item(host).map(|item| item.name.clone());
            let own = || if host == self.host { self.config.name.clone() } else { format!("host {host}") };
            known.filter(|name| !name.is_empty()).unwrap_or_else(own)
        };
        let names =
            |hosts: &[HostNumber]| hosts.iter().map(|host| name(*host)).collect::<Vec<_>>().join(" and ");
        match evidence {
            Evidence::PortDown { holder } => {
                format!("port {} of {} went down", holder.port, name(holder.host))
            }
            Evidence::PortsDown { holder, sender } => {
                let host = name(holder.host);
                format!("ports {} and {sender} of {host} went down, which are of one instance", holder.port)
            }
            Evidence::HostLost { host, silence, deaf, hear } => {
                let others = match (&deaf[..], &hear[..]) {
                    (_, [_, ..]) => format!("though {} heard it", names(hear)),
                    ([_, ..], []) => format!("and {} did not hear it either", names(deaf)),
                    ([], []) => "and nobody else said anything about it".to_owned(),
                };
                format!("{} was silent for {} ms, {others}", name(*host), silence.as_millis())
            }
        }
    }
}
