//! What an operator wrote: flags, environment, configuration file.

use anyhow::{Context, Result, bail};
use clap::Args as ClapArgs;
use figment::{
    Figment,
    providers::{Env, Serialized},
};
use havip_admission::request::RunInstance;
use havip_dialect::Home;
use havip_model::{Body, Driver, InitSystem, SubnetId};
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf};

/// Runs the server: API, rules, store, and the stream to agents.
///
/// Each flag but --config may also stand in the configuration file (`agents = "10.0.0.1:7401"`) or in the
/// environment (`HAVIP_SERVER_AGENTS`); a flag outweighs the environment, which outweighs the file.
#[derive(Debug, Clone, Default, ClapArgs, Serialize)]
pub struct Args {
    /// Configuration file (TOML); unknown keys are refused.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Where the server keeps everything [default: /var/lib/havip/server]
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// Where the API listens [default: 127.0.0.1:7400]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Where agents connect, by gRPC with certificates on both sides [default: 127.0.0.1:7401]
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agents: Option<SocketAddr>,
    /// Where the first start writes the admin key (mode 0600) instead of printing it
    #[arg(long, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_key_file: Option<PathBuf>,
    /// The API's certificate chain (PEM); without it the API speaks plain HTTP
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// Speak plain HTTP on an address that other machines reach
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_plain_http: bool,
    /// The region of what is made without naming one [default: local]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The zone of what is made without naming one [default: local-a]
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// What holds after flags, environment, file and defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the server keeps everything.
    pub data: PathBuf,
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where agents connect.
    pub agents: SocketAddr,
    /// Where the first start writes the admin key.
    pub admin_key_file: Option<PathBuf>,
    /// The API's certificate chain.
    pub tls_cert: Option<PathBuf>,
    /// Its private key.
    pub tls_key: Option<PathBuf>,
    /// Plain HTTP is allowed beyond loopback.
    pub allow_plain_http: bool,
    /// The region of what is made without naming one.
    pub region: String,
    /// The zone of what is made without naming one.
    pub zone: String,
    /// Limits that differ from the usual ones.
    pub quotas: Quotas,
    /// How often one access key may ask for one thing.
    pub throttle: Throttle,
    /// What the clouds' APIs say and make.
    pub dialects: Dialects,
}

/// What the clouds' APIs say and make; in the environment `HAVIP_SERVER_DIALECTS__DRIVER` and the like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dialects {
    /// The regions that clients may name; any if none is given, and all are this one.
    pub regions: Vec<String>,
    /// The zones that clients may name; any if none is given, and all are this one.
    pub zones: Vec<String>,
    /// What runs an instance.
    pub driver: Driver,
    /// What it boots, for the driver `qemu`.
    pub image: Option<String>,
    /// What its first process is, for the driver `namespace`.
    pub init: InitSystem,
    /// Its processors, in thousandths.
    pub cpu_millis: u32,
    /// Its memory, in MiB.
    pub memory_mib: u32,
}

impl Default for Dialects {
    fn default() -> Self {
        Self {
            regions: vec![],
            zones: vec![],
            driver: Driver::Namespace,
            image: None,
            init: InitSystem::Minimal,
            cpu_millis: 1000,
            memory_mib: 512,
        }
    }
}

/// Limits that differ from the usual ones; in the environment `HAVIP_SERVER_QUOTAS__VIPS_PER_VPC` and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// Associations of one VIP.
    pub associations_per_vip: Option<usize>,
    /// VIPs of one instance.
    pub vips_per_instance: Option<usize>,
    /// VIPs of one VPC.
    pub vips_per_vpc: Option<usize>,
    /// VIPs of one project.
    pub vips_per_project: Option<usize>,
    /// Routes of one VPC that lead to VIPs.
    pub vip_routes_per_vpc: Option<usize>,
    /// Secondary addresses of one interface.
    pub secondary_addresses: Option<usize>,
    /// Security groups of one VPC.
    pub groups_per_vpc: Option<usize>,
    /// Security groups of one interface, at most 5.
    pub groups_per_interface: Option<usize>,
    /// Rules of one security group, at most 200.
    pub rules_per_group: Option<usize>,
    /// Tags of one resource.
    pub tags_per_resource: Option<usize>,
    /// Resource groups of one project besides its default one.
    pub resource_groups_per_project: Option<usize>,
    /// Deployment sets of one project.
    pub deployment_sets_per_project: Option<usize>,
}

/// How often one access key may ask for one thing; in the environment `HAVIP_SERVER_THROTTLE__PER_SECOND` and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Throttle {
    /// Requests a second; 0 lets everything pass.
    pub per_second: u32,
    /// Requests at once, after a pause.
    pub burst: u32,
}

