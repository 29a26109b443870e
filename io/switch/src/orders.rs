//! Orders: what the agent has the switch do, through the program `agent_op`.

use crate::{Switch, error::OrderError, layout, layout::Plain};
use havip_assist::Speech;
use havip_claim::{Order, Release};
use havip_model::{HostNumber, MoveCause, PortNumber, VipKey};

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Applied or sent.
    Done,
    /// The record is as great already, or other than the order named.
    Unchanged,
    /// No such record, port, host or address.
    Absent,
    /// Not entitled, inactive, another incarnation, or the epoch limit.
    Refused,
    /// The records' map took no more: the VIP cannot work on this host.
    Full,
    /// The packet could not be sent.
    Unsent,
}

impl Switch {
    /// Carries out an order; it is done when this returns.
    ///
    /// Fails only if the program cannot be run at all.
    pub fn order(&self, order: &Order) -> Result<Outcome, OrderError> {
        let blank = layout::Order::zeroed();
        let on = |key: VipKey, kind: u32| {
            let key = layout::AddressKey::vip(key);
            layout::Order { kind, vni: key.vni, address: key.address, ..blank }
        };
        self.carry_out(match order {
            Order::Prepare { key, incarnation } => {
                layout::Order { record: layout::Record::empty(*incarnation), ..on(*key, PREPARE) }
            }
            Order::Merge { key, record } => layout::Order { record: record.into(), ..on(*key, MERGE) },
            Order::Release { key, only: Release::Port(port) } => {
                layout::Order { port: port.get(), ..on(*key, RELEASE) }
            }
            Order::Release { key, only: Release::Down(port) } => {
                let cause = cause_number(MoveCause::PortDown);
                layout::Order { port: port.get(), cause, ..on(*key, RELEASE) }
            }
            Order::Release { key, only: Release::Exact(record) } => {
                layout::Order { record: record.into(), ..on(*key, RELEASE_EXACT) }
            }
            Order::Take { key, port, mac, expected, cause } => layout::Order {
                port: port.get(),
                mac: mac.0,
                cause: cause_number(*cause),
                record: expected.as_ref().map_or(layout::Record::zeroed(), Into::into),
                ..on(*key, TAKE)
            },
            Order::Ask { key, port } => layout::Order { port: port.get(), ..on(*key, ASK) },
            Order::Doubt { key, record } => layout::Order { record: record.into(), ..on(*key, DOUBT) },
            Order::Announce { key } => on(*key, ANNOUNCE),
            Order::HoldOff { key, port, until, always } => {
                let nonce = until.as_nanos() as u64 & !1 | u64::from(*always);
                layout::Order { port: port.get(), nonce, ..on(*key, HOLD_OFF) }
            }
            Order::Forget { key, incarnation } => {
                layout::Order { record: layout::Record::empty(*incarnation), ..on(*key, FORGET) }
            }
        })
    }

    /// Sends an echo; the host's kernel returns it, which is [`SwitchEvent::EchoReturned`](crate::SwitchEvent).
    ///
    /// `nonce` is the boot time in nanoseconds at which it was sent.
    pub fn echo(&self, host: HostNumber, nonce: u64) -> Result<Outcome, OrderError> {
        self.carry_out(layout::Order { kind: ECHO, host: host.get(), nonce, ..layout::Order::zeroed() })
    }

    /// Tells the outside of an external subnet who has this address, if this host is the active edge that joins it: it
    /// is probed for first, and not announced while somebody outside has it.
    ///
    /// Unchanged if nothing was to be said.
    pub fn show(&self, key: VipKey) -> Result<Outcome, OrderError> {
        let key = layout::AddressKey::vip(key);
        self.carry_out(layout::Order {
            kind: SHOW,
            vni: key.vni,
            address: key.address,
            ..layout::Order::zeroed()
        })
    }

