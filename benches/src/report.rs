//! What a bench prints: a table for people, JSON for programs, the setting beside the numbers.

use crate::stats::Summary;
use serde::Serialize;
use std::{collections::BTreeMap, fs, path::PathBuf};

/// Everything a bench found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The bench's name.
    pub bench: &'static str,
    /// What all numbers are in.
    pub unit: &'static str,
    /// The machine and the day.
    pub setting: Setting,
    /// One row per case.
    pub rows: Vec<Row>,
}

/// The machine and the day.
#[derive(Debug, Serialize)]
pub struct Setting {
    /// The processor.
    pub processor: String,
    /// How many of them.
    pub processors: usize,
    /// The kernel.
    pub kernel: String,
    /// What the bench was told.
    pub arguments: Vec<String>,
    /// The day, in seconds since 1970.
    pub at: u64,
}

/// One case.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub case: String,
    /// By the name of who did it: `havip`, `bridge`, …
    pub results: BTreeMap<String, Summary>,
    /// The median of ours divided by the baseline's, by the baseline's name.
    pub ratios: BTreeMap<String, f64>,
}

/// The name of ours among the results.
pub const OURS: &str = "havip";

impl Report {
    /// An empty report.
    pub fn new(bench: &'static str, unit: &'static str) -> Self {
        Self { bench, unit, setting: Setting::here(), rows: vec![] }
    }

    /// Adds a case from its raw values.
    pub fn row(&mut self, case: &str, values: &BTreeMap<String, Vec<f64>>) {
        let results: BTreeMap<_, _> =
            values.iter().filter_map(|(who, values)| Some((who.clone(), Summary::of(values)?))).collect();
        let ours = results.get(OURS).map(|summary| summary.median);
        let ratios = results
            .iter()
            .filter(|(who, _)| *who != OURS)
            .filter_map(|(who, summary)| Some((who.clone(), ours? / summary.median)))
            // A baseline without any outage has no ratio.
            .filter(|(_, ratio): &(String, f64)| ratio.is_finite())
            .collect();
        self.rows.push(Row { case: case.into(), results, ratios });
    }

    /// Prints the table, and writes the JSON where it is wanted.
    pub fn finish(&self, json: Option<&PathBuf>) -> anyhow::Result<()> {
        println!(
            "\n{} in {}; {} × {}, Linux {}",
            self.bench, self.unit, self.setting.processors, self.setting.processor, self.setting.kernel
        );
        println!(
            "{:<44}{:<18}{:>10}{:>10}{:>10}{:>10}{:>10}{:>8}{:>8}",
            "case", "who", "median", "p5", "p95", "p99", "most", "trials", "ours/"
        );
        for row in &self.rows {
            for (who, summary) in &row.results {
                let ratio = row.ratios.get(who).map_or(String::new(), |ratio| format!("{ratio:.2}"));
                println!(
                    "{:<44}{who:<18}{:>10.3}{:>10.3}{:>10.3}{:>10.3}{:>10.3}{:>8}{ratio:>8}",
                    row.case,
                    summary.median,
                    summary.p5,
                    summary.p95,
                    summary.p99,
                    summary.most,
                    summary.trials
                );
            }
        }
        if let Some(file) = json {
            fs::write(file, serde_json::to_vec_pretty(self)?)?;
        }
        Ok(())
    }
}

impl Setting {
    fn here() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let names: Vec<_> = cpuinfo.lines().filter_map(|line| line.strip_prefix("model name")).collect();
        let name =
            names.first().and_then(|name| name.split_once(':')).map_or("unknown", |(_, name)| name.trim());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let at = std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
        Self {
            processor: name.into(),
            processors: names.len(),
            kernel: kernel.trim().into(),
            arguments: std::env::args().skip(1).collect(),
            at,
        }
    }
}
