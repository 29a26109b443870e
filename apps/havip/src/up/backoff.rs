//! How long to wait before a program that ended is started again.

use std::time::Duration;

/// Doubles from 0.1 s to 10 s; begins anew after a run of half a minute.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    /// Begins with the shortest pause.
    pub fn new() -> Self {
        Self { next: SHORTEST }
    }

    /// The pause after a run of this length.
    pub fn after(&mut self, run: Duration) -> Duration {
        if run >= STEADY {
            self.next = SHORTEST;
        }
        let pause = self.next;
        self.next = (self.next * 2).min(LONGEST);
        pause
    }
}

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
const STEADY: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_seconds_and_a_steady_run_begins_anew() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..9).map(|_| backoff.after(Duration::from_secs(1)).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(backoff.after(STEADY).as_millis(), 100);
        assert_eq!(backoff.after(Duration::ZERO).as_millis(), 200);
    }
}
