//! Pacemaker on Corosync: two nodes that hear each other by unicast, without fencing, and IPaddr2.

use crate::{Guest, guest::LOGS};
use anyhow::Result;
use std::net::Ipv4Addr;

/// A cluster; every node has the same configuration.
#[derive(Debug, Clone)]
pub struct Pacemaker {
    /// Names as `uname -n` shows them, and addresses; the first one is preferred.
    pub nodes: [(String, Ipv4Addr); 2],
    /// The address that moves.
    pub vip: Ipv4Addr,
}

impl Pacemaker {
    /// A cluster of these two, the first preferred.
    pub fn of(first: &Guest, second: &Guest, vip: Ipv4Addr) -> Self {
        Self { nodes: [first, second].map(|node| (node.name.clone(), node.address)), vip }
    }

    /// The text of `/etc/corosync/corosync.conf`.
    pub fn corosync_config(&self) -> String {
        let nodes: String = (1..)
            .zip(&self.nodes)
            .map(|(id, (name, address))| {
                format!("    node {{\n        name: {name}\n        nodeid: {id}\n        ring0_addr: {address}\n    }}\n")
            })
            .collect();
        // No realtime scheduling, and no memory locked, in a sandbox.
        format!(
            "totem {{
    version: 2
    cluster_name: havip
    transport: knet
    crypto_cipher: none
    crypto_hash: none
    token: 2000
}}
quorum {{
    provider: corosync_votequorum
    two_node: 1
}}
system {{
    sched_rr: no
    allow_knet_handle_fallback: yes
}}
logging {{
    to_syslog: no
    to_logfile: yes
    logfile: {LOGS}/corosync.log
}}
nodelist {{
{nodes}}}
"
        )
    }

    /// The text of `/var/lib/pacemaker/cib/cib.xml`, as the tools of a cluster would make it step by step.
    pub fn cib(&self) -> String {
        format!(
            r#"<cib crm_feature_set="3.0.14" validate-with="pacemaker-3.0" admin_epoch="1" epoch="1" num_updates="0">
  <configuration>
    <crm_config>
      <cluster_property_set id="options">
        <nvpair id="options-stonith" name="stonith-enabled" value="false"/>
        <nvpair id="options-quorum" name="no-quorum-policy" value="ignore"/>
        <nvpair id="options-dc" name="dc-deadtime" value="2s"/>
      </cluster_property_set>
    </crm_config>
    <nodes/>
    <resources>
      <primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2">
        <instance_attributes id="vip-attributes">
          <nvpair id="vip-ip" name="ip" value="{vip}"/>
          <nvpair id="vip-prefix" name="cidr_netmask" value="32"/>
          <nvpair id="vip-nic" name="nic" value="eth0"/>
        </instance_attributes>
        <operations>
          <op id="vip-monitor" name="monitor" interval="5s" timeout="20s"/>
        </operations>
      </primitive>
    </resources>
    <constraints>
      <rsc_location id="vip-prefers" rsc="vip" node="{preferred}" score="100"/>
    </constraints>
  </configuration>
  <status/>
</cib>
"#,
            vip = self.vip,
            preferred = self.nodes[0].0
        )
    }
}

impl Guest {
    /// Starts Corosync, which goes into the background by itself, and Pacemaker.
    pub fn start_pacemaker(&self, config: &Pacemaker) -> Result<()> {
        let script = format!(
            "cat > /etc/corosync/corosync.conf <<'HAVIP_END'
{corosync}HAVIP_END
cat > /var/lib/pacemaker/cib/cib.xml <<'HAVIP_END'
{cib}HAVIP_END
chown hacluster:haclient /var/lib/pacemaker/cib/cib.xml
chmod 0600 /var/lib/pacemaker/cib/cib.xml
corosync
PCMK_logfile={LOGS}/pacemaker.log pacemakerd &
",
            corosync = config.corosync_config(),
            cib = config.cib()
        );
        self.begin("pacemakerd", &script)
    }
}
