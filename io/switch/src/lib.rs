//! The eBPF switch: programs, pinned maps, rings.
//!
//! [`Switch`] is one host's switch. The agent fills its configuration ([`Switch::put`]), attaches it to
//! devices, gives it orders ([`Switch::order`]) and polls what happened ([`Events::poll`]).
//! Everything that concerns packets is in `bpf/`; its layout is mirrored in one private module.

mod attach;
mod delivered;
mod entries;
mod error;
mod events;
mod layout;
mod ledger;
mod network;
mod orders;
mod pinned;
mod pins;
mod programs;
use havip_model::reason as reasons;
mod records;
mod seal;
mod switch;
mod trace;
mod waiting;

pub use attach::Attach;
pub use error::{AttachError, EntryError, MapError, OpenError, OrderError};
pub use events::{Events, SwitchEvent};
pub use havip_claim::{Notice, Order, Release};
pub use ledger::{DropCount, Ledger};
pub use orders::Outcome;
pub use pinned::{Fill, Pinned};
pub use programs::Mode;
pub use reasons::{Reason, reason, reason_name};
pub use records::{Move, PinnedRecords, Sent};
pub use switch::{Capacity, Edge, Options, Switch, detach_all};
pub use trace::{FlowLog, Loaded, LoggedFlow, Looker, Seen, TakenFlows, Trace, Verdict, Verdicts, Wanted};
pub use waiting::AsyncEvents;

/// The compiled programs, as [`Switch::open`] loads them; for tests that load them with others.
#[doc(hidden)]
pub const OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/switch.bpf.o"));

/// A program that gives a test packet what only a tunnel can give it, then runs a hook; for tests.
#[doc(hidden)]
pub const TEST_ENTRY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/entry.bpf.o"));
