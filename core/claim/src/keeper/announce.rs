//! Saying an own record again, as one announcement may be lost (C6).

use std::time::Duration;

/// The repeats of one record's announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Repeat {
    made_at: Duration,
    said: usize,
}

impl Repeat {
    /// The switch has just made and announced the record.
    pub fn begin(now: Duration) -> Self {
        Self { made_at: now, said: 0 }
    }

    /// Whether the record is to be said now; counts it.
    pub fn says_now(&mut self, now: Duration) -> bool {
        let is_due = self.next_deadline().is_some_and(|at| at <= now);
        while self.next_deadline().is_some_and(|at| at <= now) {
            self.said += 1;
        }
        is_due
    }

    /// When it is to be said next.
    pub fn next_deadline(&self) -> Option<Duration> {
        REPEATED_AFTER.get(self.said).map(|after| self.made_at + *after)
    }
}

/// Three losses of a tenth each leave one in ten thousand to repair, which comes each second.
const REPEATED_AFTER: [Duration; 3] =
    [Duration::from_millis(20), Duration::from_millis(100), Duration::from_millis(500)];
