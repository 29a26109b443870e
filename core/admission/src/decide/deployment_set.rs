//! Deployment sets: no two instances of one are on one host, wherever they go.

use super::{Decision, nothing_to_do};
use crate::{Code, Refusal, request::*};
use havip_model::{DeploymentSet, DeploymentSetId, Host, HostNumber, Instance, Profile, ResourceKey};

impl Decision<'_> {
    pub fn create_deployment_set(&mut self, request: &CreateDeploymentSet) -> Result<ResourceKey, Refusal> {
        let most = self.facts.quotas.limits(Profile::Native).deployment_sets_per_project;
        if self.world.deployment_sets.len() >= most {
            let message = format!(
                "the project has {most} deployment sets, the most it may; delete one, or have the quota \
                 deployment_sets_per_project raised"
            );
            return Err(Code::TooManyDeploymentSets.at("", message));
        }
        let meta = self.meta(&request.texts)?;
        let id = self.fresh_id(&self.whole.deployment_sets);
        Ok(self.put(DeploymentSet { id, meta }))
    }

    pub fn update_deployment_set(&mut self, request: &UpdateDeploymentSet) -> Result<ResourceKey, Refusal> {
        if request.texts == NewTexts::default() {
            return Err(nothing_to_do("a name or a description"));
        }
        self.edit_texts::<DeploymentSet>(request.set, &request.texts, "/deployment_set")
    }

    pub fn delete_deployment_set(&mut self, request: &DeleteDeploymentSet) -> Result<ResourceKey, Refusal> {
        let set = self.find::<DeploymentSet>(request.set, "/deployment_set")?;
        let members = self.world.instances_of_set(set.id);
        let members: Vec<_> = members.map(|instance| ResourceKey::Instance(instance.id)).collect();
        if members.is_empty() {
            return Ok(self.delete(ResourceKey::DeploymentSet(set.id)));
        }
        let message = format!(
            "deployment set {} has {} instance(s); take them out or delete them first",
            set.id,
            members.len()
        );
        Err(Code::DeploymentSetInUse.at("/deployment_set", message).blocked_by(members))
    }

    /// Nothing moves: it joins where it is, and where it is on its way to.
    pub fn join_deployment_set(&mut self, request: &JoinDeploymentSet) -> Result<ResourceKey, Refusal> {
        let instance = self.find::<Instance>(request.instance, "/instance")?;
        let set = self.find::<DeploymentSet>(request.set, "/deployment_set")?.id;
        if instance.deployment_set == Some(set) {
            let message =
                format!("instance {} is of deployment set {set} already; nothing to do", instance.id);
            return Err(Code::AlreadyInState.at("/deployment_set", message));
        }
        let is_at = |host: &&Host| {
            let mut interfaces = self.world.interfaces_of(instance.id);
            instance.host == host.number || interfaces.any(|interface| interface.has_port_at(host.number))
        };
        for host in self.world.hosts.values().filter(is_at) {
            let Some(other) = self.member_at(set, host.number, Some(instance)) else { continue };
            let message = format!(
                "instance {} of deployment set {set} is on host {} ({}), too; migrate one of the two first, or make \
                 instance {} anew in the set",
                other.id, host.number, host.meta.name, instance.id
            );
            let refusal = Code::DeploymentSetFull.at("/deployment_set", message);
            return Err(refusal.blocked_by([ResourceKey::Instance(other.id)]));
        }
        Ok(self.edit::<Instance>(instance.id, |instance| instance.deployment_set = Some(set)))
    }

    pub fn leave_deployment_set(&mut self, request: &LeaveDeploymentSet) -> Result<ResourceKey, Refusal> {
        let instance = self.find::<Instance>(request.instance, "/instance")?;
        if instance.deployment_set.is_none() {
            let message = format!("instance {} is of no deployment set; nothing to do", instance.id);
            return Err(Code::AlreadyInState.at("/instance", message));
        }
        Ok(self.edit::<Instance>(instance.id, |instance| instance.deployment_set = None))
    }

    /// The instance of a set that is on a host, or on its way there or away: another one may not come.
    fn member_at(&self, set: DeploymentSetId, host: HostNumber, but: Option<&Instance>) -> Option<&Instance> {
        let others = self.world.instances_of_set(set);
        let mut others = others.filter(|other| but.is_none_or(|but| but.id != other.id));
        others.find(|other| {
            other.host == host
                || self.world.interfaces_of(other.id).any(|interface| interface.has_port_at(host))
        })
    }

    /// Whether an instance of a set may be on a host.
    pub fn may_be_at(&self, set: Option<DeploymentSetId>, host: HostNumber) -> bool {
        set.is_none_or(|set| self.member_at(set, host, None).is_none())
    }

    /// Checks that an instance of a set may be on a host, as it is to be or to go there.
    pub fn check_spread(
        &self,
        set: Option<DeploymentSetId>,
        host: &Host,
        moving: Option<&Instance>,
    ) -> Result<(), Refusal> {
        let Some(set) = set else { return Ok(()) };
        let Some(other) = self.member_at(set, host.number, moving) else { return Ok(()) };
        let message = format!(
            "instance {} of deployment set {set} is on host {} ({}) already; use another host",
            other.id, host.number, host.meta.name
        );
        Err(Code::DeploymentSetFull.at("/host", message).blocked_by([ResourceKey::Instance(other.id)]))
    }
}

/// There is no host left for one more instance of a set.
pub fn full(set: DeploymentSetId, zone: &str) -> Refusal {
    let message = format!(
        "each live host of zone {zone} has an instance of deployment set {set} already; add a host, or delete an \
         instance of the set"
    );
    Code::DeploymentSetFull.at("/deployment_set", message)
}
