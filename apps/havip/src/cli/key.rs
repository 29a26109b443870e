//! `havip key`: access keys, by which users ask.

use super::session::{Session, print};
use super::show::{Column, Names, Row, json};
use super::{Verb, time, user};
use anyhow::{Context, Result};
use clap::Subcommand;
use havip_api::{
    AccessKey, AccessKeyFilter, CreateAccessKey, KeyFile, NewAccessKey, RotateAccessKey, UpdateAccessKey,
};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What can be done with access keys.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip key create --name laptop --out laptop.json
  havip key create --user ci --project shop --out ci.json
  havip key rotate key-aaaaaaaaaaaaaaaaaaaa --keep-seconds 600 --out new.json")]
pub enum KeyVerb {
    /// Make an access key; its secret is shown once
    Create {
        /// What it is for
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        /// Whose it is to be, by id or name; your own if absent
        #[arg(long)]
        user: Option<String>,
        /// Write it to this new file (mode 0600) instead of showing it
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List access keys, without their secrets
    List {
        /// Of this user, by id or name
        #[arg(long)]
        user: Option<String>,
    },
    /// Show one access key, without its secret
    Get {
        /// Its id
        key: String,
    },
    /// Let nobody in with it until it is enabled again
    Disable {
        /// Its id
        key: String,
    },
    /// Let its user in with it again
    Enable {
        /// Its id
        key: String,
    },
    /// Make a new key in place of one, which stays good for a while
    Rotate {
        /// Its id
        key: String,
        /// For so long the old one is still good; 0 ends it at once
        #[arg(long, default_value_t = 3600, value_name = "SECONDS")]
        keep_seconds: u64,
        /// Write the new one to this new file (mode 0600) instead of showing it
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Delete an access key
    Delete {
        /// Its id
        key: String,
    },
}

impl Verb for KeyVerb {
    fn run(self, session: &Session) -> Result<()> {
        let client = &session.client;
        let user = |called: Option<String>| -> Result<Option<String>> {
            called.map(|called| Ok(user::find(session, &called)?.id)).transpose()
        };
        let able = |key: &str, disabled| {
            client.update_access_key(key, &UpdateAccessKey { name: None, disabled: Some(disabled) })
        };
        match self {
            Self::Create { name, user: called, out } => {
                let body = CreateAccessKey { name, user: user(called)? };
                hand_out(session, out.as_deref(), || Ok(client.create_access_key(&body)?))
            }
            Self::List { user: called } => {
                session.show_all(&client.access_keys(&AccessKeyFilter { user: user(called)? })?.items)
            }
            Self::Get { key } => session.show_details(&client.access_key(&key)?),
            Self::Disable { key } => session.show(&able(&key, true)?),
            Self::Enable { key } => session.show(&able(&key, false)?),
            Self::Rotate { key, keep_seconds, out } => {
                let body = RotateAccessKey { keep_seconds };
                hand_out(session, out.as_deref(), || Ok(client.rotate_access_key(&key, &body)?))
            }
            Self::Delete { key } => {
                client.delete_access_key(&key)?;
                session.say(&format!("{key} deleted"))
            }
        }
    }
}

/// Makes a key and shows it as a key file, or writes that. The file is there before the key is: a secret that could
/// not be written would be lost.
fn hand_out(
    session: &Session,
    out: Option<&Path>,
    make: impl FnOnce() -> Result<NewAccessKey>,
) -> Result<()> {
    let open = |path: &Path| {
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        file.with_context(|| format!("could not make {}", path.display()))
    };
    let mut file = out.map(open).transpose()?;
    let made = make().inspect_err(|_| {
        // What was made for nothing.
        out.into_iter().for_each(|path| drop(std::fs::remove_file(path)));
    })?;
    let key = KeyFile {
        access_key_id: made.access_key.id.clone(),
        access_key_secret: made.access_key_secret.clone(),
    };
    match (&mut file, out) {
        (Some(file), Some(path)) => {
            file.write_all(json(&key)?.as_bytes())
                .with_context(|| format!("could not write {}", path.display()))?;
            session.show(&made.access_key)
        }
        _ => print(&json(&key)?),
    }
}

impl Row for AccessKey {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Wide("USER"),
        Column::Always("STATUS"),
        Column::Always("LAST USED"),
        Column::Wide("EXPIRES"),
        Column::Always("AGE"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![
            self.id.clone(),
            self.name.clone(),
            self.user.clone(),
            self.status.as_str().into(),
            self.last_used_at.as_deref().map(|at| format!("{} ago", time::age(at))).unwrap_or_default(),
            self.expires_at.clone().unwrap_or_default(),
            time::age(&self.created_at),
        ]
    }
}
