//! Whether a request may happen, with the reason.
//!
//! [`admit`] decides from a snapshot of the world and answers with the exact [`Change`](havip_model::Change)
//! to commit, or with a [`Refusal`] that says what was wrong and what to do. It changes nothing itself.

mod batch;
mod decide;
mod draw;
mod facts;
pub mod identity;
#[cfg(any(test, feature = "random"))]
pub mod random;
mod refusal;
pub mod request;
mod rotation;
#[cfg(test)]
mod tests;
mod throttle;

pub use batch::admit_all;
pub use decide::admit;
pub use draw::Draw;
pub use facts::{Facts, LiveHost, Quotas};
pub use refusal::{Code, Kind, Refusal};
pub use request::Request;
pub use rotation::{Follower, Rotation};
pub use throttle::{Rate, Throttle};
