//! Prometheus metrics of the server.

use crate::service::Service;
use axum::http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::{sync::Mutex, time::Duration};

/// What the server counts.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<PathLabels, Histogram>,
    revision: Gauge,
    hosts: Family<StateLabels, Gauge>,
    resources: Family<KindLabels, Gauge>,
    events: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    path: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PathLabels {
    method: String,
    path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("havip_server");
        let requests = Family::<RequestLabels, Counter>::default();
        let seconds = Family::<PathLabels, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let (revision, events) = (Gauge::default(), Gauge::default());
        let hosts = Family::<StateLabels, Gauge>::default();
        let resources = Family::<KindLabels, Gauge>::default();
        registry.register("requests", "Requests answered", requests.clone());
        registry.register("request_seconds", "Time to answer a request, in seconds", seconds.clone());
        registry.register("revision", "Newest durable revision", revision.clone());
        registry.register("events", "Number of the newest event", events.clone());
        registry.register("hosts", "Hosts by state", hosts.clone());
        registry.register("resources", "Resources by kind", resources.clone());
        Self { registry: Mutex::new(registry), requests, seconds, revision, hosts, resources, events }
    }
}

impl Metrics {
    /// A request was answered; `path` is the route, not what was asked.
    pub fn answered(&self, method: &Method, path: &str, status: StatusCode, took: Duration) {
        let method = match *method {
            Method::GET | Method::POST | Method::PATCH | Method::DELETE | Method::PUT | Method::HEAD => {
                method.to_string()
            }
            // Anybody may invent methods; the number of series stays bounded.
            _ => "other".into(),
        };
        let labels = RequestLabels { method: method.clone(), path: path.into(), status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
        let labels = PathLabels { method, path: path.into() };
        self.seconds.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Everything in Prometheus' text format.
    pub fn text(&self, service: &Service) -> String {
        let live = service.tracker().live().len();
        service.read(|durable| {
            let world = &durable.state.world;
            self.revision.set(durable.revision as i64);
            self.events.set(durable.state.timeline.last() as i64);
            let lost = world.hosts.len().saturating_sub(live);
            self.hosts.get_or_create(&StateLabels { state: "live" }).set(live as i64);
            self.hosts.get_or_create(&StateLabels { state: "lost" }).set(lost as i64);
            let kinds = [
                ("vpc", world.vpcs.len()),
                ("subnet", world.subnets.len()),
                ("interface", world.interfaces.len()),
                ("instance", world.instances.len()),
                ("vip", world.vips.len()),
                ("eip", world.eips.len()),
                ("route", world.routes.len()),
            ];
            for (kind, count) in kinds {
                self.resources.get_or_create(&KindLabels { kind }).set(count as i64);
            }
        });
        let mut text = String::new();
        let registry = self.registry.lock().expect("encoding does not panic");
        encode(&mut text, &registry).expect("a String takes every text");
        text
    }
}

const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
