//! `havip up`: a server and an agent on this machine, supervised.

mod backoff;
mod privileges;
mod supervisor;
mod user;
mod welcome;

pub use supervisor::adopted;

use crate::cli::connect::{default_key_file, read_key};
use anyhow::{Context, Result, bail, ensure};
use havip_api::{Client, Config};
use nix::sys::signal::{SigSet, Signal};
use std::fs::{self, DirBuilder};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use supervisor::{Program, Supervisor};
use user::ServerUser;

/// Flags of `havip up`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
The server runs without capabilities as the user havip, or as uid 60740 where there is no such user;
the agent as root, with the capabilities it needs for devices, namespaces and BPF.
Both are restarted when they end. Ctrl-C or SIGTERM stops both; what the switch forwards keeps flowing.")]
pub struct Args {
    /// Where everything is kept that must survive
    #[arg(long, env = "HAVIP_DATA", default_value = "/var/lib/havip", value_name = "DIR")]
    data: PathBuf,
    /// Where the API listens
    #[arg(long, env = "HAVIP_LISTEN", default_value = "127.0.0.1:7400", value_name = "ADDR:PORT")]
    listen: SocketAddr,
    /// Where agents of other hosts reach the server
    #[arg(long, env = "HAVIP_AGENTS", default_value = "127.0.0.1:7401", value_name = "ADDR:PORT")]
    agents: SocketAddr,
    /// Where the first start writes the administrator's access key [default: ~/.config/havip/key.json]
    #[arg(long, env = "HAVIP_ADMIN_KEY_FILE", value_name = "FILE")]
    admin_key_file: Option<PathBuf>,
    /// This host's address between the hosts [default: that of the default route, else any that is not loopback's]
    #[arg(long, env = "HAVIP_UNDERLAY", value_name = "ADDR")]
    underlay: Option<IpAddr>,
    /// The device to the outside network; makes this host an edge
    #[arg(long, env = "HAVIP_EDGE", value_name = "DEV")]
    edge: Option<String>,
    /// This host's name [default: the machine's host name]
    #[arg(long, env = "HAVIP_AGENT_NAME", value_name = "NAME")]
    name: Option<String>,
}

/// Runs until told to end.
pub fn run(args: &Args) -> Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "run `havip up` as root: its agent makes devices and loads BPF programs (the server becomes another user)"
    );
    let key_file = match &args.admin_key_file {
        Some(path) => path.clone(),
        None => default_key_file(std::env::var("HOME").ok())
            .context("could not choose a place for the access key; name one with --admin-key-file")?,
    };
    for address in [args.listen, args.agents] {
        user::must_be_able_to_listen(address)?;
    }
    user::make_passable(&args.data)?;
    if let Some(directory) = key_file.parent() {
        make_private(directory)?;
    }
    let user = ServerUser::of_this_machine()?;
    user.own(&args.data.join("server"))?;
    // Before any thread begins, so that only the wait below takes them.
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    signals.thread_block().context("could not block signals")?;

    let supervisor = Supervisor::new()?;
    let outcome = start(args, user, &key_file, &supervisor).and_then(|()| {
        let signal = signals.wait().context("could not wait for signals")?;
        tracing::info!(signal = signal.as_str(), "stopping");
        Ok(())
    });
    supervisor.stop(GRACE);
    outcome
}

fn start(args: &Args, user: ServerUser, key_file: &Path, supervisor: &Supervisor) -> Result<()> {
    // The server may write into its own directory only; root takes the key from there.
    let made_key = args.data.join("server/admin-key.json");
    supervisor.start(Program::server(args, user, &made_key));
    let (client, is_first) = client_when_ready(args, &made_key, key_file, supervisor)?;
    let underlay = args.underlay.or_else(own_address).context(
        "this machine has no address but loopback's, so other hosts could not reach it; name one with --underlay",
    )?;
    // An agent that has joined before knows itself by its certificate.
    let token = match havip_agent::has_joined(&args.data.join("agent")) {
        true => None,
        false => Some(client.create_host_token().context("could not make a join token")?.token),
    };
    supervisor.start(Program::agent(args, underlay, token));
    wait_for_the_agent(&client, supervisor)?;
    print!("{}", welcome::text(args, key_file, is_first.then(|| read_key(key_file)).transpose()?.as_ref()));
    Ok(())
}

/// A client, once the server answers, and whether its key is new; an error if it will not.
fn client_when_ready(
    args: &Args,
    made_key: &Path,
    key_file: &Path,
    supervisor: &Supervisor,
) -> Result<(Client, bool)> {
    let deadline = Instant::now() + PATIENCE;
    let mut is_new = false;
    loop {
        is_new |= user::take_key(made_key, key_file)?;
        if key_file.exists() {
            let server = format!("http://{}", reachable(args.listen));
            let key = |key| Client::new(Config { server: server.clone(), key, authority_pem: None });
            if key(read_key(key_file)?)?.health().is_ok() {
                // A server that answers has made its key before: a file that was there already is out of date then.
                is_new |= user::take_key(made_key, key_file)?;
                return Ok((key(read_key(key_file)?)?, is_new));
            }
        }
        if supervisor.failures("server") >= 3 {
            bail!("the server does not start; its own words are above");
        }
        if Instant::now() > deadline {
            bail!(
                "the server does not answer at {} as {} says; if the access key was lost, name its copy with \
                 --admin-key-file",
                args.listen,
                key_file.display()
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Returns once the server hears this machine's agent.
fn wait_for_the_agent(client: &Client, supervisor: &Supervisor) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let health = client.health().context("could not ask the server whether the agent is there")?;
        if health.live_hosts > 0 {
            return Ok(());
        }
        if supervisor.failures("agent") >= 3 {
            bail!("the agent does not start; its own words are above");
        }
        if Instant::now() > deadline {
            bail!("the agent does not reach the server within {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Where a listening address is reached from this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => (Ipv4Addr::LOCALHOST, listen.port()).into(),
        IpAddr::V6(address) if address.is_unspecified() => {
            (std::net::Ipv6Addr::LOCALHOST, listen.port()).into()
        }
        _ => listen,
    }
}

/// The address that packets to the outside would have, or any other that is not loopback's.
///
/// Connecting a UDP socket sends nothing: the kernel only looks for the route.
fn own_address() -> Option<IpAddr> {
    let route = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    };
    let by_route = route().ok().map(|address: SocketAddr| address.ip());
    let all = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let others = all.filter_map(|device| Some(device.address?.as_sockaddr_in()?.ip().into()));
    by_route.into_iter().chain(others).find(|address: &IpAddr| !address.is_loopback())
}

/// A directory that only its owner can look into.
fn make_private(directory: &Path) -> Result<()> {
    if fs::metadata(directory).is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.with_context(|| format!("could not make {}", directory.display()))
}

/// How long a server may take until it answers: it opens its store first.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long both may take to end before they are killed.
const GRACE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_reached_on_loopback() {
        assert_eq!(reachable("0.0.0.0:7400".parse().unwrap()), "127.0.0.1:7400".parse().unwrap());
        assert_eq!(reachable("[::]:7400".parse().unwrap()), "[::1]:7400".parse().unwrap());
        assert_eq!(reachable("192.0.2.1:7400".parse().unwrap()), "192.0.2.1:7400".parse().unwrap());
    }

    #[test]
    fn a_new_directory_is_private_and_an_old_one_stays_as_it_is() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let new = scratch.path().join("a/b");
        make_private(&new).unwrap();
        assert_eq!(mode(&new), 0o700);
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        make_private(&new).unwrap();
        assert_eq!(mode(&new), 0o755);
    }
}
