//! Events, listed and watched as they happen; frames, while they pass; paths, before anything passes.

use super::transport::{Client, ClientError, query};
use crate::{
    AuditEntry, AuditFilter, Event, EventFilter, FlowFilter, FoundPath, Logged, Page, PathQuery, ProbePath,
    TraceFilter, Traced, WatchFilter,
};
use serde::de::DeserializeOwned;
use std::{
    io::{BufRead, BufReader},
    marker::PhantomData,
    time::Duration,
};

impl Client {
    /// A page of events, oldest first.
    pub fn events(&self, filter: &EventFilter) -> Result<Page<Event>, ClientError> {
        self.list("/events", filter)
    }
    /// All events that are kept and pass the filter.
    pub fn all_events(&self, filter: &EventFilter) -> Result<Vec<Event>, ClientError> {
        let first = filter.after.clone();
        self.every(|after| {
            self.events(&EventFilter { after: after.or(first.clone()), limit: Some(200), ..filter.clone() })
        })
    }
    /// A page of the audit, oldest first; an empty one may have a next one.
    pub fn audit(&self, filter: &AuditFilter) -> Result<Page<AuditEntry>, ClientError> {
        self.list("/audit", filter)
    }
    /// Events as they happen, without end; ends with an error when the connection breaks, or nobody may ask any more.
    pub fn watch_events(&self, filter: &WatchFilter) -> Result<EventStream, ClientError> {
        self.follow(&format!("/events/watch{}", query(filter)))
    }
    /// What a host's switch is given from now on, until the time of the filter is over.
    pub fn trace_host(&self, host: &str, filter: &TraceFilter) -> Result<TraceStream, ClientError> {
        self.follow(&format!("/hosts/{host}/trace{}", query(filter)))
    }
    /// The flows of a VPC from now on, until the time of the filter is over.
    pub fn follow_flows(&self, vpc: &str, filter: &FlowFilter) -> Result<FlowStream, ClientError> {
        self.follow(&format!("/vpcs/{vpc}/flow-log{}", query(filter)))
    }
    /// What the hosts' maps would do with a packet.
    pub fn find_path(&self, query: &PathQuery) -> Result<FoundPath, ClientError> {
        self.get(&format!("/path{}", self::query(query)))
    }
    /// Sends a packet as an interface's guest would, and says where it went beside what the maps say.
    pub fn probe_path(&self, probe: &ProbePath) -> Result<FoundPath, ClientError> {
        let bytes = serde_json::to_vec(probe).expect("the shapes hold only what JSON can say");
        // Sent again it would be another packet.
        self.read(self.send("POST", "/path", &bytes, PROBE_TIMEOUT, false)?)
    }
    fn follow<T>(&self, path: &str) -> Result<Follow<T>, ClientError> {
        let answer = self.send("GET", path, &[], WATCH_TIMEOUT, true)?;
        if !answer.status().is_success() {
            return Err(self.refusal(answer));
        }
        let lines =
            BufReader::new(Box::new(answer.into_body().into_reader()) as Box<dyn std::io::Read + Send>);
        Ok(Follow { server: self.server().into(), lines, of: PhantomData })
    }
}

/// Events as they happen.
pub type EventStream = Follow<Event>;
/// Flows, and how many there were.
pub type FlowStream = Follow<Logged>;
/// Frames as they pass, and how many there were.
pub type TraceStream = Follow<Traced>;

/// Server-sent events, each the JSON of a `T`.
pub struct Follow<T> {
    server: String,
    lines: BufReader<Box<dyn std::io::Read + Send>>,
    of: PhantomData<T>,
}

impl<T> Follow<T> {
    fn broken(&self, source: std::io::Error) -> ClientError {
        ClientError::Unreachable { server: self.server.clone(), source: Box::new(ureq::Error::Io(source)) }
    }
}

impl<T: DeserializeOwned> Iterator for Follow<T> {
    type Item = Result<T, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = String::new();
        let mut is_refusal = false;
        loop {
            line.clear();
            match self.lines.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(source) => return Some(Err(self.broken(source))),
            }
            // The data of an event is one line, behind its name; comments keep the connection alive.
            if let Some(name) = line.strip_prefix("event:") {
                is_refusal = name.trim() == "refused";
            }
            let Some(data) = line.strip_prefix("data:") else { continue };
            let unexpected = |error: serde_json::Error| ClientError::Unexpected {
                server: self.server.clone(),
                status: 200,
                what: error.to_string(),
            };
            return Some(match is_refusal {
                true => Err(serde_json::from_str(data.trim()).map_or_else(unexpected, ClientError::Refused)),
                false => serde_json::from_str(data.trim()).map_err(unexpected),
            });
        }
    }
}

/// Hosts begin to look on within 10 s, and look on for 2.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);
/// A watch is opened anew after a day.
const WATCH_TIMEOUT: Duration = Duration::from_secs(86_400);
