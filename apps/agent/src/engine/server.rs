//! What the server says, and what is kept of it.

use super::Engine;
use crate::follow::Heard;
use crate::journal::{self, Position};
use crate::state::{self, Incoming};
use crate::{clock, dhcp};
use havip_model::Vni;
use havip_reconcile::item::{Item, ItemKey};
use havip_stream::proto::{self, update::Body};
use std::collections::BTreeMap;
use std::time::Duration;

impl Engine {
    pub(super) async fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::Opened => {
                self.stream_is_open = true;
                self.incoming = Incoming::default();
                self.records.say_again();
            }
            Heard::Closed => {
                self.stream_is_open = false;
                self.incoming = Incoming::default();
            }
            Heard::Update(update) => self.updated(*update).await,
        }
    }

    async fn updated(&mut self, update: Body) {
        match update {
            Body::Begin(begin) => self.incoming.begin(begin),
            Body::Change(change) => self.incoming.change(change),
            Body::Commit(commit) => self.commit(commit).await,
            Body::Command(command) => self.command(command).await,
            Body::Keys(keys) => self.keys_told(&keys),
            Body::Records(records) => match havip_stream::convert::records(&records) {
                Ok(all) => match Vni::new(records.vni) {
                    Ok(vni) => self.merge_servers(vni, all),
                    Err(error) => tracing::warn!(%error, "the server sent records of no VPC"),
                },
                Err(error) => tracing::warn!(%error, "the server sent a wrong record"),
            },
        }
    }

    async fn commit(&mut self, commit: proto::Commit) {
        let now = clock::since_boot();
        self.outbox.acknowledge_again();
        self.stamp = Some(clock::Stamp { server: Duration::from_millis(commit.server_ms), heard_at: now });
        let was = (self.state.revision, self.state.epoch.clone());
        let committed = self.incoming.commit(commit.revision, &mut self.state);
        self.faults.unreadable.extend(committed.unreadable);
        for key in committed.changed.keys() {
            self.faults.unreadable.remove(&havip_stream::convert::key_text(key));
        }
        let is_news = was != (self.state.revision, self.state.epoch.clone());
        if !committed.changed.is_empty() || is_news {
            self.is_saved = false;
        }
        if !committed.changed.is_empty() {
            self.keep(&committed.changed);
        }
        self.is_known = true;
        self.take_changes(committed.changed).await;
        self.tell_position();
    }

    /// Makes changed items part of what should be; the writing is left to [`Self::settle`].
    pub(super) async fn take_changes(&mut self, changed: BTreeMap<ItemKey, Option<Item>>) {
        let (mut ports, mut hosts) = (false, false);
        self.note_departed(&changed);
        for (key, item) in changed {
            ports |= matches!(key, ItemKey::Port(_));
            hosts |= matches!(key, ItemKey::Host(_) | ItemKey::Vpc(_));
            if let ItemKey::Host(host) = key
                && item.is_none()
            {
                self.peers.forget(host);
            }
            if let ItemKey::Instance(_) | ItemKey::Port(_) = key {
                self.guests.look_again();
            }
            let touched = match item {
                Some(Item::Port(port)) => self.desired.put(Item::Port(port.seen_from(self.host))),
                Some(item) => self.desired.put(item),
                None => self.desired.remove(&key),
            };
            self.touched.extend(touched);
        }
        if ports {
            self.renew_leases();
            self.ports.look_again();
        }
        if hosts {
            self.renew_peers();
        }
        self.alive.edges_are_due = true;
    }

    /// Where a new stream is to begin.
    pub(super) fn tell_position(&self) {
        let (revision, epoch) = (self.state.revision, self.state.epoch.clone());
        self.hello.send_if_modified(|hello| {
            let news = hello.last_revision != revision || hello.epoch != epoch;
            (hello.last_revision, hello.epoch) = (revision, epoch);
            news
        });
    }

    /// Keeps a commit for the case that this life ends before [`Self::save`].
    fn keep(&mut self, changed: &BTreeMap<ItemKey, Option<Item>>) {
        let (path, after) = (journal::path(&self.config.data), Position::of(&self.state));
        if let Err(error) = self.journal.append(&path, &self.saved, &after, changed) {
            tracing::error!(error = format!("{error:#}"), "could not keep a change of the state");
        }
    }

    /// Writes the state to disk if it changed, at most once a second: an older one costs only changes sent twice.
    pub(super) fn save(&mut self) {
        if self.is_saved {
            return;
        }
        match self.state.save(&state::path(&self.config.data)) {
            Ok(()) => {
                self.is_saved = true;
                self.saved = Position::of(&self.state);
                self.journal.begin_anew();
            }
            Err(error) => tracing::error!(error = format!("{error:#}"), "could not keep the state"),
        }
    }

    fn renew_leases(&self) {
        let leases = dhcp::leases(self.port_items());
        *self.leases.write().unwrap_or_else(std::sync::PoisonError::into_inner) = leases;
    }
}
