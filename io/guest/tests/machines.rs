//! Machines of their own, emulated: a kernel and a small system that `cargo xtask prepare` has made.

mod scene;

use havip_guest::{DiskFormat, Image, MachineSpec, Sandboxes};
use scene::{Scene, program};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// A boot takes 2 s where nothing else runs; emulated beside seven others it has taken 25.
const BOOT_TAKES: Duration = Duration::from_secs(90);

/// What `cargo xtask test` makes before it runs anything.
fn image() -> Image {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../xtask/machine");
    let file = |name: &str| -> PathBuf {
        let path = folder.join(name);
        path.canonicalize()
            .unwrap_or_else(|_| panic!("{} is missing: `cargo xtask machine` makes it", path.display()))
    };
    Image {
        kernel: Some(file("kernel")),
        initramfs: Some(file("initramfs")),
        append: "quiet".into(),
        ..Image::default()
    }
}

fn spec(user_data: &str) -> MachineSpec {
    let like = scene::spec(user_data);
    MachineSpec {
        is_awaited: false,
        instance: like.instance,
        host_name: like.host_name,
        user_data: like.user_data,
        cpu_millis: 1000,
        memory_mib: 128,
        image: image(),
        interfaces: vec![],
        user: 0x6000_0007,
    }
}

fn console(scene: &Scene, spec: &MachineSpec) -> String {
    String::from_utf8_lossy(&scene.sandboxes.console(spec.instance, 100_000).unwrap()).into_owned()
}

