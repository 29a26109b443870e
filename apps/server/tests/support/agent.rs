//! A host's agent, played by the test over a real connection with certificates on both sides.

use super::Scene;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use havip_reconcile::item::{Item, ItemKey};
use havip_stream::{
    convert::{Changed, key_text},
    proto::{
        Acknowledged, Failure, Hello, JoinRequest, Report, SealKeys, Update, control_client::ControlClient,
        report, update,
    },
};
use rcgen::{CertificateParams, KeyPair};
use std::{collections::BTreeMap, time::Duration};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Status, Streaming,
    transport::{Certificate, Channel, ClientTlsConfig, Identity},
};

#[derive(Clone)]
pub struct Member {
    pub name: String,
    pub number: u32,
    pub id: String,
    pub authority_pem: String,
    pub certificate_pem: String,
    pub key_pem: String,
    pub underlay: [u8; 16],
    pub edge_device: String,
}

/// One open stream.
pub struct Following {
    pub reports: mpsc::Sender<Report>,
    pub updates: Streaming<Update>,
    pub items: BTreeMap<ItemKey, Item>,
    pub revision: u64,
    pub epoch: String,
    pub was_full: Option<bool>,
    /// Everything but changes and commits that came down.
    pub others: Vec<update::Body>,
    pub acknowledges: bool,
    /// The keys that came last, and the stage of them that is acknowledged, if they are taken.
    pub seal_keys: Option<SealKeys>,
    pub keys_stage: u64,
    pub takes_keys: bool,
    pub failures: Vec<Failure>,
}

pub fn token_parts(token: &str) -> (String, String) {
    let text = URL_SAFE_NO_PAD.decode(token).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    (json["secret"].as_str().unwrap().into(), json["authority_pem"].as_str().unwrap().into())
}

impl Scene {
    pub fn join(&self, name: &str) -> Member {
        let token = self.client.create_host_token().unwrap().token;
        self.join_with(name, &token, "").unwrap()
    }

    pub fn join_edge(&self, name: &str) -> Member {
        let token = self.client.create_host_token().unwrap().token;
        self.join_with(name, &token, "out0").unwrap()
    }

    pub fn join_with(&self, name: &str, token: &str, edge_device: &str) -> Result<Member, Status> {
        let (secret, authority_pem) = token_parts(token);
        let key = KeyPair::generate().unwrap();
        let request = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
        let last = name.bytes().fold(7u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        let underlay = std::net::Ipv4Addr::new(192, 0, 2, last).to_ipv6_mapped().octets();
        let join = JoinRequest {
            token: secret,
            name: name.into(),
            underlay: underlay.to_vec(),
            peer_endpoint: format!("192.0.2.{last}:7403"),
            edge_device: edge_device.into(),
            certificate_request_pem: request,
            region: String::new(),
            zone: String::new(),
            guest_mtu: 1500,
        };
        let reply = self.runtime.block_on(async {
            ControlClient::new(self.channel(&authority_pem, None).await?).join(join).await
        })?;
        let reply = reply.into_inner();
        assert_eq!(reply.authority_pem, authority_pem);
        Ok(Member {
            name: name.into(),
            number: reply.host_number,
            id: reply.host_id,
            authority_pem,
            certificate_pem: reply.certificate_pem,
            key_pem: key.serialize_pem(),
            underlay,
            edge_device: edge_device.into(),
        })
    }

    async fn channel(&self, authority: &str, identity: Option<Identity>) -> Result<Channel, Status> {
        let mut tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(authority))
            .domain_name("havip-server");
        if let Some(identity) = identity {
            tls = tls.identity(identity);
        }
        let endpoint =
            Channel::from_shared(format!("https://{}", self.agents)).unwrap().tls_config(tls).unwrap();
        endpoint.connect().await.map_err(|error| Status::unavailable(format!("{error:?}")))
    }

    /// Opens a stream; everything that came with it has been taken in and acknowledged.
    pub fn follow(&self, member: &Member) -> Following {
        self.follow_from(member, 0, "")
    }

    pub fn follow_from(&self, member: &Member, last_revision: u64, epoch: &str) -> Following {
        let hello = Hello {
            host_number: member.number,
            last_revision,
            epoch: epoch.into(),
            underlay: member.underlay.to_vec(),
            peer_endpoint: format!("192.0.2.{}:7403", member.underlay[15]),
            edge_device: member.edge_device.clone(),
            guest_mtu: 1500,
            version: "test".into(),
        };
        let mut following = self.follow_saying(member, hello).unwrap();
        self.runtime.block_on(following.until_commit());
        following
    }

