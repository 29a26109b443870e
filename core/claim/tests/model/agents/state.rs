//! Three hosts, their guests and what is under way between them.

use super::Budget;
use crate::names::{HOSTS, hosts, ms, print, vip};
use havip_claim::{
    keeper::Keeper,
    switch::{Message, SwitchModel},
};
use havip_model::Record;
use std::{
    collections::VecDeque,
    fmt,
    hash::{Hash, Hasher},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

#[derive(Clone)]
pub struct State {
    pub now: Duration,
    pub clocks: [i8; HOSTS],
    pub switches: [SwitchModel; HOSTS],
    pub keepers: [Keeper; HOSTS],
    pub has_address: [bool; HOSTS],
    pub up: [bool; HOSTS],
    pub under_way: VecDeque<Parcel>,
    pub held_back: Vec<Parcel>,
    pub cut_off: Option<usize>,
    pub budget: Budget,
    pub broken: Option<&'static str>,
    /// What was seen on the way; no part of the state.
    pub seen: Seen,
}

/// Something for a host, or for its guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parcel {
    Message { to: usize, message: Message },
    Ask { guest: usize },
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    pub contested: bool,
    pub doubted: bool,
    pub both: bool,
    pub repeated: bool,
    pub asked: bool,
}

impl State {
    pub fn record(&self, host: usize) -> Option<Record> {
        self.switches[host].record(key())
    }

    pub fn is_cut(&self, one: usize, other: usize) -> bool {
        self.cut_off.is_some_and(|cut| (cut == one) != (cut == other))
    }

    /// Says it, if somebody wants to read how things came about.
    pub fn tell(&self, what: impl FnOnce() -> String) {
        if TELLS.load(Ordering::Relaxed) {
            println!("{:>9.3?}  {}", self.now.saturating_sub(BEGAN), what());
        }
    }

    /// Time since 1970 minus time since boot.
    pub fn clock(&self, host: usize) -> Duration {
        ms(1_000_000_000_u64.strict_add_signed(i64::from(self.clocks[host])))
    }
}

impl Seen {
    pub fn note(&mut self, notice: &havip_claim::Notice) {
        use havip_claim::{Cause, Notice};
        use havip_model::MoveCause;
        if let Notice::Moved { cause: Cause::Here(cause), .. } = notice {
            match cause {
                MoveCause::Contested => self.contested = true,
                MoveCause::Doubted => self.doubted = true,
                MoveCause::Repeated => self.repeated = true,
                MoveCause::Asked => self.asked = true,
                _ => {}
            }
        }
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self { now, clocks, switches, keepers, has_address, up, under_way, held_back, cut_off, .. } =
            self;
        (now, clocks, switches, keepers).hash(hasher);
        (has_address, up, under_way, held_back, cut_off, self.budget, self.broken).hash(hasher);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        print(self) == print(other)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records: Vec<_> = hosts().map(|host| self.record(host)).collect();
        let mut shown = f.debug_struct("State");
        shown.field("now", &(self.now - BEGAN)).field("records", &records);
        shown.field("has_address", &self.has_address).field("up", &self.up).finish_non_exhaustive()
    }
}

/// The one VIP: another shares nothing with it.
pub fn key() -> havip_model::VipKey {
    vip(0)
}

/// While a way to something wrong is gone once more.
pub static TELLS: AtomicBool = AtomicBool::new(false);
/// Everything is in order by then; no agent compares its records within the next 500 ms.
pub const BEGAN: Duration = Duration::from_secs(100);
