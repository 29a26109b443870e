//! A switch at work is opened anew, taken apart, and met by frames that only real devices make.

mod fabric;

use fabric::{Fabric, GATEWAY, VIP, VIRTUAL_MAC, eventually, inside, mac, output, own, port, run, vip};
use havip_model::MacAddr;
use havip_reconcile::table::EntryKey;
use havip_switch::{Attach, detach_all};
use havip_wire::{Arp, build::frame};
use libbpf_rs::{Link, MapHandle, MapType, libbpf_sys};
use std::{
    fs::File,
    io::{Read, Write},
    os::fd::AsRawFd,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_agent_that_restarts_under_traffic_loses_no_packet_and_no_holder() {
    let mut fabric = Fabric::new("restart");
    let blue = fabric.guest(1, 11);
    fabric.guest(2, 12);
    let near = fabric.guest(1, 13);
    fabric.vip(1, &[11, 12]);
    run(&format!("ip -n {blue} addr add {VIP}/32 dev eth0"));
    run(&format!("ip netns exec {blue} arping -U -c1 -w1 -I eth0 {VIP}"));
    eventually(SECOND, "both hosts name blue", || fabric.held_by(1, 11));
    let held = fabric.records();
    // The first packets ask for MACs.
    assert!(fabric.pings(&near, own(12)) && fabric.pings(&near, VIP));

    let pings: Vec<_> = [own(12), VIP]
        .into_iter()
        .map(|address| {
            Command::new("ip")
                .args(["netns", "exec", &near, "ping", "-q", "-n", "-i", "0.002", "-c", "1500", "-W", "1"])
                .arg(address.to_string())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for turn in 0..6 {
        fabric.restart(1 + turn % 2);
    }
    for ping in pings {
        let said = String::from_utf8(ping.wait_with_output().unwrap().stdout).unwrap();
        assert!(said.contains(" 0% packet loss"), "{said}");
    }
    assert_eq!(fabric.records(), held);
}

#[test]
fn a_detached_switch_leaves_no_trace_and_its_ports_are_down() {
    let mut fabric = Fabric::new("detach");
    let guest = fabric.guest(1, 11);
    fabric.guest(2, 12);
    let namespace = fabric.namespace(1);
    assert!(fabric.pings(&guest, own(12)));

    inside(&namespace, || detach_all(&namespace).unwrap());

    assert!(!Path::new("/sys/fs/bpf/havip").join(&namespace).exists());
    let port = String::from_utf8(output(&format!("ip -n {namespace} -o link show p11")).stdout).unwrap();
    assert!(!port.contains("UP") && port.contains("state DOWN"), "{port}");
    let inside = |command: &str| run(&format!("ip netns exec {namespace} {command}"));
    for device in ["p11", "ov"] {
        assert_eq!(inside(&format!("bpftool -j net show dev {device}")).matches("prog_id").count(), 0);
        assert!(!inside(&format!("tc qdisc show dev {device}")).contains("clsact"));
    }
    assert!(!fabric.pings(&guest, own(12)));
    inside_twice(&namespace);
}

#[test]
fn a_switch_is_taken_apart_from_another_namespace_without_touching_the_devices_there() {
    let mut fabric = Fabric::new("abroad");
    fabric.guest(1, 11);
    let namespace = fabric.namespace(1);
    let shown = String::from_utf8(output(&format!("ip -n {namespace} -o link show p11")).stdout).unwrap();
    let index = shown.split(':').next().unwrap().trim().to_owned();
    // A bystander with the same number as the port, which is what eth0 of the machine could be.
    let elsewhere = format!("{namespace}-abroad");
    run(&format!("ip netns add {elsewhere}"));
    run(&format!("ip -n {elsewhere} link add bystander index {index} type bridge"));
    run(&format!("ip -n {elsewhere} link set bystander up"));

    inside(&elsewhere, || detach_all(&namespace).unwrap());

    let bystander =
        String::from_utf8(output(&format!("ip -n {elsewhere} -o link show bystander")).stdout).unwrap();
    run(&format!("ip netns del {elsewhere}"));
    assert!(bystander.contains(",UP"), "{bystander}");
    assert!(!Path::new("/sys/fs/bpf/havip").join(&namespace).exists());
}

/// What is gone may be removed again.
fn inside_twice(namespace: &str) {
    inside(namespace, || detach_all(namespace).unwrap());
}

#[test]
fn a_tag_in_the_descriptor_is_seen_and_a_priority_tag_is_stripped() {
    let mut fabric = Fabric::new("tags");
    let guest = fabric.guest(1, 11);
    fabric.guest(2, 12);
    fabric.vip(1, &[11]);
    let claim = |tag: Option<[u8; 4]>| {
        let mac = fabric::mac(11).0;
        let mut frame = [[0xff; 6], mac].concat();
        frame.extend(tag.into_iter().flatten());
        frame.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
        frame.extend(mac);
        frame.extend(VIP.octets());
        frame.extend([0; 6]);
        frame.extend(VIP.octets());
        frame
    };
    let count = |name: &str| fabric.hosts[0].ledger().unwrap().get(name).copied().unwrap_or(0);

    inside(&guest, || send("eth0", &claim(Some([0x81, 0x00, 0x00, 0x07]))));
    eventually(SECOND, "the tagged frame is dropped", || count("tagged") == 1);
    inside(&guest, || send("eth0", &claim(Some([0x88, 0xa8, 0x00, 0x00]))));
    eventually(SECOND, "the service tag is dropped", || count("tagged") + count("qinq") == 2);
    assert_eq!(fabric.hosts[0].record(vip()).unwrap(), None);

    inside(&guest, || send("eth0", &claim(Some([0x81, 0x00, 0xe0, 0x00]))));
    eventually(SECOND, "the priority-tagged claim counts", || fabric.held_by(1, 11));
    assert_eq!((count("tag_stripped"), count("claim_made")), (1, 1));
}

/// Sends a frame as it is.
fn send(device: &str, frame: &[u8]) {
    // SAFETY: a socket, an address of the size that it says, and a buffer of the length that it says.
    unsafe {
        let socket = libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0);
        assert!(socket >= 0);
        let mut address: libc::sockaddr_ll = std::mem::zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = nix::net::if_::if_nametoindex(device).unwrap() as i32;
        let length = size_of_val(&address) as u32;
        let sent =
            libc::sendto(socket, frame.as_ptr().cast(), frame.len(), 0, (&raw const address).cast(), length);
        assert_eq!(sent, frame.len() as isize);
        libc::close(socket);
    }
}

#[test]
fn a_real_probe_finds_a_live_holder_on_another_host_and_no_dead_one() {
    let mut fabric = Fabric::new("arpingd");
    let blue = fabric.guest(1, 11);
    let green = fabric.guest(2, 12);
    fabric.vip(1, &[11, 12]);
    // Exit code 0: nobody answered, the address is free.
    let probe = format!("arping -D -c2 -w2 -I eth0 {VIP}");
    assert!(fabric.run_in(&green, &probe).status.success(), "nobody holds it");

    run(&format!("ip -n {blue} addr add {VIP}/32 dev eth0"));
    run(&format!("ip netns exec {blue} arping -U -c1 -w1 -I eth0 {VIP}"));
    eventually(SECOND, "both hosts name blue", || fabric.held_by(1, 11));
    assert!(!fabric.run_in(&green, &probe).status.success(), "blue has it and says so");
    assert!(fabric.run_in(&blue, &probe).status.success(), "the own address has no conflict");
    let own_probe = format!("arping -D -c1 -w1 -I eth0 {}", own(12));
    assert!(fabric.run_in(&green, &own_probe).status.success(), "the own address has no conflict");

    run(&format!("ip -n {blue} addr del {VIP}/32 dev eth0"));
    assert!(fabric.run_in(&green, &probe).status.success(), "a demoted holder does not block a takeover");
}

#[test]
fn a_later_version_with_another_map_takes_over_when_that_is_filled() {
    if Attach::from_environment() == Attach::Clsact {
        return; // filters say no program number; the rule is the same
    }
    let mut fabric = Fabric::new("upgrade");
    let guest = fabric.guest(1, 11);
    fabric.guest(2, 12);
    let namespace = fabric.namespace(1);
    let pins = Path::new("/sys/fs/bpf/havip").join(&namespace).join("v1");
    let ifindex = inside(&namespace, || nix::net::if_::if_nametoindex("p11").unwrap());
    let program =
        || Link::open(pins.join("links").join(ifindex.to_string())).unwrap().info().unwrap().prog_id;
    let before = program();

    // What another version would have left: a configuration map of another shape.
    let path = pins.join("maps/addresses");
    std::fs::remove_file(&path).unwrap();
    let options = libbpf_sys::bpf_map_create_opts {
        sz: size_of::<libbpf_sys::bpf_map_create_opts>() as _,
        ..Default::default()
    };
    let mut other = MapHandle::create(MapType::Hash, Some("addresses"), 20, 64, 256, &options).unwrap();
    other.pin(&path).unwrap();
    fabric.restart(1);

    assert_eq!(program(), before, "the old program goes on with the old maps");
    assert!(fabric.pings(&guest, own(12)));
    fabric.interface(1, 11);
    fabric.interface(2, 12);
    inside(&namespace, || {
        fabric.hosts[0].attach_port(ifindex).unwrap();
        assert_eq!(program(), before, "not before all maps are filled");
        fabric.hosts[0].take_over().unwrap();
    });
    assert_ne!(program(), before);
    assert!(fabric.pings(&guest, own(12)));
}

#[test]
fn an_upgrade_and_a_downgrade_across_schemas_lose_no_packet_no_claim_and_no_holder() {
    let mut fabric = Fabric::new("schema");
    let blue = fabric.guest(1, 11);
    let green = fabric.guest(2, 12);
    let near = fabric.guest(1, 13);
    fabric.vip(1, &[11, 12]);
    for guest in [&blue, &green] {
        run(&format!("ip -n {guest} addr add {VIP}/32 dev lo"));
    }
    let claims = |guest: &str| run(&format!("ip netns exec {guest} arping -U -c1 -w1 -I eth0 {VIP}"));
    claims(&blue);
    eventually(SECOND, "both hosts name blue", || fabric.held_by(1, 11));
    assert!(fabric.pings(&near, own(12)) && fabric.pings(&near, VIP));

    for (schema, host, number, claimant) in [(2, 2, 12, &green), (1, 1, 11, &blue)] {
        let pings: Vec<_> = [own(12), VIP].map(|address| flood(&near, address)).into_iter().collect();
        let namespace = fabric.namespace(1);
        let versions = || {
            let listed = std::fs::read_dir(Path::new("/sys/fs/bpf/havip").join(&namespace)).unwrap();
            listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        fabric.reopen(1, schema);
        assert!(fabric.hosts[0].is_behind());
        assert_eq!(versions().len(), 2, "the old programs still need the old maps");
        // A claim by the old programs, while the new maps are empty; and an agent that ends half-way.
        claims(claimant);
        fabric.reopen(1, schema);
        assert!(fabric.hosts[0].is_behind(), "nobody has filled them");
        eventually(SECOND, "both hosts name the claimant", || fabric.held_by(host, number));

        fabric.refill(&[(1, 11), (2, 12), (1, 13)], &[11, 12]);
        inside(&namespace, || fabric.hosts[0].take_over().unwrap());

        assert!(!fabric.hosts[0].is_behind());
        assert_eq!(versions(), [format!("v{schema}")]);
        assert!(fabric.held_by(host, number));
        for ping in pings {
            let said = String::from_utf8(ping.wait_with_output().unwrap().stdout).unwrap();
            assert!(said.contains(" 0% packet loss"), "schema {schema}: {said}");
        }
    }
    claims(&green);
    eventually(SECOND, "claims are followed after all that", || fabric.held_by(2, 12));
    assert!(fabric.pings(&near, VIP));
}

/// 1500 pings, one each 2 ms.
fn flood(from: &str, address: std::net::Ipv4Addr) -> std::process::Child {
    Command::new("ip")
        .args(["netns", "exec", from, "ping", "-q", "-n", "-i", "0.002", "-c", "1500", "-W", "1"])
        .arg(address.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_machine_on_a_tap_is_answered_and_reached() {
    let mut fabric = Fabric::new("tap");
    let far = fabric.guest(2, 12);
    let namespace = fabric.namespace(1);
    let (mut tap, ifindex) = inside(&namespace, || open_tap("p15"));
    fabric.hosts[0].put(&EntryKey::Port(port(15)), &fabric::port_entry(15, ifindex, false)).unwrap();
    fabric.interface(1, 15);
    inside(&namespace, || fabric.hosts[0].attach_port(ifindex).unwrap());
    run(&format!("ip -n {namespace} link set p15 up"));

    let gateway = Arp::request(mac(15), own(15), GATEWAY);
    tap.write_all(&frame(mac(15), MacAddr::BROADCAST).arp(gateway)).unwrap();
    let answer = frame(VIRTUAL_MAC, mac(15)).arp(gateway.answer(VIRTUAL_MAC));
    assert_eq!(read_until(&mut tap, |bytes| bytes[12..14] == [8, 6]), answer);

    tap.write_all(&frame(mac(15), VIRTUAL_MAC).ip(own(15), own(12)).ping(1, 1)).unwrap();
    let reply = read_until(&mut tap, |bytes| bytes[12..14] == [8, 0]);
    assert_eq!((&reply[..6], &reply[26..30], reply[34]), (&mac(15).0[..], &own(12).octets()[..], 0));
    drop(far);
}

/// Opens a tap in this thread's namespace, as QEMU does.
fn open_tap(name: &str) -> (File, u32) {
    let tap = File::options().read(true).write(true).open("/dev/net/tun").unwrap();
    // SAFETY: a request whose name ends with NUL, for a descriptor that is open.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
        assert_eq!(libc::ioctl(tap.as_raw_fd(), libc::TUNSETIFF, &request), 0);
        assert_eq!(libc::fcntl(tap.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK), 0);
    }
    (tap, nix::net::if_::if_nametoindex(name).unwrap())
}

/// Reads frames until one is as wanted.
fn read_until(tap: &mut File, wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut found = vec![];
    eventually(2 * SECOND, "a frame comes out of the tap", || {
        let mut bytes = vec![0; 2048];
        let Ok(length) = tap.read(&mut bytes) else { return false };
        bytes.truncate(length);
        found = bytes;
        wanted(&found)
    });
    found
}
