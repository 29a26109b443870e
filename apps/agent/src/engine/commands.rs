//! What a user has the server ask of this host: a command in an instance, its console, the switch's counters.

use super::Engine;
use super::program::chain;
use havip_guest::{Executed, Outcome, Sandboxes};
use havip_model::InstanceId;
use havip_stream::proto::{self, command::Body};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Commands that run at the same time; the next are refused, as a user waits for them.
static RUNNING: Semaphore = Semaphore::const_new(MOST_RUNNING);

impl Engine {
    pub(super) async fn command(&mut self, command: proto::Command) {
        let id = command.id;
        match command.body {
            Some(Body::Drops(_)) => {
                let drops = self.drops().into_iter();
                let drops = drops.map(|(reason, packets)| proto::Drop { reason, packets }).collect();
                self.outbox.result(proto::CommandResult { id, drops, ..Default::default() });
            }
            Some(Body::Drill(drill)) => {
                let error =
                    self.begin_drill(&drill).await.err().map_or(String::new(), |error| format!("{error:#}"));
                self.outbox.result(proto::CommandResult { id, error, ..Default::default() });
            }
            Some(Body::Look(look)) => self.outbox.result(self.look_at(id, &look)),
            Some(Body::Trace(trace)) => self.trace(id, trace),
            Some(Body::Path(asked)) => self.outbox.result(self.path(id, &asked)),
            Some(Body::Flows(order)) => self.flows(id, &order),
            Some(Body::Probe(asked)) => self.outbox.result(self.probe_path(id, &asked)),
            Some(Body::Exec(exec)) => {
                self.run_elsewhere(id, exec.instance.clone(), move |sandboxes, instance| {
                    execute(sandboxes, instance, exec)
                });
            }
            Some(Body::Console(console)) => {
                self.run_elsewhere(id, console.instance.clone(), move |sandboxes, instance| {
                    read_console(sandboxes, instance, &console)
                });
            }
            None => {
                let error = "this agent does not know the command; update it".to_owned();
                self.outbox.result(proto::CommandResult { id, error, ..Default::default() });
            }
        }
    }

    fn run_elsewhere(
        &self,
        id: u64,
        instance: String,
        work: impl FnOnce(&Sandboxes, InstanceId) -> Result<proto::CommandResult, String> + Send + 'static,
    ) {
        let (sandboxes, outbox) = (self.guests.sandboxes(), Arc::clone(&self.outbox));
        let refuse = move |error: String| proto::CommandResult { id, error, ..Default::default() };
        let Ok(permit) = RUNNING.try_acquire() else {
            return self.outbox.result(refuse(format!("{MOST_RUNNING} commands run on this host already")));
        };
        tokio::task::spawn_blocking(move || {
            let _until_done = permit;
            let done = instance.parse().map_err(|error| format!("{instance:?}: {error}"));
            let done = done.and_then(|instance| work(&sandboxes, instance));
            outbox.result(done.map_or_else(refuse, |result| proto::CommandResult { id, ..result }));
        });
    }
}

fn execute(sandboxes: &Sandboxes, id: InstanceId, exec: proto::Exec) -> Result<proto::CommandResult, String> {
    let sandbox = sandboxes.adopt(id).map_err(|error| chain(&error))?;
    let sandbox = sandbox.ok_or_else(|| "the instance does not run".to_owned())?;
    let argv: Vec<OsString> =
        exec.argv.into_iter().map(|word| OsString::from_vec(word.into_bytes())).collect();
    let at_most = Duration::from_millis(exec.timeout_ms.into()).min(LONGEST_COMMAND);
    let done = sandbox.exec(&argv, &exec.stdin, at_most).map_err(|error| chain(&error))?;
    let Executed { outcome, stdout, stderr, .. } = done;
    let exit_code = match outcome {
        Outcome::Exited(code) => code,
        // As a shell says it.
        Outcome::Killed(signal) => 128 + signal,
        Outcome::TimedOut => return Err(format!("the command took longer than {} ms", at_most.as_millis())),
    };
    Ok(proto::CommandResult { exit_code, stdout, stderr, ..Default::default() })
}

/// The whole log is small, so an offset counts from its oldest byte that is kept.
fn read_console(
    sandboxes: &Sandboxes,
    id: InstanceId,
    console: &proto::ReadConsole,
) -> Result<proto::CommandResult, String> {
    let log = sandboxes.console(id, CONSOLE).map_err(|error| chain(&error))?;
    let most = console.most as usize;
    let begin = match usize::try_from(console.offset) {
        Ok(offset) if console.offset != u64::MAX => offset.min(log.len()),
        _ => log.len().saturating_sub(most),
    };
    let stdout = log[begin..].iter().copied().take(most).collect();
    Ok(proto::CommandResult { stdout, offset: begin as u64, ..Default::default() })
}

const MOST_RUNNING: usize = 16;
/// A user who waits longer has gone; the server's own limit is shorter.
const LONGEST_COMMAND: Duration = Duration::from_secs(600);
/// In bytes: what is kept of a console.
const CONSOLE: usize = 1 << 20;
