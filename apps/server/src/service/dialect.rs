//! A cloud's call carried out: planned, decided and answered on the newest state, in one step.

use super::{Rights, Service, Tried, change::note_changes};
use crate::{
    entropy,
    ledger::{CommitError, State, Write},
};
use havip_audit::Outcome;
use havip_dialect::{Call, Denied, Error, Home, Life, View, admit_steps};
use havip_model::{
    InstanceId, InstanceState, Meta, PortNumber, ProjectId, Record, ResourceKey, Status, VipKey, World,
};
use havip_store::stored::{Answer, Stored};
use serde_json::Value;
use std::{collections::VecDeque, net::IpAddr, sync::Arc};
use tracing::{error, info};

impl Service {
    /// Where the clouds' clients are told that they are.
    pub fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// Carries out what a cloud's client asks for, once per client token; the key has signed it.
    pub async fn perform(&self, who: Asking<'_>, request_id: &str, call: &dyn Call) -> Result<Value, Error> {
        let Asking { key, source, is_secure, dialect } = who;
        // It was there when the signature was checked.
        let known = self.known(key).filter(|known| known.is_good());
        let mut tried = Tried {
            key: key.into(),
            source,
            dialect,
            action: call.permission(),
            request_id: request_id.into(),
            ..Tried::default()
        };
        let known = known.ok_or_else(|| {
            let error = call.denied(Denied::KeyDisabled);
            self.note_refusal(tried.noted(Outcome::Refused(error.code.to_string())));
            error
        })?;
        self.note_use(&known.principal);
        let rights = Rights::new(known.principal.clone(), source, is_secure, dialect);
        tried.rights = Some(rights.clone());
        let who = &*known.principal;
        let note = |error: &Error| {
            // What was only rehearsed, and what failed here, was not refused.
            let is_rehearsal = call.rehearsed().is_some_and(|passed| passed.code == error.code);
            if error.status < 500 && !is_rehearsal {
                self.note_refusal(tried.noted(Outcome::Refused(error.code.to_string())));
            }
        };
        if let Err(wait) = self.throttle(&who.key, call.permission()) {
            let error = call.denied(Denied::Throttled(wait));
            note(&error);
            return Err(error);
        }
        if !call.is_change() {
            let answered = self.read(|durable| {
                let seen = durable.state.seen_by(who.project);
                self.look(&durable.state, seen, who.project, |view| {
                    rights.check_read(call.permission(), None, call.group_read(view), self.region())?;
                    Ok(call.answer(view, &[]))
                })
            });
            return answered.map_err(|why| forbidden(call, why)).inspect_err(note)?;
        }
        let done = self.commit_as(|state| self.decide_call(state, &tried, &rights, call)).await;
        let (revision, (value, subjects)) = done.map_err(|failed| match failed {
            Failed::Cloud(error) => {
                note(&error);
                error
            }
            Failed::Commit(error) => {
                error!(error = &error as &dyn std::error::Error, "a call was not carried out");
                call.unavailable()
            }
        })?;
        let shown = subjects.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let principal = &who.key;
        info!(action = call.action(), subjects = shown, revision, request_id, principal, "changed");
        let mut tasks = self.tasks.lock().expect("nothing panics while it holds them");
        tasks.add(request_id, who.project, subjects);
        Ok(value)
    }

