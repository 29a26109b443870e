//! Two ports want the VIP, or the fabric loses messages: rules C6, C8, C9 and C10 with real keepalived.

use anyhow::{Context, Result, ensure};
use havip_api::{Contention, UpdateVip};
use havip_lab::{
    Guest, Herald, PATIENCE, Turns, Watch, eventually, names::HostName, probe::Probe, steadily, watch::View,
};
use havip_tests::{VIP, elect_blue, pair, primary, program, secondary, vip_url};
use std::time::{Duration, Instant};

fn has_address(guest: &Guest) -> Result<bool> {
    Ok(guest.shell("ip -4 -o address show dev eth0")?.contains(&format!(" {VIP}/")))
}

#[test]
fn when_a_split_heals_and_the_loser_hears_first_the_fabric_asks_and_is_right() -> Result<()> {
    let scene = pair().start(program())?;
    let (blue, green, client) = (&scene["blue"], &scene["green"], &scene["client"]);
    scene.associate(["blue", "green"])?;
    blue.serve("blue")?;
    green.serve("green")?;
    // Nobody announces the VIP again and again.
    let silent = |keepalived| havip_lab::keepalived::Keepalived { garp_refresh: 0, ..keepalived };
    blue.start_keepalived(&silent(primary(blue, green)))?;
    client.eventually_fetches(&vip_url(), "blue", PATIENCE)?;
    green.start_keepalived(&silent(secondary(green, blue)))?;

    blue.deafen()?;
    green.deafen()?;
    green.eventually_has_address(VIP)?;
    scene.eventually_held_by("green")?;
    ensure!(has_address(blue)?, "blue is master, too");
    green.undeafen()?;
    eventually(PATIENCE, || {
        ensure!(!has_address(green)?, "green has not yielded");
        Ok(())
    })?;

    // Blue has heard nothing, so it announces nothing. It is asked at least once a second, then five times.
    client.eventually_fetches(&vip_url(), "blue", Duration::from_secs(3))?;
    scene.eventually_held_by("blue")
}

#[test]
fn two_masters_at_once_leave_the_vip_where_it_is_and_a_real_failover_is_not_delayed() -> Result<()> {
    let scene = pair().start(program())?;
    elect_blue(&scene)?;
    let watch = Watch::start(&scene.lab, scene.lab.hosts(), Duration::from_millis(5))?;
    let (blue, green, client) = (&scene["blue"], &scene["green"], &scene["client"]);
    blue.deafen()?;
    green.deafen()?;
    green.eventually_has_address(VIP)?;
    scene.eventually_held_by("green")?;
    let event = scene.eventually_told("both-answer")?;
    let names =
        [&event.holder, &event.other].map(|port| port.as_ref().map(|port| port.instance_name.clone()));
    ensure!(names == [Some("green".into()), Some("blue".into())], "{event:?}");
    let held = scene.vip_now()?.holder;
    let probe = Probe::start(&client.network_namespace()?, VIP)?;
    let since = probe.now();

    // Blue lost the VIP and announces it: at once, by hand, and every 5 s by itself.
    let began_at = Instant::now();
    blue.announce(VIP)?;
    while began_at.elapsed() < Duration::from_secs(3) {
        client.fetches(&vip_url(), "green")?;
    }
    ensure!(scene.vip_now()?.holder == held, "the VIP has moved during the hold");
    let outage = probe.longest_outage_since(since);
    ensure!(outage.is_none_or(|outage| outage.length < Duration::from_millis(200)), "{outage:?}");

    // Within the hold of 5 s.
    let since = probe.now();
    green.power_off()?;
    client.eventually_fetches(&vip_url(), "blue", PATIENCE)?;
    let outage = probe.longest_outage_since(since);
    scene.eventually_told("one-answers")?;
    // Released at once, asked at once; the power-off itself takes some time on a busy machine.
    ensure!(outage.is_none_or(|outage| outage.length < Duration::from_millis(900)), "{outage:?}");
    scene.eventually_held_by("blue")?;
    // From the release to the new holder, on blue's own host: some 2 ms, and 100 ms are allowed. A busy machine may
    // let an agent wait, but nothing like the 5 s of a hold.
    let [released_at, taken_at] = [true, false].map(|released| {
        watch.look(|view| {
            Some(view.changes(HostName::Host(1), VIP).find(|held| held.released == released)?.at)
        })
    });
    let delay = taken_at.zip(released_at).map(|(taken, released)| taken.saturating_sub(released));
    // None: both were between two looks, 5 ms apart.
    println!("held again {delay:?} after the release");
    ensure!(delay.is_none_or(|delay| delay < Duration::from_millis(500)), "{delay:?}");
    Ok(())
}

