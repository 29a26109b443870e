//! Debian's systemd as a guest's first process. Needs root, systemd, keepalived, nginx, curl.

mod scene;

use havip_guest::Spec;
use scene::{Scene, boots, cgroups_left, console, in_network_of, refuses, shows, systemd, text, within};
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

#[test]
fn systemd_boots_runs_the_user_data_and_starts_services_as_the_guides_say() {
    let scene = Scene::new();
    let spec = systemd("echo the data of $(whoami) in $PWD\nsystemctl start nginx\nsleep 1000 &\nexit 3\n");
    let sandbox = scene.starts(&spec);
    boots(&sandbox);
    assert_eq!(
        shows(&sandbox, "cat /proc/1/comm; systemd-detect-virt --container || true"),
        "systemd\ncontainer-other\n"
    );
    within(20, "nginx", || {
        let active = scene::exec(&sandbox, "systemctl is-active nginx");
        (text(&active.stdout) == "active\n", console(&sandbox))
    });
    assert!(shows(&sandbox, "curl --silent --max-time 3 http://localhost/").contains("nginx"));
    within(10, "the console", || {
        let console = console(&sandbox);
        (console.contains("the data of root in /root") && console.contains("Started"), console)
    });
    // What the user data left running goes on, as with the minimal first process.
    shows(&sandbox, "pgrep -f 'sleep 1000'");

    // Nothing that is enabled on the host was started; what is enabled here starts at the next boot.
    let enabled = shows(&sandbox, "ls /etc/systemd/system /etc/rc2.d 2>/dev/null; cat /etc/fstab");
    assert!(!enabled.contains("wants") && enabled.contains("default.target"), "{enabled}");
    shows(&sandbox, "systemctl enable nginx; systemctl start cron 2>/dev/null; true");
    let begun = Instant::now();
    assert!(sandbox.stop(Duration::from_secs(30)).unwrap(), "it had to be killed: {}", tail(&scene, &spec));
    println!("stopped in {:?}", begun.elapsed());
    assert!(tail(&scene, &spec).contains("Stopped"), "{}", tail(&scene, &spec));
    assert_eq!(cgroups_left(&spec), [] as [&Path; 0]);

    let again = scene.starts(&Spec { user_data: String::new(), ..spec });
    boots(&again);
    assert_eq!(shows(&again, "systemctl is-active nginx"), "active\n");
    again.power_off().unwrap();
}

fn tail(scene: &Scene, spec: &Spec) -> String {
    text(&scene.sandboxes.console(spec.instance, 4000).unwrap())
}

#[test]
fn a_power_off_and_a_crash_leave_nothing_of_systemd_in_the_hosts_cgroups() {
    let scene = Scene::new();
    let spec = systemd("");
    let sandbox = scene.starts(&spec);
    boots(&sandbox);
    assert!(
        cgroups_left(&spec).iter().any(|path| path.join("guest/init.scope").is_dir()),
        "{:?}",
        cgroups_left(&spec)
    );
    let begun = Instant::now();
    sandbox.power_off().unwrap();
    // It takes some 30 ms; whoever asks first waits for services.
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(cgroups_left(&spec), [] as [&Path; 0]);

    // Its keeper dies, too, so that nobody is there who tidies up.
    let sandbox = scene.starts(&spec);
    boots(&sandbox);
    let state = fs::read_to_string(scene.path().join(spec.instance.to_string()).join("state.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let pids = in_network_of(sandbox.pid());
    for process in ["keeper", "init"] {
        let pid = state[process]["pid"].as_i64().unwrap() as i32;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    }
    within(5, "its end", || {
        (pids.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()), pids.clone())
    });
    assert_ne!(cgroups_left(&spec), [] as [&Path; 0], "nobody has tidied up yet");
    scene.sandboxes.remove(spec.instance).unwrap();
    assert_eq!(cgroups_left(&spec), [] as [&Path; 0]);
}

#[test]
fn systemd_gives_nobody_inside_more_power_than_a_guest_has() {
    let scene = Scene::new();
    let spec = systemd("");
    let sandbox = scene.starts(&spec);
    boots(&sandbox);
    for command in scene::POWER {
        refuses(&sandbox, command);
    }
    let kept = shows(&sandbox, "grep -E 'Cap(Prm|Eff|Bnd)|Seccomp:' /proc/1/status | cut -f2 | sort -u");
    assert_eq!(kept, "0000000080043dfb\n2\n");
    // A service has no more, whatever it asks for.
    let service = "systemd-run --quiet --wait --pipe -p AmbientCapabilities=CAP_SYS_ADMIN";
    let said = scene::exec(&sandbox, &format!("{service} grep CapEff /proc/self/status"));
    assert!(!text(&said.stdout).contains("ffffffff"), "{}", text(&said.stdout));
    refuses(&sandbox, "systemd-run --quiet --wait --pipe mount -t tmpfs none /mnt");

    // Of the host's cgroups only its own part is there, and its limits are above that.
    assert_eq!(shows(&sandbox, "ls -d /sys/fs/cgroup/havip* 2>/dev/null | wc -l"), "0\n");
    assert_eq!(shows(&sandbox, "stat -f -c %T /sys/fs/cgroup"), "cgroup2fs\n");
    let outer = cgroups_left(&spec).into_iter().find(|path| path.join("guest").is_dir()).unwrap();
    let limit = fs::read_to_string(outer.join("cgroup.max.descendants")).unwrap();
    refuses(&sandbox, "for i in $(seq 2000); do mkdir /sys/fs/cgroup/many$i || exit 1; done");
    shows(&sandbox, "rmdir /sys/fs/cgroup/many*");
    assert_eq!(fs::read_to_string(outer.join("cgroup.max.descendants")).unwrap(), limit);
    refuses(&sandbox, "ls /sys/fs/bpf | grep . || ls -A /sys/fs/bpf/havip");
    assert_eq!(
        shows(&sandbox, "ls /dev | tr '\\n' ' '"),
        "console fd full initctl log mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero "
    );
    sandbox.power_off().unwrap();
}
