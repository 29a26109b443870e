//! Machines on their way from host to host: QEMU's stream of state, by gRPC with the hosts' certificates.

use havip_guest::{GuestError, Sandbox, Sandboxes};
use havip_model::InstanceId;
use havip_stream::proto::peer_client::PeerClient;
use havip_stream::proto::{MachinePart, MachineWord};
use std::os::unix::net::UnixStream as BlockingStream;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

/// A machine that waits here for its state.
#[derive(Debug)]
pub struct Arriving {
    /// Where it is.
    pub sandboxes: Sandboxes,
    /// Which.
    pub instance: InstanceId,
    /// The way into it.
    pub state: BlockingStream,
}

/// A machine of this host that is to go on at another.
#[derive(Debug)]
pub struct Departing {
    /// Where it is.
    pub sandboxes: Sandboxes,
    /// Which.
    pub instance: InstanceId,
}

/// What became of sending a machine away.
#[derive(Debug)]
pub enum Outcome {
    /// It runs on the other host.
    Gone,
    /// It goes on here, and this is why.
    Stays(String),
    /// The other host has all of its state, and nobody knows what came of it: it runs there or nowhere, and stands still
    /// here until the server knows.
    Unknown(String),
}

/// What whoever sends the machine hears.
pub type Words = ReceiverStream<Result<MachineWord, Status>>;

/// Puts what comes into the machine; says first that it waits, and in the end what came of it.
pub fn arrive(arriving: Arriving, parts: Streaming<MachinePart>) -> Words {
    let (words, said) = mpsc::channel(2);
    tokio::spawn(async move {
        let waits = MachineWord { waits: true, failure: String::new() };
        // Whoever asked may have gone; then no parts come either.
        let _ = words.send(Ok(waits)).await;
        let Arriving { sandboxes, instance, state } = arriving;
        let failure = match take_over(&sandboxes, instance, state, parts).await {
            Ok(()) => String::new(),
            // What goes on there must not go on here, too: it has ended before that is said.
            Err(why) => match end(sandboxes, instance).await {
                Ok(()) => why,
                Err(error) => {
                    return tracing::error!(%instance, why, error, "a machine that failed did not end");
                }
            },
        };
        let _ = words.send(Ok(MachineWord { waits: false, failure })).await;
    });
    ReceiverStream::new(said)
}

async fn take_over(
    sandboxes: &Sandboxes,
    instance: InstanceId,
    state: BlockingStream,
    mut parts: Streaming<MachinePart>,
) -> Result<(), String> {
    let mut state = stream(state)?;
    let broken = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
    while let Some(part) =
        parts.message().await.map_err(|status| broken("its state stopped coming", &status))?
    {
        state.write_all(&part.state).await.map_err(|error| broken("QEMU there does not take it", &error))?;
    }
    state.shutdown().await.map_err(|error| broken("QEMU there does not take it", &error))?;
    with(sandboxes, instance, |machine| machine.wait_until_it_runs(GOES_ON_WITHIN)).await
}

async fn end(sandboxes: Sandboxes, instance: InstanceId) -> Result<(), String> {
    let ended = spawn_blocking(move || match sandboxes.adopt(instance)? {
        Some(machine) => machine.power_off(),
        None => Ok(()),
    });
    match ended.await {
        Ok(ended) => ended.map_err(|error| crate::engine::chain(&error)),
        Err(error) => Err(error.to_string()),
    }
}

/// Sends the machine's state, once the other host waits for it; ends when that is known to run there, or not to.
pub async fn depart(client: PeerClient<Channel>, departing: Departing) -> Outcome {
    let Departing { sandboxes, instance } = departing;
    // An earlier life of this agent may have sent it all.
    match with(&sandboxes, instance, Sandbox::has_departed).await {
        Ok(false) => {}
        Ok(true) => return Outcome::Unknown("this agent was restarted while it went".into()),
        Err(why) => return Outcome::Stays(why),
    }
    let outcome = match begin(client, instance).await {
        Ok(begun) => send(&sandboxes, instance, begun).await,
        Err(why) => Outcome::Stays(why),
    };
    if let Outcome::Stays(_) = outcome {
        go_on(sandboxes, instance, |machine| machine.resume().map(|()| true)).await;
    }
    outcome
}

