//! A client that signs like the vendor's, in few lines of its own.

#![allow(dead_code)] // each test program uses a part

use havip_admission::request::RunInstance;
use havip_dialect::{Gate, Home, HttpRequest, Nonces, hex, percent_encode, sha1, trial::Trial};
use havip_model::{Body, Id, SubnetId};
use serde_json::Value;
use std::sync::Arc;

pub struct Client {
    pub key: String,
    pub secret: String,
    /// `/` or `/api`.
    pub path: &'static str,
    home: Arc<Home>,
}

impl Client {
    pub fn new(path: &'static str) -> Self {
        Self { key: KEY.into(), secret: SECRET.into(), path, home: home() }
    }

    /// Asks, and expects success.
    pub fn ok(&self, trial: &mut Trial, action: &str, params: &[(&str, &str)]) -> Value {
        let answer = self.ask(trial, action, params);
        assert_eq!(answer["RetCode"], 0, "{action} {params:?}: {answer}");
        answer
    }

    /// Asks, and expects this error.
    pub fn refused(&self, trial: &mut Trial, action: &str, params: &[(&str, &str)], code: u32) {
        let answer = self.ask(trial, action, params);
        assert_eq!(answer["RetCode"], code, "{action} {params:?}: {answer}");
    }

    pub fn ask(&self, trial: &mut Trial, action: &str, params: &[(&str, &str)]) -> Value {
        let mut all =
            vec![("Action", action), ("PublicKey", &self.key), ("Region", "cn-bj2"), ("Zone", "cn-bj2-02")];
        all.extend(params);
        all.sort_unstable();
        let text: String = all.iter().map(|(name, value)| format!("{name}{value}")).collect();
        let signature = hex(&sha1((text + &self.secret).as_bytes()));
        let pairs: Vec<_> =
            all.iter().map(|(name, value)| format!("{name}={}", percent_encode(value))).collect();
        let body = format!("{}&Signature={signature}", pairs.join("&"));
        self.send(trial, body.as_bytes(), "application/x-www-form-urlencoded")
    }

    pub fn send(&self, trial: &mut Trial, body: &[u8], kind: &str) -> Value {
        let headers = [("content-type".to_string(), kind.to_string())];
        let request = HttpRequest { method: "POST", path: self.path, query: "", headers: &headers, body };
        let secret_of = |key: &str| (key == KEY).then(|| SECRET.to_string());
        let mut nonces = Nonces::new(1);
        let gate = Gate { now: 0, secret_of: &secret_of, nonces: &mut nonces, home: &self.home };
        let understood = havip_ucloud::understand(&request, gate);
        let outcome = understood.asked.and_then(|(_, call)| trial.call(call.as_ref()));
        let answer = understood.reply.write(outcome.as_ref(), "0123456789abcdef0123456789abcdef");
        assert_eq!(answer.status, 200, "whatever it says");
        serde_json::from_slice(&answer.body).unwrap()
    }
}

pub fn home() -> Arc<Home> {
    Arc::new(Home {
        region: "local".into(),
        zone: "local-a".into(),
        regions: vec![],
        zones: vec![],
        // Which subnet is said by each request.
        instance: RunInstance::of(SubnetId::of(Body::from_entropy([0; 16]))),
    })
}

pub const KEY: &str = "key-aaaaaaaaaaaaaaaaaaaa";
pub const SECRET: &str = "0123456789abcdef";
