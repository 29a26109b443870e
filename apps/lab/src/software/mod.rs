//! The software that guests run, as Debian packages it: its configuration, and what starts it.

mod haproxy;
mod heartbeat;
mod networkd;
mod pacemaker;
pub mod postgres;
mod ucarp;
mod windows;

pub use heartbeat::Heartbeat;
pub use networkd::Networkd;
pub use pacemaker::Pacemaker;
pub use ucarp::Ucarp;
pub use windows::Online;
