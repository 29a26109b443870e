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
    pub format: Option<&'static str>,
    /// The request as it was sent last.
    pub last: Sent,
    /// What it signed, or the last step of it.
    pub last_text: String,
    pub nonces: Nonces,
    pub home: Arc<Home>,
}

#[derive(Default, Clone)]
pub struct Sent {
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    pub value: Value,
    pub by: String,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.value["Code"].as_str().unwrap_or_default()
    }
}

impl Default for Client {
    fn default() -> Self {
        Self {
            key: KEY.into(),
            secret: SECRET.into(),
            clock: NOW_SECONDS,
            nonce: 0,
            version: "2016-04-28",
            format: Some("JSON"),
            last: Sent::default(),
            last_text: String::new(),
            nonces: Nonces::new(1000),
            home: home(),
        }
    }
}

impl Client {
    /// Asks, and expects success.
    pub fn ok(&mut self, trial: &mut Trial, action: &str, params: &[(&str, &str)]) -> Value {
        let answer = self.v3(trial, action, params);
        assert_eq!(answer.status, 200, "{action} {params:?}: {}", answer.value);
        answer.value
    }

    /// Asks, and expects this error.
    pub fn refused(
        &mut self,
        trial: &mut Trial,
        action: &str,
        params: &[(&str, &str)],
        status: u16,
        code: &str,
    ) {
        let answer = self.v3(trial, action, params);
        assert_eq!((answer.status, answer.code()), (status, code), "{action} {params:?}: {}", answer.value);
    }

    /// In the older way.
    pub fn v1(&mut self, trial: &mut Trial, action: &str, params: &[(&str, &str)]) -> Answer {
        self.nonce += 1;
        let (time, nonce) = (self.time(), format!("nonce-{}", self.nonce));
        let (version, key) = (self.version, self.key.clone());
        let mut all = vec![
            ("Action", action),
            ("Version", version),
            ("AccessKeyId", &key),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureVersion", "1.0"),
            ("SignatureType", ""),
            ("SignatureNonce", &nonce),
            ("Timestamp", &time),
        ];
        all.extend(self.format.map(|format| ("Format", format)));
        all.extend(params);
        all.sort_unstable();
        let query = form(&all);
        self.last_text = format!("POST&%2F&{}", percent_encode(&query));
        let signature =
            encode_base64(&hmac_sha1(format!("{}&", self.secret).as_bytes(), self.last_text.as_bytes()));
        self.last = Sent {
            query: format!("{query}&Signature={}", percent_encode(&signature)),
            headers: vec![("host".into(), "127.0.0.1:7400".into())],
            body: vec![],
        };
        self.again(trial)
    }

    /// In the present way.
    pub fn v3(&mut self, trial: &mut Trial, action: &str, params: &[(&str, &str)]) -> Answer {
        self.nonce += 1;
        let mut params = params.to_vec();
        params.sort_unstable();
        let (query, digest) = (form(&params), hex(&sha256(b"")));
        let headers: Vec<(String, String)> = [
            ("accept", "application/json".to_string()),
            ("host", "127.0.0.1:7400".into()),
            ("x-acs-action", action.into()),
            ("x-acs-content-sha256", digest.clone()),
            ("x-acs-date", self.time()),
            ("x-acs-signature-nonce", format!("nonce-{}", self.nonce)),
            ("x-acs-version", self.version.into()),
        ]
        .map(|(name, value)| (name.to_string(), value))
        .into();
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let canonical = format!("POST\n/\n{query}\n{lines}\n{names}\n{digest}");
        self.last_text = format!("ACS3-HMAC-SHA256\n{}", hex(&sha256(canonical.as_bytes())));
        let signature = hex(&hmac_sha256(self.secret.as_bytes(), self.last_text.as_bytes()));
        let value =
            format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}", self.key);
        let mut headers = headers;
        headers.push(("authorization".into(), value));
        self.last = Sent { query, headers, body: vec![] };
        self.again(trial)
    }

    /// The same bytes once more.
    pub fn again(&mut self, trial: &mut Trial) -> Answer {
        let Sent { query, mut headers, body } = self.last.clone();
        if !body.is_empty() {
            headers.push(("content-type".into(), "application/x-www-form-urlencoded".into()));
        }
        let request =
            HttpRequest { method: "POST", path: "/", query: &query, headers: &headers, body: &body };
        let secret_of = |key: &str| (key == KEY).then(|| SECRET.to_string());
        let gate =
            Gate { now: NOW_SECONDS, secret_of: &secret_of, nonces: &mut self.nonces, home: &self.home };
        let understood = havip_aliyun::understand(&request, gate);
        let (by, outcome) = match understood.asked {
            Ok((by, call)) => (by, trial.call(call.as_ref())),
            Err(error) => (String::new(), Err(error)),
        };
        let answer = understood.reply.write(outcome.as_ref(), "0123456789abcdef0123456789abcdef");
        let value = serde_json::from_slice(&answer.body).unwrap_or_default();
        Answer { status: answer.status, content_type: answer.content_type, body: answer.body, value, by }
    }

    fn time(&self) -> String {
        format_time(Timestamp(self.clock * 1000), Clock::Seconds)
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

fn form(params: &[(&str, &str)]) -> String {
    let pairs =
        params.iter().map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

pub const KEY: &str = "key-aaaaaaaaaaaaaaaaaaaa";
pub const SECRET: &str = "0123456789abcdef";
pub const NOW_SECONDS: u64 = havip_dialect::trial::NOW.0 / 1000;
