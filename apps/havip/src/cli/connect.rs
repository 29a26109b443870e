//! Which server to ask, as whom, and from which network namespace.

use anyhow::{Context, Result, anyhow, bail};
use havip_api::{Client, Config, KeyFile};
use havip_lab::ClientFile;
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Where the server is and who asks, behind the noun.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// The server's URL [env: HAVIP_SERVER] [default: http://127.0.0.1:7400]
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// The file with the access key [env: HAVIP_KEY_FILE] [default: ~/.config/havip/key.json]
    #[arg(long, global = true, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The authorities to trust for https, as PEM [env: HAVIP_AUTHORITY] [default: the public ones]
    #[arg(long, global = true, value_name = "FILE")]
    authority: Option<PathBuf>,
    /// Ask the server of this lab, see `havip lab up` [env: HAVIP_LAB]
    #[arg(long, global = true, value_name = "NAME")]
    lab: Option<String>,
    /// Ask for this project, by id or name, if you are an administrator [env: HAVIP_PROJECT] [default: the key's own]
    #[arg(long, global = true, value_name = "PROJECT")]
    pub project: Option<String>,
}

/// The same, before the noun.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Connection (may also stand behind the noun)")]
pub struct BeforeNoun {
    /// The server's URL [env: HAVIP_SERVER] [default: http://127.0.0.1:7400]
    #[arg(long = "server", value_name = "URL")]
    before_server: Option<String>,
    /// The file with the access key [env: HAVIP_KEY_FILE] [default: ~/.config/havip/key.json]
    #[arg(long = "key-file", value_name = "FILE")]
    before_key_file: Option<PathBuf>,
    /// The authorities to trust for https, as PEM [env: HAVIP_AUTHORITY] [default: the public ones]
    #[arg(long = "authority", value_name = "FILE")]
    before_authority: Option<PathBuf>,
    /// Ask the server of this lab, see `havip lab up` [env: HAVIP_LAB]
    #[arg(long = "lab", value_name = "NAME")]
    before_lab: Option<String>,
    /// Ask for this project, by id or name, if you are an administrator [env: HAVIP_PROJECT] [default: the key's own]
    #[arg(long = "project", value_name = "PROJECT")]
    before_project: Option<String>,
}

/// What flags, environment and defaults come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// A server that this machine reaches.
    Server {
        /// Its URL.
        server: String,
        /// Where the access key is.
        key_file: PathBuf,
        /// Whom to trust for https.
        authority: Option<PathBuf>,
    },
    /// The server of a lab of this machine.
    Lab(String),
}

impl Connection {
    /// Fills what is not said behind the noun with what is said before it.
    pub fn or(self, before: BeforeNoun) -> Self {
        Self {
            server: self.server.or(before.before_server),
            key_file: self.key_file.or(before.before_key_file),
            authority: self.authority.or(before.before_authority),
            lab: self.lab.or(before.before_lab),
            project: self.project.or(before.before_project),
        }
    }

    /// Decides: flags stand above the environment, that above the defaults.
    pub fn settle(self, environment: &dyn Fn(&str) -> Option<String>) -> Result<Choice> {
        let environment = |name| environment(name).filter(|value| !value.is_empty());
        let names_server = self.server.is_some() || self.key_file.is_some();
        let lab = match (self.lab, names_server) {
            (Some(_), true) => {
                bail!("--lab names a server and a key already: leave --server and --key-file out")
            }
            (Some(lab), false) => Some(lab),
            (None, true) => None,
            (None, false) => environment("HAVIP_LAB"),
        };
        if let Some(lab) = lab {
            return Ok(Choice::Lab(lab));
        }
        let key_file = self.key_file.or_else(|| environment("HAVIP_KEY_FILE").map(PathBuf::from));
        Ok(Choice::Server {
            server: self
                .server
                .or_else(|| environment("HAVIP_SERVER"))
                .unwrap_or_else(|| DEFAULT_SERVER.into()),
            key_file: match key_file {
                Some(path) => path,
                None => default_key_file(environment("HOME"))?,
            },
            authority: self.authority.or_else(|| environment("HAVIP_AUTHORITY").map(PathBuf::from)),
        })
    }
}

impl Choice {
    /// Reads the key and prepares to ask; enters the lab's network namespace if it is a lab.
    pub fn open(&self) -> Result<Client> {
        let (server, key_file, authority) = match self {
            Self::Server { server, key_file, authority } => {
                (server.clone(), key_file.clone(), authority.as_ref())
            }
            Self::Lab(lab) => {
                let file = enter(lab)?;
                (file.server, file.key_file, None)
            }
        };
        let read = |path: &PathBuf| {
            std::fs::read(path).with_context(|| format!("could not read {}", path.display()))
        };
        let authority_pem = authority.map(read).transpose()?;
        Ok(Client::new(Config { server, key: read_key(&key_file)?, authority_pem })?)
    }
}

