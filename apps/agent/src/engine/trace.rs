//! Somebody looks on at what the switch does with packets.
//!
//! For that the programs are loaded once more, by another thread, and swapped; when nobody has asked for three
//! seconds what was seen, they are loaded and swapped back. One at a time can look.

use super::program::chain;
use super::{Done, Engine};
use crate::clock;
use havip_model::{PortNumber, Vni};
use havip_stream::{convert, proto};
use havip_switch::{Loaded, Seen, Trace, Verdict, Wanted, reason_name};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Whether somebody looks on.
#[derive(Default)]
pub struct Looking {
    stage: Stage,
    /// Who begins when the programs are as usual again: a command, and what it wants.
    next: Option<(u64, proto::Trace)>,
}

#[derive(Default)]
enum Stage {
    /// The programs are as usual.
    #[default]
    No,
    /// They are being loaded; the command is answered when they are at work.
    Beginning { command: u64, session: u64, wanted: Wanted },
    /// Somebody looks; so many frames did not fit into the answers.
    On { session: u64, trace: Box<Trace>, asked_at: Duration, lost_here: u64 },
    /// The usual ones are being loaded.
    Ending,
}

impl Looking {
    /// When the session ends unless it is asked.
    pub fn next_deadline(&self) -> Option<Duration> {
        match &self.stage {
            Stage::On { asked_at, .. } => Some(*asked_at + SILENCE),
            _ => None,
        }
    }
}

impl Engine {
    /// Begins to look, gives what was seen since the last time, or ends it.
    pub(super) fn trace(&mut self, command: u64, order: proto::Trace) {
        let refuse =
            |error: &str| proto::CommandResult { id: command, error: error.into(), ..Default::default() };
        let result = match &mut self.looking.stage {
            Stage::No => match self.begin_looking(command, order) {
                Ok(()) => return,
                Err(error) => refuse(&error),
            },
            Stage::Ending if self.looking.next.is_none() => {
                self.looking.next = Some((command, order));
                return;
            }
            Stage::On { session, .. } if *session == order.session && order.end => {
                self.end_looking();
                proto::CommandResult { id: command, ..Default::default() }
            }
            Stage::On { session, trace, asked_at, lost_here } if *session == order.session => {
                *asked_at = clock::since_boot();
                match trace.take() {
                    Ok((seen, lost)) => {
                        *lost_here += seen.len().saturating_sub(MOST) as u64;
                        let lost = lost + *lost_here;
                        let traced = seen.iter().take(MOST).map(|seen| self.traced(seen)).collect();
                        proto::CommandResult { id: command, traced, lost, ..Default::default() }
                    }
                    Err(error) => refuse(&chain(&error)),
                }
            }
            _ if order.end => proto::CommandResult { id: command, ..Default::default() },
            _ => refuse("somebody looks on at this host already; one at a time can"),
        };
        self.outbox.result(result);
    }

    fn begin_looking(&mut self, command: u64, order: proto::Trace) -> Result<(), String> {
        let wanted = self.wanted(&order)?;
        self.load_programs(true);
        self.looking.stage = Stage::Beginning { command, session: order.session, wanted };
        Ok(())
    }

    /// What is to be looked for.
    fn wanted(&self, order: &proto::Trace) -> Result<Wanted, String> {
        let ifindex = match order.port {
            0 => None,
            number => {
                let port = PortNumber::new(number).map_err(|error| error.to_string())?;
                let device = self.ports.device_of(port).map(|(_, ifindex)| ifindex);
                Some(device.ok_or_else(|| format!("port {port} is not plugged here"))?)
            }
        };
        let address = Some(&order.address[..]).filter(|address| !address.is_empty());
        let address = address.map(|address| convert::address("address", address)).transpose();
        let dropped = [Verdict::Dropped, Verdict::Refused].into_iter().filter(|_| order.dropped_only);
        let named = order.verdicts.iter().map(|word| verdict(word)).collect::<Result<Vec<_>, _>>()?;
        Ok(Wanted {
            ifindex,
            vni: Vni::new(order.vni).ok(),
            address: address.map_err(|error| error.to_string())?,
            protocol: u8::try_from(order.protocol).ok().filter(|protocol| *protocol != 0),
            service: u16::try_from(order.service).ok().filter(|service| *service != 0),
            verdicts: dropped.chain(named).collect(),
            messages: order.messages,
        })
    }

    /// Nobody looks any more.
    fn end_looking(&mut self) {
        tracing::info!("nobody looks on any more");
        self.looking.stage = Stage::Ending;
        self.load_programs(false);
    }

