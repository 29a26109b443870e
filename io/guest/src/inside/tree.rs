//! The guest's file tree: the host's, with the guest's own changes over it and the host's secrets left out.

use super::{Attempt, Trouble, systemd};
use crate::{Spec, state::Files, state::write_whole};
use havip_model::InitSystem;
use nix::{
    errno::Errno,
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, setns},
    sys::stat::{Mode, SFlag, mknod},
    unistd::{chdir, fchdir, getcwd, pivot_root},
};
use std::{
    collections::BTreeSet,
    ffi::CString,
    fs,
    io::Read,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, chown},
    },
    path::{Path, PathBuf},
};

/// Makes the layer of the guest's own changes at its first start, and says what it hides.
///
/// Later starts leave it alone: by then the guest may have put symbolic links into it that lead anywhere.
pub(super) fn prepare_upper(files: &Files, spec: &Spec) -> Result<BTreeSet<PathBuf>, Trouble> {
    for directory in [files.work(), files.root()] {
        fs::create_dir_all(&directory).attempting(format_args!("make {}", directory.display()))?;
    }
    if files.upper().exists() {
        let text = fs::read(files.hidden()).attempting("read what is hidden")?;
        return serde_json::from_slice(&text).attempting("read what is hidden");
    }
    let fresh = files.0.join("upper.new");
    match fs::remove_dir_all(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).attempting("start afresh")?
        }
        _ => {}
    }
    fs::create_dir(&fresh).attempting("make the upper layer")?;
    copy_owner(Path::new("/"), &fresh)?;

    let hidden = hidden(files, spec);
    for path in &hidden {
        hide(&fresh, path)?;
    }
    put(&fresh, "/etc/hostname", &format!("{}\n", spec.host_name))?;
    let names = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n";
    put(&fresh, "/etc/hosts", &format!("{names}127.0.1.1 {}\n", spec.host_name))?;
    put(&fresh, "/etc/machine-id", &format!("{}\n", random_hex()?))?;
    for table in ["/etc/shadow", "/etc/gshadow"] {
        if let Ok(text) = fs::read_to_string(table) {
            put(&fresh, table, &without_passwords(&text))?;
        }
    }
    if spec.init == InitSystem::Systemd {
        systemd::prepare_layer(&fresh)?;
    }
    let list = serde_json::to_vec(&hidden).attempting("encode what is hidden")?;
    write_whole(&files.hidden(), &list).attempting("note what is hidden")?;
    fs::rename(&fresh, files.upper()).attempting("make the upper layer")?;
    Ok(hidden)
}

/// Mounts the tree and makes it this process's root; nothing of the host's mounts is left in this namespace.
pub(super) fn mount_and_enter(files: &Files, others: &[PathBuf]) -> Result<(), Trouble> {
    let none = None::<&str>;
    let host = leave_chroot()?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .attempting("leave the host's mounts")?;
    let [upper, work, root] = [files.upper(), files.work(), files.root()].map(|path| in_layer(&host, &path));
    overlay(&host, &upper, &work, &root)?;
    for path in others {
        let [upper, work] = files.layers_of(path).map(|path| in_layer(&host, &path));
        overlay(&in_layer(&host, path), &upper, &work, &in_layer(&root, path))?;
    }
    chdir(&root).attempting("enter the guest's tree")?;
    pivot_root(".", ".").attempting("make the guest's tree the root")?;
    umount2(".", MntFlags::MNT_DETACH).attempting("leave the host's tree")?;
    chdir("/").attempting("enter the guest's tree")
}

/// An overlay leaves out what is mounted below its lower layer: each of these file systems gets one of its own.
pub(super) fn prepare_others(files: &Files, spec: &Spec) -> Result<Vec<PathBuf>, Trouble> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").attempting("read the mounts")?;
    let hidden = hidden(files, spec);
    let is_hidden = |path: &PathBuf| hidden.iter().any(|above| path.starts_with(above));
    let mut others = other_file_systems(&mounts);
    others.retain(|path| path.is_dir() && !is_hidden(path));
    for path in &others {
        let [upper, work] = files.layers_of(path);
        fs::create_dir_all(&work).attempting(format_args!("make {}", work.display()))?;
        if !upper.exists() {
            fs::create_dir(&upper).attempting(format_args!("make {}", upper.display()))?;
            copy_owner(path, &upper)?;
        }
    }
    Ok(others)
}

fn overlay(lower: &Path, upper: &Path, work: &Path, target: &Path) -> Result<(), Trouble> {
    let layers =
        format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    // No devices: a node of a disk in some directory of the host must not work here.
    mount(Some("overlay"), target, Some("overlay"), MsFlags::MS_NODEV, Some(layers.as_str()))
        .attempting(format_args!("mount the overlay over {}", lower.display()))
}

