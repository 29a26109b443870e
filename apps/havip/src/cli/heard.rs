//! What a server tells for as long as somebody listens.

use anyhow::Result;
use havip_api::Follow;
use serde::de::DeserializeOwned;
use std::sync::mpsc;
use std::thread;

/// What comes next.
pub enum Heard<T> {
    Told(Result<T>),
    /// The server says no more.
    Ended,
    /// Ctrl-C.
    Interrupted,
}

/// What is told in one thread, Ctrl-C in another, so that it ends as a whole.
pub fn listen<T: DeserializeOwned + Send + 'static>(stream: Follow<T>) -> mpsc::Receiver<Heard<T>> {
    let (send, heard) = mpsc::channel();
    let interrupted = send.clone();
    thread::spawn(move || {
        for told in stream {
            // Whoever does not listen any more has the end.
            if send.send(Heard::Told(told.map_err(Into::into))).is_err() {
                return;
            }
        }
        let _ = send.send(Heard::Ended);
    });
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        if runtime.is_ok_and(|runtime| runtime.block_on(tokio::signal::ctrl_c()).is_ok()) {
            let _ = interrupted.send(Heard::Interrupted);
        }
    });
    heard
}
