//! The decision: one file per kind of resource, and what all decisions have in common.

mod address;
mod association;
pub(crate) mod check;
mod deployment_set;
mod eip;
mod group;
mod host;
mod instance;
mod interface;
mod migration;
mod plug;
mod pool;
mod resource_group;
mod room;
mod route;
mod secondary;
mod subnet;
mod tag;
mod vip;
mod vpc;

use crate::{Code, Draw, Facts, Refusal, Request, request::NewTexts, request::Texts};
use havip_model::{
    Change, Counter, DeploymentSet, DeploymentSetId, Eip, EipId, EipPool, EipPoolId, Host, HostNumber, Id,
    Instance, InstanceId, Interface, InterfaceId, Map, Meta, Resource, ResourceGroup, ResourceGroupId,
    ResourceKey, Route, RouteId, SecurityGroup, SecurityGroupId, Subnet, SubnetId, Vip, VipId, Vpc, VpcId,
    World,
};
use std::collections::{BTreeMap, BTreeSet};

/// Decides whether a request may happen in this world, and what exactly it changes.
///
/// # Errors
/// The first thing that is wrong, with what to do about it.
pub fn admit(world: &World, request: &Request, facts: &Facts) -> Result<Change, Refusal> {
    let mut decision = Decision::new(world, facts);
    let subject = match request {
        Request::CreateVpc(request) => decision.create_vpc(request),
        Request::UpdateVpc(request) => decision.update_vpc(request),
        Request::DeleteVpc(request) => decision.delete_vpc(request),
        Request::CreateSubnet(request) => decision.create_subnet(request),
        Request::UpdateSubnet(request) => decision.update_subnet(request),
        Request::DeleteSubnet(request) => decision.delete_subnet(request),
        Request::CreateInterface(request) => decision.create_interface(request),
        Request::UpdateInterface(request) => decision.update_interface(request),
        Request::DeleteInterface(request) => decision.delete_interface(request),
        Request::AttachInterface(request) => decision.attach_interface(request),
        Request::DetachInterface(request) => decision.detach_interface(request),
        Request::AddAddresses(request) => decision.add_addresses(request),
        Request::RemoveAddresses(request) => decision.remove_addresses(request),
        Request::MoveAddresses(request) => decision.move_addresses(request),
        Request::TakeAddresses(request) => decision.take_addresses(request),
        Request::PlugInterface(request) => decision.plug_interface(request),
        Request::UnplugInterface(request) => decision.unplug_interface(request),
        Request::MigrateInterface(request) => decision.migrate_interface(request),
        Request::FinishMigration(request) => decision.finish_migration(request),
        Request::CancelMigration(request) => decision.cancel_migration(request),
        Request::MeasureMigration(request) => decision.measure_migration(request),
        Request::SettleInterface(request) => decision.settle_interface(request),
        Request::RunInstance(request) => decision.run_instance(request),
        Request::UpdateInstance(request) => decision.update_instance(request),
        Request::StartInstance(request) => decision.start_instance(request),
        Request::RestartInstance(request) => decision.restart_instance(request),
        Request::StopInstance(request) => decision.stop_instance(request),
        Request::PowerOffInstance(request) => decision.power_off_instance(request),
        Request::MigrateInstance(request) => decision.migrate_instance(request),
        Request::CancelInstanceMigration(request) => decision.cancel_instance_migration(request),
        Request::DeleteInstance(request) => decision.delete_instance(request),
        Request::CreateVip(request) => decision.create_vip(request),
        Request::UpdateVip(request) => decision.update_vip(request),
        Request::RenewVip(request) => decision.renew_vip(request),
        Request::DeleteVip(request) => decision.delete_vip(request),
        Request::Associate(request) => decision.associate(request),
        Request::Dissociate(request) => decision.dissociate(request),
        Request::TagResource(request) => decision.tag_resource(request),
        Request::CreateDeploymentSet(request) => decision.create_deployment_set(request),
        Request::UpdateDeploymentSet(request) => decision.update_deployment_set(request),
        Request::DeleteDeploymentSet(request) => decision.delete_deployment_set(request),
        Request::JoinDeploymentSet(request) => decision.join_deployment_set(request),
        Request::LeaveDeploymentSet(request) => decision.leave_deployment_set(request),
        Request::CreateResourceGroup(request) => decision.create_resource_group(request),
        Request::UpdateResourceGroup(request) => decision.update_resource_group(request),
        Request::DeleteResourceGroup(request) => decision.delete_resource_group(request),
        Request::MoveToGroup(request) => decision.move_to_group(request),
        Request::CreateEipPool(request) => decision.create_eip_pool(request),
        Request::UpdateEipPool(request) => decision.update_eip_pool(request),
        Request::DeleteEipPool(request) => decision.delete_eip_pool(request),
        Request::AllocateEip(request) => decision.allocate_eip(request),
        Request::UpdateEip(request) => decision.update_eip(request),
        Request::BindEip(request) => decision.bind_eip(request),
        Request::UnbindEip(request) => decision.unbind_eip(request),
        Request::ReleaseEip(request) => decision.release_eip(request),
        Request::CreateRoute(request) => decision.create_route(request),
        Request::DeleteRoute(request) => decision.delete_route(request),
        Request::CreateSecurityGroup(request) => decision.create_security_group(request),
        Request::UpdateSecurityGroup(request) => decision.update_security_group(request),
        Request::DeleteSecurityGroup(request) => decision.delete_security_group(request),
        Request::AddRules(request) => decision.add_rules(request),
        Request::RemoveRules(request) => decision.remove_rules(request),
        Request::ReplaceRules(request) => decision.replace_rules(request),
        Request::JoinHost(request) => decision.join_host(request),
        Request::UpdateHost(request) => decision.update_host(request),
        Request::RemoveHost(request) => decision.remove_host(request),
    }?;
    Ok(decision.into_change(subject))
}

