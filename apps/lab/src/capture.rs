//! What passes a guest's interface, as Debian's tcpdump shows it.

use crate::{Guest, eventually};
use anyhow::{Result, ensure};
use std::time::Duration;

/// A tcpdump that runs in a guest until the guest ends.
pub struct Capture<'a> {
    guest: &'a Guest,
}

impl Guest {
    /// Begins to note the packets of eth0 that pass this filter of tcpdump.
    pub fn capture(&self, filter: &str) -> Result<Capture<'_>> {
        self.begin("capture", &format!("tcpdump -l -n -e -i eth0 {filter} &"))?;
        // What is sent before it listens is not seen.
        eventually(Duration::from_secs(5), || {
            ensure!(self.log_of("capture")?.contains("listening on eth0"), "tcpdump does not listen yet");
            Ok(())
        })?;
        Ok(Capture { guest: self })
    }
}

impl Capture<'_> {
    /// The packets so far that have this in their line.
    pub fn lines_with(&self, text: &str) -> Result<Vec<String>> {
        let log = self.guest.log_of("capture")?;
        Ok(log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect())
    }
}
