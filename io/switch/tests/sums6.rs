//! Packets of IPv6 whose sum the device has told (CHECKSUM_COMPLETE): it is right behind whatever was changed in them.

mod hook;

use hook::six::{GATEWAY, NOBODY, VIP, link_local, own, ping, solicitation};
use hook::{Hook, REDIRECTED, VIRTUAL_MAC, mac, underlay};

#[test]
fn the_sum_that_a_device_has_told_is_that_of_what_the_switch_makes_of_a_packet_of_ipv6() {
    let mut hook = Hook::six("sums6");
    hook.holds6(12);
    let from = |source, destination, hops| ping(mac(11), VIRTUAL_MAC, source, destination, hops);
    let asks = |source, target| solicitation(mac(11), source, target);
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("delivered", from(own(11), own(12), 64)),
        ("routed", from(own(11), own(21), 64)),
        ("the holder's", from(own(11), VIP, 64)),
        ("its hops have ended", from(own(11), own(21), 1)),
        ("nobody has it", from(own(11), "fd00::9999".parse().unwrap(), 64)),
        ("the gateway's", from(own(11), GATEWAY, 64)),
        ("the gateway's by link", from(link_local(mac(11)), link_local(VIRTUAL_MAC), 64)),
        ("a neighbour", asks(own(11), own(12))),
        ("a neighbour by link", asks(link_local(mac(11)), link_local(mac(12)))),
        ("a probe", asks(NOBODY, own(12))),
    ];
    for (what, sent) in &rows {
        let plain = hook.sends(11, sent);
        assert_eq!(plain.verdict, REDIRECTED, "{what}");
        // The run itself fails if the sum is another.
        assert_eq!(hook.summed(true, || hook.sends(11, sent)), plain, "{what}");
    }
    let routed = ping(mac(21), VIRTUAL_MAC, own(21), own(13), 2);
    assert_eq!(hook.summed(true, || hook.sends(21, &routed)), hook.sends(21, &routed));
    let arrived = ping(mac(13), VIRTUAL_MAC, own(13), VIP, 64);
    let plain = hook.arrives(underlay(2), 100, &arrived);
    assert_eq!(hook.summed(true, || hook.arrives(underlay(2), 100, &arrived)), plain);
}
