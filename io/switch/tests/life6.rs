//! IPv6 of real kernels and of a real keepalived, over a real underlay.

mod fabric;

use fabric::six::{GATEWAY6, VIP, link_local, own};
use fabric::{Fabric, eventually, inside, mac, port, run};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn guests_reach_each_other_by_ipv6_here_and_across_hosts_with_packets_of_every_size() {
    let mut fabric = Fabric::six("six");
    let guest = fabric.guest6(1, 11);
    let near = fabric.guest6(1, 13);
    let far = fabric.guest6(2, 12);
    for number in [13, 12] {
        assert!(fabric.pings6(&guest, &own(number).to_string()), "{number}");
        assert!(fabric.pings6(&guest, &format!("{}%eth0", link_local(mac(number)))), "{number} link-local");
        // Cut into three pieces, and put together again.
        assert!(fabric.pings6(&guest, &format!("-s 4000 {}", own(number))), "{number} in fragments");
    }
    assert!(fabric.pings6(&guest, &GATEWAY6.to_string()));
    let nobody = fabric.run_in(&guest, "ping -6 -c1 -W1 -n fd00:9::1");
    let said = String::from_utf8_lossy(&nobody.stdout).into_owned();
    assert!(said.contains("Destination unreachable: No route"), "{said}");

    // Segments of 64 KiB whose sums the devices leave to the last.
    for other in [&near, &far] {
        let number = if other == &near { 13 } else { 12 };
        let listener = inside(other, || TcpListener::bind((own(number), 7000)).unwrap());
        let data: Vec<u8> = (0..4_000_000u32).map(|at| (at % 251) as u8).collect();
        let (sent, received) = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut all = vec![];
                stream.read_to_end(&mut all).unwrap();
                all
            });
            let sent = inside(&guest, || {
                let mut stream = TcpStream::connect((own(number), 7000)).unwrap();
                stream.write_all(&data)
            });
            (sent, reader.join().unwrap())
        });
        sent.unwrap();
        assert!(received == data, "{} bytes of {} arrived", received.len(), data.len());
    }
    for switch in &fabric.hosts {
        let drops = switch.ledger().unwrap();
        let known = ["mld", "router_solicitation", "no_route"];
        let odd: Vec<_> = havip_model::reason::REASONS
            .iter()
            .filter(|reason| drops.contains_key(reason.name) && !known.contains(&reason.name))
            .map(|reason| reason.name)
            .collect();
        assert_eq!(odd, [""; 0], "nothing else was dropped");
    }
}

#[test]
fn a_kernels_own_dad_finds_a_live_holder_on_another_host_and_no_dead_one() {
    let mut fabric = Fabric::six("dad");
    let blue = fabric.guest6(1, 11);
    let green = fabric.guest6(2, 12);
    fabric.vip6(&[11, 12]);
    // A kernel that announces what it takes, as keepalived does by itself.
    let takes = |guest: &str| {
        run(&format!("ip netns exec {guest} sysctl -qw net.ipv6.conf.eth0.ndisc_notify=1"));
        run(&format!("ip -n {guest} -6 addr add {VIP}/128 dev eth0"));
    };
    let shown = |guest: &str| run(&format!("ip -n {guest} -6 addr show dev eth0 to {VIP}/128"));
    let drops = |guest: &str| run(&format!("ip -n {guest} -6 addr del {VIP}/128 dev eth0"));

    takes(&blue);
    eventually(10 * SECOND, "nobody has it, so blue announces it", || fabric.held6_by(1, 11));
    assert!(fabric.pings6(&green, &VIP.to_string()));

    takes(&green);
    eventually(10 * SECOND, "blue defends it", || shown(&green).contains("dadfailed"));
    assert!(fabric.held6_by(1, 11));
    drops(&green);

    drops(&blue);
    takes(&green);
    eventually(10 * SECOND, "a demoted holder does not block a takeover", || fabric.held6_by(2, 12));
    assert!(!shown(&green).contains("dadfailed"));
    assert!(fabric.pings6(&blue, &VIP.to_string()));
}

#[test]
fn a_real_keepalived_moves_a_vip_of_ipv6_by_multicast_and_by_unicast() {
    let mut fabric = Fabric::six("kad6");
    let blue = fabric.guest6(1, 11);
    let green = fabric.guest6(2, 12);
    let client = fabric.guest6(2, 13);
    fabric.vip6(&[11, 12]);
    let reached = |fabric: &Fabric| fabric.pings6(&client, &VIP.to_string());
    for unicast in [false, true] {
        let peer = |number| unicast.then_some(number);
        let green_runs = fabric.keepalived6(&green, 100, peer(11));
        eventually(10 * SECOND, "green is alone", || fabric.held6_by(2, 12) && reached(&fabric));
        let blue_runs = fabric.keepalived6(&blue, 200, peer(12));
        eventually(10 * SECOND, "blue has the higher priority", || {
            fabric.held6_by(1, 11) && reached(&fabric)
        });
        let moves = |fabric: &Fabric| fabric.hosts[0].record(fabric::six::vip()).unwrap().unwrap().moves;
        let before = moves(&fabric);
        // For more than three of its intervals and its skew green hears blue, or it would have taken over.
        let heard = |fabric: &Fabric| {
            let given = fabric.hosts[1].delivered().unwrap();
            given.iter().find(|last| last.to == port(12) && last.sender == port(11)).map(|last| last.at)
        };
        let first = heard(&fabric).expect("green was given an advert of blue");
        eventually(10 * SECOND, "blue's adverts go on", || {
            heard(&fabric).is_some_and(|at| at > first + Duration::from_millis(1500))
        });
        assert_eq!(moves(&fabric), before, "there is one master");
        fabric.stop(blue_runs);
        eventually(10 * SECOND, "blue has resigned", || fabric.held6_by(2, 12) && reached(&fabric));
        fabric.stop(green_runs);
    }
}
