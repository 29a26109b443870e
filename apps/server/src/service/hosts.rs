//! How hosts join, and what they say of themselves when they come back.

use super::{Caller, Fault, FaultKind, Service, Tried, change::note_changes};
use crate::{
    entropy,
    ledger::{Removal, Write},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use havip_admission::{Request, admit, request};
use havip_audit::{Noted, Outcome};
use havip_model::{EventKind, HostId, HostNumber, Resource, Timestamp};
use havip_store::stored::{Stored, Token};
use std::time::Duration;
use tracing::info;

/// What a host that wants to join brings.
pub struct Join {
    /// The token's secret.
    pub secret: String,
    /// A request for a certificate.
    pub certificate_request_pem: String,
    /// Everything else.
    pub host: request::JoinHost,
}

/// What a host that has joined gets.
pub struct Joined {
    /// Its id.
    pub id: HostId,
    /// Its number.
    pub number: HostNumber,
    /// Its certificate.
    pub certificate_pem: String,
}

impl Service {
    /// Makes a token with which one host may join within an hour.
    pub async fn create_token(&self, caller: &Caller) -> Result<(String, Timestamp), Fault> {
        let secret = entropy::hex(&entropy::random::<32>());
        let expires_at = Timestamp(entropy::now().0 + TOKEN_LIFE.as_millis() as u64);
        let token = Token { digest: entropy::digest(secret.as_bytes()), expires_at };
        self.commit(|_| {
            let mut write = Write::by(&caller.principal);
            write.audit = caller.done(vec![]);
            write.puts.push(Stored::Token(token.clone()));
            Ok((write, ()))
        })
        .await?;
        let text = serde_json::json!({ "secret": secret, "authority_pem": self.authority.pem() }).to_string();
        Ok((URL_SAFE_NO_PAD.encode(text), expires_at))
    }

    /// Lets a host join: its token is used up in the same step.
    pub async fn join(&self, join: Join) -> Result<Joined, Fault> {
        let digest = entropy::digest(join.secret.as_bytes());
        let is_good = |expires_at: Option<&Timestamp>| expires_at.is_some_and(|at| *at >= entropy::now());
        let refused = || {
            let detail = "the join token is wrong, was used already, or is older than an hour; \
                          make a new one with `havip host token`";
            Fault::new(FaultKind::Unauthenticated, "invalid_join_token", detail)
        };
        // Whoever has no token gets nothing computed.
        if !self.read(|durable| is_good(durable.state.tokens.get(&digest))) {
            let fault = refused();
            self.note_refusal(joining(vec![], Outcome::Refused(fault.code.clone())));
            return Err(fault);
        }
        // A request that cannot be signed must not use up the token: it is signed once for nobody.
        let bad_request = |error: anyhow::Error| {
            Fault::invalid("/certificate_request_pem", "invalid_certificate_request", format!("{error:#}"))
        };
        let nobody = HostId::new(havip_model::Body::from_entropy([0; 16]));
        self.authority.host(&join.certificate_request_pem, nobody, HostNumber::MAX).map_err(bad_request)?;
        let request: Request = join.host.clone().into();
        let (_, (id, number)) = self
            .commit(|state| {
                let now = entropy::now();
                if !is_good(state.tokens.get(&digest)) {
                    return Err(refused());
                }
                let change = admit(&state.world, &request, &self.facts(state))?;
                let joined = change.puts.iter().find_map(|put| match put {
                    Resource::Host(host) => Some((host.id, host.number)),
                    _ => None,
                });
                let joined = joined.expect("a host that may join is put");
                let mut write = Write::by("agent");
                note_changes(&mut write, state, &change, &[change.subject], now);
                write.audit = Some(joining(vec![joined.0.to_string()], Outcome::Done));
                write.removals.push(Removal::Token(digest.clone()));
                write.change = Some(change);
                Ok((write, joined))
            })
            .await?;
        let certificate_pem =
            self.authority.host(&join.certificate_request_pem, id, number).map_err(bad_request)?;
        info!(host = %id, number = number.get(), name = join.host.name, "host joined for the first time");
        Ok(Joined { id, number, certificate_pem })
    }

    /// Takes over what a host says of itself, if it is news.
    pub async fn host_says(&self, host: HostNumber, facts: request::HostFacts) -> Result<(), Fault> {
        let known = self.read(|durable| {
            durable.state.world.hosts.get(&host).map(|host| request::HostFacts {
                underlay: host.underlay,
                peer_endpoint: host.peer_endpoint.clone(),
                edge_device: host.edge_device.clone(),
                guest_mtu: host.guest_mtu,
            })
        });
        if known.as_ref() == Some(&facts) {
            return Ok(());
        }
        let update = request::UpdateHost {
            host,
            texts: Default::default(),
            facts: Some(facts),
            cpu_millis: None,
            memory_mib: None,
        };
        let request: Request = update.into();
        self.commit(|state| {
            let facts = self.facts(state);
            let change = admit(&state.world, &request, &facts)?;
            let mut write = Write::by("agent");
            note_changes(&mut write, state, &change, &[change.subject], facts.now);
            write.change = Some(change);
            Ok((write, ()))
        })
        .await
        .map(|_| ())
    }

    /// Writes an event that no request caused.
    pub async fn note(&self, kind: EventKind) {
        let noted = self.commit(|state| {
            let mut write = Write::by("server");
            write.event(state.timeline.last(), entropy::now(), kind.clone());
            Ok((write, ()))
        });
        if let Err(fault) = noted.await {
            tracing::warn!(fault = %fault, "an event was not recorded");
        }
    }
}

/// What the audit says of a host that joins: it has a token and no access key.
fn joining(hosts: Vec<String>, outcome: Outcome) -> Noted {
    let action = "havip:JoinHost";
    Tried { dialect: "agent", action, resources: hosts, ..Tried::default() }.noted(outcome)
}

/// An operator who asked for a token uses it soon.
const TOKEN_LIFE: Duration = Duration::from_secs(3600);
