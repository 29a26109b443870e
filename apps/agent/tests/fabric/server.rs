//! A control server that sends what a test puts into it and keeps what agents report.

use havip_netlink::Namespace;
use havip_reconcile::item::{Item, ItemKey};
use havip_stream::proto::control_server::{Control, ControlServer};
use havip_stream::proto::{self, report, update};
use havip_stream::{convert, convert::Move};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::{Certificate, Identity, Server as Transport, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

/// Signs the certificates of one test.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// With a key of its own.
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new(vec![]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    fn pair(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// What the data directory of a host that has joined holds.
    pub fn host(&self, number: u32) -> String {
        let (certificate_pem, key_pem) = self.pair(&format!("host-{number}.havip"));
        serde_json::json!({
            "host_id": format!("host-{number}"), "host_number": number, "certificate_pem": certificate_pem,
            "key_pem": key_pem, "authority_pem": self.issuer.pem(),
        })
        .to_string()
    }
}

/// What a server knows of one host.
#[derive(Default)]
pub struct Session {
    items: watch::Sender<(u64, BTreeMap<ItemKey, Item>)>,
    reports: Mutex<Vec<report::Body>>,
}

impl Session {
    /// Changes what the host should know; answers the revision.
    pub fn put(&self, changed: impl IntoIterator<Item = Item>) -> u64 {
        self.items.send_modify(|(revision, items)| {
            *revision += 1;
            items.extend(changed.into_iter().map(|item| (item.key(), item)));
        });
        self.items.borrow().0
    }

    /// Forgets an item; answers the revision.
    pub fn remove(&self, gone: ItemKey) -> u64 {
        self.items.send_modify(|(revision, items)| {
            *revision += 1;
            items.remove(&gone);
        });
        self.items.borrow().0
    }

    /// What the host said, of one kind.
    pub fn said<T>(&self, of_kind: impl Fn(&report::Body) -> Option<T>) -> Vec<T> {
        self.reports.lock().unwrap().iter().filter_map(of_kind).collect()
    }

    /// The last acknowledged revision, and what does not work.
    pub fn acknowledged(&self) -> Option<(u64, Vec<proto::Failure>)> {
        let all = self.said(|body| match body {
            report::Body::Acknowledged(said) => Some((said.revision, said.failures.clone())),
            _ => None,
        });
        all.last().cloned()
    }

    /// The moves that the host reported.
    pub fn moves(&self) -> Vec<Move> {
        let moves = self.said(|body| match body {
            report::Body::Moves(moves) => Some(moves.moves.clone()),
            _ => None,
        });
        moves.iter().flatten().map(|moved| convert::moved(moved).unwrap()).collect()
    }

    /// What the host refused.
    pub fn refusals(&self) -> Vec<convert::Refused> {
        let refusals = self.said(|body| match body {
            report::Body::Refusals(refusals) => Some(refusals.refusals.clone()),
            _ => None,
        });
        refusals.iter().flatten().map(|refused| convert::refused(refused).unwrap()).collect()
    }
}

/// A server at work; it ends when dropped.
pub struct Server {
    sessions: Arc<Mutex<BTreeMap<u32, Arc<Session>>>>,
    end: Mutex<Option<oneshot::Sender<()>>>,
}

impl Server {
    /// Serves in this namespace, once the address is there.
    pub fn start(namespace: &Namespace, address: SocketAddr, authority: &Authority) -> Self {
        let (certificate, key) = authority.pair("havip-server");
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(certificate, key))
            .client_ca_root(Certificate::from_pem(authority.issuer.pem()));
        let sessions: Arc<Mutex<BTreeMap<u32, Arc<Session>>>> = Arc::default();
        let (end, ended) = oneshot::channel::<()>();
        let (namespace, service) = (namespace.clone(), Service { sessions: Arc::clone(&sessions) });
        std::thread::spawn(move || {
            namespace.enter().unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = loop {
                    match tokio::net::TcpListener::bind(address).await {
                        Ok(listener) => break listener,
                        Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                    }
                };
                let server =
                    Transport::builder().tls_config(tls).unwrap().add_service(ControlServer::new(service));
                tokio::select! {
                    served = server.serve_with_incoming(TcpListenerStream::new(listener)) => served.unwrap(),
                    _ = ended => {}
                }
            });
        });
        Self { sessions, end: Mutex::new(Some(end)) }
    }

    /// Dies.
    pub fn kill(&self) {
        drop(self.end.lock().unwrap().take());
    }

    /// What it knows of a host.
    pub fn host(&self, number: u32) -> Arc<Session> {
        Arc::clone(self.sessions.lock().unwrap().entry(number).or_default())
    }
}

struct Service {
    sessions: Arc<Mutex<BTreeMap<u32, Arc<Session>>>>,
}

#[tonic::async_trait]
impl Control for Service {
    type FollowStream = ReceiverStream<Result<proto::Update, Status>>;

    async fn join(&self, _: Request<proto::JoinRequest>) -> Result<Response<proto::JoinReply>, Status> {
        Err(Status::unimplemented("the hosts of a test have joined"))
    }

    async fn follow(
        &self,
        request: Request<Streaming<proto::Report>>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let mut reports = request.into_inner();
        let hello = reports.message().await?.and_then(|report| report.body);
        let Some(report::Body::Hello(hello)) = hello else {
            return Err(Status::invalid_argument("no hello"));
        };
        let session = Arc::clone(self.sessions.lock().unwrap().entry(hello.host_number).or_default());
        let (updates, stream) = mpsc::channel(1024);
        let keeping = Arc::clone(&session);
        tokio::spawn(async move {
            while let Ok(Some(report)) = reports.message().await {
                keeping.reports.lock().unwrap().extend(report.body);
            }
        });
        tokio::spawn(async move {
            let mut items = session.items.subscribe();
            items.mark_changed();
            let mut sent: BTreeMap<ItemKey, Item> = BTreeMap::new();
            let mut is_first = true;
            loop {
                let _ = tokio::time::timeout(Duration::from_millis(500), items.changed()).await;
                let (revision, now) = items.borrow_and_update().clone();
                if revision == 0 {
                    continue;
                }
                let mut bodies = Vec::new();
                if std::mem::take(&mut is_first) {
                    bodies.push(update::Body::Begin(proto::Begin { full: true, epoch: "test".into() }));
                }
                let gone = sent.keys().filter(|key| !now.contains_key(key)).map(convert::gone);
                let new = now.iter().filter(|(key, item)| sent.get(key) != Some(item));
                let changes = gone.chain(new.map(|(_, item)| convert::change(item)));
                bodies.extend(changes.map(update::Body::Change));
                let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
                let server_ms = since_1970.as_millis() as u64;
                bodies.push(update::Body::Commit(proto::Commit { revision, server_ms, reports: 0 }));
                sent = now;
                for body in bodies {
                    if updates.send(Ok(proto::Update { body: Some(body) })).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}
