//! `/metrics` for Prometheus and `/status` for people, on a small HTTP listener of its own.

use anyhow::Context;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the listener shows: a registry, and a status that the main loop renews each second.
#[derive(Clone)]
pub struct Shown {
    registry: Arc<Registry>,
    status: Arc<RwLock<Value>>,
}

impl Shown {
    /// Shows this registry.
    pub fn new(registry: Registry) -> Self {
        Self { registry: Arc::new(registry), status: Arc::default() }
    }

    /// Renews the status.
    pub fn set_status(&self, status: Value) {
        if let Ok(mut shown) = self.status.write() {
            *shown = status;
        }
    }

    fn answer(&self, path: &str) -> (&'static str, &'static str, String) {
        match path {
            "/metrics" => {
                let mut text = String::new();
                encode(&mut text, &self.registry).expect("a string takes all text");
                ("200 OK", "application/openmetrics-text; version=1.0.0; charset=utf-8", text)
            }
            "/status" => {
                let status = self.status.read().map(|status| status.to_string()).unwrap_or_default();
                ("200 OK", "application/json", status)
            }
            _ => ("404 Not Found", "text/plain", "try /metrics or /status\n".to_owned()),
        }
    }
}

/// Listens, and answers until the agent ends.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(address: SocketAddr, shown: Shown) -> anyhow::Result<impl Future<Output = ()> + Send> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("could not listen on {address} for metrics; choose another with --metrics")
    })?;
    Ok(async move {
        loop {
            match listener.accept().await {
                Ok((connection, _)) => {
                    let shown = shown.clone();
                    tokio::spawn(async move {
                        // Whoever scrapes and goes away is no concern of the agent's.
                        let _ = tokio::time::timeout(PATIENCE, answer(connection, &shown)).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection for metrics");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    })
}

/// One request per connection: GET PATH, then headers up to an empty line.
async fn answer(mut connection: TcpStream, shown: &Shown) -> std::io::Result<()> {
    let (reading, mut writing) = connection.split();
    let mut lines = tokio::io::AsyncReadExt::take(BufReader::new(reading), LONGEST_REQUEST).lines();
    let request = lines.next_line().await?.unwrap_or_default();
    while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}

    let mut words = request.split_whitespace();
    let (status, kind, body) = match (words.next(), words.next()) {
        (Some("GET"), Some(path)) => shown.answer(path.split('?').next().unwrap_or(path)),
        _ => ("405 Method Not Allowed", "text/plain", "only GET\n".to_owned()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    writing.write_all(head.as_bytes()).await?;
    writing.write_all(body.as_bytes()).await?;
    writing.shutdown().await
}

const PATIENCE: Duration = Duration::from_secs(5);
/// In bytes; browsers send less than 2 kB.
const LONGEST_REQUEST: u64 = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        connection.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn metrics_and_status_are_answered_and_nothing_else() {
        let shown = Shown::new(Registry::default());
        shown.set_status(serde_json::json!({"host": 3}));
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        tokio::spawn(serve(address, shown).await.unwrap());
        assert!(get(address, "/metrics").await.ends_with("# EOF\n"));
        assert!(get(address, "/status").await.ends_with("\r\n\r\n{\"host\":3}"));
        assert!(get(address, "/etc/passwd").await.starts_with("HTTP/1.1 404"));
    }
}
