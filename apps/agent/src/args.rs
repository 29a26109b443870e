//! What an operator says to an agent: flags, environment, file, in this order of precedence.

use anyhow::Context;
use havip_guest::Image;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Flags of `havip agent`; each may also come from the environment or from the file of `--config`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Args {
    /// The server's address for agents, for example https://192.0.2.1:7401
    #[arg(long, env = "HAVIP_AGENT_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// A one-time token, needed only at the first start with this data directory
    #[arg(long, env = "HAVIP_JOIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub join_token: Option<String>,
    /// This host's address between the hosts; VXLAN packets go from and to it
    #[arg(long, env = "HAVIP_UNDERLAY", value_name = "ADDR")]
    pub underlay: Option<IpAddr>,
    /// Where the certificate and the last state are kept [default: /var/lib/havip/agent]
    #[arg(long, env = "HAVIP_AGENT_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// This host's name [default: the machine's host name]
    #[arg(long, env = "HAVIP_AGENT_NAME", value_name = "NAME")]
    pub name: Option<String>,
    /// The device to the outside network; makes this host an edge
    #[arg(long, env = "HAVIP_EDGE", value_name = "DEV")]
    pub edge: Option<String>,
    /// What the names of all devices made here begin with, at most 8 characters [default: hv]
    #[arg(long, env = "HAVIP_DEVICE_PREFIX", value_name = "TEXT")]
    pub device_prefix: Option<String>,
    /// UDP port of VXLAN between the hosts, the same on all of them [default: 7402]
    #[arg(long, env = "HAVIP_VXLAN_PORT", value_name = "PORT")]
    pub vxlan_port: Option<u16>,
    /// TCP port on the underlay address where other agents reach this one [default: 7403]
    #[arg(long, env = "HAVIP_PEER_PORT", value_name = "PORT")]
    pub peer_port: Option<u16>,
    /// Where /metrics and /status are served [default: 127.0.0.1:7404]
    #[arg(long, env = "HAVIP_AGENT_METRICS", value_name = "ADDR:PORT")]
    pub metrics: Option<SocketAddr>,
    /// The region this host is in [default: local]
    #[arg(long, env = "HAVIP_REGION", value_name = "NAME")]
    pub region: Option<String>,
    /// The zone this host is in [default: local-a]
    #[arg(long, env = "HAVIP_ZONE", value_name = "NAME")]
    pub zone: Option<String>,
    /// The most VIPs and EIPs that this host can keep a record of; a new switch obeys it [default: 65536]
    #[arg(long, env = "HAVIP_MOST_VIPS", value_name = "COUNT")]
    pub most_vips: Option<u32>,
    /// A TOML file with the same settings, underscores for dashes, and with the [images] that machines boot
    #[arg(long, env = "HAVIP_AGENT_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Everything settled.
#[derive(Debug, Clone)]
pub struct Config {
    /// The server's address for agents.
    pub server: String,
    /// For the first start.
    pub join_token: Option<String>,
    /// This host's VXLAN address.
    pub underlay: IpAddr,
    /// The data directory.
    pub data: PathBuf,
    /// This host's name.
    pub name: String,
    /// The outside device of an edge.
    pub edge: Option<String>,
    /// What the names of devices begin with.
    pub device_prefix: String,
    /// UDP port of VXLAN.
    pub vxlan_port: u16,
    /// TCP port for other agents.
    pub peer_port: u16,
    /// Where metrics are served.
    pub metrics: SocketAddr,
    /// The region.
    pub region: String,
    /// The zone.
    pub zone: String,
    /// The size of the switch's map of records.
    pub most_vips: u32,
    /// What machines can boot here, by name.
    pub images: BTreeMap<String, Image>,
}

/// The file: the same words as the flags.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    server: Option<String>,
    join_token: Option<String>,
    underlay: Option<IpAddr>,
    data: Option<PathBuf>,
    name: Option<String>,
    edge: Option<String>,
    device_prefix: Option<String>,
    vxlan_port: Option<u16>,
    peer_port: Option<u16>,
    metrics: Option<SocketAddr>,
    region: Option<String>,
    zone: Option<String>,
    most_vips: Option<u32>,
    #[serde(default)]
    images: BTreeMap<String, Image>,
}

/// What a host is called that was given no name: as the machine is.
///
/// # Errors
/// The machine has no name.
pub fn machine_name() -> anyhow::Result<String> {
    let name = nix::unistd::gethostname().context("could not read the machine's host name; give --name")?;
    Ok(name.to_string_lossy().to_ascii_lowercase().replace(['.', '_'], "-"))
}

