//! What the kernel tells: moves, answers, refusals.

use crate::{
    Switch,
    layout::{self, AddressKey, Plain},
};
use havip_claim::{Cause, Notice};
use havip_model::{Epoch, Holder, HostNumber, MacAddr, MoveCause, PortNumber, RefusalReason, VipKey};
use libbpf_rs::{RingBuffer, RingBufferBuilder};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

/// One message of the kernel; every `at` is time since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwitchEvent {
    /// Something about a VIP that core/claim's keeper wants to hear.
    Notice {
        /// When.
        at: Duration,
        /// What.
        notice: Notice,
        /// The host it came from, for what another host sent.
        from: Option<HostNumber>,
    },
    /// A guest, or another host, sent what it may not.
    Refused {
        /// When the last of them came.
        at: Duration,
        /// Why.
        reason: RefusalReason,
        /// The port that sent it; none if it came over the underlay.
        port: Option<PortNumber>,
        /// The source MAC of the frame.
        mac: MacAddr,
        /// The address that was claimed, faked or asked for.
        address: Option<IpAddr>,
        /// The underlay address it came from, if no port did.
        outer: Option<Ipv4Addr>,
        /// How many this report stands for.
        count: u64,
    },
    /// A port sent its first advert naming this VIP.
    AdvertSeen {
        /// When.
        at: Duration,
        /// The VIP.
        key: VipKey,
        /// The port.
        port: PortNumber,
    },
    /// The holder, a port of this host, sent its first packet as the VIP.
    Serves {
        /// When.
        at: Duration,
        /// The VIP.
        key: VipKey,
        /// The claim under which it holds the VIP.
        epoch: Epoch,
        /// Who it is.
        holder: Holder,
        /// When a port of this host last sent as the VIP before, under an earlier claim.
        before_at: Option<Duration>,
    },
    /// The guest that a port waits for has sent a frame: it is here.
    Arrived {
        /// When.
        at: Duration,
        /// The port.
        port: PortNumber,
    },
    /// A host's kernel returned our echo.
    EchoReturned {
        /// When.
        at: Duration,
        /// The host.
        host: HostNumber,
        /// As it was sent: the boot time in nanoseconds.
        nonce: u64,
        /// How long it took.
        rtt: Duration,
    },
}

/// Both rings of a switch; one reader per switch.
pub struct Events {
    rings: RingBuffer<'static>,
    heard: Arc<Mutex<Vec<SwitchEvent>>>,
}

impl Switch {
    /// Opens the rings. What happened while nobody read them comes first, as far as they held it.
    pub fn events(&self) -> libbpf_rs::Result<Events> {
        let heard = Arc::new(Mutex::new(vec![]));
        let mut builder = RingBufferBuilder::new();
        for (map, read) in [("moves_ring", event as fn(&[u8]) -> _), ("refusals_ring", refusal)] {
            let heard = Arc::clone(&heard);
            builder.add(self.map(map), move |bytes| {
                heard.lock().expect("no holder of the lock panics").extend(read(bytes));
                0
            })?;
        }
        Ok(Events { rings: builder.build()?, heard })
    }
}

impl Events {
    /// Waits until something is there, at most so long, and takes all of it.
    pub fn poll(&mut self, timeout: Duration) -> libbpf_rs::Result<Vec<SwitchEvent>> {
        match self.rings.poll(timeout) {
            Err(error) if error.kind() != libbpf_rs::ErrorKind::Interrupted => Err(error),
            _ => Ok(std::mem::take(&mut *self.heard.lock().expect("no holder of the lock panics"))),
        }
    }

    /// Readable when [`Self::poll`] would not wait.
    pub fn descriptor(&self) -> i32 {
        self.rings.epoll_fd()
    }
}

/// None for a message that this version does not know.
fn event(bytes: &[u8]) -> Option<SwitchEvent> {
    let event = layout::Event::read(bytes)?;
    let at = Duration::from_nanos(event.at);
    let key = || AddressKey { vni: event.vni, address: event.address }.key();
    let port = PortNumber::new(event.port);
    let mac = MacAddr(event.mac);
    let notice = match event.kind {
        1 => {
            let (record, before) = (event.now.model()?, event.before.model());
            Notice::Moved { key: key()?, record, before, cause: cause(event.cause)? }
        }
        2 => Notice::Answered { key: key()?, port: port.ok()?, mac, advertised_recently: event.nonce == 1 },
        3 => Notice::Alive { key: key()?, record: event.now.model()? },
        4 => {
            let ready_at = Duration::from_nanos(event.nonce);
            Notice::Postponed { key: key()?, port: port.ok()?, mac, expected: event.now.model(), ready_at }
        }
        5 => Notice::Stalled { key: key()?, record: event.now.model()? },
        6 => return Some(SwitchEvent::AdvertSeen { at, key: key()?, port: port.ok()? }),
        7 => {
            let rtt = Duration::from_nanos(event.at.saturating_sub(event.nonce));
            let host = HostNumber::new(event.host).ok()?;
            return Some(SwitchEvent::EchoReturned { at, host, nonce: event.nonce, rtt });
        }
        9 => Notice::Contested { key: key()?, port: port.ok()?, mac, expected: event.now.model()? },
        8 => {
            let before_at = (event.nonce != 0).then(|| Duration::from_nanos(event.nonce));
            let holder = layout::holder(event.now.holder)?;
            return Some(SwitchEvent::Serves {
                at,
                key: key()?,
                epoch: Epoch(event.now.epoch),
                holder,
                before_at,
            });
        }
        10 => return Some(SwitchEvent::Arrived { at, port: port.ok()? }),
        _ => return None,
    };
    let from = HostNumber::new(event.host).ok();
    Some(SwitchEvent::Notice { at, notice, from })
}

fn refusal(bytes: &[u8]) -> Option<SwitchEvent> {
    let refusal = layout::Refusal::read(bytes)?;
    Some(SwitchEvent::Refused {
        at: Duration::from_nanos(refusal.at),
        reason: RefusalReason(u16::try_from(refusal.reason).ok()?),
        port: PortNumber::new(refusal.port).ok(),
        mac: MacAddr(refusal.mac),
        address: layout::some_address(refusal.address),
        outer: (refusal.outer != [0; 4]).then(|| refusal.outer.into()),
        count: refusal.count,
    })
}

fn cause(number: u32) -> Option<Cause> {
    Some(match number {
        1 => Cause::Here(MoveCause::Claim),
        2 => Cause::Here(MoveCause::Asked),
        3 => Cause::Here(MoveCause::Doubted),
        4 => Cause::Here(MoveCause::Released),
        5 => Cause::Here(MoveCause::TakenBack),
        6 => Cause::Here(MoveCause::Repeated),
        7 => Cause::Here(MoveCause::Repaired),
        8 => Cause::Here(MoveCause::HostLost),
        9 => Cause::Here(MoveCause::PortDown),
        10 => Cause::Here(MoveCause::Contested),
        11 => Cause::Here(MoveCause::Migrated),
        16 => Cause::Announced,
        17 => Cause::Corrected,
        18 => Cause::Merged,
        19 => Cause::AnnouncedDown,
        _ => return None,
    })
}
