//! Adverts on one interface, the VIP on another of the same instance: it is dead when both are.

use super::{outage, was_assisted};
use anyhow::{Result, ensure};
use havip_api::{Attach, CreateInterface, MoveCause};
use havip_lab::{Guest, PATIENCE, Scene, eventually, keepalived::Keepalived, names::HostName, steadily};
use havip_tests::{OWN_TIMERS, SUBNET, VIP, pair, primary, program, secondary, vip_url};
use std::{net::Ipv4Addr, time::Duration};

/// A second interface in this subnet; returns its address.
fn attach_eth1(scene: &Scene, guest: &Guest, subnet: &str) -> Result<Ipv4Addr> {
    let body = CreateInterface { subnet: subnet.into(), ..CreateInterface::default() };
    let interface = scene.lab.api(|client| client.create_interface(&body))?;
    let attach = Attach { instance: guest.id.clone(), ..Attach::default() };
    scene.settled(|client| client.attach_interface(&interface.meta.id, &attach))?;
    eventually(PATIENCE, || guest.shell("ip link show dev eth1 up | grep -q eth1").map(drop))?;
    Ok(interface.address.unwrap_or_default().parse()?)
}

/// blue and green, elected: adverts on eth0, the VIP on eth1, both of one subnet.
fn elect_apart(scene: &Scene) -> Result<()> {
    let (blue, green) = (&scene["blue"], &scene["green"]);
    for guest in [blue, green] {
        attach_eth1(scene, guest, &scene.subnet)?;
        // Two interfaces of one subnet: each answers for its own addresses only, and the VIP's packets leave by its own.
        guest.shell(&format!(
            "cd /proc/sys/net/ipv4/conf; echo 1 > all/arp_ignore; echo 2 > all/arp_announce; \
             echo 0 > all/rp_filter; echo 0 > eth1/rp_filter; \
             ip route add {SUBNET} dev eth1 table 100; ip rule add from {VIP} table 100"
        ))?;
    }
    scene.associate(["blue", "green"])?;
    blue.serve("blue")?;
    green.serve("green")?;
    let apart = |keepalived| Keepalived { vip_device: Some("eth1"), ..keepalived };
    blue.start_keepalived(&apart(primary(blue, green)))?;
    green.start_keepalived(&apart(secondary(green, blue)))?;
    scene["client"].eventually_fetches(&vip_url(), "blue", PATIENCE).map(drop)
}

#[test]
fn a_holder_that_advertises_on_another_interface_than_the_vip_s_is_spoken_for() -> Result<()> {
    let scene = pair().start(program())?;
    elect_apart(&scene)?;

    let outage = outage(&scene, "green", || scene["blue"].power_off())?;

    was_assisted(&scene, outage)?;
    ensure!(scene.spoken(HostName::Host(2))? == 1, "once");
    let evidence = scene.evidence()?;
    ensure!(evidence.iter().any(|text| text.contains("which are of one instance")), "{evidence:?}");
    Ok(())
}

#[test]
fn deleting_an_instance_that_advertises_on_another_interface_than_the_vip_s_hands_it_over_at_once()
-> Result<()> {
    let mut scene = pair().start(program())?;
    elect_apart(&scene)?;
    let blue = scene["blue"].id.clone();

    let outage = outage(&scene, "green", || scene.settled(|client| client.delete_instance(&blue)).map(drop))?;

    scene.forget("blue");
    was_assisted(&scene, outage)?;
    // The VIP's interface outlives the instance that it was attached to.
    let causes = scene.causes()?;
    ensure!(causes == [MoveCause::Claim, MoveCause::PortDown, MoveCause::Assisted], "{causes:?}");
    Ok(())
}

#[test]
fn adverts_of_another_subnet_than_the_vip_s_are_repeated_there_when_the_holder_s_host_is_lost() -> Result<()>
{
    let scene = pair().start(program())?;
    let heartbeat = scene.make_subnet("heartbeat", "10.20.2.0/24")?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    let [own, peer] = [attach_eth1(&scene, blue, &heartbeat)?, attach_eth1(&scene, green, &heartbeat)?];
    scene.associate(["blue", "green"])?;
    blue.serve("blue")?;
    green.serve("green")?;
    let apart = |keepalived| Keepalived { device: "eth1", vip_device: Some("eth0"), ..keepalived };
    blue.start_keepalived(&apart(Keepalived::primary(own, peer, VIP)))?;
    green.start_keepalived(&apart(Keepalived::secondary(peer, own, VIP)))?;
    scene["client"].eventually_fetches(&vip_url(), "blue", PATIENCE)?;

    let outage = outage(&scene, "green", || scene.lab.lose_host(HostName::Host(1)))?;

    was_assisted(&scene, outage)
}

#[test]
fn one_of_two_interfaces_that_goes_down_is_left_to_keepalived() -> Result<()> {
    let scene = pair().start(program())?;
    elect_apart(&scene)?;
    let said_nothing = || {
        for host in 1..=3 {
            let spoken = scene.spoken(HostName::Host(host))?;
            ensure!(spoken == 0, "host {host} has spoken for the dead {spoken} times");
        }
        Ok(())
    };

    // The VIP's interface: its host says that it is down, but the one of the adverts lives and goes on.
    scene["blue"].shell("ip link set eth1 down")?;
    eventually(PATIENCE, || {
        let causes = scene.causes()?;
        ensure!(causes.contains(&MoveCause::PortDown), "{causes:?}");
        Ok(())
    })?;
    // Its host is asked about that one three times within 0.25 s.
    steadily(Duration::from_secs(1), said_nothing)?;
    scene["blue"].shell("ip link set eth1 up; ip route replace 10.20.1.0/24 dev eth1 table 100")?;
    scene["client"].eventually_fetches(&vip_url(), "blue", PATIENCE)?;

    // The interface of the adverts: nobody is dead, as far as anybody can tell; keepalived is left to its timers.
    scene["blue"].shell("ip link set eth0 down")?;
    scene["client"].eventually_fetches(&vip_url(), "green", PATIENCE.max(OWN_TIMERS))?;
    said_nothing()
}
