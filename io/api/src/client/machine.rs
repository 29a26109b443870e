//! Hosts and the instances on them.

use super::transport::{Client, ClientError, query, segment};
use crate::{
    Console, ConsoleRange, Drops, Exec, ExecResult, Health, Host, HostFilter, HostKeys, HostToken, Instance,
    InstanceFilter, MigrateInstance, Page, RunInstance, Update, UpdateHost,
};
use std::time::Duration;

impl Client {
    /// A page of instances.
    pub fn instances(&self, filter: &InstanceFilter) -> Result<Page<Instance>, ClientError> {
        self.list("/instances", filter)
    }
    /// All instances that pass the filter.
    pub fn all_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>, ClientError> {
        self.every(|after| self.instances(&InstanceFilter { after, limit: Some(200), ..filter.clone() }))
    }
    /// One instance.
    pub fn instance(&self, id: &str) -> Result<Instance, ClientError> {
        self.get(&format!("/instances/{}", segment(id)))
    }
    /// Makes an instance with its first interface, and starts it.
    pub fn run_instance(&self, body: &RunInstance) -> Result<Instance, ClientError> {
        self.post("/instances", body)
    }
    /// Changes an instance; what is absent stays.
    pub fn update_instance(&self, id: &str, body: &Update) -> Result<Instance, ClientError> {
        self.patch(&format!("/instances/{}", segment(id)), body)
    }
    /// Deletes an instance.
    pub fn delete_instance(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/instances/{}", segment(id)), &[])
    }
    /// Starts an instance that does not run.
    pub fn start_instance(&self, id: &str) -> Result<Instance, ClientError> {
        self.order(&format!("/instances/{}/start", segment(id)))
    }
    /// Asks an instance that runs to end, and starts it anew.
    pub fn restart_instance(&self, id: &str) -> Result<Instance, ClientError> {
        self.order(&format!("/instances/{}/restart", segment(id)))
    }
    /// Asks an instance to end; what is left after ten seconds is killed.
    pub fn stop_instance(&self, id: &str) -> Result<Instance, ClientError> {
        self.order(&format!("/instances/{}/stop", segment(id)))
    }
    /// The same; others may have its share of the host until it is started.
    pub fn stop_instance_and_give_up_share(&self, id: &str) -> Result<Instance, ClientError> {
        self.end_and_give_up_share(id, "stop")
    }
    /// Ends an instance at once, as if its power failed.
    pub fn power_off_instance(&self, id: &str) -> Result<Instance, ClientError> {
        self.order(&format!("/instances/{}/power-off", segment(id)))
    }
    /// The same; others may have its share of the host until it is started.
    pub fn power_off_instance_and_give_up_share(&self, id: &str) -> Result<Instance, ClientError> {
        self.end_and_give_up_share(id, "power-off")
    }
    fn end_and_give_up_share(&self, id: &str, how: &str) -> Result<Instance, ClientError> {
        let parameters = [("give_up_share", true.to_string())];
        self.change("POST", &format!("/instances/{}/{how}", segment(id)), None::<&()>, &parameters)
    }
    /// Lets a machine go on at another host while it runs.
    pub fn migrate_instance(&self, id: &str, body: &MigrateInstance) -> Result<Instance, ClientError> {
        self.post(&format!("/instances/{}/migrate", segment(id)), body)
    }
    /// Leaves a machine that is on its way to another host where it is.
    pub fn cancel_instance_migration(&self, id: &str) -> Result<Instance, ClientError> {
        self.order(&format!("/instances/{}/cancel-migration", segment(id)))
    }
    /// Runs a program inside an instance and waits for its end; never sent twice.
    pub fn exec(&self, id: &str, body: &Exec) -> Result<ExecResult, ClientError> {
        let bytes = serde_json::to_vec(body).expect("the shape holds only what JSON can say");
        let timeout =
            Duration::from_millis(body.timeout_ms.unwrap_or(10_000).into()) + Duration::from_secs(20);
        self.read(self.send("POST", &format!("/instances/{}/exec", segment(id)), &bytes, timeout, false)?)
    }
    /// What an instance wrote.
    pub fn console(&self, id: &str, range: &ConsoleRange) -> Result<Console, ClientError> {
        self.get(&format!("/instances/{}/console{}", segment(id), query(range)))
    }
    /// A page of hosts.
    pub fn hosts(&self, filter: &HostFilter) -> Result<Page<Host>, ClientError> {
        self.list("/hosts", filter)
    }
    /// All hosts that pass the filter.
    pub fn all_hosts(&self, filter: &HostFilter) -> Result<Vec<Host>, ClientError> {
        self.every(|after| self.hosts(&HostFilter { after, limit: Some(200), ..filter.clone() }))
    }
    /// One host.
    pub fn host(&self, id: &str) -> Result<Host, ClientError> {
        self.get(&format!("/hosts/{}", segment(id)))
    }
    /// Changes a host; what is absent stays.
    pub fn update_host(&self, id: &str, body: &UpdateHost) -> Result<Host, ClientError> {
        self.patch(&format!("/hosts/{}", segment(id)), body)
    }
    /// Removes a host.
    pub fn remove_host(&self, id: &str) -> Result<(), ClientError> {
        self.delete(&format!("/hosts/{}", segment(id)), &[])
    }
    /// What a host's switch has dropped.
    pub fn host_drops(&self, id: &str) -> Result<Drops, ClientError> {
        self.get(&format!("/hosts/{}/drops", segment(id)))
    }
    /// A token with which one host may join, once.
    pub fn create_host_token(&self) -> Result<HostToken, ClientError> {
        self.order("/hosts/tokens")
    }
    /// How far the keys are with which hosts seal what they tell each other.
    pub fn host_keys(&self) -> Result<HostKeys, ClientError> {
        self.get("/hosts/keys")
    }
    /// Begins to change them.
    pub fn rotate_host_keys(&self) -> Result<HostKeys, ClientError> {
        self.order("/hosts/keys")
    }
    /// Whether the server is well.
    pub fn health(&self) -> Result<Health, ClientError> {
        self.get("/health")
    }
    /// The description of the API.
    pub fn openapi(&self) -> Result<serde_json::Value, ClientError> {
        self.get("/openapi.json")
    }
}
