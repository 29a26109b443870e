//! A provider's network as a subnet of the scene's VPC, and the outside as a machine of it.

use crate::{Scene, names::OUTSIDE_CLIENT};
use anyhow::{Context, Result};
use havip_api::{CreateExternal, CreateSubnet};

impl Scene {
    /// Makes a network that the edges' device leads to a subnet of the VPC; returns its id.
    pub fn make_external(&self, name: &str, cidr: &str, vlan: Option<u16>) -> Result<String> {
        let external = CreateExternal { vlan, ..CreateExternal::default() };
        self.join_external(name, cidr, None, external)
    }

    /// The same of both families, without a tag, with this router of IPv6.
    pub fn make_dual_external(&self, name: &str, cidr: &str, cidr6: &str, router: &str) -> Result<String> {
        let external = CreateExternal { gateway6: Some(router.into()), ..CreateExternal::default() };
        self.join_external(name, cidr, Some(cidr6.into()), external)
    }

    fn join_external(
        &self,
        name: &str,
        cidr: &str,
        cidr6: Option<String>,
        external: CreateExternal,
    ) -> Result<String> {
        let body = CreateSubnet {
            vpc: self.vpc.clone(),
            name: name.into(),
            cidr: cidr.into(),
            cidr6,
            external: Some(external),
            ..CreateSubnet::default()
        };
        Ok(self.lab.api(|client| client.create_subnet(&body))?.meta.id)
    }

    /// By which device the machine outside sees the edges.
    pub fn device_outside(&self) -> Result<String> {
        let shown = self.outside()?.shell("ip -o -4 address")?;
        let of_it = format!(" {OUTSIDE_CLIENT}/");
        let line = shown.lines().find(|line| line.contains(&of_it)).context("the outside has no device")?;
        Ok(line.split_whitespace().nth(1).context("the device has no name")?.to_owned())
    }
}
