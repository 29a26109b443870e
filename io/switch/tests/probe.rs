//! One packet in the name of a guest, for whoever wants to see where it goes.

mod fabric;

use fabric::{Fabric, VIRTUAL_MAC, eventually, inside, mac, own, port, run};
use havip_switch::Outcome;
use havip_wire::build::frame;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A number that the guest's own kernel has counted: its ICMP messages of one kind.
fn counted(fabric: &Fabric, guest: &str, what: &str) -> u64 {
    let said = fabric.run_in(guest, "cat /proc/net/snmp").stdout;
    let said = String::from_utf8(said).unwrap();
    let mut lines = said.lines().filter_map(|line| line.strip_prefix("Icmp: "));
    let (names, numbers) = (lines.next().unwrap(), lines.next().unwrap());
    let mut both = names.split(' ').zip(numbers.split(' '));
    both.find(|(name, _)| *name == what).unwrap().1.parse().unwrap()
}

#[test]
fn a_probe_goes_out_once_as_if_its_guest_had_sent_it_and_is_judged_like_all_that_comes_from_there() {
    let mut fabric = Fabric::new("probe");
    let blue = fabric.guest(1, 11);
    let green = fabric.guest(2, 12);
    let ping = |source| frame(mac(11), VIRTUAL_MAC).ip(source, own(12)).ping(7, 1);
    let send_as = |fabric: &Fabric, number, source| {
        inside(&fabric.namespace(1), || fabric.hosts[0].send_as(port(number), &ping(source)).unwrap())
    };

    assert_eq!(send_as(&fabric, 11, own(11)), Outcome::Done);

    eventually(2 * SECOND, "green has answered", || counted(&fabric, &blue, "InEchoReps") == 1);
    assert_eq!(counted(&fabric, &green, "InEchos"), 1);
    assert_eq!(counted(&fabric, &blue, "OutEchos"), 0, "blue itself has sent nothing");

    // A lie is one, whoever tells it.
    let lies = || fabric.hosts[0].ledger().unwrap().get("source_address").copied().unwrap_or_default();
    assert_eq!(send_as(&fabric, 11, own(13)), Outcome::Done);
    eventually(2 * SECOND, "it is dropped where it comes out", || lies() == 1);
    assert_eq!(counted(&fabric, &green, "InEchos"), 1);

    assert_eq!(send_as(&fabric, 12, own(11)), Outcome::Absent);
    run(&format!("ip -n {} link set p11 down", fabric.namespace(1)));
    assert_eq!(send_as(&fabric, 11, own(11)), Outcome::Unsent);
    assert_eq!(counted(&fabric, &green, "InEchos"), 1);
}
