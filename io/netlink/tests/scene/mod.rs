//! A namespace of the test's own, removed also when the test panics.
#![allow(dead_code)]

use havip_netlink::{Links, Namespace};
use std::time::{Duration, Instant};

pub struct Scene {
    pub name: String,
    pub namespace: Namespace,
}

impl Scene {
    pub fn new(label: &str) -> Self {
        let name = format!("hvt-netlink-{label}-{}", std::process::id());
        Namespace::delete(&name).unwrap();
        let namespace = Namespace::create(&name).unwrap();
        Self { name, namespace }
    }

    pub fn links(&self) -> Links {
        Links::open_in(&self.namespace).unwrap()
    }

    /// Runs a command that must succeed and gives what it printed.
    pub fn shows(&self, command: &[&str]) -> String {
        let output = self.namespace.command(command[0]).args(&command[1..]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{command:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        Namespace::delete(&self.name).unwrap();
    }
}

/// Looks every 5 ms until it holds, at most so many seconds.
pub async fn within(seconds: u64, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {seconds} s");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
