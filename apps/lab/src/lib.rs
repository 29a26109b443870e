//! Whole topologies in network namespaces of one machine, and the vocabulary of the system tests.

mod capture;
mod command;
pub mod demo;
mod external;
mod flood;
mod guest;
pub mod keepalived;
mod lab;
mod loss;
pub mod names;
mod patience;
pub mod probe;
pub mod process;
mod scene;
pub mod socket;
mod software;
mod takeover;
mod trouble;
mod wires;

pub use capture::Capture;
pub use command::{LabCommand, run};
pub use demo::DemoArgs;
pub use external::ExternalGuest;
pub use flood::{Flood, Noisy};
pub use guest::{Guest, Output};
pub use lab::{ClientFile, Lab, Plan};
pub use patience::{eventually, steadily};
pub use scene::{PATIENCE, Scene, Setting};
pub use software::{Heartbeat, Networkd, Online, Pacemaker, Ucarp, postgres};
pub use takeover::Takeover;
