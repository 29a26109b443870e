//! The stream to the server: opened again whenever it ends, with pauses that grow and differ between hosts.

use crate::outbox::Outbox;
use havip_stream::proto::{self, control_client::ControlClient, update::Body};
use rand::Rng;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;

/// What the stream brings.
#[derive(Debug)]
pub enum Heard {
    /// A stream is open; what was begun on an earlier one is void.
    Opened,
    /// The server says something.
    Update(Box<Body>),
    /// The stream ended.
    Closed,
}

/// Keeps a stream open for ever.
///
/// `hello` always holds what the agent's disk and memory have, so that a new stream continues from there.
pub async fn follow(
    server: Endpoint,
    hello: watch::Receiver<proto::Hello>,
    outbox: Arc<Outbox>,
    heard: mpsc::Sender<Heard>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let began = tokio::time::Instant::now();
        let begin_at = hello.borrow().clone();
        let ended = stream(&server, begin_at, &outbox, &heard).await;
        if heard.send(Heard::Closed).await.is_err() {
            return; // the agent ends
        }
        if began.elapsed() > STEADY {
            pause = FIRST_PAUSE;
        }
        match ended {
            Ok(()) => tracing::warn!("the server closed the stream"),
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    pause_ms = pause.as_millis(),
                    "no stream to the server"
                );
            }
        }
        let jittered = pause.mul_f64(rand::rng().random_range(0.5..1.5));
        tokio::time::sleep(jittered).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn stream(
    server: &Endpoint,
    hello: proto::Hello,
    outbox: &Outbox,
    heard: &mpsc::Sender<Heard>,
) -> anyhow::Result<()> {
    let channel = server.connect().await?;
    let mut client = ControlClient::new(channel)
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE);
    let (reports, outgoing) = mpsc::channel(64);
    reports.send(proto::Report { body: Some(proto::report::Body::Hello(hello)) }).await?;
    let said = |status: tonic::Status| anyhow::anyhow!("{}", status.message());
    let mut updates = client.follow(ReceiverStream::new(outgoing)).await.map_err(said)?.into_inner();

    outbox.start_stream();
    heard.send(Heard::Opened).await?;
    tracing::info!("stream to the server open");
    let upwards = async {
        loop {
            for report in outbox.take().await {
                if reports.send(report).await.is_err() {
                    return;
                }
            }
        }
    };
    let downwards = async {
        loop {
            // The server commits at least each second, so this long a silence is a dead path.
            let update = tokio::time::timeout(SILENCE, updates.message())
                .await
                .map_err(|_| anyhow::anyhow!("the server was silent for {} s", SILENCE.as_secs()))?;
            let Some(update) = update.map_err(said)? else { return anyhow::Ok(()) };
            if let Some(body) = update.body {
                // Here, as it is about this stream: whoever hears the update may do so when the next one has begun.
                if let Body::Commit(commit) = &body {
                    outbox.confirmed(commit.reports);
                }
                heard.send(Heard::Update(Box::new(body))).await?;
            }
        }
    };
    tokio::select! {
        () = upwards => Ok(()),
        ended = downwards => ended,
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// A stream that lived this long was no failure to connect.
const STEADY: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(8);
/// The records of a VPC with 50 000 VIPs, or a user's script, in one message.
const LARGEST_MESSAGE: usize = 16 << 20;
