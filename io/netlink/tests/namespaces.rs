//! Real namespaces of our own names. Needs root.

mod scene;

use havip_netlink::Namespace;
use scene::Scene;
use std::{path::Path, process::Stdio};

#[test]
fn a_named_namespace_is_there_for_ip_netns_too_and_goes_away_with_its_name() {
    let scene = Scene::new("name");
    let listed = std::process::Command::new("ip").args(["netns", "list"]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains(&scene.name));
    assert!(Namespace::names().unwrap().contains(&scene.name));
    assert!(Namespace::create(&scene.name).unwrap_err().is_exists());
    assert!(scene.shows(&["ip", "link", "show", "lo"]).contains("UP"));

    Namespace::delete(&scene.name).unwrap();
    assert!(!Path::new("/run/netns").join(&scene.name).exists());
    assert!(Namespace::open(&scene.name).unwrap_err().is_not_found());
    Namespace::delete(&scene.name).expect("removed already is fine");
}

#[test]
fn names_that_are_paths_are_refused() {
    for name in ["", "..", "a/b", "\0"] {
        assert!(Namespace::create(name).is_err(), "{name:?}");
        assert!(Namespace::delete(name).is_err(), "{name:?}");
    }
}

#[test]
fn a_closure_runs_inside_and_its_caller_stays_outside() {
    let scene = Scene::new("run");
    let link = || std::fs::read_link("/proc/thread-self/ns/net").unwrap();
    let mounts = || std::fs::read_link("/proc/thread-self/ns/mnt").unwrap();
    let (outside, outside_mounts) = (link(), mounts());
    let (inside, inside_mounts) = scene.namespace.run(|| (link(), mounts())).unwrap();
    assert_ne!(inside, outside);
    assert_eq!(inside_mounts, outside_mounts, "BPF pins stay visible");
    assert_eq!(link(), outside);
}

#[test]
fn a_spawned_process_is_listed_inside() {
    let scene = Scene::new("spawn");
    let mut child =
        scene.namespace.command("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let listed = scene.namespace.processes().unwrap();
    let of_child = Namespace::of_process(child.id()).unwrap().processes().unwrap();
    drop(child.stdin.take());
    child.wait().unwrap();
    assert_eq!(listed, [child.id()]);
    assert_eq!(of_child, listed);
    assert_eq!(scene.namespace.processes().unwrap(), [] as [u32; 0]);
}

#[test]
fn switches_are_set_in_one_namespace_only() {
    let (scene, other) = (Scene::new("sysctl"), Scene::new("other"));
    let name = "ipv4/conf/all/rp_filter";
    let before = other.namespace.sysctl(name).unwrap();
    let wanted = if before == "2" { "1" } else { "2" };
    scene.namespace.set_sysctl(name, wanted).unwrap();
    scene.namespace.set_sysctl("ipv6/conf/default/accept_dad", "0").unwrap();
    assert_eq!(scene.namespace.sysctl(name).unwrap(), wanted);
    assert_eq!(other.namespace.sysctl(name).unwrap(), before);
    assert!(scene.namespace.set_sysctl("ipv4/no_such_switch", "1").unwrap_err().is_not_found());
    assert!(scene.namespace.set_sysctl("../kernel/hostname", "x").is_err());
}

#[test]
fn an_unnamed_namespace_lives_while_it_is_open() {
    let namespace = Namespace::create_unnamed("test").unwrap();
    let inside = namespace.run(|| std::fs::read_to_string("/proc/thread-self/net/dev").unwrap()).unwrap();
    assert!(inside.contains("lo:"));
}
