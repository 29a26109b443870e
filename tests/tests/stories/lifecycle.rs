//! Resources that end while they are in use, and hosts that cannot follow.

use crate::assist::{outage, was_assisted};
use anyhow::{Context, Result, ensure};
use havip_api::{Associate, Attach, CreateInterface, CreateVip, MoveCause, Status};
use havip_lab::{PATIENCE, eventually};
use havip_tests::{VIP, elect_blue, pair, program, vip_url};
use std::time::Duration;

#[test]
fn deleting_the_holding_instance_hands_the_vip_over_at_once_though_its_host_has_no_other_port() -> Result<()>
{
    let mut scene = pair().start(program())?;
    elect_blue(&scene)?;
    let blue = scene["blue"].id.clone();

    let outage = outage(&scene, "green", || scene.settled(|client| client.delete_instance(&blue)).map(drop))?;

    scene.forget("blue");
    println!("the client missed the deleted instance's VIP for {} ms", outage.as_millis());
    was_assisted(&scene, outage)?;
    let causes = scene.causes()?;
    ensure!(causes == [MoveCause::Claim, MoveCause::Deleted, MoveCause::Assisted], "{causes:?}");
    ensure!(scene.vip_now()?.associations.len() == 1, "the association outlived its instance");
    Ok(())
}

#[test]
fn detaching_the_holding_interface_releases_the_vip_at_once_and_deleting_it_ends_its_association()
-> Result<()> {
    let scene = pair().start(program())?;
    let body = CreateInterface { subnet: scene.subnet.clone(), ..CreateInterface::default() };
    let interface = scene.lab.api(|client| client.create_interface(&body))?.meta.id;
    let blue = &scene["blue"];
    scene.settled(|client| {
        client.attach_interface(&interface, &Attach { instance: blue.id.clone(), ..Attach::default() })
    })?;
    scene.settled(|client| client.associate(scene.vip_id(), &Associate::claim(&interface)))?;
    // A second interface of the same subnet: announcements must leave by it.
    blue.shell(&format!("ip address add {VIP}/32 dev eth1; arping -U -c 1 -w 1 -I eth1 {VIP}; true"))?;
    scene.eventually_held_by("blue")?;
    // green has the address and waits for nothing but that nobody holds it (C10 a).
    let green = scene.lab.api(|client| client.instance(&scene["green"].id))?.interfaces;
    let of_green = &green.first().context("green has no interface")?.id;
    scene.settled(|client| client.associate(scene.vip_id(), &Associate::claim(of_green)))?;
    scene["green"].shell(&format!("ip address add {VIP}/32 dev eth0"))?;

    scene.settled(|client| client.detach_interface(&interface))?;

    scene.eventually_held_by("green")?;
    // By the word of the port's own host, and not because somebody looked a second later.
    let causes = scene.causes()?;
    ensure!(causes.ends_with(&[MoveCause::PortDown, MoveCause::Asked]), "{causes:?}");
    ensure!(scene.vip_now()?.associations.len() == 2, "detaching an interface must keep its association");
    scene.settled(|client| client.delete_interface(&interface))?;
    let vip = scene.vip_now()?;
    ensure!(vip.holder.is_some() && vip.associations.len() == 1, "{vip:?}");
    Ok(())
}

#[test]
fn an_instance_that_is_restarted_runs_anew_and_hands_its_vip_over() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;
    let blue = &scene["blue"];
    let began = || blue.shell("awk '{print $22}' /proc/1/stat");
    let before = began()?;

    scene.settled(|client| client.restart_instance(&blue.id))?;

    scene["client"].eventually_fetches(&vip_url(), "green", PATIENCE)?;
    eventually(PATIENCE, || {
        ensure!(began()? != before, "blue still runs as it did");
        Ok(())
    })?;
    // What the sandbox is given at each start is there again.
    scene["client"].pings(blue.address)
}

#[test]
fn a_vip_with_associations_is_not_deleted_by_accident() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;
    let vip = scene.vip_id().to_owned();

    let refused = scene.lab.api(|client| client.delete_vip(&vip, false)).unwrap_err().to_string();
    ensure!(refused.contains("in use by") && refused.contains("unbind=true"), "{refused}");
    scene["client"].fetches(&vip_url(), "blue")?;

    scene.settled(|client| client.delete_vip(&vip, true))?;

    let ping = scene["client"].run(&["ping", "-c", "1", "-W", "1", &VIP.to_string()])?;
    ensure!(ping.code != 0, "a deleted VIP is answered");
    Ok(())
}

#[test]
fn a_vip_made_again_is_another_vip() -> Result<()> {
    let mut scene = pair().start(program())?;
    elect_blue(&scene)?;
    let vip = scene.vip_id().to_owned();
    scene.settled(|client| client.delete_vip(&vip, true))?;
    let body =
        CreateVip { subnet: scene.subnet.clone(), address: Some(VIP.to_string()), ..CreateVip::default() };
    let again = scene.settled(|client| client.create_vip(&body))?;
    ensure!(again.meta.id != vip && again.holder.is_none(), "{again:?}");
    scene.vip = Some(again.meta.id);

    scene.associate(["blue", "green"])?;

    scene["client"].eventually_fetches(&vip_url(), "blue", PATIENCE)?;
    Ok(())
}

#[test]
fn a_host_without_room_makes_the_vip_failed_with_the_reason() -> Result<()> {
    let mut scene = pair().environment("HAVIP_MOST_VIPS", "1").start(program())?;
    scene.expects_errors = true;
    let body = CreateVip { subnet: scene.subnet.clone(), ..CreateVip::default() };

    let vip = scene.settled(|client| client.create_vip(&body))?;

    let failed = eventually(Duration::from_secs(12), || {
        let now = scene.lab.api(|client| client.vip(&vip.meta.id))?;
        ensure!(now.meta.status == Status::Failed, "the VIP is {}", now.meta.status);
        Ok(now)
    })?;
    ensure!(failed.meta.reason.contains("full"), "the reason is {:?}", failed.meta.reason);
    Ok(())
}

#[test]
fn two_labs_live_side_by_side() -> Result<()> {
    let one = pair().start(program())?;
    let two = pair().start(program())?;
    elect_blue(&one)?;
    elect_blue(&two)?;

    one["blue"].power_off()?;

    one["client"].eventually_fetches(&vip_url(), "green", PATIENCE)?;
    two["client"].fetches(&vip_url(), "blue")
}
