//! Resource groups: made, renamed, deleted, and what is in them.

use super::{Decision, check, nothing_to_do};
use crate::{Code, Refusal, request::*};
use havip_model::{Meta, Profile, Resource, ResourceGroup, ResourceGroupId, ResourceKey};

impl<'a> Decision<'a> {
    pub fn create_resource_group(&mut self, request: &CreateResourceGroup) -> Result<ResourceKey, Refusal> {
        self.check_group_name(&request.texts.name, None)?;
        let most = self.facts.quotas.limits(Profile::Native).resource_groups_per_project;
        if self.world.resource_groups.len() >= most {
            let message = format!(
                "the project has {most} resource groups, the most it may; delete one, or have the quota \
                 resource_groups_per_project raised"
            );
            return Err(Code::TooManyResourceGroups.at("", message));
        }
        // A group is in no group.
        let meta = Meta { resource_group: None, ..self.meta(&request.texts)? };
        let id = self.fresh_id(&self.whole.resource_groups);
        Ok(self.put(ResourceGroup { id, meta }))
    }

    pub fn update_resource_group(&mut self, request: &UpdateResourceGroup) -> Result<ResourceKey, Refusal> {
        if request.texts == NewTexts::default() {
            return Err(nothing_to_do("a name or a description"));
        }
        let group = self.made_group(request.group)?.id;
        if let Some(name) = &request.texts.name {
            self.check_group_name(name, Some(group))?;
        }
        self.edit_texts::<ResourceGroup>(group, &request.texts, "/group")
    }

    pub fn delete_resource_group(&mut self, request: &DeleteResourceGroup) -> Result<ResourceKey, Refusal> {
        let group = self.made_group(request.group)?;
        let inside: Vec<ResourceKey> =
            self.world.in_resource_group(group.meta.project, Some(group.id)).collect();
        if inside.is_empty() {
            return Ok(self.delete(ResourceKey::ResourceGroup(group.id)));
        }
        let message = format!(
            "resource group {} ({}) has {} resource(s); move them to another group or delete them first",
            group.meta.name,
            group.id,
            inside.len()
        );
        Err(Code::ResourceGroupInUse.at("/group", message).blocked_by(inside.into_iter().take(MOST_NAMED)))
    }

    /// No host hears of resource groups, so the generations of what moves stay.
    pub fn move_to_group(&mut self, request: &MoveToGroup) -> Result<ResourceKey, Refusal> {
        let group = self.group_of(Some(request.group), "/group")?;
        let Some(first) = request.resources.first() else { return Err(nothing_to_do("resources to move")) };
        check::within(request.resources.len() as u64, 1, 50, "/resources", "the number of resources")?;
        for key in &request.resources {
            let mut resource = self.sorted(*key, "/resources", "be in a resource group")?;
            if let Resource::Instance(instance) = &resource
                && let Some(interface) = self.world.primary_interface(instance.id)
                && interface.meta.resource_group == instance.meta.resource_group
            {
                // It is made and deleted with the instance, and goes where that goes.
                let mut interface = interface.clone();
                interface.meta.resource_group = group;
                self.put(interface);
            }
            resource.meta_mut().resource_group = group;
            self.put(resource);
        }
        Ok(*first)
    }

    /// The group that something is to be in, as it is kept: the default one is none.
    pub fn group_of(
        &self,
        wanted: Option<ResourceGroupId>,
        field: &str,
    ) -> Result<Option<ResourceGroupId>, Refusal> {
        let Some(id) = wanted.filter(|id| *id != ResourceGroupId::default_of(self.facts.project)) else {
            return Ok(None);
        };
        self.find::<ResourceGroup>(id, field).map(|group| Some(group.id))
    }

    /// A group that somebody made.
    fn made_group(&self, id: ResourceGroupId) -> Result<&'a ResourceGroup, Refusal> {
        if id != ResourceGroupId::default_of(self.facts.project) {
            return self.find::<ResourceGroup>(id, "/group");
        }
        let message = "a project's default resource group stays as it is; make another one";
        Err(Code::DefaultResourceGroup.at("/group", message))
    }

    fn check_group_name(&self, name: &str, own: Option<ResourceGroupId>) -> Result<(), Refusal> {
        if name.is_empty() {
            return Err(Code::InvalidText.at("/name", "a resource group needs a name of 1 to 128 characters"));
        }
        let same = |group: &&ResourceGroup| group.meta.name == name && Some(group.id) != own;
        let other = self.world.resource_groups.values().find(same);
        if other.is_none() && name != DEFAULT_RESOURCE_GROUP {
            return Ok(());
        }
        let message =
            format!("the project has a resource group called {name:?} already; choose another name");
        let blockers = other.map(|group| ResourceKey::ResourceGroup(group.id));
        Err(Code::NameInUse.at("/name", message).blocked_by(blockers))
    }
}

/// How many of the resources in the way are told.
const MOST_NAMED: usize = 20;
