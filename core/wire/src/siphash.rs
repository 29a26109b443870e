//! SipHash-2-4: a keyed digest of short messages (Aumasson and Bernstein, 2012), cheap enough for a BPF program.

/// The digest of these bytes under this key.
pub fn siphash(key: &[u8; 16], bytes: &[u8]) -> u64 {
    let word = |bytes: &[u8]| {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(whole)
    };
    let (first, second) = (word(&key[..8]), word(&key[8..]));
    let mut state = [
        first ^ 0x736f_6d65_7073_6575,
        second ^ 0x646f_7261_6e64_6f6d,
        first ^ 0x6c79_6765_6e65_7261,
        second ^ 0x7465_6462_7974_6573,
    ];
    let chunks = bytes.chunks_exact(8);
    // The last word ends with the length's low byte.
    let last = word(chunks.remainder()) | (bytes.len() as u64) << 56;
    for message in chunks.map(word).chain([last]) {
        state[3] ^= message;
        rounds(&mut state, 2);
        state[0] ^= message;
    }
    state[2] ^= 0xff;
    rounds(&mut state, 4);
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

fn rounds([a, b, c, d]: &mut [u64; 4], count: u32) {
    for _ in 0..count {
        *a = a.wrapping_add(*b);
        *c = c.wrapping_add(*d);
        *b = b.rotate_left(13) ^ *a;
        *d = d.rotate_left(16) ^ *c;
        *a = a.rotate_left(32);
        *c = c.wrapping_add(*b);
        *a = a.wrapping_add(*d);
        *b = b.rotate_left(17) ^ *c;
        *d = d.rotate_left(21) ^ *a;
        *c = c.rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counting<const N: usize>() -> [u8; N] {
        std::array::from_fn(|index| index as u8)
    }

    #[test]
    fn the_papers_vectors_come_out() {
        // Appendix A of the paper, then the first of the reference implementation's, by message length.
        assert_eq!(siphash(&counting(), &counting::<15>()), 0xa129_ca61_49be_45e5);
        for (length, digest) in [
            (0, [0x31, 0x0e, 0x0e, 0xdd, 0x47, 0xdb, 0x6f, 0x72]),
            (1, [0xfd, 0x67, 0xdc, 0x93, 0xc5, 0x39, 0xf8, 0x74]),
            (7, [0x37, 0xd1, 0x01, 0x8b, 0xf5, 0x00, 0x02, 0xab]),
            (8, [0x62, 0x24, 0x93, 0x9a, 0x79, 0xf5, 0xf5, 0x93]),
        ] {
            assert_eq!(
                siphash(&counting(), &counting::<8>()[..length]),
                u64::from_le_bytes(digest),
                "{length}"
            );
        }
    }

    proptest! {
        #[test]
        #[allow(deprecated)] // the only other implementation at hand
        fn any_message_has_the_digest_of_the_standard_library(
            key: [u8; 16],
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            use std::hash::Hasher;
            let half = |at: usize| u64::from_le_bytes(key[at..at + 8].try_into().unwrap());
            let mut other = std::hash::SipHasher::new_with_keys(half(0), half(8));
            other.write(&bytes);
            prop_assert_eq!(siphash(&key, &bytes), other.finish());
        }
    }
}
