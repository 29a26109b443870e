//! A client that signs like the vendor's, in few lines of its own.

#![allow(dead_code)] // each test program uses a part

use havip_admission::request::RunInstance;
use havip_dialect::{
    Clock, Gate, Home, HttpRequest, Nonces, encode_base64, format_time, hex, hmac_sha1, hmac_sha256,
    percent_encode, sha256, trial::Trial,
};
use havip_model::{Body, Id, SubnetId, Timestamp};
use serde_json::Value;
use std::sync::Arc;

pub struct Client {
    pub key: String,
    pub secret: String,
    pub clock: u64,
    pub nonce: u64,
    pub version: &'static str,
    /// The request as it was sent last.
    pub last: Sent,
    pub nonces: Nonces,
    pub home: Arc<Home>,
}

#[derive(Default, Clone)]
pub struct Sent {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    /// What is in the envelope.
    pub value: Value,
    pub by: String,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.value["Error"]["Code"].as_str().unwrap_or_default()
    }
}

impl Default for Client {
    fn default() -> Self {
        Self {
            key: KEY.into(),
            secret: SECRET.into(),
            clock: NOW_SECONDS,
            nonce: 0,
            version: "2017-03-12",
            last: Sent::default(),
            nonces: Nonces::new(1000),
            home: home(),
        }
    }
}

impl Client {
    /// Asks, and expects success.
    pub fn ok(&mut self, trial: &mut Trial, action: &str, params: Value) -> Value {
        let answer = self.tc3(trial, action, params.clone());
        assert_eq!(answer.code(), "", "{action} {params}: {}", answer.value);
        answer.value
    }

    /// Asks, and expects this error.
    pub fn refused(&mut self, trial: &mut Trial, action: &str, params: Value, code: &str) {
        let answer = self.tc3(trial, action, params.clone());
        assert_eq!((answer.status, answer.code()), (200, code), "{action} {params}: {}", answer.value);
    }

    /// By the header.
    pub fn tc3(&mut self, trial: &mut Trial, action: &str, params: Value) -> Answer {
        let body = params.to_string().into_bytes();
        let day = format_time(Timestamp(self.clock * 1000), Clock::Day);
        let canonical = format!(
            "POST\n/\n\ncontent-type:application/json\nhost:127.0.0.1:7400\n\ncontent-type;host\n{}",
            hex(&sha256(&body))
        );
        let scope = format!("{day}/vpc/tc3_request");
        let text =
            format!("TC3-HMAC-SHA256\n{}\n{scope}\n{}", self.clock, hex(&sha256(canonical.as_bytes())));
        let key = hmac_sha256(format!("TC3{}", self.secret).as_bytes(), day.as_bytes());
        let key = hmac_sha256(&hmac_sha256(&key, b"vpc"), b"tc3_request");
        let signature = hex(&hmac_sha256(&key, text.as_bytes()));
        let authorization = format!(
            "TC3-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=content-type;host, Signature={signature}",
            self.key
        );
        let headers = [
            ("content-type", "application/json".to_string()),
            ("host", "127.0.0.1:7400".into()),
            ("x-tc-action", action.into()),
            ("x-tc-version", self.version.into()),
            ("x-tc-timestamp", self.clock.to_string()),
            ("x-tc-region", "ap-guangzhou".into()),
            ("authorization", authorization),
        ];
        self.last = Sent { headers: headers.map(|(name, value)| (name.to_string(), value)).into(), body };
        self.again(trial)
    }

    /// By parameters, in the older way.
    pub fn v1(&mut self, trial: &mut Trial, method: &str, action: &str, params: &[(&str, &str)]) -> Answer {
        self.nonce += 1;
        let (clock, nonce, key) = (self.clock.to_string(), self.nonce.to_string(), self.key.clone());
        let mut all = vec![
            ("Action", action),
            ("Version", self.version),
            ("Region", "ap-guangzhou"),
            ("Timestamp", &clock),
            ("Nonce", &nonce),
            ("SecretId", &key),
            ("SignatureMethod", method),
            ("Language", "en-US"),
            ("RequestClient", "TEST"),
        ];
        all.extend(params);
        all.sort_unstable();
        let join = |encode: fn(&str) -> String| {
            all.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
        };
        let text = format!("POST127.0.0.1:7400/?{}", join(str::to_string));
        let sign = if method == "HmacSHA256" { hmac_sha256 } else { hmac_sha1 };
        let signature = encode_base64(&sign(self.secret.as_bytes(), text.as_bytes()));
        let body = format!("{}&Signature={}", join(percent_encode), percent_encode(&signature));
        let kind = ("content-type".to_string(), "application/x-www-form-urlencoded".to_string());
        self.last =
            Sent { headers: vec![kind, ("host".into(), "127.0.0.1:7400".into())], body: body.into_bytes() };
        self.again(trial)
    }

    /// The same bytes once more.
    pub fn again(&mut self, trial: &mut Trial) -> Answer {
        let Sent { headers, body } = self.last.clone();
        let request = HttpRequest { method: "POST", path: "/", query: "", headers: &headers, body: &body };
        let secret_of = |key: &str| (key == KEY).then(|| SECRET.to_string());
        let gate =
            Gate { now: NOW_SECONDS, secret_of: &secret_of, nonces: &mut self.nonces, home: &self.home };
        let understood = havip_tencent::understand(&request, gate);
        let (by, outcome) = match understood.asked {
            Ok((by, call)) => (by, trial.call(call.as_ref())),
            Err(error) => (String::new(), Err(error)),
        };
        let answer = understood.reply.write(outcome.as_ref(), REQUEST);
        let mut value: Value = serde_json::from_slice(&answer.body).unwrap();
        Answer {
            status: answer.status,
            content_type: answer.content_type,
            value: value["Response"].take(),
            by,
        }
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
pub const REQUEST: &str = "0123456789abcdef0123456789abcdef";
pub const NOW_SECONDS: u64 = havip_dialect::trial::NOW.0 / 1000;
