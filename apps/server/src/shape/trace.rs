//! Frames and flows that a host's switch was given, as the API shows them.

use super::Shapes;
use crate::entropy::hex;
use havip_api::{LoggedFlow, TraceEnd, TraceHook, TraceVerdict, TracedFrame};
use havip_model::{Holder, HostNumber, PortNumber, Vni};
use havip_stream::{
    convert,
    proto::{self, Traced},
};

impl Shapes<'_> {
    /// A frame as the API shows it. A word that only a newer agent knows becomes the plainest one.
    pub fn traced_frame(&self, host: HostNumber, traced: &Traced, lost: u64) -> TracedFrame {
        let hook = traced.hook.parse().unwrap_or(TraceHook::Port);
        let vpc = Vni::new(traced.vni).ok().and_then(|vni| self.durable.state.world.vpc_by_vni(vni));
        let (from, to) = (
            self.trace_end(host, traced.port, traced.from_host),
            self.trace_end(host, traced.to_port, traced.to_host),
        );
        let nobody = |name: &str| TraceEnd { name: name.into(), ..TraceEnd::default() };
        TracedFrame {
            at: micros(traced.at_us),
            hook,
            verdict: traced.verdict.parse().unwrap_or(TraceVerdict::Used),
            reason: Some(traced.reason.clone()).filter(|reason| !reason.is_empty()),
            from: from.unwrap_or_else(|| nobody(outsider(hook))),
            to: to.or_else(|| traced.to.parse().ok().map(|to| nobody(outsider(to)))),
            vpc: vpc.map(|vpc| vpc.id.to_string()),
            summary: havip_wire::describe(&traced.frame),
            length: traced.length,
            frame: hex(&traced.frame),
            lost,
        }
    }

    /// A flow as the API shows it.
    pub fn logged_flow(&self, host: HostNumber, flow: &proto::LoggedFlow, one_of: Option<u32>) -> LoggedFlow {
        let text = |bytes: &[u8]| {
            convert::address("address", bytes).map_or_else(|_| "?".into(), |address| address.to_string())
        };
        let has_ports = (flow.source_port, flow.destination_port) != (0, 0);
        let port = |port: u32| u16::try_from(port).ok().filter(|_| has_ports);
        LoggedFlow {
            first: micros(flow.first_us),
            last: micros(flow.last_us),
            host: self.host_name(host),
            accepted: flow.reason.is_empty(),
            reason: Some(flow.reason.clone()).filter(|reason| !reason.is_empty()),
            from: self.trace_end(host, flow.from_port, 0),
            to: self.trace_end(host, flow.to_port, 0),
            protocol: flow.protocol,
            source: text(&flow.source),
            destination: text(&flow.destination),
            source_port: port(flow.source_port),
            destination_port: port(flow.destination_port),
            packets: flow.packets,
            bytes: flow.bytes,
            one_of,
        }
    }

    fn trace_end(&self, here: HostNumber, port: u32, host: u32) -> Option<TraceEnd> {
        if let Ok(port) = PortNumber::new(port) {
            let interface = self.durable.state.world.interface_by_port(port);
            return Some(TraceEnd {
                name: self.who(Holder { host: here, port }),
                port: Some(port.get()),
                interface: interface.map(|interface| interface.id.to_string()),
                instance: interface.and_then(|interface| interface.instance).map(|id| id.to_string()),
                host: None,
            });
        }
        let host = HostNumber::new(host).ok()?;
        Some(TraceEnd { name: self.called(host), host: self.host_id(host), ..TraceEnd::default() })
    }
}

/// Who is neither an interface nor a host.
fn outsider(hook: TraceHook) -> &'static str {
    match hook {
        TraceHook::Edge => "outside",
        TraceHook::Dhcp => "the DHCP service",
        TraceHook::Overlay => "an unknown host",
        TraceHook::Port => "an unknown port",
        TraceHook::Switch => "the switch",
    }
}

/// An instant as RFC 3339 in UTC with microseconds.
pub(super) fn micros(at_us: u64) -> String {
    let micros = i64::try_from(at_us).unwrap_or(i64::MAX);
    let instant = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{instant:.6}")
}
