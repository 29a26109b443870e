//! Where the demo speaks: live lines with colours on a terminal, plain lines elsewhere.

use std::{
    io::{IsTerminal, Write},
    sync::mpsc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Prints what happens while it happens.
pub struct Stage {
    began_at: Instant,
    colours: bool,
}

impl Stage {
    /// Speaks plainly when told so, and wherever output is not a terminal.
    pub fn new(plain: bool) -> Self {
        let colours = !plain && std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { began_at: Instant::now(), colours }
    }

    /// A line with the time since the start.
    pub fn say(&self, text: &str) {
        println!("{} {text}", self.stamp());
    }

    /// A line of explanation, without a time.
    pub fn explain(&self, text: &str) {
        println!("          {}", self.paint("2", text));
    }

    /// Begins a step; on a terminal a clock runs until it ends.
    pub fn begin(&self, title: &str) -> Running {
        let ticker = self.colours.then(|| {
            let (stop, stopped) = mpsc::channel::<()>();
            let title = title.to_owned();
            let began_at = Instant::now();
            let thread = std::thread::spawn(move || {
                while stopped.recv_timeout(Duration::from_millis(100)) == Err(mpsc::RecvTimeoutError::Timeout)
                {
                    print!(
                        "\r\x1b[2K   \x1b[36m…\x1b[0m {:>5.1} s {title}",
                        began_at.elapsed().as_secs_f32()
                    );
                    let _ = std::io::stdout().flush();
                }
                print!("\r\x1b[2K");
            });
            (stop, thread)
        });
        Running { began_at: Instant::now(), ticker }
    }

    /// Ends a step with what was seen.
    pub fn end(&self, running: Running, ok: bool, seen: &str) -> Duration {
        let took = running.stop();
        let mark = if ok { self.paint("32", "ok  ") } else { self.paint("1;31", "FAIL") };
        println!("{} {mark} {seen} {}", self.stamp(), self.paint("2", &format!("({} ms)", took.as_millis())));
        took
    }

    fn stamp(&self) -> String {
        self.paint("2", &format!("{:>7.2} s", self.began_at.elapsed().as_secs_f32()))
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A step under way.
pub struct Running {
    began_at: Instant,
    ticker: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

impl Running {
    fn stop(self) -> Duration {
        let took = self.began_at.elapsed();
        if let Some((stop, thread)) = self.ticker {
            drop(stop);
            let _ = thread.join();
        }
        took
    }
}
