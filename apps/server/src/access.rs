//! Access keys: the first start makes the admin's.

use crate::{
    files,
    service::{Caller, Fault, Service},
};
use anyhow::{Result, anyhow};
use havip_admission::identity::IdentityRequest;
use havip_api::KeyFile;
use std::path::Path;
use tracing::info;

/// Makes the first administrator, and its key unless there is one. That is written to `file` (mode 0600), or printed once.
///
/// The file is written first: a key that nobody has seen would lock everybody out.
pub async fn first_key(service: &Service, file: Option<&Path>) -> Result<()> {
    let failed = |fault: Fault| anyhow!("could not store the admin key: {fault}");
    let user = service.first_administrator().await.map_err(failed)?;
    if service.read(|durable| !durable.state.directory.keys.is_empty()) {
        return Ok(());
    }
    let (id, secret, sealed_secret) = service.draw_secret();
    let key = KeyFile { access_key_id: id.to_string(), access_key_secret: secret };
    let text = serde_json::to_string_pretty(&key)? + "\n";
    if let Some(file) = file {
        files::write_secret(file, text.as_bytes())?;
    }
    let caller = Caller { principal: "server".into(), ..Caller::default() };
    let request = IdentityRequest::CreateKey { user, name: "admin".into(), id, sealed_secret };
    service.change_identity(&caller, request).await.map_err(failed)?;
    match file {
        Some(file) => info!(key = %id, file = %file.display(), "made the admin's access key"),
        None => println!("The admin's access key, shown only now; keep it in a file with mode 0600:\n{text}"),
    }
    Ok(())
}
