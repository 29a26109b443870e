//! Network namespaces: making, opening, entering, removing.
//!
//! Only the network namespace of a thread is ever changed, never its mount namespace: BPF pins and files stay
//! the same for everybody.

use nix::{
    errno::Errno,
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, setns, unshare},
};
use std::{
    ffi::OsStr,
    fs, io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::{fs::MetadataExt, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

/// An open network namespace. It lives while this, a process, or its name holds it.
#[derive(Debug, Clone)]
pub struct Namespace {
    fd: Arc<OwnedFd>,
    label: String,
}

/// Something about a namespace failed.
#[derive(Debug, thiserror::Error)]
#[error("could not {attempted}")]
pub struct NamespaceError {
    attempted: String,
    #[source]
    source: io::Error,
}

impl Namespace {
    /// Makes a namespace with a name, as `ip netns add` does, and sets its loopback up.
    ///
    /// # Errors
    /// The name is taken ([`NamespaceError::is_exists`]), or a capability is missing.
    pub fn create(name: &str) -> Result<Self, NamespaceError> {
        let path = path_of(name)?;
        let failed = |source| NamespaceError::new(format!("make the namespace {name}"), source);
        prepare_directory().map_err(failed)?;
        fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
        let made = on_own_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            set_loopback_up()?;
            let itself = Path::new("/proc/thread-self/ns/net");
            mount(Some(itself), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(io::Error::from)
        });
        if let Err(error) = made {
            // Best effort: the first failure is the one to tell.
            let _ = fs::remove_file(&path);
            return Err(failed(error));
        }
        Self::open(name)
    }

    /// Makes a namespace without a name; it lives while it is open or a process is in it.
    ///
    /// # Errors
    /// A capability is missing.
    pub fn create_unnamed(label: &str) -> Result<Self, NamespaceError> {
        let failed = |source| NamespaceError::new(format!("make a namespace for {label}"), source);
        let file = on_own_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            set_loopback_up()?;
            fs::File::open("/proc/thread-self/ns/net")
        });
        Ok(Self { fd: Arc::new(file.map_err(failed)?.into()), label: label.to_owned() })
    }

    /// Opens the namespace of this name.
    ///
    /// # Errors
    /// It does not exist ([`NamespaceError::is_not_found`]).
    pub fn open(name: &str) -> Result<Self, NamespaceError> {
        Self::open_path(&path_of(name)?, name)
    }

    /// Opens the namespace that a process is in.
    ///
    /// # Errors
    /// The process has ended, or may not be looked at.
    pub fn of_process(pid: u32) -> Result<Self, NamespaceError> {
        Self::open_path(Path::new(&format!("/proc/{pid}/ns/net")), &format!("process {pid}"))
    }

    /// Opens the namespace that the calling thread is in.
    ///
    /// # Errors
    /// `/proc` is not mounted.
    pub fn current() -> Result<Self, NamespaceError> {
        Self::open_path(Path::new("/proc/thread-self/ns/net"), "the current one")
    }

    /// Removes a name. The namespace itself ends with its last process and open descriptor.
    ///
    /// A name that does not exist is removed already.
    ///
    /// # Errors
    /// A capability is missing.
    pub fn delete(name: &str) -> Result<(), NamespaceError> {
        let path = path_of(name)?;
        let failed = |source| NamespaceError::new(format!("remove the namespace {name}"), source);
        match umount2(&path, MntFlags::MNT_DETACH) {
            // EINVAL: a leftover file that nothing is mounted on.
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
            Err(errno) => return Err(failed(errno.into())),
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }
    }

    /// All names, sorted.
    ///
    /// # Errors
    /// The directory could not be read.
    pub fn names() -> Result<Vec<String>, NamespaceError> {
        let failed = |source| NamespaceError::new("list the namespaces", source);
        let entries = match fs::read_dir(DIRECTORY) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
            other => other.map_err(failed)?,
        };
        let mut names: Vec<String> =
            entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    /// Moves the calling thread, and only it, into this namespace.
    ///
    /// On a thread of a tokio runtime this would confuse other tasks: use [`Self::run`] there.
    ///
    /// # Errors
    /// A capability is missing.
    pub fn enter(&self) -> Result<(), NamespaceError> {
        setns(&self.fd, CloneFlags::CLONE_NEWNET)
            .map_err(|errno| NamespaceError::new(format!("enter {}", self.label), errno.into()))
    }

    /// Runs a closure in this namespace, on a thread of its own, and waits for it. A panic in it goes on here.
    ///
    /// # Errors
    /// The namespace could not be entered.
    pub fn run<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> Result<T, NamespaceError> {
        on_own_thread(|| self.enter().map(|()| inside()))
    }

    /// Lets a process that `command` starts run in this namespace.
    ///
    /// For tokio's, give `command.as_std_mut()`.
    pub fn spawn_in(&self, command: &mut Command) {
        let namespace = Arc::clone(&self.fd);
        // SAFETY: setns is one system call on an open descriptor; nothing is allocated between fork and exec.
        unsafe {
            command.pre_exec(move || Ok(setns(&namespace, CloneFlags::CLONE_NEWNET)?));
        }
    }

    /// A command that will run in this namespace.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        self.spawn_in(&mut command);
        command
    }

    /// Sets a switch under `/proc/sys/net` for this namespace, such as `ipv4/conf/all/rp_filter`.
    ///
    /// # Errors
    /// There is no such switch, or it refuses the value.
    pub fn set_sysctl(&self, name: &str, value: &str) -> Result<(), NamespaceError> {
        let failed =
            |source| NamespaceError::new(format!("set net/{name} to {value} in {}", self.label), source);
        self.run(|| fs::write(sysctl_path(name)?, value))?.map_err(failed)
    }

    /// Reads a switch under `/proc/sys/net` of this namespace.
    ///
    /// # Errors
    /// There is no such switch.
    pub fn sysctl(&self, name: &str) -> Result<String, NamespaceError> {
        let failed = |source| NamespaceError::new(format!("read net/{name} in {}", self.label), source);
        let value = self.run(|| fs::read_to_string(sysctl_path(name)?))?.map_err(failed)?;
        Ok(value.trim_end().to_owned())
    }

    /// The processes in this namespace, by number.
    ///
    /// # Errors
    /// `/proc` could not be read.
    pub fn processes(&self) -> Result<Vec<u32>, NamespaceError> {
        let failed = |source| NamespaceError::new(format!("list the processes of {}", self.label), source);
        let own = fs::metadata(format!("/proc/self/fd/{}", self.fd.as_raw_fd())).map_err(failed)?;
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").map_err(failed)?.filter_map(Result::ok) {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // A process may end while we look.
            if fs::metadata(entry.path().join("ns/net"))
                .is_ok_and(|its| (its.dev(), its.ino()) == (own.dev(), own.ino()))
            {
                found.push(pid);
            }
        }
        Ok(found)
    }

    fn open_path(path: &Path, label: &str) -> Result<Self, NamespaceError> {
        let failed = |source| NamespaceError::new(format!("open the namespace {label}"), source);
        let file = fs::File::open(path).map_err(failed)?;
        Ok(Self { fd: Arc::new(file.into()), label: label.to_owned() })
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl NamespaceError {
    fn new(attempted: impl Into<String>, source: io::Error) -> Self {
        Self { attempted: attempted.into(), source }
    }

    /// Whether the name is taken.
    pub fn is_exists(&self) -> bool {
        self.source.kind() == io::ErrorKind::AlreadyExists
    }

    /// Whether there is no such namespace, process or switch.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

fn path_of(name: &str) -> Result<PathBuf, NamespaceError> {
    let plain = !name.is_empty() && name.len() < 256 && !name.contains(['/', '\0']) && !name.starts_with('.');
    if plain {
        return Ok(Path::new(DIRECTORY).join(name));
    }
    let source = io::Error::new(io::ErrorKind::InvalidInput, "not a file name");
    Err(NamespaceError::new(format!("name a namespace {name:?}"), source))
}

/// Makes `/run/netns` a shared mount of its own, as `ip netns` does: a removed name then goes away in every
/// mount namespace.
fn prepare_directory() -> io::Result<()> {
    fs::create_dir_all(DIRECTORY)?;
    let none = None::<&str>;
    let lock = fs::File::open(DIRECTORY)?;
    lock.lock()?;
    match mount(none, DIRECTORY, none, MsFlags::MS_SHARED | MsFlags::MS_REC, none) {
        Err(Errno::EINVAL) => {
            mount(Some(DIRECTORY), DIRECTORY, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)?;
            Ok(mount(none, DIRECTORY, none, MsFlags::MS_SHARED | MsFlags::MS_REC, none)?)
        }
        other => Ok(other?),
    }
}

fn sysctl_path(name: &str) -> io::Result<PathBuf> {
    if name.split('/').any(|part| part.is_empty() || part == "..") {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a switch"));
    }
    Ok(Path::new("/proc/sys/net").join(name))
}

fn set_loopback_up() -> io::Result<()> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    let control = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: all-zero bytes are a valid ifreq, a plain C struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l'.cast_signed();
    request.ifr_name[1] = b'o'.cast_signed();
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the request lives through the call and has the kernel's layout.
    if unsafe { libc::ioctl(control.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

const DIRECTORY: &str = "/run/netns";
