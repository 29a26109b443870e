//! Where logs go: standard error, as text or JSON.

use tracing_subscriber::EnvFilter;

/// How to log; programs take it, client verbs do not log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// A line for people
    Text,
    /// A JSON document per line
    Json,
}

/// Begins to log what `HAVIP_LOG` lets pass (`info` if it is not set; `debug`, `havip_agent=trace,info`, …).
pub fn start(format: LogFormat) {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::Level::INFO.into())
        .with_env_var("HAVIP_LOG")
        .from_env_lossy();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => builder.json().init(),
    }
}
