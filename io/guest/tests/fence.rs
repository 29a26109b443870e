//! What root inside a sandbox cannot do to its host. Needs root, bpftool, debugfs.

mod scene;

use scene::{POWER, Scene, refuses, shows, spec};
use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    process::Command,
};

#[test]
fn the_data_directory_keys_and_homes_are_not_visible() {
    let scene = Scene::new();
    let secret = scene.path().join("secret");
    fs::write(&secret, "data").unwrap();
    let asked = scene.seen.path().join("asked/for");
    fs::create_dir_all(&asked).unwrap();
    fs::write(asked.join("secret"), "asked").unwrap();
    let file = scene.seen.path().join("file");
    fs::write(&file, "file").unwrap();
    let plain = scene.seen.path().join("plain");
    fs::write(&plain, "plain").unwrap();
    let mut spec = spec("");
    spec.hidden = vec![asked.clone(), file.clone(), "/no/such/path".into()];
    let sandbox = scene.starts(&spec);

    for path in [&secret, &asked.join("secret"), &file] {
        assert!(refuses(&sandbox, &format!("cat {}", path.display())).contains("No such file"), "{path:?}");
    }
    assert_eq!(
        shows(&sandbox, &format!("cat {}", plain.display())),
        "plain",
        "the rest of the host is there"
    );
    assert_eq!(shows(&sandbox, "ls -A /root /home /boot /mnt | grep -v :$ | grep . || true"), "");
    assert_eq!(shows(&sandbox, "ls /etc/ssh/ssh_host_*_key /etc/shadow- 2>/dev/null || true"), "");
    assert_eq!(shows(&sandbox, "cut -d: -f2 /etc/shadow | sort -u"), "*\n");
    assert_eq!(shows(&sandbox, "stat -c %a /etc/shadow"), "640\n");
    assert_eq!(shows(&sandbox, "ls /tmp"), "");

    // A path that is to be hidden only since the second start.
    sandbox.power_off().unwrap();
    spec.hidden.push(plain.clone());
    let sandbox = scene.starts(&spec);
    assert_eq!(shows(&sandbox, &format!("cat {}", plain.display())), "");
}

#[test]
fn other_instances_are_not_visible() {
    let scene = Scene::new();
    let (one, other) = (scene.starts(&spec("")), scene.starts(&spec("")));
    shows(&one, "echo of one > /etc/of-one; echo of one > /dev/shm/of-one");
    let upper = scene.path().join(one.instance().to_string()).join("upper/etc/of-one");
    assert!(upper.exists());
    refuses(&other, &format!("cat {}", upper.display()));
    refuses(&other, "cat /dev/shm/of-one");
    assert!(refuses(&other, &format!("kill -0 {}", one.pid())).contains("No such process"));
}

#[test]
fn the_hosts_bpf_objects_are_out_of_reach() {
    let scene = Scene::new();
    let sandbox = scene.starts(&spec(""));
    for objects in ["prog", "map", "link"] {
        let said = refuses(&sandbox, &format!("bpftool {objects} list"));
        assert!(said.contains("Operation not permitted"), "{said}");
    }
    refuses(&sandbox, "ls /sys/fs/bpf | grep . || ls -A /sys/fs/bpf/havip");
    refuses(&sandbox, "mount -t bpf none /mnt");
}

#[test]
fn no_disk_can_be_reached() {
    let scene = Scene::new();
    // Any block device will do; a host without one has none to reach.
    let block = fs::read_dir("/dev")
        .unwrap()
        .filter_map(Result::ok)
        .find(|entry| entry.file_type().is_ok_and(|kind| kind.is_block_device()));
    let number = block.as_ref().map_or(0x700, |block| block.metadata().unwrap().rdev());
    // A node that somebody forgot in a directory of the host.
    let forgotten = scene.seen.path().join("disk");
    nix::sys::stat::mknod(
        &forgotten,
        nix::sys::stat::SFlag::S_IFBLK,
        nix::sys::stat::Mode::from_bits_truncate(0o666),
        number,
    )
    .unwrap();
    let sandbox = scene.starts(&spec(""));
    assert_eq!(
        shows(&sandbox, "ls /dev"),
        "fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n"
    );
    let (major, minor) = (nix::sys::stat::major(number), nix::sys::stat::minor(number));
    for directory in ["/dev", "/tmp", "/root", "/run"] {
        let said = refuses(&sandbox, &format!("mknod {directory}/disk b {major} {minor}"));
        assert!(said.contains("Operation not permitted"), "{said}");
    }
    let forgotten = forgotten.display();
    assert!(refuses(&sandbox, &format!("head -c 1 {forgotten}")).contains("Permission denied"));
    assert!(shows(&sandbox, &format!("debugfs -R ls {forgotten} 2>&1; true")).contains("Permission denied"));
    assert!(shows(&sandbox, "debugfs -R ls /dev/vda 2>&1; true").contains("No such file"));
    refuses(&sandbox, "ls /sys/block/*");
}

