//! The wiring: settings, identity, devices, switch, tasks, loop.

use crate::args::{Args, Config};
use crate::devices::{self, Devices};
use crate::dhcp::{self, Leases};
use crate::engine::{self, Parts};
use crate::follow::follow;
use crate::identity::Identity;
use crate::outbox::Outbox;
use crate::{clock, disk, keys, metrics, peers};
use anyhow::Context;
use havip_netlink::{LinkWatch, Links};
use havip_packet_socket::{AsyncPacketSocket, PacketSocket};
use havip_stream::{convert, proto};
use havip_switch::{AsyncEvents, Attach, Capacity, Edge, Options, Switch};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// Runs the agent of this host until SIGTERM or SIGINT. The switch keeps working after that.
///
/// The future is not `Send`: drive it with `block_on`.
///
/// # Errors
/// A setting is missing, the host has not joined and cannot, a device or the switch cannot be made.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping; the switch goes on");
    };
    run_until(args, stop).await
}

/// The same until told otherwise.
///
/// # Errors
/// As [`run`].
pub async fn run_until(args: Args, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let config = args.settle()?;
    disk::make_directory(&config.data)?;
    let _lock = disk::lock(&config.data).await?;
    let links = Links::open()?;
    let underlay = devices::underlay(&links, config.underlay).await?;
    let identity = Identity::load_or_join(&config, underlay.guest_mtu).await?;
    tracing::info!(host = %identity.number, name = config.name, underlay = %config.underlay, "agent");

    // From here on nothing that happens to a device is missed.
    let link_watch = LinkWatch::open()?;
    let devices = devices::prepare(&links, &config, underlay).await?;
    let switch = open_switch(&config, &identity, &links, &devices).await?;
    let events = switch.events().context("could not open the switch's rings")?;
    let events = AsyncEvents::new(events).context("could not wait for the switch's rings")?;

    let leases = Leases::default();
    tokio::spawn(answer_dhcp(devices.dhcp_agent, Arc::clone(&leases))?);

    let (asked_by, asked) = mpsc::channel(64);
    let endpoint = config.peer_endpoint();
    let serving = peers::serve(&identity, endpoint, asked_by)
        .await
        .with_context(|| format!("could not listen on {endpoint} for other agents; choose a --peer-port"))?;
    tokio::spawn(serving);
    let (wanted_by, wanted) = mpsc::channel(16);
    tokio::spawn(metrics::serve(config.metrics, wanted_by).await?);

    let outbox = Arc::new(Outbox::default());
    let (hello, position) = watch::channel(proto::Hello {
        host_number: identity.number.get(),
        last_revision: 0,
        epoch: String::new(),
        underlay: convert::address_bytes(config.underlay),
        peer_endpoint: endpoint.to_string(),
        edge_device: config.edge.clone().unwrap_or_default(),
        guest_mtu: underlay.guest_mtu.into(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    let (heard_by, heard) = mpsc::channel(256);
    let server = identity.server(&config.server)?;
    let following = follow(server, position, Arc::clone(&outbox), heard_by);
    // Begins with the loop, which knows by then where the disk's state ends.
    let parts = Parts {
        config,
        identity,
        switch,
        events,
        links,
        link_watch,
        devices,
        heard,
        hello,
        outbox,
        asked,
        wanted,
        leases,
        following: Box::pin(following),
    };
    engine::run(parts, stop).await
}

async fn open_switch(
    config: &Config,
    identity: &Identity,
    links: &Links,
    devices: &Devices,
) -> anyhow::Result<Switch> {
    let IpAddr::V4(underlay) = config.underlay else {
        anyhow::bail!("the underlay address {} is IPv6, which the switch does not speak yet", config.underlay)
    };
    let options = Options {
        name: config.name.clone(),
        host: identity.number,
        underlay,
        overlay_ifindex: devices.overlay,
        attach: Attach::from_environment(),
        capacity: Capacity { records: config.most_vips, ..Capacity::default() },
    };
    let switch = Switch::open(&options).context("could not open the switch")?;
    // Before anything can claim: an epoch must not fall behind.
    let now = clock::since_boot();
    let offset = clock::offset(now, clock::wall(), None);
    switch.set_clock(i64::try_from(offset.as_nanos()).unwrap_or(i64::MAX))?;
    switch.beat()?;

    switch.attach_agent(devices.dhcp_agent)?;
    switch.attach_dhcp(devices.dhcp_switch)?;
    links.set_up(devices.dhcp_switch).await?;
    links.set_up(devices.dhcp_agent).await?;
    if let Some(edge) = devices.edge {
        switch.attach_edge(Edge { ifindex: edge.index, mac: edge.mac, address: edge.address })?;
        links.set_up(edge.index).await?;
    }
    // Before the first word of another host: the last keys, if the server has told any before.
    if let Some(keys) = keys::load(&config.data)? {
        switch.set_keys(&keys).context("could not give the switch its keys")?;
    }
    switch.attach_overlay()?;
    links.set_up(devices.overlay).await.context(
        "could not set the overlay up; does other software use the port? Choose another --vxlan-port on all hosts",
    )?;
    Ok(switch)
}

/// Answers guests for ever: nothing else in the agent waits for this.
fn answer_dhcp(device: u32, leases: Leases) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let socket = PacketSocket::open(device).context("could not listen for DHCP")?;
    socket.ignore_outgoing()?;
    let socket = AsyncPacketSocket::new(socket)?;
    Ok(async move {
        let mut frame = vec![0; 2048];
        loop {
            let received = match socket.receive(&mut frame).await {
                Ok(received) => received,
                Err(error) => return tracing::error!(%error, "DHCP is not answered any more"),
            };
            let answer = match leases.read() {
                Ok(leases) => dhcp::answer(&leases, &frame[..received.length]),
                Err(_) => None,
            };
            if let Some(answer) = answer
                && let Err(error) = socket.get().send(&answer)
            {
                tracing::warn!(%error, "could not answer DHCP");
            }
        }
    })
}
