//! Whatever happens in whatever order, against the plainest list of who is dead.

use crate::scene::*;
use havip_assist::{Action, Event, Evidence, Known, Speaker};
use havip_model::{Holder, HostNumber, Record};
use proptest::{collection::vec, prelude::*};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What happens; hosts 1 to 3, on each an instance of two interfaces: ports 11 to 13 send and hear adverts, ports 21 to
/// 23 may hold the VIP, too.
#[derive(Debug, Clone)]
enum Op {
    PortDown(Holder),
    PortUp(Holder),
    Missed(u32),
    Said {
        about: u32,
        by: u32,
        hears: bool,
    },
    Lost(u32),
    Heard(u32),
    /// A port is given an advert.
    Advert {
        from: u32,
        to: u32,
        priority: u8,
    },
    /// The record names this port, and perhaps that it is released.
    Holds {
        by: Holder,
        released: bool,
    },
    Assist(bool),
    Pause(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let one = 1u32..=3;
    let port = || (1u32..=3, prop::sample::select(vec![10, 20])).prop_map(|(on, base)| holder(on, base + on));
    prop_oneof![
        4 => port().prop_map(Op::PortDown),
        2 => port().prop_map(Op::PortUp),
        2 => one.clone().prop_map(Op::Missed),
        2 => (one.clone(), one.clone(), any::<bool>()).prop_map(|(about, by, hears)| Op::Said { about, by, hears }),
        3 => one.clone().prop_map(Op::Lost),
        2 => one.clone().prop_map(Op::Heard),
        5 => (one.clone(), one.clone(), prop::sample::select(vec![0, 100, 254]))
            .prop_map(|(from, to, priority)| Op::Advert { from, to, priority }),
        3 => (port(), any::<bool>()).prop_map(|(by, released)| Op::Holds { by, released }),
        1 => any::<bool>().prop_map(Op::Assist),
        4 => (0u64..1500).prop_map(Op::Pause),
    ]
}

fn at(number: u32) -> Holder {
    holder(number, 10 + number)
}

/// The world around the speaker: what the switch remembers, and what is true.
struct World {
    now: Duration,
    adverts: BTreeMap<(u32, u32), (Duration, u8, bool)>,
    record: Option<Record>,
    assists: bool,
    lost: BTreeMap<HostNumber, Duration>,
    hear: BTreeSet<HostNumber>,
    /// Ports that are down, as their hosts know.
    down: BTreeSet<Holder>,
}

impl World {
    fn memory(&self) -> Vec<Known> {
        let known = |(&(from, to), &(given_at, priority, is_repeated)): (&_, &_)| {
            let mut known = known(10 + to, &vrrp(priority));
            (known.delivered.at, known.delivered.is_repeated) = (given_at, is_repeated);
            (known.delivered.sender, known.sender) = (at(from).port, Some(at(from)));
            (known.names[0].record, known.names[0].assists) = (self.record, self.assists);
            known.names[0].is_senders = self.record.is_some_and(|record| record.holder.host == host(from));
            known
        };
        self.adverts.iter().map(known).collect()
    }

    /// The adverts that may be repeated, now that this port went down; and the ports to be asked about first.
    fn expected(&self, down: Option<Holder>) -> (BTreeSet<(u32, u32)>, BTreeSet<Holder>) {
        let is_dead = |holder: Holder| down == Some(holder) || self.lost.contains_key(&holder.host);
        let (mut spoken, mut asked) = (BTreeSet::new(), BTreeSet::new());
        for (&(from, to), &(given_at, priority, is_repeated)) in &self.adverts {
            let Some(record) = self.record.filter(|record| record.holder.host == host(from)) else {
                continue;
            };
            let is_fresh = priority > 0 && !is_repeated && self.now - given_at < ms(3000);
            let holder_is_gone = is_dead(record.holder) || record.released && record.holder != at(from);
            if is_fresh && holder_is_gone && is_dead(at(from)) && self.assists {
                spoken.insert((from, to));
            } else if is_fresh && is_dead(record.holder) && !is_dead(at(from)) {
                asked.insert(at(from));
            }
        }
        (spoken, asked)
    }

