//! The underlay: it loses, repeats, delays and cuts.

use std::{collections::BTreeSet, time::Duration};

/// What the network does to messages now.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Of a hundred messages, how many are lost; as many are repeated.
    pub loss: u64,
    /// The longest delay of a message in microseconds, beyond 50 µs.
    pub delay_micros: u64,
    /// Pairs of hosts that do not hear each other.
    pub cut: BTreeSet<(usize, usize)>,
    /// Of a hundred notices, how many find the ring full.
    pub ring_loss: u64,
}

impl Network {
    /// No losses, no delay to speak of, nothing cut.
    pub fn heal(&mut self) {
        *self = Self { delay_micros: 500, ..Self::default() };
    }

    pub fn is_cut(&self, one: usize, other: usize) -> bool {
        self.cut.contains(&(one.min(other), one.max(other)))
    }

    /// Separates these hosts, bit by bit, from the others.
    pub fn partition(&mut self, side: u8, hosts: usize) {
        let is_in = |host: usize| side & (1 << host) != 0;
        for one in 0..hosts {
            self.cut.extend(
                (one + 1..hosts).filter(|other| is_in(one) != is_in(*other)).map(|other| (one, other)),
            );
        }
    }

    /// When the copies of a message arrive: none, one or two.
    pub fn arrivals(&self, random: &mut Random) -> Vec<Duration> {
        let copies = match random.below(100) {
            lost if lost < self.loss => 0,
            repeated if repeated < 2 * self.loss => 2,
            _ => 1,
        };
        (0..copies).map(|_| Duration::from_micros(50 + random.below(self.delay_micros + 1))).collect()
    }
}

/// The simulation's chances, from the case's seed.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// Less than `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }
}
