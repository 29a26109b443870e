//! What a guest's processes may not do, set for good before the first of them runs.

use super::{Attempt, Trouble};
use nix::{
    errno::Errno,
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask},
    },
};

/// Takes away all power that no guest needs. It ends at the next `execve`, which root comes out of with what is
/// left.
///
/// There is no `no_new_privs`: sudo and setuid programs work as on a machine, since nothing inside can give more
/// than what is left here.
pub(super) fn drop_power() -> Result<(), Trouble> {
    for capability in 0..64 {
        if KEPT_CAPABILITIES.contains(&capability) {
            continue;
        }
        // SAFETY: a system call without pointers.
        match Errno::result(unsafe {
            libc::prctl(libc::PR_CAPBSET_DROP, capability as libc::c_ulong, 0, 0, 0)
        }) {
            Ok(_) => {}
            // Beyond the last that this kernel knows.
            Err(Errno::EINVAL) => break,
            Err(errno) => return Err(errno).attempting("drop a capability"),
        }
    }
    let mut program = filter();
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program and what it points to live through the call, which copies it.
    let answer = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    Errno::result(answer).attempting("set the system call filter").map(drop)
}

/// Raises what servers need, on the host's authority, as long as we have it.
///
/// An agent without CAP_SYS_RESOURCE hands on what it has itself.
pub(super) fn set_limits() -> Result<(), Trouble> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).attempting("limit core files")?;
    raise(Resource::RLIMIT_NOFILE, 65_536).attempting("limit open files")?;
    // Failover daemons lock themselves into memory.
    raise(Resource::RLIMIT_MEMLOCK, 256 << 20).attempting("limit locked memory")
}

fn raise(resource: Resource, wanted: u64) -> Result<(), Errno> {
    let (_, most) = getrlimit(resource)?;
    match setrlimit(resource, wanted, most.max(wanted)) {
        Err(Errno::EPERM) => setrlimit(resource, wanted.min(most), most),
        done => done,
    }
}

/// The environment of the guest's first process and of commands run in it.
pub(super) fn environment() -> [(&'static str, &'static str); 7] {
    [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/root"),
        ("USER", "root"),
        ("LOGNAME", "root"),
        ("SHELL", "/bin/sh"),
        ("LANG", "C.UTF-8"),
        ("container", "havip"),
    ]
}

/// For a process that nobody but its own guest's end should end.
pub(super) fn ignore_signals() {
    for one in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM, Signal::SIGPIPE] {
        // SAFETY: no handler is installed.
        let _cannot_fail = unsafe { signal(one, SigHandler::SigIgn) };
    }
}

/// What was ignored or blocked would stay so through `execve`.
pub(super) fn restore_signals() {
    for one in Signal::iterator() {
        // SAFETY: no handler is installed. SIGKILL and SIGSTOP refuse, which is fine.
        let _refused = unsafe { signal(one, SigHandler::SigDfl) };
    }
    let _cannot_fail = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
}

/// Closes what was inherited by accident.
pub(super) fn close_from(first: i32) {
    // SAFETY: nothing in this process owns a descriptor from `first` on, as its callers see to.
    unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) };
}

/// Lets descriptors end at the next `execve`.
pub(super) fn close_on_exec_from(first: i32) {
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: nothing is closed now.
    unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, CLOSE_RANGE_CLOEXEC) };
}

/// Lets one descriptor live through the next `execve`.
pub(super) fn keep_at_exec(descriptor: i32) -> Result<(), Errno> {
    // SAFETY: a system call without pointers.
    Errno::result(unsafe { libc::fcntl(descriptor, libc::F_SETFD, 0) }).map(drop)
}

/// Refuses system calls that reach beyond the guest or that open the kernel's least guarded doors, among them
/// new user namespaces, in which a process would have every capability again.
fn filter() -> Vec<libc::sock_filter> {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let jump = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let answer = |errno: i32| statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | errno as u32);
    let allow = statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW);

    let mut program = vec![
        statement(load, OFFSET_OF_ARCHITECTURE),
        jump(equal, ARCHITECTURE, 1, 0),
        answer(libc::ENOSYS),
        statement(load, OFFSET_OF_NUMBER),
        // On x86-64 the numbers of another calling convention, which the list below does not name.
        jump(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0x4000_0000, 0, 1),
        answer(libc::ENOSYS),
        // Its flags are behind a pointer; the C library falls back to clone.
        jump(equal, libc::SYS_clone3 as u32, 0, 1),
        answer(libc::ENOSYS),
    ];
    for number in REFUSED {
        program.extend([jump(equal, number as u32, 0, 1), answer(libc::EPERM)]);
    }
    for number in [libc::SYS_clone, libc::SYS_unshare] {
        program.extend([
            jump(equal, number as u32, 0, 4),
            statement(load, OFFSET_OF_FIRST_ARGUMENT),
            jump(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, libc::CLONE_NEWUSER as u32, 0, 1),
            answer(libc::EPERM),
            allow,
        ]);
    }
    program.push(allow);
    program
}

const OFFSET_OF_NUMBER: u32 = 0;
const OFFSET_OF_ARCHITECTURE: u32 = 4;
/// The lower half, on little-endian machines.
const OFFSET_OF_FIRST_ARGUMENT: u32 = 16;
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

const REFUSED: [libc::c_long; 16] = [
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_perf_event_open,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_syslog,
    libc::SYS_userfaultfd,
];

/// The numbers of `linux/capability.h`: what servers and failover daemons need of their own network, files and
/// users. Above all not DAC_READ_SEARCH, SYS_ADMIN, SYS_MODULE, SYS_RAWIO, SYS_PTRACE, SYS_BOOT, SYS_TIME,
/// MKNOD, SYSLOG, PERFMON, BPF.
const KEPT_CAPABILITIES: [i32; 14] = [
    0,  // CHOWN
    1,  // DAC_OVERRIDE
    3,  // FOWNER
    4,  // FSETID
    5,  // KILL
    6,  // SETGID
    7,  // SETUID
    8,  // SETPCAP
    10, // NET_BIND_SERVICE
    11, // NET_BROADCAST
    12, // NET_ADMIN
    13, // NET_RAW
    18, // SYS_CHROOT
    31, // SETFCAP
];
