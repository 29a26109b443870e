//! Who holds a VIP: the claim rules as two pure machines.
//!
//! [`switch::SwitchModel`] does what a host's switch does with a packet or an order, at once and without a timer;
//! the C in `bpf/` is held against it. [`keeper::Keeper`] is everything that takes time, and the agent runs it.
//! They meet in [`Order`] (keeper to switch) and [`Notice`] (switch to keeper).
//! The rules C1 to C10 are those of the design's section 5; each module names the ones it keeps.

pub mod keeper;
mod notice;
mod order;
pub mod switch;

pub use notice::{Cause, Notice};
pub use order::{Order, Release};
