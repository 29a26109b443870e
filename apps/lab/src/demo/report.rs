//! What the demo found, as data: the `--json` file and the tables at the end.

use serde::Serialize;
use std::time::Duration;

/// Everything that the demo showed.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Every step showed what it had to.
    pub ok: bool,
    /// In the order they were taken.
    pub steps: Vec<Step>,
    /// How long nobody answered, per cause and client.
    pub outages: Vec<OutageRow>,
    /// The rogues' announcements.
    pub refused: Vec<RefusedRow>,
}

/// One step.
#[derive(Debug, Serialize)]
pub struct Step {
    /// Its stable name.
    pub name: &'static str,
    /// It showed what it had to.
    pub ok: bool,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What was seen, in words.
    pub seen: String,
    /// Announcements that the switch refused during this step, where that belongs to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedRow>,
}

/// One outage.
#[derive(Debug, Clone, Serialize)]
pub struct OutageRow {
    /// What caused it: `power-off`, `primary-back`, `graceful-stop`.
    pub cause: &'static str,
    /// Who noticed: `subnet` or `outside`.
    pub client: &'static str,
    /// Its length, in milliseconds.
    pub ms: u64,
}

/// One refused announcement.
#[derive(Debug, Clone, Serialize)]
pub struct RefusedRow {
    /// The reason's stable name.
    pub reason: String,
    /// The host whose switch refused.
    pub host: String,
    /// The port that sent it.
    pub port: String,
    /// The MAC it was sent with.
    pub mac: String,
    /// The address that it announced.
    pub address: String,
    /// What to do if it was meant.
    #[serde(skip)]
    pub remedy: String,
}

impl Report {
    /// Closes the report: it is fine if something was shown and every step was.
    pub fn close(&mut self) {
        self.ok = !self.steps.is_empty() && self.steps.iter().all(|step| step.ok);
    }

    /// Notes an outage.
    pub fn outage(&mut self, cause: &'static str, client: &'static str, length: Duration) {
        self.outages.push(OutageRow { cause, client, ms: length.as_millis() as u64 });
    }

    /// The outages as a table for people.
    pub fn outage_table(&self) -> String {
        let mut text = format!("  {:<16}{:<10}{:>10}\n", "cause", "client", "outage");
        for row in &self.outages {
            text += &format!("  {:<16}{:<10}{:>7} ms\n", row.cause, row.client, row.ms);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_without_steps_is_not_fine() {
        let mut report = Report::default();
        report.close();
        assert!(!report.ok);
    }

    #[test]
    fn the_json_has_the_promised_shape() {
        let mut report = Report::default();
        report.steps.push(Step { name: "eip", ok: true, ms: 12, seen: String::new(), refused: vec![] });
        report.outage("power-off", "subnet", Duration::from_micros(3_400_900));
        report.close();
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["ok"], true);
        assert_eq!(json["steps"][0]["name"], "eip");
        assert_eq!(
            json["outages"][0],
            serde_json::json!({"cause": "power-off", "client": "subnet", "ms": 3400})
        );
        assert_eq!(json["refused"], serde_json::json!([]));
    }
}
