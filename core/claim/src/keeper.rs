//! Everything in the claim rules that takes time: the machine that each agent runs.

mod action;
mod event;

pub use action::{Action, Report};
pub use event::{Event, Kind};
