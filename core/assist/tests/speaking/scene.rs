//! Blue (port 11 on host 1) holds 10.0.0.100 and has advertised it to green (port 12 on host 2, this one).

use havip_assist::{Delivered, Known, Named};
use havip_model::{Epoch, Holder, HostNumber, Incarnation, MacAddr, PortNumber, Record, VipKey, Vni};
use havip_wire::{Authentication, Vrrp, VrrpVersion, build::frame};
use std::{net::Ipv4Addr, time::Duration};

pub const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);
pub const SECOND: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 101);
pub const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 11);

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
pub fn port(number: u32) -> PortNumber {
    PortNumber::new(number).unwrap()
}
pub fn host(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}
pub fn holder(on: u32, number: u32) -> Holder {
    Holder { host: host(on), port: port(number) }
}
pub fn blue() -> Holder {
    holder(1, 11)
}
pub fn green() -> Holder {
    holder(2, 12)
}
/// The other interface of blue's instance.
pub fn blue_eth1() -> Holder {
    holder(1, 21)
}
pub fn vip(last: u8) -> VipKey {
    VipKey { vni: Vni::new(9).unwrap(), address: [10, 0, 0, last].into() }
}

pub fn record(holder: Holder) -> Record {
    let mac = MacAddr([2, 0, 0, 0, 0, holder.port.get() as u8]);
    Record { incarnation: Incarnation(5), epoch: Epoch(77), holder, released: false, mac, moves: 1 }
}

pub fn named(last: u8, holder: Holder) -> Named {
    let is_senders = holder.port == blue().port;
    Named { key: vip(last), assists: true, heirs: vec![port(12)], record: Some(record(holder)), is_senders }
}

/// The guides' advert: version 2, 1 s, a password.
pub fn vrrp(priority: u8) -> Vrrp {
    let authentication = Authentication::Password(*b"1111\0\0\0\0");
    let version = VrrpVersion::V2 { interval_secs: 1, authentication };
    Vrrp { vrid: 51, priority, version, addresses: vec![VIP.into()] }
}

/// This port was given blue's advert 1 ms after boot.
pub fn known(to: u32, advert: &Vrrp) -> Known {
    let [blue, green] = [11, 12].map(|last| MacAddr([2, 0, 0, 0, 0, last]));
    let frame = frame(blue, green).ip(SOURCE, Ipv4Addr::new(10, 0, 0, to as u8)).vrrp(advert);
    let (source, at) = (SOURCE.into(), ms(1));
    let delivered =
        Delivered { to: port(to), sender: port(11), source, router: 51, at, is_repeated: false, frame };
    let advert = delivered.advert();
    let names = vec![Named { heirs: vec![port(to)], ..named(100, self::blue()) }];
    Known { delivered, advert, sender: Some(self::blue()), names }
}

/// The same, but blue has the VIP on its other interface.
pub fn known_apart(to: u32, advert: &Vrrp) -> Known {
    let mut known = known(to, advert);
    (known.names[0].record, known.names[0].is_senders) = (Some(record(blue_eth1())), true);
    known
}

/// This port and no other is dead.
pub fn dead(holder: Holder) -> impl Fn(Holder) -> bool {
    move |asked| asked == holder
}
pub fn both_dead(asked: Holder) -> bool {
    asked == blue() || asked == blue_eth1()
}
