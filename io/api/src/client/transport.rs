//! Requests and answers as bytes: keys, retries, problem documents.

use crate::{KeyFile, Page, Problem, Wait};
use serde::{Serialize, de::DeserializeOwned};
use std::{hash::BuildHasher, sync::Arc, time::Duration};
use ureq::{
    Agent, Body,
    http::{Request, Response},
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

/// Which server, and as whom.
#[derive(Debug, Clone)]
pub struct Config {
    /// `http://127.0.0.1:7400` for instance.
    pub server: String,
    /// Who asks.
    pub key: KeyFile,
    /// The authorities to trust for `https`, as PEM; the public ones if absent.
    pub authority_pem: Option<Vec<u8>>,
}

/// Asks one server as one access key. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    server: Arc<str>,
    bearer: Arc<str>,
    wait: Option<Wait>,
    if_match: Option<u64>,
    idempotency_key: Option<Arc<str>>,
    project: Option<Arc<str>>,
}

/// Why there is no answer to a request, or no good one.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server refused, and says why.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// The server was not reached; a change may have happened all the same.
    #[error("could not ask {server}")]
    Unreachable {
        /// Its URL.
        server: String,
        /// What failed.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The answer is not what this version of the client expects.
    #[error("{server} answered {status} with something unexpected: {what}")]
    Unexpected {
        /// Its URL.
        server: String,
        /// The HTTP status.
        status: u16,
        /// What was wrong, or the beginning of the answer.
        what: String,
    },
    /// The authorities to trust are not PEM certificates.
    #[error("the authorities to trust are not PEM certificates")]
    NotPem,
}

impl ClientError {
    /// The problem's stable word, if the server refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }
    /// The problem's HTTP status, if the server refused.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(problem) => Some(problem.status),
            Self::Unexpected { status, .. } => Some(*status),
            _ => None,
        }
    }
    /// Whether the resource does not exist.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }
}

