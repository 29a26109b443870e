//! Instances: the sandbox of kernel namespaces that runs them, or a machine of their own.
//!
//! [`Sandboxes`] starts, finds again and removes the sandboxes of one directory. Three processes make one:
//! a *keeper* on the host, which holds the console log and sees the end; a *builder*, which makes the guest's
//! file tree and is gone when the guest runs; and the guest's first process, a tiny init. All three are the
//! same program, run again as `havip guest-init` ([`guest_init`]), because a process with many threads cannot
//! safely do this after a fork.
//!
//! The sandbox is for labs and trusted work, not a boundary between tenants: the kernel is shared. Root inside
//! is root of a user namespace only, so it has no power over the host's devices, programs, disks or switches.

mod cgroup;
mod console;
mod error;
mod exec;
mod inside;
mod machine;
mod prepared;
mod process;
mod sandbox;
mod sandboxes;
mod spec;
mod state;

pub use cgroup::{Limit, Limits};
pub use error::GuestError;
pub use exec::{ExecError, Executed, Outcome};
pub use inside::guest_init;
pub use machine::{DiskFormat, Image, MachineInterface, MachineSpec};
pub use prepared::Prepared;
pub use sandbox::Sandbox;
pub use sandboxes::{Found, Program, Sandboxes};
pub use spec::Spec;
