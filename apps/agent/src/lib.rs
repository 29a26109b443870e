//! The agent of one host: ports, maps, instances, reports.
//!
//! [`run`] wires it: one main loop ([`engine`]) speaks to the switch and takes turns; tasks around it follow the
//! server, answer other agents, DHCP and Prometheus. Decisions are pure functions in `core/` and in the small
//! modules here; what the switch should hold is compiled by `core/reconcile`, what takes time about claims is
//! `core/claim`'s keeper.

mod args;
mod clock;
mod detach;
mod devices;
mod dhcp;
mod disk;
mod edge;
mod engine;
mod facts;
mod follow;
mod identity;
mod journal;
mod keys;
mod machines;
mod metrics;
mod outbox;
mod peers;
mod run;
mod state;

pub use args::{Args, Config, machine_name};
pub use detach::detach;
pub use identity::has_joined;
pub use run::{run, run_until};
