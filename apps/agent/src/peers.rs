//! Agents among themselves (rule C6): pulling and repairing records, by gRPC with the hosts' certificates.

use crate::identity::Identity;
use crate::machines::{self, Arriving, Departing, Outcome, Words};
use havip_model::{Digest, HostNumber, InstanceId, PortNumber, Record, VipKey, Vni};
use havip_stream::proto::peer_client::PeerClient;
use havip_stream::proto::peer_server::{Peer, PeerServer};
use havip_stream::{convert, proto};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status, Streaming};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What another agent asks of this one; the main loop answers, as only it speaks to the switch.
#[derive(Debug)]
pub enum Asked {
    /// All records of a VPC.
    Pull {
        /// Who asks, by its certificate.
        host: HostNumber,
        /// The VPC.
        vni: Vni,
        /// Where the answer goes.
        answer: oneshot::Sender<proto::Records>,
    },
    /// What our records of a VPC are, in one word.
    Compare {
        /// Who asks, by its certificate.
        host: HostNumber,
        /// The VPC.
        vni: Vni,
        /// Where the answer goes.
        answer: oneshot::Sender<proto::Digest>,
    },
    /// Its records, for ours that are greater.
    Repair {
        /// Who asks, by its certificate.
        host: HostNumber,
        /// The VPC.
        vni: Vni,
        /// Its records.
        records: Vec<(VipKey, Record)>,
        /// Where the answer goes.
        answer: oneshot::Sender<proto::Records>,
    },
    /// Whether this host hears one that they have missed.
    Hears {
        /// Whom they have missed.
        about: HostNumber,
        /// Where the answer goes.
        answer: oneshot::Sender<proto::HearsReply>,
    },
    /// The guest of a port of this host has arrived at another.
    Arrived {
        /// Where, by its certificate.
        host: HostNumber,
        /// The port.
        port: PortNumber,
        /// Where the answer goes.
        answer: oneshot::Sender<proto::ArrivedReply>,
    },
    /// A machine is to go on here.
    Comes {
        /// Who has it, by its certificate.
        host: HostNumber,
        /// The machine.
        instance: InstanceId,
        /// Where the answer goes.
        answer: oneshot::Sender<Result<Arriving, String>>,
    },
    /// Whether a port of this host is down.
    Down {
        /// Who asks, by its certificate.
        host: HostNumber,
        /// The port.
        port: PortNumber,
        /// Where the answer goes.
        answer: oneshot::Sender<proto::DownReply>,
    },
}

/// Answers other agents until the agent ends.
///
/// # Errors
/// The address cannot be listened on, or the certificate is unusable.
pub async fn serve(
    identity: &Identity,
    address: SocketAddr,
    asked: mpsc::Sender<Asked>,
) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let listener = TcpListener::bind(address).await?;
    let service = PeerServer::new(Service { asked })
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE);
    let server = Server::builder().tls_config(identity.for_serving())?.add_service(service);
    let incoming = TcpListenerStream::new(listener);
    Ok(async move {
        if let Err(error) = server.serve_with_incoming(incoming).await {
            tracing::error!(%error, "other agents are not answered any more");
        }
    })
}

struct Service {
    asked: mpsc::Sender<Asked>,
}

impl Service {
    async fn ask<T>(&self, asked: Asked, answer: oneshot::Receiver<T>) -> Result<Response<T>, Status> {
        let busy = || Status::unavailable("this agent is ending or busy");
        self.asked.try_send(asked).map_err(|_| busy())?;
        answer.await.map(Response::new).map_err(|_| busy())
    }
}

#[tonic::async_trait]
impl Peer for Service {
    async fn pull(&self, request: Request<proto::PullRequest>) -> Result<Response<proto::Records>, Status> {
        let (host, vni) = (caller(&request)?, vni(request.get_ref().vni)?);
        let (answer, answered) = oneshot::channel();
        self.ask(Asked::Pull { host, vni, answer }, answered).await
    }

    async fn compare(&self, request: Request<proto::Digest>) -> Result<Response<proto::Digest>, Status> {
        let (host, vni) = (caller(&request)?, vni(request.get_ref().vni)?);
        let (answer, answered) = oneshot::channel();
        self.ask(Asked::Compare { host, vni, answer }, answered).await
    }

    async fn repair(&self, request: Request<proto::Records>) -> Result<Response<proto::Records>, Status> {
        let (host, vni) = (caller(&request)?, vni(request.get_ref().vni)?);
        let wrong = |error: convert::ConvertError| Status::invalid_argument(error.to_string());
        let records = convert::records(request.get_ref()).map_err(wrong)?;
        let (answer, answered) = oneshot::channel();
        self.ask(Asked::Repair { host, vni, records, answer }, answered).await
    }

