//! Speaking for the dead: the hands and ears of core/assist's machine (section 6 of the design).

use super::program::chain;
use super::{Done, Engine};
use havip_assist::{Action, Delivered, Event, Evidence, Known, Named, Speaker, Speech};
use havip_claim::{Order, Release};
use havip_liveness::Witness;
use havip_model::{Holder, HostNumber, MoveCause, Record, VipKey};
use havip_reconcile::item::{Item, VipItem};
use havip_reconcile::table::{Address, Entry, EntryKey};
use havip_stream::proto;
use havip_switch::Outcome;
use rand::seq::SliceRandom;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::oneshot;

/// What the loop keeps beside the machine.
#[derive(Debug, Default)]
pub struct Assist {
    speaker: Speaker,
    /// The switch's memory is to be read, once for all that died in this turn.
    look_is_due: bool,
    /// Others that have missed a host wait for this one's word.
    witness: Witness,
    waiting: BTreeMap<u64, oneshot::Sender<proto::HearsReply>>,
}

impl Assist {
    /// When something is due.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.speaker.next_deadline().into_iter().chain(self.witness.next_deadline()).min()
    }
}

impl Engine {
    fn tell_speaker(&mut self, now: Duration, event: Event) {
        for action in self.assist.speaker.handle(now, event) {
            match action {
                Action::Look => self.assist.look_is_due = true,
                Action::Speak { speech, evidence } => self.speak(now, speech, evidence),
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
                let known = all.into_iter().filter_map(|delivered| self.known(delivered)).collect();
                self.tell_speaker(now, Event::Seen(known));
            }
            Err(error) => {
                tracing::error!(error = chain(&error), "could not read which adverts were delivered")
            }
        }
    }

    /// What this host knows about a remembered advert; none if its port is gone.
    fn known(&self, delivered: Delivered) -> Option<Known> {
        let Some(Entry::Port(port)) = self.observed.get(&EntryKey::Port(delivered.to)) else { return None };
        let (vni, subnet) = (port.vni, port.subnet);
        let advert = delivered.advert();
        let addresses = advert.iter().flat_map(|advert| advert.addresses.iter());
        let names = addresses
            .filter_map(|address| {
                let key = VipKey { vni, address: *address };
                let vip = self.vip_item(key)?;
                let entitled = self.observed.get(&EntryKey::Entitled(key, delivered.to));
                let may_claim = matches!(entitled, Some(Entry::Entitled { direct_return: false }))
                    || (vip.binding == havip_model::Binding::Subnet && vip.subnet == subnet);
                Some(Named { key, assists: vip.assist, may_claim, record: self.record(key) })
            })
            .collect();
        Some(Known { delivered, advert, names })
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

/// Lost hosts.
impl Engine {
    /// A host was missed: up to three others that share a VPC with it are asked whether they hear it.
    pub(super) fn ask_others(&mut self, now: Duration, about: HostNumber) {
        self.tell_speaker(now, Event::Missed(about));
        let lost = self.prober.liveness().lost;
        let vpcs = self.vpcs().filter(|vpc| vpc.members.contains(&about));
        let mut others: Vec<HostNumber> = vpcs.flat_map(|vpc| vpc.members.iter().copied()).collect();
        others.sort();
        others.dedup();
        others.retain(|host| *host != about && *host != self.host && !lost.contains(host));
        others.shuffle(&mut rand::rng());
        others.truncate(MOST_ASKED);
        for by in others {
            let endpoint = self.host_item(by).map(|host| host.peer_endpoint.clone());
            let Some(client) = endpoint.and_then(|endpoint| self.peers.client(by, &endpoint)) else {
                continue;
            };
            let done = self.done.clone();
            tokio::spawn(async move {
                if let Some(hears) = client.hears(about).await {
                    // The loop ends only with the process.
                    let _ = done.send(Done::Said { about, by, hears });
                }
            });
        }
    }

    pub(super) fn said(&mut self, about: HostNumber, by: HostNumber, hears: bool) {
        tracing::debug!(host = %about, %by, hears, "another host says whether it hears a missed one");
        self.tell_speaker(crate::clock::since_boot(), Event::Said { about, by, hears });
    }

    /// Tells the machine which hosts are lost, as far as that may be believed; said again each second.
    pub(super) fn judge_the_lost(&mut self, now: Duration) {
        let liveness = self.prober.liveness();
        for host in &liveness.lost {
            let Some(since) = self.prober.silent_since(*host) else { continue };
            // Somebody must answer, or nobody can tell who is cut off.
            let server_answers =
                self.stream_is_open && self.stamp.is_some_and(|stamp| stamp.heard_at > since);
            let is_dead = !liveness.believes_alive(*host) && (liveness.somebody_answers || server_answers);
            let event = match is_dead {
                true => Event::HostLost { host: *host, since },
                false => Event::HostHeard(*host),
            };
            self.tell_speaker(now, event);
        }
    }

    /// The host is heard again, or not probed any more.
    pub(super) fn lives(&mut self, now: Duration, host: HostNumber) {
        self.tell_speaker(now, Event::HostHeard(host));
    }

    /// Releases a record that names a port of a lost host: exactly this one (C7).
    pub(super) fn release_if_lost(&mut self, key: VipKey, record: Record) {
        let is_vip = matches!(
            self.observed.get(&EntryKey::Address(key.vni, key.address)),
            Some(Entry::Address(Address::Vip { .. }))
        );
        if is_vip && !record.released && self.assist.speaker.releases(record.holder.host) {
            self.order(&Order::Release { key, only: Release::Exact(record) });
        }
    }

    /// Another host asks; it is answered when there is something to say.
    pub(super) fn asked_whether_heard(
        &mut self,
        about: HostNumber,
        answer: oneshot::Sender<proto::HearsReply>,
    ) {
        let now = crate::clock::since_boot();
        if !self.alive.probed.contains(&about) {
            return tracing::debug!(host = %about, "asked about a host that is not probed here");
        }
        // Dropping the answer says that there is none.
        if let Some(question) = self.assist.witness.asked(now, about) {
            self.assist.waiting.insert(question, answer);
        }
    }

    /// A frame of the host came at this moment.
    pub(super) fn testify(&mut self, at: Duration, host: HostNumber) {
        for question in self.assist.witness.heard(at, host) {
            self.say_whether_heard(question, true);
        }
    }

    /// A prober that was late itself has nothing to say.
    pub(super) fn judge_own_lateness(&mut self, late: Duration) {
        if late > LATENESS {
            for question in self.assist.witness.was_late() {
                self.assist.waiting.remove(&question);
            }
        }
    }

    fn say_whether_heard(&mut self, question: u64, hears: bool) {
        if let Some(answer) = self.assist.waiting.remove(&question) {
            // Whoever asked may have gone.
            let _ = answer.send(proto::HearsReply { hears });
        }
    }
}

const MOST_ASKED: usize = 3;
/// As core/liveness's prober counts it.
const LATENESS: Duration = Duration::from_millis(25);
