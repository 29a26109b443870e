//! Doubting the holder on behalf of a port that may have the address (C10 b).

use havip_model::MacAddr;
use std::time::Duration;

/// A series of up to five rounds, about one record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Doubt {
    began_at: Duration,
    rounds: usize,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase {
    /// Between rounds.
    Resting { until: Duration },
    /// Within a round: both are being asked.
    Asking { doubts: u32, next_at: Duration, answer: Option<MacAddr>, is_alive: bool },
    /// All rounds are over.
    Over,
}

/// What a deadline brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Woken early.
    Nothing,
    /// Ask whoever has not answered in this round.
    Ask { port: bool, holder: bool },
    /// The port has the address and the holder is silent.
    Take(MacAddr),
    /// Both have the address.
    Both(MacAddr),
    /// The port does not have the address, or did not say so.
    Silent,
}

impl Doubt {
    /// The port was associated or activated while another holds, or it was displaced.
    pub fn begin(now: Duration) -> Self {
        Self { began_at: now, rounds: 0, phase: Phase::Resting { until: now + ROUNDS_AFTER[0] } }
    }

    /// The holder stopped advertising while the port did not (C10 c).
    pub fn begin_at_once(now: Duration) -> Self {
        Self { began_at: now, rounds: 0, phase: Phase::Resting { until: now } }
    }

    /// Whether a round is under way.
    pub fn is_asking(&self) -> bool {
        matches!(self.phase, Phase::Asking { .. })
    }

    /// Whether all rounds are over.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// The port answered.
    pub fn answered(&mut self, mac: MacAddr) {
        match &mut self.phase {
            Phase::Asking { answer, .. } => *answer = Some(mac),
            Phase::Resting { .. } | Phase::Over => {} // a late answer; the next round asks again
        }
    }

    /// The holder answered.
    pub fn alive(&mut self) {
        match &mut self.phase {
            Phase::Asking { is_alive, .. } => *is_alive = true,
            Phase::Resting { .. } | Phase::Over => {} // it was asked for somebody else
        }
    }

    /// What is to be done now; to be called until it is [`Step::Nothing`].
    pub fn deadline_reached(&mut self, now: Duration) -> Step {
        match &mut self.phase {
            Phase::Resting { until } if *until <= now => {
                self.phase =
                    Phase::Asking { doubts: 1, next_at: now + DOUBT_INTERVAL, answer: None, is_alive: false };
                Step::Ask { port: true, holder: true }
            }
            Phase::Asking { doubts, next_at, answer, is_alive } if *next_at <= now && *doubts < DOUBTS => {
                *doubts += 1;
                *next_at = now + DOUBT_INTERVAL; // from now: a late agent stretches its round
                Step::Ask { port: answer.is_none(), holder: !*is_alive }
            }
            Phase::Asking { next_at, answer, is_alive, .. } if *next_at <= now => {
                let verdict = match (*answer, *is_alive) {
                    (Some(mac), false) => Step::Take(mac),
                    (Some(mac), true) => Step::Both(mac),
                    (None, _) => Step::Silent,
                };
                self.rounds += 1;
                self.phase = match ROUNDS_AFTER.get(self.rounds) {
                    Some(after) => Phase::Resting { until: now.max(self.began_at + *after) },
                    None => Phase::Over,
                };
                verdict
            }
            Phase::Resting { .. } | Phase::Asking { .. } | Phase::Over => Step::Nothing,
        }
    }

    /// When something is due; none when the series is over.
    pub fn next_deadline(&self) -> Option<Duration> {
        match self.phase {
            Phase::Resting { until } => Some(until),
            Phase::Asking { next_at, .. } => Some(next_at),
            Phase::Over => None,
        }
    }
}

const ROUNDS_AFTER: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(300),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
/// Doubts in a round; the verdict comes one interval after the last, 100 ms after the first.
const DOUBTS: u32 = 5;
const DOUBT_INTERVAL: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    /// Runs one round from its start; the holder and the port answer the doubt with this number.
    fn round(doubt: &mut Doubt, holder_answers: Option<u32>, port_answers: Option<u32>) -> Step {
        let mut asks = 0;
        loop {
            let at = doubt.next_deadline().unwrap();
            match doubt.deadline_reached(at) {
                Step::Ask { .. } => asks += 1,
                verdict => return verdict,
            }
            assert!(asks <= 5);
            if holder_answers == Some(asks) {
                doubt.alive();
            }
            if port_answers == Some(asks) {
                doubt.answered(MAC);
            }
        }
    }

    #[test]
    fn each_pair_of_answers_has_its_verdict() {
        for (holder, port, verdict) in [
            (None, None, Step::Silent),
            (Some(1), None, Step::Silent),
            (None, Some(1), Step::Take(MAC)),
            (None, Some(5), Step::Take(MAC)),
            (Some(5), Some(1), Step::Both(MAC)),
            (Some(1), Some(5), Step::Both(MAC)),
        ] {
            let mut doubt = Doubt::begin(ms(0));
            assert_eq!(round(&mut doubt, holder, port), verdict, "{holder:?} {port:?}");
        }
    }

    #[test]
    fn rounds_begin_after_20_ms_300_ms_and_1_2_and_4_s_and_take_100_ms() {
        let mut doubt = Doubt::begin(ms(1000));
        for begins in [20, 300, 1000, 2000, 4000] {
            assert_eq!(doubt.next_deadline(), Some(ms(1000 + begins)));
            assert_eq!(doubt.deadline_reached(ms(999 + begins)), Step::Nothing);
            for tick in 0..5 {
                let asked = doubt.deadline_reached(ms(1000 + begins + 20 * tick));
                assert_eq!(asked, Step::Ask { port: true, holder: true });
            }
            assert_eq!(doubt.deadline_reached(ms(1000 + begins + 100)), Step::Silent);
        }
        assert_eq!(doubt.next_deadline(), None);
        assert_eq!(doubt.deadline_reached(ms(99_000)), Step::Nothing);
    }

    #[test]
    fn a_late_agent_still_waits_20_ms_for_the_answer_to_its_last_doubt() {
        let mut doubt = Doubt::begin(ms(0));
        let asked_at = [20, 600, 620, 640, 660];
        for at in asked_at {
            assert!(matches!(doubt.deadline_reached(ms(at)), Step::Ask { .. }));
            assert_eq!(doubt.deadline_reached(ms(at)), Step::Nothing);
        }
        assert_eq!(doubt.next_deadline(), Some(ms(680)));
    }

    #[test]
    fn answers_between_rounds_do_not_count_for_the_next_one() {
        let mut doubt = Doubt::begin(ms(0));
        doubt.alive();
        doubt.answered(MAC);
        assert_eq!(round(&mut doubt, None, None), Step::Silent);
    }
}
