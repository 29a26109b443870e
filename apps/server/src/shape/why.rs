//! Why a VIP is where it is: the facts gathered, and the explanation as the API shows it.

use super::{Shapes, event::because, time};
use crate::service::candidates;
use havip_api::{WhyCandidate, WhyReason};
use havip_explain::{Candidate, Facts, Guest, Holding, Programming, Refused, Seen};
use havip_model::{
    Binding, Driver, EventKind, Finding, Holder, Interface, PortNumber, PowerState, Record, Refusal,
    ResourceKey, Status, Timestamp, Vip, reason,
};
use std::{collections::HashMap, time::Duration};

impl Shapes<'_> {
    /// The explanation; `seen` is what hosts have seen of the ports of candidates.
    pub fn why(&self, vip: &Vip, seen: &HashMap<PortNumber, Seen>, now: Timestamp) -> havip_api::Why {
        let record = self.record_of(vip);
        let known: Vec<(&Interface, Candidate)> = candidates(&self.durable.state.world, vip)
            .map(|one| (one.interface, self.candidate(one.interface, one.may_hold, seen)))
            .collect();
        let facts = self.facts(vip, record, &known, now);
        let explained = havip_explain::explain(&facts);
        let holder = record.and_then(Record::present_holder).zip(record);
        havip_api::Why {
            vip: vip.id.to_string(),
            address: facts.address,
            situation: explained.situation.word().into(),
            summary: explained.summary,
            reasons: explained
                .reasons
                .into_iter()
                .map(|reason| WhyReason {
                    code: reason.code.into(),
                    text: reason.text,
                    advice: reason.advice,
                })
                .collect(),
            holder: holder
                .map(|(holder, record)| self.holder(holder, record.epoch, record.mac, Some(record.moves))),
            candidates: known.iter().map(|(interface, candidate)| self.shown(interface, candidate)).collect(),
        }
    }

    /// What stands in the way of a drill, if anything does.
    pub fn obstacle(&self, vip: &Vip, now: Timestamp) -> Option<havip_explain::Obstacle> {
        let record = self.record_of(vip);
        let known: Vec<(&Interface, Candidate)> = candidates(&self.durable.state.world, vip)
            .map(|one| (one.interface, self.candidate(one.interface, one.may_hold, &HashMap::new())))
            .collect();
        havip_explain::obstacle(&self.facts(vip, record, &known, now))
    }

    fn record_of(&self, vip: &Vip) -> Option<&Record> {
        self.durable.state.records.get(&vip.key).filter(|record| record.incarnation == vip.incarnation)
    }

    fn facts(
        &self,
        vip: &Vip,
        record: Option<&Record>,
        known: &[(&Interface, Candidate)],
        now: Timestamp,
    ) -> Facts {
        Facts {
            address: vip.address().to_string(),
            is_open: vip.binding == Binding::Subnet,
            programming: self.programming(vip),
            holding: self.holding(vip, record),
            candidates: known.iter().map(|(_, candidate)| candidate.clone()).collect(),
            other: record.and_then(|record| self.other(vip, record)),
            refused: self.refused_lately(vip, known, now),
        }
    }

    fn programming(&self, vip: &Vip) -> Programming {
        let condition = self.service.condition(self.durable, ResourceKey::Vip(vip.id), &vip.meta);
        match condition.status {
            Status::Failed => Programming::Failed(condition.reason),
            Status::Creating | Status::Deleting => Programming::Waiting(condition.reason),
            Status::Available => Programming::Done,
        }
    }

    fn holding(&self, vip: &Vip, record: Option<&Record>) -> Holding {
        let Some(record) = record else { return Holding::Never };
        let to = record.present_holder();
        let moves = self.durable.state.timeline.moves_before(vip.id, u64::MAX);
        let noted = moves.filter_map(|event| match event.kind {
            EventKind::VipMoved { epoch, to: noted, cause, .. } if (epoch, noted) == (record.epoch, to) => {
                Some((event.at, cause))
            }
            _ => None,
        });
        let noted = noted.into_iter().next();
        let who = self.words(record.holder);
        let because = noted.map_or(String::new(), |(_, cause)| because(cause).to_owned());
        if to.is_none() {
            let at = noted.map_or(Timestamp(record.epoch.millis()), |(at, _)| at);
            return Holding::Released { who, at: time(at), because };
        }
        let host = record.holder.host;
        Holding::Held {
            who,
            host: self.called(host),
            since: time(Timestamp(record.epoch.millis())),
            because,
            host_is_heard: self.service.tracker().host(host, |life| life.is_some_and(|life| life.is_live())),
        }
    }

    fn candidate(
        &self,
        interface: &Interface,
        may_hold: bool,
        seen: &HashMap<PortNumber, Seen>,
    ) -> Candidate {
        let tracker = self.service.tracker();
        let who = match interface.host {
            Some(host) => self.words(Holder { host, port: interface.port }),
            None => interface.id.to_string(),
        };
        let instance = interface.instance.and_then(|id| self.durable.state.world.instances.get(&id));
        let guest = match instance {
            None if interface.device.is_some() => Guest::Runs,
            None => Guest::None,
            Some(instance) if instance.driver == Driver::External => Guest::Runs,
            Some(instance) => match (instance.power, tracker.instance_life(instance.id)) {
                (PowerState::Stopped, _) => Guest::DoesNotRun("stopped".into()),
                (PowerState::PoweredOff, _) => Guest::DoesNotRun("powered off".into()),
                (PowerState::Running, None) => Guest::DoesNotRun("not reported yet".into()),
                (PowerState::Running, Some(life)) if life.state == havip_model::InstanceState::Running => {
                    Guest::Runs
                }
                (PowerState::Running, Some(life)) => {
                    Guest::DoesNotRun(havip_stream::convert::instance_state_text(life.state))
                }
            },
        };
        Candidate {
            who,
            host: interface.host.map(|host| self.called(host)),
            host_is_heard: interface
                .host
                .is_some_and(|host| tracker.host(host, |life| life.is_some_and(|life| life.is_live()))),
            may_hold,
            guest,
            port_is_up: tracker.is_port_up(interface.port),
            seen: seen.get(&interface.port).copied(),
        }
    }

    /// Who has the address besides the holder, as was found since its claim.
    fn other(&self, vip: &Vip, record: &Record) -> Option<String> {
        let findings = self.durable.state.timeline.findings_of(vip.id);
        let mut of_claim = findings.filter_map(|event| match event.kind {
            EventKind::Found { epoch, finding, .. } if epoch == record.epoch => Some(finding),
            _ => None,
        });
        // The newest word counts: by now one of the two may have given up.
        of_claim.find_map(|finding| match finding {
            Finding::BothAnswer { other, .. } => Some(Some(self.words(other))),
            Finding::OneAnswers { .. } => Some(None),
            Finding::ClockAhead { .. } => None,
        })?
    }

    /// What was refused for the address in the last minutes, of each sender and reason the newest.
    fn refused_lately(&self, vip: &Vip, known: &[(&Interface, Candidate)], now: Timestamp) -> Vec<Refused> {
        let mut told: Vec<(&Refusal, Duration)> = vec![];
        for event in self.durable.state.timeline.refusals() {
            let EventKind::Refused(refusal) = &event.kind else { continue };
            let ago = Duration::from_millis(now.0.saturating_sub(event.at.0));
            if ago > LATELY || told.len() == MOST_REFUSED {
                break;
            }
            let Some(port) = refusal.port.filter(|_| refusal.address == Some(vip.address())) else {
                continue;
            };
            let is_of_vip = self.vip_at(vip.address(), port) == Some(vip.id);
            // Refused before it was associated, it may claim now.
            let may_now = known.iter().any(|(interface, one)| one.may_hold && interface.port == port);
            let is_same = |other: &Refusal| (other.reason, other.port) == (refusal.reason, refusal.port);
            if is_of_vip && !may_now && !told.iter().any(|(other, _)| is_same(other)) {
                told.push((refusal, ago));
            }
        }
        told.into_iter().filter_map(|(refusal, ago)| self.refused_fact(refusal, ago)).collect()
    }

    fn refused_fact(&self, refusal: &Refusal, ago: Duration) -> Option<Refused> {
        let known = reason::reason(refusal.reason)?;
        Some(Refused {
            who: self.words(Holder { host: refusal.host, port: refusal.port? }),
            what: known.explanation.into(),
            advice: known.remedy.into(),
            is_claim: known.name.starts_with("claim_"),
            count: refusal.count,
            ago,
        })
    }

    fn shown(&self, interface: &Interface, candidate: &Candidate) -> WhyCandidate {
        let instance = interface.instance.and_then(|id| self.durable.state.world.instances.get(&id));
        let seen = candidate.seen.unwrap_or_default();
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        WhyCandidate {
            interface: interface.id.to_string(),
            instance: instance.map(|instance| instance.id.to_string()),
            instance_name: instance.map(|instance| instance.meta.name.clone()).unwrap_or_default(),
            host_name: interface.host.map(|host| self.host_name(host)).unwrap_or_default(),
            may_hold: candidate.may_hold,
            is_there: candidate.is_there(),
            advert_ago_ms: seen.advert.map(|(ago, _)| ms(ago)),
            advert_interval_ms: seen.advert.map(|(_, interval)| ms(interval)),
            asked_ago_ms: seen.asked.map(ms),
            answered_ago_ms: seen.answered.map(ms),
        }
    }
}

/// What was refused longer ago has been put right, or will be refused again.
const LATELY: Duration = Duration::from_secs(600);
const MOST_REFUSED: usize = 5;
