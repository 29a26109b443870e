//! What QEMU is told.

use super::{DiskFormat, MachineSpec, migration::INCOMING};
use std::os::fd::RawFd;

/// What the keeper hands over, by number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Descriptors {
    /// A tap for each interface.
    pub taps: Vec<RawFd>,
    /// The socket on which QEMU takes orders, bound already.
    pub orders: RawFd,
    /// The image's disk, which nobody writes to.
    pub disk: Option<RawFd>,
}

/// The arguments for a machine whose files are in the working directory.
///
/// There is nothing in it that nobody asked for: no screen, no USB, no CD. What QEMU itself may do is cut down by
/// its own filter of system calls; it is an ordinary user of the host in any case.
pub(crate) fn arguments(spec: &MachineSpec, descriptors: &Descriptors, with_kvm: bool) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut say = |words: &[&str]| all.extend(words.iter().map(|word| (*word).to_owned()));
    say(&["-name", &spec.host_name, "-nodefaults", "-no-user-config", "-display", "none"]);
    say(&["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"]);
    match with_kvm {
        true => say(&["-machine", "q35", "-accel", "kvm", "-cpu", "host"]),
        // The cache of translated code is the host's memory, not the guest's.
        false => say(&["-machine", "q35", "-accel", "tcg,thread=multi,tb-size=64", "-cpu", "max"]),
    }
    say(&["-smp", &spec.cpu_millis.div_ceil(1000).max(1).to_string(), "-m", &spec.memory_mib.to_string()]);
    say(&["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]);
    say(&["-chardev", &format!("socket,id=orders,fd={},server=on,wait=off", descriptors.orders)]);
    say(&["-mon", "chardev=orders,mode=control", "-device", "virtio-rng-pci"]);
    for (position, (interface, tap)) in spec.interfaces.iter().zip(&descriptors.taps).enumerate() {
        say(&["-netdev", &format!("tap,id=net{position},fd={tap}")]);
        let (mac, mtu) = (interface.mac, interface.mtu);
        say(&["-device", &format!("virtio-net-pci,netdev=net{position},mac={mac},host_mtu={mtu},romfile=")]);
    }
    if let Some(disk) = descriptors.disk {
        let format = match spec.image.format {
            DiskFormat::Raw => "raw",
            DiskFormat::Qcow2 => "qcow2",
        };
        say(&["-add-fd", &format!("fd={disk},set=1")]);
        let base = format!(
            "driver={format},node-name=base,read-only=on,file.driver=file,file.filename=/dev/fdset/1"
        );
        say(&["-blockdev", &base]);
        say(&[
            "-blockdev",
            "driver=qcow2,node-name=disk,backing=base,file.driver=file,file.filename=disk.qcow2",
        ]);
        say(&["-device", "virtio-blk-pci,drive=disk"]);
    }
    say(&["-blockdev", "driver=vvfat,node-name=seed,read-only=on,dir=seed,label=CIDATA"]);
    say(&["-device", "virtio-blk-pci,drive=seed"]);
    if spec.image.kernel.is_some() {
        let append = format!("console=ttyS0 {}", spec.image.append);
        say(&["-kernel", "kernel", "-append", append.trim_end()]);
    }
    if spec.image.initramfs.is_some() {
        say(&["-initrd", "initramfs"]);
    }
    if spec.is_awaited {
        say(&["-incoming", &format!("unix:{INCOMING}")]);
    }
    all
}

/// The program, of Debian's package `qemu-system-x86`.
pub(crate) const PROGRAM: &str = "/usr/bin/qemu-system-x86_64";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Image, MachineInterface};
    use havip_model::{Body, InstanceId, MacAddr};

    fn spec() -> MachineSpec {
        MachineSpec {
            instance: InstanceId::new(Body::from_entropy([1; 16])),
            host_name: "web-1".into(),
            user_data: String::new(),
            cpu_millis: 1500,
            memory_mib: 256,
            image: Image { kernel: Some("/k".into()), append: "quiet".into(), ..Image::default() },
            interfaces: vec![MachineInterface {
                mac: MacAddr([2, 0, 0, 0, 0, 1]),
                mtu: 1450,
                addresses: vec![],
                gateways: vec![],
            }],
            user: 1,
            is_awaited: false,
        }
    }

    fn said(spec: &MachineSpec, descriptors: &Descriptors, with_kvm: bool) -> String {
        arguments(spec, descriptors, with_kvm).join(" ")
    }

    #[test]
    fn a_machine_has_its_processors_memory_taps_and_kernel() {
        let said = said(&spec(), &Descriptors { taps: vec![3], orders: 4, disk: None }, false);
        for part in [
            "-accel tcg",
            "-smp 2 -m 256",
            "-netdev tap,id=net0,fd=3",
            "mac=02:00:00:00:00:01,host_mtu=1450",
            "-kernel kernel -append console=ttyS0 quiet",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("-initrd") && !said.contains("fdset"), "{said}");
    }

    #[test]
    fn a_machine_that_comes_from_another_host_waits_for_its_state() {
        let said = said(&MachineSpec { is_awaited: true, ..spec() }, &Descriptors::default(), false);
        assert!(said.contains("-incoming unix:incoming"), "{said}");
    }

    #[test]
    fn a_disk_is_read_by_its_descriptor_and_written_in_a_layer_of_its_own() {
        let image = Image { disk: Some("/d".into()), format: DiskFormat::Raw, ..Image::default() };
        let said = said(
            &MachineSpec { image, ..spec() },
            &Descriptors { disk: Some(9), ..Descriptors::default() },
            true,
        );
        assert!(said.contains("-accel kvm") && said.contains("fd=9,set=1"), "{said}");
        assert!(said.contains("driver=raw,node-name=base,read-only=on"), "{said}");
        assert!(said.contains("node-name=disk,backing=base") && !said.contains("-kernel"), "{said}");
    }
}
