//! Who holds a VIP: the claim rules as two pure machines.
//!
//! [`switch::SwitchModel`] does what a host's switch does with a packet or an order, at once and without a timer;
//! the C in `bpf/` is held against it. [`keeper::Keeper`] is everything that takes time, and the agent runs it.
//! They meet in [`Order`] (keeper to switch) and [`Notice`] (switch to keeper).
//! The rules C1 to C10 are those of the design's section 5; each module names the ones it keeps.
//!
//! Where the rules left a choice, or storms of `tests/convergence` found a gap:
//!
//! - Records of equal rank are one and the same record, whatever else they carry; "exactly" compares ranks.
//! - The holder's claim with another MAC is a new claim without a move, as only a greater record is told to anybody.
//! - Every message is applied as an announcement first; a greater record answers any kind, a blank one none.
//! - `alive` goes to every member: several hosts may doubt at once, and one of them unanswered would take the VIP.
//! - Displaced is displaced: a port doubts a local successor as it does a remote one.
//! - A port that was asked while nobody held the VIP, and answers when somebody does, doubts once.
//! - Doubts outlive a release: they go on about whoever holds next.
//! - Taking back needs to have *heard* the release from another host; a release read in the map leads to asks.
//! - After a pull, the record of a port that is not up is released before the port may come up.
//! - A VIP withdrawn from its holder's host is released there before it is forgotten.

pub mod keeper;
mod notice;
mod order;
pub mod switch;

pub use notice::{Cause, Notice};
pub use order::{Order, Release};
