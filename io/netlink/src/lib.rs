//! Devices, addresses, routes, neighbours and namespaces of Linux.
//!
//! [`Links`] speaks rtnetlink in one network namespace; [`Namespace`] makes, opens and enters namespaces.
//! Nothing outside this crate sees a netlink message.

mod address;
mod change;
mod create;
mod equip;
mod error;
mod link;
mod namespace;
mod neighbour;
mod offload;
mod route;
mod tap;
mod watch;

pub use create::{BridgeSpec, VethEnd, VethSpec, VxlanSpec};
pub use equip::GuestInterface;
pub use error::{ErrorKind, LinkError};
pub use link::{Link, Links};
pub use namespace::{Namespace, NamespaceError};
pub use neighbour::Neighbour;
pub use offload::Offload;
pub use route::Route;
pub use tap::create_tap;
pub use watch::{LinkEvent, LinkWatch};