impl Client {
    /// Prepares to ask; connects with the first request, on the caller's thread.
    pub fn new(config: Config) -> Result<Self, ClientError> {
        let mut tls = TlsConfig::builder();
        if let Some(pem) = &config.authority_pem {
            let certificates: Vec<Certificate<'static>> = parse_pem(pem)
                .filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
                    Ok(_) => None,
                    Err(_) => Some(Err(ClientError::NotPem)),
                })
                .collect::<Result<_, _>>()?;
            if certificates.is_empty() {
                return Err(ClientError::NotPem);
            }
            tls = tls.root_certs(RootCerts::from(certificates));
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .tls_config(tls.build())
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .proxy(None)
            .user_agent(concat!("havip/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self {
            agent,
            server: config.server.trim_end_matches('/').into(),
            bearer: config.key.bearer().into(),
            wait: None,
            if_match: None,
            idempotency_key: None,
            project: None,
        })
    }

    /// The same client, whose creations, changes and deletions answer only when the status is settled, or
    /// after this time (at most 60 s).
    pub fn waiting(&self, wait: Duration) -> Self {
        Self { wait: Some(Wait(wait.min(Wait::MAX))), ..self.clone() }
    }

    /// The same client, whose changes are refused (`precondition-failed`) unless the resource has this generation.
    pub fn if_generation(&self, generation: u64) -> Self {
        Self { if_match: Some(generation), ..self.clone() }
    }

    /// The same client, whose next change has this idempotency key: sent again, it does not happen again.
    pub fn with_idempotency_key(&self, key: &str) -> Self {
        Self { idempotency_key: Some(key.into()), ..self.clone() }
    }

    /// The same client, asking for another project than the key's own, by id or name; administrators may.
    pub fn in_project(&self, project: &str) -> Self {
        Self { project: Some(project.into()), ..self.clone() }
    }

    /// The server's URL.
    pub fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.read(self.send("GET", path, &[], READ_TIMEOUT, true)?)
    }

    pub(super) fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        filter: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.get(&format!("{path}{}", query(filter)))
    }

    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.change("POST", path, Some(body), &[])
    }

    pub(super) fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.change("PUT", path, Some(body), &[])
    }

    pub(super) fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.change("PATCH", path, Some(body), &[])
    }

    /// An action without parameters.
    pub(super) fn order<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.change("POST", path, None::<&()>, &[])
    }

    pub(super) fn delete(&self, path: &str, parameters: &[(&str, String)]) -> Result<(), ClientError> {
        self.change::<Nothing>("DELETE", path, None::<&()>, parameters).map(|_| ())
    }

    pub(super) fn change<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Option<&impl Serialize>,
        parameters: &[(&str, String)],
    ) -> Result<T, ClientError> {
        let mut parameters = parameters.to_vec();
        parameters.extend(self.wait.map(|wait| ("wait", wait.to_string())));
        let target =
            format!("{path}{}", pairs(parameters.iter().map(|(name, value)| (*name, value.clone()))));
        let bytes =
            body.map(|body| serde_json::to_vec(body).expect("the shapes hold only what JSON can say"));
        let timeout = READ_TIMEOUT + self.wait.map_or(Duration::ZERO, |wait| wait.0);
        self.read(self.send(method, &target, bytes.as_deref().unwrap_or_default(), timeout, true)?)
    }

    /// Sends a request, once more if the connection broke and it may be repeated; `path` begins behind `/v1`.
    pub(super) fn send(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
        timeout: Duration,
        may_repeat: bool,
    ) -> Result<Response<Body>, ClientError> {
        let key = self.idempotency_key.clone().unwrap_or_else(|| fresh_key().into());
        let once = || {
            let mut request = Request::builder()
                .method(method)
                .uri(format!("{}/v1{path}", self.server))
                .header("authorization", &*self.bearer)
                .header("accept", "application/json, application/problem+json");
            if method != "GET" {
                request = request.header("idempotency-key", &*key);
            }
            if let Some(project) = &self.project {
                request = request.header("havip-project", &**project);
            }
            if !body.is_empty() {
                request = request.header("content-type", "application/json");
            }
            if let Some(generation) = self.if_match.filter(|_| method != "GET") {
                request = request.header("if-match", format!("\"{generation}\""));
            }
            let request = request.body(body).map_err(ureq::Error::Http)?;
            let request = self.agent.configure_request(request).timeout_global(Some(timeout)).build();
            self.agent.run(request)
        };
        let answer = match once() {
            Err(ureq::Error::Io(_) | ureq::Error::Protocol(_)) if may_repeat => once(),
            answer => answer,
        };
        answer.map_err(|source| ClientError::Unreachable {
            server: self.server.to_string(),
            source: Box::new(source),
        })
    }

    pub(super) fn read<T: DeserializeOwned>(&self, mut answer: Response<Body>) -> Result<T, ClientError> {
        if !answer.status().is_success() {
            return Err(self.refusal(answer));
        }
        let status = answer.status().as_u16();
        let bytes = self.bytes(&mut answer)?;
        let bytes = if bytes.is_empty() { &b"{}"[..] } else { &bytes };
        serde_json::from_slice(bytes).map_err(|error| self.unexpected(status, error.to_string()))
    }

    /// What an answer that is no success says.
    pub(super) fn refusal(&self, mut answer: Response<Body>) -> ClientError {
        let status = answer.status().as_u16();
        match self.bytes(&mut answer) {
            Err(error) => error,
            Ok(bytes) => match serde_json::from_slice::<Problem>(&bytes) {
                Ok(problem) => ClientError::Refused(Box::new(problem)),
                Err(_) => {
                    self.unexpected(status, String::from_utf8_lossy(&bytes).chars().take(200).collect())
                }
            },
        }
    }

    fn bytes(&self, answer: &mut Response<Body>) -> Result<Vec<u8>, ClientError> {
        let unreachable =
            |source| ClientError::Unreachable { server: self.server.to_string(), source: Box::new(source) };
        answer.body_mut().with_config().limit(ANSWER_LIMIT).read_to_vec().map_err(unreachable)
    }

    fn unexpected(&self, status: u16, what: String) -> ClientError {
        ClientError::Unexpected { server: self.server.to_string(), status, what }
    }

    /// All pages of a list, one after the other.
    pub(super) fn every<T>(
        &self,
        mut page: impl FnMut(Option<String>) -> Result<Page<T>, ClientError>,
    ) -> Result<Vec<T>, ClientError> {
        let mut all = vec![];
        let mut after = None;
        loop {
            let part = page(after)?;
            all.extend(part.items);
            match part.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }
}

/// The answer to a deletion.
#[derive(serde::Deserialize)]
struct Nothing {}

/// A query string of all fields that are set, with its question mark.
pub(super) fn query(filter: &impl Serialize) -> String {
    let fields = serde_json::to_value(filter).expect("filters are flat");
    let fields = fields.as_object().cloned().unwrap_or_default();
    pairs(fields.iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name.as_str(), text)
    }))
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(&segment(&value));
    }
    text
}

/// A text as part of a path or query: everything but letters, digits and `-._~` is spelled in hexadecimal.
pub(super) fn segment(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

/// 128 bits that no other request has: the standard library seeds each hasher from the system's randomness.
fn fresh_key() -> String {
    let half = || std::collections::hash_map::RandomState::new().hash_one(std::time::SystemTime::now());
    format!("{:016x}{:016x}", half(), half())
}

/// A server that does not answer a connection within this time is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The server answers in milliseconds unless told to wait.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// 200 rows of the largest resource are below 16 MiB.
const ANSWER_LIMIT: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_what_is_set_and_nothing_else() {
        let filter = crate::VipFilter { q: Some("we b/&=é".into()), limit: Some(7), ..Default::default() };
        assert_eq!(query(&filter), "?limit=7&q=we%20b%2F%26%3D%C3%A9");
        assert_eq!(query(&crate::VipFilter::default()), "");
    }

    #[test]
    fn no_two_idempotency_keys_are_alike() {
        assert_ne!(fresh_key(), fresh_key());
        assert_eq!(fresh_key().len(), 32);
    }
}
