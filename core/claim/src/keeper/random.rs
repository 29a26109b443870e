//! A small generator for jitter and for the choice of peers; nothing secret depends on it.

use std::time::Duration;

/// SplitMix64 (Steele, Lea and Flood 2014): one word of state, any seed is good.
#[derive(Debug, Clone, Hash)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// So many of them, all if there are fewer.
    pub fn pick<T: Copy>(&mut self, from: &[T], most: usize) -> Vec<T> {
        let mut left = from.to_vec();
        let count = most.min(left.len());
        (0..count).map(|_| left.swap_remove((self.next() % left.len() as u64) as usize)).collect()
    }

    /// Less than `most`, in whole milliseconds.
    pub fn jitter(&mut self, most: Duration) -> Duration {
        let millis = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).max(1);
        Duration::from_millis(self.next() % millis)
    }
}