#[track_caller]
fn eventually_says(scene: &Scene, spec: &MachineSpec, expected: &str) {
    let deadline = Instant::now() + BOOT_TAKES;
    while !console(scene, spec).contains(expected) {
        assert!(Instant::now() < deadline, "not said: {expected}\n{}", console(scene, spec));
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_machine_goes_on_in_another_qemu_or_where_it_was_if_nobody_takes_it() {
    let (here, there) = (Scene::new(), Scene::new());
    let counts = "i=0\nwhile sleep 0.1; do i=$((i + 1)); echo turn $i of $(cat /proc/sys/kernel/random/boot_id); done\n";
    let spec = spec(counts);
    let turn = |scene: &Scene| {
        let said = console(scene, &spec);
        let last = said.lines().rev().find_map(|line| line.trim().strip_prefix("turn ")?.split_once(" of "));
        last.map(|(turn, boot)| (turn.parse::<u32>().unwrap(), boot.to_owned()))
    };
    let eventually_counts = |scene: &Scene, above: u32| {
        let deadline = Instant::now() + BOOT_TAKES;
        loop {
            match turn(scene) {
                Some((turn, boot)) if turn > above => return (turn, boot),
                counted => assert!(Instant::now() < deadline, "{counted:?}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let machine = here.sandboxes.run_machine(&spec, vec![]).unwrap();
    let (first, boot) = eventually_counts(&here, 0);

    // Nobody takes its state.
    drop(machine.depart().unwrap());
    machine.resume().unwrap();
    let (resumed, _) = eventually_counts(&here, first);
    assert!(!machine.has_departed().unwrap());
    // Nobody takes it, and whoever sent it has died; whoever comes after lets it go on.
    drop(machine.depart().unwrap());
    assert_eq!(machine.wake().unwrap(), machine.emulated().is_some(), "only an emulated one stood still");
    let (before, _) = eventually_counts(&here, resumed);
    assert!(!machine.wake().unwrap());

    let awaited = MachineSpec { is_awaited: true, ..spec.clone() };
    let waiting = there.sandboxes.run_machine(&awaited, vec![]).unwrap();
    let (mut from, mut to) = (machine.depart().unwrap(), waiting.receive().unwrap());
    std::io::copy(&mut from, &mut to).unwrap();
    drop(to);
    waiting.wait_until_it_runs(BOOT_TAKES).unwrap();

    let (after, same) = eventually_counts(&there, before);
    assert!(after > before && same == boot, "it counts on and has not booted");
    assert!(machine.has_departed().unwrap(), "it stands still where it was");
    let stands = turn(&here);
    machine.power_off().unwrap();
    eventually_counts(&there, after);
    assert_eq!(turn(&here), stands);
}

#[test]
fn a_machine_runs_without_power_over_its_host_and_turns_off_by_its_button() {
    let scene = Scene::new();
    let spec = spec("echo this is $(hostname)\n");
    let machine = scene.sandboxes.run_machine(&spec, vec![]).unwrap();

    let status = fs::read_to_string(format!("/proc/{}/status", machine.pid())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let user = spec.user.to_string();
    assert_eq!(field("Uid:"), [user.as_str(); 4]);
    assert_eq!(field("Gid:"), [user.as_str(); 4]);
    assert_eq!(field("CapEff:"), ["0000000000000000"]);
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), (vec!["1".into()], vec!["2".into()]));

    eventually_says(&scene, &spec, "this is web-1");
    let refused = machine.exec(&["true".into()], b"", Duration::from_secs(1)).unwrap_err();
    assert!(refused.to_string().contains("machine of its own"), "{refused}");
    // Another agent, after this one.
    drop(machine);
    let again = Sandboxes::open(&scene.path(), program()).unwrap();
    let machine = again.adopt(spec.instance).unwrap().expect("it runs on without us");
    assert!(machine.is_machine());

    eventually_says(&scene, &spec, "has run its user data");
    assert!(machine.stop(BOOT_TAKES).unwrap(), "it had to be killed: {}", console(&scene, &spec));

    assert!(console(&scene, &spec).contains("the power button was pressed"));
    assert!(again.adopt(spec.instance).unwrap().is_none());
}

#[test]
fn what_a_machine_writes_to_its_disk_outlives_a_power_failure_and_never_reaches_the_image() {
    let scene = Scene::new();
    let disk = scene.directory.path().join("disk.raw");
    let before = vec![b'.'; 1 << 20];
    fs::write(&disk, &before).unwrap();
    // The first disk is the image's, the second the seed.
    let user_data =
        "echo found: $(head -c 5 /dev/vda)\nprintf hello | dd of=/dev/vda conv=notrunc,fsync 2>/dev/null\n";
    let mut spec = spec(user_data);
    spec.image.disk = Some(disk.clone());
    spec.image.format = DiskFormat::Raw;

    let machine = scene.sandboxes.run_machine(&spec, vec![]).unwrap();
    eventually_says(&scene, &spec, "found: .....");
    eventually_says(&scene, &spec, "has run its user data");
    machine.power_off().unwrap();
    assert_eq!(fs::read(&disk).unwrap(), before);
    let layer = fs::metadata(scene.path().join(spec.instance.to_string()).join("disk.qcow2")).unwrap();
    assert_eq!((layer.uid(), layer.mode() & 0o777), (spec.user, 0o600));

    let machine = scene.sandboxes.run_machine(&spec, vec![]).unwrap();
    eventually_says(&scene, &spec, "found: hello");
    machine.power_off().unwrap();
}

#[test]
fn a_machine_that_cannot_start_says_why_and_leaves_nothing() {
    let scene = Scene::new();
    let mut spec = spec("");
    spec.image.kernel = Some("/nowhere/kernel".into());
    let refused = scene.sandboxes.run_machine(&spec, vec![]).unwrap_err();
    assert!(refused.to_string().contains("/nowhere/kernel"), "{refused}");
    // QEMU itself refuses it.
    let empty = scene.directory.path().join("empty");
    fs::write(&empty, "").unwrap();
    spec.image.kernel = Some(empty);
    spec.image.initramfs = None;
    let refused = scene.sandboxes.run_machine(&spec, vec![]).unwrap_err();
    assert!(refused.to_string().contains("QEMU did not start"), "{refused}");
    assert!(scene.sandboxes.adopt(spec.instance).unwrap().is_none());
}
