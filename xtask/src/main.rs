//! The project's own commands: cargo xtask demo, test, bench, layers.
fn main() {}