#[test]
fn a_master_that_loses_the_vip_and_is_back_after_a_moment_holds_it_again() -> Result<()> {
    let scene = pair().start(program())?;
    let (blue, green, client) = (&scene["blue"], &scene["green"], &scene["client"]);
    scene.associate(["blue", "green"])?;
    blue.serve("blue")?;
    green.serve("green")?;
    // Adverts every 0.1 s: green takes over 0.4 s after blue's last.
    let fast = |keepalived| havip_lab::keepalived::Keepalived { fast_centis: Some(10), ..keepalived };
    blue.start_keepalived(&fast(primary(blue, green)))?;
    client.eventually_fetches(&vip_url(), "blue", PATIENCE)?;
    green.start_keepalived(&fast(secondary(green, blue)))?;
    eventually(PATIENCE, || {
        ensure!(green.log_of("keepalived")?.contains("Entering BACKUP STATE"), "green is no backup yet");
        Ok(())
    })?;

    blue.shell("kill -STOP $(pidof keepalived)")?;
    green.eventually_has_address(VIP)?;
    scene.eventually_held_by("green")?;
    blue.shell("kill -CONT $(pidof keepalived)")?;

    // Blue was master all the time as it sees it; green yields to its priority.
    eventually(PATIENCE, || {
        ensure!(has_address(blue)? && !has_address(green)?, "they have not agreed yet");
        Ok(())
    })?;
    client.eventually_fetches(&vip_url(), "blue", Duration::from_secs(2))?;
    scene.eventually_held_by("blue")?;
    let settled = scene.vip_now()?.holder;
    let began_at = Instant::now();
    while began_at.elapsed() < Duration::from_secs(2) {
        client.fetches(&vip_url(), "blue")?;
    }
    ensure!(scene.vip_now()?.holder == settled, "the VIP has moved again");
    Ok(())
}

#[test]
fn every_host_follows_although_a_third_of_all_messages_is_lost() -> Result<()> {
    let scene = havip_lab::Setting::subnet(havip_tests::SUBNET)
        .vip("10.20.1.100")
        .guests(["blue", "green", "one"])
        .guest_on("two", 1)
        .guest_on("three", 2)
        .start(program())?;
    scene.associate(["blue", "green"])?;
    scene.lose_messages(3, 30)?;
    for turn in 0..6 {
        let (claimant, other) = [("blue", "green"), ("green", "blue")][turn % 2];
        scene[other].shell(&format!("ip address del {VIP}/32 dev eth0 2>&1 || true"))?;
        scene[claimant].shell(&format!("ip address replace {VIP}/32 dev eth0"))?;
        scene[claimant].announce(VIP)?;
        scene.eventually_held_by(claimant)?;
        // Whether hosts agree shows when each client gets an answer within 6 periods. Half of all echoes are lost, out
        // or back, so that only twenty without an answer say something.
        for client in ["one", "two", "three"] {
            eventually(Duration::from_secs(6), || {
                let output = scene[client].run(
                    &["ping", "-c", "20", "-i", "0.02", "-W", "1", &VIP.to_string()].map(str::to_owned),
                )?;
                ensure!(output.code == 0, "{client} does not reach the VIP at {claimant}");
                Ok(())
            })?;
        }
    }
    Ok(())
}

#[test]
fn a_hundred_moves_are_agreed_on_within_some_periods_though_a_third_of_all_messages_is_lost() -> Result<()> {
    let setting = havip_lab::Setting::subnet(havip_tests::SUBNET).guests(["blue", "green", "red"]);
    let scene = setting.environment("HAVIP_SERVER_QUOTAS__VIPS_PER_INSTANCE", "50").start(program())?;
    let mut turns = Turns::new(&scene, &["blue", "green", "red"], 30)?;
    // Announcements, corrections, and what agents say to each other and to the server.
    scene.lose_announcements(3, 30, true)?;

    let moved = turns.run(100, |_| Ok(()))?;

    let after: Option<Vec<Duration>> = moved.iter().map(|moved| moved.agreed_after).collect();
    let mut after = after.with_context(|| format!("some moves were not agreed on: {moved:?}"))?;
    after.sort();
    println!("agreed after {:?} in the middle, {:?} at most", after[50], after[99]);
    // The aims, which the bench measures, are one period of a second and six; this machine may be busy.
    ensure!(after[50] < Duration::from_secs(2) && after[99] < Duration::from_secs(12), "{after:?}");
    turns.watch().nothing_went_backwards()
}

