//! `havip event`: what happened, and what is happening.

use super::Verb;
use super::kind::Kind;
use super::session::{Session, print};
use super::show::{Column, Format, Names, Row};
use anyhow::Result;
use clap::Subcommand;
use havip_api::{Event, EventFilter, Host, Instance, Vip, WatchFilter};

/// What can be done with events.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip event list --vip shop-vip
  havip event list --kind refused --follow
  havip event list --follow -o json | jq .text")]
pub enum EventVerb {
    /// List events, oldest first
    List {
        /// vip-moved, vip-served, refused, both-answer, one-answers, clock-ahead, host-joined, host-lost, edge-moved, instance-changed or changed
        #[arg(long)]
        kind: Option<String>,
        /// Of this VIP
        #[arg(long)]
        vip: Option<String>,
        /// Of this instance
        #[arg(long)]
        instance: Option<String>,
        /// Of this host
        #[arg(long)]
        host: Option<String>,
        /// That name this address
        #[arg(long)]
        address: Option<String>,
        /// Begin behind this event's number
        #[arg(long, value_name = "NUMBER")]
        after: Option<u64>,
        /// Go on showing events as they happen, until interrupted
        #[arg(short, long)]
        follow: bool,
    },
}

impl Verb for EventVerb {
    fn run(self, session: &Session) -> Result<()> {
        let Self::List { kind, vip, instance, host, address, after, follow } = self;
        let filter = EventFilter {
            kind,
            vip: vip.map(|called| called_or_id::<Vip>(session, called)).transpose()?,
            instance: instance.map(|called| called_or_id::<Instance>(session, called)).transpose()?,
            host: host.map(|called| called_or_id::<Host>(session, called)).transpose()?,
            address,
            after: after.map(|number| number.to_string()),
            limit: None,
        };
        let past = session.client.all_events(&filter)?;
        if !follow {
            return session.show_all(&past);
        }
        let mut seen = after.unwrap_or_default();
        for event in &past {
            seen = event.sequence;
            print(&line(session.format, event)?)?;
        }
        let EventFilter { kind, vip, instance, host, address, .. } = filter;
        for event in session.client.watch_events(&WatchFilter {
            after: Some(seen),
            kind,
            vip,
            instance,
            host,
            address,
        })? {
            print(&line(session.format, &event?)?)?;
        }
        Ok(())
    }
}

/// Events outlive what they are about, so an id need not exist any more.
fn called_or_id<K: Kind>(session: &Session, called: String) -> Result<String> {
    if K::is_id(&called) { Ok(called) } else { session.id_of::<K>(&called) }
}

/// One event on one line; one document in YAML.
fn line(format: Format, event: &Event) -> Result<String> {
    Ok(match format {
        Format::Json => format!("{}\n", serde_json::to_string(event)?),
        Format::Yaml => format!("---\n{}", serde_yaml_ng::to_string(event)?),
        Format::Table => format!("{}  {:<16}  {}\n", event.at, event.kind, sentence(event)),
        Format::Wide => {
            format!("{:>6}  {}  {:<16}  {}\n", event.sequence, event.at, event.kind, sentence(event))
        }
    })
}

/// What happened, and what to do.
fn sentence(event: &Event) -> String {
    match event.advice.is_empty() {
        true => event.text.clone(),
        false => format!("{}; {}", event.text, event.advice),
    }
}

impl Row for Event {
    const COLUMNS: &'static [Column] = &[
        Column::Wide("NUMBER"),
        Column::Always("AT"),
        Column::Always("KIND"),
        Column::Wide("ADDRESS"),
        Column::Wide("HOST"),
        Column::Wide("PORT"),
        Column::Wide("MAC"),
        Column::Wide("COUNT"),
        Column::Always("WHAT"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![
            self.sequence.to_string(),
            self.at.clone(),
            self.kind.clone(),
            self.address.clone().unwrap_or_default(),
            self.host_name.clone().unwrap_or_default(),
            self.port.map(|port| port.to_string()).unwrap_or_default(),
            self.mac.clone().unwrap_or_default(),
            self.count.map(|count| count.to_string()).unwrap_or_default(),
            sentence(self),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        serde_json::from_str(
            r#"{"sequence": 12, "at": "2026-01-01T00:00:00Z", "kind": "refused",
                "text": "10.0.0.9 was announced", "advice": "associate it", "count": 3}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_followed_event_is_one_line_that_ends_with_what_to_do() {
        assert_eq!(
            line(Format::Table, &event()).unwrap(),
            "2026-01-01T00:00:00Z  refused           10.0.0.9 was announced; associate it\n"
        );
        assert!(line(Format::Wide, &event()).unwrap().starts_with("    12  2026"));
    }

    #[test]
    fn a_followed_event_is_one_document_per_line_in_json() {
        let text = line(Format::Json, &event()).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event());
        assert!(line(Format::Yaml, &event()).unwrap().starts_with("---\nsequence: 12\n"));
    }
}