    pub fn follow_saying(&self, member: &Member, hello: Hello) -> Result<Following, Status> {
        self.runtime.block_on(async {
            let identity = Identity::from_pem(&member.certificate_pem, &member.key_pem);
            let channel = self.channel(&member.authority_pem, Some(identity)).await?;
            let (reports, stream) = mpsc::channel(64);
            reports.send(Report { body: Some(report::Body::Hello(hello)) }).await.unwrap();
            let updates = ControlClient::new(channel).follow(ReceiverStream::new(stream)).await?.into_inner();
            Ok(Following {
                reports,
                updates,
                items: BTreeMap::new(),
                revision: 0,
                epoch: String::new(),
                was_full: None,
                others: vec![],
                acknowledges: true,
                seal_keys: None,
                keys_stage: 0,
                takes_keys: true,
                failures: vec![],
            })
        })
    }
}

impl Following {
    /// Takes in updates up to the next commit, and acknowledges it.
    pub async fn until_commit(&mut self) {
        while !self.take_one().await.unwrap() {}
    }

    /// Takes in one update; whether it was a commit.
    pub async fn take_one(&mut self) -> Result<bool, Status> {
        let update = tokio::time::timeout(Duration::from_secs(10), self.updates.message());
        let update = update.await.expect("an update comes twice a second")?;
        match update.ok_or_else(|| Status::aborted("the stream ended"))?.body.expect("an update has a body") {
            update::Body::Begin(begin) => {
                self.epoch = begin.epoch;
                self.was_full = Some(begin.full);
                if begin.full {
                    self.items.clear();
                }
            }
            update::Body::Change(change) => match Changed::try_from(change).unwrap() {
                Changed::Is(item) => drop(self.items.insert(item.key(), item)),
                Changed::Gone(key) => drop(self.items.remove(&key)),
            },
            update::Body::Commit(commit) => {
                assert!(commit.server_ms > 1_700_000_000_000);
                self.revision = commit.revision;
                if self.acknowledges {
                    self.acknowledge().await;
                }
                return Ok(true);
            }
            update::Body::Keys(keys) => {
                if self.takes_keys {
                    self.keys_stage = keys.stage;
                }
                self.seal_keys = Some(keys);
            }
            other => self.others.push(other),
        }
        Ok(false)
    }

    pub async fn acknowledge(&self) {
        let (revision, failures, keys_stage) = (self.revision, self.failures.clone(), self.keys_stage);
        let acknowledged = Acknowledged { revision, failures, keys_stage };
        self.say(report::Body::Acknowledged(acknowledged)).await;
    }

    pub async fn say(&self, body: report::Body) {
        // The server may have closed the stream; the test sees that by what it reads.
        let _ = self.reports.send(Report { body: Some(body) }).await;
    }

    /// Goes on taking in updates in the background, so that the host stays live; ends when dropped.
    pub fn live(mut self, scene: &Scene) -> Live {
        let (orders, mut ordered) = mpsc::channel::<Order>(16);
        let task = scene.runtime.spawn(async move {
            loop {
                tokio::select! {
                    took = self.take_one() => if took.is_err() { return },
                    order = ordered.recv() => match order {
                        None => return,
                        Some(order) => order(&mut self),
                    },
                }
                for command in self.commands() {
                    let reply = super::agent::reply(command);
                    self.say(report::Body::Result(reply)).await;
                }
            }
        });
        Live { orders, _task: task }
    }

    fn commands(&mut self) -> Vec<havip_stream::proto::Command> {
        let others = std::mem::take(&mut self.others);
        let (commands, rest) =
            others.into_iter().partition(|other| matches!(other, update::Body::Command(_)));
        self.others = rest;
        let commands: Vec<update::Body> = commands;
        commands
            .into_iter()
            .filter_map(|body| match body {
                update::Body::Command(command) => Some(command),
                _ => None,
            })
            .collect()
    }

    pub fn keys(&self) -> Vec<String> {
        self.items.keys().map(key_text).collect()
    }
}

type Order = Box<dyn FnOnce(&mut Following) + Send>;