    /// Says what is remembered, if it is asked for; checks each word that follows.
    fn carry_out(&mut self, speaker: &mut Speaker, actions: Vec<Action>, down: Option<Holder>) {
        for action in actions {
            match action {
                Action::Look => {
                    let expected = self.expected(down);
                    let (mut spoken, mut asked) = (BTreeSet::new(), BTreeSet::new());
                    for word in speaker.handle(self.now, Event::Seen(self.memory())) {
                        match word {
                            Action::Speak { speech, evidence } => {
                                let from = speech.record.holder.host.get();
                                let by_port = !matches!(evidence, Evidence::HostLost { .. });
                                let of_them = [speech.record.holder, at(from)];
                                assert_eq!(
                                    by_port,
                                    down.is_some_and(|down| of_them.contains(&down)),
                                    "{evidence:?}"
                                );
                                spoken.insert((from, speech.to.get() - 10));
                                speaker.handle(self.now, Event::Spoken { speech, evidence });
                            }
                            Action::AskAbout(port) => _ = asked.insert(port),
                            other => panic!("{other:?}"),
                        }
                    }
                    assert_eq!((&spoken, &asked), (&expected.0, &expected.1));
                    for pair in spoken {
                        self.adverts.get_mut(&pair).unwrap().2 = true;
                    }
                    for port in asked.into_iter().filter(|port| self.down.contains(port)).collect::<Vec<_>>()
                    {
                        let actions = speaker.handle(self.now, Event::PortDown(port));
                        self.carry_out(speaker, actions, Some(port));
                    }
                }
                Action::Release(host) => {
                    let since = self.lost.get(&host).expect("only a lost host is released");
                    assert!(self.now - *since >= ms(250), "after {:?}", self.now - *since);
                    assert!(!self.hear.contains(&host), "somebody hears it");
                    assert!(speaker.releases(host));
                }
                Action::Speak { .. } | Action::AskAbout(_) => panic!("nothing was looked at"),
                Action::TakeBack(speech) => {
                    assert!(!self.lost.contains_key(&speech.record.holder.host), "it is lost");
                    let pair = (speech.record.holder.host.get(), speech.to.get() - 10);
                    self.adverts.get_mut(&pair).unwrap().2 = false;
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn it_speaks_once_for_each_dead_holder_and_releases_only_what_is_lost_and_heard_nowhere(ops in vec(op(), 1..80)) {
        let mut speaker = Speaker::new();
        let mut world = World {
            now: ms(10_000), adverts: BTreeMap::new(), record: None, assists: true, lost: BTreeMap::new(), hear: BTreeSet::new(),
            down: BTreeSet::new(),
        };
        for op in ops {
            let now = world.now;
            let mut down = None;
            let event = match op {
                Op::PortDown(port) => {
                    down = Some(port);
                    world.down.insert(port);
                    Event::PortDown(port)
                }
                Op::PortUp(port) => {
                    world.down.remove(&port);
                    continue;
                }
                Op::Missed(number) => {
                    world.hear.remove(&host(number));
                    Event::Missed(host(number))
                }
                Op::Said { about, by, hears } => {
                    // A host that is asked twice has changed its mind.
                    let said = Event::Said { about: host(about), by: host(by), hears };
                    speaker.handle(now, Event::Missed(host(about)));
                    world.hear.remove(&host(about));
                    if hears {
                        world.hear.insert(host(about));
                    }
                    said
                }
                Op::Lost(number) => {
                    world.lost.entry(host(number)).or_insert(now);
                    Event::HostLost { host: host(number), since: now }
                }
                Op::Heard(number) => {
                    world.lost.remove(&host(number));
                    Event::HostHeard(host(number))
                }
                Op::Advert { from, to, priority } => {
                    world.adverts.insert((from, to), (now, priority, false));
                    continue;
                }
                Op::Holds { by, released } => {
                    world.record = Some(Record { released, ..record(by) });
                    continue;
                }
                Op::Assist(on) => {
                    world.assists = on;
                    continue;
                }
                Op::Pause(millis) => {
                    world.now += ms(millis);
                    while speaker.next_deadline().is_some_and(|at| at <= world.now) {
                        let actions = speaker.handle(world.now, Event::DeadlineReached);
                        world.carry_out(&mut speaker, actions, None);
                    }
                    continue;
                }
            };
            let actions = speaker.handle(now, event);
            world.carry_out(&mut speaker, actions, down);
        }
    }
}
