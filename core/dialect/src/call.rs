//! What a dialect makes of a request, and what becomes of it.

use crate::{HttpAnswer, Params, Step, View};
use havip_admission::Refusal;
use havip_model::{ResourceGroupId, ResourceKey};
use serde_json::Value;
use std::{borrow::Cow, time::Duration};

/// A request that was understood, by somebody who is known.
pub trait Call: Send + Sync {
    /// The cloud's name for it.
    fn action(&self) -> &'static str;

    /// What it needs to be allowed, by the name that policies use. What a change needs in detail follows from its plan.
    fn permission(&self) -> &'static str;

    /// The resource group that a read is about, if it is about what is in one.
    fn group_read(&self, _: &View) -> Option<ResourceGroupId> {
        None
    }

    /// Whether it may change something.
    fn is_change(&self) -> bool;

    /// With what it is done once, however often it is sent.
    fn once(&self) -> Option<Once>;

    /// What a rehearsal is answered that found nothing in the way; none if it is meant.
    fn rehearsed(&self) -> Option<Error>;

    /// What it asks of the rules, in order and as a whole; nothing if it only reads or there is nothing to do.
    ///
    /// # Errors
    /// The cloud's own word for what is wrong.
    fn plan(&self, view: &View) -> Result<Vec<Step>, Error>;

    /// The answer, in a view that has what was made; `made` are the subjects of the plan's steps.
    ///
    /// # Errors
    /// Of reads only: the cloud's own word for what is wrong.
    fn answer(&self, view: &View, made: &[ResourceKey]) -> Result<Value, Error>;

    /// The cloud's word for a refusal of the rules.
    fn refused(&self, refusal: &Refusal) -> Error;

    /// The cloud's word for a token that was used for something else.
    fn token_reused(&self) -> Error;

    /// The cloud's word for what somebody who is known may not do.
    fn denied(&self, denied: Denied) -> Error;

    /// The cloud's word for a server that cannot now, and should be asked again.
    fn unavailable(&self) -> Error;
}

/// Why somebody who is known may not do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// The access key was disabled, or has ended.
    KeyDisabled,
    /// No policy allows it, or one denies it: in words.
    Forbidden(String),
    /// Too many such requests by this access key: in so long it may ask again.
    Throttled(Duration),
}

/// How the cloud writes its answers.
pub trait Reply: Send + Sync {
    /// Success and failure alike.
    fn write(&self, outcome: Result<&Value, &Error>, request_id: &str) -> HttpAnswer;
}

/// A request that came through a dialect's gate, or not; either way there is an answer to be written.
pub struct Understood {
    /// How to write the answer.
    pub reply: Box<dyn Reply>,
    /// The access key that signed it, and what is asked for.
    pub asked: Result<(String, Box<dyn Call>), Error>,
}

/// A client's token: the same one does the same thing once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// Action and token; unique within the access key.
    pub name: String,
    /// Everything that was asked, signature and times left out.
    pub asked: String,
}

impl Once {
    /// What was asked under this name: all parameters but those that differ between a request and its repetition.
    pub fn new(name: String, params: &Params, of_transport: &[&str]) -> Self {
        let asked = params.iter().filter(|(name, _)| !of_transport.contains(name));
        // With the lengths, so that no two lists are written alike.
        let asked = asked.map(|(name, value)| format!("{}:{name}={}:{value}&", name.len(), value.len()));
        Self { name, asked: asked.collect() }
    }
}

/// A cloud's error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Error {
    /// The HTTP status.
    pub status: u16,
    /// The cloud's code.
    pub code: Cow<'static, str>,
    /// What is wrong and what to do.
    pub message: String,
    /// In how many milliseconds to ask again, where that is known.
    pub retry_after_ms: Option<u64>,
}

impl Error {
    /// An error of this status, code and message.
    pub fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), retry_after_ms: None }
    }

    /// The same, with when to ask again; at least a millisecond.
    pub fn retry_after(self, wait: Duration) -> Self {
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
        Self { retry_after_ms: Some(millis), ..self }
    }
}
