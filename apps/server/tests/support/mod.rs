//! A real server in a temporary directory, asked over loopback.
#![allow(dead_code)] // each test file uses a part of it

pub mod agent;
pub mod clouds;

use havip_api::{Client, Config as Asking, CreateSubnet, CreateVpc, KeyFile, Subnet, Vpc};
use havip_server::{Config, Server};
use havip_store::Sqlite;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub struct Scene {
    pub runtime: Runtime,
    pub config: Config,
    pub client: Client,
    pub agents: std::net::SocketAddr,
    pub server: Option<Server>,
    directory: TempDir,
}

impl Scene {
    pub fn start() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config {
            data: directory.path().join("data"),
            listen: "127.0.0.1:0".parse().unwrap(),
            agents: "127.0.0.1:0".parse().unwrap(),
            admin_key_file: Some(directory.path().join("admin.json")),
            ..Config::default()
        };
        change(&mut config);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server = runtime.block_on(Server::start(config.clone())).unwrap();
        let client = client(&server, &config);
        Self { runtime, agents: server.agents, config, client, server: Some(server), directory }
    }

    /// Ends the server and begins again on the same data.
    pub fn restart(&mut self) {
        let server = self.server.take().unwrap();
        self.runtime.block_on(server.stop()).unwrap();
        self.begin();
    }

    fn begin(&mut self) {
        let config = self.config.clone();
        // The store is open until the last task has let go of it.
        let server =
            eventually("the store opens again", || self.runtime.block_on(Server::start(config.clone())).ok());
        self.client = client(&server, &self.config);
        self.agents = server.agents;
        self.server = Some(server);
    }

    /// Ends the server, lets somebody at its store, and begins again.
    pub fn with_store(&mut self, act: impl AsyncFnOnce(&Sqlite)) {
        let server = self.server.take().unwrap();
        self.runtime.block_on(server.stop()).unwrap();
        let path = self.config.data.join("havip.db");
        let store = eventually("the store is let go of", || Sqlite::open(&path).ok());
        self.runtime.block_on(act(&store));
        drop(store);
        self.begin();
    }

    pub fn key_file(&self) -> PathBuf {
        self.config.admin_key_file.clone().unwrap()
    }

    pub fn key(&self) -> KeyFile {
        serde_json::from_slice(&std::fs::read(self.key_file()).unwrap()).unwrap()
    }

    pub fn network(&self) -> (Vpc, Subnet) {
        let vpc = CreateVpc { name: "shop".into(), cidr: "10.20.0.0/16".into(), ..Default::default() };
        let vpc = self.client.create_vpc(&vpc).unwrap();
        let subnet = CreateSubnet {
            vpc: vpc.meta.id.clone(),
            name: "web".into(),
            cidr: "10.20.1.0/24".into(),
            ..Default::default()
        };
        let subnet = self.client.create_subnet(&subnet).unwrap();
        (vpc, subnet)
    }

    /// Sends what the client would not: a raw request; status, headers, body.
    pub fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String, String) {
        use std::io::{Read, Write};
        let address = self.server.as_ref().unwrap().api;
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), body.to_string())
    }

    /// A client by another key, and that key.
    pub fn client_of(&self, key: &KeyFile) -> Client {
        let server = format!("http://{}", self.server.as_ref().unwrap().api);
        Client::new(Asking { server, key: key.clone(), authority_pem: None }).unwrap()
    }

    /// A user of a project, by its key; the project is made if there is none of this name.
    pub fn user(&self, project: &str, name: &str) -> KeyFile {
        let is_there = self.client.projects().unwrap().items.iter().any(|known| known.name == project);
        if !is_there {
            let wish = havip_api::CreateProject { name: project.into(), ..Default::default() };
            self.client.create_project(&wish).unwrap();
        }
        let wish = havip_api::CreateUser { name: name.into(), ..Default::default() };
        key_of_new_user(&self.client.in_project(project), &wish)
    }

    /// A user of the first project with this policy and no other, by its key.
    pub fn user_with_policy(&self, name: &str, document: &str) -> KeyFile {
        let document = document.into();
        let wish = havip_api::CreatePolicy { name: name.into(), document, ..Default::default() };
        self.client.create_policy(&wish).unwrap();
        let policies = Some(vec![name.into()]);
        let wish = havip_api::CreateUser { name: name.into(), policies, ..Default::default() };
        key_of_new_user(&self.client, &wish)
    }

    pub fn bearer(&self) -> String {
        self.key().bearer()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            let _ = self.runtime.block_on(server.stop());
        }
    }
}

fn client(server: &Server, config: &Config) -> Client {
    let key = std::fs::read(config.admin_key_file.as_ref().unwrap()).unwrap();
    let key: KeyFile = serde_json::from_slice(&key).unwrap();
    Client::new(Asking { server: format!("http://{}", server.api), key, authority_pem: None }).unwrap()
}

fn key_of_new_user(client: &Client, wish: &havip_api::CreateUser) -> KeyFile {
    let user = client.create_user(wish).unwrap().id;
    let wish = havip_api::CreateAccessKey { user: Some(user), ..Default::default() };
    let made = client.create_access_key(&wish).unwrap();
    KeyFile { access_key_id: made.access_key.id, access_key_secret: made.access_key_secret }
}

/// Waits for the thing, for ten seconds at most.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within ten seconds: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
