//! The clouds' own APIs, on the listener of the native one: who is spoken to, and the way to the rules and back.

use super::{access::Gate, ask::LARGEST_BODY};
use crate::{
    entropy,
    service::{Asking, Service, Tried},
};
use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use havip_audit::Outcome;
use havip_dialect::{HttpAnswer, HttpRequest, Nonces, Params, Understood};
use std::sync::Mutex;

/// What the dialects remember between requests.
pub struct Dialects {
    aliyun: Mutex<Nonces>,
    tencent: Mutex<Nonces>,
    /// This cloud has none; the way in is the same.
    ucloud: Mutex<Nonces>,
}

impl Default for Dialects {
    fn default() -> Self {
        let nonces = || Mutex::new(Nonces::new(MOST_NONCES));
        Self { aliyun: nonces(), tencent: nonces(), ucloud: nonces() }
    }
}

/// An answer in a cloud's words, and what is counted: `aliyun/CreateHaVip`.
pub struct Answered {
    /// The answer.
    pub response: Response,
    /// The dialect and the action, or `unknown` for what is none.
    pub what: String,
}

/// What was made of a request.
pub enum Heard {
    /// It was in a dialect.
    Dialect(Answered),
    /// It was in none: here it is again.
    None(Request),
}

/// Answers a request in the dialect that it is in.
pub async fn answer(gate: &Gate, request: Request, request_id: &str) -> Heard {
    if !PATHS.contains(&request.uri().path()) {
        return Heard::None(request);
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, LARGEST_BODY).await else {
        let response = StatusCode::PAYLOAD_TOO_LARGE.into_response();
        return Heard::Dialect(Answered { response, what: "unknown".into() });
    };
    let headers = headers(&parts.headers, &parts.uri);
    let seen = HttpRequest {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &headers,
        body: &bytes,
    };
    let Some((dialect, understood)) = understand(gate, &seen) else {
        return Heard::None(Request::from_parts(parts, Body::from(bytes)));
    };
    let (action, outcome) = match understood.asked {
        Ok((key, call)) => {
            let source = Gate::source(&parts.extensions);
            let asking = Asking { key: &key, source, is_secure: gate.is_secure, dialect };
            (call.action(), gate.service.perform(asking, request_id, call.as_ref()).await)
        }
        Err(error) => {
            if error.status < 500 {
                let tried = Tried {
                    key: key_sent(&seen),
                    source: Gate::source(&parts.extensions),
                    dialect,
                    action: "unknown",
                    request_id: request_id.into(),
                    ..Tried::default()
                };
                gate.service.note_refusal(tried.noted(Outcome::Refused(error.code.to_string())));
            }
            ("unknown", Err(error))
        }
    };
    let answer = understood.reply.write(outcome.as_ref(), request_id);
    Heard::Dialect(Answered { response: response(answer), what: format!("{dialect}/{action}") })
}

/// The dialect that a request is in, and what it asks for.
fn understand(gate: &Gate, request: &HttpRequest) -> Option<(&'static str, Understood)> {
    let params = params(request);
    let service: &Service = &gate.service;
    let secret_of = |key: &str| service.secret_of(key);
    let now = entropy::now().0 / 1000;
    let enter = |nonces: &Mutex<Nonces>, understand: fn(&HttpRequest, havip_dialect::Gate) -> Understood| {
        let mut nonces = nonces.lock().expect("nothing panics while it holds them");
        let gate =
            havip_dialect::Gate { now, secret_of: &secret_of, nonces: &mut nonces, home: service.home() };
        understand(request, gate)
    };
    let dialects = &gate.dialects;
    if havip_tencent::is_for_us(request, &params) {
        return Some(("tencent", enter(&dialects.tencent, havip_tencent::understand)));
    }
    if havip_ucloud::is_for_us(request, &params) {
        let name = if request.path == havip_ucloud::STACK { "ucloudstack" } else { "ucloud" };
        return Some((name, enter(&dialects.ucloud, havip_ucloud::understand)));
    }
    let is_alibabas = havip_aliyun::is_for_us(request, &params);
    is_alibabas.then(|| ("aliyun", enter(&dialects.aliyun, havip_aliyun::understand)))
}

/// The access key that a request names, whether it signed it or not; empty if it names none.
fn key_sent(request: &HttpRequest) -> String {
    let params = params(request);
    let named = ["AccessKeyId", "SecretId", "PublicKey"].iter().find_map(|name| params.sent(name));
    let signed = request.header("authorization").and_then(|text| text.split_once("Credential="));
    let signed = signed.and_then(|(_, text)| text.split(['/', ',', ' ']).next());
    named.or(signed).unwrap_or_default().into()
}

/// What can be read of the parameters; to see whose they are, no more is needed.
fn params(request: &HttpRequest) -> Params {
    let mut params = Params::default();
    let _ = params.add_form(request.query.as_bytes());
    let _ = match request.has_kind("application/json") {
        true => params.add_json(request.body),
        false => params.add_form(request.body),
    };
    params
}

/// The headers in lower case; HTTP/2 names the host in its own way.
fn headers(map: &HeaderMap, uri: &Uri) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut headers: Vec<_> =
        map.iter().map(|(name, value)| (name.as_str().to_string(), text(value))).collect();
    if !map.contains_key(header::HOST)
        && let Some(authority) = uri.authority()
    {
        headers.push(("host".into(), authority.to_string()));
    }
    headers
}

fn response(answer: HttpAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type))];
    let mut response = (status, kind, answer.body).into_response();
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Where the clouds' clients ask.
const PATHS: [&str; 2] = ["/", "/api"];
/// Nonces of half an hour at 500 requests a second, in some 60 MB; beyond that the window shrinks.
const MOST_NONCES: usize = 1_000_000;