#[test]
fn the_hosts_switches_cannot_be_changed_and_its_own_network_can() {
    let scene = Scene::new();
    let sandbox = scene.starts(&spec(""));
    for switch in ["kernel/hostname", "kernel/sysrq", "kernel/core_pattern", "vm/swappiness", "fs/file-max"] {
        let path = format!("/proc/sys/{switch}");
        if !std::path::Path::new(&path).exists() {
            continue;
        }
        let before = fs::read_to_string(&path).unwrap();
        assert!(
            refuses(&sandbox, &format!("cat {path} > /tmp/v; cat /tmp/v > {path}")).contains("Read-only")
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
    }
    let forward = || fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap();
    let before = forward();
    let other = if before.trim() == "1" { "0" } else { "1" };
    shows(&sandbox, &format!("echo {other} > /proc/sys/net/ipv4/ip_forward"));
    assert_eq!(shows(&sandbox, "cat /proc/sys/net/ipv4/ip_forward").trim(), other);
    assert_eq!(forward(), before);
    shows(&sandbox, "echo 1 > /proc/sys/net/ipv4/conf/all/arp_notify");
    // What shows or commands the host's kernel is the null device.
    for file in ["kallsyms", "kcore", "keys", "sysrq-trigger", "timer_list"] {
        let kind = shows(&sandbox, &format!("test ! -e /proc/{file} || stat -c %t:%T /proc/{file}"));
        assert!(["", "1:3\n"].contains(&kind.as_str()), "{file}: {kind}");
    }
    refuses(&sandbox, "echo 1 > /sys/class/net/lo/mtu");
}

#[test]
fn the_hosts_processes_and_names_are_not_visible() {
    let scene = Scene::new();
    let sandbox = scene.starts(&spec(""));
    let pids = shows(&sandbox, "ls /proc | grep -c '^[0-9]*$'");
    assert!(pids.trim().parse::<u32>().unwrap() <= 5, "init, the shell and its pipe: {pids}");
    assert!(refuses(&sandbox, &format!("kill -0 {}", std::process::id())).contains("No such process"));
    assert_eq!(shows(&sandbox, "hostname; ipcs -q | grep -c 0x || true"), "web-1\n0\n");
    // Its first process came from the host; nobody may look into it or change it.
    refuses(&sandbox, "ls /proc/1/fd/ | grep . && readlink /proc/1/fd/0");
    refuses(&sandbox, "echo >> /run/havip-init");
    refuses(&sandbox, "kill -9 1; kill -0 1 && exit 1");
}

#[test]
fn nobody_inside_gets_back_the_power_that_was_taken() {
    let scene = Scene::new();
    let sandbox = scene.starts(&spec(""));
    for command in POWER.iter().chain(&["reboot -f"]) {
        refuses(&sandbox, command);
    }
    let kept = shows(&sandbox, "grep -E 'Cap(Prm|Eff|Bnd)|Seccomp:' /proc/self/status | cut -f2 | sort -u");
    assert_eq!(kept, "0000000080043dfb\n2\n");
    let of_init = shows(&sandbox, "grep -E 'CapBnd|Seccomp:' /proc/1/status | cut -f2");
    assert_eq!(of_init, "0000000080043dfb\n2\n");
    // Without no_new_privs a setuid program works, and gives no more than root has here.
    let script = "cp /bin/grep /usr/local/bin/g; chmod 4755 /usr/local/bin/g; su www-data -s /bin/sh -c";
    let by_setuid = shows(&sandbox, &format!("{script} 'g CapEff: /proc/self/status' | cut -f2"));
    assert_eq!(by_setuid, "0000000080043dfb\n");
}

#[test]
fn the_network_of_its_host_cannot_be_used_through_its_namespace_number() {
    let scene = Scene::new();
    let prepared = scene.sandboxes.prepare(&spec("")).unwrap();
    let (pid, near) = (prepared.pid().to_string(), format!("hvn{}", prepared.pid()));
    ip(&["link", "add", &near, "type", "veth", "peer", "name", "eth0", "netns", &pid]);
    let sandbox = prepared.run().unwrap();

    // The kernel gives the namespace of a veth's other end a number here, 0, when the veth is looked at. A VXLAN device made with it sends
    // and listens in the host's network.
    assert!(shows(&sandbox, "ip -o link show eth0").contains("link-netnsid 0"));
    let make = "ip link add ov link-netnsid 0 type vxlan id 77 dstport 7499";
    let control =
        |words: &str| Command::new("nsenter").args(["-t", &pid, "-n"]).args(words.split(' ')).status();
    // Whoever has power over the host's network may do it from here...
    assert!(control(make).unwrap().success());
    assert!(control("ip link delete ov").unwrap().success());
    // ... and root in the guest may not, though it has all power over its own.
    let said = refuses(&sandbox, make);
    assert!(said.contains("not permitted"), "{said}");
    shows(
        &sandbox,
        "ip link set eth0 address 02:00:00:00:00:07; ip link set eth0 up; ip link add br0 type bridge",
    );
    sandbox.power_off().unwrap();
}

fn ip(arguments: &[&str]) {
    assert!(Command::new("ip").args(arguments).status().unwrap().success(), "{arguments:?}");
}
