//! Waiting for a guest that goes on at another host, and what it cost.

use super::session::{Session, print};
use super::show::{Format, Names};
use anyhow::{Result, bail};
use havip_api::{Interface, Status};
use std::time::{Duration, Instant};

/// Waits until the guest of an interface is where it is on its way to; `before` is the interface while it was, or
/// afterwards.
pub fn follow(session: &Session, before: &Interface, within: Duration) -> Result<()> {
    let deadline = Instant::now() + within;
    let mut told_by: Option<Instant> = None;
    loop {
        let now = session.client.interface(&before.meta.id)?;
        match seen(before, &now) {
            Seen::Stays => bail!("the guest of {} stays where it is", now.meta.id),
            Seen::There { is_measured: true } => return show(session, &now),
            Seen::There { is_measured: false } => {
                if *told_by.get_or_insert(Instant::now() + TOLD_WITHIN) <= Instant::now() {
                    return show(session, &now);
                }
            }
            Seen::OnItsWay if deadline <= Instant::now() => bail!(
                "the guest of {} is not seen there after {} s; it may have sent nothing yet: \
                 havip port migrate --interface {0} --finish says that it is there, --cancel that it stays",
                now.meta.id,
                within.as_secs()
            ),
            Seen::OnItsWay => {}
        }
        std::thread::sleep(LOOK);
    }
}

/// Waits until a machine is where it was asked to go, which its first interface tells.
pub fn follow_machine(session: &Session, id: &str, interface: &str, within: Duration) -> Result<()> {
    let before = session.client.interface(interface)?;
    match follow(session, &before, within) {
        Ok(()) => Ok(()),
        Err(error) => {
            let deadline = Instant::now() + TOLD_WITHIN;
            let mut shown = session.client.instance(id)?;
            // Until its hosts know that it stays, the server waits for them, and says no more.
            while shown.meta.status == Status::Creating && Instant::now() < deadline {
                std::thread::sleep(LOOK);
                shown = session.client.instance(id)?;
            }
            match shown.meta.reason {
                why if why.is_empty() => Err(error),
                why => bail!("{id} stays: {why}"),
            }
        }
    }
}

/// Where a guest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    OnItsWay,
    Stays,
    There { is_measured: bool },
}

fn seen(before: &Interface, now: &Interface) -> Seen {
    let at = |interface: &Interface| interface.migrated.as_ref().map(|migrated| migrated.at.clone());
    let was_on_its_way = before.migration.is_some();
    match &now.migrated {
        _ if now.migration.is_some() => Seen::OnItsWay,
        Some(migrated) if !was_on_its_way || at(before) != at(now) => {
            Seen::There { is_measured: migrated.outage_ms.is_some() }
        }
        _ => Seen::Stays,
    }
}

fn show(session: &Session, now: &Interface) -> Result<()> {
    match session.format {
        Format::Json | Format::Yaml => session.show(now),
        Format::Table | Format::Wide => {
            let host = session.name_of_any(now.host.as_deref());
            print(&format!("{}\n", sentence(now, &host)))
        }
    }
}

fn sentence(now: &Interface, host: &str) -> String {
    let outage = match now.migrated.as_ref().and_then(|migrated| migrated.outage_ms) {
        Some(ms) => format!("nobody heard from it for {ms} ms"),
        None => "the host that it left did not say when it was heard there last".into(),
    };
    format!("the guest of {} is on {host}; {outage}", now.meta.id)
}

const LOOK: Duration = Duration::from_millis(50);
/// The two hosts tell the outage some milliseconds after the arrival, or never.
const TOLD_WITHIN: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(goes: bool, migrated: Option<(&str, Option<u32>)>) -> Interface {
        serde_json::from_value(serde_json::json!({
            "id": "eni-a", "name": "", "description": "", "created_at": "", "updated_at": "", "generation": 1,
            "observed_generation": 1, "status": "available", "reason": "", "vpc": "", "subnet": "", "port": 7,
            "mac": "", "address": null, "address6": null, "secondary_addresses": [], "instance": null,
            "is_primary": false, "host": "host-b", "device": null, "source_dest_check": true,
            "port_state": "active", "port_up": null,
            "migration": goes.then(|| serde_json::json!({"host": "host-b", "device": "tap0"})),
            "migrated": migrated.map(|(at, outage_ms)| serde_json::json!({"from": null, "at": at, "outage_ms": outage_ms})),
        }))
        .unwrap()
    }

    #[test]
    fn a_guest_is_there_when_a_later_migration_is_told_and_stays_when_none_is() {
        let before = interface(true, Some(("monday", Some(9))));
        for (now, expected) in [
            (interface(true, Some(("monday", Some(9)))), Seen::OnItsWay),
            (interface(false, Some(("monday", Some(9)))), Seen::Stays),
            (interface(false, Some(("tuesday", None))), Seen::There { is_measured: false }),
            (interface(false, Some(("tuesday", Some(104)))), Seen::There { is_measured: true }),
        ] {
            assert_eq!(seen(&before, &now), expected, "{now:?}");
        }
        let afterwards = interface(false, Some(("tuesday", Some(104))));
        assert_eq!(seen(&afterwards, &afterwards), Seen::There { is_measured: true });
        assert_eq!(seen(&interface(true, None), &interface(false, None)), Seen::Stays, "cancelled");
        assert_eq!(
            sentence(&afterwards, "host-3"),
            "the guest of eni-a is on host-3; nobody heard from it for 104 ms"
        );
    }
}
