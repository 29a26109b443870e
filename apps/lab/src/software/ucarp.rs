//! ucarp, the CARP of OpenBSD in user space: who hears no better master takes the address and announces it.

use crate::Guest;
use anyhow::Result;
use std::net::Ipv4Addr;

/// One of several instances with the same password.
#[derive(Debug, Clone)]
pub struct Ucarp {
    /// The instance's own address.
    pub own: Ipv4Addr,
    /// The address that moves.
    pub vip: Ipv4Addr,
    /// 0 to 254; the smaller, the better.
    pub skew: u8,
}

impl Guest {
    /// Starts it with its default timers: an advert each second, three missed ones are too many.
    pub fn start_ucarp(&self, config: &Ucarp) -> Result<()> {
        let Ucarp { own, vip, skew } = config;
        let script = format!(
            "for verb in add del; do
    printf '#!/bin/sh\\nip address %s {vip}/32 dev eth0\\n' $verb > /etc/ucarp-$verb.sh
    chmod 0755 /etc/ucarp-$verb.sh
done
ucarp --interface=eth0 --srcip={own} --addr={vip} --vhid=1 --pass=havip --advskew={skew} --neutral \\
    --upscript=/etc/ucarp-add.sh --downscript=/etc/ucarp-del.sh &
"
        );
        self.begin("ucarp", &script)
    }
}
