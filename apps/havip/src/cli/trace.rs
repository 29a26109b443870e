//! `havip host trace`: frames as they pass, as lines or as a file for Wireshark.

use super::heard::{Heard, listen};
use super::session::{Session, print};
use super::show::Format;
use anyhow::{Context, Result};
use havip_api::{
    Host, Interface, PathProtocol, TraceFilter, TraceHook, TraceTotal, TraceVerdict, Traced, TracedFrame, Vpc,
};
use havip_wire::pcapng::{self, Captured, Place};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;

/// What to look for, and what becomes of it.
#[derive(Debug, clap::Args)]
pub struct Trace {
    /// Its id or name
    host: String,
    /// Only what this interface, that is its port of the switch, sends or is given
    #[arg(long)]
    interface: Option<String>,
    /// Only what is of this VPC
    #[arg(long)]
    vpc: Option<String>,
    /// Only what is from or for this address, in IP, ARP or neighbour discovery
    #[arg(long)]
    address: Option<IpAddr>,
    /// Only what is of this protocol: icmp, tcp or udp
    #[arg(long, value_name = "PROTOCOL")]
    proto: Option<PathProtocol>,
    /// Only what is from or to this port of TCP or UDP; for a port of the switch say --interface
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Only what ends so, once or several times: sent, answered, used, dropped or refused
    #[arg(long)]
    verdict: Vec<TraceVerdict>,
    /// The same as --verdict dropped --verdict refused
    #[arg(long)]
    dropped: bool,
    /// Also what hosts tell each other
    #[arg(long)]
    messages: bool,
    /// End after so many seconds, at most 3600
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// End after so many frames
    #[arg(short = 'n', long)]
    count: Option<u64>,
    /// Write the frames' first 512 bytes to this file as pcapng, each with what became of it; - is standard output
    #[arg(short = 'w', long, value_name = "FILE")]
    write: Option<PathBuf>,
}

impl Trace {
    /// Looks on until the end, and says then how many frames there were.
    pub fn run(self, session: &Session) -> Result<()> {
        let id = session.id_of::<Host>(&self.host)?;
        let words: Vec<_> = self.verdict.iter().map(|verdict| verdict.as_str()).collect();
        let filter = TraceFilter {
            interface: session.id_of_any::<Interface>(self.interface.as_deref())?,
            vpc: session.id_of_any::<Vpc>(self.vpc.as_deref())?,
            address: self.address.map(|address| address.to_string()),
            protocol: self.proto,
            port: self.port,
            verdict: (!words.is_empty()).then(|| words.join(",")),
            dropped: Some(self.dropped),
            messages: Some(self.messages),
            seconds: Some(self.seconds),
        };
        let mut file = self.write.map(Recording::begin).transpose()?;
        let stream = session.client.trace_host(&id, &filter)?;
        let mut total = TraceTotal::default();
        for heard in listen(stream) {
            match heard {
                Heard::Interrupted => break,
                Heard::Ended => {
                    total.failure = Some("the server broke it off".into());
                    break;
                }
                Heard::Told(traced) => match traced? {
                    Traced::Total(end) => {
                        total = end;
                        break;
                    }
                    Traced::Frame(frame) => {
                        if frame.lost > total.lost {
                            eprintln!("{} frames came too fast to be shown", frame.lost - total.lost);
                        }
                        total.lost = frame.lost;
                        total.frames += 1;
                        match &mut file {
                            Some(file) => file.write(session, &frame)?,
                            None => print(&line(session.format, &frame)?)?,
                        }
                        if self.count.is_some_and(|count| total.frames >= count) {
                            break;
                        }
                    }
                },
            }
        }
        if let Some(file) = file {
            file.end(&total)?;
        }
        eprintln!("{}", end(&total));
        Ok(())
    }
}

fn end(total: &TraceTotal) -> String {
    let frames = format!("{} frame{}", total.frames, if total.frames == 1 { "" } else { "s" });
    let failure = total.failure.as_ref().map_or(String::new(), |failure| format!("; ended early: {failure}"));
    match total.lost {
        0 => format!("{frames}, none lost{failure}"),
        lost => format!("{frames}; {lost} more came too fast and are lost{failure}"),
    }
}

/// One frame on one line; one document in YAML.
fn line(format: Format, frame: &TracedFrame) -> Result<String> {
    Ok(match format {
        Format::Json => format!("{}\n", serde_json::to_string(frame)?),
        Format::Yaml => format!("---\n{}", serde_yaml_ng::to_string(frame)?),
        Format::Table | Format::Wide => {
            let length = if matches!(format, Format::Wide) {
                format!(" ({} bytes)", frame.length)
            } else {
                String::new()
            };
            format!(
                "{}  {:<12}  {:<28}  {}{length}\n",
                frame.at,
                frame.from.name,
                became(frame),
                frame.summary
            )
        }
    })
}

fn became(frame: &TracedFrame) -> String {
    match (&frame.reason, &frame.to) {
        (Some(reason), _) => format!("{}: {reason}", frame.verdict),
        (None, Some(to)) => format!("{} to {}", frame.verdict, to.name),
        (None, None) => frame.verdict.to_string(),
    }
}

