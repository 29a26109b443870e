//! A change that somebody asked for: once per idempotency key, only of the generation that was expected.

use super::{Fault, FaultKind, Rights, Service};
use crate::{
    entropy,
    ledger::{State, Write},
};
use havip_admission::{Request, admit};
use havip_model::{Change, EventKind, ProjectId, ResourceKey, Timestamp};
use havip_store::stored::{Answer, Stored};
use tracing::info;

/// Who asks, and under which conditions.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The access key's id, or `agent`.
    pub principal: String,
    /// The project that it asks for.
    pub project: ProjectId,
    /// What it may do; the server itself everything.
    pub rights: Option<Rights>,
    /// The idempotency key, with a digest of everything that was asked.
    pub once: Option<(String, String)>,
    /// The generation that the resource must have.
    pub if_generation: Option<u64>,
    /// What it asks for, by the name that policies use.
    pub action: &'static str,
    /// Finds the request in the log.
    pub request_id: String,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// What the request was about.
    pub subject: ResourceKey,
    /// From this revision on it is seen.
    pub revision: u64,
    /// It had happened before, by the same idempotency key.
    pub is_repeated: bool,
}

impl Service {
    /// Carries out a change. `of` is the resource that it changes, if it exists already; `status` is the HTTP
    /// status that is kept with the idempotency key.
    pub async fn change(
        &self,
        caller: &Caller,
        of: Option<ResourceKey>,
        status: u16,
        request: Request,
    ) -> Result<Done, Fault> {
        let (revision, (subject, is_repeated)) = self
            .commit(|state| {
                if let Some(rights) = &caller.rights {
                    let allowed =
                        rights.check_request(&request, self.region(), state.seen_by(caller.project));
                    allowed.map_err(|why| Fault::forbidden(&why))?;
                }
                let name = caller.once.as_ref().map(|(key, _)| format!("{}/{key}", caller.principal));
                if let Some(answer) = name.as_ref().and_then(|name| state.answers.get(name)) {
                    return repeat(answer, caller);
                }
                expect_generation(state, of, caller)?;
                let facts = self.facts_of(state, caller.project);
                let world = match request.is_about_all() {
                    true => &state.world,
                    false => state.seen_by(caller.project),
                };
                let change = admit(world, &request, &facts)?;
                let subject = change.subject;
                let mut write = Write::by(&caller.principal);
                note_changes(&mut write, state, &change, &[subject], facts.now);
                if let (Some(name), Some((_, digest))) = (name, &caller.once) {
                    let (subject, request) = (subject.to_string(), digest.clone());
                    let answer = Answer { name, request, status, subject, at: facts.now, body: None };
                    write.puts.push(Stored::Answer(answer));
                }
                write.audit = caller.done(vec![shown_of(state, &change)]);
                write.change = Some(change);
                Ok((write, (subject, false)))
            })
            .await?;
        info!(subject = %subject, revision, request_id = caller.request_id, principal = caller.principal, is_repeated, "changed");
        Ok(Done { subject, revision, is_repeated })
    }
}

fn repeat(answer: &Answer, caller: &Caller) -> Result<(Write, (ResourceKey, bool)), Fault> {
    let same = caller.once.as_ref().is_some_and(|(_, digest)| *digest == answer.request);
    if !same {
        return Err(Fault::key_reused());
    }
    let subject = answer.subject.parse().map_err(|_| {
        Fault::new(
            FaultKind::Unavailable,
            "store_failed",
            "the stored answer cannot be read; use a new Idempotency-Key",
        )
    })?;
    Ok((Write::by(&caller.principal), (subject, true)))
}

fn expect_generation(state: &State, of: Option<ResourceKey>, caller: &Caller) -> Result<(), Fault> {
    let (Some(expected), Some(key)) = (caller.if_generation, of) else { return Ok(()) };
    match state.seen_by(caller.project).get(key) {
        Some(resource) if resource.meta().generation != expected => {
            let have = resource.meta().generation;
            let detail =
                format!("{} has generation {have}, not {expected}; read it again and decide anew", key.id());
            Err(Fault {
                field: Some("If-Match".into()),
                ..Fault::new(FaultKind::PreconditionFailed, "precondition_failed", detail)
            })
        }
        _ => Ok(()),
    }
}

/// One event per resource that is made or deleted, and one for a subject if it only changes.
pub(super) fn note_changes(
    write: &mut Write,
    state: &State,
    change: &Change,
    subjects: &[ResourceKey],
    at: Timestamp,
) {
    let last = state.timeline.last();
    let mut note = |resource: String, change: &str| {
        write.event(last, at, EventKind::Changed { resource, change: change.into() });
    };
    for key in &change.deletes {
        note(shown(state, *key), "deleted");
    }
    for put in &change.puts {
        let key = put.key();
        let shown = match put {
            havip_model::Resource::Host(host) => host.id.to_string(),
            _ => key.id(),
        };
        match state.world.get(key).is_some() {
            false => note(shown, "created"),
            true if subjects.contains(&key) => note(shown, "updated"),
            true => {}
        }
    }
}

/// The id of what a change is about, made by it or there before.
fn shown_of(state: &State, change: &Change) -> String {
    let made = change.puts.iter().find(|put| put.key() == change.subject);
    match made {
        Some(havip_model::Resource::Host(host)) => host.id.to_string(),
        _ => shown(state, change.subject),
    }
}

/// The id that people see; hosts are keyed by their numbers.
fn shown(state: &State, key: ResourceKey) -> String {
    match key {
        ResourceKey::Host(number) => {
            state.world.hosts.get(&number).map_or_else(|| number.to_string(), |host| host.id.to_string())
        }
        key => key.id(),
    }
}

/// A digest of everything that makes a request what it is.
pub fn request_digest(method: &str, path: &str, body: &[u8]) -> String {
    entropy::digest(&[method.as_bytes(), b" ", path.as_bytes(), b"\n", body].concat())
}
