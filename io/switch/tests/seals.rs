//! Announcements that are sealed: who is believed, what a repetition may do, and what proves that a host is alive.

mod hook;

use havip_claim::{Notice, Order};
use havip_model::{Epoch, Holder, Incarnation, MacAddr, Record, SealKey, SealKeys};
use havip_switch::{Outcome, SwitchEvent};
use havip_wire::{
    Announcement, EtherType, Ethernet, Message, RecordKind,
    build::{frame, gratuitous_arp},
};
use hook::{DROPPED, GATEWAY, Hook, REDIRECTED, VIRTUAL_MAC, arp_reply, host, mac, port, underlay, vip};
use nix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

const ANNOUNCEMENTS: u32 = 0xff_ffff;

fn key(id: u32) -> SealKey {
    SealKey { id, secret: [id as u8; 16] }
}
fn keys(sending: u32, ids: &[u32]) -> SealKeys {
    let keys = ids.iter().copied().map(key).collect();
    SealKeys { stage: 1, sending: Some(sending), required: true, keys }
}
fn boot_ns() -> u64 {
    Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME).unwrap()).as_nanos() as u64
}
fn record(epoch: u64) -> Record {
    Record {
        incarnation: Incarnation(5),
        epoch: Epoch(epoch),
        holder: Holder { host: host(2), port: port(13) },
        released: false,
        mac: mac(13),
        moves: 7,
    }
}
fn said(kind: RecordKind, record: Record) -> Message {
    Message::Record { kind, key: vip(), record }
}
fn by_host_2(message: Message) -> Announcement {
    Announcement { from: host(2), hops: 0, nonce: 0, sent_at: boot_ns(), message }
}
/// A frame around these bytes.
fn carried(bytes: &[u8]) -> Vec<u8> {
    frame(MacAddr([2, 0x68, 0x76, 0, 0, 0]), MacAddr::BROADCAST).raw(EtherType::ANNOUNCEMENT, bytes)
}
fn body(frame: &[u8]) -> Vec<u8> {
    Ethernet::decode(frame).unwrap().payload.to_vec()
}

/// Everybody has keys 3 and 4, host 1 seals with key 3.
fn sealed(name: &str) -> Hook {
    let hook = Hook::new(name);
    hook.switch.set_keys(&keys(3, &[3, 4])).unwrap();
    hook
}

impl Hook {
    fn hears(&self, announcement: &Announcement, key: &SealKey) -> hook::Ran {
        self.arrives(underlay(2), ANNOUNCEMENTS, &carried(&announcement.sealed(key)))
    }

    /// Host 2 answers an echo of now; its clock shows the same as ours, which is the kernel's.
    fn hears_echo(&mut self) {
        let now = boot_ns();
        let message = Message::EchoReply { to: Some(host(1)) };
        let reply = Announcement { nonce: now, sent_at: now, ..by_host_2(message) };
        self.hears(&reply, &key(3));
        self.counted(&[("echo_returned", 1)]);
        let [SwitchEvent::EchoReturned { .. }] = self.told()[..] else { panic!("not told") };
    }
}

#[test]
fn a_message_without_a_good_seal_changes_nothing_and_is_reported_with_its_sender() {
    let mut hook = sealed("forged");
    let good = by_host_2(said(RecordKind::Announce, record(10)));
    let mut old = good.encode();
    (old[2], old[3]) = (1, 76);
    old.truncate(76);
    let mut of_another_host = good.sealed(&key(3));
    of_another_host[15] = 3;
    let mut changed = good.sealed(&key(3));
    changed[40] ^= 1;
    let rows = [
        ("announcement_forged", good.encode()),
        ("announcement_forged", old),
        ("announcement_forged", good.sealed(&key(5))), // of the slot of key 3, but not it
        ("announcement_forged", good.sealed(&SealKey { id: 3, secret: [9; 16] })),
        ("announcement_forged", changed),
        ("announcement_host", of_another_host),
        ("announcement_malformed", good.sealed(&key(3))[..90].to_vec()),
    ];
    for (reason, bytes) in rows {
        assert_eq!(hook.arrives(underlay(2), ANNOUNCEMENTS, &carried(&bytes)).verdict, DROPPED, "{reason}");
        hook.counted(&[(reason, 1)]);
        assert_eq!(hook.record(), None, "{reason}");
    }
    let told = hook.told();
    let SwitchEvent::Refused { reason, outer, count, .. } = told[0] else { panic!("{told:?}") };
    assert_eq!(
        (havip_switch::reason_name(reason), outer, count),
        ("announcement_forged", Some(underlay(2)), 1)
    );

    // Echoes are not returned to whoever cannot seal, nor does their answer count.
    for message in [Message::EchoRequest, Message::EchoReply { to: Some(host(1)) }] {
        let bytes = Announcement { nonce: boot_ns(), ..by_host_2(message) }.encode();
        assert_eq!(hook.arrives(underlay(2), ANNOUNCEMENTS, &carried(&bytes)).verdict, DROPPED);
        hook.counted(&[("announcement_forged", 1)]);
    }
    assert_eq!(hook.switch.heard().unwrap()[&host(2)], Duration::ZERO, "what is forged proves no life");

    hook.hears(&good, &key(3));
    hook.counted(&[("applied", 1)]);
    assert_eq!(hook.record(), Some(record(10)));
}

