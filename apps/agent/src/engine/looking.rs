//! Whoever looks on, at frames or at flows, needs programs that show them.
//!
//! For that the programs are loaded once more, by another thread, and swapped; when nobody wants it any more, the
//! usual ones are. A session that nobody has asked for three seconds has no reader any more.

use super::flows::Flows;
use super::program::chain;
use super::trace::Tracing;
use super::{Done, Engine};
use havip_stream::proto;
use havip_switch::{FlowLog, Loaded, Mode, Wanted};
use std::time::Duration;

/// Who looks on, and what the programs that are at work show.
#[derive(Default)]
pub struct Looking {
    pub(super) tracing: Option<Tracing>,
    pub(super) flows: Flows,
    pub(super) log: Option<FlowLog>,
    at_work: Mode,
    /// Programs are being loaded.
    loading: Option<Mode>,
}

impl Looking {
    fn wanted(&self) -> Mode {
        Mode { frames: self.tracing.is_some(), flows: !self.flows.is_empty() }
    }

    /// What the programs show that are at work.
    pub(super) fn at_work(&self) -> Mode {
        self.at_work
    }

    /// When the first session ends unless it is asked.
    pub fn next_deadline(&self) -> Option<Duration> {
        let traced = self.tracing.as_ref().and_then(Tracing::asked_at);
        traced.into_iter().chain(self.flows.asked_at()).min().map(|asked_at| asked_at + SILENCE)
    }
}

impl Engine {
    /// Has the programs loaded that are wanted now, if they are others.
    pub(super) fn settle_programs(&mut self) {
        let wanted = self.looking.wanted();
        if self.looking.loading.is_some() || wanted == self.looking.at_work {
            return;
        }
        tracing::info!(?wanted, "other programs are loaded, for whoever looks on");
        self.looking.loading = Some(wanted);
        let (looker, done) = (self.switch.looker(), self.done.clone());
        tokio::task::spawn_blocking(move || {
            let loaded = looker.load(wanted).map_err(|error| chain(&error));
            // A loop that has ended wants nothing any more.
            let _ = done.send(Done::Loaded(loaded));
        });
    }

    /// The programs are loaded: they are put to work.
    pub(super) fn programs_loaded(&mut self, loaded: Result<Loaded, String>) {
        let mode = self.looking.loading.take().unwrap_or_default();
        if !mode.flows && self.looking.log.is_some() && !self.looking.flows.is_empty() {
            // Somebody follows anew what is still counted: not a packet of it is to be missed.
            return self.settle_programs();
        }
        let wanted = self.looking.tracing.as_ref().map_or(Wanted::default(), |tracing| tracing.wanted);
        let followed = self.looking.flows.followed();
        // Before, as the old programs' own processors must end their frames; after, for what came meanwhile.
        self.keep_last_flows();
        let begun = loaded.and_then(|loaded| {
            if let Some(tracing) = &mut self.looking.tracing {
                tracing.put_by();
            }
            self.switch.put_to_work(loaded, &wanted, &followed).map_err(|error| chain(&error))
        });
        self.keep_last_flows();
        self.looking.log = None;
        // Also if not: some of them may be at work already.
        self.looking.at_work = mode;
        match begun {
            Ok((trace, log)) => {
                self.looking.log = log;
                let command = match (&mut self.looking.tracing, trace) {
                    (Some(tracing), Some(trace)) => tracing.begin(trace),
                    _ => None,
                };
                command.into_iter().for_each(|id| self.done_with(id, String::new()));
                self.follow_all_flows();
            }
            Err(error) if mode == Mode::USUAL => {
                tracing::error!(error, "could not load the usual programs; they go on looking");
            }
            Err(error) => {
                // The usual ones take their place.
                let traced = self.looking.tracing.take().and_then(Tracing::fail);
                let commands = traced.into_iter().chain(self.looking.flows.fail());
                commands.for_each(|id| self.done_with(id, error.clone()));
            }
        }
        self.settle_programs();
    }

    fn keep_last_flows(&mut self) {
        if let Err(error) = self.keep_flows() {
            tracing::warn!(error = chain(&error), "what was counted of flows is lost");
        }
    }

    pub(super) fn done_with(&self, id: u64, error: String) {
        self.outbox.result(proto::CommandResult { id, error, ..Default::default() });
    }

    /// Ends sessions that nobody asks.
    pub(super) fn end_unasked(&mut self, now: Duration) {
        let is_over = |asked_at: Duration| asked_at + SILENCE <= now;
        self.looking.tracing.take_if(|tracing| tracing.asked_at().is_some_and(is_over));
        for vni in self.looking.flows.end_unasked(is_over) {
            self.leave_flows(vni);
        }
        self.settle_programs();
    }
}

/// A session that is not asked for so long has no reader any more.
const SILENCE: Duration = Duration::from_secs(3);
