//! keepalived.conf as the clouds publish it, and the user data that starts it with a web server.
//!
//! The text follows the guides of Alibaba Cloud (unicast, `nopreempt`, priorities 100 and 10, `advert_int 1`,
//! `garp_master_delay 1`, `garp_master_refresh 5`, PASS, the mail block, notify scripts), addresses adapted.

use crate::guest::LOGS;
use std::net::IpAddr;

/// What differs between the instances of a pair.
#[derive(Debug, Clone)]
pub struct Keepalived {
    /// `MASTER` or `BACKUP`, the wish for the start.
    pub state: &'static str,
    /// 1 to 254, greater wins.
    pub priority: u8,
    /// The instance's own address.
    pub own: IpAddr,
    /// The other instances' addresses; without any it advertises by multicast.
    pub peers: Vec<IpAddr>,
    /// The addresses that it makes highly available; of IPv6 ones it is an instance of VRRPv3, as there is no other.
    pub vips: Vec<IpAddr>,
    /// Seconds between GARPs while it is master; 0 is never.
    pub garp_refresh: u32,
    /// The virtual router's number.
    pub vrid: u8,
    /// The device of the adverts.
    pub device: &'static str,
    /// The device of the addresses, if it is another one than that of the adverts.
    pub vip_device: Option<&'static str>,
    /// `PASS` or `AH`; VRRPv3 has neither.
    pub authentication: &'static str,
    /// Adverts come from the virtual router's own MAC.
    pub use_vmac: bool,
    /// `None` is VRRPv2 with 1 s; otherwise VRRPv3 with this many hundredths of a second.
    pub fast_centis: Option<u16>,
    /// A line of shell, run each second; while it fails, the instance is no candidate. Empty: none.
    pub check: String,
    /// Lines of shell that are run when the instance becomes master.
    pub on_master: String,
}

impl Keepalived {
    /// The guides' primary: `state MASTER`, priority 100.
    pub fn primary(own: impl Into<IpAddr>, peer: impl Into<IpAddr>, vip: impl Into<IpAddr>) -> Self {
        Self {
            state: "MASTER",
            priority: 100,
            own: own.into(),
            peers: vec![peer.into()],
            vips: vec![vip.into()],
            garp_refresh: 5,
            vrid: 51,
            device: "eth0",
            vip_device: None,
            authentication: "PASS",
            use_vmac: false,
            fast_centis: None,
            check: String::new(),
            on_master: String::new(),
        }
    }

    /// The guides' secondary: `state BACKUP`, priority 10.
    pub fn secondary(own: impl Into<IpAddr>, peer: impl Into<IpAddr>, vip: impl Into<IpAddr>) -> Self {
        Self { state: "BACKUP", priority: 10, ..Self::primary(own, peer, vip) }
    }

    /// The same, but whoever is master stays it: keepalived heeds `nopreempt` only beside `state BACKUP`.
    pub fn staying(self) -> Self {
        Self { state: "BACKUP", ..self }
    }

    /// The same, but it advertises by multicast, which no cloud's network carries.
    pub fn by_multicast(self) -> Self {
        Self { peers: vec![], ..self }
    }

    /// The same, but it is a candidate only while this line of shell succeeds.
    pub fn checked_by(self, check: &str) -> Self {
        Self { check: check.into(), ..self }
    }

    /// The same, and these lines of shell are run when it becomes master.
    pub fn when_master(self, script: &str) -> Self {
        Self { on_master: script.into(), ..self }
    }

    /// The text of `/etc/keepalived/keepalived.conf`.
    pub fn config(&self) -> String {
        let lines = |addresses: &[IpAddr], behind: &str| {
            addresses.iter().map(|address| format!("        {address}{behind}\n")).collect::<String>()
        };
        let (version, interval, authentication) = match self.fast_centis {
            None if self.vips.iter().any(IpAddr::is_ipv6) => {
                ("    version 3\n", "1".to_owned(), String::new())
            }
            None => ("", "1".to_owned(), AUTHENTICATION.replace("PASS", self.authentication)),
            Some(centis) => ("    version 3\n", format!("{:.2}", f64::from(centis) / 100.0), String::new()),
        };
        let on_device = self.vip_device.map_or(String::new(), |device| format!(" dev {device}"));
        let unicast = match &self.peers[..] {
            [] => String::new(),
            peers => {
                let own = self.own;
                format!("    unicast_src_ip {own}\n    unicast_peer {{\n{}    }}\n", lines(peers, ""))
            }
        };
        let vmac = if self.use_vmac { "    use_vmac\n    vmac_xmit_base\n" } else { "" };
        let scripts = if self.check.is_empty() && self.on_master.is_empty() { "" } else { SCRIPT_SECURITY };
        let (definition, track) = if self.check.is_empty() { ("", "") } else { (CHECK, TRACK) };
        format!(
            "! Configuration File for keepalived
global_defs {{
   notification_email {{
     acassen@firewall.loc
     failover@firewall.loc
     sysadmin@firewall.loc
   }}
   notification_email_from Alexandre.Cassen@firewall.loc
   smtp_server 192.168.200.1
   smtp_connect_timeout 30
   router_id LVS_DEVEL
   vrrp_skip_check_adv_addr
   vrrp_garp_interval 0
   vrrp_gna_interval 0
{scripts}}}
{definition}vrrp_instance VI_1 {{
    state {state}
    interface {device}
{version}    virtual_router_id {vrid}
    nopreempt
    priority {priority}
    advert_int {interval}
{authentication}{unicast}{vmac}    virtual_ipaddress {{
{vips}    }}
    notify_master \"/etc/keepalived/notify_action.sh MASTER\"
    notify_backup \"/etc/keepalived/notify_action.sh BACKUP\"
    notify_fault \"/etc/keepalived/notify_action.sh FAULT\"
    notify_stop \"/etc/keepalived/notify_action.sh STOP\"
    garp_master_delay 1
    garp_master_refresh {refresh}

    track_interface {{
        {device}
    }}
{track}}}
",
            state = self.state,
            vrid = self.vrid,
            priority = self.priority,
            device = self.device,
            vips = lines(&self.vips, &on_device),
            refresh = self.garp_refresh,
        )
    }

