//! Agents: how hosts join, what they are told, what they report.

mod command;
mod connect;
mod follow;
mod join;
mod report;
mod tracker;

pub use command::CommandError;
pub use connect::serve;
pub use tracker::{InstanceLife, Tracker};
