//! Clients of the clouds' APIs in few lines: each signs in its cloud's older way, by parameters.

use super::Scene;
use havip_api::KeyFile;
use havip_dialect::{Asker, Params};
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
        let mut all = Params::of(params).or(&[("Action", action)]);
        if self == Aliyun
            && ["Instance", "NetworkInterface", "DeploymentSet"].iter().any(|word| action.contains(word))
        {
            all = all.or(&[("Version", "2014-05-26")]);
        }
        let asker = asker(key);
        let (path, signed) = match self {
            Aliyun => ("/", havip_aliyun::client::signed(all, &asker)),
            Tencent => ("/", havip_tencent::client::signed(all, "test", &asker)),
            Ucloud => ("/", havip_ucloud::client::signed(all, &asker)),
            UcloudStack => ("/api", havip_ucloud::client::signed(all, &asker)),
        };
        let kind = [("Content-Type", "application/x-www-form-urlencoded")];
        let (status, _, body) = scene.raw("POST", path, &kind, &signed.form());
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

fn asker(key: &KeyFile) -> Asker<'_> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Asker {
        key: &key.access_key_id,
        secret: &key.access_key_secret,
        at: Timestamp(now.as_millis() as u64),
        nonce: NEXT.fetch_add(1, Ordering::Relaxed),
    }
}
