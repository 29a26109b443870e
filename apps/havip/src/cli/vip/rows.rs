//! How VIPs and their moves are shown.

use crate::cli::show::{Column, Names, Row};
use crate::cli::time;
use havip_api::{AssociationMode, Holder, Move, Vip};

/// `web-1 on host-a`.
pub fn holder(holder: Option<&Holder>) -> String {
    let Some(holder) = holder else { return String::new() };
    let guest = match (holder.instance_name.as_str(), &holder.interface) {
        ("", Some(interface)) => interface.clone(),
        ("", None) => format!("port {}", holder.port),
        (name, _) => name.to_owned(),
    };
    format!("{guest} on {}", holder.host_name)
}

impl Row for Vip {
    const COLUMNS: &'static [Column] = &[
        Column::Always("ID"),
        Column::Always("NAME"),
        Column::Always("ADDRESS"),
        Column::Always("SUBNET"),
        Column::Wide("VPC"),
        Column::Always("HOLDER"),
        Column::Always("SINCE"),
        Column::Wide("MOVES"),
        Column::Wide("MAC"),
        Column::Wide("EPOCH"),
        Column::Wide("ASSOCIATED"),
        Column::Always("EIP"),
        Column::Wide("BINDING"),
        Column::Wide("CONTENTION"),
        Column::Wide("ASSIST"),
        Column::Wide("ADVERT SOURCES"),
        Column::Wide("PROFILE"),
        Column::Always("STATUS"),
        Column::Wide("REASON"),
        Column::Wide("AGE"),
        Column::Wide("DESCRIPTION"),
    ];

    fn cells(&self, names: &dyn Names) -> Vec<String> {
        let held = self.holder.as_ref();
        let associated = self.associations.iter().map(|association| match association.mode {
            AssociationMode::Claim => names.name(&association.target),
            mode => format!("{} ({mode})", names.name(&association.target)),
        });
        vec![
            self.meta.id.clone(),
            self.meta.name.clone(),
            self.address.clone(),
            names.name(&self.subnet),
            names.name(&self.vpc),
            if held.is_some() { holder(held) } else { "nobody".into() },
            held.map(|holder| time::age(&holder.since)).unwrap_or_default(),
            held.and_then(|holder| holder.moves).map(|moves| moves.to_string()).unwrap_or_default(),
            held.map(|holder| holder.mac.clone()).unwrap_or_default(),
            held.map(|holder| holder.epoch.to_string()).unwrap_or_default(),
            associated.collect::<Vec<_>>().join(","),
            self.eip.as_ref().map(|eip| eip.address.clone()).unwrap_or_default(),
            self.binding.to_string(),
            self.contention.to_string(),
            if self.assist { "on" } else { "off" }.into(),
            self.advert_sources.join(","),
            self.profile.to_string(),
            self.meta.status.to_string(),
            self.meta.reason.clone(),
            time::age(&self.meta.created_at),
            self.meta.description.clone(),
        ]
    }
}

/// `3406 ms`; nothing for a release, after which nobody holds the VIP.
fn outage(moved: &Move) -> String {
    match (moved.outage_ms, &moved.to) {
        (Some(ms), _) => format!("{ms} ms"),
        (None, Some(_)) => "not known".into(),
        (None, None) => String::new(),
    }
}