impl Args {
    /// Settles flags, environment, file and defaults.
    ///
    /// # Errors
    /// The file cannot be read, holds an unknown key (named with its line), or something needed is missing.
    pub fn settle(self) -> anyhow::Result<Config> {
        let file = match &self.config {
            None => File::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("could not read the configuration {}", path.display()))?;
                toml::from_str(&text).with_context(|| format!("{} is not valid", path.display()))?
            }
        };
        let name = match self.name.or(file.name) {
            Some(name) => name,
            None => machine_name()?,
        };
        // The name is also that of a directory of pins.
        let plain =
            |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        anyhow::ensure!(
            plain(&name) && (1..=32).contains(&name.len()),
            "--name {name:?} must be 1 to 32 of a-z, 0-9 and dashes"
        );
        let device_prefix = self.device_prefix.or(file.device_prefix).unwrap_or_else(|| "hv".to_owned());
        anyhow::ensure!(
            device_prefix.bytes().all(|b| b.is_ascii_alphanumeric())
                && (1..=8).contains(&device_prefix.len()),
            "--device-prefix {device_prefix:?} must be 1 to 8 letters or digits: a device's name has 15 at most"
        );
        for (name, image) in &file.images {
            if let Some(why) = image.objection() {
                anyhow::bail!("nothing boots from the image {name:?} of [images]: {why}");
            }
        }
        Ok(Config {
            server: self
                .server
                .or(file.server)
                .context("--server is missing: the server's address for agents")?,
            join_token: self.join_token.or(file.join_token),
            underlay: self
                .underlay
                .or(file.underlay)
                .context("--underlay is missing: this host's address between the hosts")?,
            data: self.data.or(file.data).unwrap_or_else(|| PathBuf::from("/var/lib/havip/agent")),
            name,
            edge: self.edge.or(file.edge),
            device_prefix,
            vxlan_port: self.vxlan_port.or(file.vxlan_port).unwrap_or(7402),
            peer_port: self.peer_port.or(file.peer_port).unwrap_or(7403),
            metrics: self.metrics.or(file.metrics).unwrap_or(([127, 0, 0, 1], 7404).into()),
            region: self.region.or(file.region).unwrap_or_else(|| "local".to_owned()),
            zone: self.zone.or(file.zone).unwrap_or_else(|| "local-a".to_owned()),
            most_vips: self.most_vips.or(file.most_vips).unwrap_or(65_536).max(1),
            images: file.images,
        })
    }
}

impl Config {
    /// Where this agent's maps and programs are pinned.
    pub fn pins(&self) -> PathBuf {
        self.pins_of_all_versions().join("v1")
    }

    /// The directory above, with those of other versions.
    pub fn pins_of_all_versions(&self) -> PathBuf {
        PathBuf::from("/sys/fs/bpf/havip").join(&self.name)
    }

    /// The VXLAN device.
    pub fn overlay_device(&self) -> String {
        format!("{}ov", self.device_prefix)
    }

    /// The pair by which DHCP comes to the agent: the switch's end, and the agent's.
    pub fn dhcp_devices(&self) -> (String, String) {
        (format!("{}d0", self.device_prefix), format!("{}d1", self.device_prefix))
    }

    /// The host side of a port's veth.
    pub fn port_device(&self, port: havip_model::PortNumber) -> String {
        format!("{}p{port}", self.device_prefix)
    }

    /// Whether a device's name is one of [`Self::port_device`].
    pub fn is_port_device(&self, name: &str) -> bool {
        let number = name.strip_prefix(&self.device_prefix).and_then(|rest| rest.strip_prefix('p'));
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    }

    /// Where other agents reach this one.
    pub fn peer_endpoint(&self) -> SocketAddr {
        SocketAddr::new(self.underlay, self.peer_port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> Args {
        Args {
            server: Some("https://192.0.2.1:7401".into()),
            underlay: Some([192, 0, 2, 2].into()),
            name: Some("web-1".into()),
            ..Args::default()
        }
    }

    #[test]
    fn flags_stand_above_the_file_and_the_file_above_the_defaults() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "zone = \"a\"\nregion = \"east\"\npeer_port = 9\n").unwrap();
        let args = Args { config: Some(file.path().into()), zone: Some("b".into()), ..args() };
        let config = args.settle().unwrap();
        assert_eq!((config.zone.as_str(), config.region.as_str()), ("b", "east"));
        assert_eq!((config.peer_port, config.vxlan_port), (9, 7402));
        assert_eq!(config.pins(), PathBuf::from("/sys/fs/bpf/havip/web-1/v1"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "zone = \"a\"\nzoone = \"b\"\n").unwrap();
        let error = Args { config: Some(file.path().into()), ..args() }.settle().unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("line 2") && text.contains("zoone"), "{text}");
    }

    #[test]
    fn an_image_that_nothing_boots_from_is_refused_by_its_name() {
        let settled = |text: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(&file, text).unwrap();
            Args { config: Some(file.path().into()), ..args() }.settle()
        };
        let good = settled("[images.small]\nkernel = \"/k\"\ninitramfs = \"/i\"\n").unwrap();
        assert_eq!(good.images["small"].kernel.as_deref(), Some(std::path::Path::new("/k")));
        for (text, expected) in [
            ("[images.small]\n", "\"small\" of [images]: it has neither a kernel nor a disk"),
            ("[images.small]\nkernel = \"k\"\n", "k is not absolute"),
            ("[images.small]\nkernl = \"/k\"\n", "kernl"),
        ] {
            let error = format!("{:#}", settled(text).unwrap_err());
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_name_that_leaves_its_directory_is_refused() {
        for name in ["", "..", "a/b", "UPPER", "a-name-of-more-than-thirty-two-characters"] {
            assert!(Args { name: Some(name.into()), ..args() }.settle().is_err(), "{name:?}");
        }
    }
}
