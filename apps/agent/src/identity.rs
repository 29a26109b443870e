//! Who this host is: joined once by a token, known since by a certificate.

use crate::args::Config;
use crate::disk;
use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use havip_model::HostNumber;
use havip_stream::{convert, proto};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity as Pair, ServerTlsConfig};

/// This host's number and certificate.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its number in every switch.
    pub number: HostNumber,
    certificate_pem: String,
    key_pem: String,
    authority_pem: String,
}

/// What is kept in the data directory, readable by its owner only.
#[derive(Serialize, Deserialize)]
struct Kept {
    host_id: String,
    host_number: HostNumber,
    certificate_pem: String,
    key_pem: String,
    authority_pem: String,
}

/// What a join token holds.
#[derive(Deserialize)]
struct Token {
    secret: String,
    authority_pem: String,
}

impl Identity {
    /// The identity that the data directory holds, or a new one by the join token.
    ///
    /// # Errors
    /// There is neither, or the server refuses the token or is not reached.
    pub async fn load_or_join(config: &Config, guest_mtu: u16) -> anyhow::Result<Self> {
        let path = config.data.join(FILE);
        if let Some(bytes) = disk::read(&path)? {
            let kept: Kept =
                serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))?;
            return Ok(Self::new(kept));
        }
        let token = config.join_token.as_deref().with_context(|| {
            format!(
                "{} does not exist: this host has not joined; give --join-token (made by `havip host token`)",
                path.display()
            )
        })?;
        let kept = join(config, token, guest_mtu).await?;
        disk::write(&path, &serde_json::to_vec(&kept).expect("texts and a number are JSON"))?;
        tracing::info!(host = %kept.host_number, id = kept.host_id, "joined");
        Ok(Self::new(kept))
    }

    fn new(kept: Kept) -> Self {
        Self {
            number: kept.host_number,
            certificate_pem: kept.certificate_pem,
            key_pem: kept.key_pem,
            authority_pem: kept.authority_pem,
        }
    }

    fn pair(&self) -> Pair {
        Pair::from_pem(&self.certificate_pem, &self.key_pem)
    }

    /// How to reach the server, connected when first used.
    ///
    /// # Errors
    /// The address is not one.
    pub fn server(&self, address: &str) -> anyhow::Result<Endpoint> {
        endpoint(address, &self.authority_pem, SERVER_NAME, Some(self.pair()))
    }

    /// How to reach the agent of another host, connected when first used.
    ///
    /// # Errors
    /// The address is not one.
    pub fn peer(&self, host: HostNumber, address: &str) -> anyhow::Result<Channel> {
        let name = format!("host-{host}.havip");
        let endpoint =
            endpoint(&format!("https://{address}"), &self.authority_pem, &name, Some(self.pair()))?;
        Ok(endpoint.timeout(PEER_PATIENCE).connect_lazy())
    }

    /// What the own peer service shows and asks for: only hosts of this fabric are answered.
    pub fn for_serving(&self) -> ServerTlsConfig {
        ServerTlsConfig::new()
            .identity(self.pair())
            .client_ca_root(Certificate::from_pem(&self.authority_pem))
    }
}

/// Whether an agent with this data directory has joined: then it needs no token.
pub fn has_joined(data: &Path) -> bool {
    data.join(FILE).exists()
}

async fn join(config: &Config, token: &str, guest_mtu: u16) -> anyhow::Result<Kept> {
    let bytes = URL_SAFE_NO_PAD
        .decode(token.trim().trim_end_matches('='))
        .context("the join token is not base64url")?;
    let token: Token = serde_json::from_slice(&bytes).context("the join token is damaged")?;

    let key = rcgen::KeyPair::generate().context("could not make a key")?;
    let request = rcgen::CertificateParams::new(Vec::<String>::new())
        .and_then(|parameters| parameters.serialize_request(&key))
        .and_then(|request| request.pem())
        .context("could not make a certificate request")?;

    let endpoint = endpoint(&config.server, &token.authority_pem, SERVER_NAME, None)?;
    let reached = || format!("could not reach the server at {}", config.server);
    let mut client =
        proto::control_client::ControlClient::new(endpoint.connect().await.with_context(reached)?);
    let request = proto::JoinRequest {
        token: token.secret,
        name: config.name.clone(),
        underlay: convert::address_bytes(config.underlay),
        peer_endpoint: config.peer_endpoint().to_string(),
        edge_device: config.edge.clone().unwrap_or_default(),
        certificate_request_pem: request,
        region: config.region.clone(),
        zone: config.zone.clone(),
        guest_mtu: guest_mtu.into(),
    };
    let reply = client
        .join(request)
        .await
        .map_err(|status| anyhow::anyhow!("the server refuses this host: {}", status.message()))?;
    let reply = reply.into_inner();
    Ok(Kept {
        host_id: reply.host_id,
        host_number: HostNumber::new(reply.host_number).context("the server gave a wrong host number")?,
        certificate_pem: reply.certificate_pem,
        key_pem: key.serialize_pem(),
        authority_pem: reply.authority_pem,
    })
}

fn endpoint(address: &str, authority: &str, name: &str, pair: Option<Pair>) -> anyhow::Result<Endpoint> {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority)).domain_name(name);
    if let Some(pair) = pair {
        tls = tls.identity(pair);
    }
    Endpoint::from_shared(address.to_owned())
        .with_context(|| format!("{address:?} is not an address such as https://192.0.2.1:7401"))?
        .connect_timeout(CONNECT_PATIENCE)
        // A half-dead path is silence, not an error: without these a stream would wait for ever.
        .http2_keep_alive_interval(Duration::from_secs(2))
        .keep_alive_timeout(Duration::from_secs(2))
        .keep_alive_while_idle(true)
        .tls_config(tls)
        .context("could not set up TLS")
}

const FILE: &str = "identity.json";
const SERVER_NAME: &str = "havip-server";
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
/// Two round trips of a sick path; a pull from a dead host must not keep ports down for long.
const PEER_PATIENCE: Duration = Duration::from_secs(2);