    /// Gives a port a dead sender's last advert once more, with priority 0 (section 6 of the design).
    ///
    /// Unchanged if the record is another one by now, or the advert was repeated already.
    pub fn speak(&self, speech: &Speech) -> Result<Outcome, OrderError> {
        self.repeat(speech, 0)
    }

    /// Gives a port the advert itself once more, as its sender lives after all.
    ///
    /// Unchanged if the record is another one by now, or the port was told nothing about this advert.
    pub fn take_back(&self, speech: &Speech) -> Result<Outcome, OrderError> {
        self.repeat(speech, 1)
    }

    fn repeat(&self, speech: &Speech, nonce: u64) -> Result<Outcome, OrderError> {
        let key = layout::AddressKey::vip(speech.key);
        self.carry_out(layout::Order {
            kind: SPEAK,
            vni: key.vni,
            address: key.address,
            port: speech.to.get(),
            record: (&speech.record).into(),
            sender: layout::octets(speech.source),
            router: speech.router.into(),
            heir: speech.heir.get(),
            nonce,
            ..layout::Order::zeroed()
        })
    }

    /// Sends a frame as if the guest of this port had: its hook judges it as all that comes from there.
    ///
    /// Unsent if the port's device is down or gone.
    ///
    /// # Panics
    /// If it is longer than [`Self::LONGEST_PROBE`].
    pub fn send_as(&self, port: PortNumber, frame: &[u8]) -> Result<Outcome, OrderError> {
        assert!(frame.len() <= Self::LONGEST_PROBE, "a probe is short");
        let (port, nonce) = (port.get(), frame.len() as u64);
        self.hand_in(layout::Order { kind: PROBE, port, nonce, ..layout::Order::zeroed() }, frame)
    }

    /// `PROBE_MAX`.
    pub const LONGEST_PROBE: usize = 96;

    fn carry_out(&self, order: layout::Order) -> Result<Outcome, OrderError> {
        self.hand_in(order, &[])
    }

    fn hand_in(&self, order: layout::Order, behind: &[u8]) -> Result<Outcome, OrderError> {
        // Room for the announcement, the ask or the advert that the program makes of the order, or for what is sent.
        let mut frame = [0; size_of::<layout::Order>() + Self::LONGEST_PROBE];
        let (first, rest) = frame.split_at_mut(size_of::<layout::Order>());
        first.copy_from_slice(order.bytes());
        rest[..behind.len()].copy_from_slice(behind);
        let (verdict, _) = self.run("agent_op", &frame, None).map_err(OrderError)?;
        Ok(match verdict {
            1 => Outcome::Done,
            2 => Outcome::Unchanged,
            3 => Outcome::Absent,
            4 => Outcome::Refused,
            5 => Outcome::Full,
            6 => Outcome::Unsent,
            other => unreachable!("agent_op knows every order this sends, but returned {other}"),
        })
    }
}

fn cause_number(cause: MoveCause) -> u32 {
    match cause {
        MoveCause::Claim => 1,
        MoveCause::Asked => 2,
        MoveCause::Doubted => 3,
        MoveCause::Released | MoveCause::Disassociated | MoveCause::Deleted => 4,
        MoveCause::TakenBack => 5,
        MoveCause::Repeated => 6,
        MoveCause::Repaired => 7,
        MoveCause::HostLost => 8,
        MoveCause::PortDown => 9,
        // The kernel sees the claim alone; who spoke before it is known to the agent.
        MoveCause::Assisted => 1,
        MoveCause::Contested => 10,
        MoveCause::Migrated => 11,
    }
}

const PREPARE: u32 = 1;
const MERGE: u32 = 2;
const RELEASE: u32 = 3;
const RELEASE_EXACT: u32 = 4;
const TAKE: u32 = 5;
const ASK: u32 = 6;
const DOUBT: u32 = 7;
const ANNOUNCE: u32 = 8;
const ECHO: u32 = 9;
const FORGET: u32 = 10;
const SPEAK: u32 = 11;
const HOLD_OFF: u32 = 12;
const PROBE: u32 = 13;
const SHOW: u32 = 14;