/// Where file systems of files are mounted near the root, such as `/usr` or `/var/log`, outer before inner.
///
/// Deeper ones, of which container engines make hundreds, are no part of the system.
fn other_file_systems(mounts: &str) -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    for line in mounts.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let (Some(path), Some(kind)) = (left.split(' ').nth(4), right.split(' ').next()) else { continue };
        // A backslash begins an escaped blank; neither it nor the others can be in an overlay's options.
        let is_plain = path != "/" && !path.contains([',', ':', '\\']);
        let is_own = OWN_MOUNTS.iter().any(|own| Path::new(path).starts_with(own));
        let is_near = Path::new(path).components().count() <= 3;
        if is_plain && is_near && !is_own && FILE_SYSTEMS.contains(&kind) {
            found.insert(PathBuf::from(path));
        }
    }
    found.into_iter().collect()
}

/// Makes the root of all mounts this process's root, and gives the path of what was its root: `/`, but where the
/// agent runs in a chroot. From a chroot neither the root can be changed for good nor a user namespace be made.
fn leave_chroot() -> Result<PathBuf, Trouble> {
    let step = "leave the chroot";
    let mounts = fs::File::open("/proc/thread-self/ns/mnt").attempting(step)?;
    let host = fs::File::open("/").attempting(step)?;
    // Entering a mount namespace leads to its root, also when it is one's own.
    setns(mounts, CloneFlags::CLONE_NEWNS).attempting(step)?;
    fchdir(host).attempting(step)?;
    let path = getcwd().attempting(step)?;
    if path.to_str().is_none_or(|path| path.contains([',', ':', '\\'])) {
        return Err(Trouble(format!("the root {} has a comma, colon or backslash", path.display())));
    }
    Ok(path)
}

/// What the layer made at the first start does not hide: what was not to be hidden then, and what is on a file
/// system of its own. To be found before the host's tree is left, and covered after.
pub(super) fn not_hidden_yet(
    files: &Files,
    spec: &Spec,
    already: &BTreeSet<PathBuf>,
    others: &[PathBuf],
) -> Vec<PathBuf> {
    let is_elsewhere = |path: &PathBuf| others.iter().any(|above| path.starts_with(above));
    let mut hidden = hidden(files, spec);
    hidden.retain(|path| !already.contains(path) || is_elsewhere(path));
    hidden.into_iter().collect()
}

/// What no guest may see, as absolute paths without symbolic links; what does not exist needs no hiding.
fn hidden(files: &Files, spec: &Spec) -> BTreeSet<PathBuf> {
    let mut paths: Vec<PathBuf> = ALWAYS_HIDDEN.iter().map(PathBuf::from).collect();
    paths.extend(spec.hidden.iter().cloned());
    paths.extend(files.0.parent().map(Path::to_owned));
    if let Ok(keys) = fs::read_dir("/etc/ssh") {
        let private = |path: &PathBuf| path.extension().is_none() && path.to_string_lossy().ends_with("_key");
        paths.extend(keys.filter_map(Result::ok).map(|entry| entry.path()).filter(private));
    }
    paths.iter().filter_map(|path| path.canonicalize().ok()).filter(|path| path != Path::new("/")).collect()
}

/// Hides a path of the host in a layer over it: a directory is empty there, anything else does not exist.
pub(super) fn hide(layer: &Path, path: &Path) -> Result<(), Trouble> {
    let step = || format!("hide {}", path.display());
    let metadata = fs::symlink_metadata(path).attempting(step())?;
    if !make_parents(layer, path)? {
        // A directory above is hidden as a whole.
        return Ok(());
    }
    let over = in_layer(layer, path);
    if metadata.is_dir() {
        match fs::create_dir(&over) {
            // Made as the parent of another hidden path.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                fs::remove_dir_all(&over).and_then(|()| fs::create_dir(&over)).attempting(step())?;
            }
            made => made.attempting(step())?,
        }
        copy_owner(path, &over)?;
        let target = CString::new(over.as_os_str().as_bytes()).expect("a path has no zero byte");
        // SAFETY: all pointers lead to strings that live through the call; one byte of value.
        let answer = unsafe { libc::setxattr(target.as_ptr(), OPAQUE.as_ptr(), c"y".as_ptr().cast(), 1, 0) };
        Errno::result(answer).attempting(step())?;
        return Ok(());
    }
    // The overlay's sign for "removed".
    mknod(&over, SFlag::S_IFCHR, Mode::empty(), 0).attempting(step())
}

/// Writes a file into a layer, with the mode and owner of the host's file if there is one.
pub(super) fn put(layer: &Path, path: &str, text: &str) -> Result<(), Trouble> {
    let path = Path::new(path);
    // Where the host has a link, the guest has a file.
    make_parents(layer, path)?;
    let over = in_layer(layer, path);
    fs::write(&over, text).attempting(format_args!("write {}", path.display()))?;
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        copy_owner(path, &over)
    } else {
        Ok(())
    }
}

