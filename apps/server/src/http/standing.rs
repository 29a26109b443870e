//! Whoever began a stream may lose the right to it while it goes on: then it ends, and its last event says why.

use super::{
    access::{in_project, may},
    action::Action,
    problem::problem,
};
use crate::service::{Fault, FaultKind, Rights, Service, Tried};
use axum::{
    body::{Body, Bytes},
    http::{Method, Uri, header},
    response::Response,
};
use futures_util::{StreamExt, stream};
use havip_audit::Outcome;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{sync::mpsc, time::interval};

/// What a stream rests on: what was asked for, and by whom.
pub struct Standing {
    /// Who asked, and from where, as it was then.
    pub tried: Tried,
    /// What for.
    pub action: Action,
    /// By which method.
    pub method: Method,
    /// At which path, with which parameters.
    pub uri: Uri,
    /// The project of the header, if there was one.
    pub project: Option<String>,
}

impl Standing {
    /// Whether it could be asked for now, as it was then.
    fn check(&self, service: &Service) -> Result<(), Fault> {
        let Some(before) = &self.tried.rights else { return Ok(()) };
        let known = service.known(&self.tried.key).ok_or_else(|| {
            let detail = "this access key, or the user whose it was, is no longer there";
            Fault::new(FaultKind::Unauthenticated, "unauthenticated", detail)
        })?;
        if !known.is_good() {
            return Err(Fault::key_disabled());
        }
        let now = in_project(service, known.principal.clone(), self.project.as_deref())?;
        // What an administrator is shown of others is in what the stream has taken with it.
        if before.principal.is_administrator && !now.is_administrator {
            return Err(Fault::administrators_only());
        }
        let context = &before.context;
        let rights = Rights::new(now, context.source, context.is_secure, context.dialect);
        may(service, &rights, self.action, &self.method, &self.uri)
    }
}

/// Whether an answer goes on for as long as its asker likes.
pub fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// Lets a stream of events go on for as long as its standing is good.
///
/// A task of its own reads the stream, so that it ends also where its reader takes nothing more.
pub fn watched(service: &Arc<Service>, standing: Standing, response: Response) -> Response {
    let (parts, body) = response.into_parts();
    let (tell, told) = mpsc::channel(1);
    tokio::spawn(relay(Arc::downgrade(service), standing, body, tell));
    let events = stream::unfold(told, async |mut told| Some((told.recv().await?, told)));
    Response::from_parts(parts, Body::from_stream(events))
}

async fn relay(
    service: Weak<Service>,
    standing: Standing,
    body: Body,
    tell: mpsc::Sender<Result<Bytes, axum::Error>>,
) {
    let mut events = body.into_data_stream();
    let mut checks = interval(BETWEEN_CHECKS);
    loop {
        let one = async {
            let room = tell.reserve().await.ok()?;
            room.send(events.next().await?);
            Some(())
        };
        tokio::select! {
            biased;
            () = tell.closed() => return,
            _ = checks.tick() => {
                // A stream does not keep a server alive that is ending.
                let Some(service) = service.upgrade() else { return };
                if let Err(fault) = standing.check(&service) {
                    let noted = standing.tried.noted(Outcome::Refused(fault.code.clone()));
                    service.note_refusal(noted);
                    drop((service, events));
                    let _ = tell.send(Ok(last(&fault, &standing.tried.request_id))).await;
                    return;
                }
            }
            told = one => if told.is_none() { return },
        }
    }
}

/// The event `refused`, with a problem document.
fn last(fault: &Fault, request_id: &str) -> Bytes {
    let problem = serde_json::to_string(&problem(fault, request_id));
    let problem = problem.expect("a problem holds only what JSON can say");
    format!("event: refused\ndata: {problem}\n\n").into()
}

/// A second is what it may go on for, on a busy machine too.
const BETWEEN_CHECKS: Duration = Duration::from_millis(500);
