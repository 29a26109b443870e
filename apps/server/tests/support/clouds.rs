//! Clients of the clouds' APIs in few lines: each signs in its cloud's older way, by parameters.

use super::Scene;
use havip_api::KeyFile;
use havip_dialect::{Clock, encode_base64, format_time, hex, hmac_sha1, percent_encode, sha1};
use havip_model::Timestamp;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};

/// One of the clouds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    Aliyun,
    Tencent,
    Ucloud,
    UcloudStack,
}

pub use Cloud::*;

impl Cloud {
    /// Asks; the HTTP status and the answer.
    pub fn ask(self, scene: &Scene, key: &KeyFile, action: &str, params: &[(&str, &str)]) -> (u16, Value) {
        let mut all: Vec<(String, String)> =
            params.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect();
        all.push(("Action".into(), action.into()));
        let (path, signed) = match self {
            Aliyun => ("/", aliyun(all, key)),
            Tencent => ("/", tencent(all, key)),
            Ucloud => ("/", ucloud(all, key)),
            UcloudStack => ("/api", ucloud(all, key)),
        };
        let form: Vec<String> = signed
            .iter()
            .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
            .collect();
        let kind = [("Content-Type", "application/x-www-form-urlencoded")];
        let (status, _, body) = scene.raw("POST", path, &kind, &form.join("&"));
        let mut answer: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
        if self == Tencent {
            answer = answer["Response"].take();
        }
        (status, answer)
    }

    /// The cloud's code for what became of it; empty for success.
    pub fn code(self, answer: &Value) -> String {
        match self {
            Aliyun => answer["Code"].as_str().unwrap_or_default().into(),
            Tencent => answer["Error"]["Code"].as_str().unwrap_or_default().into(),
            Ucloud | UcloudStack => answer["RetCode"]
                .as_u64()
                .filter(|code| *code != 0)
                .map(|code| code.to_string())
                .unwrap_or_default(),
        }
    }
}

type Params = Vec<(String, String)>;

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn nonce() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

fn add(all: &mut Params, more: &[(&str, String)]) {
    for (name, value) in more {
        if !all.iter().any(|(known, _)| known == name) {
            all.push(((*name).to_string(), value.clone()));
        }
    }
}

fn aliyun(mut all: Params, key: &KeyFile) -> Params {
    let ecs = ["Instance", "NetworkInterface"];
    let action = &all.last().unwrap().1;
    let is_ecs = ecs.iter().any(|word| action.contains(word));
    let version = if is_ecs { "2014-05-26" } else { "2016-04-28" };
    add(
        &mut all,
        &[
            ("Version", version.into()),
            ("Format", "JSON".into()),
            ("AccessKeyId", key.access_key_id.clone()),
            ("SignatureMethod", "HMAC-SHA1".into()),
            ("SignatureVersion", "1.0".into()),
            ("SignatureNonce", nonce()),
            ("Timestamp", format_time(Timestamp(now() * 1000), Clock::Seconds)),
        ],
    );
    all.sort();
    let pairs: Vec<String> = all
        .iter()
        .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
        .collect();
    let text = format!("POST&%2F&{}", percent_encode(&pairs.join("&")));
    let signature = hmac_sha1(format!("{}&", key.access_key_secret).as_bytes(), text.as_bytes());
    all.push(("Signature".into(), encode_base64(&signature)));
    all
}

fn tencent(mut all: Params, key: &KeyFile) -> Params {
    add(
        &mut all,
        &[
            ("Version", "2017-03-12".into()),
            ("Region", "local".into()),
            ("SecretId", key.access_key_id.clone()),
            ("Nonce", nonce()),
            ("Timestamp", now().to_string()),
        ],
    );
    all.sort();
    let pairs: Vec<String> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let text = format!("POSTtest/?{}", pairs.join("&"));
    let signature = hmac_sha1(key.access_key_secret.as_bytes(), text.as_bytes());
    all.push(("Signature".into(), encode_base64(&signature)));
    all
}

fn ucloud(mut all: Params, key: &KeyFile) -> Params {
    add(&mut all, &[("PublicKey", key.access_key_id.clone()), ("Region", "local".into())]);
    all.sort();
    let text: String = all.iter().map(|(name, value)| format!("{name}{value}")).collect();
    let signature = hex(&sha1(format!("{text}{}", key.access_key_secret).as_bytes()));
    all.push(("Signature".into(), signature));
    all
}