#[test]
fn with_every_agent_dead_a_host_that_missed_a_move_has_it_at_the_next_refresh() -> Result<()> {
    let scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    let (blue, green) = (scene["blue"].herald()?, scene["green"].herald()?);
    let watch = Watch::start(&scene.lab, scene.lab.hosts(), Duration::from_millis(5))?;
    let names = |view: &View, host: u8, herald: &Herald| -> Result<()> {
        let held = view.held(HostName::Host(host), VIP);
        let is_named = held.is_some_and(|held| held.mac == herald.mac() && !held.released);
        ensure!(is_named, "h{host} has {held:?}");
        Ok(())
    };
    blue.announce(VIP)?;
    watch.until(PATIENCE, |view| (1..=3).try_for_each(|host| names(view, host, &blue)))?;
    for role in ["server", "h1", "h2", "h3"] {
        scene.lab.process(role)?.kill();
    }

    scene.lose_all_announcements(3)?;
    green.announce(VIP)?;
    watch.until(PATIENCE, |view| (1..=2).try_for_each(|host| names(view, host, &green)))?;
    scene.lose_nothing(3)?;
    watch.look(|view| names(view, 3, &blue)).context("it cannot have heard of the move")?;
    green.announce(VIP)?;

    let (_, took) = watch.until(PATIENCE, |view| names(view, 3, &green))?;
    println!("{took:?} after the refresh");
    watch.nothing_went_backwards()
}

#[test]
fn a_take_back_0_4_s_after_losing_is_followed_on_every_host() -> Result<()> {
    let scene = pair().start(program())?;
    scene.associate(["blue", "green"])?;
    let watch = Watch::start(&scene.lab, scene.lab.hosts(), Duration::from_millis(5))?;
    let heralds = [scene["blue"].herald()?, scene["green"].herald()?];
    let is_held_by = |number: usize| {
        let mac = heralds[number].mac();
        move |view: &View| -> Result<()> {
            for host in [1, 2, 3].map(HostName::Host) {
                let held = view.held(host, VIP);
                ensure!(held.is_some_and(|held| held.mac == mac && !held.released), "{host} has {held:?}");
            }
            Ok(())
        }
    };
    // As keepalived does: the address goes before the other announces, and is there before it is announced.
    let take = |number: usize| -> Result<Duration> {
        let names = ["blue", "green"];
        scene[names[1 - number]].shell(&format!("ip address del {VIP}/32 dev eth0 2>&1 || true"))?;
        scene[names[number]].shell(&format!("ip address replace {VIP}/32 dev eth0"))?;
        heralds[number].announce(VIP)?;
        // A contest takes 0.1 s, if the one that lost is to have it again; a wrong record would stay 5 s in OVN.
        Ok(watch.until(Duration::from_secs(2), is_held_by(number))?.1)
    };
    for contention in [Contention::Hold, Contention::Follow] {
        let change = UpdateVip { contention: Some(contention), ..UpdateVip::default() };
        scene.settled(|client| client.update_vip(scene.vip_id(), &change))?;
        take(0)?;
        take(1)?;
        steadily(Duration::from_millis(400), || watch.look(is_held_by(1)))?;

        let took = take(0)?;

        println!("{contention:?}: followed after {took:?}");
        steadily(Duration::from_secs(1), || watch.look(is_held_by(0)))?;
    }
    watch.nothing_went_backwards()
}

#[test]
fn one_broken_link_between_two_of_three_hosts_flaps_nothing() -> Result<()> {
    let scene = havip_lab::Setting::subnet(havip_tests::SUBNET)
        .vip("10.20.1.100")
        .guest_on("blue", 1)
        .guest_on("green", 3)
        .guest_on("client", 3)
        .guest_on("far", 2)
        .start(program())?;
    elect_blue(&scene)?;
    scene.eventually_held_by("blue")?;
    let held = scene.vip_now()?.holder;

    scene.cut(1, 2)?;

    // Three misses of an echo every 50 ms make a host lost; six seconds are forty times that.
    let began_at = Instant::now();
    while began_at.elapsed() < Duration::from_secs(6) {
        scene["client"].fetches(&vip_url(), "blue")?;
        ensure!(scene.vip_now()?.holder == held, "the VIP has moved");
    }
    Ok(())
}
