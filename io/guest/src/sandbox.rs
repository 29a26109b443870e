//! A sandbox that runs: ending it, running commands in it, reading its console.

use crate::{
    ExecError, Executed, GuestError, Limits, MachineSpec, Program, console, exec,
    inside::ORDERS,
    machine::{self, press_button},
    process::HeldProcess,
    state::{Files, Kind, State},
};
use havip_model::InstanceId;
use nix::sys::signal::Signal;
use std::{
    ffi::OsString,
    io,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

/// A running sandbox. Dropping this changes nothing: [`crate::Sandboxes::adopt`] finds it again.
#[derive(Debug)]
pub struct Sandbox {
    instance: InstanceId,
    files: Files,
    state: State,
    init: HeldProcess,
    program: Program,
}

impl Sandbox {
    pub(crate) fn new(
        instance: InstanceId,
        files: Files,
        state: State,
        init: HeldProcess,
        program: Program,
    ) -> Self {
        Self { instance, files, state, init, program }
    }

    /// Whose it is.
    pub fn instance(&self) -> InstanceId {
        self.instance
    }

    /// The host's number of its first process; its namespaces are under `/proc/PID/ns`.
    pub fn pid(&self) -> u32 {
        self.state.init.pid.cast_unsigned()
    }

    /// Which limits are in force.
    pub fn limits(&self) -> &Limits {
        &self.state.limits
    }

    /// Whether every process of it has ended.
    pub fn has_ended(&self) -> bool {
        self.init.has_ended()
    }

    /// Waits for its end, at most so long, and says whether it came.
    pub fn wait(&self, at_most: Duration) -> bool {
        self.init.wait(at_most)
    }

    /// Whether it is a machine of its own rather than a sandbox.
    pub fn is_machine(&self) -> bool {
        matches!(self.state.kind, Kind::Machine { .. })
    }

    /// Why a machine is emulated in software, if it is.
    pub fn emulated(&self) -> Option<&str> {
        match &self.state.kind {
            Kind::Machine { emulated } => emulated.as_deref(),
            Kind::Sandbox | Kind::Systemd => None,
        }
    }

    /// Asks it to end: every process gets SIGTERM, and SIGKILL after the grace; systemd is told to halt, and a machine's
    /// power button is pressed, and what has not turned itself off after the grace loses power. Says whether it ended
    /// by itself.
    ///
    /// Its ports stay up meanwhile, so that a failover daemon can say goodbye.
    ///
    /// # Errors
    /// It could not be ended, or something of it is left.
    pub fn stop(self, grace: Duration) -> Result<bool, GuestError> {
        let deadline = Instant::now() + grace;
        match &self.state.kind {
            Kind::Machine { .. } => {
                // A machine that hears no button is one to be turned off.
                if let Err(error) = press_button(&self.files.0.join(ORDERS)) {
                    tracing::warn!(instance = %self.instance, %error, "could not press the power button");
                    return self.end().map(|()| false);
                }
            }
            Kind::Sandbox => {
                let asked = self.init.signal(Signal::SIGTERM);
                asked.map_err(|error| self.failed("stop the first process", error))?;
            }
            // One that has just begun does not listen yet; one that is halting already hears nothing new.
            Kind::Systemd => loop {
                let asked = self.init.signal_number(libc::SIGRTMIN() + HALT);
                asked.map_err(|error| self.failed("stop systemd", error))?;
                if self.init.wait(ASKED_AGAIN.min(deadline.saturating_duration_since(Instant::now())))
                    || Instant::now() >= deadline
                {
                    break;
                }
            },
        }
        let graceful = self.init.wait(deadline.saturating_duration_since(Instant::now()));
        self.end()?;
        Ok(graceful)
    }

    /// Kills every process of it at once, as a power failure would.
    ///
    /// Set its ports down first: a killed process cannot send, but the kernel still resets its connections.
    ///
    /// # Errors
    /// It could not be killed, or something of it is left.
    pub fn power_off(self) -> Result<(), GuestError> {
        self.end()
    }

    /// Runs a command in it as root, with its standard input, and waits for its end, at most so long.
    ///
    /// What the command leaves running goes on; its output from then on is lost.
    ///
    /// # Errors
    /// The sandbox has ended, or could not be entered, or the command could not be started.
    pub fn exec(&self, argv: &[OsString], stdin: &[u8], at_most: Duration) -> Result<Executed, ExecError> {
        if self.is_machine() {
            return Err(ExecError::Machine);
        }
        exec::run(&self.program, &self.files, argv, stdin, at_most)
    }

    /// The newest bytes of its console log, at most so many.
    ///
    /// # Errors
    /// The log could not be read.
    pub fn console(&self, at_most: usize) -> Result<Vec<u8>, GuestError> {
        console::read_tail(&self.files.console(), at_most)
            .map_err(|error| self.failed("read the console log", error))
    }

    /// Lets a machine's state leave for another host; it comes out of what this returns.
    ///
    /// # Errors
    /// It is no machine, or QEMU refuses.
    pub fn depart(&self) -> Result<UnixStream, GuestError> {
        let failed = |error| self.failed("send the machine's state", error);
        let spec = self.machine().map_err(failed)?;
        if spec.image.disk.is_some() {
            let why = "its disk is a file of this host, which does not go along";
            return Err(failed(io::Error::new(io::ErrorKind::Unsupported, why)));
        }
        let is_emulated = self.emulated().is_some();
        machine::depart(&self.files.0, &self.files.0.join(ORDERS), spec.user, is_emulated).map_err(failed)
    }

    /// Whether all of a machine's state has left for another host: it stands still since then.
    ///
    /// # Errors
    /// It is no machine, or QEMU does not answer.
    pub fn has_departed(&self) -> Result<bool, GuestError> {
        machine::has_departed(&self.files.0.join(ORDERS))
            .map_err(|error| self.failed("ask the machine", error))
    }

    /// The way into a machine that waits for its state from another host.
    ///
    /// # Errors
    /// It is no machine, or does not wait.
    pub fn receive(&self) -> Result<UnixStream, GuestError> {
        machine::receive(&self.files.0).map_err(|error| self.failed("reach the machine", error))
    }

    /// Waits until a machine that got its state goes on with it.
    ///
    /// # Errors
    /// It does not, within this time.
    pub fn wait_until_it_runs(&self, at_most: Duration) -> Result<(), GuestError> {
        machine::wait_until_it_runs(&self.files.0.join(ORDERS), at_most)
            .map_err(|error| self.failed("go on with the machine", error))
    }

    /// Lets a machine go on here whose state was sent and is of use to nobody.
    ///
    /// # Errors
    /// QEMU refuses.
    pub fn resume(&self) -> Result<(), GuestError> {
        machine::resume(&self.files.0.join(ORDERS)).map_err(|error| self.failed("resume the machine", error))
    }

    /// Lets a machine go on that an earlier life of the agent left standing still in the middle of a migration; says
    /// whether it was. All of its state came here, or most of it is here still: there is nowhere else that it can run.
    ///
    /// # Errors
    /// It is no machine, or QEMU does not answer.
    pub fn wake(&self) -> Result<bool, GuestError> {
        machine::wake(&self.files.0.join(ORDERS)).map_err(|error| self.failed("wake the machine", error))
    }

    fn machine(&self) -> io::Result<MachineSpec> {
        Ok(serde_json::from_slice(&std::fs::read(self.files.machine())?)?)
    }

    fn end(&self) -> Result<(), GuestError> {
        self.files.end(&self.state).map_err(|error| self.failed("end the sandbox", error))
    }

    fn failed(&self, attempted: &'static str, source: io::Error) -> GuestError {
        GuestError::Io { attempted, instance: self.instance, source }
    }
}

/// Above SIGRTMIN: systemd's signal to start `halt.target` (systemd(1), SIGNALS).
const HALT: i32 = 3;
const ASKED_AGAIN: Duration = Duration::from_secs(1);
