//! Programs at devices: tcx links where the kernel has them, clsact filters otherwise.

use crate::{Switch, error::AttachError, layout::Plain, pins::Pins};
use libbpf_rs::{MapCore, MapFlags, TC_INGRESS, TcHookBuilder, libbpf_sys};
use std::{
    ffi::CString,
    fs, io,
    mem::zeroed,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

/// How programs are attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Attach {
    /// By tcx where the kernel has it (6.6), else by clsact.
    #[default]
    Auto,
    /// By a link in tcx.
    Tcx,
    /// By a filter of a clsact queueing discipline.
    Clsact,
}

impl Attach {
    /// What `HAVIP_ATTACH` says; [`Self::Auto`] if it says nothing known.
    pub fn from_environment() -> Self {
        match std::env::var("HAVIP_ATTACH").as_deref() {
            Ok("tcx") => Self::Tcx,
            Ok("clsact") => Self::Clsact,
            _ => Self::Auto,
        }
    }

    /// Decides [`Self::Auto`] by asking the kernel.
    pub(crate) fn decided(self) -> Self {
        match self {
            Self::Auto if kernel_has_tcx() => Self::Tcx,
            Self::Auto => Self::Clsact,
            named => named,
        }
    }
}

/// What a device is to the switch; the numbers are `enum attachment` of `bpf/maps.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Port = 1,
    Overlay = 2,
    Edge = 3,
    Dhcp = 4,
    Agent = 5,
}

impl Role {
    fn read(number: u32) -> Option<Self> {
        [Self::Port, Self::Overlay, Self::Edge, Self::Dhcp, Self::Agent]
            .into_iter()
            .find(|role| *role as u32 == number)
    }
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Port => "port_rx",
            Self::Overlay => "overlay_rx",
            Self::Edge => "edge_rx",
            Self::Dhcp => "dhcp_rx",
            Self::Agent => "agent_rx",
        }
    }
}

impl Switch {
    /// Puts the role's program at the device; replaces what this switch has there, without a gap.
    pub(crate) fn attach(&self, ifindex: u32, role: Role) -> Result<(), AttachError> {
        if self.is_behind() && self.attached_role(ifindex) == Some(role) && exists(ifindex) {
            return Ok(()); // its earlier program goes on until all take over
        }
        self.put_program(ifindex, role)
    }

    fn put_program(&self, ifindex: u32, role: Role) -> Result<(), AttachError> {
        let failed = |what| move |source| AttachError { what, ifindex, source };
        let number = (role as u32).to_ne_bytes();
        self.map("attachments")
            .update(&ifindex.to_ne_bytes(), &number, MapFlags::ANY)
            .map_err(|error| failed("remember the program")(io::Error::other(error)))?;
        self.with_program(role.program(), |program| match self.attach {
            Attach::Clsact => add_filter(program, ifindex),
            Attach::Tcx | Attach::Auto => link(program, ifindex, &self.pins.link(ifindex)),
        })
        .map_err(failed("attach the program"))
    }

    /// Takes the program off the device, which it sets down first, so that nothing falls through to the host.
    pub(crate) fn detach(&self, ifindex: u32) -> Result<(), AttachError> {
        let result = release(&self.pins, ifindex, self.attached_role(ifindex));
        // Absent is as good as removed.
        let _ = self.map("attachments").delete(&ifindex.to_ne_bytes());
        result
    }

    pub(crate) fn attached_role(&self, ifindex: u32) -> Option<Role> {
        let found = self.map("attachments").lookup(&ifindex.to_ne_bytes(), MapFlags::ANY).ok()??;
        Role::read(u32::read(&found)?)
    }

    /// Swaps the program at every device that an earlier life of this switch attached.
    pub(crate) fn swap_programs(&self) -> Result<(), AttachError> {
        for (ifindex, role) in attached(self.map("attachments")) {
            let put = if exists(ifindex) { self.put_program(ifindex, role) } else { Ok(()) };
            match put {
                // A guest's namespace that is being taken down shows its devices for a while, and takes nothing.
                Err(error) if is_gone(&error.source) || !exists(ifindex) => {}
                put => put?,
            }
            if !exists(ifindex) {
                let _ = fs::remove_file(self.pins.link(ifindex));
                let _ = self.map("attachments").delete(&ifindex.to_ne_bytes());
            }
        }
        Ok(())
    }
}

/// The devices that have a program, and which.
pub(crate) fn attached(attachments: &impl MapCore) -> Vec<(u32, Role)> {
    attachments
        .keys()
        .filter_map(|key| {
            let role = Role::read(u32::read(&attachments.lookup(&key, MapFlags::ANY).ok()??)?)?;
            Some((u32::read(&key)?, role))
        })
        .collect()
}

/// Sets a port's device down and takes our program off.
pub(crate) fn release(pins: &Pins, ifindex: u32, role: Option<Role>) -> Result<(), AttachError> {
    let failed = |what| move |source| AttachError { what, ifindex, source };
    if role == Some(Role::Port) {
        match set_down(ifindex) {
            Err(error) if is_gone(&error) => {}
            result => result.map_err(failed("set down"))?,
        }
    }
    match fs::remove_file(pins.link(ifindex)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("remove the link")(error));
        }
        _ => {}
    }
    match remove_filter(ifindex) {
        Err(error) if is_gone(&error) => Ok(()),
        result => result.map_err(failed("remove the filter")),
    }
}

