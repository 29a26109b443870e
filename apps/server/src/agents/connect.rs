//! The gRPC server for agents: certificates on both sides, a token instead of one for those who join.

use super::follow::UpdateStream;
use crate::{authority, service::Service};
use anyhow::{Context, Result};
use havip_model::HostNumber;
use havip_stream::proto::{
    JoinReply, JoinRequest, Report,
    control_server::{Control, ControlServer},
};
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Certificate, Identity, Server, ServerTlsConfig, server::TcpIncoming},
};

/// Serves agents until `stop` resolves.
pub async fn serve(
    service: Arc<Service>,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let identity = service.authority().server().context("could not make the certificate for agents")?;
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(identity.certificate_pem, identity.key_pem))
        .client_ca_root(Certificate::from_pem(service.authority().pem()))
        .client_auth_optional(true);
    Server::builder()
        .tls_config(tls)
        .context("could not prepare TLS for agents")?
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .concurrency_limit_per_connection(16)
        .add_service(ControlServer::new(Agents(service)).max_decoding_message_size(LARGEST_MESSAGE))
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), stop)
        .await
        .context("serving agents ended")
}

struct Agents(Arc<Service>);

#[tonic::async_trait]
impl Control for Agents {
    type FollowStream = UpdateStream;

    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinReply>, Status> {
        super::join::join(&self.0, request.into_inner()).await.map(Response::new)
    }

    async fn follow(&self, request: Request<Streaming<Report>>) -> Result<Response<UpdateStream>, Status> {
        let host = caller(&request)?;
        Ok(Response::new(super::follow::follow(self.0.clone(), host, request.into_inner())))
    }
}

/// The host that the connection's certificate names.
fn caller<T>(request: &Request<T>) -> Result<HostNumber, Status> {
    let certificates = request.peer_certs();
    let first = certificates.as_ref().and_then(|certificates| certificates.first());
    first.and_then(|certificate| authority::host_of(certificate)).ok_or_else(|| {
        Status::unauthenticated("following needs a host's certificate; join with a token first")
    })
}

/// A connection that does not answer for so long is closed.
const KEEPALIVE: Duration = Duration::from_secs(2);
/// Records of ten thousand VIPs are some 600 KB.
const LARGEST_MESSAGE: usize = 4 << 20;