/// A file of frames.
struct Recording {
    out: Box<dyn Write>,
    /// Numbers of the places, by hook and port.
    places: BTreeMap<(String, Option<u32>), u32>,
    last_at_us: u64,
}

impl Recording {
    fn begin(path: PathBuf) -> Result<Self> {
        let out: Box<dyn Write> = match path.as_os_str() == "-" {
            true => Box::new(std::io::stdout()),
            false => {
                Box::new(File::create(&path).with_context(|| format!("could not create {}", path.display()))?)
            }
        };
        let mut file = Self { out, places: BTreeMap::new(), last_at_us: 0 };
        file.put(&pcapng::section(concat!("havip ", env!("CARGO_PKG_VERSION"))))?;
        Ok(file)
    }

    /// One frame, whole: whoever interrupts leaves no half of one.
    fn write(&mut self, session: &Session, frame: &TracedFrame) -> Result<()> {
        use super::show::Names;
        let key = (frame.hook.to_string(), frame.from.port);
        let mut blocks = vec![];
        let next = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(key).or_insert_with(|| {
            let name = place_name(frame);
            let described = Place { name: &name, description: &frame.from.name };
            blocks = pcapng::place(&described, LONGEST);
            next
        });
        let vpc = frame.vpc.as_ref().map(|id| match session.name(id) {
            name if name == *id => id.clone(),
            name => format!("{name} ({id})"),
        });
        let at: jiff::Timestamp = frame.at.parse().context("the server's instants are RFC 3339")?;
        self.last_at_us = u64::try_from(at.as_microsecond()).unwrap_or_default();
        blocks.extend(pcapng::captured(&Captured {
            place,
            at_us: self.last_at_us,
            length: frame.length,
            frame: &bytes(&frame.frame),
            comment: &comment(frame, vpc.as_deref()),
        }));
        self.put(&blocks)
    }

    fn end(mut self, total: &TraceTotal) -> Result<()> {
        // What is lost is lost to no place in particular; programs add the places up.
        if !self.places.is_empty() {
            self.put(&pcapng::statistics(0, self.last_at_us, total.frames + total.lost, total.lost))?;
        }
        Ok(())
    }

    fn put(&mut self, blocks: &[u8]) -> Result<()> {
        self.out.write_all(blocks).and_then(|()| self.out.flush()).context("could not write the frames")
    }
}

/// What Wireshark shows as the interface.
fn place_name(frame: &TracedFrame) -> String {
    match (frame.hook, frame.from.port) {
        (TraceHook::Port, Some(port)) => format!("port {port}"),
        (hook, _) => hook.to_string(),
    }
}

/// `dropped: claim_not_associated; VPC shop (vpc-…); from web-1, port 3; to host h2`
fn comment(frame: &TracedFrame, vpc: Option<&str>) -> String {
    let end = |end: &havip_api::TraceEnd| match end.port {
        Some(port) => format!("{}, port {port}", end.name),
        None => end.name.clone(),
    };
    let mut text = match &frame.reason {
        Some(reason) => format!("{}: {reason}", frame.verdict),
        None => frame.verdict.to_string(),
    };
    if let Some(vpc) = vpc {
        text.push_str(&format!("; VPC {vpc}"));
    }
    text.push_str(&format!("; from {}", end(&frame.from)));
    if let Some(to) = &frame.to {
        text.push_str(&format!("; to {}", end(to)));
    }
    text
}

/// The bytes that hexadecimal digits stand for.
fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// As much as a host keeps of a frame.
const LONGEST: u32 = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use havip_api::TraceEnd;

    #[test]
    fn a_comment_says_verdict_reason_vpc_and_both_ends() {
        let end = |name: &str, port| TraceEnd { name: name.into(), port, ..TraceEnd::default() };
        let frame = TracedFrame {
            at: "2026-11-27T04:15:58.742799Z".into(),
            hook: TraceHook::Port,
            verdict: TraceVerdict::Dropped,
            reason: Some("claim_not_associated".into()),
            from: end("web-1", Some(3)),
            to: None,
            vpc: Some("vpc-1".into()),
            summary: String::new(),
            length: 42,
            frame: "ffff0a".into(),
            lost: 0,
        };
        let vpc = Some("shop (vpc-1)");
        let text = "dropped: claim_not_associated; VPC shop (vpc-1); from web-1, port 3";
        assert_eq!(comment(&frame, vpc), text);
        let sent = TracedFrame {
            verdict: TraceVerdict::Sent,
            reason: None,
            to: Some(end("host h2", None)),
            ..frame.clone()
        };
        assert_eq!(comment(&sent, None), "sent; from web-1, port 3; to host h2");
        assert_eq!((place_name(&frame), bytes(&frame.frame)), ("port 3".into(), vec![0xff, 0xff, 0x0a]));
    }

    #[test]
    fn the_end_says_how_many_there_were_and_how_many_are_lost() {
        let total = |frames, lost| TraceTotal { frames, lost, failure: None };
        assert_eq!(end(&total(1, 0)), "1 frame, none lost");
        assert_eq!(end(&total(12, 7)), "12 frames; 7 more came too fast and are lost");
        let early = TraceTotal { failure: Some("host h1 is gone".into()), ..total(0, 0) };
        assert_eq!(end(&early), "0 frames, none lost; ended early: host h1 is gone");
    }
}
