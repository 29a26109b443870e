//! Wiring: data directory, store, rules, both listeners.

use crate::{
    access, agents,
    agents::Tracker,
    authority::Authority,
    config::{Args, Config},
    entropy, files, http,
    ledger::{Ledger, Write},
    secrets::Sealer,
    service::{Caller, Fault, Service},
};
use anyhow::{Context, Result, anyhow};
use havip_admission::request;
use havip_store::{Sqlite, stored::Stored};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};
use tracing::info;

/// Runs the server until it is told to end (SIGTERM, SIGINT).
pub async fn run(args: Args) -> Result<()> {
    let mut server = Server::start(Config::read(&args)?).await?;
    let mut terminate = signal(SignalKind::terminate()).context("could not listen to signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("could not listen to signals")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        ended = server.tasks.join_next() => {
            return ended.context("the server has no tasks")?.context("a part of the server panicked")?;
        }
    }
    info!("ending");
    server.stop().await
}

/// A running server.
pub struct Server {
    /// Where the API listens.
    pub api: SocketAddr,
    /// Where agents connect.
    pub agents: SocketAddr,
    service: Arc<Service>,
    tasks: JoinSet<Result<()>>,
    stop: watch::Sender<bool>,
}

impl Server {
    /// Opens the data directory and begins to serve.
    pub async fn start(config: Config) -> Result<Self> {
        // Another part of the process may have chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        files::private_directory(&config.data)?;
        let store = Sqlite::open(&config.data.join("havip.db")).context("could not open the store")?;
        let tracker = Arc::new(Tracker::default());
        let ledger = Ledger::open(Arc::new(store), tracker.clone()).await?;
        let authority = Authority::open(&config.data)?;
        let sealer = Sealer::open(&config.data.join("seal.key"))?;
        let service = Arc::new(Service::new(ledger, tracker, authority, sealer, &config));
        first_start(&service).await?;
        access::first_key(&service, config.admin_key_file.as_deref()).await?;

        let listen = |address: SocketAddr, what: &'static str| {
            std::net::TcpListener::bind(address)
                .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
                .with_context(|| format!("could not listen on {address} for {what}"))
        };
        let for_api = listen(config.listen, "the API")?;
        let for_agents = listen(config.agents, "agents")?;
        let (api, agents) = (for_api.local_addr()?, for_agents.local_addr()?);
        let for_agents = tokio::net::TcpListener::from_std(for_agents)?;

        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(agents::serve(service.clone(), for_agents, until(stopped.clone())));
        let tls = config.tls_cert.clone().zip(config.tls_key.clone());
        tasks.spawn({
            let service = service.clone();
            async move {
                let tls = tls.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
                http::serve(service, for_api, tls, until(stopped)).await
            }
        });
        tokio::spawn(Service::tidy_for_ever(Arc::downgrade(&service)));
        info!(%api, %agents, data = %config.data.display(), "serving");
        Ok(Self { api, agents, service, tasks, stop })
    }

    /// Ends serving; what was answered is durable.
    pub async fn stop(mut self) -> Result<()> {
        self.stop.send_replace(true);
        let end = async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.context("a part of the server panicked")??;
            }
            Ok(())
        };
        // Streams of agents do not end by themselves.
        let ended = tokio::time::timeout(GRACE, end).await.unwrap_or(Ok(()));
        self.service.note_last().await;
        ended
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Names the store's history and makes the pool that every installation begins with.
async fn first_start(service: &Service) -> Result<()> {
    if service.read(|durable| !durable.state.history.is_empty()) {
        return Ok(());
    }
    let history = entropy::hex(&entropy::random::<16>());
    let pool = request::CreateEipPool {
        texts: request::Texts {
            name: "default".into(),
            description: "made at the first start".into(),
            ..request::Texts::default()
        },
        cidrs: vec!["203.0.113.0/24".parse().context("the default pool is a range")?],
        gateway: None,
        reserved: vec![],
    };
    let failed = |fault: Fault| anyhow!("could not prepare the store: {fault}");
    let caller = Caller { principal: "server".into(), ..Caller::default() };
    service.change(&caller, None, 201, pool.into()).await.map_err(failed)?;
    service
        .commit(|_| {
            let mut write = Write::by("server");
            write.puts.push(Stored::History(history.clone()));
            Ok((write, ()))
        })
        .await
        .map_err(failed)?;
    Ok(())
}

/// After this time open streams are cut.
const GRACE: std::time::Duration = std::time::Duration::from_secs(3);
