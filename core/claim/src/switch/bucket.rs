//! The token buckets of a (VIP, port): burst 8, then 2 a second (C4); without an agent burst 128, then 32 a second.

use std::time::Duration;

/// A bucket, kept as the one instant at which it will be full again.
///
/// A claim moves that instant on by what a token costs, and is allowed while it is at most seven tokens away.
/// One word, no division: 8 claims at once, the ninth is ready 0.5 s after the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Bucket {
    full_at: Duration,
}

impl Bucket {
    /// Takes a token, or says when there will be one.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.take_of(now, TOKEN, BURST)
    }

    /// The same of the bucket for claims that no agent could postpone.
    pub fn take_alone(&mut self, now: Duration) -> Result<(), Duration> {
        self.take_of(now, ALONE_TOKEN, ALONE_BURST)
    }

    fn take_of(&mut self, now: Duration, token: Duration, burst: u32) -> Result<(), Duration> {
        let full_at = self.full_at.max(now);
        if full_at - now > token * (burst - 1) {
            return Err(full_at - token * (burst - 1));
        }
        self.full_at = full_at + token;
        Ok(())
    }
}

const TOKEN: Duration = Duration::from_millis(500);
const BURST: u32 = 8;
/// Each claim may become 64 packets, whoever carries it out.
const ALONE_TOKEN: Duration = Duration::from_micros(31_250);
const ALONE_BURST: u32 = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_claims_pass_at_once_and_two_a_second_after_them() {
        let mut bucket = Bucket::default();
        let now = Duration::from_secs(100);
        for _ in 0..8 {
            assert_eq!(bucket.take(now), Ok(()));
        }
        let ready_at = bucket.take(now).unwrap_err();
        assert_eq!(ready_at - now, TOKEN);
        assert_eq!(bucket.take(ready_at - Duration::from_nanos(1)), Err(ready_at));
        assert_eq!(bucket.take(ready_at), Ok(()));
        assert_eq!(bucket.take(ready_at), Err(ready_at + TOKEN));
    }

    #[test]
    fn a_rested_bucket_is_never_fuller_than_its_burst() {
        let mut bucket = Bucket::default();
        let later = Duration::from_secs(1_000_000);
        assert_eq!((0..100).filter(|_| bucket.take(later).is_ok()).count(), 8);
    }
}