/// Where the access key is if nothing else is said; `havip up` writes it there.
pub fn default_key_file(home: Option<String>) -> Result<PathBuf> {
    let home = home.ok_or_else(|| anyhow!("HOME is not set: name the access key's file with --key-file"))?;
    Ok(Path::new(&home).join(".config/havip/key.json"))
}

/// The access key in a file.
pub fn read_key(path: &Path) -> Result<KeyFile> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "could not read the access key in {} (`havip up` writes one; --key-file names another)",
            path.display()
        )
    })?;
    serde_json::from_str(&text).with_context(|| {
        format!(
            r#"{} is not a key file such as {{"access_key_id": "…", "access_key_secret": "…"}}"#,
            path.display()
        )
    })
}

/// Moves this process into the lab's network namespace.
fn enter(lab: &str) -> Result<ClientFile> {
    let path = Path::new("/run/havip/lab").join(lab).join("client.json");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("there is no lab {lab:?} (`havip lab up --name {lab}` makes one)"))?;
    let file: ClientFile =
        serde_json::from_str(&text).with_context(|| format!("could not read {}", path.display()))?;
    let namespace = Path::new("/run/netns").join(&file.netns);
    let namespace =
        File::open(&namespace).with_context(|| format!("could not open {}", namespace.display()))?;
    setns(namespace, CloneFlags::CLONE_NEWNET)
        .with_context(|| format!("could not enter the network namespace {} (are you root?)", file.netns))?;
    Ok(file)
}

/// Where `havip up` listens if nothing else is said.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:7400";

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(connection: Connection, environment: &[(&str, &str)]) -> Result<Choice> {
        let home = [("HOME", "/home/ann")];
        let all: Vec<_> = home.iter().chain(environment).collect();
        connection.settle(&|name| {
            all.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn server(server: &str, key_file: &str) -> Choice {
        Choice::Server { server: server.into(), key_file: key_file.into(), authority: None }
    }

    #[test]
    fn without_a_word_it_is_the_server_of_havip_up() {
        assert_eq!(
            settle(Connection::default(), &[]).unwrap(),
            server(DEFAULT_SERVER, "/home/ann/.config/havip/key.json")
        );
    }

    #[test]
    fn flags_stand_above_the_environment() {
        let environment = [("HAVIP_SERVER", "http://b"), ("HAVIP_KEY_FILE", "/b"), ("HAVIP_LAB", "b")];
        assert_eq!(settle(Connection::default(), &environment).unwrap(), Choice::Lab("b".into()));
        let flags = Connection { server: Some("http://a".into()), ..Connection::default() };
        assert_eq!(settle(flags, &environment).unwrap(), server("http://a", "/b"));
        let flags = Connection { lab: Some("a".into()), ..Connection::default() };
        assert_eq!(settle(flags, &environment).unwrap(), Choice::Lab("a".into()));
    }

    #[test]
    fn what_stands_behind_the_noun_is_nearer() {
        let before = BeforeNoun { before_lab: Some("far".into()), ..BeforeNoun::default() };
        let behind = Connection { lab: Some("near".into()), ..Connection::default() };
        assert_eq!(settle(behind.or(before.clone()), &[]).unwrap(), Choice::Lab("near".into()));
        assert_eq!(settle(Connection::default().or(before), &[]).unwrap(), Choice::Lab("far".into()));
    }

    #[test]
    fn a_lab_and_a_server_at_once_are_refused() {
        let both =
            Connection { lab: Some("a".into()), server: Some("http://a".into()), ..Connection::default() };
        assert!(settle(both, &[]).unwrap_err().to_string().contains("leave --server"));
    }

    #[test]
    fn a_missing_key_says_where_it_was_sought_and_what_to_do() {
        let text = format!("{:#}", read_key(Path::new("/nowhere/key.json")).unwrap_err());
        assert!(text.contains("/nowhere/key.json") && text.contains("havip up"), "{text}");
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_with_an_example() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key.json");
        std::fs::write(&path, r#"{"access_key_id": "key-a"}"#).unwrap();
        let text = format!("{:#}", read_key(&path).unwrap_err());
        assert!(text.contains("access_key_secret"), "{text}");
    }

    #[test]
    fn an_unknown_lab_is_refused_with_the_command_that_makes_it() {
        let text = format!("{:#}", Choice::Lab("nolab".into()).open().unwrap_err());
        assert!(text.contains("havip lab up --name nolab"), "{text}");
    }
}
