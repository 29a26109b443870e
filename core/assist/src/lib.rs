//! Speaking for the dead: the switch knows sooner than any timer that a master is gone (section 6 of the design).
//!
//! Each host's switch remembers, per port, the last VRRP advert that it delivered there from each sender. When the
//! sender's port goes down or its host is lost, the port is given the same advert once more with priority 0: what the
//! dead master would have said had it stopped gracefully, so that unmodified software waits for its skew alone.
//! [`verdict()`] says whether an advert may be repeated, [`Speaker`] when it is looked for.

mod advert;
mod speaker;
mod verdict;

pub use advert::Delivered;
pub use speaker::{Action, Event, Evidence, Speaker};
pub use verdict::{Known, Named, Silence, Speech, verdict};
