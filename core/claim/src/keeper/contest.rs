//! Two ports want a VIP: both are asked until one alone has the address (C9).

use havip_model::MacAddr;
use std::time::Duration;

/// The contest of one local port against the present holder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Contest {
    /// With which the port last claimed or answered.
    mac: MacAddr,
    /// When the port last claimed, or both were found to have the address: for a while after it asks are frequent.
    stirred_at: Duration,
    port: Witness,
    holder: Witness,
    /// Rounds in a row in which both answered.
    agreed: u32,
    /// Both have the address: the holder keeps it until then, and for good if the port does not claim again.
    held_until: Option<Duration>,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    /// Both are to be asked.
    Asks { at: Duration },
    /// Both were; what they answered counts then.
    Judges { at: Duration },
}

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
struct Witness {
    answered: bool,
    /// Asks in a row without an answer.
    missed: u32,
}

/// What a deadline, or a claim, brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Woken early, or nothing to be done.
    Nothing,
    /// Ask both.
    Ask,
    /// The port takes the VIP: it alone has the address, or its turn has come.
    Take(MacAddr),
    /// Both have the address, as was not known before.
    Both,
    /// The port does not have the address (any more).
    Over,
}

impl Contest {
    /// The port has claimed. Its rival may just be dropping the address: a yielding master needs 0.3 ms for that.
    pub fn begin(now: Duration, mac: MacAddr) -> Self {
        let phase = Phase::Asks { at: now + FIRST_ASK_AFTER };
        let (port, holder) = (Witness::default(), Witness::default());
        Self { mac, stirred_at: now, port, holder, agreed: 0, held_until: None, phase }
    }

    /// Doubt has found that both have the address.
    pub fn known(now: Duration, mac: MacAddr, hold: Duration) -> Self {
        Self { held_until: Some(now + hold), ..Self::begin(now, mac) }
    }

    /// The port claims again: after the hold its turn has come.
    ///
    /// Whoever claims has the address, as if it had answered: else asks that it missed before would end the contest a
    /// moment after its claim, and nobody would look any more when its rival drops the address.
    pub fn claimed(&mut self, now: Duration, mac: MacAddr) -> Step {
        (self.mac, self.stirred_at) = (mac, now);
        self.port.answer();
        self.hasten(now);
        match self.held_until {
            Some(until) if until <= now => Step::Take(mac),
            _ => Step::Nothing,
        }
    }

    /// The port has the address.
    pub fn answered(&mut self, mac: MacAddr) {
        self.mac = mac;
        self.port.answer();
    }

    /// The holder has it.
    pub fn alive(&mut self) {
        self.holder.answer();
    }

    /// Another holds now: what was known of the rival counts no more.
    pub fn meet_another(&mut self, now: Duration) {
        *self = Self { port: self.port, ..Self::begin(now, self.mac) };
    }

    /// Whether it was reported that both have the address.
    pub fn is_known(&self) -> bool {
        self.held_until.is_some()
    }

    /// Until when the holder keeps the VIP, if both have the address.
    pub fn held_until(&self) -> Option<Duration> {
        self.held_until
    }

    /// What is to be done now; to be called until it is [`Step::Nothing`]. `hold` is how long the holder keeps the VIP
    /// if both have the address.
    pub fn deadline_reached(&mut self, now: Duration, hold: Duration) -> Step {
        match self.phase {
            Phase::Asks { at } if at <= now => {
                self.phase = Phase::Judges { at: now + ANSWERS_WITHIN };
                (self.port.answered, self.holder.answered) = (false, false);
                Step::Ask
            }
            Phase::Judges { at } if at <= now => {
                let both = self.port.judge() & self.holder.judge();
                self.agreed = if both { self.agreed + 1 } else { 0 };
                let pause = if self.is_calm(now, both) { RARELY } else { INTERVAL };
                self.phase = Phase::Asks { at: now + pause - ANSWERS_WITHIN };
                self.verdict(now, hold)
            }
            Phase::Asks { .. } | Phase::Judges { .. } => Step::Nothing,
        }
    }

    /// When something is due.
    pub fn next_deadline(&self) -> Duration {
        let (Phase::Asks { at } | Phase::Judges { at }) = self.phase;
        at
    }

    fn verdict(&mut self, now: Duration, hold: Duration) -> Step {
        if self.port.is_silent() {
            return Step::Over;
        }
        if self.holder.is_silent() {
            self.holder = Witness::default(); // if the order comes to nothing, it is asked five times more
            return Step::Take(self.mac);
        }
        if self.held_until.is_none() && self.agreed >= ENOUGH {
            self.held_until = Some(now + hold);
            return Step::Both;
        }
        Step::Nothing
    }

    /// Both have had it for a while and nobody stirs: that may last for days.
    fn is_calm(&self, now: Duration, both: bool) -> bool {
        let until = self.held_until.unwrap_or(Duration::MAX).max(self.stirred_at + STIRS_FOR);
        both && until <= now
    }

    /// Ends a long pause: something has happened.
    pub fn hasten(&mut self, now: Duration) {
        if let Phase::Asks { at } = &mut self.phase {
            *at = (*at).min(now + FIRST_ASK_AFTER);
        }
    }
}

impl Witness {
    fn answer(&mut self) {
        (self.answered, self.missed) = (true, 0);
    }

    /// Counts the last ask; whether it was answered.
    fn judge(&mut self) -> bool {
        if !self.answered {
            self.missed += 1;
        }
        self.answered
    }

