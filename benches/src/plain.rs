//! The baselines: what Linux does without us, with a bridge, and with a bridge and VXLAN between two hosts.
//!
//! No protection at all: every guest may say anything, and only the guests' ARP caches decide.

use crate::post::Post;
use anyhow::{Context, Result, ensure};
use havip_netlink::Namespace;
use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicU32, Ordering},
};

/// Guests on plain Linux bridges; removed when dropped.
pub struct Plain {
    /// The guests, in the order they were asked for.
    pub posts: Vec<Post>,
    names: Vec<String>,
    mtu: u32,
}

impl Plain {
    /// All guests on one bridge, with this MTU.
    pub fn bridge(guests: &[Ipv4Addr], mtu: u32) -> Result<Self> {
        let tag = tag();
        let mut plain = Self { posts: vec![], names: vec![], mtu };
        plain.host(&format!("hvb-{tag}-s1"), &tag, 1)?;
        for (number, address) in guests.iter().enumerate() {
            plain.guest(&tag, 1, number, *address)?;
        }
        Ok(plain)
    }

    /// Each guest on a host of its own; the hosts' bridges are joined by kernel VXLAN, which floods.
    pub fn bridge_and_vxlan(guests: &[Ipv4Addr], mtu: u32) -> Result<Self> {
        let tag = tag();
        let mut plain = Self { posts: vec![], names: vec![], mtu };
        let wire = format!("hvb-{tag}-w");
        plain.namespace(&wire)?;
        ip(&wire, &format!("link add hvb{tag}w mtu 1600 type bridge"))?;
        ip(&wire, &format!("link set hvb{tag}w up"))?;
        for number in 1..=guests.len() {
            let host = format!("hvb-{tag}-s{number}");
            plain.host(&host, &tag, number)?;
            let (near, far) = (format!("hvb{tag}u{number}"), format!("hvb{tag}l{number}"));
            ip(&wire, &format!("link add {near} mtu 1600 type veth peer name {far} mtu 1600 netns {host}"))?;
            ip(&wire, &format!("link set {near} master hvb{tag}w up"))?;
            ip(&host, &format!("address add 172.30.0.{number}/24 dev {far}"))?;
            ip(&host, &format!("link set {far} up"))?;
            let vxlan = format!("hvb{tag}x{number}");
            ip(&host, &format!("link add {vxlan} mtu 1550 type vxlan id 42 dstport 4790 dev {far}"))?;
            ip(&host, &format!("link set {vxlan} master hvb{tag}b{number} up"))?;
            for other in (1..=guests.len()).filter(|other| *other != number) {
                // An entry for unknown and broadcast destinations per other host: flooding.
                bridge(&host, &format!("fdb append 00:00:00:00:00:00 dev {vxlan} dst 172.30.0.{other}"))?;
            }
        }
        for (index, address) in guests.iter().enumerate() {
            plain.guest(&tag, index + 1, index, *address)?;
        }
        Ok(plain)
    }

    /// A namespace in which nobody speaks unasked, as in our lab.
    fn namespace(&mut self, name: &str) -> Result<Namespace> {
        let namespace = Namespace::create(name)?;
        self.names.push(name.into());
        namespace.set_sysctl("ipv6/conf/default/disable_ipv6", "1")?;
        Ok(namespace)
    }

    fn host(&mut self, name: &str, tag: &str, number: usize) -> Result<()> {
        self.namespace(name)?;
        ip(name, &format!("link add hvb{tag}b{number} type bridge"))?;
        ip(name, &format!("link set hvb{tag}b{number} up"))
    }

    fn guest(&mut self, tag: &str, host: usize, number: usize, address: Ipv4Addr) -> Result<()> {
        let name = format!("hvb-{tag}-g{number}");
        let namespace = self.namespace(&name)?;
        let (near, host_name) = (format!("hvb{tag}p{number}"), format!("hvb-{tag}-s{host}"));
        let mtu = self.mtu;
        ip(
            &host_name,
            &format!("link add {near} mtu {mtu} type veth peer name eth0 mtu {mtu} netns {name}"),
        )?;
        ip(&host_name, &format!("link set {near} master hvb{tag}b{host} up"))?;
        ip(&name, &format!("address add {address}/24 dev eth0"))?;
        ip(&name, "link set eth0 up")?;
        self.posts.push(Post { namespace, address });
        Ok(())
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        for name in self.names.drain(..) {
            if let Ok(namespace) = Namespace::open(&name) {
                let _ = havip_lab::process::clear(&namespace);
            }
            // Best effort: the bench is over.
            let _ = Namespace::delete(&name);
        }
    }
}

fn ip(namespace: &str, words: &str) -> Result<()> {
    tool("ip", &Namespace::open(namespace)?, words)
}

fn bridge(namespace: &str, words: &str) -> Result<()> {
    tool("bridge", &Namespace::open(namespace)?, words)
}

/// Runs a program with these words, apart by single spaces, in a namespace.
pub(crate) fn tool(program: &str, namespace: &Namespace, words: &str) -> Result<()> {
    let mut command = namespace.command(program);
    let output = command.args(words.split(' ')).output().with_context(|| format!("cannot run {program}"))?;
    ensure!(output.status.success(), "{program} {words}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// Five characters that no other bench of this machine has.
fn tag() -> String {
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    let number = (std::process::id() % 46_656) * 36 + count % 36;
    (0..4).map(|place| char::from_digit(number / 36u32.pow(place) % 36, 36).expect("below 36")).collect()
}

static NEXT: AtomicU32 = AtomicU32::new(0);
