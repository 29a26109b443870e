//! Desired minus observed is steps.
//!
//! Three pure stages lie between a resource and the kernel: [`item`]s are what a host must know of the
//! resources, [`table`] entries are what its switch must know of the items, steps are what is missing.

pub mod compile;
pub mod item;
pub mod plan;
pub mod table;
pub mod view;
