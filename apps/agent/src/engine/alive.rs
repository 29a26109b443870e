//! Who is alive, and what this edge does about it.

use super::Engine;
use super::program::chain;
use crate::clock;
use crate::edge::{self, Served};
use havip_claim::keeper;
use havip_liveness::{Action, Edge, Event};
use havip_model::HostNumber;
use havip_netlink::Link;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// What the loop keeps beside the prober.
#[derive(Default)]
pub struct Alive {
    pub(super) probed: BTreeSet<HostNumber>,
    /// The EIPs have to be looked at.
    pub edges_are_due: bool,
    /// Hosts that were just missed: their neighbour entries are looked at.
    unheard: BTreeSet<HostNumber>,
    /// When neighbours are asked for again.
    neighbours_at: Duration,
}

impl Engine {
    /// Probes the hosts that share a VPC with this one, and all edges and hosts that it was told of.
    pub(super) fn renew_peers(&mut self) {
        let now = clock::since_boot();
        let hosts: BTreeSet<HostNumber> = self.other_hosts().map(|host| host.number).collect();
        let gone: Vec<_> = self.alive.probed.difference(&hosts).copied().collect();
        let new: Vec<_> = hosts.difference(&self.alive.probed).copied().collect();
        for host in gone {
            self.prober.handle(now, Event::PeerRemoved(host));
            self.lives(now, host);
        }
        for host in new {
            self.prober.handle(now, Event::PeerAdded(host));
        }
        self.alive.probed = hosts;
        self.alive.neighbours_at = Duration::ZERO;
        self.tell_peers();
    }

    /// The claim machine chooses whom to repair with among the members that are alive.
    fn tell_peers(&mut self) {
        let lost = self.prober.liveness().lost;
        let vpcs: Vec<_> = self.vpcs().map(|vpc| (vpc.vni, vpc.members.clone())).collect();
        for (vni, members) in vpcs {
            let peers =
                members.into_iter().filter(|host| *host != self.host && !lost.contains(host)).collect();
            self.tell_keeper(keeper::Event::PeersChanged { vni, peers });
        }
    }

    /// Sends the echoes that are due and draws the conclusions; all frames that have come are handled before.
    pub(super) fn probe(&mut self, now: Duration) {
        if let Some(due_at) = self.prober.next_deadline().filter(|at| *at <= now) {
            self.hear_frames(now);
            self.judge_own_lateness(now - due_at);
        }
        let actions = self.prober.handle(now, Event::DeadlineReached);
        self.follow_prober(now, actions);
        if std::mem::take(&mut self.alive.edges_are_due) {
            self.edge_duty();
        }
        self.announce_outside(now);
        self.show_due(now);
    }

    /// Any frame of a host counts as life, not only an echo.
    fn hear_frames(&mut self, now: Duration) {
        let heard = match self.switch.heard() {
            Ok(heard) => heard,
            Err(error) => return tracing::error!(error = chain(&error), "could not read who was heard"),
        };
        for (host, at) in heard {
            self.testify(at, host);
            if now.saturating_sub(at) < FRESH {
                let actions = self.prober.handle(now, Event::Heard(host));
                self.follow_prober(now, actions);
            }
        }
    }

    pub(super) fn echo_returned(&mut self, now: Duration, host: HostNumber) {
        self.testify(now, host);
        let actions = self.prober.handle(now, Event::Heard(host));
        self.follow_prober(now, actions);
    }