#[test]
fn two_keys_are_good_while_they_are_changed_and_the_old_one_is_not_afterwards() {
    let mut hook = sealed("rotation");
    let tell = |epoch| by_host_2(said(RecordKind::Announce, record(epoch)));
    hook.hears(&tell(10), &key(3));
    hook.hears(&tell(11), &key(4));
    hook.counted(&[("applied", 2)]);

    hook.settle();
    for (stage, with) in [(keys(3, &[3, 4]), 3), (keys(4, &[3, 4]), 4), (keys(4, &[4]), 4)] {
        hook.switch.set_keys(&stage).unwrap();
        hook.order(Order::Announce { key: vip() });
        for frame in hook.left_by("ov", 2) {
            assert!(Announcement::is_sealed_by(&key(with), &body(&frame)), "not sealed with key {with}");
        }
    }
    hook.settle();
    hook.hears(&tell(12), &key(3));
    hook.counted(&[("announcement_forged", 1)]);
    hook.hears(&tell(12), &key(4));
    hook.counted(&[("applied", 1)]);
    hook.switch.set_keys(&keys(4, &[4, 5])).unwrap();
    hook.hears(&tell(13), &key(5));
    hook.counted(&[("applied", 1)]);
}

#[test]
fn until_every_host_has_a_key_what_is_not_sealed_is_believed_and_what_is_sealed_falsely_is_not() {
    let mut hook = Hook::new("introduction");
    hook.switch.set_keys(&SealKeys { required: false, sending: None, ..keys(0, &[3]) }).unwrap();
    let tell = |epoch| by_host_2(said(RecordKind::Announce, record(epoch)));
    hook.arrives(underlay(2), ANNOUNCEMENTS, &carried(&tell(10).encode()));
    let mut first = tell(11).encode();
    (first[2], first[3]) = (1, 76);
    hook.arrives(underlay(2), ANNOUNCEMENTS, &carried(&first[..76]));
    hook.hears(&tell(12), &key(3));
    hook.counted(&[("applied", 3)]);
    hook.hears(&tell(13), &SealKey { id: 3, secret: [9; 16] });
    hook.counted(&[("announcement_forged", 1)]);

    // An echo of version 1 goes back as it came.
    let mut echo = by_host_2(Message::EchoRequest).encode();
    (echo[2], echo[3]) = (1, 76);
    let ran = hook.arrives(underlay(2), ANNOUNCEMENTS, &carried(&echo[..76]));
    assert_eq!((ran.verdict, body(&ran.frame).len()), (REDIRECTED, 76));
    let reply = Announcement::decode(&body(&ran.frame)).unwrap();
    assert_eq!((reply.from, reply.message), (host(1), Message::EchoReply { to: Some(host(2)) }));
}

#[test]
fn everything_that_a_host_says_is_sealed_once_for_all_copies() {
    let mut hook = sealed("says");
    hook.sends(11, &gratuitous_arp(mac(11), hook::VIP));
    let copies = hook.left_by("ov", 2);
    assert_eq!(copies[0], copies[1]);
    assert!(Announcement::is_sealed_by(&key(3), &body(&copies[0])));
    let held = hook.record().unwrap();

    hook.settle();
    hook.hears(&by_host_2(said(RecordKind::Announce, record(1))), &key(3));
    hook.hears(&by_host_2(said(RecordKind::Doubt, held)), &key(3));
    hook.left_by("p11", 1);
    hook.sends(11, &frame(mac(11), VIRTUAL_MAC).arp(arp_reply(mac(11), hook::VIP, VIRTUAL_MAC, GATEWAY)));
    assert_eq!(hook.switch.echo(host(2), 123).unwrap(), Outcome::Done);
    // A correction, `alive` to both, an echo.
    for frame in hook.left_by("ov", 4) {
        let said = Announcement::decode(&body(&frame)).unwrap();
        assert!(Announcement::is_sealed_by(&key(3), &body(&frame)), "{said:?}");
        assert!(boot_ns() - said.sent_at < 1_000_000_000, "{said:?}");
    }
}

#[test]
fn the_kernel_seals_the_answer_to_an_echo_anew_and_for_its_asker() {
    let mut hook = sealed("reflects");
    let request = Announcement { nonce: 77, ..by_host_2(Message::EchoRequest) };
    let ran = hook.hears(&request, &key(4));
    assert_eq!(ran.verdict, REDIRECTED);
    hook.counted(&[("echo_reflected", 1)]);
    assert!(Announcement::is_sealed_by(&key(3), &body(&ran.frame)));
    let reply = Announcement::decode(&body(&ran.frame)).unwrap();
    assert_eq!((reply.from, reply.nonce), (host(1), 77));
    assert_eq!(reply.message, Message::EchoReply { to: Some(host(2)) });
    assert!(reply.sent_at >= request.sent_at);
}

