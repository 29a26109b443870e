//! What the clouds' APIs have in common.
//!
//! A *dialect* reads the bytes of a request, checks who signed it, and understands it as a [`Call`]: pure code that
//! is shown the resources ([`View`]), says which [`Request`](havip_admission::Request)s to the rules it amounts to,
//! and how the cloud would answer. Which cloud has which rules and words is known in the cloud's own crate alone.

mod asker;
mod call;
mod deletion;
mod gate;
mod id;
pub mod law;
mod nonces;
mod params;
mod request;
mod sign;
mod step;
mod time;
#[cfg(any(test, feature = "trial"))]
pub mod trial;
mod view;

pub use asker::Asker;
pub use call::{Call, Denied, Error, Once, Reply, Understood};
pub use deletion::{Blocked, deletion};
pub use gate::{Gate, Home};
pub use id::{Naming, rename};
pub use nonces::{Nonces, Seen};
pub use params::{ParamError, Params, WrongForm};
pub use request::{HttpAnswer, HttpRequest};
pub use sign::{
    decode_base64, encode_base64, hex, hmac_sha1, hmac_sha256, is_same, percent_encode, sha1, sha256,
};
pub use step::{Step, admit_steps};
pub use time::{Clock, format_time, parse_utc};
pub use view::{Life, View, Worked};
