//! Every claim that was made, and whether the server must have been told of it by now.
//!
//! A host's agent tells the moves of its own ports. What it could not tell before it died its next life reads in the
//! kernel, which keeps the last eight moves of each VIP; a host that loses its power loses what was not told.

use havip_lab::names::HostName;
use std::collections::{BTreeMap, BTreeSet};

/// The books.
#[derive(Debug, Clone, Default)]
pub struct Account {
    made: Vec<Made>,
    /// The VIP and epoch of every claim that was ever followed: the history may have those that are not looked for any more.
    ever: BTreeSet<(usize, u64)>,
    /// How many lines a host's kernel has at most written into a VIP's history.
    lines: BTreeMap<(HostName, usize), u64>,
    /// Announcements that guests of a host have sent since its switch was made.
    sent: BTreeMap<HostName, u64>,
    /// How often a host may have taken back what others had released.
    taken_back: BTreeMap<HostName, u64>,
}

/// A claim that was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// The VIP.
    pub vip: usize,
    /// Who claimed it.
    pub guest: usize,
    /// Where.
    pub host: HostName,
    /// The claim's number in the kernels.
    pub epoch: u64,
    line: u64,
    told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// It was seen in the history, and must stay there.
    Seen,
    /// An agent knows of it, and tells it as soon as the server listens.
    Soon,
    /// The kernel alone knows of it.
    Kept,
    /// It may have been lost.
    Perhaps,
}

impl Account {
    /// An announcement was sent.
    pub fn sent(&mut self, host: HostName) {
        *self.sent.entry(host).or_default() += 1;
    }

    /// How many were sent since the host's switch was made.
    pub fn sent_on(&self, host: HostName) -> u64 {
        self.sent.get(&host).copied().unwrap_or_default()
    }

    /// So many records of a host's ports may be released by others and taken back now.
    pub fn may_take_back(&mut self, host: HostName, records: usize) {
        *self.taken_back.entry(host).or_default() += records as u64;
    }

    /// How many may have been taken back since the host's switch was made.
    pub fn taken_back_on(&self, host: HostName) -> u64 {
        self.taken_back.get(&host).copied().unwrap_or_default()
    }

    /// It was followed on these hosts, the claimant's own among them.
    pub fn made(
        &mut self,
        vip: usize,
        guest: usize,
        host: HostName,
        epoch: u64,
        hearing: &[HostName],
        agent: bool,
    ) {
        for heard in hearing {
            *self.lines.entry((*heard, vip)).or_default() += 1;
        }
        self.ever.insert((vip, epoch));
        let told = if agent { Told::Soon } else { Told::Kept };
        self.made.push(Made { vip, guest, host, epoch, line: self.lines[&(host, vip)], told });
    }

    /// Something may have been released, and taken back, on every host.
    pub fn stirred(&mut self) {
        self.lines.values_mut().for_each(|lines| *lines += 2);
    }

    /// A host's agent died.
    pub fn agent_died(&mut self, host: HostName) {
        self.each(host, |told| if told == Told::Soon { Told::Kept } else { told });
    }

    /// A host's agent lives again, and reads what its kernel has kept.
    pub fn agent_lives(&mut self, host: HostName) {
        let lines = &self.lines;
        for made in self.made.iter_mut().filter(|made| made.host == host && made.told == Told::Kept) {
            let behind = lines[&(host, made.vip)] - made.line;
            made.told = if behind < KEPT { Told::Soon } else { Told::Perhaps };
        }
    }

    /// A host lost its power, and what only it knew.
    pub fn host_died(&mut self, host: HostName) {
        self.each(host, |told| if told == Told::Seen { told } else { Told::Perhaps });
        self.sent.remove(&host);
        self.taken_back.remove(&host);
    }

    /// The claims that the history of a VIP must have, now that everything lives.
    pub fn must_be_told(&self, vip: usize) -> impl Iterator<Item = &Made> {
        self.made.iter().filter(move |made| made.vip == vip && made.told != Told::Perhaps)
    }

    /// Whether a guest has ever claimed this VIP by this epoch.
    pub fn has(&self, vip: usize, epoch: u64) -> bool {
        self.ever.contains(&(vip, epoch))
    }

    /// All of that was there. The newest claims of each VIP are looked for again the next time.
    pub fn seen(&mut self, vips: usize) {
        for made in self.made.iter_mut().filter(|made| made.told != Told::Perhaps) {
            made.told = Told::Seen;
        }
        for vip in 0..vips {
            let of_vip = self.made.iter().filter(|made| made.vip == vip).count();
            let mut excess = of_vip.saturating_sub(REMEMBERED);
            self.made.retain(|made| {
                made.vip != vip || excess == 0 || {
                    excess -= 1;
                    false
                }
            });
        }
    }

    fn each(&mut self, host: HostName, change: impl Fn(Told) -> Told) {
        for made in self.made.iter_mut().filter(|made| made.host == host) {
            made.told = change(made.told);
        }
    }
}

/// Moves of a VIP that a kernel keeps.
const KEPT: u64 = 8;
/// Claims of a VIP that are looked for again: the server keeps a thousand moves, releases among them.
const REMEMBERED: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: HostName = HostName::Host(1);

    fn claims(account: &mut Account, count: u64, agent: bool) {
        for _ in 0..count {
            let epoch = account.made.len() as u64;
            account.made(0, 0, HOST, epoch, &[HOST], agent);
        }
    }

    fn told(account: &Account) -> Vec<u64> {
        account.must_be_told(0).map(|made| made.epoch).collect()
    }

    #[test]
    fn of_what_a_dead_agent_missed_the_last_eight_moves_must_be_told() {
        let mut account = Account::default();
        claims(&mut account, 2, true);
        account.seen(1);
        account.agent_died(HOST);
        claims(&mut account, 10, false);
        account.agent_lives(HOST);
        assert_eq!(told(&account), [0, 1, 4, 5, 6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn a_claim_that_is_not_looked_for_any_more_was_made_all_the_same() {
        let mut account = Account::default();
        claims(&mut account, REMEMBERED as u64 + 1, true);
        account.seen(1);
        assert_eq!(told(&account).first(), Some(&1));
        assert!(account.has(0, 0) && !account.has(1, 0));
    }

    #[test]
    fn a_host_without_power_loses_what_was_not_told() {
        let mut account = Account::default();
        claims(&mut account, 2, true);
        account.seen(1);
        claims(&mut account, 2, true);
        account.host_died(HOST);
        assert_eq!(told(&account), [0, 1]);
    }
}
