//! `havip audit`: who did what, and whether somebody changed what is told of it.

use super::Verb;
use super::session::{Session, print};
use super::show::{Column, Format, Names, Row};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use havip_api::{AuditEntry, AuditFilter, Client};
use havip_audit::{Chain, Entry, Verifier};
use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

/// What can be done with the audit.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  havip audit list --user ci --outcome refused
  havip audit list --resource vip-aaaaaaaaaaaaaaaaaaaa -o wide
  havip audit verify
  havip audit verify --noted 1200:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  havip audit export --out audit.jsonl
  havip audit verify --file audit.jsonl")]
pub enum AuditVerb {
    /// List entries, oldest first; administrators see all, others those of their project
    List(Box<Which>),
    /// Verify the chain of all entries, and say how it ends: note that elsewhere, and verify against it later
    Verify {
        /// An end that was noted, which the chain must have: NUMBER:HASH
        #[arg(long, value_name = "END", value_parser = end)]
        noted: Option<Chain>,
        /// Verify an export, without asking a server
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Write all entries as JSON lines, from which the chain can be verified
    Export {
        /// The new file; standard output if absent
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// Which entries.
#[derive(Debug, Args)]
pub struct Which {
    /// By the user of this name
    #[arg(long)]
    user: Option<String>,
    /// By this access key
    #[arg(long = "by-key", value_name = "KEY")]
    by_key: Option<String>,
    /// Of the project with this id
    #[arg(long = "of-project", value_name = "ID")]
    of_project: Option<String>,
    /// From this address
    #[arg(long, value_name = "ADDRESS")]
    source: Option<String>,
    /// Through this API: native, aliyun, tencent, ucloud or ucloudstack
    #[arg(long)]
    dialect: Option<String>,
    /// Of this action, such as vpc:DeleteHaVip
    #[arg(long)]
    action: Option<String>,
    /// About the resource with this id
    #[arg(long, value_name = "ID")]
    resource: Option<String>,
    /// Of the request with this id
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// done, refused, or the code of a refusal
    #[arg(long)]
    outcome: Option<String>,
    /// From this instant on, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "INSTANT")]
    since: Option<String>,
    /// Before this instant
    #[arg(long, value_name = "INSTANT")]
    until: Option<String>,
    /// Begin behind this entry's number
    #[arg(long, value_name = "NUMBER")]
    after: Option<u64>,
}

impl Verb for AuditVerb {
    fn run_here(self, _: Format) -> Result<Option<Self>> {
        match self {
            Self::Verify { noted, file: Some(file) } => {
                let mut verifying = Verifying::against(noted);
                each_line(&file, |entry| verifying.take(&entry))?;
                verifying.end().and_then(|text| print(&text)).map(|()| None)
            }
            other => Ok(Some(other)),
        }
    }

    fn run(self, session: &Session) -> Result<()> {
        match self {
            Self::List(which) => {
                let mut all = vec![];
                each(&session.client, which.filter(), |entry| {
                    all.push(entry);
                    Ok(())
                })?;
                session.show_all(&all)
            }
            Self::Verify { noted, .. } => {
                let mut verifying = Verifying::against(noted);
                each(&session.client, AuditFilter::default(), |entry| verifying.take(&read(entry)?))?;
                print(&verifying.end()?)
            }
            Self::Export { out } => {
                let mut to: Box<dyn Write> = match &out {
                    None => Box::new(std::io::stdout().lock()),
                    Some(path) => {
                        let file = File::create_new(path);
                        Box::new(BufWriter::new(
                            file.with_context(|| format!("could not make {}", path.display()))?,
                        ))
                    }
                };
                each(&session.client, AuditFilter::default(), |entry| {
                    Ok(writeln!(to, "{}", serde_json::to_string(&read(entry)?)?)?)
                })?;
                Ok(to.flush()?)
            }
        }
    }
}

impl Which {
    fn filter(self) -> AuditFilter {
        AuditFilter {
            user: self.user,
            key: self.by_key,
            project: self.of_project,
            source: self.source,
            dialect: self.dialect,
            action: self.action,
            resource: self.resource,
            request_id: self.request_id,
            outcome: self.outcome,
            since: self.since,
            until: self.until,
            after: self.after.map(|number| number.to_string()),
            limit: None,
        }
    }
}

/// Asks for every entry, page by page: they are more than should be held at once.
fn each(client: &Client, filter: AuditFilter, mut take: impl FnMut(AuditEntry) -> Result<()>) -> Result<()> {
    let mut filter = AuditFilter { limit: Some(200), ..filter };
    loop {
        let page = client.audit(&filter)?;
        page.items.into_iter().try_for_each(&mut take)?;
        match page.next {
            Some(next) => filter.after = Some(next),
            None => return Ok(()),
        }
    }
}

fn each_line(path: &Path, mut take: impl FnMut(Entry) -> Result<()>) -> Result<()> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("could not read {shown}"))?;
    for (line, text) in (1..).zip(BufReader::new(file).lines()) {
        let text = text.with_context(|| format!("could not read {shown}"))?;
        let entry = serde_json::from_str(&text).with_context(|| format!("{shown}, line {line}: no entry"))?;
        take(entry)?;
    }
    Ok(())
}

/// What is verified, and how much.
struct Verifying {
    verifier: Verifier,
    first: Option<u64>,
}

impl Verifying {
    fn against(noted: Option<Chain>) -> Self {
        Self { verifier: Verifier::against(noted), first: None }
    }