    async fn hears(
        &self,
        request: Request<proto::HearsRequest>,
    ) -> Result<Response<proto::HearsReply>, Status> {
        caller(&request)?;
        let about = HostNumber::new(request.get_ref().host);
        let about = about.map_err(|error| Status::invalid_argument(error.to_string()))?;
        let (answer, answered) = oneshot::channel();
        self.ask(Asked::Hears { about, answer }, answered).await
    }

    async fn arrived(
        &self,
        request: Request<proto::ArrivedRequest>,
    ) -> Result<Response<proto::ArrivedReply>, Status> {
        let host = caller(&request)?;
        let port = PortNumber::new(request.get_ref().port);
        let port = port.map_err(|error| Status::invalid_argument(error.to_string()))?;
        let (answer, answered) = oneshot::channel();
        self.ask(Asked::Arrived { host, port, answer }, answered).await
    }

    type MigrateStream = Words;

    async fn migrate(
        &self,
        request: Request<Streaming<proto::MachinePart>>,
    ) -> Result<Response<Words>, Status> {
        let host = caller(&request)?;
        let mut parts = request.into_inner();
        let first = parts.message().await?.unwrap_or_default();
        let instance = first.instance.parse();
        let instance = instance.map_err(|_| Status::invalid_argument("the first part names no instance"))?;
        let (answer, answered) = oneshot::channel();
        let comes = self.ask(Asked::Comes { host, instance, answer }, answered).await?.into_inner();
        let arriving = comes.map_err(Status::failed_precondition)?;
        Ok(Response::new(machines::arrive(arriving, parts)))
    }

    async fn down(&self, request: Request<proto::DownRequest>) -> Result<Response<proto::DownReply>, Status> {
        let host = caller(&request)?;
        let port = PortNumber::new(request.get_ref().port);
        let port = port.map_err(|error| Status::invalid_argument(error.to_string()))?;
        let (answer, answered) = oneshot::channel();
        self.ask(Asked::Down { host, port, answer }, answered).await
    }
}

/// The host that the connection's certificate names.
fn caller<T>(request: &Request<T>) -> Result<HostNumber, Status> {
    let certificates = request.peer_certs();
    let first = certificates.as_ref().and_then(|certificates| certificates.first());
    first
        .and_then(|certificate| host_of(certificate))
        .ok_or_else(|| Status::unauthenticated("only hosts with a certificate of this fabric are answered"))
}

/// The number that a host's certificate names: `host-7.havip`.
fn host_of(certificate: &[u8]) -> Option<HostNumber> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    names.value.general_names.iter().find_map(|name| match name {
        GeneralName::DNSName(name) => {
            let number: u32 = name.strip_prefix("host-")?.strip_suffix(".havip")?.parse().ok()?;
            HostNumber::new(number).ok()
        }
        _ => None,
    })
}

fn vni(value: u32) -> Result<Vni, Status> {
    Vni::new(value).map_err(|error| Status::invalid_argument(error.to_string()))
}

/// Connections to other agents, kept while their addresses stay the same.
#[derive(Debug)]
pub struct Peers {
    identity: Identity,
    channels: BTreeMap<HostNumber, (String, Channel)>,
}

impl Peers {
    /// None yet.
    pub fn new(identity: Identity) -> Self {
        Self { identity, channels: BTreeMap::new() }
    }

    /// A client of the agent of this host at this address; none if that is no address.
    pub fn client(&mut self, host: HostNumber, endpoint: &str) -> Option<Client> {
        let known = self.channels.get(&host).filter(|(address, _)| address == endpoint);
        let channel = match known {
            Some((_, channel)) => channel.clone(),
            None => {
                let channel = self.identity.peer(host, endpoint).inspect_err(|error| {
                    tracing::warn!(%host, endpoint, error = format!("{error:#}"), "a host has no usable address");
                });
                let channel = channel.ok()?;
                self.channels.insert(host, (endpoint.to_owned(), channel.clone()));
                channel
            }
        };
        let client = PeerClient::new(channel)
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        Some(Client { client })
    }

    /// A host that is gone.
    pub fn forget(&mut self, host: HostNumber) {
        self.channels.remove(&host);
    }
}

/// Speaks to one other agent.
#[derive(Debug, Clone)]
pub struct Client {
    client: PeerClient<Channel>,
}

