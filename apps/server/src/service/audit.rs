//! What the audit says of requests: of a change in the same transaction, of refusals at a limited rate.

use super::{Caller, Fault, FaultKind, Rights, Service};
use crate::{
    entropy,
    ledger::{CommitError, Write},
};
use havip_audit::{Entry, Noted, Outcome};
use havip_model::{AccessKeyId, Body};
use std::net::IpAddr;
use tracing::{error, warn};

/// A request, as far as it is known before anybody knows who asks.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    /// What was sent as an access key.
    pub key: String,
    /// From which address.
    pub source: Option<IpAddr>,
    /// Through which API.
    pub dialect: &'static str,
    /// By the name that policies use.
    pub action: &'static str,
    /// The ids of what it names.
    pub resources: Vec<String>,
    /// Finds the request in the log.
    pub request_id: String,
    /// Who asks, once that is known.
    pub rights: Option<Rights>,
}

impl Tried {
    /// What the audit says of it.
    pub fn noted(&self, outcome: Outcome) -> Noted {
        let who = self.rights.as_ref().map(|rights| &rights.principal);
        Noted {
            at: entropy::now(),
            user: who.map(|who| who.name.clone()).unwrap_or_default(),
            key: who.map_or_else(|| key_of_stranger(&self.key), |who| who.key.clone()),
            project: who.map(|who| who.project.to_string()).unwrap_or_default(),
            source: self.source.map(|source| source.to_string()).unwrap_or_default(),
            dialect: self.dialect.into(),
            action: self.action.into(),
            resources: self.resources.clone(),
            request_id: self.request_id.clone(),
            outcome,
            count: 1,
        }
    }
}

impl Caller {
    /// What the audit says of a change of these resources; nothing of what the server does by itself.
    pub(super) fn done(&self, resources: Vec<String>) -> Option<Noted> {
        Some(self.tried(resources)?.noted(Outcome::Done))
    }

    fn tried(&self, resources: Vec<String>) -> Option<Tried> {
        let rights = self.rights.clone()?;
        Some(Tried {
            key: String::new(),
            source: rights.context.source,
            dialect: rights.context.dialect,
            action: self.action,
            resources,
            request_id: self.request_id.clone(),
            rights: Some(rights),
        })
    }
}

impl Service {
    /// Notes that a host is about to be told to do something, which is no change of what is stored.
    ///
    /// Before it is told: nobody knows what a host that does not answer has done.
    pub async fn note_order(&self, caller: &Caller, resource: String) -> Result<(), Fault> {
        let noted = caller.done(vec![resource]);
        let write = || Write { audit: noted.clone(), ..Write::by(&caller.principal) };
        self.commit(|_| Ok((write(), ()))).await.map(|_| ())
    }

    /// Notes a refusal of a part of a request.
    pub fn note_refused(&self, caller: &Caller, resource: &str, fault: &Fault) {
        if fault.kind.is_refusal()
            && let Some(tried) = caller.tried(shaped_as_id(resource).map(Into::into).into_iter().collect())
        {
            self.note_refusal(tried.noted(Outcome::Refused(fault.code.clone())));
        }
    }

    /// Notes a refusal, or counts it; whoever was refused does not wait for the disk.
    pub fn note_refusal(&self, noted: Noted) {
        let told = self.refusals.lock().expect("nothing panics here").take(self.begun.elapsed(), noted);
        told.into_iter().for_each(|noted| self.queue(noted));
    }

    /// Notes how many refusals were left out, once a minute for each kind.
    pub(super) fn note_left_out(&self) {
        let due = self.refusals.lock().expect("nothing panics here").due(self.begun.elapsed());
        due.into_iter().for_each(|noted| self.queue(noted));
    }

    /// Notes all that were left out, and waits until everything is stored: the server ends.
    pub async fn note_last(&self) {
        let rest = self.refusals.lock().expect("nothing panics here").rest(self.begun.elapsed());
        for noted in rest {
            let write = || Write { audit: Some(noted.clone()), ..Write::by("server") };
            if let Err(fault) = self.commit(|_| Ok((write(), ()))).await {
                warn!(fault = %fault, count = noted.count, "refusals are missing in the audit");
            }
        }
    }

    fn queue(&self, noted: Noted) {
        let count = noted.count;
        let write = Write { audit: Some(noted), ..Write::by("server") };
        // The ticket is nobody's: the ledger commits it with the next batch.
        if let Err(failure) = self.ledger.decide::<_, CommitError>(|_| Ok((write, ()))) {
            warn!(error = &failure as &dyn std::error::Error, count, "refusals are missing in the audit");
        }
    }

    /// Entries behind a number that pass, so many at most, and where to go on; one call looks at a bounded number.
    pub async fn audit(
        &self,
        after: u64,
        most: usize,
        passes: impl Fn(&Entry) -> bool,
    ) -> Result<(Vec<Entry>, Option<u64>), Fault> {
        let (mut found, mut last) = (vec![], after);
        for _ in 0..MOST_READS {
            let read = self.ledger.entries(last, READ).await.map_err(|failure| {
                error!(error = &*failure as &dyn std::error::Error, after = last, "the audit cannot be read");
                let detail = format!("the audit cannot be read behind entry {last}: {failure:#}");
                Fault::new(FaultKind::Unavailable, "store_failed", detail)
            })?;
            let is_end = read.len() < READ;
            for entry in read {
                if found.len() == most {
                    return Ok((found, Some(last)));
                }
                last = entry.sequence;
                found.extend(Some(entry).filter(&passes));
            }
            if is_end {
                return Ok((found, None));
            }
        }
        Ok((found, Some(last)))
    }
}

impl FaultKind {
    /// Whether whoever asks was refused, and not let down.
    pub fn is_refusal(self) -> bool {
        !matches!(self, Self::HostSilent | Self::Unavailable | Self::NoSuchMethod)
    }
}

/// What was sent as a key, if it looks like one: it may be anything, and a secret that was put in the wrong place.
fn key_of_stranger(sent: &str) -> String {
    sent.parse::<AccessKeyId>().map(|id| id.to_string()).unwrap_or_default()
}

/// What looks like an id, of whatever kind; what people send may be anything, and as long as a body.
pub fn shaped_as_id(text: &str) -> Option<&str> {
    let (kind, body) = text.rsplit_once('-')?;
    (kind.len() <= LONGEST_KIND && body.parse::<Body>().is_ok()).then_some(text)
}

/// `security-group` and longer ones.
const LONGEST_KIND: usize = 16;
/// Rows that are read at once, and how often for one request: some 50 ms.
const READ: usize = 500;
const MOST_READS: usize = 20;
