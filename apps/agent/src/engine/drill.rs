//! A failover on purpose: a port's link is taken away for a while, as if its cable were pulled, and comes back by itself.
//!
//! The agent alone counts the time, so whoever asked for the drill may die; an agent that ends in the middle of one
//! sets the link up again when it starts.

use super::Engine;
use anyhow::{Context, ensure};
use havip_model::PortNumber;
use havip_stream::proto;
use std::collections::BTreeMap;
use std::time::Duration;

/// The drills under way, by port: when each ends, since boot.
#[derive(Debug, Default)]
pub struct Drills {
    ends_at: BTreeMap<PortNumber, Duration>,
}

impl Drills {
    /// When the next one ends.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.ends_at.values().min().copied()
    }

    /// Takes out those that end now.
    fn due(&mut self, now: Duration) -> Vec<PortNumber> {
        let due = self.ends_at.extract_if(.., |_, ends_at| *ends_at <= now);
        due.map(|(port, _)| port).collect()
    }
}

impl Engine {
    /// Takes a port's link away.
    pub(super) async fn begin_drill(&mut self, drill: &proto::Drill) -> anyhow::Result<()> {
        let port = PortNumber::new(drill.port).context("which port?")?;
        let (interface, ifindex) =
            self.ports.device_of(port).with_context(|| format!("port {port} has no device"))?;
        ensure!(
            !self.ports.drills.ends_at.contains_key(&port),
            "a drill is under way at port {port} already"
        );
        let time = Duration::from_millis(drill.for_ms.into()).min(LONGEST);
        tracing::info!(%port, seconds = time.as_secs_f32(), "a drill: the port's link goes down");
        // First of all, so that it ends whatever happens next.
        self.ports.drills.ends_at.insert(port, crate::clock::since_boot() + time);
        self.links.set_down(ifindex).await.context("could not set the device down")?;
        self.carrier(interface, false);
        Ok(())
    }

    /// Gives the links back whose time is over.
    pub(super) async fn end_drills(&mut self, now: Duration) {
        for port in self.ports.drills.due(now) {
            // Unplugged meanwhile: there is nothing to give back.
            let Some((_, ifindex)) = self.ports.device_of(port) else { continue };
            match self.links.set_up(ifindex).await {
                Ok(()) => tracing::info!(%port, "the drill is over: the port's link goes up"),
                Err(error) => {
                    tracing::warn!(%port, %error, "could not set a device up after a drill; trying again");
                    self.ports.drills.ends_at.insert(port, now + AGAIN);
                }
            }
        }
    }
}

/// The server allows no more either.
const LONGEST: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_ends_once_when_its_time_is_over() {
        let (secs, port) = (Duration::from_secs, |number| PortNumber::new(number).unwrap());
        let mut drills = Drills::default();
        assert_eq!(drills.next_deadline(), None);
        drills.ends_at.insert(port(1), secs(9));
        drills.ends_at.insert(port(2), secs(5));
        assert_eq!(drills.next_deadline(), Some(secs(5)));
        assert_eq!(drills.due(secs(4)), []);
        assert_eq!(drills.due(secs(5)), [port(2)]);
        assert_eq!(drills.due(secs(20)), [port(1)]);
        assert_eq!((drills.next_deadline(), drills.due(secs(30))), (None, vec![]));
    }
}
