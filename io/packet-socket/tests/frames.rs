//! Real frames over a veth pair in a namespace of our own. Needs root.

use havip_packet_socket::{AsyncPacketSocket, Direction, PacketSocket, Vlan};
use nix::sched::{CloneFlags, unshare};
use std::{
    process::Command,
    time::{Duration, Instant, SystemTime},
};

const LEFT: [u8; 6] = [2, 0, 0, 0, 0, 1];
const RIGHT: [u8; 6] = [2, 0, 0, 0, 0, 2];

/// Runs a test on a thread with a network namespace of its own, which ends with the thread.
fn with_pair(test: impl FnOnce(u32, u32) + Send + 'static) {
    let thread = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        ip("link add left address 02:00:00:00:00:01 type veth peer name right address 02:00:00:00:00:02");
        for device in ["left", "right"] {
            // No address of its own, so that no frame of the kernel's disturbs.
            ip(&format!("link set {device} addrgenmode none"));
            ip(&format!("link set {device} multicast off arp off up"));
        }
        // The first end to be up has a queue that drops everything until the kernel's link watch has run.
        let deadline = Instant::now() + SOON;
        while ["left", "right"].iter().any(|device| !shows(device).contains("state UP")) {
            assert!(Instant::now() < deadline, "the pair is not up");
            std::thread::sleep(Duration::from_millis(1));
        }
        test(index("left"), index("right"));
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn ip(arguments: &str) {
    assert!(Command::new("ip").args(arguments.split(' ')).status().unwrap().success(), "{arguments}");
}

fn shows(device: &str) -> String {
    let output = Command::new("ip").args(["-o", "link", "show", device]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn index(device: &str) -> u32 {
    nix::net::if_::if_nametoindex(device).unwrap()
}

fn frame(to: [u8; 6], ether_type: u16, length: usize) -> Vec<u8> {
    let mut frame = [to, LEFT].concat();
    frame.extend(ether_type.to_be_bytes());
    frame.resize(length, 0xa5);
    frame
}

const SOON: Duration = Duration::from_secs(2);

#[test]
fn a_frame_arrives_as_it_was_sent() {
    with_pair(|left, right| {
        let (sender, receiver) = (PacketSocket::open(left).unwrap(), PacketSocket::open(right).unwrap());
        let beside = PacketSocket::open(left).unwrap();
        let (before, mut buffer) = (SystemTime::now(), [0; 2048]);
        for (to, direction) in [
            (RIGHT, Direction::ToUs),
            ([0xff; 6], Direction::Broadcast),
            ([1, 0, 0x5e, 0, 0, 18], Direction::Multicast),
            ([2, 0, 0, 0, 0, 9], Direction::ToOthers),
        ] {
            let sent = frame(to, 0x88b5, 100);
            sender.send(&sent).unwrap();
            let received = receiver.receive(&mut buffer, SOON).unwrap().unwrap();
            assert_eq!(&buffer[..received.length], sent);
            assert_eq!((received.direction, received.vlan), (direction, None));
            assert_eq!((received.original_length, received.checksum_is_partial), (100, false));
            assert!(received.at >= before && received.at <= SystemTime::now());
        }
        let outgoing = beside.receive(&mut buffer, SOON).unwrap().unwrap();
        assert_eq!(outgoing.direction, Direction::Outgoing);
        assert_eq!(sender.try_receive(&mut buffer).unwrap(), None, "a socket never hears itself");
    });
}

#[test]
fn a_vlan_tag_is_told_beside_the_frame() {
    with_pair(|left, right| {
        let (sender, receiver) = (PacketSocket::open(left).unwrap(), PacketSocket::open(right).unwrap());
        let mut tagged = frame(RIGHT, 0x8100, 14);
        tagged.extend([0xa0, 0x07, 0x88, 0xb5]);
        tagged.resize(100, 0x11);
        sender.send(&tagged).unwrap();
        let mut buffer = [0; 2048];
        let received = receiver.receive(&mut buffer, SOON).unwrap().unwrap();
        assert_eq!(received.vlan, Some(Vlan { ether_type: 0x8100, control: 0xa007 }));
        assert_eq!((received.length, &buffer[12..14]), (96, &[0x88, 0xb5][..]));
    });
}

#[test]
fn only_frames_of_the_type_asked_for_are_received() {
    with_pair(|left, right| {
        let (sender, receiver) =
            (PacketSocket::open(left).unwrap(), PacketSocket::open_for(right, 0x0806).unwrap());
        let mut buffer = [0; 2048];
        sender.send(&frame(RIGHT, 0x88b5, 60)).unwrap();
        sender.send(&frame(RIGHT, 0x0806, 60)).unwrap();
        assert!(receiver.receive(&mut buffer, SOON).unwrap().is_some());
        assert_eq!(&buffer[12..14], [8, 6]);
        assert_eq!(receiver.try_receive(&mut buffer).unwrap(), None);
    });
}

#[test]
fn a_frame_longer_than_the_buffer_says_so() {
    with_pair(|left, right| {
        let (sender, receiver) = (PacketSocket::open(left).unwrap(), PacketSocket::open(right).unwrap());
        sender.send(&frame(RIGHT, 0x88b5, 1000)).unwrap();
        let received = receiver.receive(&mut [0; 64], SOON).unwrap().unwrap();
        assert_eq!((received.length, received.original_length), (64, 1000));
        assert!(sender.send(&frame(RIGHT, 0x88b5, 1515)).unwrap_err().is_too_long());
    });
}

#[test]
fn what_others_send_on_the_device_can_be_ignored() {
    with_pair(|left, _| {
        let (sender, socket) = (PacketSocket::open(left).unwrap(), PacketSocket::open(left).unwrap());
        socket.ignore_outgoing().unwrap();
        socket.listen_to_all().unwrap();
        sender.send(&frame(RIGHT, 0x88b5, 60)).unwrap();
        assert_eq!(socket.try_receive(&mut [0; 64]).unwrap(), None);
    });
}

#[test]
fn waiting_ends_at_its_time() {
    with_pair(|left, _| {
        let socket = PacketSocket::open(left).unwrap();
        let begun = Instant::now();
        assert_eq!(socket.receive(&mut [0; 64], Duration::from_millis(30)).unwrap(), None);
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(30) && took < Duration::from_secs(1), "{took:?}");
    });
}

#[test]
fn a_device_that_is_down_or_absent_is_an_error_that_says_so() {
    with_pair(|left, right| {
        let (sender, receiver) = (PacketSocket::open(left).unwrap(), PacketSocket::open(right).unwrap());
        ip("link set right down");
        assert!(receiver.receive(&mut [0; 64], SOON).unwrap_err().is_down());
        ip("link delete left");
        assert!(sender.send(&frame(RIGHT, 0x88b5, 60)).unwrap_err().is_down());
        assert!(PacketSocket::open(9999).unwrap_err().is_down());
    });
}

#[test]
fn tokio_can_wait_for_frames() {
    with_pair(|left, right| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let sender = PacketSocket::open(left).unwrap();
            let receiver = AsyncPacketSocket::new(PacketSocket::open(right).unwrap()).unwrap();
            let waiting = tokio::spawn(async move { receiver.receive(&mut [0; 64]).await.unwrap().length });
            tokio::task::yield_now().await;
            sender.send(&frame(RIGHT, 0x88b5, 60)).unwrap();
            assert_eq!(tokio::time::timeout(SOON, waiting).await.unwrap().unwrap(), 60);
        });
    });
}