#[test]
fn an_echos_answer_proves_life_once_and_only_to_who_asked_just_now() {
    let mut hook = sealed("echo-replay");
    let reply = |to: u32, nonce: u64| {
        let message = Message::EchoReply { to: Some(host(to)) };
        Announcement { nonce, ..by_host_2(message) }
    };
    let now = boot_ns();
    let first = reply(1, now);
    hook.hears(&first, &key(3));
    hook.counted(&[("echo_returned", 1)]);
    let heard_at = hook.switch.heard().unwrap()[&host(2)];
    assert!(heard_at.as_nanos() as u64 >= now);
    hook.told();

    let rows = [
        ("again", first),
        ("of an earlier echo", reply(1, now - 1)),
        ("to another host's echo", reply(3, boot_ns())),
        ("of half a second ago and more", reply(1, boot_ns() - 600_000_000)),
        ("of an echo that was not sent yet", reply(1, boot_ns() + 1_000_000_000)),
    ];
    for (what, stale) in rows {
        hook.hears(&stale, &key(3));
        hook.counted(&[("announcement_stale", 1)]);
        assert_eq!(hook.told(), [], "{what}");
    }
    hook.hears_echo();
}

#[test]
fn an_old_sign_of_life_is_worth_nothing_and_an_old_record_changes_nothing() {
    let mut hook = sealed("replay");
    let present = record(20);
    hook.hears(&by_host_2(said(RecordKind::Announce, present)), &key(3));
    hook.settle();

    // Before an echo came back nobody knows how old anything is.
    let alive = by_host_2(said(RecordKind::Alive, present));
    hook.hears(&alive, &key(3));
    hook.counted(&[("as_great", 1), ("announcement_stale", 1)]);
    hook.hears_echo();
    let fresh = by_host_2(said(RecordKind::Alive, present));
    hook.hears(&fresh, &key(3));
    hook.counted(&[("as_great", 1)]);
    let [SwitchEvent::Notice { notice: Notice::Alive { .. }, .. }] = hook.told()[..] else {
        panic!("not told")
    };

    // Whoever keeps it and repeats it when the host is dead says nothing; nor does an advert that has stalled.
    let old = |kind| {
        let announcement = by_host_2(said(kind, present));
        Announcement { sent_at: announcement.sent_at - 600_000_000, ..announcement }
    };
    for kind in [RecordKind::Alive, RecordKind::AdvertStalled] {
        hook.hears(&old(kind), &key(3));
        hook.counted(&[("as_great", 1), ("announcement_stale", 1)]);
        assert_eq!(hook.told(), []);
    }
    // An old record is answered with the present one, and that is all.
    hook.hears(&by_host_2(said(RecordKind::Announce, record(19))), &key(3));
    hook.counted(&[("corrected", 1)]);
    assert_eq!(hook.record(), Some(present));
}

#[test]
fn packets_prolong_a_proven_life_by_a_second_and_no_more() {
    let mut hook = sealed("packets");
    let packet = frame(mac(13), VIRTUAL_MAC).ip(hook::own(13), hook::own(11)).ping(1, 1);
    let heard = |hook: &Hook| hook.switch.heard().unwrap()[&host(2)];
    hook.arrives(underlay(2), 100, &packet);
    assert_eq!(heard(&hook), Duration::ZERO, "nothing was proven yet");

    hook.settle();
    hook.hears_echo();
    let proven_at = boot_ns();
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut last = heard(&hook);
    // Until it stops for good: a second after the proof.
    while boot_ns() - proven_at < 1_500_000_000 {
        hook.arrives(underlay(2), 100, &packet);
        last = last.max(heard(&hook));
        assert!(Instant::now() < deadline, "the clock stands");
        std::thread::yield_now();
    }
    let prolonged = last.as_nanos() as u64 - proven_at;
    assert!((500_000_000..=1_000_000_000).contains(&prolonged), "{prolonged} ns");
}

#[test]
fn doubts_have_a_port_asked_at_a_limited_rate() {
    let mut hook = sealed("doubts");
    hook.holds(11);
    let held = hook.record().unwrap();
    let doubt = by_host_2(said(RecordKind::Doubt, held));
    let began = Instant::now();
    for _ in 0..200 {
        hook.hears(&doubt, &key(3));
    }
    // 32 at once, then one each 5 ms.
    let most = 32 + began.elapsed().as_millis() as usize / 5 + 1;
    let asked = hook.sent("p11").len();
    assert!((32..=most).contains(&asked), "{asked} asks, at most {most}");
    hook.counted(&[
        ("as_great", 200),
        ("doubt_heard", 200),
        ("asked", asked as u64),
        ("doubt_limited", 200 - asked as u64),
    ]);
}
