//! A cloud's call carried out: planned, decided and answered on the newest state, in one step.

use super::{Service, change::note_changes};
use crate::{
    entropy,
    ledger::{CommitError, State, Write},
};
use havip_dialect::{Call, Error, Home, Life, View, admit_steps};
use havip_model::{InstanceId, InstanceState, Meta, PortNumber, Record, ResourceKey, Status, VipKey, World};
use havip_store::stored::{Answer, Stored};
use serde_json::Value;
use std::{collections::VecDeque, sync::Arc};
use tracing::{error, info};

impl Service {
    /// Where the clouds' clients are told that they are.
    pub fn home(&self) -> &Arc<Home> {
        &self.home
    }

    /// The secret of an access key; none if there is no such key.
    pub fn secret_of(&self, id: &str) -> Option<String> {
        let key = id.parse().ok()?;
        let sealed =
            self.read(|durable| durable.state.keys.get(&key).map(|key| key.sealed_secret.clone()))?;
        match self.sealer().open_sealed(id, &sealed) {
            Ok(secret) => Some(secret),
            Err(error) => {
                error!(error = &*error as &dyn std::error::Error, key = id, "an access key cannot be opened");
                None
            }
        }
    }

    /// Carries out what a cloud's client asks for, once per client token; whoever asks is known.
    pub async fn perform(&self, principal: &str, request_id: &str, call: &dyn Call) -> Result<Value, Error> {
        if !call.is_change() {
            return self.read(|durable| {
                self.look(&durable.state, &durable.state.world, |view| call.answer(view, &[]))
            });
        }
        let done = self.commit_as(|state| self.decide_call(state, principal, call)).await;
        let (revision, (value, subjects)) = done.map_err(|failed| match failed {
            Failed::Cloud(error) => error,
            Failed::Commit(error) => {
                error!(error = &error as &dyn std::error::Error, "a call was not carried out");
                call.unavailable()
            }
        })?;
        let shown = subjects.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        info!(action = call.action(), subjects = shown, revision, request_id, principal, "changed");
        self.tasks.lock().expect("nothing panics while it holds them").add(request_id, subjects);
        Ok(value)
    }

    fn decide_call(
        &self,
        state: &State,
        principal: &str,
        call: &dyn Call,
    ) -> Result<(Write, (Value, Vec<ResourceKey>)), Failed> {
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
        let steps = self.look(state, &state.world, |view| call.plan(view)).map_err(Failed::Cloud)?;
        let facts = self.facts(state);
        let admitted = admit_steps(&state.world, &steps, &facts);
        let admitted = admitted.map_err(|refusal| Failed::Cloud(call.refused(&refusal)))?;
        if let Some(passed) = call.rehearsed() {
            return Err(Failed::Cloud(passed));
        }
        let (made, change) = admitted.map_or_else(|| (vec![], None), |(made, change)| (made, Some(change)));
        let mut after = state.world.clone();
        change.iter().for_each(|change| after.apply(change));
        let value = self.look(state, &after, |view| call.answer(view, &made)).map_err(Failed::Cloud)?;

        let mut write = Write::by(principal);
        if let Some(change) = &change {
            note_changes(&mut write, state, change, &made, facts.now);
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

    /// Shows a dialect a world of this state.
    fn look<T>(&self, state: &State, world: &World, look: impl FnOnce(&View) -> T) -> T {
        let life = Reported { service: self, state };
        look(&View { world, withdrawing: &state.withdrawing, life: &life })
    }
}

/// What hosts have reported.
struct Reported<'a> {
    service: &'a Service,
    state: &'a State,
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
        self.service.tasks.lock().expect("nothing panics while it holds them").find(is)
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
pub struct Tasks(VecDeque<(String, Vec<ResourceKey>)>);

impl Tasks {
    fn add(&mut self, request_id: &str, subjects: Vec<ResourceKey>) {
        if self.0.len() == MOST_TASKS {
            self.0.pop_front();
        }
        self.0.push_back((request_id.into(), subjects));
    }

    fn find(&self, is: &dyn Fn(&str) -> bool) -> Option<Vec<ResourceKey>> {
        self.0.iter().rev().find(|(request_id, _)| is(request_id)).map(|(_, subjects)| subjects.clone())
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
