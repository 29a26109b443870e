//! What must hold for any bytes: the function that fuzz targets and property tests both run.

use crate::{Gate, Home, HttpRequest, Nonces, Understood};
use havip_admission::request::RunInstance;
use havip_model::{Body, Id, SubnetId};
use std::sync::Arc;

/// Reads bytes as a request: a line of query, one of `Authorization`, one for every other header, and the body.
/// Whatever they are, they are answered, and nobody who has no secret gets in. A broken law panics.
pub fn every_request_is_answered(understand: fn(&HttpRequest, Gate) -> Understood, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (query, authorization, other, body) = (line(), line(), line(), line());
    let other_headers = ["host", "x-acs-date", "x-acs-action", "x-acs-version", "x-acs-signature-nonce"];
    let more_headers = ["x-acs-content-sha256", "x-tc-action", "x-tc-version", "x-tc-timestamp", "accept"];
    for kind in ["application/x-www-form-urlencoded", "application/json"] {
        let named =
            other_headers.iter().chain(&more_headers).map(|name| ((*name).to_string(), other.to_string()));
        let mut headers: Vec<(String, String)> = named.collect();
        headers.push(("content-type".into(), kind.into()));
        headers
            .extend((!authorization.is_empty()).then(|| ("authorization".into(), authorization.to_string())));
        for (method, path) in [("POST", "/"), ("GET", "/api")] {
            let request = HttpRequest { method, path, query, headers: &headers, body: body.as_bytes() };
            let mut nonces = Nonces::new(4);
            let (home, secret_of) = (home(), |_: &str| Some("a secret that no bytes hold".to_string()));
            let gate = Gate { now: 1_704_164_645, secret_of: &secret_of, nonces: &mut nonces, home: &home };
            let understood = understand(&request, gate);
            let Err(error) = understood.asked else { panic!("{text:?} got in without a secret") };
            let answer = understood.reply.write(Err(&error), "0");
            assert!(!error.code.is_empty() && !error.message.is_empty(), "{error:?}");
            assert!((200..600).contains(&answer.status) && !answer.body.is_empty(), "{answer:?}");
        }
    }
}

fn home() -> Arc<Home> {
    Arc::new(Home {
        region: "local".into(),
        zone: "local-a".into(),
        regions: vec![],
        zones: vec![],
        instance: RunInstance::of(SubnetId::of(Body::from_entropy([0; 16]))),
    })
}
