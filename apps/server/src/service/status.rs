//! Status is true: computed from what hosts have acknowledged whenever it is shown.

use super::Service;
use crate::ledger::Durable;
use havip_model::{Condition, HostNumber, InstanceState, Meta, PowerState, ResourceKey, Status};
use std::time::Duration;

impl Service {
    /// How far the world is with a resource.
    pub fn condition(&self, durable: &Durable, key: ResourceKey, meta: &Meta) -> Condition {
        let condition = self.tracker.condition(key, meta.generation, |host| host_name(durable, host));
        if meta.deleting {
            return Condition { status: Status::Deleting, ..condition };
        }
        match key {
            ResourceKey::Instance(id) if condition.status == Status::Available => {
                match durable.state.world.instances.get(&id) {
                    Some(instance) => self.instance_condition(durable, instance, condition),
                    None => condition,
                }
            }
            _ => condition,
        }
    }

    /// An instance is available when it does what is wanted of it.
    fn instance_condition(
        &self,
        durable: &Durable,
        instance: &havip_model::Instance,
        condition: Condition,
    ) -> Condition {
        let host = host_name(durable, instance.host);
        if !self.tracker.host(instance.host, |life| life.is_some_and(|life| life.is_live())) {
            let reason = format!("its host {host} is not heard");
            return Condition { status: Status::Failed, reason, ..condition };
        }
        if instance.driver == havip_model::Driver::External {
            return condition;
        }
        let Some(life) = self.tracker.instance_life(instance.id) else {
            let reason = format!("waiting for {host} to report");
            return Condition { status: Status::Creating, reason, ..condition };
        };
        let is_as_wanted = match instance.power {
            PowerState::Running => life.state == InstanceState::Running && life.starts >= instance.starts,
            PowerState::Stopped | PowerState::PoweredOff => life.state == InstanceState::Stopped,
        };
        match life.state {
            // A machine that runs may have something to say: that it is emulated.
            _ if is_as_wanted && condition.status == Status::Available => {
                Condition { reason: life.reason, ..condition }
            }
            _ if is_as_wanted => condition,
            InstanceState::Failed => Condition { status: Status::Failed, reason: life.reason, ..condition },
            _ => Condition {
                status: Status::Creating,
                reason: format!("it is {}", word(life.state)),
                ..condition
            },
        }
    }

    /// Waits until a resource's status is settled: available, failed, or gone.
    pub async fn settled(&self, key: ResourceKey, wait: Duration) {
        let mut lives = self.tracker.changes();
        let mut revisions = self.ledger.revisions();
        let settled = async {
            loop {
                if self.read(|durable| self.is_settled(durable, key)) {
                    return;
                }
                tokio::select! {
                    changed = lives.changed() => if changed.is_err() { return },
                    changed = revisions.changed() => if changed.is_err() { return },
                    // What only time decides: a host that does not acknowledge.
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        };
        // Whoever asked gets the status as it is when the time is over.
        let _ = tokio::time::timeout(wait, settled).await;
    }

    fn is_settled(&self, durable: &Durable, key: ResourceKey) -> bool {
        if durable.state.withdrawing.contains_key(&key) {
            return false;
        }
        let Some(resource) = durable.state.world.get(key) else { return true };
        self.condition(durable, key, resource.meta()).status != Status::Creating
    }
}

/// A host's name for people; its id if it has none.
pub fn host_name(durable: &Durable, host: HostNumber) -> String {
    match durable.state.world.hosts.get(&host) {
        Some(host) if !host.meta.name.is_empty() => host.meta.name.clone(),
        Some(host) => host.id.to_string(),
        None => format!("host number {host}"),
    }
}

fn word(state: InstanceState) -> &'static str {
    havip_api::InstanceState::from(state).as_str()
}

const LOOK: Duration = Duration::from_millis(500);
