//! Lost hosts: others are asked whether they hear one that was missed, and asked by them.

use super::super::{Done, Engine};
use havip_assist::Event;
use havip_claim::{Order, Release};
use havip_model::{HostNumber, Record, VipKey};
use havip_reconcile::table::{Address, Entry, EntryKey};
use havip_stream::proto;
use rand::seq::SliceRandom;
use std::time::Duration;
use tokio::sync::oneshot;

impl Engine {
    /// A host was missed: up to three others that share a VPC with it are asked whether they hear it.
    pub(in crate::engine) fn ask_others(&mut self, now: Duration, about: HostNumber) {
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

    pub(in crate::engine) fn said(&mut self, about: HostNumber, by: HostNumber, hears: bool) {
        tracing::debug!(host = %about, %by, hears, "another host says whether it hears a missed one");
        self.tell_speaker(crate::clock::since_boot(), Event::Said { about, by, hears });
    }

    /// Tells the machine which hosts are lost, as far as that may be believed; said again each second.
    pub(in crate::engine) fn judge_the_lost(&mut self, now: Duration) {
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
    pub(in crate::engine) fn lives(&mut self, now: Duration, host: HostNumber) {
        self.tell_speaker(now, Event::HostHeard(host));
    }

    /// Releases a record that names a port of a lost host: exactly this one (C7).
    pub(in crate::engine) fn release_if_lost(&mut self, key: VipKey, record: Record) {
        let is_vip = matches!(
            self.observed.get(&EntryKey::Address(key.vni, key.address)),
            Some(Entry::Address(Address::Vip { .. }))
        );
        if is_vip && !record.released && self.assist.speaker.releases(record.holder.host) {
            self.order(&Order::Release { key, only: Release::Exact(record) });
        }
    }

    /// Another host asks; it is answered when there is something to say.
    pub(in crate::engine) fn asked_whether_heard(
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
    pub(in crate::engine) fn testify(&mut self, at: Duration, host: HostNumber) {
        for question in self.assist.witness.heard(at, host) {
            self.say_whether_heard(question, true);
        }
    }

    /// A prober that was late itself has nothing to say.
    pub(in crate::engine) fn judge_own_lateness(&mut self, late: Duration) {
        if late > LATENESS {
            for question in self.assist.witness.was_late() {
                self.assist.waiting.remove(&question);
            }
        }
    }

    pub(super) fn say_whether_heard(&mut self, question: u64, hears: bool) {
        if let Some(answer) = self.assist.waiting.remove(&question) {
            // Whoever asked may have gone.
            let _ = answer.send(proto::HearsReply { hears });
        }
    }
}

const MOST_ASKED: usize = 3;
/// As core/liveness's prober counts it.
const LATENESS: Duration = Duration::from_millis(25);
