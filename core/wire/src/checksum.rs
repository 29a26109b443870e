//! The Internet checksum (RFC 1071), alone and with the pseudo-headers of IPv4 and IPv6.

use crate::Protocol;
use std::net::IpAddr;

/// The one's complement sum of 16-bit words, not yet inverted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// Adds the bytes; an odd last one counts as the upper half of a word.
    #[must_use]
    pub fn plus(self, bytes: &[u8]) -> Self {
        let (words, last) = bytes.as_chunks::<2>();
        let sum = words.iter().map(|&word| u64::from(u16::from_be_bytes(word))).sum::<u64>();
        Self(self.0 + sum + last.first().map_or(0, |&byte| u64::from(byte) << 8))
    }

    /// Adds the pseudo-header of IPv4 (RFC 793) or IPv6 (RFC 8200 section 8.1).
    #[must_use]
    pub fn pseudo_header(
        self,
        source: IpAddr,
        destination: IpAddr,
        protocol: Protocol,
        length: usize,
    ) -> Self {
        let octets = |sum: Self, address| match address {
            IpAddr::V4(v4) => sum.plus(&v4.octets()),
            IpAddr::V6(v6) => sum.plus(&v6.octets()),
        };
        let length = (length as u64).to_be_bytes();
        octets(octets(self, source), destination).plus(&length).plus(&[0, protocol.0])
    }

    /// The sum folded into 16 bits.
    pub fn folded(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        u16::try_from(sum).expect("the loop folds until 16 bits hold it")
    }

    /// What belongs in the checksum field, if the field was zero while adding.
    pub fn finish(self) -> u16 {
        !self.folded()
    }

    /// Whether bytes that include their checksum field were intact.
    pub fn is_right(self) -> bool {
        self.folded() == 0xffff
    }
}

/// The checksum of bytes whose checksum field is zero.
pub fn of(bytes: &[u8]) -> u16 {
    Sum::default().plus(bytes).finish()
}

/// Whether the checksum of a whole TCP, UDP or ICMPv6 segment, or of an ICMP message, is right.
///
/// UDP may leave its checksum out in IPv4 by writing zero (RFC 768). Other protocols have nothing to check.
pub fn segment_is_right(source: IpAddr, destination: IpAddr, protocol: Protocol, segment: &[u8]) -> bool {
    match protocol {
        Protocol::UDP if source.is_ipv4() && segment.get(6..8) == Some(&[0, 0]) => true,
        Protocol::TCP | Protocol::UDP | Protocol::ICMPV6 => Sum::default()
            .pseudo_header(source, destination, protocol, segment.len())
            .plus(segment)
            .is_right(),
        Protocol::ICMP => Sum::default().plus(segment).is_right(),
        _ => true,
    }
}

/// Writes a checksum into `bytes` at `at`, where two zero bytes are.
pub(crate) fn put(bytes: &mut [u8], at: usize, checksum: u16) {
    bytes[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_rfc_1071_sums_to_ddf2() {
        let sum = Sum::default().plus(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.folded(), 0xddf2);
        assert_eq!(sum.finish(), !0xddf2);
    }

    proptest! {
        #[test]
        fn a_finished_checksum_makes_the_bytes_right(mut bytes in proptest::collection::vec(any::<u8>(), 2..200)) {
            bytes[..2].fill(0);
            let checksum = of(&bytes);
            put(&mut bytes, 0, checksum);
            prop_assert!(Sum::default().plus(&bytes).is_right());
            let at = bytes.len() - 1;
            bytes[at] ^= 0x10;
            prop_assert!(!Sum::default().plus(&bytes).is_right());
        }
    }
}
