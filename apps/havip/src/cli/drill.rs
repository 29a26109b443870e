//! `havip vip drill`: asks first, begins, watches, and reports.

use super::session::{Session, print};
use super::show::{Format, json};
use super::vip::holder as words;
use anyhow::{Result, bail, ensure};
use havip_api::{Drill, DrillVip, HistoryFilter, Holder, Move, Vip};
use serde::Serialize;
use std::io::{BufRead, IsTerminal, Write};
use std::time::{Duration, Instant};

/// What became of a drill.
#[derive(Debug, Clone, Serialize)]
struct Report {
    drill: Drill,
    /// The first move to somebody; null if nobody took over.
    took_over: Option<Move>,
    /// Who holds the VIP now that the link is back.
    holder: Option<Holder>,
    /// The link of the interface that had it is back.
    link_is_back: bool,
}

/// Runs a drill.
pub fn run(session: &Session, vip: &Vip, lasts: u32, yes: bool) -> Result<()> {
    if !yes {
        ask(vip, lasts)?;
    }
    let drill = session.client.drill_vip(&vip.meta.id, &DrillVip { seconds: lasts })?;
    let is_for_people = matches!(session.format, Format::Table | Format::Wide);
    if is_for_people {
        print(&format!("{} has no link for {lasts} s\n", words(Some(&drill.holder))))?;
        for also in &drill.also {
            print(&format!("it held {also}, too, which moves as well\n"))?;
        }
    }
    let report = watch(session, drill, lasts)?;
    match session.format {
        Format::Json => print(&json(&report)?)?,
        Format::Yaml => print(&serde_yaml_ng::to_string(&report)?)?,
        Format::Table | Format::Wide => print(&page(&report))?,
    }
    ensure!(
        report.took_over.is_some(),
        "nobody took {} over within {lasts} s: havip vip why {0}",
        vip.address
    );
    ensure!(
        report.link_is_back,
        "the link of {} is not back: look at its host's agent",
        words(Some(&report.drill.holder))
    );
    Ok(())
}

/// Whoever is asked must be there to answer.
fn ask(vip: &Vip, lasts: u32) -> Result<()> {
    let input = std::io::stdin();
    ensure!(input.is_terminal(), "a drill interrupts traffic: say --yes where nobody can be asked");
    let Some(holder) = &vip.holder else { return Ok(()) }; // the server refuses it with the reason
    let mut err = std::io::stderr();
    write!(
        err,
        "The interface of {} that holds {} will have no link for {lasts} s; all its traffic stops. Go on? [y/N] ",
        words(Some(holder)),
        vip.address
    )?;
    err.flush()?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!("nothing was done");
    }
    Ok(())
}

/// Follows what happens until the link is back and the VIP has come to rest.
fn watch(session: &Session, drill: Drill, lasts: u32) -> Result<Report> {
    let began = Instant::now();
    let link_by = began + Duration::from_secs(lasts.into()) + LINK_PATIENCE;
    let moves = || -> Result<Vec<Move>> {
        let filter = HistoryFilter { after: Some(drill.after.to_string()), limit: Some(200) };
        Ok(session.client.vip_history(&drill.vip, &filter)?.items)
    };
    let is_up = || -> Result<bool> {
        let Some(interface) = &drill.holder.interface else { return Ok(false) };
        Ok(session.client.interface(interface)?.port_up == Some(true))
    };
    // Not before its time: the report of the port's going down may be under way.
    std::thread::sleep(Duration::from_secs(lasts.into()));
    let mut link_is_back = is_up()?;
    while !link_is_back && Instant::now() < link_by {
        std::thread::sleep(LOOK);
        link_is_back = is_up()?;
    }
    // Whoever had it may take it back, as keepalived does with a higher priority.
    let (mut seen, mut quiet_since) = (moves()?.len(), Instant::now());
    while quiet_since.elapsed() < REST && began.elapsed() < Duration::from_secs(lasts.into()) + LONGEST {
        std::thread::sleep(LOOK);
        let now = moves()?.len();
        if now != seen {
            (seen, quiet_since) = (now, Instant::now());
        }
    }
    let took_over = moves()?.into_iter().find(|row| row.to.is_some());
    let holder = session.client.vip(&drill.vip)?.holder;
    Ok(Report { drill, took_over, holder, link_is_back })
}

/// The report for people.
fn page(report: &Report) -> String {
    let before = words(Some(&report.drill.holder));
    let mut text = match &report.took_over {
        None => "nobody took over\n".to_owned(),
        Some(row) => {
            let outage = match (row.outage_ms, &row.outage_unknown) {
                (Some(ms), _) => format!("nobody sent as the VIP for {ms} ms"),
                (None, why) => {
                    format!("the outage is not known: {}", why.as_deref().unwrap_or("nobody told"))
                }
            };
            format!("{} took over ({}); {outage}\n", words(row.to.as_ref()), row.cause)
        }
    };
    let link = if report.link_is_back { "is back" } else { "is NOT back" };
    text.push_str(&format!("the link of {before} {link}; "));
    match &report.holder {
        Some(holder) if holder.port == report.drill.holder.port => {
            text.push_str("it holds the VIP again, as before\n");
        }
        Some(holder) => text.push_str(&format!("{} holds the VIP now\n", words(Some(holder)))),
        None => text.push_str("nobody holds the VIP now\n"),
    }
    text
}

const LOOK: Duration = Duration::from_millis(200);
/// A link comes back within some ms, and its report within a second.
const LINK_PATIENCE: Duration = Duration::from_secs(10);
/// keepalived that comes back needs up to 4 s to take the VIP back.
const REST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(name: &str, port: u32) -> serde_json::Value {
        serde_json::json!({
            "host": null, "host_name": "h1", "host_number": 1, "port": port, "interface": null, "instance": null,
            "instance_name": name, "mac": "02:00:00:00:00:01", "since": "soon", "epoch": "1", "moves": 1,
        })
    }

    #[test]
    fn a_report_says_who_took_over_how_long_it_took_and_who_holds_the_vip_now() {
        let drill: Drill = serde_json::from_value(serde_json::json!({
            "vip": "vip-a", "address": "10.20.1.100", "holder": holder("web-1", 1), "also": [],
            "begun_at": "soon", "ends_at": "later", "after": 7,
        }))
        .unwrap();
        let row: Move = serde_json::from_value(serde_json::json!({
            "sequence": 9, "at": "soon", "from": null, "to": holder("web-2", 2), "epoch": "2", "cause": "claim",
            "moves": 2, "outage_ms": 960, "last_sent_at": null, "first_sent_at": null, "outage_unknown": null,
            "text": "",
        }))
        .unwrap();
        let report = |took_over: Option<Move>, now: serde_json::Value| Report {
            drill: drill.clone(),
            took_over,
            holder: serde_json::from_value(now).unwrap(),
            link_is_back: true,
        };
        assert_eq!(
            page(&report(Some(row.clone()), holder("web-1", 1))),
            "web-2 on h1 took over (claim); nobody sent as the VIP for 960 ms\n\
             the link of web-1 on h1 is back; it holds the VIP again, as before\n"
        );
        let unknown = Move { outage_ms: None, outage_unknown: Some("web-2 has not sent".into()), ..row };
        assert_eq!(
            page(&report(Some(unknown), holder("web-2", 2))),
            "web-2 on h1 took over (claim); the outage is not known: web-2 has not sent\n\
             the link of web-1 on h1 is back; web-2 on h1 holds the VIP now\n"
        );
        assert!(page(&report(None, serde_json::Value::Null)).starts_with("nobody took over\n"));
    }
}
