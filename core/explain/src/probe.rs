//! One packet that is really sent, to see where it goes: what it is, and what hosts saw of it.

mod frame;
mod track;

pub use frame::Probe;
pub use track::{LiveEnd, Sight, Track, track};
