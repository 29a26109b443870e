//! The tests' stand-in for `havip guest-init`.

fn main() {
    havip_guest::guest_init(std::env::args_os().skip(1).collect())
}
