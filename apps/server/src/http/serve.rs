//! Serving the API: plain on loopback, by TLS where certificates are given.

use super::{access::Gate, document::router};
use crate::service::Service;
use anyhow::{Context, Result};
use axum_server::{Handle, tls_rustls::RustlsConfig};
use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

/// Serves the API until `stop` resolves; requests that run then have some time to end.
pub async fn serve(
    service: Arc<Service>,
    listener: TcpListener,
    tls: Option<(&Path, &Path)>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    let is_secure = tls.is_some();
    let gate = Gate { service, metrics: Arc::default(), dialects: Arc::default(), is_secure };
    let app = router(gate).into_make_service_with_connect_info::<SocketAddr>();
    let handle = Handle::new();
    tokio::spawn({
        let handle = handle.clone();
        async move {
            stop.await;
            handle.graceful_shutdown(Some(GRACE));
        }
    });
    match tls {
        Some((certificate, key)) => {
            let config = RustlsConfig::from_pem_file(certificate, key).await;
            let shown = (certificate.display(), key.display());
            let config = config.with_context(|| format!("could not read {} and {}", shown.0, shown.1))?;
            axum_server::from_tcp_rustls(listener, config)?.handle(handle).serve(app).await
        }
        None => axum_server::from_tcp(listener)?.handle(handle).serve(app).await,
    }
    .context("serving the API ended")
}

/// Watches never end by themselves.
const GRACE: Duration = Duration::from_secs(2);
