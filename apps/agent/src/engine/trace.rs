//! Somebody looks on at frames, one at a time; when nobody has asked for three seconds what was seen, it ends.

use super::Engine;
use super::program::chain;
use crate::clock;
use havip_model::{PortNumber, Vni};
use havip_stream::{convert, proto};
use havip_switch::{Seen, Trace, Verdict, Wanted, reason_name};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Who looks on at frames.
pub struct Tracing {
    session: u64,
    pub(super) wanted: Wanted,
    /// The command that began it: answered when the programs are at work.
    beginning: Option<u64>,
    /// None until then.
    trace: Option<Trace>,
    /// What programs before have seen that were swapped meanwhile.
    seen: Vec<Seen>,
    /// Frames that did not fit: into the answers, and into the rings of programs before.
    lost: u64,
    asked_at: Duration,
}

impl Tracing {
    /// The programs are swapped: what these have seen is kept.
    pub(super) fn put_by(&mut self) {
        if let Some(Ok((seen, lost))) = self.trace.take().map(|mut trace| trace.take()) {
            self.seen.extend(seen);
            self.lost += lost;
        }
    }

    /// The programs are at work; the command to be answered.
    pub(super) fn begin(&mut self, trace: Trace) -> Option<u64> {
        self.trace = Some(trace);
        self.asked_at = clock::since_boot();
        self.beginning.take()
    }

    /// When it was asked last; none while it begins, which may take long.
    pub(super) fn asked_at(&self) -> Option<Duration> {
        Some(self.asked_at).filter(|_| self.beginning.is_none())
    }

    /// The programs cannot be put to work, so it ends; the command to be answered.
    pub(super) fn fail(self) -> Option<u64> {
        self.beginning
    }
}

impl Engine {
    /// Begins to look, gives what was seen since the last time, or ends it.
    pub(super) fn trace(&mut self, command: u64, order: proto::Trace) {
        let refuse =
            |error: &str| proto::CommandResult { id: command, error: error.into(), ..Default::default() };
        let result = match &mut self.looking.tracing {
            None if order.end => proto::CommandResult { id: command, ..Default::default() },
            None => match self.wanted(&order) {
                Ok(wanted) => {
                    let asked_at = clock::since_boot();
                    self.looking.tracing = Some(Tracing {
                        session: order.session,
                        wanted,
                        beginning: Some(command),
                        trace: None,
                        seen: vec![],
                        lost: 0,
                        asked_at,
                    });
                    return self.settle_programs();
                }
                Err(error) => refuse(&error),
            },
            Some(of) if of.session == order.session && order.end => {
                self.looking.tracing = None;
                self.settle_programs();
                proto::CommandResult { id: command, ..Default::default() }
            }
            Some(of) if of.session == order.session => {
                of.asked_at = clock::since_boot();
                let mut seen = std::mem::take(&mut of.seen);
                let lost = match of.trace.as_mut().map(Trace::take) {
                    Some(Ok((fresh, lost))) => {
                        seen.extend(fresh);
                        Ok(lost)
                    }
                    Some(Err(error)) => Err(chain(&error)),
                    None => Ok(0),
                };
                of.lost += seen.len().saturating_sub(MOST) as u64;
                let before = of.lost;
                match lost {
                    Ok(lost) => {
                        let traced = seen.iter().take(MOST).map(|seen| self.traced(seen)).collect();
                        proto::CommandResult {
                            id: command,
                            traced,
                            lost: lost + before,
                            ..Default::default()
                        }
                    }
                    Err(error) => refuse(&error),
                }
            }
            Some(_) if order.end => proto::CommandResult { id: command, ..Default::default() },
            Some(_) => refuse("somebody looks on at this host already; one at a time can"),
        };
        self.outbox.result(result);
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

/// Frames in one answer: some 600 KiB.
const MOST: usize = 1000;
