//! The files of a machine: copies of what it boots, its layer of the disk, its seed; all its user's.

use super::MachineSpec;
use crate::state::{Files, write_whole};
use nix::unistd::{Gid, Uid, chown};
use std::{
    fmt::Write,
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
    process::{Command, Stdio},
};

/// Makes them anew, but for the layer of the disk, which is kept from start to start.
///
/// # Errors
/// As text: which file, and what to do.
pub(super) fn make(files: &Files, spec: &MachineSpec) -> Result<(), String> {
    let failed = |what: String| move |error: io::Error| format!("could not {what}: {error}");
    let folder = &files.0;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed(format!("make {}", folder.display())))?;
    let text =
        serde_json::to_vec_pretty(spec).map_err(|error| format!("could not encode the machine: {error}"))?;
    write_whole(&files.machine(), &text).map_err(failed("write the machine's file".into()))?;
    for (from, name) in [(&spec.image.kernel, "kernel"), (&spec.image.initramfs, "initramfs")] {
        let to = folder.join(name);
        crate::state::absent_is_fine(fs::remove_file(&to))
            .map_err(failed(format!("remove the old {name}")))?;
        if let Some(from) = from {
            fs::copy(from, &to).map_err(failed(format!("copy the {name} {}", from.display())))?;
            give(&to, spec.user, 0o400).map_err(failed(format!("hand over the {name}")))?;
        }
    }
    if spec.image.disk.is_some() {
        layer(&folder.join("disk.qcow2"), spec)?;
    }
    seed(&folder.join("seed"), spec).map_err(failed("write the seed".into()))?;
    give(folder, spec.user, 0o700).map_err(failed("hand over the directory".into()))
}

/// The disk as the machine has changed it. Its base is given by descriptor, so nothing is written down of that.
fn layer(path: &Path, spec: &MachineSpec) -> Result<(), String> {
    if path.exists() {
        return Ok(());
    }
    let disk = spec.image.disk.as_ref().expect("called for a disk only");
    let told = |what: &str| format!("could not make a layer above {}: {what}", disk.display());
    let size = virtual_size(disk, spec).map_err(|why| told(&why))?;
    let output = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2"])
        .arg(path)
        .arg(size.to_string())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            told(&format!("qemu-img does not run ({error}); install Debian's package qemu-utils"))
        })?;
    if !output.status.success() {
        return Err(told(String::from_utf8_lossy(&output.stderr).trim()));
    }
    give(path, spec.user, 0o600).map_err(|error| told(&error.to_string()))
}

/// In bytes, as the guest sees it.
fn virtual_size(disk: &Path, spec: &MachineSpec) -> Result<u64, String> {
    let mut file = fs::File::open(disk).map_err(|error| error.to_string())?;
    if spec.image.format == super::DiskFormat::Raw {
        return file.metadata().map(|found| found.len()).map_err(|error| error.to_string());
    }
    // Magic and size of the header: docs/interop/qcow2.txt of QEMU.
    let mut header = [0; 32];
    io::Read::read_exact(&mut file, &mut header).map_err(|error| error.to_string())?;
    match header.split_at(24) {
        ([b'Q', b'F', b'I', 0xfb, ..], size) => {
            Ok(u64::from_be_bytes(size.try_into().expect("32 bytes less 24 are 8")))
        }
        _ => Err("it is no qcow2; say format = \"raw\"".into()),
    }
}

/// What cloud-init's NoCloud reads from a disk with the label CIDATA.
fn seed(folder: &Path, spec: &MachineSpec) -> io::Result<()> {
    crate::state::absent_is_fine(fs::remove_dir_all(folder))?;
    fs::create_dir(folder)?;
    let meta = format!("instance-id: {}\nlocal-hostname: {}\n", spec.instance, spec.host_name);
    let texts =
        [("meta-data", meta), ("user-data", spec.user_data.clone()), ("network-config", network(spec))];
    for (name, text) in texts {
        let path = folder.join(name);
        fs::write(&path, text)?;
        give(&path, spec.user, 0o400)?;
    }
    give(folder, spec.user, 0o700)
}

/// Version 2 of cloud-init's network configuration; JSON would be read as well, this is what people know.
fn network(spec: &MachineSpec) -> String {
    let mut text = "version: 2\nethernets:\n".to_owned();
    for (position, interface) in spec.interfaces.iter().enumerate() {
        let quoted =
            |list: Vec<String>| list.iter().map(|one| format!("\"{one}\"")).collect::<Vec<_>>().join(", ");
        let addresses = quoted(interface.addresses.iter().map(ToString::to_string).collect());
        let _into_memory = writeln!(
            text,
            "  eth{position}:\n    match: {{macaddress: \"{}\"}}\n    set-name: eth{position}\n    mtu: {}\n    \
             accept-ra: false\n    addresses: [{addresses}]",
            interface.mac, interface.mtu
        );
        // The default route is the first interface's, as in a cloud image.
        if position == 0 && !interface.gateways.is_empty() {
            let routes = interface.gateways.iter().map(|gateway| {
                let all = if gateway.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
                format!("{{to: \"{all}\", via: \"{gateway}\"}}")
            });
            let _into_memory = writeln!(text, "    routes: [{}]", routes.collect::<Vec<_>>().join(", "));
        }
    }
    text
}

fn give(path: &Path, user: u32, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(chown(path, Some(Uid::from_raw(user)), Some(Gid::from_raw(user)))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Image, MachineInterface};
    use havip_model::{Body, InstanceId, MacAddr};

    #[test]
    fn the_network_is_what_the_switch_allows() {
        let spec = MachineSpec {
            instance: InstanceId::new(Body::from_entropy([1; 16])),
            host_name: "web-1".into(),
            user_data: String::new(),
            cpu_millis: 1000,
            memory_mib: 256,
            image: Image::default(),
            interfaces: vec![MachineInterface {
                mac: MacAddr([2, 0, 0, 0, 0, 1]),
                mtu: 1450,
                addresses: vec!["10.0.0.11/24".parse().unwrap(), "fd00:20::11/64".parse().unwrap()],
                gateways: vec!["10.0.0.1".parse().unwrap(), "fd00:20::1".parse().unwrap()],
            }],
            user: 1,
            is_awaited: false,
        };
        assert_eq!(
            network(&spec),
            "version: 2\nethernets:\n  eth0:\n    match: {macaddress: \"02:00:00:00:00:01\"}\n    set-name: eth0\n    \
             mtu: 1450\n    accept-ra: false\n    addresses: [\"10.0.0.11/24\", \"fd00:20::11/64\"]\n    \
             routes: [{to: \"0.0.0.0/0\", via: \"10.0.0.1\"}, {to: \"::/0\", via: \"fd00:20::1\"}]\n"
        );
    }
}