    fn decide_call(
        &self,
        state: &State,
        tried: &Tried,
        rights: &Rights,
        call: &dyn Call,
    ) -> Result<(Write, (Value, Vec<ResourceKey>)), Failed> {
        let who = &rights.principal;
        let (principal, seen) = (who.key.as_str(), state.seen_by(who.project));
        let once = call.once().map(|once| {
            let name = format!("{principal}/{}", entropy::digest(once.name.as_bytes()));
            (name, entropy::digest(once.asked.as_bytes()))
        });
        if let Some((name, asked)) = &once
            && let Some(before) = state.answers.get(name)
        {
            // Whatever the resource is by now, the answer is the first one.
            let value = before.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
            return match (value, before.request == *asked) {
                (Some(value), true) => {
                    let subjects = before.subject.split(' ').filter_map(|key| key.parse().ok()).collect();
                    Ok((Write::by(principal), (value, subjects)))
                }
                _ => Err(Failed::Cloud(call.token_reused())),
            };
        }
        let steps = self.look(state, seen, who.project, |view| call.plan(view));
        // Each step must be allowed; whoever may not do it at all does not learn what else is wrong with it.
        let allowed = match &steps {
            Ok(steps) if !steps.is_empty() => {
                steps.iter().try_for_each(|step| rights.check_request(&step.request, self.region(), seen))
            }
            Ok(_) | Err(_) => rights.check_action(call.permission()),
        };
        allowed.map_err(|why| Failed::Cloud(forbidden(call, why)))?;
        let steps = steps.map_err(Failed::Cloud)?;
        let facts = self.facts_of(state, who.project);
        let admitted = admit_steps(seen, &steps, &facts);
        let admitted = admitted.map_err(|refusal| Failed::Cloud(call.refused(&refusal)))?;
        if let Some(passed) = call.rehearsed() {
            return Err(Failed::Cloud(passed));
        }
        let (made, change) = admitted.map_or_else(|| (vec![], None), |(made, change)| (made, Some(change)));
        let mut after = seen.clone();
        change.iter().for_each(|change| after.apply(change));
        let answer = |view: &View| call.answer(view, &made);
        let value = self.look(state, &after, who.project, answer).map_err(Failed::Cloud)?;

        let mut write = Write::by(principal);
        if let Some(change) = &change {
            note_changes(&mut write, state, change, &made, facts.now);
            let resources = made.iter().map(ResourceKey::id).collect();
            write.audit = Some(Tried { resources, ..tried.clone() }.noted(Outcome::Done));
        }
        write.change = change;
        if let Some((name, request)) = once {
            let subject = made.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            let body = Some(value.to_string());
            write.puts.push(Stored::Answer(Answer {
                name,
                request,
                status: 200,
                subject,
                at: facts.now,
                body,
            }));
        }
        Ok((write, (value, made)))
    }

    /// Shows a dialect what a project sees of this state.
    fn look<T>(&self, state: &State, world: &World, project: ProjectId, look: impl FnOnce(&View) -> T) -> T {
        let life = Reported { service: self, state, project };
        let quotas = self.quotas_of(state, project);
        look(&View { world, project, quotas: &quotas, withdrawing: &state.withdrawing, life: &life })
    }
}

fn forbidden(call: &dyn Call, why: String) -> Error {
    call.denied(Denied::Forbidden(why))
}

/// Who signed a cloud's request, and how it came.
pub struct Asking<'a> {
    /// The access key.
    pub key: &'a str,
    /// From which address.
    pub source: Option<IpAddr>,
    /// Whether encrypted.
    pub is_secure: bool,
    /// In which dialect.
    pub dialect: &'static str,
}

/// What hosts have reported.
struct Reported<'a> {
    service: &'a Service,
    state: &'a State,
    project: ProjectId,
}

impl Life for Reported<'_> {
    fn status(&self, key: ResourceKey, meta: &Meta) -> Status {
        match meta.deleting {
            true => Status::Deleting,
            false => self.service.tracker().condition(key, meta.generation, |host| host.to_string()).status,
        }
    }

    fn reason(&self, key: ResourceKey, meta: &Meta) -> String {
        self.service.tracker().condition(key, meta.generation, |host| host.to_string()).reason
    }

    fn task(&self, is: &dyn Fn(&str) -> bool) -> Option<Vec<ResourceKey>> {
        self.service.tasks.lock().expect("nothing panics while it holds them").find(self.project, is)
    }

    fn record(&self, key: VipKey) -> Option<Record> {
        self.state.records.get(&key).copied()
    }

    fn instance(&self, id: InstanceId) -> Option<(InstanceState, u64)> {
        self.service.tracker().instance_life(id).map(|life| (life.state, life.starts))
    }

    fn is_port_up(&self, port: PortNumber) -> bool {
        self.service.tracker().is_port_up(port).unwrap_or(false)
    }
}

/// What the newest requests have changed, for clients that ask how far they are.
#[derive(Default)]
pub struct Tasks(VecDeque<Task>);

/// What one request has changed.
struct Task {
    request_id: String,
    project: ProjectId,
    subjects: Vec<ResourceKey>,
}

impl Tasks {
    fn add(&mut self, request_id: &str, project: ProjectId, subjects: Vec<ResourceKey>) {
        if self.0.len() == MOST_TASKS {
            self.0.pop_front();
        }
        self.0.push_back(Task { request_id: request_id.into(), project, subjects });
    }

    fn find(&self, project: ProjectId, is: &dyn Fn(&str) -> bool) -> Option<Vec<ResourceKey>> {
        let found = self.0.iter().rev().find(|task| task.project == project && is(&task.request_id));
        found.map(|task| task.subjects.clone())
    }
}

/// Why a call was not carried out.
enum Failed {
    /// In the cloud's words.
    Cloud(Error),
    /// The store did not take it.
    Commit(CommitError),
}

impl From<CommitError> for Failed {
    fn from(error: CommitError) -> Self {
        Self::Commit(error)
    }
}

/// Clients ask within seconds.
const MOST_TASKS: usize = 10_000;
