//! Which hosts are alive, judged from echoes, and which edge serves an EIP when one is not.
//!
//! Hosts that share a VPC, and edges, echo each other (section 6 of the design): the agent sends every 50 ms, the
//! peer's *kernel* reflects, so a host whose agent is stopped still counts as alive.

mod edge;
mod liveness;
mod peer;
mod prober;
mod witness;

pub use edge::{Duty, Edge, edge_duty};
pub use liveness::Liveness;
pub use prober::{Action, Event, Prober};
pub use witness::Witness;