    fn is_silent(&self) -> bool {
        self.missed >= ENOUGH
    }
}

/// So many asks in a row tell: 100 ms after the claim it is known who has the address.
const ENOUGH: u32 = 5;
const FIRST_ASK_AFTER: Duration = Duration::from_millis(5);
const INTERVAL: Duration = Duration::from_millis(20);
/// A guest's kernel answers in 0.1 ms, over another host's in 0.3; the rest is for busy machines.
const ANSWERS_WITHIN: Duration = Duration::from_millis(15);
/// Between asks when both have had the address for long; the first unanswered one ends that.
const RARELY: Duration = Duration::from_secs(1);
/// Twice keepalived's usual interval between announcements (`garp_master_refresh 5`).
const STIRS_FOR: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const HOLD: Duration = Duration::from_secs(5);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Runs until this time; who answers is asked each time. Returns what it brought, with the times.
    fn run(
        contest: &mut Contest,
        until: Duration,
        answers: impl Fn(Duration) -> (bool, bool),
    ) -> Vec<(u128, Step)> {
        let mut steps = vec![];
        while contest.next_deadline() <= until {
            let at = contest.next_deadline();
            assert_eq!(contest.deadline_reached(at - Duration::from_nanos(1), HOLD), Step::Nothing);
            match contest.deadline_reached(at, HOLD) {
                Step::Ask => {
                    let (port, holder) = answers(at);
                    if port {
                        contest.answered(MAC);
                    }
                    if holder {
                        contest.alive();
                    }
                }
                Step::Nothing => {}
                step => steps.push((at.as_millis(), step)),
            }
            if matches!(steps.last(), Some((_, Step::Over))) {
                break;
            }
        }
        steps
    }

    #[test]
    fn each_pair_of_answers_has_its_verdict_100_ms_after_the_claim() {
        for (port, holder, verdict) in [
            (true, false, Step::Take(MAC)),
            (false, true, Step::Over),
            (false, false, Step::Over),
            (true, true, Step::Both),
        ] {
            let mut contest = Contest::begin(ms(1000), MAC);
            assert_eq!(contest.next_deadline(), ms(1005));
            let steps = run(&mut contest, ms(1110), |_| (port, holder));
            assert_eq!(steps, [(1100, verdict)], "{port} {holder}");
        }
    }

    #[test]
    fn one_answer_in_five_keeps_each_of_them() {
        let mut contest = Contest::begin(ms(0), MAC);
        let steps = run(&mut contest, ms(60_000), |at| {
            let asked = (at.as_millis() / 20) as u32;
            (asked.is_multiple_of(5), asked % 5 == 3)
        });
        assert_eq!(steps, [], "and nobody can say that both have it");
    }

    #[test]
    fn a_holder_that_falls_silent_during_the_hold_loses_the_vip_within_100_ms() {
        let mut contest = Contest::begin(ms(0), MAC);
        let steps = run(&mut contest, ms(2110), |at| (true, at < ms(2000)));
        assert_eq!(steps, [(100, Step::Both), (2100, Step::Take(MAC))]);
    }

    #[test]
    fn a_claim_during_the_hold_changes_nothing_and_the_next_one_behind_it_takes_the_vip() {
        let mut contest = Contest::begin(ms(0), MAC);
        assert_eq!(contest.claimed(ms(50), MAC), Step::Nothing);
        run(&mut contest, ms(5000), |_| (true, true));
        assert_eq!(contest.claimed(ms(5000), MAC), Step::Nothing);
        assert_eq!(contest.held_until(), Some(ms(5100)));
        run(&mut contest, ms(5100), |_| (true, true));
        assert_eq!(contest.claimed(ms(5100), MAC), Step::Take(MAC));
    }

    #[test]
    fn a_port_that_claims_again_after_four_missed_asks_is_not_given_up_for_the_fifth() {
        // The port has dropped the address, gets it again while its fifth ask is under way, and answers no earlier.
        let mut contest = Contest::begin(ms(0), MAC);
        assert_eq!(run(&mut contest, ms(86), |_| (false, true)), [], "five asks, four of them judged");
        contest.claimed(ms(87), MAC);
        let steps = run(&mut contest, ms(2110), |at| (at > ms(90), at < ms(2000)));
        assert_eq!(steps[0].1, Step::Both);
        assert!(matches!(steps[1], (2085..=2105, Step::Take(MAC))), "{steps:?}");
    }

    #[test]
    fn two_that_stay_are_asked_once_a_second_until_one_falls_silent() {
        let mut contest = Contest::begin(ms(0), MAC);
        assert_eq!(run(&mut contest, ms(11_000), |_| (true, true)), [(100, Step::Both)]);
        let before = contest.next_deadline();
        run(&mut contest, before, |_| (true, true));
        let judged_at = contest.next_deadline();
        run(&mut contest, judged_at, |_| (true, true));
        assert_eq!(contest.next_deadline() - before, ms(1000));

        let asked_at = contest.next_deadline();
        let steps = run(&mut contest, ms(20_000), |at| (true, at < asked_at));
        assert_eq!(steps[0], (asked_at.as_millis() + 95, Step::Take(MAC)));
    }

    #[test]
    fn against_another_holder_it_begins_anew() {
        let mut contest = Contest::known(ms(0), MAC, HOLD);
        assert!(contest.is_known());
        contest.meet_another(ms(40));
        assert!(!contest.is_known());
        assert_eq!(run(&mut contest, ms(150), |_| (true, true)), [(140, Step::Both)]);
    }
}
