//! The world as each project sees it: what another project has is not in it, so no rule can tell of it.

use super::World;
use crate::{Change, ProjectId, Resource, ResourceKey};
use std::collections::{BTreeMap, BTreeSet};

/// What each project sees of the world: its own resources, and the hosts and pools, which are everybody's.
///
/// As long as there is one project it sees the whole world, and nothing is kept twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts(BTreeMap<ProjectId, World>);

impl Parts {
    /// The parts of a world for these projects.
    pub fn of(whole: &World, projects: impl IntoIterator<Item = ProjectId>) -> Self {
        let projects: BTreeSet<ProjectId> = projects.into_iter().chain([ProjectId::first()]).collect();
        if projects.len() < 2 {
            return Self::default();
        }
        let part = |project| {
            let resources = whole.resources().filter(|resource| resource.is_seen_by(project));
            (project, World::of(resources, []))
        };
        Self(projects.into_iter().map(part).collect())
    }

    /// What a project sees; `whole` is what these are the parts of.
    pub fn seen_by<'a>(&'a self, project: ProjectId, whole: &'a World) -> &'a World {
        match self.0.is_empty() {
            true => whole,
            // Whoever is in no project any more sees nothing.
            false => self.0.get(&project).unwrap_or(&NOTHING),
        }
    }

    /// A project begins, with nothing of its own.
    pub fn add(&mut self, project: ProjectId, whole: &World) {
        if self.0.is_empty() && project != ProjectId::first() {
            // Until now everything was the first one's, and a copy costs nothing.
            self.0.insert(ProjectId::first(), whole.clone());
        }
        if !self.0.is_empty() && !self.0.contains_key(&project) {
            let shared = whole.hosts.values().cloned().map(Resource::Host);
            let shared = shared.chain(whole.pools.values().cloned().map(Resource::EipPool));
            self.0.insert(project, World::of(shared, []));
        }
    }

    /// A project that has nothing any more ends.
    pub fn remove(&mut self, project: ProjectId) {
        self.0.remove(&project);
        if self.0.len() == 1 {
            self.0.clear();
        }
    }

    /// Makes a decision part of what it concerns; `before` is the whole world without it.
    pub fn apply(&mut self, change: &Change, before: &World) {
        if self.0.is_empty() {
            return;
        }
        let deleted = change.deletes.iter().filter_map(|key| Some((*key, before.get(*key)?.owner())));
        let deleted: Vec<(ResourceKey, Option<ProjectId>)> = deleted.collect();
        let owners = deleted.iter().map(|(_, owner)| *owner).chain(change.puts.iter().map(Resource::owner));
        let owners: BTreeSet<Option<ProjectId>> = owners.collect();
        let is_for_all = owners.contains(&None);
        for (project, part) in &mut self.0 {
            if !is_for_all && !owners.contains(&Some(*project)) {
                continue;
            }
            let is_its = |owner: Option<ProjectId>| owner.is_none_or(|owner| owner == *project);
            let its = Change {
                deletes: deleted.iter().filter(|(_, owner)| is_its(*owner)).map(|(key, _)| *key).collect(),
                puts: change.puts.iter().filter(|put| is_its(put.owner())).cloned().collect(),
                ..Change::about(change.subject)
            };
            part.apply(&its);
        }
    }
}

static NOTHING: std::sync::LazyLock<World> = std::sync::LazyLock::new(World::default);
