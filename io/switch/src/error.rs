//! What can go wrong with a switch.

use havip_reconcile::table::EntryKey;
use std::{io, path::PathBuf};

/// The switch could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A pin name is a directory's name.
    #[error("{0:?} cannot name a switch: use 1 to 32 of a-z, 0-9 and -")]
    Name(String),
    /// Nobody made it since the machine was booted.
    #[error(
        "this machine has no switch {0}: no agent of this name has run here since the machine was booted"
    )]
    Absent(String),
    /// bpffs is not there and cannot be mounted.
    #[error("could not mount bpffs at {path}")]
    Mount {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The kernel refused the programs.
    #[error(
        "could not load the switch's programs; is the kernel at least 5.15, and has this process CAP_BPF and CAP_NET_ADMIN?"
    )]
    Load(#[source] libbpf_rs::Error),
    /// A pinned map cannot be used or removed.
    #[error("could not use the pin {path}")]
    Pin {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A switch of this name belongs to another network namespace, whose devices have other numbers.
    #[error(
        "the switch {0} belongs to another network namespace; take another name, or remove what is left of it with `havip host detach --name {0}`"
    )]
    OtherNetwork(String),
    /// The kernel does not say which network namespace this is.
    #[error("could not find out which network namespace this is")]
    Network(#[source] io::Error),
    /// A program of the object is missing.
    #[error("the switch has no program {0}")]
    NoProgram(&'static str),
    /// A device keeps its old program.
    #[error("could not replace a running program")]
    Replace(#[from] AttachError),
    /// A map cannot be read or written.
    #[error(transparent)]
    Map(#[from] MapError),
}

/// A program could not be attached or detached.
#[derive(Debug, thiserror::Error)]
#[error("could not {what} at device {ifindex}")]
pub struct AttachError {
    /// What was attempted.
    pub what: &'static str,
    /// The device.
    pub ifindex: u32,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// A map could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// It takes no more entries.
    #[error("the map {map} is full: it takes {capacity} entries")]
    Full {
        /// Which.
        map: &'static str,
        /// Its size.
        capacity: u32,
    },
    /// Another refusal.
    #[error("the kernel refused to {what} the map {map}")]
    Kernel {
        /// What was attempted.
        what: &'static str,
        /// Which.
        map: &'static str,
        /// Why.
        #[source]
        source: libbpf_rs::Error,
    },
    /// Bytes that this version does not write.
    #[error("the map {map} holds an entry that no version of this program wrote")]
    Foreign {
        /// Which.
        map: &'static str,
    },
}

/// An entry could not be written or removed; nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The value is of another kind than the key.
    #[error("{0:?} cannot stand over an entry of another kind")]
    Kind(EntryKey),
    /// A list is longer than the map's.
    #[error("{key:?} has {len} members; the switch takes {limit}")]
    TooLong {
        /// The entry.
        key: EntryKey,
        /// Its members.
        len: usize,
        /// The most.
        limit: usize,
    },
    /// A map refused.
    #[error("could not write {key:?}")]
    Map {
        /// The entry.
        key: EntryKey,
        /// Which map, and why.
        #[source]
        source: MapError,
    },
}

/// An order could not be handed to the switch.
#[derive(Debug, thiserror::Error)]
#[error("could not run the order program")]
pub struct OrderError(#[source] pub libbpf_rs::Error);
