//! What `havip up` says when everything runs.

use super::{Args, reachable};
use crate::cli::connect::{DEFAULT_SERVER, default_key_file};
use havip_api::KeyFile;
use std::path::Path;

/// Where everything is, the key if it is new, and what to type next.
pub fn text(args: &Args, key_file: &Path, new_key: Option<&KeyFile>) -> String {
    let server = format!("http://{}", reachable(args.listen));
    let mut text =
        format!("Havip is up: the API is {server}, everything is kept in {}.\n", args.data.display());
    if let Some(key) = new_key {
        text += &format!(
            "The administrator's access key, shown this once and kept in {}:\n  {}.{}\n",
            key_file.display(),
            key.access_key_id,
            key.access_key_secret
        );
    }
    text += "Next, in another terminal:\n";
    if server != DEFAULT_SERVER {
        text += &format!("  export HAVIP_SERVER={server}\n");
    }
    if default_key_file(std::env::var("HOME").ok()).ok().as_deref() != Some(key_file) {
        text += &format!("  export HAVIP_KEY_FILE={}\n", key_file.display());
    }
    text + "  havip vpc create --name shop --cidr 10.20.0.0/16\n  \
            havip subnet create --vpc shop --name web --cidr 10.20.1.0/24\n  \
            havip vip create --subnet web --name shop-vip --address 10.20.1.100\n  \
            havip --help\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Command, Havip};
    use clap::Parser;

    fn args(line: &str) -> Args {
        match Havip::try_parse_from(line.split(' ')).unwrap().command {
            Command::Up(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_key_is_shown_only_when_it_is_new() {
        let key = KeyFile { access_key_id: "key-a".into(), access_key_secret: "s3cret".into() };
        let args = args("havip up --listen 127.0.0.1:7500");
        let first = text(&args, Path::new("/tmp/key.json"), Some(&key));
        assert!(
            first.contains("key-a.s3cret") && first.contains("export HAVIP_SERVER=http://127.0.0.1:7500")
        );
        assert!(first.contains("export HAVIP_KEY_FILE=/tmp/key.json"));
        assert!(!text(&args, Path::new("/tmp/key.json"), None).contains("s3cret"));
    }
}
