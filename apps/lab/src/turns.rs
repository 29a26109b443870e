//! Many VIPs at once, each of which two guests take from each other in turns: how long until every host agrees.

use crate::{
    Herald, Scene, Watch,
    names::HostName,
    watch::{View, wall},
};
use anyhow::{Result, ensure};
use havip_api::{Associate, Contention, CreateVip};
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

/// The VIPs, who takes them, and what every host says about them.
pub struct Turns {
    heralds: Vec<Herald>,
    hosts: Vec<HostName>,
    vips: Vec<Turn>,
    watch: Watch,
}

/// One VIP.
struct Turn {
    address: Ipv4Addr,
    /// Its two guests, by their place among the heralds; the first one is next.
    guests: [usize; 2],
    state: State,
}

enum State {
    /// Everybody agrees, and the next claim is due then.
    Rests { until: Instant },
    /// Claimed, by the clock of the hosts.
    Moves { at: Duration, began_at: Instant },
}

/// One move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// From the announcement until the last host had the record; none if that was not within the time.
    pub agreed_after: Option<Duration>,
}

impl Turns {
    /// Makes so many VIPs in the scene's subnet, from 10.20.1.101 on, associated with two of the guests each.
    ///
    /// The guests are on hosts of their own, and have none of the addresses: they say nothing when they are asked,
    /// so that nothing but their claims moves a VIP.
    pub fn new(scene: &Scene, guests: &[&str], vips: u8) -> Result<Self> {
        let count = guests.len();
        ensure!(count >= 2 && vips <= MOST_VIPS, "two guests at least, {MOST_VIPS} VIPs at most");
        let mut turns = vec![];
        for number in 0..usize::from(vips) {
            let address = Ipv4Addr::new(10, 20, 1, 101 + number as u8);
            let pair = [number % count, (number + 1) % count];
            let body = CreateVip {
                subnet: scene.subnet.clone(),
                address: Some(address.to_string()),
                // Two that take turns every moment are what a hold is against.
                contention: Contention::Follow,
                assist: false,
                associations: pair.map(|guest| Associate::claim(&scene[guests[guest]].id)).into(),
                ..CreateVip::default()
            };
            scene.settled(|client| client.create_vip(&body))?;
            turns.push(Turn { address, guests: pair, state: State::Rests { until: Instant::now() } });
        }
        let heralds = guests.iter().map(|guest| scene[guest].herald()).collect::<Result<_>>()?;
        let hosts = scene.lab.hosts();
        let watch = Watch::start(&scene.lab, hosts.iter().copied(), LOOK)?;
        Ok(Self { heralds, hosts, vips: turns, watch })
    }

    /// So many moves, all VIPs at once; each rests between two of its moves, now shorter, now longer.
    pub fn run(&mut self, moves: usize, mut told: impl FnMut(usize) -> Result<()>) -> Result<Vec<Moved>> {
        let mut done = vec![];
        let mut begun = 0;
        while done.len() < moves {
            let now = Instant::now();
            for turn in &mut self.vips {
                match turn.state {
                    State::Rests { until } if until <= now && begun < moves => {
                        turn.state = State::Moves { at: wall(), began_at: now };
                        self.heralds[turn.guests[0]].announce(turn.address)?;
                        begun += 1;
                    }
                    State::Rests { .. } => {}
                    State::Moves { at, began_at } => {
                        let mac = self.heralds[turn.guests[0]].mac();
                        let agreed_at =
                            self.watch.look(|view| agreed_at(view, &self.hosts, turn.address, &mac));
                        if agreed_at.is_none() && began_at.elapsed() < PATIENCE {
                            continue;
                        }
                        done.push(Moved { agreed_after: agreed_at.map(|agreed| agreed.saturating_sub(at)) });
                        turn.guests.swap(0, 1);
                        // Spread over the second of the hosts' repair, without chance.
                        let more = Duration::from_millis(done.len() as u64 * 377 % 1000);
                        turn.state = State::Rests { until: now + REST + more };
                    }
                }
            }
            told(done.len())?;
            // Not waiting for anything: the view itself is looked at every so often.
            std::thread::sleep(LOOK);
        }
        self.watch.nothing_went_backwards()?;
        Ok(done)
    }

    /// What every host says.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }
}

/// When the last of the hosts had the record that names this guest; none while one has another.
fn agreed_at(view: &View, hosts: &[HostName], vip: Ipv4Addr, mac: &str) -> Option<Duration> {
    let mut last = Duration::ZERO;
    for host in hosts {
        let held = view.held(*host, vip).filter(|held| held.mac == mac && !held.released)?;
        last = last.max(held.at);
    }
    Some(last)
}

/// How often the hosts are looked at: what is measured is in seconds.
const LOOK: Duration = Duration::from_millis(5);
/// Rule C4's bucket gives two claims a second, VIP and port, and each port has every second turn.
const REST: Duration = Duration::from_millis(300);
/// Twice and a half the six periods that are aimed at.
const PATIENCE: Duration = Duration::from_secs(15);
/// From 10.20.1.101 on.
const MOST_VIPS: u8 = 100;