fn kernel_has_tcx() -> bool {
    let mut count = 0;
    // SAFETY: the loopback's index, and a count that outlives the call.
    let result = unsafe {
        libbpf_sys::bpf_prog_query(
            1,
            libbpf_sys::BPF_TCX_INGRESS,
            0,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            &mut count,
        )
    };
    result == 0
}

/// Makes a pinned tcx link, or gives the pinned one the new program in one step.
fn link(program: BorrowedFd<'_>, ifindex: u32, pin: &Path) -> io::Result<()> {
    let path = CString::new(pin.as_os_str().as_bytes()).expect("a pin has no NUL in its name");
    // SAFETY: a path that ends with NUL.
    let found = unsafe { libbpf_sys::bpf_obj_get(path.as_ptr()) };
    if found >= 0 {
        // SAFETY: the kernel has just given us this descriptor.
        let found = unsafe { OwnedFd::from_raw_fd(found) };
        // SAFETY: two descriptors; no options.
        let updated =
            unsafe { libbpf_sys::bpf_link_update(found.as_raw_fd(), program.as_raw_fd(), std::ptr::null()) };
        if updated == 0 {
            return Ok(());
        }
        // The link outlived its device; an index is not a name.
        fs::remove_file(pin)?;
    }
    // SAFETY: options of the size that they say, all zero.
    let options = unsafe {
        let mut options: libbpf_sys::bpf_link_create_opts = zeroed();
        options.sz = size_of_val(&options) as _;
        options
    };
    let device = i32::try_from(ifindex).map_err(io::Error::other)?;
    // SAFETY: a program and options that outlive the call.
    let made = unsafe {
        libbpf_sys::bpf_link_create(program.as_raw_fd(), device, libbpf_sys::BPF_TCX_INGRESS, &options)
    };
    let made = checked(made)?;
    // SAFETY: the kernel has just given us this descriptor.
    let made = unsafe { OwnedFd::from_raw_fd(made) };
    // SAFETY: a link and a path that ends with NUL.
    checked(unsafe { libbpf_sys::bpf_obj_pin(made.as_raw_fd(), path.as_ptr()) })?;
    Ok(())
}

fn add_filter(program: BorrowedFd<'_>, ifindex: u32) -> io::Result<()> {
    let device = i32::try_from(ifindex).map_err(io::Error::other)?;
    let mut hook = TcHookBuilder::new(program)
        .ifindex(device)
        .replace(true)
        .handle(FILTER_HANDLE)
        .priority(FILTER_PRIORITY)
        .hook(TC_INGRESS);
    match hook.create() {
        Ok(_) => {}
        Err(error) if error.kind() == libbpf_rs::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io::Error::other(error)),
    }
    hook.attach().map(drop).map_err(io::Error::other)
}

/// Removes our filter, and the queueing discipline unless somebody else's filter is on it.
fn remove_filter(ifindex: u32) -> io::Result<()> {
    let device = i32::try_from(ifindex).map_err(io::Error::other)?;
    let mut hook = libbpf_sys::bpf_tc_hook {
        sz: size_of::<libbpf_sys::bpf_tc_hook>() as _,
        ifindex: device,
        attach_point: libbpf_sys::BPF_TC_INGRESS,
        ..Default::default()
    };
    let mut ours = libbpf_sys::bpf_tc_opts {
        sz: size_of::<libbpf_sys::bpf_tc_opts>() as _,
        handle: FILTER_HANDLE,
        priority: FILTER_PRIORITY,
        ..Default::default()
    };
    // SAFETY: a hook and options that outlive the calls.
    unsafe {
        if libbpf_sys::bpf_tc_query(&hook, &mut ours) != 0 {
            return Ok(());
        }
        (ours.prog_fd, ours.prog_id, ours.flags) = (0, 0, 0);
        checked(libbpf_sys::bpf_tc_detach(&hook, &ours))?;
        // Ours was the only one in all known uses; the discipline goes with it.
        hook.attach_point = libbpf_sys::BPF_TC_INGRESS | libbpf_sys::BPF_TC_EGRESS;
        checked(libbpf_sys::bpf_tc_hook_destroy(&mut hook))?;
    }
    Ok(())
}

fn checked(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result) }
}

/// The device went while we were at it.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENODEV | libc::ENXIO))
}

fn exists(ifindex: u32) -> bool {
    nix::net::if_::if_indextoname(ifindex).is_ok()
}

fn set_down(ifindex: u32) -> io::Result<()> {
    let name = nix::net::if_::if_indextoname(ifindex)?;
    let socket = nix::sys::socket::socket(
        nix::sys::socket::AddressFamily::Inet,
        nix::sys::socket::SockType::Datagram,
        nix::sys::socket::SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // SAFETY: a request whose name ends with NUL, as if_indextoname gave it.
    unsafe {
        let mut request: libc::ifreq = zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(name.as_bytes_with_nul()) {
            *to = *from as libc::c_char;
        }
        let up = libc::IFF_UP as libc::c_short;
        if libc::ioctl(socket.as_fd().as_raw_fd(), libc::SIOCGIFFLAGS, &mut request) < 0 {
            return Err(io::Error::last_os_error());
        }
        request.ifr_ifru.ifru_flags &= !up;
        if libc::ioctl(socket.as_fd().as_raw_fd(), libc::SIOCSIFFLAGS, &request) < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

const FILTER_HANDLE: u32 = 0x4856;
const FILTER_PRIORITY: u32 = 0x4856;
