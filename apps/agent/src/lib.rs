//! The agent of one host: ports, maps, instances, reports.

mod args;
mod clock;
mod dhcp;
mod disk;
mod edge;
mod facts;
mod follow;
mod identity;
mod metrics;
mod outbox;
mod peers;
mod state;

pub use args::{Args, Config};