    /// Ends a session that nobody asks.
    pub(super) fn end_unasked(&mut self, now: Duration) {
        if self.looking.next_deadline().is_some_and(|deadline| deadline <= now) {
            self.end_looking();
        }
    }

    fn load_programs(&self, looked_at: bool) {
        let (looker, done) = (self.switch.looker(), self.done.clone());
        tokio::task::spawn_blocking(move || {
            let loaded = looker.load(looked_at).map_err(|error| chain(&error));
            // A loop that has ended wants nothing any more.
            let _ = done.send(Done::Loaded(loaded));
        });
    }

    /// The programs are loaded: they are put to work.
    pub(super) fn programs_loaded(&mut self, loaded: Result<Loaded, String>) {
        match std::mem::take(&mut self.looking.stage) {
            Stage::Beginning { command, session, wanted } => {
                let begun = loaded
                    .and_then(|loaded| self.switch.look_on(loaded, &wanted).map_err(|error| chain(&error)));
                let error = match begun {
                    Ok(trace) => {
                        tracing::info!("somebody looks on");
                        let asked_at = clock::since_boot();
                        self.looking.stage =
                            Stage::On { session, trace: Box::new(trace), asked_at, lost_here: 0 };
                        String::new()
                    }
                    Err(error) => {
                        // Some of them may be at work already.
                        self.end_looking();
                        error
                    }
                };
                self.outbox.result(proto::CommandResult { id: command, error, ..Default::default() });
            }
            _ => {
                let away =
                    loaded.and_then(|loaded| self.switch.look_away(loaded).map_err(|error| chain(&error)));
                if let Err(error) = away {
                    tracing::error!(error, "could not load the usual programs; they go on looking");
                }
                if let Some((command, order)) = self.looking.next.take() {
                    self.trace(command, order);
                }
            }
        }
    }

    /// A frame in the words of the API.
    fn traced(&self, seen: &Seen) -> proto::Traced {
        let from = seen.came_by.and_then(|ifindex| self.ports.port_at(ifindex));
        let to = seen.left_by.and_then(|ifindex| self.ports.port_at(ifindex));
        let left_by = seen.left_by.filter(|_| seen.verdict == Verdict::Sent);
        let by_overlay = left_by.is_some_and(|ifindex| ifindex == self.devices.overlay);
        let to_host = seen.aimed_at.filter(|_| by_overlay).and_then(|(underlay, _)| self.host_at(underlay));
        proto::Traced {
            at_us: u64::try_from((seen.at + self.clock_offset).as_micros()).unwrap_or(u64::MAX),
            hook: seen.came_by.map_or("switch", |ifindex| self.place(ifindex)).into(),
            port: from.map_or(0, PortNumber::get),
            from_host: seen.tunnel.and_then(|(_, underlay)| self.host_at(underlay)).unwrap_or_default(),
            vni: seen.vni.map_or(0, Vni::get),
            verdict: word(seen.verdict).into(),
            reason: seen.reason.map_or(String::new(), |reason| reason_name(reason).to_owned()),
            to: left_by.map_or("", |ifindex| self.place(ifindex)).into(),
            to_port: to.filter(|_| left_by.is_some()).map_or(0, PortNumber::get),
            to_host: to_host.unwrap_or_default(),
            length: seen.length,
            frame: seen.frame.clone(),
        }
    }

    /// What a device is to the switch.
    fn place(&self, ifindex: u32) -> &'static str {
        match ifindex {
            index if index == self.devices.overlay => "overlay",
            index if index == self.devices.dhcp_switch => "dhcp",
            index if self.devices.edge.is_some_and(|edge| edge.index == index) => "edge",
            _ => "port",
        }
    }

    fn host_at(&self, underlay: Ipv4Addr) -> Option<u32> {
        self.other_hosts().find(|host| host.underlay == underlay).map(|host| host.number.get())
    }
}

/// A verdict as the stream spells it.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Sent => "sent",
        Verdict::Answered => "answered",
        Verdict::Used => "used",
        Verdict::Dropped => "dropped",
        Verdict::Refused => "refused",
    }
}

fn verdict(named: &str) -> Result<Verdict, String> {
    let all = [Verdict::Sent, Verdict::Answered, Verdict::Used, Verdict::Dropped, Verdict::Refused];
    let found = all.into_iter().find(|verdict| word(*verdict) == named);
    found.ok_or_else(|| format!("this agent knows no verdict {named:?}"))
}

/// A session that is not asked for so long has no reader any more.
const SILENCE: Duration = Duration::from_secs(3);
/// Frames in one answer: some 600 KiB.
const MOST: usize = 1000;
