//! A step of a plan: a request to the rules, and what the cloud will show again.

use havip_admission::{Facts, Refusal, Request, admit_all};
use havip_model::{Change, ResourceKey, World};

/// A request to the rules, and what the cloud will show again although it has no effect here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is to happen.
    pub request: Request,
    /// See [`Meta::said`](havip_model::Meta::said).
    pub said: Vec<(&'static str, String)>,
}

impl Step {
    /// A step that says this about its subject.
    pub fn saying(request: impl Into<Request>, said: Vec<(&'static str, String)>) -> Self {
        Self { request: request.into(), said }
    }
}

impl<T: Into<Request>> From<T> for Step {
    fn from(request: T) -> Self {
        Self::saying(request, vec![])
    }
}

/// Decides the steps of a plan as a whole; nothing if there are none.
///
/// # Errors
/// The first refusal; then nothing of it happens.
pub fn admit_steps(
    world: &World,
    steps: &[Step],
    facts: &Facts,
) -> Result<Option<(Vec<ResourceKey>, Change)>, Refusal> {
    let requests: Vec<Request> = steps.iter().map(|step| step.request.clone()).collect();
    let Some((subjects, mut change)) = admit_all(world, &requests, facts)? else { return Ok(None) };
    for (subject, step) in subjects.iter().zip(steps) {
        let subject = change.puts.iter_mut().find(|put| put.key() == *subject);
        if let Some(subject) = subject.filter(|_| !step.said.is_empty()) {
            let said = step.said.iter().map(|(word, text)| ((*word).to_string(), text.clone()));
            subject.meta_mut().said.extend(said);
        }
    }
    Ok(Some((subjects, change)))
}