    /// A script that writes the configuration and starts keepalived in the foreground of its log.
    pub fn script(&self) -> String {
        self.files() + START
    }

    /// A script that writes the configuration.
    pub fn files(&self) -> String {
        format!(
            "mkdir -p /etc/keepalived {LOGS}
cat > /etc/keepalived/keepalived.conf <<'HAVIP_END'
{config}HAVIP_END
cat > /etc/keepalived/notify_action.sh <<'HAVIP_END'
#!/bin/sh
echo \"$(date +%T.%N) keepalived says $1\" >> {LOGS}/keepalived-notify.log
[ \"$1\" = MASTER ] || exit 0
{on_master}
HAVIP_END
cat > /etc/keepalived/check.sh <<'HAVIP_END'
#!/bin/sh
{check}
HAVIP_END
chmod 0755 /etc/keepalived/notify_action.sh /etc/keepalived/check.sh
",
            config = self.config(),
            on_master = self.on_master,
            check = self.check,
        )
    }
}

/// Starts keepalived; it goes into the background by itself and logs to the console.
pub const START: &str = "keepalived --log-console --dont-fork --pid /run/keepalived.pid &\n";

/// A script that starts Debian's nginx, which answers with `says`.
pub fn nginx(says: &str) -> String {
    format!(
        "mkdir -p /run/nginx /var/log/nginx /var/lib/nginx /var/www/havip
cat > /etc/nginx/havip.conf <<'HAVIP_END'
worker_processes 1;
pid /run/nginx/havip.pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
    server {{
        listen 80;
        listen [::]:80;
        location / {{ default_type text/plain; return 200 \"{says}\\n\"; }}
    }}
}}
HAVIP_END
nginx -c /etc/nginx/havip.conf
"
    )
}

/// keepalived runs only scripts that nobody but root can change, and as the user named.
const SCRIPT_SECURITY: &str = "   enable_script_security
   script_user root
";

/// Two failures in a row count as one, and so do two successes: no single slow second moves a VIP.
const CHECK: &str = "vrrp_script check {
    script \"/etc/keepalived/check.sh\"
    interval 1
    timeout 2
    fall 2
    rise 2
}
";

const TRACK: &str = "    track_script {
        check
    }
";

const AUTHENTICATION: &str = "    authentication {
        auth_type PASS
        auth_pass 1111
    }
";

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn the_configuration_says_what_the_guides_say() {
        let [own, peer, vip] = [209, 210, 88].map(|last| Ipv4Addr::new(192, 168, 0, last));
        let text = Keepalived::primary(own, peer, vip).config();
        for line in [
            "state MASTER",
            "virtual_router_id 51",
            "nopreempt",
            "priority 100",
            "advert_int 1",
            "auth_pass 1111",
            "unicast_src_ip 192.168.0.209",
            "garp_master_delay 1",
            "garp_master_refresh 5",
            "smtp_server 192.168.200.1",
        ] {
            assert!(text.contains(line), "{line}");
        }
        assert!(
            !text.contains("script_security") && !text.contains("track_script"),
            "nothing of ours is added"
        );
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        assert!(Keepalived::secondary(peer, own, vip).config().contains("state BACKUP"));
    }

    #[test]
    fn of_an_ipv6_address_it_is_version_3_without_a_password() {
        let [own, peer, vip] = [11, 12, 100].map(|last| IpAddr::from([0xfd00, 0x20, 0, 1, 0, 0, 0, last]));
        let text = Keepalived::primary(own, peer, vip).config();
        assert!(text.contains("version 3") && text.contains("advert_int 1") && !text.contains("auth_pass"));
        assert!(text.contains("unicast_src_ip fd00:20:0:1::b") && text.contains("        fd00:20:0:1::64\n"));
    }

    #[test]
    fn a_check_is_defined_tracked_and_run_as_root() {
        let [own, peer, vip] = [209, 210, 88].map(|last| Ipv4Addr::new(192, 168, 0, last));
        let checked = Keepalived::primary(own, peer, vip).checked_by("pidof haproxy").staying();
        let text = checked.config();
        for line in ["enable_script_security", "script_user root", "vrrp_script check", "track_script"] {
            assert!(text.contains(line), "{line}");
        }
        assert!(text.contains("state BACKUP") && text.contains("priority 100"));
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        assert!(checked.script().contains("\npidof haproxy\n"));
    }
}
