//! The guest's file tree: the host's, with the guest's own changes over it and the host's secrets left out.

use super::{Attempt, Trouble};
use crate::{Spec, state::Files, state::write_whole};
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
    let list = serde_json::to_vec(&hidden).attempting("encode what is hidden")?;
    write_whole(&files.hidden(), &list).attempting("note what is hidden")?;
    fs::rename(&fresh, files.upper()).attempting("make the upper layer")?;
    Ok(hidden)
}

/// Mounts the tree and makes it this process's root; nothing of the host's mounts is left in this namespace.
pub(super) fn mount_and_enter(files: &Files) -> Result<(), Trouble> {
    let none = None::<&str>;
    let host = leave_chroot()?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .attempting("leave the host's mounts")?;
    let [upper, work, root] = [files.upper(), files.work(), files.root()].map(|path| in_layer(&host, &path));
    let layers =
        format!("lowerdir={},upperdir={},workdir={}", host.display(), upper.display(), work.display());
    // No devices: a node of a disk in some directory of the host must not work here.
    mount(Some("overlay"), &root, Some("overlay"), MsFlags::MS_NODEV, Some(layers.as_str()))
        .attempting("mount the overlay")?;
    chdir(&root).attempting("enter the guest's tree")?;
    pivot_root(".", ".").attempting("make the guest's tree the root")?;
    umount2(".", MntFlags::MNT_DETACH).attempting("leave the host's tree")?;
    chdir("/").attempting("enter the guest's tree")
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

/// Hides what was not yet to be hidden at the first start, by a mount over it.
pub(super) fn hide_the_rest(files: &Files, spec: &Spec, already: &BTreeSet<PathBuf>) -> Result<(), Trouble> {
    for path in hidden(files, spec).difference(already) {
        super::mounts::cover(path)?;
    }
    Ok(())
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
fn hide(layer: &Path, path: &Path) -> Result<(), Trouble> {
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
fn put(layer: &Path, path: &str, text: &str) -> Result<(), Trouble> {
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
fn make_parents(layer: &Path, path: &Path) -> Result<bool, Trouble> {
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

fn in_layer(layer: &Path, path: &Path) -> PathBuf {
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

#[cfg(test)]
mod tests {
    use super::*;

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