impl Default for Throttle {
    /// More than one client needs, and less than the server can do for all of them together.
    fn default() -> Self {
        Self { per_second: 1000, burst: 2000 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: "/var/lib/havip/server".into(),
            listen: ([127, 0, 0, 1], 7400).into(),
            agents: ([127, 0, 0, 1], 7401).into(),
            admin_key_file: None,
            tls_cert: None,
            tls_key: None,
            allow_plain_http: false,
            region: "local".into(),
            zone: "local-a".into(),
            quotas: Quotas::default(),
            throttle: Throttle::default(),
            dialects: Dialects::default(),
        }
    }
}

impl Config {
    /// Puts flags, environment, file and defaults together.
    ///
    /// # Errors
    /// An unknown key or a value of the wrong kind, with file and line; plain HTTP beyond loopback.
    pub fn read(args: &Args) -> Result<Self> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(path) = &args.config {
            let shown = path.display();
            let text = std::fs::read_to_string(path).with_context(|| format!("could not read {shown}"))?;
            let table = checked(&text).map_err(|error| anyhow::anyhow!("{shown}: {error}"))?;
            figment = figment.merge(Serialized::defaults(table));
        }
        let figment = figment.merge(Env::prefixed(ENVIRONMENT).split("__")).merge(Serialized::defaults(args));
        let config: Self = figment.extract().map_err(|error| anyhow::anyhow!("{error}"))?;
        config.check()?;
        Ok(config)
    }

    /// What the clouds' APIs are told of this place.
    pub fn home(&self) -> Home {
        let made = &self.dialects;
        // Each request says in which subnet.
        let nowhere = SubnetId::new(Body::from_entropy([0; 16]));
        Home {
            region: self.region.clone(),
            zone: self.zone.clone(),
            regions: made.regions.clone(),
            zones: made.zones.clone(),
            instance: RunInstance {
                driver: made.driver,
                image: made.image.clone(),
                init: made.init,
                cpu_millis: made.cpu_millis,
                memory_mib: made.memory_mib,
                ..RunInstance::of(nowhere)
            },
        }
    }

    fn check(&self) -> Result<()> {
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            bail!("tls_cert and tls_key belong together: give both or neither");
        }
        if !self.listen.ip().is_loopback() && self.tls_cert.is_none() && !self.allow_plain_http {
            bail!(
                "{} is reached from other machines and would carry access keys in the clear: \
                 give --tls-cert and --tls-key, listen on 127.0.0.1, or say --allow-plain-http",
                self.listen
            );
        }
        Ok(())
    }
}

/// The table in a file, whose keys and values are all known; an error names the line.
fn checked(text: &str) -> Result<toml::Table, toml::de::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)] // read for its errors, which know the line
    struct Known {
        data: Option<PathBuf>,
        listen: Option<SocketAddr>,
        agents: Option<SocketAddr>,
        admin_key_file: Option<PathBuf>,
        tls_cert: Option<PathBuf>,
        tls_key: Option<PathBuf>,
        allow_plain_http: Option<bool>,
        region: Option<String>,
        zone: Option<String>,
        quotas: Option<Quotas>,
        throttle: Option<Throttle>,
        dialects: Option<Dialects>,
    }
    toml::from_str::<Known>(text)?;
    toml::from_str(text)
}

const ENVIRONMENT: &str = "HAVIP_SERVER_";

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, Args) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("server.toml");
        std::fs::write(&path, text).unwrap();
        (directory, Args { config: Some(path), ..Args::default() })
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_and_line() {
        let (_directory, args) = file("region = \"r\"\nlisten_on = 1\n");
        let error = Config::read(&args).unwrap_err().to_string();
        assert!(
            error.contains("server.toml") && error.contains("line 2") && error.contains("listen_on"),
            "{error}"
        );
    }

    #[test]
    fn a_flag_outweighs_the_file_which_outweighs_the_default() {
        let (_directory, args) = file("region = \"file\"\nzone = \"file-b\"\n[quotas]\nvips_per_vpc = 7\n");
        let config = Config::read(&Args { region: Some("flag".into()), ..args }).unwrap();
        assert_eq!((config.region.as_str(), config.zone.as_str()), ("flag", "file-b"));
        assert_eq!(config.quotas.vips_per_vpc, Some(7));
        assert_eq!(config.listen, Config::default().listen);
    }

    #[test]
    fn plain_http_beyond_loopback_must_be_asked_for_by_name() {
        let listen = Some("0.0.0.0:7400".parse().unwrap());
        let error = Config::read(&Args { listen, ..Args::default() }).unwrap_err().to_string();
        assert!(error.contains("--allow-plain-http"), "{error}");
        assert!(Config::read(&Args { listen, allow_plain_http: true, ..Args::default() }).is_ok());
    }
}
