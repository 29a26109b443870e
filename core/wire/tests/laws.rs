//! The laws of the fuzz targets over random bytes, captured packets with bytes changed, and everything cut.

mod captured;

use havip_wire::{DecodeError, Ethernet, law};
use proptest::prelude::*;

/// Where headers begin in the captured frames: Ethernet, IP, behind IPv4, UDP and IPv6, and inside VXLAN.
const STARTS: [usize; 8] = [0, 14, 34, 42, 50, 54, 64, 74];

fn all_laws(bytes: &[u8]) {
    for (_, law) in law::ALL {
        law(bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_keep_the_laws(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        all_laws(&bytes);
    }

    #[test]
    fn captured_packets_with_changed_bytes_keep_the_laws(
        which in 0..captured::ALL.len(),
        start in proptest::sample::select(&STARTS[..]),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let frame = captured::bytes(captured::ALL[which].1);
        let Some(rest) = frame.get(start..).filter(|rest| !rest.is_empty()) else { return Ok(()) };
        let mut bytes = rest.to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        all_laws(&bytes);
    }
}

#[test]
fn every_captured_packet_cut_anywhere_keeps_the_laws() {
    for (_, hex) in captured::ALL {
        let frame = captured::bytes(hex);
        for start in STARTS.into_iter().filter(|&start| start < frame.len()) {
            for end in start..=frame.len() {
                all_laws(&frame[start..end]);
            }
        }
    }
}

#[test]
fn an_error_says_how_much_was_missing() {
    let error = Ethernet::decode(&[0; 13]).unwrap_err();
    assert_eq!(error, DecodeError::Truncated { what: "an Ethernet header", need: 14, got: 13 });
    assert_eq!(error.to_string(), "an Ethernet header needs 14 bytes, 13 are there");
}
