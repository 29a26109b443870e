//! A synchronous client: one method per request of the API.
//!
//! Every change carries an idempotency key and is sent again once when the connection breaks, so that it
//! happens once however often it was sent.

mod address;
mod deployment_set;
mod group;
mod identity;
mod machine;
mod network;
mod quota;
mod resource_group;
mod tag;
mod timeline;
mod transport;

pub use timeline::{EventStream, FlowStream, Follow, TraceStream};
pub use transport::{Client, ClientError, Config};
