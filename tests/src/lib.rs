//! Whole stories in the lab with unmodified software: what the stories share.

pub mod faults;

use anyhow::Context;
use havip_api::{HistoryFilter, Move, MoveCause};
use havip_lab::{Guest, Scene, Setting, keepalived::Keepalived};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
    time::Duration,
};

/// The program under test: `HAVIP_BIN`, or the one that was built beside this test.
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("HAVIP_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a running test has a path");
    let built = test.parent().and_then(|deps| deps.parent()).expect("tests lie in target/PROFILE/deps");
    let program = built.join("havip");
    assert!(program.exists(), "{} is missing: `cargo build -p havip` makes it", program.display());
    program
}

/// The subnet of all stories.
pub const SUBNET: &str = "10.20.1.0/24";
/// The VIP of all stories.
pub const VIP: Ipv4Addr = Ipv4Addr::new(10, 20, 1, 100);
/// The VIP of the stories over IPv6.
pub const VIP6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x20, 0, 1, 0, 0, 0, 0x100);

/// Two guests that may claim the VIP, on two hosts, and a client on a third.
pub fn pair() -> Setting {
    Setting::subnet(SUBNET).vip("10.20.1.100").guests(["blue", "green", "client"])
}

/// The same over IPv6: all have both families, the VIP is an IPv6 address.
pub fn pair6() -> Setting {
    Setting::subnet(SUBNET).dual().vip("fd00:20:0:1::100").guests(["blue", "green", "client"])
}

/// The guides' primary and secondary for the scene's VIP on blue and green, by addresses of its family.
pub fn guides(scene: &Scene) -> anyhow::Result<(Keepalived, Keepalived)> {
    let vip = scene.vip_address;
    let (blue, green) = (scene["blue"].address_like(vip)?, scene["green"].address_like(vip)?);
    Ok((Keepalived::primary(blue, green, vip), Keepalived::secondary(green, blue, vip)))
}

/// The guides' primary for `own`, with `peer` as the other.
pub fn primary(own: &Guest, peer: &Guest) -> Keepalived {
    Keepalived::primary(own.address, peer.address, VIP)
}

/// The guides' secondary.
pub fn secondary(own: &Guest, peer: &Guest) -> Keepalived {
    Keepalived::secondary(own.address, peer.address, VIP)
}

/// nginx and the guides' keepalived on blue (primary) and green (secondary), associated; blue holds the VIP, and the API
/// has heard of it.
pub fn elect_blue(scene: &Scene) -> anyhow::Result<()> {
    let (blue, green) = (&scene["blue"], &scene["green"]);
    scene.associate(["blue", "green"])?;
    blue.serve("blue")?;
    green.serve("green")?;
    let (first, second) = guides(scene)?;
    blue.start_keepalived(&first)?;
    green.start_keepalived(&second)?;
    scene["client"].eventually_fetches(&url(scene.vip_address), "blue", havip_lab::PATIENCE)?;
    scene.eventually_held_by("blue")
}

/// The same, but green keeps the VIP when blue returns; keepalived heeds `nopreempt` only beside `state BACKUP`.
pub fn elect_blue_for_good(scene: &Scene) -> anyhow::Result<()> {
    let (blue, green) = (&scene["blue"], &scene["green"]);
    scene.associate(["blue", "green"])?;
    blue.serve("blue")?;
    green.serve("green")?;
    blue.start_keepalived(&primary(blue, green).staying())?;
    // Whoever is first stays master.
    scene["client"].eventually_fetches(&vip_url(), "blue", havip_lab::PATIENCE)?;
    scene.eventually_held_by("blue")?;
    green.start_keepalived(&secondary(green, blue))
}

/// keepalived notices by itself that its peer is silent: at most 3.96 s, with some to spare.
pub const OWN_TIMERS: Duration = Duration::from_secs(6);

/// Where the VIP's web server is.
pub fn vip_url() -> String {
    url(VIP)
}

/// Where the web server of an address is.
pub fn url(address: impl Into<IpAddr>) -> String {
    match address.into() {
        IpAddr::V4(address) => format!("http://{address}/"),
        IpAddr::V6(address) => format!("http://[{address}]/"),
    }
}

/// The newest move of the VIP with this cause.
pub fn newest(scene: &Scene, cause: MoveCause) -> anyhow::Result<Move> {
    let history =
        scene.lab.api(|client| client.vip_history(scene.vip_id(), &HistoryFilter::default()))?.items;
    history.into_iter().rev().find(|row| row.cause == cause).with_context(|| format!("no {cause}"))
}
