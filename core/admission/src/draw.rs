//! Ids and MACs out of given entropy.

use havip_model::{Body, MacAddr};

/// A stream of numbers that the entropy determines (xoshiro256**); names things, keeps no secrets.
#[derive(Debug, Clone)]
pub struct Draw([u64; 4]);

impl Draw {
    /// Begins the stream.
    pub fn new(entropy: [u8; 32]) -> Self {
        let word = |at: usize| u64::from_be_bytes(std::array::from_fn(|i| entropy[8 * at + i]));
        let words = [word(0), word(1), word(2), word(3)];
        // The one state that never leaves itself.
        Self(if words == [0; 4] { [0x9e37_79b9_7f4a_7c15, 0, 0, 0] } else { words })
    }

    /// A body for a new id.
    pub fn body(&mut self) -> Body {
        let (high, low) = (self.next(), self.next());
        Body::from_entropy((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    }

    /// Entropy for a decision of its own: two streams that begin nearly alike would draw alike.
    pub fn entropy(&mut self) -> [u8; 32] {
        let words = [self.next(), self.next(), self.next(), self.next()];
        std::array::from_fn(|at| words[at / 8].to_be_bytes()[at % 8])
    }

    /// A MAC for a new interface: locally administered, and none of 02:68…, which Havip's own devices have.
    pub fn mac(&mut self) -> MacAddr {
        loop {
            let [a, b, c, d, e, ..] = self.next().to_be_bytes();
            if a != 0x68 {
                return MacAddr([0x02, a, b, c, d, e]);
            }
        }
    }

    pub(crate) fn next(&mut self) -> u64 {
        let state = &mut self.0;
        let result = state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_same_entropy_draws_the_same_and_one_draw_never_repeats() {
        let names = |entropy| {
            let mut draw = Draw::new(entropy);
            (0..1000).map(|_| (draw.body().as_str().to_owned(), draw.mac())).collect::<Vec<_>>()
        };
        assert_eq!(names([7; 32]), names([7; 32]));
        for entropy in [[0; 32], [7; 32]] {
            let all = names(entropy);
            assert_eq!(all.iter().map(|(body, _)| body).collect::<BTreeSet<_>>().len(), 1000);
            assert!(all.iter().all(|(_, mac)| !mac.is_multicast() && mac.0[0] == 2 && mac.0[1] != 0x68));
        }
    }
}
