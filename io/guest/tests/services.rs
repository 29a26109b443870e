//! Debian's own servers and failover daemon in sandboxes. Needs root, keepalived, nginx, curl, tcpdump, ping,
//! arping.

mod scene;

use havip_guest::{Prepared, Sandbox, Spec};
use scene::{Scene, console, exec, shows, spec, text, within};
use std::{
    process::Command,
    time::{Duration, Instant},
};

/// The clouds' published configuration, addresses adapted.
fn keepalived(own: u8, peer: u8, priority: u8) -> String {
    format!(
        "mkdir -p /etc/keepalived\ncat > /etc/keepalived/keepalived.conf <<'EOF'\n\
         global_defs {{\n  router_id g{own}\n  vrrp_skip_check_adv_addr\n  vrrp_garp_interval 0\n}}\n\
         vrrp_instance VI_1 {{\n  state BACKUP\n  interface eth0\n  virtual_router_id 51\n  nopreempt\n\
         priority {priority}\n  advert_int 1\n  garp_master_delay 1\n  garp_master_refresh 5\n\
         authentication {{\n    auth_type PASS\n    auth_pass 1111\n  }}\n\
         unicast_src_ip 10.0.0.{own}\n  unicast_peer {{\n    10.0.0.{peer}\n  }}\n\
         virtual_ipaddress {{\n    10.0.0.100\n  }}\n}}\nEOF\nkeepalived -n -l -D &\n"
    )
}

/// Two guests on a bridge in the network of a third, for a veth pair of theirs would end with either.
fn pair(one: Spec, other: Spec, scene: &Scene) -> (Sandbox, Sandbox, Sandbox) {
    let middle = scene.starts(&spec(""));
    let bridge = "ip link add br0 type bridge forward_delay 0 mcast_snooping 0";
    shows(&middle, &format!("{bridge}; ip link set br0 up"));
    let (one, other) = (scene.sandboxes.prepare(&one).unwrap(), scene.sandboxes.prepare(&other).unwrap());
    for (number, guest) in [(1, &one), (2, &other)] {
        let (near, far) = (middle.pid(), guest.pid());
        run(&format!("ip link add port{number} netns {near} type veth peer name eth0 netns {far}"));
        shows(&middle, &format!("ip link set port{number} master br0 up"));
        equip(guest, number);
    }
    (middle, one.run().unwrap(), other.run().unwrap())
}

fn equip(guest: &Prepared, number: u8) {
    let inside = format!("nsenter -t {} -n ip", guest.pid());
    run(&format!("{inside} address add 10.0.0.{number}/24 dev eth0"));
    run(&format!("{inside} link set eth0 up"));
}

fn run(command: &str) {
    let mut words = command.split(' ');
    let program = words.next().unwrap();
    assert!(Command::new(program).args(words).status().unwrap().success(), "{command}");
}

#[test]
fn keepalived_and_nginx_run_and_a_stop_says_goodbye_to_the_peer() {
    let scene = Scene::new();
    let primary = spec(&(keepalived(1, 2, 100) + "nginx\necho primary > /var/www/html/index.html\nwait\n"));
    let secondary = spec(
        &("tcpdump -i eth0 -n -l vrrp > /root/adverts &\n".to_owned()
            + &keepalived(2, 1, 10)
            + "nginx\necho secondary > /var/www/html/index.html\nwait\n"),
    );
    let (_middle, primary, secondary) = pair(primary, secondary, &scene);
    let has_vip = |sandbox: &Sandbox| text(&exec(sandbox, "ip -o address").stdout).contains(" 10.0.0.100/32");

    // Three missed adverts of 1 s and the skew.
    within(8, "the primary is master", || (has_vip(&primary), console(&primary)));
    assert_eq!(shows(&secondary, "curl --silent --max-time 3 http://10.0.0.100/"), "primary\n");
    assert_eq!(shows(&secondary, "curl --silent --max-time 3 http://localhost/"), "secondary\n");
    assert!(!has_vip(&secondary));
    shows(&secondary, "ping -c 1 -W 2 10.0.0.100 && arping -c 1 -w 2 -I eth0 10.0.0.100");

    let begun = Instant::now();
    assert!(primary.stop(Duration::from_secs(10)).unwrap(), "nobody had to be killed");
    let stopping = begun.elapsed();
    within(8, "the secondary is master", || (has_vip(&secondary), console(&secondary)));

    let adverts = shows(&secondary, "cat /root/adverts");
    assert!(adverts.contains("10.0.0.1 > 10.0.0.2: VRRPv2, Advertisement, vrid 51, prio 0,"), "{adverts}");
    // Had it not said goodbye, three adverts of 1 s would have been waited for; the skew alone is 0.96 s.
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}, {stopping:?} of them to stop", begun.elapsed());
    assert_eq!(shows(&secondary, "curl --silent --max-time 3 http://10.0.0.100/"), "secondary\n");
}

#[test]
fn packages_of_files_and_users_can_be_changed_inside() {
    let scene = Scene::new();
    let sandbox = scene.starts(&spec(""));
    shows(
        &sandbox,
        "useradd --create-home guest && su guest -c 'id -un && test ! -r /etc/shadow' && chown guest /etc/hosts",
    );
    shows(&sandbox, "setcap cap_net_raw+ep /bin/ping 2>/dev/null; su www-data -s /bin/sh -c 'echo > /tmp/x'");
}