/// A decision in the making.
struct Decision<'a> {
    /// What whoever asks may know of.
    world: &'a World,
    /// Everything that there is.
    whole: &'a World,
    facts: &'a Facts,
    draw: Draw,
    deletes: BTreeSet<ResourceKey>,
    /// In the order of their keys each resource comes after those that it names.
    puts: BTreeMap<ResourceKey, Resource>,
    counters: BTreeMap<Counter, u64>,
}

impl<'a> Decision<'a> {
    fn new(world: &'a World, facts: &'a Facts) -> Self {
        let draw = Draw::new(facts.entropy);
        let whole = facts.whole.as_ref().unwrap_or(world);
        Self {
            world,
            whole,
            facts,
            draw,
            deletes: BTreeSet::new(),
            puts: BTreeMap::new(),
            counters: BTreeMap::new(),
        }
    }

    fn into_change(self, subject: ResourceKey) -> Change {
        Change {
            deletes: self.deletes.into_iter().collect(),
            puts: self.puts.into_values().collect(),
            counters: self.counters,
            ..Change::about(subject)
        }
    }

    /// The resource of this id, or the refusal that says that it is missing.
    fn find<T: Kept>(&self, id: T::Id, field: &str) -> Result<&'a T, Refusal> {
        T::all(self.world).get(&id).ok_or_else(|| missing::<T>(id, field))
    }

    /// Adds a resource that is new, or replaces it as it is decided so far.
    fn put(&mut self, resource: impl Into<Resource>) -> ResourceKey {
        let resource = resource.into();
        let key = resource.key();
        self.puts.insert(key, resource);
        key
    }

    /// Changes a resource as it is decided so far; counts as one change of its specification, however many
    /// parts of a decision touch it. Nothing happens if it is to be deleted.
    fn edit<T: Kept>(&mut self, id: T::Id, change: impl FnOnce(&mut T)) -> ResourceKey {
        let key = T::key(id);
        let staged = self.puts.remove(&key).and_then(T::unwrap);
        let fresh = || {
            let mut resource = T::all(self.world).get(&id).cloned()?;
            resource.meta().updated_at = self.facts.now;
            resource.meta().generation += 1;
            Some(resource)
        };
        let edited = staged.or_else(fresh).filter(|_| !self.deletes.contains(&key));
        if let Some(mut resource) = edited {
            change(&mut resource);
            self.puts.insert(key, resource.into());
        }
        key
    }

    /// Notes something in a resource that nobody asked for: it is no change of its specification, so its generation stays.
    fn note<T: Kept>(&mut self, id: T::Id, change: impl FnOnce(&mut T)) -> ResourceKey {
        let key = T::key(id);
        let staged = self.puts.remove(&key).and_then(T::unwrap);
        let noted = staged.or_else(|| T::all(self.world).get(&id).cloned());
        if let Some(mut resource) = noted.filter(|_| !self.deletes.contains(&key)) {
            change(&mut resource);
            self.puts.insert(key, resource.into());
        }
        key
    }

    /// A new id, whose short form is nobody else's either.
    fn fresh_id<K: Id, V>(&mut self, taken: &Map<K, V>) -> K {
        loop {
            let body = self.draw.body();
            if taken.by_head(body.head()).is_none() {
                return K::of(body);
            }
        }
    }

    fn delete(&mut self, key: ResourceKey) -> ResourceKey {
        self.puts.remove(&key);
        self.deletes.insert(key);
        key
    }

    /// The next number that was never given, at most `most`.
    fn number(&mut self, counter: Counter, most: u64) -> Result<u64, Refusal> {
        let next = self.counters.get(&counter).copied().unwrap_or_else(|| self.whole.next(counter));
        if next > most {
            let message = format!(
                "all {most} numbers of the kind \"{}\" were given once and are never given twice; \
                 a new installation is needed",
                counter.word()
            );
            return Err(Code::NumbersExhausted.at("", message));
        }
        self.counters.insert(counter, next + 1);
        Ok(next)
    }

    /// The first generation of a resource with these texts.
    fn meta(&self, texts: &Texts) -> Result<Meta, Refusal> {
        check::texts(Some(&texts.name), Some(&texts.description))?;
        self.check_new_tags(&texts.tags)?;
        let (created_at, updated_at) = (self.facts.now, self.facts.now);
        let (name, description) = (texts.name.clone(), texts.description.clone());
        let (tags, project) = (texts.tags.clone(), self.facts.project);
        let resource_group = self.group_of(texts.resource_group, "/resource_group")?;
        let generation = 1;
        Ok(Meta {
            name,
            description,
            created_at,
            updated_at,
            project,
            generation,
            tags,
            resource_group,
            ..Meta::default()
        })
    }

    /// Changes the texts of a resource, which must not be all that is missing from the request.
    fn edit_texts<T: Kept>(
        &mut self,
        id: T::Id,
        texts: &NewTexts,
        field: &str,
    ) -> Result<ResourceKey, Refusal> {
        self.find::<T>(id, field)?;
        check::texts(texts.name.as_deref(), texts.description.as_deref())?;
        Ok(self.edit::<T>(id, |resource| set_texts(resource.meta(), texts)))
    }
}