impl Row for Move {
    const COLUMNS: &'static [Column] = &[
        Column::Always("AT"),
        Column::Always("FROM"),
        Column::Always("TO"),
        Column::Always("CAUSE"),
        Column::Always("OUTAGE"),
        Column::Wide("LAST SENT"),
        Column::Wide("FIRST SENT"),
        Column::Wide("MOVES"),
        Column::Wide("EPOCH"),
        Column::Wide("EVENT"),
        Column::Wide("TEXT"),
    ];

    fn cells(&self, _: &dyn Names) -> Vec<String> {
        let nobody = |text: String| if text.is_empty() { "nobody".into() } else { text };
        vec![
            self.at.clone(),
            nobody(holder(self.from.as_ref())),
            nobody(holder(self.to.as_ref())),
            self.cause.to_string(),
            outage(self),
            self.last_sent_at.clone().unwrap_or_default(),
            self.first_sent_at.clone().unwrap_or_default(),
            self.moves.map(|moves| moves.to_string()).unwrap_or_default(),
            self.epoch.to_string(),
            self.sequence.to_string(),
            self.text.clone(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::show::{self, Format, tests::FakeNames};

    const VIP: &str = r#"{
        "id": "vip-aaaaaaaaaaaaaaaaaaaa", "name": "shop-vip", "description": "",
        "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
        "generation": 1, "observed_generation": 1, "status": "available", "reason": "",
        "vpc": "vpc-aaaaaaaaaaaaaaaaaaaa", "subnet": "subnet-aaaaaaaaaaaaaaaaaaaa", "address": "10.20.1.100",
        "binding": "associated", "contention": "follow", "assist": true, "profile": "native", "incarnation": 7,
        "associations": [
            {"target": "i-aaaaaaaaaaaaaaaaaaaa", "mode": "claim", "created_at": "2020-01-01T00:00:00Z"},
            {"target": "eni-aaaaaaaaaaaaaaaaaaaa", "mode": "direct-return", "created_at": "2020-01-01T00:00:00Z"}
        ],
        "advert_sources": [], "eip": {"id": "eip-aaaaaaaaaaaaaaaaaaaa", "address": "203.0.113.1"},
        "holder": {
            "host": "host-aaaaaaaaaaaaaaaaaaaa", "host_name": "h1", "host_number": 1, "port": 3,
            "interface": "eni-aaaaaaaaaaaaaaaaaaaa", "instance": "i-aaaaaaaaaaaaaaaaaaaa", "instance_name": "web-1",
            "mac": "02:00:00:00:00:03", "since": "soon", "epoch": "115000000000000001", "moves": 2
        }
    }"#;

    #[test]
    fn a_vip_is_a_row_with_its_holder_and_its_public_address() {
        let vip: Vip = serde_json::from_str(VIP).unwrap();
        let table = show::all(Format::Table, &[vip], &FakeNames).unwrap();
        assert_eq!(
            table,
            "ID                         NAME       ADDRESS       SUBNET   HOLDER        SINCE   EIP           STATUS\n\
             vip-aaaaaaaaaaaaaaaaaaaa   shop-vip   10.20.1.100   web      web-1 on h1   soon    203.0.113.1   available\n"
        );
    }

    #[test]
    fn the_details_of_a_vip_say_who_may_claim_it_and_how() {
        let vip: Vip = serde_json::from_str(VIP).unwrap();
        let details = show::details(Format::Table, &vip, &FakeNames).unwrap();
        let associated = details.lines().find(|line| line.starts_with("Associated:")).unwrap();
        assert!(
            associated.ends_with("i-aaaaaaaaaaaaaaaaaaaa,eni-aaaaaaaaaaaaaaaaaaaa (direct-return)"),
            "{details}"
        );
        assert!(details.contains("Epoch:           115000000000000001\n"), "{details}");
    }

    #[test]
    fn a_vip_without_holder_is_held_by_nobody() {
        let mut vip: Vip = serde_json::from_str(VIP).unwrap();
        vip.holder = None;
        let table = show::all(Format::Table, &[vip], &FakeNames).unwrap();
        assert!(table.contains("   nobody   -       203.0.113.1"), "{table}");
    }

    #[test]
    fn a_holder_without_an_instance_is_named_by_its_interface_or_port() {
        let vip: Vip = serde_json::from_str(VIP).unwrap();
        let mut named = vip.holder.unwrap();
        named.instance_name = String::new();
        assert_eq!(holder(Some(&named)), "eni-aaaaaaaaaaaaaaaaaaaa on h1");
        named.interface = None;
        assert_eq!(holder(Some(&named)), "port 3 on h1");
    }
}