/// A stream that is kept open.
pub struct Live {
    orders: mpsc::Sender<Order>,
    _task: tokio::task::JoinHandle<()>,
}

impl Live {
    /// Does something with the stream, between two updates.
    pub fn with<T: Send + 'static>(&self, act: impl FnOnce(&mut Following) -> T + Send + 'static) -> T {
        let (send, receive) = std::sync::mpsc::channel();
        let order: Order = Box::new(move |following| {
            let _ = send.send(act(following));
        });
        assert!(self.orders.blocking_send(order).is_ok(), "the stream is open");
        receive.recv_timeout(Duration::from_secs(10)).expect("an update comes twice a second")
    }

    pub fn say(&self, body: report::Body) {
        self.with(move |following| following.reports.try_send(Report { body: Some(body) }).unwrap());
    }
}

/// What this agent answers to commands.
fn reply(command: havip_stream::proto::Command) -> havip_stream::proto::CommandResult {
    use havip_stream::proto::{
        CommandResult, Drop, LoggedFlow, PathFound, PathRule, PortSeen, Traced, command::Body,
    };
    let id = command.id;
    match command.body.unwrap() {
        Body::Exec(exec) => CommandResult {
            id,
            exit_code: 3,
            stdout: format!("{} {}", exec.argv.join("+"), String::from_utf8_lossy(&exec.stdin)).into_bytes(),
            ..Default::default()
        },
        Body::Console(_) => {
            CommandResult { id, stdout: b"hello \xff".to_vec(), offset: 5, ..Default::default() }
        }
        // A port that nobody has cannot be drilled.
        Body::Drill(drill) if drill.port > 2 => {
            CommandResult { id, error: format!("port {} has no device", drill.port), ..Default::default() }
        }
        Body::Drill(_) => CommandResult { id, ..Default::default() },
        Body::Look(_) => {
            let seen = PortSeen {
                port: 1,
                advert_ago_ms: Some(400),
                advert_interval_ms: 1000,
                ..Default::default()
            };
            CommandResult {
                id,
                seen: vec![PortSeen { asked_ago_ms: Some(2100), ..seen }],
                ..Default::default()
            }
        }
        // A session that begins in vain, and one in which one frame is seen each time.
        Body::Trace(trace) if trace.messages => {
            CommandResult { id, error: "somebody looks on at this host already".into(), ..Default::default() }
        }
        Body::Trace(trace) => {
            let frame = havip_wire::build::gratuitous_arp(
                havip_model::MacAddr([2, 0, 0, 0, 0, 9]),
                [10, 0, 0, 9].into(),
            );
            let seen = Traced {
                at_us: 1_700_000_000_000_123,
                hook: "overlay".into(),
                from_host: 99,
                to_port: trace.port,
                verdict: "dropped".into(),
                reason: "claim_not_associated".into(),
                length: 42,
                frame,
                ..Default::default()
            };
            CommandResult { id, traced: vec![seen], lost: 5, ..Default::default() }
        }
        Body::Path(asked) => {
            let text = format!("{} bytes of an address, protocol {}", asked.source.len(), asked.protocol);
            let rules = vec![PathRule { code: "no_holder".into(), text, group_rule: 0 }];
            let (outcome, reason) = ("dropped".into(), "no_holder".into());
            let path = Some(PathFound { rules, outcome, reason, ..Default::default() });
            CommandResult { id, path, ..Default::default() }
        }
        Body::Flows(_) => {
            let ten = |last: u8| std::net::Ipv4Addr::new(10, 20, 1, last).to_ipv6_mapped().octets().to_vec();
            let flow = LoggedFlow {
                first_us: 1_700_000_000_000_123,
                last_us: 1_700_000_000_000_456,
                from_port: 1,
                source: ten(3),
                destination: ten(4),
                source_port: 4000,
                destination_port: 80,
                protocol: 6,
                packets: 7,
                bytes: 700,
                ..Default::default()
            };
            let rejected = LoggedFlow { reason: "group_egress".into(), ..flow.clone() };
            CommandResult { id, flows: vec![flow, rejected], lost: 5, ..Default::default() }
        }
        Body::Probe(_) => CommandResult { id, ..Default::default() },
        Body::Drops(_) => {
            let drops = vec![Drop { reason: "source_mac".into(), packets: 7 }];
            CommandResult { id, drops, ..Default::default() }
        }
    }
}
