//! The one binary: arguments, wiring, run.
fn main() {}
