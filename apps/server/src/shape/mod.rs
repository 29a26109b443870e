//! Resources as the API shows them.

mod address;
mod audit;
mod event;
mod group;
mod identity;
mod machine;
mod network;
mod path;
mod quota;
mod trace;
mod why;

use crate::{ledger::Durable, service::Service};
pub use address::association;
pub use audit::audit_entry;
pub use event::kind;
use havip_model::{HostNumber, Meta, ResourceKey, Timestamp, World};
pub use quota::{quota, quota_request};

/// Shows resources of one durable revision.
pub struct Shapes<'a> {
    service: &'a Service,
    durable: &'a Durable,
    /// What whoever asks sees.
    seen: &'a World,
}

impl<'a> Shapes<'a> {
    /// Shows what is durable.
    pub fn of(service: &'a Service, durable: &'a Durable) -> Self {
        Self { service, durable, seen: &durable.state.world }
    }

    /// The same to somebody who sees a part of the world.
    pub fn of_part(service: &'a Service, durable: &'a Durable, seen: &'a World) -> Self {
        Self { service, durable, seen }
    }

    /// What all resources have.
    pub fn meta(&self, key: ResourceKey, id: String, meta: &Meta) -> havip_api::Meta {
        let condition = self.service.condition(self.durable, key, meta);
        havip_api::Meta {
            id,
            name: meta.name.clone(),
            description: meta.description.clone(),
            created_at: time(meta.created_at),
            updated_at: time(meta.updated_at),
            generation: meta.generation,
            observed_generation: condition.observed_generation,
            status: condition.status.into(),
            reason: condition.reason,
            tags: meta.tags.clone(),
            resource_group: meta.group().to_string(),
        }
    }

    fn host_id(&self, host: HostNumber) -> Option<String> {
        self.durable.state.world.hosts.get(&host).map(|host| host.id.to_string())
    }

    fn host_name(&self, host: HostNumber) -> String {
        crate::service::host_name(self.durable, host)
    }
}

/// An instant as RFC 3339 in UTC with milliseconds, so that a column of them is even; one that no calendar has is shown as its beginning.
pub fn time(at: Timestamp) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    let instant = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{instant:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_in_utc_and_never_fails() {
        assert_eq!(time(Timestamp(1_763_710_000_123)), "2025-11-21T07:26:40.123Z");
        assert_eq!(time(Timestamp(u64::MAX)), "1970-01-01T00:00:00.000Z");
    }
}
