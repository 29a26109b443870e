//! What is to be told to the server, bounded while nobody listens.
//!
//! Of what only the last counts (acknowledgement, states) the last is kept, and said again on each new stream.
//! Of what happened, as much as fits is kept; the rest is counted. Moves are kept until the server has said that it
//! took them over: what was on its way to a server that died is said again, and known by its claim's number.

use havip_model::{HostNumber, PortNumber, Record, VipKey, Vni};
use havip_stream::convert;
use havip_stream::proto::{self, report::Body};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Reports on their way; shared between whoever reports and the stream.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Mutex<Waiting>,
    filled: Notify,
}

/// What the last word counts of, and whether it was said on this stream.
#[derive(Debug)]
struct Last<T> {
    value: T,
    said: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    acknowledged: Option<Last<proto::Acknowledged>>,
    instances: BTreeMap<String, Last<proto::InstanceReport>>,
    ports: BTreeMap<PortNumber, Last<proto::PortReport>>,
    lost: BTreeMap<HostNumber, Last<proto::Lost>>,
    records: BTreeMap<Vni, BTreeMap<IpAddr, Record>>,
    digests: BTreeMap<Vni, proto::Digest>,
    moves: VecDeque<proto::Move>,
    sents: VecDeque<proto::Sent>,
    refusals: VecDeque<proto::Refusal>,
    findings: VecDeque<proto::Finding>,
    results: VecDeque<proto::CommandResult>,
    moves_lost: u64,
    sents_lost: u64,
    refusals_lost: Lost,
    findings_lost: Lost,
    /// How many reports were handed out on this stream.
    reports: u64,
    /// Moves that were handed out, and in which report.
    unconfirmed: VecDeque<(u64, proto::Move)>,
}

/// What did not fit.
#[derive(Debug, Default)]
struct Lost {
    all: u64,
    /// Of these the server does not know yet.
    untold: u64,
}