async fn send(sandboxes: &Sandboxes, instance: InstanceId, (parts, mut words): Begun) -> Outcome {
    if let Err(why) = send_state(sandboxes, instance, parts).await {
        // Nothing runs there without the end of its state.
        return Outcome::Stays(why);
    }
    let why = match words.message().await {
        Ok(Some(word)) if word.failure.is_empty() => return Outcome::Gone,
        Ok(Some(word)) => return Outcome::Stays(word.failure),
        Ok(None) => "the other host broke off".to_owned(),
        Err(status) => status.message().to_owned(),
    };
    match with(sandboxes, instance, Sandbox::has_departed).await {
        Ok(false) => Outcome::Stays(why),
        Ok(true) | Err(_) => Outcome::Unknown(why),
    }
}

/// Sends until QEMU has said all.
async fn send_state(
    sandboxes: &Sandboxes,
    instance: InstanceId,
    parts: mpsc::Sender<MachinePart>,
) -> Result<(), String> {
    let mut state = stream(with(sandboxes, instance, Sandbox::depart).await?)?;
    loop {
        let mut buffer = vec![0; PART];
        let length =
            state.read(&mut buffer).await.map_err(|error| format!("QEMU here broke off: {error}"))?;
        if length == 0 {
            return Ok(());
        }
        buffer.truncate(length);
        let part = MachinePart { instance: String::new(), state: buffer };
        parts.send(part).await.map_err(|_| "the other host takes no more of it".to_owned())?;
    }
}

type Begun = (mpsc::Sender<MachinePart>, Streaming<MachineWord>);

/// Asks until the other host waits: its QEMU is being started.
async fn begin(mut client: PeerClient<Channel>, instance: InstanceId) -> Result<Begun, String> {
    let deadline = Instant::now() + WAITS_WITHIN;
    loop {
        let (parts, sent) = mpsc::channel(PARTS);
        let first = MachinePart { instance: instance.to_string(), state: vec![] };
        // The other end is right here.
        let _ = parts.send(first).await;
        match client.migrate(ReceiverStream::new(sent)).await {
            Ok(answer) => {
                let mut words = answer.into_inner();
                return match words.message().await {
                    Ok(Some(word)) if word.waits => Ok((parts, words)),
                    other => Err(format!("the other host does not wait for it: {other:?}")),
                };
            }
            Err(status) if status.code() == Code::Unavailable && Instant::now() < deadline => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(status) if status.code() == Code::Unavailable => {
                let within = WAITS_WITHIN.as_secs();
                return Err(format!(
                    "the other host does not wait for it after {within} s: {}",
                    status.message()
                ));
            }
            Err(status) => return Err(status.message().to_owned()),
        }
    }
}

/// Has a machine go on that stood still; `act` says whether it did. Only the log has what came of it.
pub async fn go_on(
    sandboxes: Sandboxes,
    instance: InstanceId,
    act: impl FnOnce(&Sandbox) -> Result<bool, GuestError> + Send + 'static,
) {
    match with(&sandboxes, instance, act).await {
        Ok(true) => tracing::info!(%instance, "a machine that stood still goes on"),
        Ok(false) => {}
        Err(why) => tracing::error!(%instance, why, "a machine that stood still does not go on"),
    }
}

/// Does something with a machine that runs here; that may take a while.
async fn with<T: Send + 'static>(
    sandboxes: &Sandboxes,
    instance: InstanceId,
    act: impl FnOnce(&Sandbox) -> Result<T, GuestError> + Send + 'static,
) -> Result<T, String> {
    let sandboxes = sandboxes.clone();
    let done = spawn_blocking(move || match sandboxes.adopt(instance) {
        Ok(Some(machine)) => act(&machine).map_err(|error| crate::engine::chain(&error)),
        Ok(None) => Err("its QEMU has ended".into()),
        Err(error) => Err(crate::engine::chain(&error)),
    });
    done.await.unwrap_or_else(|error| Err(error.to_string()))
}

fn stream(state: BlockingStream) -> Result<UnixStream, String> {
    let failed = |error: std::io::Error| format!("could not use QEMU's socket: {error}");
    state.set_nonblocking(true).map_err(failed)?;
    UnixStream::from_std(state).map_err(failed)
}

/// A quarter of a MiB at once, four under way.
const PART: usize = 256 << 10;
const PARTS: usize = 4;
const AGAIN: Duration = Duration::from_millis(200);
/// The other host hears of it, makes taps and starts a QEMU.
const WAITS_WITHIN: Duration = Duration::from_secs(60);
/// It has all of the state by then, and only has to look at it.
const GOES_ON_WITHIN: Duration = Duration::from_secs(20);