    fn take(&mut self, entry: &Entry) -> Result<()> {
        self.first.get_or_insert(entry.sequence);
        Ok(self.verifier.take(entry)?)
    }

    fn end(self) -> Result<String> {
        Ok(match (self.first, self.verifier.end()?) {
            (Some(first), Some(Chain { sequence, hash })) => {
                format!("entries {first} to {sequence} are as they were written\nend: {sequence}:{hash}\n")
            }
            _ => "there is no entry\n".into(),
        })
    }
}

/// An entry as it was hashed.
fn read(shown: AuditEntry) -> Result<Entry> {
    let sequence = shown.sequence;
    shown.as_hashed().with_context(|| format!("entry {sequence}"))
}

fn end(text: &str) -> Result<Chain> {
    let parts = text.split_once(':').and_then(|(number, hash)| Some((number.parse().ok()?, hash)));
    match parts {
        Some((sequence, hash)) if hash.len() == 64 => Ok(Chain { sequence, hash: hash.into() }),
        _ => bail!("an end is NUMBER:HASH as `havip audit verify` shows it"),
    }
}

impl Row for AuditEntry {
    const COLUMNS: &'static [Column] = &[
        Column::Always("NUMBER"),
        Column::Always("AT"),
        Column::Always("USER"),
        Column::Wide("KEY"),
        Column::Wide("PROJECT"),
        Column::Always("SOURCE"),
        Column::Always("API"),
        Column::Always("ACTION"),
        Column::Always("RESOURCES"),
        Column::Always("OUTCOME"),
        Column::Always("COUNT"),
        Column::Wide("REQUEST"),
        Column::Wide("HASH"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        vec![
            self.sequence.to_string(),
            self.at.clone(),
            self.user.clone(),
            self.key.clone(),
            self.project.clone(),
            self.source.clone(),
            self.dialect.clone(),
            self.action.clone(),
            self.resources.join(" "),
            self.code.clone().unwrap_or_else(|| "done".into()),
            self.count.to_string(),
            self.request_id.clone(),
            self.hash.clone(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use havip_audit::{Noted, Outcome};
    use havip_model::Timestamp;

    /// Two entries as an export has them.
    fn lines() -> Vec<String> {
        let mut end = Chain::default();
        let noted = |number: u64| Noted {
            at: Timestamp(1_763_710_000_123 + number),
            user: "ci".into(),
            key: "key-a".into(),
            project: "project-a".into(),
            source: "192.0.2.9".into(),
            dialect: "native".into(),
            action: "vpc:CreateHaVip".into(),
            resources: vec!["vip-a".into()],
            request_id: "00".into(),
            outcome: Outcome::Refused("forbidden".into()),
            count: 1,
        };
        let link = |number| {
            let entry = end.link(noted(number));
            end = Chain::at(&entry);
            serde_json::to_string(&entry).unwrap()
        };
        (0..2).map(link).collect()
    }

    fn verify(lines: &[String]) -> Result<Option<AuditVerb>> {
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("audit.jsonl");
        std::fs::write(&file, lines.join("\n"))?;
        AuditVerb::Verify { noted: None, file: Some(file) }.run_here(Format::Table)
    }

    #[test]
    fn an_export_is_verified_without_a_server_and_a_changed_line_is_found() {
        let good = lines();
        assert!(verify(&good).unwrap().is_none());
        let bad = [good[0].replace("\"ci\"", "\"eve\""), good[1].clone()];
        let found = verify(&bad).unwrap_err().to_string();
        assert_eq!(found, "entry 1 was changed: its hash is not that of what it says");
        let broken = verify(&[good[0].clone(), "{}".into()]).unwrap_err().to_string();
        assert!(broken.ends_with("line 2: no entry"), "{broken}");
    }

    #[test]
    fn an_end_is_taken_as_it_was_shown() {
        let hash = "0".repeat(64);
        assert_eq!(end(&format!("12:{hash}")).unwrap(), Chain { sequence: 12, hash });
        assert!(end("12").is_err() && end("x:00").is_err());
    }
}
