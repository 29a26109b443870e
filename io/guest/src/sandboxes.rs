//! All sandboxes of one directory: starting, finding again, removing.

use crate::{
    GuestError, MachineSpec, Prepared, Sandbox, Spec, console, machine, prepared,
    state::{Files, absent_is_fine, write_whole},
};
use havip_model::InstanceId;
use std::{
    ffi::OsString,
    fs, io,
    os::{fd::OwnedFd, unix::fs::DirBuilderExt},
    path::{Path, PathBuf},
};

/// The sandboxes that keep their files in one directory, a subdirectory each.
///
/// Every call blocks, for some 20 ms at a start: call from `spawn_blocking` in an async program.
#[derive(Debug, Clone)]
pub struct Sandboxes {
    directory: PathBuf,
    program: Program,
}

/// How to run [`crate::guest_init`] in a process of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// The arguments that lead to [`crate::guest_init`], before its own.
    pub arguments: Vec<OsString>,
}

/// A sandbox that was found.
#[derive(Debug)]
pub struct Found {
    /// Whose it is.
    pub instance: InstanceId,
    /// The sandbox, if it runs.
    pub running: Option<Sandbox>,
}

impl Program {
    /// This very program with the argument `guest-init`, also after its file was replaced.
    pub fn itself() -> Self {
        Self { path: "/proc/self/exe".into(), arguments: vec!["guest-init".into()] }
    }
}

impl Sandboxes {
    /// Makes the directory if it is not there; only root may look into it.
    ///
    /// # Errors
    /// The directory could not be made, or its path has a comma, colon or backslash, which an overlay cannot
    /// have.
    pub fn open(directory: &Path, program: Program) -> Result<Self, GuestError> {
        let failed = |source| GuestError::Directory { attempted: "make", source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let directory = directory.canonicalize().map_err(failed)?;
        if directory.to_str().is_none_or(|path| path.contains([',', ':', '\\'])) {
            let why = format!("{} has a comma, colon or backslash", directory.display());
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, why)));
        }
        Ok(Self { directory, program })
    }

    /// Makes a sandbox whose first process waits: nothing of the guest runs before [`Prepared::run`].
    ///
    /// What the instance changed in its file tree at earlier starts is still there.
    ///
    /// # Errors
    /// It runs already, the order makes no sense, or a step failed; nothing of this start is left then.
    pub fn prepare(&self, spec: &Spec) -> Result<Prepared, GuestError> {
        let instance = spec.instance;
        if let Some(why) = spec.objection() {
            return Err(GuestError::Refused { instance, why });
        }
        let files = self.files(instance);
        let failed = |attempted| move |source| GuestError::Io { attempted, instance, source };
        self.tidy_last(&files, instance)?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&files.0)
            .map_err(failed("make the directory"))?;
        let text =
            serde_json::to_vec_pretty(spec).map_err(io::Error::from).map_err(failed("encode the spec"))?;
        write_whole(&files.spec(), &text).map_err(failed("write the spec"))?;
        prepared::prepare(&self.program, files, instance)
    }

    /// Starts a machine on these taps, one for each of its interfaces, which are handed over.
    ///
    /// What the machine wrote to its disk at earlier starts is still there.
    ///
    /// # Errors
    /// It runs already, the order makes no sense, or a step failed; nothing of this start is left then.
    pub fn run_machine(&self, spec: &MachineSpec, taps: Vec<OwnedFd>) -> Result<Sandbox, GuestError> {
        let instance = spec.instance;
        if let Some(why) = spec.objection() {
            return Err(GuestError::Refused { instance, why });
        }
        let files = self.files(instance);
        self.tidy_last(&files, instance)?;
        machine::run(&self.program, files, spec, taps)
    }

    /// Removes what the last start of an instance left.
    fn tidy_last(&self, files: &Files, instance: InstanceId) -> Result<(), GuestError> {
        let failed = |attempted| move |source| GuestError::Io { attempted, instance, source };
        if let Some(state) = files.read_state().map_err(failed("read the state"))? {
            if state.running().map_err(failed("look for the first process"))?.is_some() {
                return Err(GuestError::Runs(instance));
            }
            files.end(&state).map_err(failed("tidy up after the last start"))?;
        }
        Ok(())
    }

    /// The sandbox of an instance, if it runs: after a restart of the agent, too.
    ///
    /// # Errors
    /// Its state could not be read.
    pub fn adopt(&self, instance: InstanceId) -> Result<Option<Sandbox>, GuestError> {
        let failed = |source| GuestError::Io { attempted: "read the state", instance, source };
        let files = self.files(instance);
        let Some(state) = files.read_state().map_err(failed)? else { return Ok(None) };
        let init = state.running().map_err(failed)?;
        Ok(init.map(|init| Sandbox::new(instance, files, state, init, self.program.clone())))
    }

    /// All that have files here, running or not.
    ///
    /// # Errors
    /// The directory or a state could not be read.
    pub fn list(&self) -> Result<Vec<Found>, GuestError> {
        let failed = |source| GuestError::Directory { attempted: "list", source };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            // Nothing else is put here by us; what others put here is not ours to judge.
            let Some(instance) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            found.push(Found { instance, running: self.adopt(instance)? });
        }
        found.sort_by_key(|found| found.instance);
        Ok(found)
    }

    /// Ends an instance's sandbox if it runs and removes all its files.
    ///
    /// # Errors
    /// Something could not be ended or removed; the rest was.
    pub fn remove(&self, instance: InstanceId) -> Result<(), GuestError> {
        let files = self.files(instance);
        let failed = |attempted| move |source| GuestError::Io { attempted, instance, source };
        let ended = match files.read_state().map_err(failed("read the state"))? {
            Some(state) => files.end(&state).map_err(failed("end the sandbox")),
            None => Ok(()),
        };
        ended.and(absent_is_fine(fs::remove_dir_all(&files.0)).map_err(failed("remove the files")))
    }

    /// Ends and removes all of them, also what a crash left, and the directory.
    ///
    /// # Errors
    /// The first that could not be removed; the others were.
    pub fn clean(&self) -> Result<(), GuestError> {
        let mut first_failure = None;
        for found in self.list()? {
            if let Err(error) = self.remove(found.instance) {
                first_failure.get_or_insert(error);
            }
        }
        if let Some(error) = first_failure {
            return Err(error);
        }
        absent_is_fine(fs::remove_dir_all(&self.directory))
            .map_err(|source| GuestError::Directory { attempted: "remove", source })
    }

    /// The newest bytes of an instance's console log, at most so many; it may have ended.
    ///
    /// # Errors
    /// The log could not be read.
    pub fn console(&self, instance: InstanceId, at_most: usize) -> Result<Vec<u8>, GuestError> {
        console::read_tail(&self.files(instance).console(), at_most).map_err(|source| GuestError::Io {
            attempted: "read the console log",
            instance,
            source,
        })
    }

    fn files(&self, instance: InstanceId) -> Files {
        Files(self.directory.join(instance.to_string()))
    }
}
