//! Instances: what should run, runs; what should not, ends; all of it is told.

mod machines;
mod migration;
mod steps;

use super::Done;
use super::program::chain;
use crate::args::Config;
use crate::disk;
use crate::machines::{Outcome, go_on};
use anyhow::Context;
use havip_guest::{GuestError, MachineSpec, Prepared, Program, Sandbox, Sandboxes};
use havip_model::{HostNumber, InstanceId, InstanceState, InterfaceId, PowerState};
use havip_netlink::Namespace;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;

/// The instances of this host.
pub struct Guests {
    sandboxes: Sandboxes,
    done: mpsc::UnboundedSender<Done>,
    guests: BTreeMap<InstanceId, Guest>,
    /// Which start each instance ran last, kept on disk: an agent that comes back must not start it anew.
    ran: BTreeMap<InstanceId, u64>,
    ran_path: PathBuf,
    /// What an instance must not see of the host.
    hidden: Vec<PathBuf>,
    is_due: bool,
    /// When the running ones are looked at next.
    look_at: Duration,
    /// Whether what an earlier life left was looked for.
    has_adopted: bool,
}

/// Where an instance is.
#[derive(Default)]
struct Guest {
    phase: Phase,
    /// It ended by itself, or its start failed: it is not started again before the user says so.
    gave_up: Option<(u64, InstanceState, String)>,
    way: Way,
}

/// Where a machine that goes on at another host is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// It is not asked to go; why it could not when it was, if so.
    Stays(String),
    /// It is being sent to this host.
    Goes(HostNumber),
    /// All of it is on this host, which the server has not said yet; if nobody knows whether it runs there, why.
    Went(HostNumber, Option<String>),
    /// It was asked to go, and could not.
    Failed(HostNumber, String),
    /// It comes from another host.
    Comes,
}

#[derive(Default)]
enum Phase {
    /// Nothing of it runs.
    #[default]
    Idle,
    /// Its file tree and namespaces are being made.
    Preparing { starts: u64 },
    /// They are there; its ports are being plugged.
    Equipping { starts: u64, prepared: Box<Prepared>, namespace: Namespace },
    /// A machine: its taps are being made and plugged.
    Wiring { starts: u64, spec: Box<MachineSpec>, taps: BTreeMap<InterfaceId, OwnedFd> },
    /// It is being let go.
    Starting { starts: u64, namespace: Option<Namespace> },
    /// Its first process runs.
    Running { sandbox: Box<Sandbox>, namespace: Option<Namespace> },
    /// Asked to end; its ports stay up, so that a failover daemon can say goodbye.
    Stopping { namespace: Option<Namespace> },
    /// Being killed; its ports are down.
    Killing,
}

impl Default for Way {
    fn default() -> Self {
        Self::Stays(String::new())
    }
}

/// What a task about an instance came to.
#[derive(Debug)]
pub struct Happened {
    instance: InstanceId,
    what: What,
}

#[derive(Debug)]
enum What {
    Prepared(Box<Result<Prepared, GuestError>>),
    Started(Box<Result<Sandbox, GuestError>>),
    Ended(Result<(), GuestError>),
    Departed(Outcome),
}

/// What is to be done about an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Start,
    Stop,
    Kill,
}

/// What an instance needs, from what is wanted and what is.
///
/// `ran` is the start that was run last, `gave_up_at` the one that ended by itself or failed.
fn decide(
    wanted: Option<(PowerState, u64)>,
    runs: bool,
    ran: Option<u64>,
    gave_up_at: Option<u64>,
) -> Option<Order> {
    match wanted {
        None => runs.then_some(Order::Kill),
        Some((PowerState::PoweredOff, _)) => runs.then_some(Order::Kill),
        Some((PowerState::Stopped, _)) => runs.then_some(Order::Stop),
        // A second start of what runs: stop, and the next look starts it.
        Some((PowerState::Running, starts)) if runs => (ran < Some(starts)).then_some(Order::Stop),
        // Also after the host's reboot: then this start was run, but nothing gave up.
        Some((PowerState::Running, starts)) => (gave_up_at < Some(starts)).then_some(Order::Start),
    }
}

impl Guests {
    /// Opens the directory of the sandboxes.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(config: &Config, done: mpsc::UnboundedSender<Done>) -> anyhow::Result<Self> {
        let directory = directory(config);
        let sandboxes =
            Sandboxes::open(&directory, Program::itself()).context("could not prepare the instances")?;
        let ran_path = config.data.join("starts.json");
        let ran =
            disk::read(&ran_path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Ok(Self {
            sandboxes,
            done,
            guests: BTreeMap::new(),
            ran,
            ran_path,
            hidden: vec![config.data.canonicalize().unwrap_or_else(|_| config.data.clone())],
            is_due: true,
            look_at: Duration::ZERO,
            has_adopted: false,
        })
    }