fn set_texts(meta: &mut Meta, texts: &NewTexts) {
    if let Some(name) = &texts.name {
        meta.name.clone_from(name);
    }
    if let Some(description) = &texts.description {
        meta.description.clone_from(description);
    }
}

fn missing<T: Kept>(id: T::Id, field: &str) -> Refusal {
    let message = format!("{} {} does not exist; list them to see which do", T::WORD, T::key(id).id());
    T::MISSING.at(field, message)
}

/// The request changes nothing.
fn nothing_to_do(what: &str) -> Refusal {
    Code::NothingToDo.at("", format!("the request changes nothing; give {what}"))
}

/// A kind of resource, for what is done alike with all.
trait Kept: Clone + Into<Resource> + 'static {
    type Id: Copy + Ord;
    const WORD: &'static str;
    const MISSING: Code;
    fn all(world: &World) -> &Map<Self::Id, Self>;
    fn key(id: Self::Id) -> ResourceKey;
    fn unwrap(resource: Resource) -> Option<Self>;
    fn meta(&mut self) -> &mut Meta;
}

macro_rules! kept {
    ($($kind:ident($id:ident) in $table:ident: $word:literal, $missing:ident;)*) => {$(
        impl Kept for $kind {
            type Id = $id;
            const WORD: &'static str = $word;
            const MISSING: Code = Code::$missing;
            fn all(world: &World) -> &Map<$id, Self> { &world.$table }
            fn key(id: $id) -> ResourceKey { ResourceKey::$kind(id) }
            fn unwrap(resource: Resource) -> Option<Self> {
                match resource { Resource::$kind(resource) => Some(resource), _ => None }
            }
            fn meta(&mut self) -> &mut Meta { &mut self.meta }
        }
    )*};
}

kept! {
    ResourceGroup(ResourceGroupId) in resource_groups: "resource group", ResourceGroupNotFound;
    Vpc(VpcId) in vpcs: "VPC", VpcNotFound;
    Subnet(SubnetId) in subnets: "subnet", SubnetNotFound;
    SecurityGroup(SecurityGroupId) in groups: "security group", SecurityGroupNotFound;
    DeploymentSet(DeploymentSetId) in deployment_sets: "deployment set", DeploymentSetNotFound;
    Interface(InterfaceId) in interfaces: "interface", InterfaceNotFound;
    Instance(InstanceId) in instances: "instance", InstanceNotFound;
    Vip(VipId) in vips: "VIP", VipNotFound;
    EipPool(EipPoolId) in pools: "EIP pool", EipPoolNotFound;
    Eip(EipId) in eips: "EIP", EipNotFound;
    Route(RouteId) in routes: "route", RouteNotFound;
    Host(HostNumber) in hosts: "host", HostNotFound;
}
