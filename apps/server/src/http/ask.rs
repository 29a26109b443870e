//! What a request carries: who asks, parameters, body.

use crate::service::{Caller, Fault, FaultKind, Principal, Rights, Service, request_digest};
use crate::{ledger::Durable, shape::Shapes};
use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use havip_model::{ResourceKey, World};
use serde::de::DeserializeOwned;
use std::{ops::Deref, sync::Arc};
use utoipa::IntoParams;

/// Who asks, as the outer layers found out.
#[derive(Debug, Clone)]
pub struct Asker {
    /// By which access key, for which project, and what it may do.
    pub rights: Rights,
    /// What it asks for, by the name that policies use.
    pub action: &'static str,
    /// Finds the request in the log.
    pub request_id: String,
}

/// The server as whoever asks may see it.
#[derive(Clone)]
pub struct Server {
    service: Arc<Service>,
    /// Who asks.
    pub asker: Arc<Principal>,
}

impl Deref for Server {
    type Target = Service;
    fn deref(&self) -> &Service {
        &self.service
    }
}

impl Server {
    /// The server as it is.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// What whoever asks sees of the world.
    pub fn world<'a>(&self, durable: &'a Durable) -> &'a World {
        durable.state.seen_by(self.asker.project)
    }

    /// Shows resources. How much of a pool is taken, an administrator sees whole.
    pub fn shapes<'a>(&'a self, durable: &'a Durable) -> Shapes<'a> {
        match self.asker.is_administrator {
            true => Shapes::of(&self.service, durable),
            false => Shapes::of_part(&self.service, durable, self.world(durable)),
        }
    }

    /// Whether a resource is there, or being withdrawn, and may be seen.
    pub fn is_there(&self, durable: &Durable, key: ResourceKey) -> bool {
        let state = &durable.state;
        self.world(durable).get(key).is_some() || state.withdrawn_from(self.asker.project, key).is_some()
    }

    /// Refuses what is not there, or may not be seen: both look alike.
    pub fn expect(&self, key: ResourceKey, what: &str, code: &str) -> Result<(), Fault> {
        match self.read(|durable| self.is_there(durable, key)) {
            true => Ok(()),
            false => Err(Fault::not_found(what, code, &key.id())),
        }
    }
}

impl FromRequestParts<Arc<Service>> for Server {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Fault> {
        Ok(Self { service: service.clone(), asker: asker(parts).rights.principal })
    }
}

fn asker(parts: &Parts) -> Asker {
    parts.extensions.get::<Asker>().expect("the outer layer lets nobody in without a name").clone()
}

/// A change that somebody asks for, with its body.
pub struct Asked<T> {
    /// Who asks, and under which conditions.
    pub caller: Caller,
    /// What the body says.
    pub body: T,
}

/// The body of an action that needs none: nothing, or an empty object.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(from = "Option<EmptyObject>")]
pub struct Empty;

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct EmptyObject {}

impl From<Option<EmptyObject>> for Empty {
    fn from(_: Option<EmptyObject>) -> Self {
        Self
    }
}

/// Query parameters; unknown ones are refused.
pub struct Params<T>(pub T);

/// The header of a creation.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)] // describes what Asked reads
pub struct CreateHeaders {
    /// Sent again with the same key and the same content, the change does not happen again (kept for a day).
    #[param(rename = "Idempotency-Key", max_length = 128, pattern = "^[!-~]{1,128}$")]
    idempotency_key: Option<String>,
}

/// The headers of a change.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code)] // describes what Asked reads
pub struct ChangeHeaders {
    /// Sent again with the same key and the same content, the change does not happen again (kept for a day).
    #[param(rename = "Idempotency-Key", max_length = 128, pattern = "^[!-~]{1,128}$")]
    idempotency_key: Option<String>,
    /// The change is refused (412) unless the resource has this ETag.
    #[param(rename = "If-Match", pattern = "^(\\*|\"[0-9]{1,18}\")$")]
    if_match: Option<String>,
}

impl<T: DeserializeOwned> FromRequest<Arc<Service>> for Asked<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &Arc<Service>) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let bytes = to_bytes(body, LARGEST_BODY).await.map_err(|_| {
            let detail = format!("the body is larger than {LARGEST_BODY} bytes or did not arrive whole");
            Fault::new(FaultKind::TooLarge, "body_too_large", detail)
        })?;
        let caller = caller(&parts, &bytes)?;
        Ok(Self { caller, body: parse(&parts.headers, &bytes)? })
    }
}

impl<T: DeserializeOwned> FromRequestParts<Arc<Service>> for Params<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Service>) -> Result<Self, Fault> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(pairs).map(Self).map_err(|error| {
            let field = error.path().to_string();
            let field = if field == "." { String::new() } else { field };
            let detail =
                format!("{}; look at /v1/openapi.json for this request's parameters", error.into_inner());
            Fault::invalid(&field, "invalid_parameter", detail)
        })
    }
}

fn caller(parts: &Parts, body: &Bytes) -> Result<Caller, Fault> {
    let asker = asker(parts);
    let path = parts.uri.path_and_query().map_or(parts.uri.path(), |path| path.as_str());
    let once = text(&parts.headers, "Idempotency-Key")?
        .map(|key| {
            match key.len() <= 128 && !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic()) {
                true => Ok((key.to_string(), request_digest(parts.method.as_str(), path, body))),
                false => Err(Fault::invalid(
                    "Idempotency-Key",
                    "invalid_idempotency_key",
                    "an Idempotency-Key has 1 to 128 visible ASCII characters",
                )),
            }
        })
        .transpose()?;
    let if_generation =
        text(&parts.headers, "If-Match")?.filter(|value| *value != "*").map(generation).transpose()?;
    let Asker { rights, action, request_id } = asker;
    let (principal, project) = (rights.principal.key.clone(), rights.principal.project);
    Ok(Caller { principal, project, rights: Some(rights), once, if_generation, action, request_id })
}

fn generation(value: &str) -> Result<u64, Fault> {
    let number = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .and_then(|value| value.parse().ok());
    number.ok_or_else(|| {
        Fault::invalid(
            "If-Match",
            "invalid_etag",
            "If-Match takes one ETag as it was sent, such as \"3\", or *",
        )
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Fault> {
    let wrong = |_| Fault::invalid(name, "invalid_header", format!("{name} is not plain text"));
    headers.get(name).map(|value| value.to_str().map_err(wrong)).transpose()
}

fn parse<T: DeserializeOwned>(headers: &HeaderMap, bytes: &Bytes) -> Result<T, Fault> {
    // Only Empty reads null; whatever else must be sent is named as missing.
    let bytes = if bytes.is_empty() { &b"null"[..] } else { bytes };
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_json =
        kind.is_none_or(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json"));
    if !is_json {
        return Err(Fault::new(
            FaultKind::NotJson,
            "not_json",
            "the body must be JSON; send Content-Type: application/json",
        ));
    }
    // Shapes would be read from arrays, too, field after field.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Fault::invalid("", "invalid_body", "the body must be a JSON object, not an array"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let body = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        Fault::invalid(&pointer, "invalid_body", error.into_inner().to_string())
    })?;
    reader.end().map_err(|error| Fault::invalid("", "invalid_body", error.to_string()))?;
    Ok(body)
}

/// A path into a body as a JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } => format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { variant } => format!("{pointer}/{variant}"),
        Segment::Unknown => pointer,
    })
}

/// A script of 64 KiB in JSON's longest spelling, and everything else.
pub const LARGEST_BODY: usize = 1 << 20;