/// Makes the directories above a path, as the host has them. Says no if one of them is hidden.
pub(super) fn make_parents(layer: &Path, path: &Path) -> Result<bool, Trouble> {
    let mut parents: Vec<&Path> =
        path.ancestors().skip(1).filter(|parent| *parent != Path::new("/")).collect();
    parents.reverse();
    for parent in parents {
        let over = in_layer(layer, parent);
        if is_opaque(&over) {
            return Ok(false);
        }
        if !over.exists() {
            fs::create_dir(&over).attempting(format_args!("make {}", parent.display()))?;
            copy_owner(parent, &over)?;
        }
    }
    Ok(true)
}

fn is_opaque(directory: &Path) -> bool {
    let path = CString::new(directory.as_os_str().as_bytes()).expect("a path has no zero byte");
    let mut value = [0_u8; 1];
    // SAFETY: all pointers lead to strings or a buffer of the length given, which live through the call.
    unsafe { libc::getxattr(path.as_ptr(), OPAQUE.as_ptr(), value.as_mut_ptr().cast(), 1) == 1 }
}

pub(super) fn in_layer(layer: &Path, path: &Path) -> PathBuf {
    layer.join(path.strip_prefix("/").unwrap_or(path))
}

fn copy_owner(from: &Path, to: &Path) -> Result<(), Trouble> {
    let step = || format!("take the owner of {}", from.display());
    let metadata = fs::metadata(from).attempting(step())?;
    chown(to, Some(metadata.uid()), Some(metadata.gid())).attempting(step())?;
    fs::set_permissions(to, fs::Permissions::from_mode(metadata.mode() & 0o7777)).attempting(step())
}

/// Accounts stay, so that packages can add theirs; nobody has a password.
fn without_passwords(table: &str) -> String {
    let line = |line: &str| {
        let mut fields: Vec<&str> = line.split(':').collect();
        if let Some(password) = fields.get_mut(1) {
            *password = "*";
        }
        fields.join(":") + "\n"
    };
    table.lines().map(line).collect()
}

fn random_hex() -> Result<String, Trouble> {
    let mut bytes = [0; 16];
    let source = fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    source.attempting("read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

const OPAQUE: &std::ffi::CStr = c"trusted.overlay.opaque";
const ALWAYS_HIDDEN: [&str; 10] = [
    "/boot",
    "/etc/gshadow-",
    "/etc/shadow-",
    "/etc/ssl/private",
    "/home",
    "/media",
    "/mnt",
    "/root",
    "/var/backups",
    "/var/lib/havip",
];

/// What the guest has of its own.
const OWN_MOUNTS: [&str; 5] = ["/dev", "/proc", "/run", "/sys", "/tmp"];
const FILE_SYSTEMS: [&str; 13] = [
    "bcachefs", "btrfs", "erofs", "ext2", "ext3", "ext4", "f2fs", "nfs", "nfs4", "overlay", "squashfs",
    "xfs", "zfs",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_below_the_root_are_found_and_those_of_the_kernel_are_not() {
        let mounts = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
            2 1 8:2 / /var/lib rw shared:1 - xfs /dev/sda2 rw\n\
            3 1 8:3 / /var rw - ext4 /dev/sda3 rw\n\
            4 1 0:5 / /proc rw - proc proc rw\n\
            5 1 0:6 / /run/data rw - ext4 /dev/sda4 rw\n\
            6 1 0:7 / /with\\040blank rw - ext4 /dev/sda5 rw\n\
            8 1 0:9 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw\n\
            7 1 0:8 / /srv/memory rw - tmpfs tmpfs rw\n";
        assert_eq!(other_file_systems(mounts), [Path::new("/var"), Path::new("/var/lib")]);
    }

    #[test]
    fn accounts_keep_everything_but_their_passwords() {
        assert_eq!(
            without_passwords("root:$y$j9T$x:19000:0:99999:7:::\nwww-data:*:19000::::::\n"),
            "root:*:19000:0:99999:7:::\nwww-data:*:19000::::::\n"
        );
    }

    #[test]
    fn a_hidden_directory_swallows_what_is_hidden_below_it_in_any_order() {
        let host = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let (outer, inner) = (host.path().join("outer"), host.path().join("outer/a/inner"));
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("secret"), "x").unwrap();
        for order in [[&outer, &inner], [&inner, &outer]] {
            let layer = tempfile::tempdir().unwrap();
            for path in order {
                hide(layer.path(), path).unwrap();
            }
            let over = in_layer(layer.path(), &outer);
            assert!(is_opaque(&over), "{order:?}");
            assert_eq!(fs::read_dir(&over).unwrap().count(), 0, "{order:?}");
        }
    }
}
