//! What this host finds out about VIPs, on its way to people: of each VIP and kind the first at once, then the
//! newest of every ten seconds, so that neither a storm drowns the rest nor the last word is missing.

use super::Engine;
use havip_claim::keeper::Report;
use havip_model::{Finding, Holder, Timestamp, VipKey};
use havip_stream::convert::{self, Found};
use std::collections::BTreeMap;
use std::time::Duration;

/// What was told lately, and what waits for its turn.
#[derive(Debug, Default)]
pub struct Findings {
    told: BTreeMap<(VipKey, &'static str), Told>,
}

/// A kind of finding about one VIP that was told.
#[derive(Debug)]
struct Told {
    quiet_until: Duration,
    /// The newest since, which stands for all since.
    waiting: Option<Found>,
}

impl Findings {
    /// Answers the finding if it is to be told now; keeps it otherwise.
    ///
    /// # Errors
    /// So many VIPs have findings already that this one can only be counted.
    fn find(&mut self, now: Duration, found: Found) -> Result<Option<Found>, TooMany> {
        let key = (found.vip, found.finding.word());
        if let Some(told) = self.told.get_mut(&key) {
            let before = told.waiting.map_or(0, |waiting| waiting.count);
            told.waiting = Some(Found { count: before + found.count, ..found });
            return Ok(None);
        }
        if self.told.len() >= MOST_TOLD {
            return Err(TooMany);
        }
        self.told.insert(key, Told { quiet_until: now + QUIET, waiting: None });
        Ok(Some(found))
    }

    /// Those whose turn has come.
    fn due(&mut self, now: Duration) -> Vec<Found> {
        let mut due = vec![];
        self.told.retain(|_, told| {
            if told.quiet_until > now {
                return true;
            }
            told.quiet_until = now + QUIET;
            let waiting = told.waiting.take();
            due.extend(waiting);
            waiting.is_some()
        });
        due
    }
}

/// See [`Findings::find`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TooMany;

impl Engine {
    /// The claim machine found something out.
    pub(super) fn report(&mut self, now: Duration, report: &Report) {
        let (vip, record, finding) = match *report {
            Report::BothAnswer { key, record, port } => {
                let (holder, other) = (record.holder, Holder { host: self.host, port });
                tracing::warn!(vip = ?key, ?holder, ?other, "two ports have the VIP's address");
                (key, record, Finding::BothAnswer { holder, other })
            }
            Report::BothAnswerNoMore { key, record, port } => {
                let (holder, other) = (record.holder, Holder { host: self.host, port });
                tracing::info!(vip = ?key, ?holder, ?other, "no two ports have the VIP's address any more");
                (key, record, Finding::OneAnswers { holder, other })
            }
            Report::ClockAhead { key, record, ahead } => {
                let ahead_ms = u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(vip = ?key, ahead_ms, "a claim is from the future");
                (key, record, Finding::ClockAhead { holder: record.holder, ahead_ms })
            }
        };
        let at = Timestamp(self.wall_ms(now));
        match self.findings.find(now, Found { vip, epoch: record.epoch, count: 1, at, finding }) {
            Ok(now) => now.iter().for_each(|found| self.outbox.found(convert::found_message(found))),
            Err(TooMany) => self.outbox.lost_findings(1),
        }
    }

    /// Tells what has waited for its turn.
    pub(super) fn report_findings(&mut self, now: Duration) {
        for found in self.findings.due(now) {
            self.outbox.found(convert::found_message(&found));
        }
    }
}

/// A person reads no faster.
const QUIET: Duration = Duration::from_secs(10);
/// Some 200 bytes each.
const MOST_TOLD: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use havip_model::{Epoch, HostNumber, PortNumber, Vni};

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn found(address: u32, epoch: u64) -> Found {
        let holder = Holder { host: HostNumber::MIN, port: PortNumber::MIN };
        let vip = VipKey { vni: Vni::MIN, address: std::net::Ipv4Addr::from_bits(address).into() };
        let finding = Finding::ClockAhead { holder, ahead_ms: 1 };
        Found { vip, epoch: Epoch(epoch), count: 1, at: Timestamp(0), finding }
    }

    #[test]
    fn the_first_is_told_at_once_and_the_newest_of_the_rest_ten_seconds_later() {
        let mut findings = Findings::default();
        assert_eq!(findings.find(secs(0), found(1, 1)), Ok(Some(found(1, 1))));
        for epoch in 2..=5 {
            assert_eq!(findings.find(secs(1), found(1, epoch)), Ok(None));
        }
        assert_eq!(findings.find(secs(1), found(2, 9)), Ok(Some(found(2, 9))), "another VIP does not wait");
        assert_eq!(findings.due(secs(9)), []);
        assert_eq!(findings.due(secs(10)), [Found { count: 4, ..found(1, 5) }]);
        assert_eq!(findings.find(secs(11), found(1, 6)), Ok(None), "it was told a second ago");
        assert_eq!(findings.due(secs(20)), [found(1, 6)]);
        assert_eq!(findings.due(secs(30)), []);
        assert_eq!(findings.find(secs(31), found(1, 7)), Ok(Some(found(1, 7))));
    }

    #[test]
    fn a_kind_of_finding_does_not_wait_for_another_kind() {
        let mut findings = Findings::default();
        let one = found(1, 1);
        let holder = Holder { host: HostNumber::MIN, port: PortNumber::MIN };
        let other = Found { finding: Finding::BothAnswer { holder, other: holder }, ..one };
        assert_eq!(findings.find(secs(0), one), Ok(Some(one)));
        assert_eq!(findings.find(secs(0), other), Ok(Some(other)));
    }

    #[test]
    fn what_is_one_too_many_is_said_to_be_so() {
        let mut findings = Findings::default();
        for address in 0..MOST_TOLD as u32 {
            assert!(findings.find(secs(0), found(address, 1)).is_ok());
        }
        assert_eq!(findings.find(secs(0), found(u32::MAX, 1)), Err(TooMany));
        findings.due(secs(10));
        assert!(findings.find(secs(10), found(u32::MAX, 1)).is_ok());
    }
}
