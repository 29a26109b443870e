//! Which time this host's switch believes (design section 5: epochs).

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Time since boot, sleep included: the clock of the switch and of every deadline here.
pub fn since_boot() -> Duration {
    read(ClockId::CLOCK_BOOTTIME)
}

/// Time since 1970 as the host's clock says.
pub fn wall() -> Duration {
    read(ClockId::CLOCK_REALTIME)
}

fn read(clock: ClockId) -> Duration {
    clock_gettime(clock).expect("Linux has both clocks since 2.6.39").into()
}

/// What the server's clock said last, and when it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Since 1970.
    pub server: Duration,
    /// Since boot.
    pub heard_at: Duration,
}

/// How far the time since 1970 is ahead of the time since boot.
///
/// The host's clock decides, unless it differs from the server's by more than an hour: then one of both is wrong
/// by far, and hosts with wrong clocks are more common than servers with wrong clocks.
pub fn offset(since_boot: Duration, wall: Duration, stamp: Option<Stamp>) -> Duration {
    let own = wall.saturating_sub(since_boot);
    match stamp {
        Some(stamp) => {
            let servers = stamp.server.saturating_sub(stamp.heard_at);
            if own.abs_diff(servers) > Duration::from_secs(3600) { servers } else { own }
        }
        None => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn the_hosts_clock_is_believed_up_to_an_hour_from_the_servers() {
        let stamp = |server| Some(Stamp { server: secs(server), heard_at: secs(100) });
        assert_eq!(offset(secs(110), secs(1_000_010), None), secs(999_900));
        assert_eq!(offset(secs(110), secs(1_000_010), stamp(1_000_000 + 3600)), secs(999_900));
        assert_eq!(offset(secs(110), secs(1_000_010), stamp(1_000_000 + 3601)), secs(1_003_501));
        assert_eq!(
            offset(secs(110), secs(10), stamp(1_000_000)),
            secs(999_900),
            "a clock that begins at 1970"
        );
    }
}
