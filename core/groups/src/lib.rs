//! Security groups as the switch has them.
//!
//! [`compile`](Compiled::of) makes of a group's rules the tables in which the kernel finds the deciding one without
//! walking them; [`walk`] walks them, for tests. [`Flows`] is the kernel's memory of one port's connections.

mod compile;
mod flow;
mod rule;

pub use compile::{Bits, Compiled, Net, Service, judge};
pub use flow::{
    ANSWERED, ANSWERED_TCP, CLOSING, CUT_TCP, Flows, IDLE, JUDGED_LASTS, Kind, NEW, NEW_TCP, SETS, State,
    Tuple, Verdict, WAYS, set_of, ticks,
};
pub use rule::{GroupPeer, GroupRule, OtherEnd, walk};