    fn follow_prober(&mut self, now: Duration, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::SendEcho { host, nonce } => {
                    if let Err(error) = self.switch.echo(host, nonce) {
                        tracing::error!(%host, error = chain(&error), "could not send an echo");
                    }
                }
                Action::Ask { about } => {
                    self.alive.unheard.insert(about);
                    self.ask_others(now, about);
                }
                Action::Lost { host, since } => {
                    self.alive.unheard.insert(host);
                    let silent_ms = now.saturating_sub(since).as_millis();
                    tracing::warn!(%host, silent_ms, "host lost");
                    self.outbox.lost(host, true, self.wall_ms(since));
                    self.judged_anew(now);
                }
                Action::Alive { host } => {
                    tracing::info!(%host, "host heard again");
                    // If it was this host that was cut off, the others are to be found again before they are judged.
                    self.alive.unheard.extend(self.prober.liveness().lost);
                    self.outbox.lost(host, false, self.wall_ms(now));
                    self.lives(now, host);
                    self.judged_anew(now);
                }
            }
        }
    }

    fn judged_anew(&mut self, now: Duration) {
        self.alive.edges_are_due = true;
        self.judge_the_lost(now);
        self.tell_peers();
    }

    /// A program that sends to a neighbour not resolved yet succeeds, and nothing is on the wire.
    pub(super) async fn keep_neighbours_warm(&mut self, now: Duration) {
        self.alive.edges_are_due = true;
        if self.alive.neighbours_at > now {
            return;
        }
        self.alive.neighbours_at = now + NEIGHBOURS;
        let addresses: Vec<IpAddr> = self.other_hosts().map(|host| host.underlay).collect();
        for address in addresses {
            if let Err(error) = self.links.resolve_neighbour(self.devices.underlay, address).await {
                tracing::debug!(%address, error = chain(&error), "could not ask for a neighbour");
            }
        }
    }

    /// Asks anew for neighbours that were missed and are not resolved.
    ///
    /// When the underlay's link was away for a moment the kernel has forgotten its neighbours. If its first question
    /// is lost, as by a switch that does not forward yet, it asks again only after a second: long enough to take a
    /// host for lost that is well.
    pub(super) async fn find_the_unheard(&mut self) {
        let unheard = std::mem::take(&mut self.alive.unheard);
        if unheard.is_empty() {
            return;
        }
        let known = match self.links.neighbours(self.devices.underlay).await {
            Ok(known) => known,
            Err(error) => return tracing::debug!(error = chain(&error), "could not list the neighbours"),
        };
        for host in unheard {
            let Some(address) = self.host_item(host).map(|host| host.underlay) else { continue };
            if known.iter().any(|neighbour| neighbour.address == address && neighbour.mac.is_some()) {
                continue;
            }
            let forgotten = self.links.remove_neighbour(self.devices.underlay, address).await;
            let asked = self.links.resolve_neighbour(self.devices.underlay, address).await;
            if let Err(error) = forgotten.and(asked) {
                tracing::debug!(%host, error = chain(&error), "could not ask for a neighbour anew");
            }
        }
    }

    /// Takes the EIPs and external subnets that are this edge's now, gives up those that it cannot serve.
    fn edge_duty(&mut self) {
        let Some(outside) = self.devices.edge else { return };
        let liveness = self.prober.liveness();
        let segments = self.subnets().filter_map(Served::segment);
        for served in self.eips().map(Served::from).chain(segments).collect::<Vec<_>>() {
            // Before the VPC's records are here, an active edge looks like none.
            if !self.claims.open.contains(&served.key.vni) {
                continue;
            }
            let record = self.record(served.key);
            let own = Edge { host: self.host, is_able: outside.has_carrier };
            if let Some(order) = edge::duty(&served, record, own, outside.mac, &liveness) {
                tracing::info!(address = %served.key.address, ?order, "edge duty");
                self.order(&order);
            }
        }
    }

    /// An edge whose outside device fails must give its EIPs up.
    pub(super) fn edge_changed(&mut self, link: &Link, has_carrier: bool) {
        if let Some(edge) = &mut self.devices.edge
            && edge.index == link.index
            && edge.has_carrier != has_carrier
        {
            tracing::warn!(device = link.name, has_carrier, "the outside device changed");
            edge.has_carrier = has_carrier;
            self.alive.edges_are_due = true;
        }
    }
}

/// A frame this old may have come before the last echo was sent.
const FRESH: Duration = Duration::from_millis(50);
/// The kernel forgets an unused neighbour after some minutes, and doubts it after 30 s.
const NEIGHBOURS: Duration = Duration::from_secs(10);
