//! Faults as problem documents (RFC 9457).

use crate::service::{Fault, FaultKind};
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use havip_api::Problem;

impl IntoResponse for Fault {
    /// Only the status: the outermost layer knows the request's id and writes the document.
    fn into_response(self) -> Response {
        let mut response = status(self.kind).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the problem document of a response that stands for a fault.
pub fn complete(mut response: Response, request_id: &str) -> Response {
    let fault = response.extensions_mut().remove::<Fault>().or_else(|| foreign(&response));
    let Some(fault) = fault else { return response };
    let problem = problem(&fault, request_id);
    let bytes = serde_json::to_vec(&problem).expect("a problem holds only what JSON can say");
    *response.status_mut() = status(fault.kind);
    *response.body_mut() = Body::from(bytes);
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if fault.kind == FaultKind::Throttled {
        // A step of any rate is at most a second.
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if fault.kind == FaultKind::Unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// What a layer below refused before the rules saw it: a path that is not UTF-8, for instance.
fn foreign(response: &Response) -> Option<Fault> {
    let status = response.status();
    let detail = "the request cannot be read; look at /v1/openapi.json";
    let (kind, code) = match status {
        _ if status.is_server_error() => (FaultKind::Unavailable, "server_failed"),
        _ if status.is_client_error() => (FaultKind::Invalid, "invalid_request"),
        _ => return None,
    };
    Some(Fault::new(kind, code, detail))
}

/// A fault as its document.
pub fn problem(fault: &Fault, request_id: &str) -> Problem {
    let status = status(fault.kind);
    Problem {
        kind: "about:blank".into(),
        title: status.canonical_reason().unwrap_or_default().into(),
        status: status.as_u16(),
        code: fault.code.clone(),
        detail: fault.detail.clone(),
        field: fault.field.clone(),
        blocked_by: fault.blocked_by.clone(),
        request_id: request_id.into(),
    }
}

fn status(kind: FaultKind) -> StatusCode {
    match kind {
        FaultKind::Invalid => StatusCode::BAD_REQUEST,
        FaultKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        FaultKind::Forbidden => StatusCode::FORBIDDEN,
        FaultKind::NotFound => StatusCode::NOT_FOUND,
        FaultKind::NoSuchMethod => StatusCode::METHOD_NOT_ALLOWED,
        FaultKind::Conflict | FaultKind::LimitExceeded => StatusCode::CONFLICT,
        FaultKind::Throttled => StatusCode::TOO_MANY_REQUESTS,
        FaultKind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        FaultKind::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        FaultKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        FaultKind::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        FaultKind::HostSilent => StatusCode::GATEWAY_TIMEOUT,
        FaultKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}
