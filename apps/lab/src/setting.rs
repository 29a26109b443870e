//! What a scene should be like before its story begins.

use crate::{
    Lab, Plan, Scene,
    names::{HostName, LabName, UNDERLAY_MTU},
};
use anyhow::Result;
use havip_api::{CreateVip, CreateVpc};
use std::{
    net::IpAddr,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

/// What a scene should be like.
pub struct Setting {
    hosts: u8,
    edges: u8,
    underlay_mtu: u32,
    cidr: String,
    is_dual: bool,
    vip: Option<IpAddr>,
    guests: Vec<(String, HostName)>,
    environment: Vec<(String, String)>,
}

impl Setting {
    /// A subnet of `10.20.0.0/16` on three hosts without an edge.
    pub fn subnet(cidr: &str) -> Self {
        Self {
            hosts: 3,
            edges: 0,
            underlay_mtu: UNDERLAY_MTU,
            cidr: cidr.into(),
            is_dual: false,
            vip: None,
            guests: vec![],
            environment: vec![],
        }
    }

    /// So many hosts for guests.
    pub fn hosts(mut self, hosts: u8) -> Self {
        self.hosts = hosts;
        self
    }

    /// So many edges.
    pub fn edges(mut self, edges: u8) -> Self {
        self.edges = edges;
        self
    }

    /// An underlay that carries packets of so many bytes.
    pub fn underlay_mtu(mut self, mtu: u32) -> Self {
        self.underlay_mtu = mtu;
        self
    }

    /// The VPC and the subnet have IPv6 as well: [`CIDR6`], and its first /64 but one.
    pub fn dual(mut self) -> Self {
        self.is_dual = true;
        self
    }

    /// A VIP of either family, associated with nobody yet.
    pub fn vip(mut self, address: &str) -> Self {
        self.vip = Some(address.parse().expect("a story spells its addresses right"));
        self
    }

    /// Guests, one after the other on the hosts `h1`, `h2`, … and round again.
    pub fn guests<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        for name in names {
            let host = HostName::Host(self.guests.len() as u8 % self.hosts + 1);
            self.guests.push((name.to_owned(), host));
        }
        self
    }

    /// A guest on a certain host, counted from 1.
    pub fn guest_on(mut self, name: &str, host: u8) -> Self {
        self.guests.push((name.to_owned(), HostName::Host(host)));
        self
    }

    /// An environment variable of server and agents.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Makes it so, in a lab with a name of its own, running `program`.
    pub fn start(self, program: PathBuf) -> Result<Scene> {
        let name = fresh_name();
        // A lab of this name can only be the leftover of a process that has had our number.
        Lab::down(&name, &program)?;
        let plan = Plan {
            name,
            hosts: self.hosts,
            edges: self.edges,
            underlay_mtu: self.underlay_mtu,
            program,
            environment: self.environment,
        };
        let lab = Lab::up(&plan)?;
        let vpc = lab.api(|client| {
            let body = CreateVpc {
                name: "story".into(),
                cidr: "10.20.0.0/16".into(),
                cidr6: self.is_dual.then(|| CIDR6.into()),
                ..CreateVpc::default()
            };
            client.create_vpc(&body)
        })?;
        let mut scene = Scene::without_guests(lab, vpc.meta.id, self.vip);
        scene.subnet = match self.is_dual {
            true => scene.make_dual_subnet("web", &self.cidr, "fd00:20:0:1::/64")?,
            false => scene.make_subnet("web", &self.cidr)?,
        };
        if let Some(address) = self.vip {
            let subnet = scene.subnet.clone();
            let body = CreateVip { subnet, address: Some(address.to_string()), ..CreateVip::default() };
            scene.vip = Some(scene.settled(|client| client.create_vip(&body))?.meta.id);
        }
        for (name, host) in &self.guests {
            scene.add_guest(name, *host)?;
        }
        Ok(scene)
    }
}

/// A name that no other lab of this machine has: the process's number in base 36, and a letter.
fn fresh_name() -> LabName {
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut rest = std::process::id();
    let mut name = char::from(b'a' + (count % 26) as u8).to_string();
    for _ in 0..5 {
        name.push(char::from_digit(rest % 36, 36).expect("a remainder of 36 is a digit"));
        rest /= 36;
    }
    name.parse().expect("a letter and five digits name a lab")
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The IPv6 addresses of a VPC of both families.
pub const CIDR6: &str = "fd00:20::/56";
