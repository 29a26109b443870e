//! What was acknowledged survives the end of the process and of the power.

#[path = "crash/child.rs"]
mod child;
#[path = "crash/disk.rs"]
mod disk;
#[path = "crash/kill.rs"]
mod kill;
#[path = "crash/power.rs"]
mod power;
#[path = "crash/trace.rs"]
mod trace;
#[path = "crash/verdict.rs"]
mod verdict;
