//! Access keys: the first start makes the admin's.

use crate::{
    entropy, files,
    ledger::Write,
    secrets::Sealer,
    service::{Fault, Service},
};
use anyhow::{Result, anyhow};
use havip_api::KeyFile;
use havip_model::{AccessKeyId, Body};
use havip_store::stored::{AccessKey, Stored};
use std::path::Path;
use tracing::info;

/// Makes the admin's key unless there is one. It is written to `file` (mode 0600), or printed once.
///
/// The file is written first: a key that nobody has seen would lock everybody out.
pub async fn first_key(service: &Service, file: Option<&Path>) -> Result<()> {
    if service.read(|durable| !durable.state.keys.is_empty()) {
        return Ok(());
    }
    let id = AccessKeyId::new(Body::from_entropy(entropy::random()));
    let key =
        KeyFile { access_key_id: id.to_string(), access_key_secret: entropy::hex(&entropy::random::<32>()) };
    let text = serde_json::to_string_pretty(&key)? + "\n";
    if let Some(file) = file {
        files::write_secret(file, text.as_bytes())?;
    }
    let stored = stored(service.sealer(), id, &key.access_key_secret);
    service
        .commit(|_| {
            let mut write = Write::by("server");
            write.puts.push(Stored::AccessKey(stored.clone()));
            Ok((write, ()))
        })
        .await
        .map_err(|fault: Fault| anyhow!("could not store the admin key: {fault}"))?;
    match file {
        Some(file) => info!(key = %id, file = %file.display(), "made the admin's access key"),
        None => println!("The admin's access key, shown only now; keep it in a file with mode 0600:\n{text}"),
    }
    Ok(())
}

fn stored(sealer: &Sealer, id: AccessKeyId, secret: &str) -> AccessKey {
    let sealed_secret = sealer.seal(&id.to_string(), secret);
    AccessKey { id, name: "admin".into(), created_at: entropy::now(), sealed_secret }
}