impl Client {
    /// Every record of a VPC that the peer has; none if it does not answer in time.
    pub async fn pull(mut self, vni: Vni, own: HostNumber) -> Option<Vec<(VipKey, Record)>> {
        let request = proto::PullRequest { vni: vni.get(), from_host: own.get() };
        let pull = async {
            loop {
                match self.client.pull(request).await {
                    // The server may tell the peer of us a moment later than us of the VPC.
                    Err(status) if status.code() == Code::Unavailable => tokio::time::sleep(AGAIN).await,
                    answer => return answer,
                }
            }
        };
        understood(tokio::time::timeout(PATIENCE, pull).await)
    }

    /// Sends what this host's records of a VPC are, and brings back what the peer's are: an inner none if it is of a
    /// version that cannot say; none if it does not answer in time.
    pub async fn compare(mut self, digest: proto::Digest) -> Option<Option<Digest>> {
        match tokio::time::timeout(PATIENCE, self.client.compare(digest)).await {
            Ok(Ok(theirs)) => Some(Some(Digest(theirs.into_inner().sum))),
            Ok(Err(status)) if status.code() == Code::Unimplemented => Some(None),
            Ok(Err(status)) => {
                tracing::debug!(%status, "a peer did not compare");
                None
            }
            Err(_) => None,
        }
    }

    /// Sends records, and brings back those of the peer that are greater.
    pub async fn repair(mut self, records: proto::Records) -> Option<Vec<(VipKey, Record)>> {
        let answer = tokio::time::timeout(PATIENCE, self.client.repair(records)).await;
        understood(answer)
    }
}

impl Client {
    /// Whether the peer hears this host; none if it does not say so before that is of no use any more.
    pub async fn hears(mut self, about: HostNumber) -> Option<bool> {
        let asked = self.client.hears(proto::HearsRequest { host: about.get() });
        let answer = tokio::time::timeout(UNTIL_LOST, asked).await.ok()?;
        let answer =
            answer.inspect_err(|status| tracing::debug!(%status, "a peer does not say whom it hears"));
        Some(answer.ok()?.into_inner().hears)
    }

    /// Lets a machine go on at the peer.
    pub async fn migrate(self, departing: Departing) -> Outcome {
        machines::depart(self.client, departing).await
    }

    /// Tells the peer that the guest of a port of its is here, until it has heard; answers when the guest sent its last
    /// frame there, in milliseconds since 1970, if that is known.
    pub async fn arrived(mut self, port: PortNumber) -> Option<u64> {
        for after in ARRIVED_TOLD_AFTER {
            tokio::time::sleep(after).await;
            let told = self.client.arrived(proto::ArrivedRequest { port: port.get() });
            match tokio::time::timeout(PATIENCE, told).await {
                Ok(Ok(answer)) => return answer.into_inner().last_ms,
                Ok(Err(status)) => tracing::debug!(%status, "a peer does not hear that a guest has arrived"),
                Err(_) => {}
            }
        }
        tracing::warn!(%port, "the host that a guest came from does not hear of it");
        None
    }

    /// Whether a port of the peer's is down, or goes down within a moment; false if the peer does not say so.
    pub async fn down(mut self, port: PortNumber) -> bool {
        for after in DOWN_ASKED_AFTER {
            tokio::time::sleep(after).await;
            let asked = self.client.down(proto::DownRequest { port: port.get() });
            match tokio::time::timeout(UNTIL_LOST, asked).await {
                Ok(Ok(reply)) if reply.get_ref().down => return true,
                Ok(Ok(_)) | Err(_) => {}
                Ok(Err(status)) => tracing::debug!(%status, "a peer does not say whether a port is down"),
            }
        }
        false
    }
}

type Answer = Result<Result<Response<proto::Records>, Status>, tokio::time::error::Elapsed>;

fn understood(answer: Answer) -> Option<Vec<(VipKey, Record)>> {
    let records = match answer {
        Ok(Ok(records)) => records.into_inner(),
        Ok(Err(status)) => {
            tracing::debug!(%status, "a peer did not answer");
            return None;
        }
        Err(_) => return None,
    };
    convert::records(&records).inspect_err(|error| tracing::warn!(%error, "a peer sent a wrong record")).ok()
}

/// A live agent answers in milliseconds; a port must not stay down for a dead one's sake.
const PATIENCE: Duration = Duration::from_millis(1000);
/// From the first miss to the third.
const UNTIL_LOST: Duration = Duration::from_millis(100);
/// The server tells it, too; this is faster.
const ARRIVED_TOLD_AFTER: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(500), Duration::from_secs(2)];
/// The ports of a machine that dies go down one after the other: its kernel closes one descriptor after the other.
const DOWN_ASKED_AFTER: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(200)];
const AGAIN: Duration = Duration::from_millis(50);
const LARGEST_MESSAGE: usize = 16 << 20;