    /// Something has changed: instances are looked at again.
    pub fn look_again(&mut self) {
        self.is_due = true;
    }

    /// The network namespace of an instance, while there is one that devices can be put into.
    pub fn namespace(&self, instance: InstanceId) -> Option<Namespace> {
        match &self.guests.get(&instance)?.phase {
            Phase::Equipping { namespace, .. } => Some(namespace.clone()),
            Phase::Starting { namespace, .. }
            | Phase::Running { namespace, .. }
            | Phase::Stopping { namespace } => namespace.clone(),
            Phase::Idle | Phase::Preparing { .. } | Phase::Wiring { .. } | Phase::Killing => None,
        }
    }

    /// Whether its ports must be down although their devices are there.
    pub fn is_unpowered(&self, instance: InstanceId) -> bool {
        self.guests.get(&instance).is_some_and(|guest| matches!(guest.phase, Phase::Killing))
    }

    /// When running instances are looked at next.
    pub fn next_deadline(&self) -> Option<Duration> {
        let runs = |guest: &Guest| matches!(guest.phase, Phase::Running { .. });
        self.guests.values().any(runs).then_some(self.look_at)
    }

    /// For commands: they block, so they run elsewhere.
    pub fn sandboxes(&self) -> Sandboxes {
        self.sandboxes.clone()
    }

    fn spawn(&self, instance: InstanceId, work: impl FnOnce() -> What + Send + 'static) {
        let done = self.done.clone();
        tokio::task::spawn_blocking(move || {
            // The loop ends only with the process.
            let _ = done.send(Done::Guest(Happened { instance, what: work() }));
        });
    }

    fn keep_starts(&self) {
        let bytes = serde_json::to_vec(&self.ran).expect("ids and numbers are JSON");
        if let Err(error) = disk::write(&self.ran_path, &bytes) {
            tracing::error!(error = format!("{error:#}"), "could not keep which instances were started");
        }
    }

    /// An earlier life of this agent may have ended while a machine stood still on its way to or from another host.
    fn wake(&self, instance: InstanceId) {
        tokio::spawn(go_on(self.sandboxes.clone(), instance, Sandbox::wake));
    }

    /// Finds what an earlier life of this agent has left running.
    fn adopt(&mut self) {
        let found = match self.sandboxes.list() {
            Ok(found) => found,
            Err(error) => {
                return tracing::error!(error = chain(&error), "could not look for running instances");
            }
        };
        for found in found {
            let mut guest = Guest::default();
            let home = |sandbox: &Sandbox| match sandbox.is_machine() {
                true => Some(None),
                false => Namespace::of_process(sandbox.pid()).ok().map(Some),
            };
            if let Some(sandbox) = found.running
                && let Some(namespace) = home(&sandbox)
            {
                tracing::info!(instance = %found.instance, pid = sandbox.pid(), "a running instance was found");
                if sandbox.is_machine() {
                    self.wake(found.instance);
                }
                guest.phase = Phase::Running { sandbox: Box::new(sandbox), namespace };
            }
            self.guests.insert(found.instance, guest);
        }
    }
}

/// Where the sandboxes of an agent are.
pub fn directory(config: &Config) -> PathBuf {
    config.data.join("instances")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_started_once_per_start_and_again_after_a_reboot() {
        let running = |starts| Some((PowerState::Running, starts));
        assert_eq!(decide(running(1), false, None, None), Some(Order::Start));
        assert_eq!(decide(running(1), true, Some(1), None), None);
        assert_eq!(decide(running(2), true, Some(1), None), Some(Order::Stop), "to be started anew");
        assert_eq!(decide(running(2), false, Some(1), None), Some(Order::Start));
        assert_eq!(decide(running(1), false, Some(1), None), Some(Order::Start), "the host was rebooted");
        assert_eq!(decide(running(1), false, Some(1), Some(1)), None, "it ended by itself");
        assert_eq!(decide(running(2), false, Some(1), Some(1)), Some(Order::Start));
    }

    #[test]
    fn an_instance_is_asked_to_stop_and_killed_when_it_loses_power_or_is_deleted() {
        assert_eq!(decide(Some((PowerState::Stopped, 1)), true, Some(1), None), Some(Order::Stop));
        assert_eq!(decide(Some((PowerState::Stopped, 1)), false, Some(1), None), None);
        assert_eq!(decide(Some((PowerState::PoweredOff, 1)), true, Some(1), None), Some(Order::Kill));
        assert_eq!(decide(None, true, Some(1), None), Some(Order::Kill));
        assert_eq!(decide(None, false, None, None), None);
    }
}
