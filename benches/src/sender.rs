//! A client that sends all the time to an address that moves.

use std::{
    net::{SocketAddrV4, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Throws away what has arrived.
pub fn drain(socket: &UdpSocket) {
    let mut byte = [0; 64];
    socket.set_nonblocking(true).expect("a socket can be switched");
    while socket.recv(&mut byte).is_ok() {}
    socket.set_nonblocking(false).expect("a socket can be switched");
}

/// Sends every 0.05 ms while it is told to.
pub struct Sender {
    orders: Arc<Orders>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Orders {
    send: AtomicBool,
    end: AtomicBool,
}

/// The sender sends until this is dropped.
pub struct Sending<'a>(&'a Orders);

impl Sender {
    /// Ready to send from a socket, on a thread of its own.
    pub fn start(socket: UdpSocket, target: SocketAddrV4) -> Self {
        let orders = Arc::<Orders>::default();
        let thread = std::thread::spawn({
            let orders = orders.clone();
            move || {
                while !orders.end.load(Ordering::Relaxed) {
                    match orders.send.load(Ordering::Relaxed) {
                        // Unreachable while nobody holds the VIP.
                        true => drop(socket.send_to(b"tick", target)),
                        false => std::thread::park(),
                    }
                    std::thread::sleep(TICK);
                }
            }
        });
        Self { orders, thread: Some(thread) }
    }

    /// Sends from now on.
    pub fn send(&self) -> Sending<'_> {
        self.orders.send.store(true, Ordering::Relaxed);
        self.wake();
        Sending(&self.orders)
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.0.send.store(false, Ordering::Relaxed);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.orders.end.store(true, Ordering::Relaxed);
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

const TICK: Duration = Duration::from_micros(50);
