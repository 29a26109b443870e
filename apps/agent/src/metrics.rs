//! `/metrics` for Prometheus and `/status` for people, on a small HTTP listener of its own.

use anyhow::Context;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Counters and gauges as text.
    Metrics,
    /// Counters by reason and port, records, peers: JSON.
    Status,
}

/// A page that the main loop is to write: only it reads the switch.
#[derive(Debug)]
pub struct Wanted {
    /// Which.
    pub page: Page,
    /// Where it goes.
    pub answer: oneshot::Sender<String>,
}

/// Listens, and answers until the agent ends.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(
    address: SocketAddr,
    wanted: mpsc::Sender<Wanted>,
) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("could not listen on {address} for metrics; choose another with --metrics")
    })?;
    Ok(async move {
        loop {
            match listener.accept().await {
                Ok((connection, _)) => {
                    let wanted = wanted.clone();
                    tokio::spawn(async move {
                        // Whoever scrapes and goes away is no concern of the agent's.
                        let _ = tokio::time::timeout(PATIENCE, answer(connection, &wanted)).await;
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
async fn answer(mut connection: TcpStream, wanted: &mpsc::Sender<Wanted>) -> std::io::Result<()> {
    let (reading, mut writing) = connection.split();
    let mut lines = BufReader::new(reading.take(LONGEST_REQUEST)).lines();
    let request = lines.next_line().await?.unwrap_or_default();
    while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}

    let mut words = request.split_whitespace();
    let page = match (words.next(), words.next()) {
        (Some("GET"), Some("/metrics")) => Ok((Page::Metrics, OPEN_METRICS)),
        (Some("GET"), Some("/status")) => Ok((Page::Status, "application/json")),
        (Some("GET"), _) => Err(("404 Not Found", "try /metrics or /status\n")),
        _ => Err(("405 Method Not Allowed", "only GET\n")),
    };
    let (status, kind, body) = match page {
        Ok((page, kind)) => match ask(wanted, page).await {
            Some(body) => ("200 OK", kind, body),
            None => ("503 Service Unavailable", "text/plain", "the agent is busy or ending\n".to_owned()),
        },
        Err((status, words)) => (status, "text/plain", words.to_owned()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    writing.write_all(head.as_bytes()).await?;
    writing.write_all(body.as_bytes()).await?;
    writing.shutdown().await
}

async fn ask(wanted: &mpsc::Sender<Wanted>, page: Page) -> Option<String> {
    let (answer, answered) = oneshot::channel();
    wanted.send(Wanted { page, answer }).await.ok()?;
    answered.await.ok()
}

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PATIENCE: Duration = Duration::from_secs(5);
/// In bytes; browsers send less than 2 kB.
const LONGEST_REQUEST: u64 = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        connection.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn metrics_and_status_are_answered_and_nothing_else() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let (wanted, mut asked) = mpsc::channel::<Wanted>(1);
        tokio::spawn(serve(address, wanted).await.unwrap());
        tokio::spawn(async move {
            while let Some(Wanted { page, answer }) = asked.recv().await {
                answer.send(format!("{page:?}")).unwrap();
            }
        });
        assert!(get(address, "/metrics").await.ends_with("\r\n\r\nMetrics"));
        assert!(get(address, "/status").await.ends_with("\r\n\r\nStatus"));
        assert!(get(address, "/etc/passwd").await.starts_with("HTTP/1.1 404"));
    }
}
