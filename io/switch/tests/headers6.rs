//! The kernel's way behind the extension headers of IPv6 against that of `core/wire`: random chains.

mod hook;

use havip_wire::{Ipv6, Protocol, build::frame};
use hook::six::own;
use hook::{DROPPED, Hook, REDIRECTED, VIRTUAL_MAC, mac};
use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};
use std::cell::RefCell;

/// One header: its number, its length byte, and the bytes of a fragment's place.
type Header = (u8, u8, [u8; 2]);

fn header() -> impl Strategy<Value = Header> {
    let place = prop_oneof![Just([0, 0]), Just([0, 1]), any::<[u8; 2]>()];
    (select(vec![0u8, 43, 44, 51, 60, 60]), 0u8..4, place)
}

/// A payload behind the headers, whole, and some padding, which belongs to no packet.
fn packet(headers: &[Header], last: u8, payload: &[u8], padding: &[u8]) -> Vec<u8> {
    let follows = headers.iter().skip(1).map(|(number, ..)| *number).chain([last]);
    let mut bytes = vec![];
    for ((number, words, place), next) in headers.iter().zip(follows) {
        let length = match number {
            44 => 8,
            51 => (usize::from(*words) + 2) * 4,
            _ => (usize::from(*words) + 1) * 8,
        };
        let mut header = vec![0; length];
        header[0] = next;
        if *number == 44 {
            header[2..4].copy_from_slice(place);
        } else {
            header[1] = *words;
        }
        bytes.extend(header);
    }
    bytes.extend(payload);
    let first = headers.first().map_or(last, |(number, ..)| *number);
    let packet = frame(mac(11), VIRTUAL_MAC).ip6(own(11), own(12)).hop_limit(255);
    [&packet.raw(Protocol(first), &bytes)[..], padding].concat()
}

/// What must be counted for a packet with at least one extension header.
fn expected(packet: &[u8]) -> &'static str {
    let Ok(upper) = Ipv6::decode(&packet[14..]).unwrap().upper() else { return "ipv6_headers" };
    let is_later = upper.fragment.is_some_and(|fragment| fragment.offset > 0);
    // The first fragment has all headers (RFC 7112).
    let lacks = upper.fragment.is_some() && upper.payload.is_empty() && upper.protocol != Protocol::NONE;
    match (upper.protocol, upper.payload.first()) {
        _ if lacks && !is_later => "ipv6_headers",
        (Protocol::VRRP, _) => "advert_malformed",
        (Protocol::ICMPV6, _) if is_later => "delivered",
        (Protocol::ICMPV6, None) => "ipv6_headers",
        (Protocol::ICMPV6, Some(130..=132 | 143)) => "mld",
        (Protocol::ICMPV6, Some(133..=137 | 141 | 142)) => "nd_hidden",
        _ => "delivered",
    }
}

#[test]
fn the_kernel_and_the_codec_look_behind_extension_headers_alike() {
    let hook = RefCell::new(Hook::six("headers6"));
    let last = select(vec![6u8, 17, 50, 58, 58, 58, 59, 112]);
    let kinds = select(vec![1u8, 128, 130, 132, 133, 134, 135, 136, 137, 138, 141, 142, 143, 144]);
    let payload = (kinds, vec(any::<u8>(), 0..12)).prop_map(|(kind, rest)| [vec![kind], rest].concat());
    let payload = prop_oneof![8 => payload, 2 => Just(vec![])];
    let padding = prop_oneof![1 => Just(vec![]), 1 => vec(select(vec![0u8, 6, 58, 128, 136]), 1..24)];
    let config = ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&(vec(header(), 1..11), last, payload, padding), |case| {
        let mut hook = hook.borrow_mut();
        hook.settle(); // what a failed case has left
        let sent = packet(&case.0, case.1, &case.2, &case.3);
        let expected = expected(&sent);
        let verdict = hook.sends(11, &sent).verdict;
        prop_assert_eq!(verdict, if expected == "delivered" { REDIRECTED } else { DROPPED }, "{}", expected);
        hook.counted(&[(expected, 1)]);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
