//! `havip completions SHELL`: what the shell offers behind the tabulator key.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

/// Which shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  havip completions bash > /etc/bash_completion.d/havip")]
pub struct Args {
    /// bash, elvish, fish, powershell or zsh
    shell: Shell,
}

/// Writes the completions of all commands.
pub fn run(args: &Args) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::args::Havip::command(), "havip", &mut script);
    super::session::print(&String::from_utf8_lossy(&script))
}