impl Outbox {
    fn add(&self, add: impl FnOnce(&mut Waiting)) {
        add(&mut self.lock());
        self.filled.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Every change of the queue is one step, so a panic elsewhere leaves it whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything up to a revision is programmed, but for the failures.
    pub fn acknowledge(&self, acknowledged: proto::Acknowledged) {
        self.add(|waiting| {
            let news = waiting.acknowledged.as_ref().is_none_or(|last| last.value != acknowledged);
            if news {
                waiting.acknowledged = Some(Last { value: acknowledged, said: false });
            }
        });
    }

    /// Says the last acknowledgement once more: the server takes a silent agent for lost.
    pub fn acknowledge_again(&self) {
        self.add(|waiting| waiting.acknowledged.iter_mut().for_each(|last| last.said = false));
    }

    /// An instance's state.
    pub fn instance(&self, report: proto::InstanceReport) {
        self.add(|waiting| say(&mut waiting.instances, report.id.clone(), report));
    }

    /// An instance that this host no longer has.
    pub fn forget_instance(&self, id: &str) {
        self.lock().instances.remove(id);
    }

    /// A port came up or went down.
    pub fn port(&self, port: PortNumber, up: bool, reason: &str) {
        self.add(|waiting| {
            // Its guest's arrival is said until the port is another's: the server may not have heard it yet.
            let last = waiting.ports.get(&port).map(|last| last.value.clone()).unwrap_or_default();
            let report = proto::PortReport { port: port.get(), up, reason: reason.to_owned(), ..last };
            say(&mut waiting.ports, port, report);
        });
    }

    /// The guest that a port waited for is here; how long nobody heard from it is known a moment later.
    pub fn arrived(&self, port: PortNumber, outage_ms: Option<u32>) {
        self.add(|waiting| {
            let fresh = || proto::PortReport { port: port.get(), up: true, ..Default::default() };
            let last = waiting.ports.get(&port).map_or_else(fresh, |last| last.value.clone());
            say(&mut waiting.ports, port, proto::PortReport { arrived: true, outage_ms, ..last });
        });
    }

    /// A port that this host no longer has.
    pub fn forget_port(&self, port: PortNumber) {
        self.lock().ports.remove(&port);
    }

    /// A host is not heard any more, or is again.
    pub fn lost(&self, host: HostNumber, lost: bool, at_ms: u64) {
        let report = proto::Lost { host: host.get(), lost, at_ms };
        self.add(|waiting| say(&mut waiting.lost, host, report));
    }

    /// A record of an own port; a later one is in place of an earlier one.
    pub fn record(&self, key: VipKey, record: Record) {
        self.add(|waiting| _ = waiting.records.entry(key.vni).or_default().insert(key.address, record));
    }

    /// What a VPC's records are; a later word is in place of an earlier one.
    pub fn digest(&self, vni: Vni, digest: proto::Digest) {
        self.add(|waiting| _ = waiting.digests.insert(vni, digest));
    }

    /// A VIP moved.
    pub fn moved(&self, moved: proto::Move) {
        self.add(|waiting| waiting.moves_lost += push(&mut waiting.moves, moved, MOST_MOVES));
    }

    /// A holder began to send as its VIP, or ended.
    pub fn sent(&self, sent: proto::Sent) {
        self.add(|waiting| waiting.sents_lost += push(&mut waiting.sents, sent, MOST_MOVES));
    }

    /// The switch refused something.
    pub fn refused(&self, refusal: proto::Refusal) {
        self.add(|waiting| waiting.refusals_lost.add(push(&mut waiting.refusals, refusal, MOST_REFUSALS)));
    }

    /// Something was found out about a VIP.
    pub fn found(&self, finding: proto::Finding) {
        self.add(|waiting| waiting.findings_lost.add(push(&mut waiting.findings, finding, MOST_FINDINGS)));
    }

    /// So many findings were not kept long enough to be told.
    pub fn lost_findings(&self, lost: u64) {
        self.lock().findings_lost.add(lost);
    }

    /// A command is done.
    pub fn result(&self, result: proto::CommandResult) {
        self.add(|waiting| _ = push(&mut waiting.results, result, MOST_RESULTS));
    }

    /// How many reports of each kind were lost because nobody listened.
    pub fn losses(&self) -> [(&'static str, u64); 4] {
        let waiting = self.lock();
        [
            ("move", waiting.moves_lost),
            ("sent", waiting.sents_lost),
            ("refusal", waiting.refusals_lost.all),
            ("finding", waiting.findings_lost.all),
        ]
    }

    /// On a new stream every last word is said again, and every move of which it is not known that it was heard.
    pub fn start_stream(&self) {
        let waiting = &mut *self.lock();
        waiting.reports = 0;
        for (_, moved) in std::mem::take(&mut waiting.unconfirmed).into_iter().rev() {
            if waiting.moves.len() < MOST_MOVES {
                waiting.moves.push_front(moved);
            } else {
                waiting.moves_lost += 1;
            }
        }
        waiting.acknowledged.iter_mut().for_each(|last| last.said = false);
        waiting.instances.values_mut().for_each(|last| last.said = false);
        waiting.ports.values_mut().for_each(|last| last.said = false);
        waiting.lost.values_mut().for_each(|last| last.said = false);
        self.filled.notify_one();
    }

    /// The server has taken over so many reports of this stream.
    pub fn confirmed(&self, reports: u64) {
        let unconfirmed = &mut self.lock().unconfirmed;
        while unconfirmed.pop_front_if(|(report, _)| *report <= reports).is_some() {}
    }

    /// Waits for reports and takes them, oldest kinds first: what is programmed before what follows from it.
    pub async fn take(&self) -> Vec<proto::Report> {
        loop {
            let reports = self.lock().take();
            if !reports.is_empty() {
                return reports;
            }
            self.filled.notified().await;
        }
    }
}

impl Waiting {
    fn take(&mut self) -> Vec<proto::Report> {
        let mut bodies = Vec::new();
        if !self.moves.is_empty() {
            let moves: Vec<proto::Move> = self.moves.drain(..).collect();
            // It is the first of those that are handed out now.
            let report = self.reports + 1;
            self.unconfirmed.extend(moves.iter().map(|moved| (report, moved.clone())));
            // A server that does not count has taken over the oldest long ago.
            let excess = self.unconfirmed.len().saturating_sub(MOST_MOVES);
            self.unconfirmed.drain(..excess);
            bodies.push(Body::Moves(proto::Moves { moves }));
        }
        if !self.sents.is_empty() {
            bodies.push(Body::Sents(proto::Sents { sents: self.sents.drain(..).collect() }));
        }
        if !self.refusals.is_empty() {
            let (refusals, lost) = (self.refusals.drain(..).collect(), self.refusals_lost.tell());
            bodies.push(Body::Refusals(proto::Refusals { refusals, lost }));
        }
        if !self.findings.is_empty() {
            let (findings, lost) = (self.findings.drain(..).collect(), self.findings_lost.tell());
            bodies.push(Body::Findings(proto::Findings { findings, lost }));
        }
        bodies.extend(unsaid(self.ports.values_mut()).map(Body::Port));
        bodies.extend(unsaid(self.instances.values_mut()).map(Body::Instance));
        bodies.extend(unsaid(self.lost.values_mut()).map(Body::Lost));
        let records = std::mem::take(&mut self.records).into_iter();
        bodies.extend(records.map(|(vni, records)| Body::Records(convert::records_message(vni, 0, records))));
        bodies.extend(std::mem::take(&mut self.digests).into_values().map(Body::Digest));
        bodies.extend(self.results.drain(..).map(Body::Result));
        bodies.extend(unsaid(self.acknowledged.iter_mut()).map(Body::Acknowledged));
        self.reports += bodies.len() as u64;
        bodies.into_iter().map(|body| proto::Report { body: Some(body) }).collect()
    }
}

impl Lost {
    fn add(&mut self, lost: u64) {
        self.all += lost;
        self.untold += lost;
    }

    fn tell(&mut self) -> u64 {
        std::mem::take(&mut self.untold)
    }
}

fn say<K: Ord, T: PartialEq>(all: &mut BTreeMap<K, Last<T>>, key: K, value: T) {
    if all.get(&key).is_none_or(|last| last.value != value) {
        all.insert(key, Last { value, said: false });
    }
}

fn unsaid<'a, T: Clone + 'a>(all: impl Iterator<Item = &'a mut Last<T>>) -> impl Iterator<Item = T> {
    all.filter_map(|last| (!std::mem::replace(&mut last.said, true)).then(|| last.value.clone()))
}

/// Adds the newest, drops the oldest beyond the limit, answers how many were dropped.
fn push<T>(queue: &mut VecDeque<T>, value: T, most: usize) -> u64 {
    queue.push_back(value);
    if queue.len() > most {
        queue.pop_front();
        return 1;
    }
    0
}

/// Some 120 bytes each.
const MOST_MOVES: usize = 4096;
const MOST_REFUSALS: usize = 1024;
const MOST_FINDINGS: usize = 1024;
const MOST_RESULTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    async fn next(outbox: &Outbox) -> Vec<Body> {
        outbox.take().await.into_iter().filter_map(|report| report.body).collect()
    }

    fn running(starts: u64) -> proto::InstanceReport {
        proto::InstanceReport { id: "i-1".into(), state: "running".into(), starts, ..Default::default() }
    }

    #[tokio::test]
    async fn the_last_state_is_said_once_and_again_on_a_new_stream() {
        let outbox = Outbox::default();
        outbox.instance(running(1));
        outbox.instance(running(2));
        assert_eq!(next(&outbox).await, [Body::Instance(running(2))]);
        outbox.instance(running(2));
        assert_eq!(outbox.lock().take(), []);
        outbox.start_stream();
        assert_eq!(next(&outbox).await, [Body::Instance(running(2))]);
    }

    #[tokio::test]
    async fn what_does_not_fit_is_counted() {
        let outbox = Outbox::default();
        for count in 0..=MOST_REFUSALS as u64 {
            outbox.refused(proto::Refusal { count, ..Default::default() });
        }
        let [Body::Refusals(refusals)] = &next(&outbox).await[..] else { panic!() };
        assert_eq!((refusals.refusals.len(), refusals.lost), (MOST_REFUSALS, 1));
        assert_eq!(refusals.refusals[0].count, 1, "the oldest went");
        outbox.refused(proto::Refusal::default());
        let [Body::Refusals(refusals)] = &next(&outbox).await[..] else { panic!() };
        assert_eq!(refusals.lost, 0, "each loss is told once");

        for count in 0..=MOST_FINDINGS as u64 {
            outbox.found(proto::Finding { count, ..Default::default() });
        }
        outbox.lost_findings(2);
        let [Body::Findings(findings)] = &next(&outbox).await[..] else { panic!() };
        assert_eq!((findings.findings.len(), findings.lost), (MOST_FINDINGS, 3));
        assert_eq!(outbox.losses(), [("move", 0), ("sent", 0), ("refusal", 1), ("finding", 3)]);
    }

    #[tokio::test]
    async fn a_move_is_said_again_on_a_new_stream_until_the_server_has_taken_it_over() {
        let moved = |at_ms| proto::Move { at_ms, ..Default::default() };
        let moves = |moves| Body::Moves(proto::Moves { moves });
        let outbox = Outbox::default();
        outbox.start_stream();
        outbox.moved(moved(1));
        outbox.instance(running(1));
        assert_eq!(next(&outbox).await.len(), 2);
        outbox.moved(moved(2));
        assert_eq!(next(&outbox).await, [moves(vec![moved(2)])]);
        outbox.confirmed(2);
        outbox.moved(moved(3));

        outbox.start_stream();
        assert_eq!(next(&outbox).await, [moves(vec![moved(2), moved(3)]), Body::Instance(running(1))]);
        outbox.confirmed(1);
        outbox.start_stream();
        assert_eq!(next(&outbox).await, [Body::Instance(running(1))]);
    }

    #[tokio::test]
    async fn an_arrival_is_said_with_whatever_else_is_said_of_the_port_until_that_is_forgotten() {
        let outbox = Outbox::default();
        let port = PortNumber::MIN;
        let report = |arrived, outage_ms, reason: &str| {
            let (port, up, reason) = (port.get(), reason.is_empty(), reason.to_owned());
            Body::Port(proto::PortReport { port, up, reason, arrived, outage_ms })
        };
        outbox.port(port, false, "its guest is on its way here");
        assert_eq!(next(&outbox).await, [report(false, None, "its guest is on its way here")]);
        outbox.port(port, true, "");
        outbox.arrived(port, None);
        assert_eq!(next(&outbox).await, [report(true, None, "")]);
        outbox.arrived(port, Some(104));
        outbox.port(port, false, "the device has no carrier");
        assert_eq!(next(&outbox).await, [report(true, Some(104), "the device has no carrier")]);
        outbox.forget_port(port);
        outbox.port(port, true, "");
        assert_eq!(next(&outbox).await, [report(false, None, "")]);
    }

    #[tokio::test]
    async fn an_acknowledgement_comes_behind_what_it_speaks_of() {
        let outbox = Outbox::default();
        outbox.acknowledge(proto::Acknowledged { revision: 3, failures: vec![], keys_stage: 1 });
        outbox.instance(running(1));
        assert!(matches!(&next(&outbox).await[..], [Body::Instance(_), Body::Acknowledged(_)]));
    }
}
