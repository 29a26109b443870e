//! Each nonce is good once: a bounded memory that never lets one pass twice.

use ring::digest;
use std::collections::BTreeSet;

/// The nonces that were seen within the time in which a request is good.
///
/// It holds a limited number. When it is full it forgets the oldest requests, and from then on takes what is as old
/// for expired: under a flood the window shrinks, but nothing passes twice.
#[derive(Debug)]
pub struct Nonces {
    /// When the request says it was made, and a digest of key and nonce.
    seen: BTreeSet<(u64, [u8; 16])>,
    digests: BTreeSet<[u8; 16]>,
    most: usize,
    /// Requests made at that second or before are not known any more.
    forgotten: Option<u64>,
}

/// What is known of a nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is good, and now it has been used.
    New,
    /// It has been used.
    Before,
    /// The request is so old that nobody knows any more.
    TooLongAgo,
}

impl Nonces {
    /// A memory of so many.
    pub fn new(most: usize) -> Self {
        Self { seen: BTreeSet::new(), digests: BTreeSet::new(), most: most.max(1), forgotten: None }
    }

    /// Uses a nonce of a key. The request says it was made at `made`; what was made before `oldest` is refused
    /// elsewhere, so its nonces need not be kept. Both are seconds since 1970.
    pub fn take(&mut self, key: &str, nonce: &str, made: u64, oldest: u64) -> Seen {
        self.forget_before(oldest);
        if self.forgotten.is_some_and(|forgotten| made <= forgotten) {
            return Seen::TooLongAgo;
        }
        let name = digest(key, nonce);
        if !self.digests.insert(name) {
            return Seen::Before;
        }
        self.seen.insert((made, name));
        while self.seen.len() > self.most {
            self.forget_first();
        }
        Seen::New
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    fn forget_before(&mut self, oldest: u64) {
        while self.seen.first().is_some_and(|(made, _)| *made < oldest) {
            if let Some((_, name)) = self.seen.pop_first() {
                self.digests.remove(&name);
            }
        }
    }

    fn forget_first(&mut self) {
        if let Some((made, name)) = self.seen.pop_first() {
            self.digests.remove(&name);
            self.forgotten = self.forgotten.max(Some(made));
        }
    }
}

/// The lengths keep ("a", "bc") and ("ab", "c") apart.
fn digest(key: &str, nonce: &str) -> [u8; 16] {
    let text = format!("{} {key}{nonce}", key.len());
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    std::array::from_fn(|at| digest.as_ref()[at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn a_nonce_is_good_once_for_each_key() {
        let mut nonces = Nonces::new(10);
        assert_eq!(nonces.take("a", "n", 100, 0), Seen::New);
        assert_eq!(nonces.take("a", "n", 101, 0), Seen::Before);
        assert_eq!(nonces.take("b", "n", 100, 0), Seen::New);
    }

    #[test]
    fn what_no_request_can_use_any_more_is_forgotten() {
        let mut nonces = Nonces::new(10);
        nonces.take("a", "n", 100, 0);
        assert_eq!(nonces.take("a", "m", 200, 101), Seen::New);
        assert_eq!(nonces.len(), 1);
    }

    #[test]
    fn a_full_memory_takes_what_is_as_old_as_what_it_forgot_for_expired() {
        let mut nonces = Nonces::new(2);
        for (nonce, made) in [("1", 100), ("2", 101), ("3", 102)] {
            assert_eq!(nonces.take("a", nonce, made, 0), Seen::New);
        }
        assert_eq!(nonces.take("a", "1", 100, 0), Seen::TooLongAgo);
        assert_eq!(nonces.take("a", "4", 100, 0), Seen::TooLongAgo);
        assert_eq!(nonces.take("a", "3", 102, 0), Seen::Before);
    }

    proptest! {
        /// Against an oracle that never forgets: nothing passes twice, whatever comes in which order.
        #[test]
        fn nothing_passes_twice(requests in proptest::collection::vec((0..4_u8, 0..40_u64), 0..200), most in 1..20_usize) {
            let (mut nonces, mut passed) = (Nonces::new(most), HashSet::new());
            let mut now = 0;
            for (nonce, made) in requests {
                now = now.max(made);
                let oldest = now.saturating_sub(20);
                // The signature covers nonce and time; who repeats a request repeats both.
                if made >= oldest && nonces.take("a", &format!("{nonce}/{made}"), made, oldest) == Seen::New {
                    prop_assert!(passed.insert((nonce, made)));
                }
                prop_assert!(nonces.len() <= most);
            }
        }
    }
}
