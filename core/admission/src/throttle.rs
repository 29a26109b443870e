//! How often one access key may ask for one thing.

use std::{collections::HashMap, time::Duration};

/// So many requests at once, and so many a second from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// A second; 0 lets everything pass.
    pub per_second: u32,
    /// At once, after a pause.
    pub burst: u32,
}

/// Counts requests by access key and action. Time is told since any beginning.
///
/// Each pair has the instant at which all that it asked for would have been due, one step apart: one number, and no
/// timer (the generic cell rate algorithm).
#[derive(Debug)]
pub struct Throttle {
    rate: Rate,
    due: HashMap<&'static str, HashMap<String, Duration>>,
    known: usize,
    /// Pairs that are not late any more are forgotten when there are so many.
    tidy_at: usize,
}

impl Throttle {
    /// One at which nobody has asked for anything.
    pub fn new(rate: Rate) -> Self {
        Self { rate, due: HashMap::new(), known: 0, tidy_at: TIDY_AT }
    }

    /// Whether a request may pass now.
    ///
    /// # Errors
    /// It may not, but after this time; a request that is refused does not count.
    pub fn take(&mut self, now: Duration, key: &str, action: &'static str) -> Result<(), Duration> {
        let Rate { per_second, burst } = self.rate;
        if per_second == 0 {
            return Ok(());
        }
        let step = Duration::from_secs(1) / per_second;
        let ahead = step.saturating_mul(burst.max(1));
        if self.known >= self.tidy_at {
            self.tidy(now);
        }
        let due = self.due.entry(action).or_default();
        let at = match due.get_mut(key) {
            Some(at) => at,
            None => {
                self.known += 1;
                due.entry(key.into()).or_insert(now)
            }
        };
        let next = (*at).max(now) + step;
        match next.checked_sub(now + ahead).filter(|late| !late.is_zero()) {
            Some(late) => Err(late),
            None => {
                *at = next;
                Ok(())
            }
        }
    }

    fn tidy(&mut self, now: Duration) {
        self.due.values_mut().for_each(|due| due.retain(|_, at| *at > now));
        self.known = self.due.values().map(HashMap::len).sum();
        self.tidy_at = TIDY_AT.max(self.known * 2);
    }
}

/// Some 2 MB; only keys that are there are counted, with actions that there are.
const TIDY_AT: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ACTIONS: [&str; 2] = ["vpc:CreateHaVip", "vpc:DescribeHaVips"];

    #[test]
    fn a_burst_passes_then_one_a_step_and_each_key_and_action_has_its_own() {
        let mut throttle = Throttle::new(Rate { per_second: 10, burst: 3 });
        let now = Duration::from_secs(9);
        for _ in 0..3 {
            assert_eq!(throttle.take(now, "key-a", ACTIONS[0]), Ok(()));
        }
        assert_eq!(throttle.take(now, "key-a", ACTIONS[0]), Err(Duration::from_millis(100)));
        assert_eq!(throttle.take(now, "key-b", ACTIONS[0]), Ok(()));
        assert_eq!(throttle.take(now, "key-a", ACTIONS[1]), Ok(()));
        let later = now + Duration::from_millis(100);
        assert_eq!(throttle.take(later, "key-a", ACTIONS[0]), Ok(()));
        assert_eq!(throttle.take(later, "key-a", ACTIONS[0]), Err(Duration::from_millis(100)));
    }

    #[test]
    fn nothing_is_held_back_without_a_rate_and_what_is_not_late_is_forgotten() {
        let mut throttle = Throttle::new(Rate { per_second: 0, burst: 0 });
        assert!((0..10_000).all(|_| throttle.take(Duration::ZERO, "key-a", ACTIONS[0]).is_ok()));
        let mut throttle = Throttle::new(Rate { per_second: 1000, burst: 1 });
        for number in 0..100_000u64 {
            let now = Duration::from_millis(number);
            assert_eq!(throttle.take(now, &format!("key-{number}"), ACTIONS[0]), Ok(()));
            assert!(throttle.known <= TIDY_AT, "at {number}");
        }
    }

    proptest! {
        /// In no span of time more passes than the burst and what the rate allows, and whoever waits as told passes.
        #[test]
        fn no_span_has_more_than_burst_and_rate(
            per_second in 1u32..50,
            burst in 1u32..20,
            pauses in prop::collection::vec(0u64..200, 1..200),
        ) {
            let mut throttle = Throttle::new(Rate { per_second, burst });
            let (mut now, mut passed) = (Duration::from_secs(1), vec![]);
            for pause in pauses {
                now += Duration::from_millis(pause);
                match throttle.take(now, "key-a", ACTIONS[0]) {
                    Ok(()) => passed.push(now),
                    Err(wait) => {
                        prop_assert!(wait <= Duration::from_secs(1) / per_second);
                        prop_assert!(throttle.take(now + wait, "key-a", ACTIONS[0]).is_ok());
                        now += wait;
                        passed.push(now);
                    }
                }
            }
            for (first, begun) in passed.iter().enumerate() {
                for (last, ended) in passed.iter().enumerate().skip(first) {
                    let allowed = f64::from(burst) + (*ended - *begun).as_secs_f64() * f64::from(per_second);
                    prop_assert!((last - first + 1) as f64 <= allowed + 1e-3);
                }
            }
        }
    }
}
