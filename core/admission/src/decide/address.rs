//! Which address of a subnet something gets.

use super::Decision;
use crate::{
    Code, Refusal,
    request::{Choice, Choice6},
};
use havip_model::{Family, ResourceKey, Subnet};
use std::net::{IpAddr, Ipv6Addr};

impl Decision<'_> {
    /// The IPv4 address of an interface; none only for [`Choice::Without`].
    pub fn pick4(&self, subnet: &Subnet, choice: Choice) -> Result<Option<IpAddr>, Refusal> {
        let wrong = match choice {
            Choice::Chosen(address @ IpAddr::V6(_)) => Some(format!("{address} is IPv6")),
            Choice::Automatic(Family::Ipv6) => Some("an IPv6 address is asked for".into()),
            Choice::Chosen(IpAddr::V4(_)) | Choice::Automatic(Family::Ipv4) | Choice::Without => None,
        };
        if let Some(what) = wrong {
            let message = format!("{what}; give it as the IPv6 address (address6)");
            return Err(Code::AddressFamily.at("/address", message));
        }
        self.pick(subnet, choice, "/address")
    }

    /// The IPv6 address of an interface, if it is to have one.
    pub fn pick6(&self, subnet: &Subnet, choice: Choice6) -> Result<Option<Ipv6Addr>, Refusal> {
        let (field, chosen) = ("/address6", |address| Choice::Chosen(IpAddr::V6(address)));
        let picked = match choice {
            Choice6::Automatic if subnet.cidr6.is_none() => None,
            Choice6::Automatic => self.pick(subnet, Choice::Automatic(Family::Ipv6), field)?,
            Choice6::Chosen(address) => self.pick(subnet, chosen(address), field)?,
            Choice6::Without => None,
        };
        Ok(picked.and_then(|address| if let IpAddr::V6(address) = address { Some(address) } else { None }))
    }

    /// The address of a VIP, of either family.
    pub fn pick_some(&self, subnet: &Subnet, choice: Choice) -> Result<IpAddr, Refusal> {
        self.pick(subnet, choice, "/address")?.ok_or_else(required)
    }

    fn pick(&self, subnet: &Subnet, choice: Choice, field: &str) -> Result<Option<IpAddr>, Refusal> {
        match choice {
            Choice::Without => Ok(None),
            Choice::Chosen(address) => self.check_free(subnet, address, field, &[]).map(|()| Some(address)),
            Choice::Automatic(family) => self.pick_lowest(subnet, family, field, &[]).map(Some),
        }
    }

    /// The lowest address of a family that neither the world nor this request uses.
    pub fn pick_lowest(
        &self,
        subnet: &Subnet,
        family: Family,
        field: &str,
        taken: &[IpAddr],
    ) -> Result<IpAddr, Refusal> {
        let Some((cidr, _, last)) = subnet.range(family) else {
            let message = format!(
                "subnet {} ({}) has no IPv6 range; use one that was made with cidr6",
                subnet.id, subnet.cidr
            );
            return Err(Code::NoIpv6Range.at(field, message));
        };
        let is_free = |address: &IpAddr| {
            !taken.contains(address) && !is_gateway(subnet, *address) && self.user(subnet, *address).is_none()
        };
        let lowest = self.world.lowest_free(subnet.id, family);
        lowest.into_iter().flat_map(|lowest| between(lowest, last)).find(is_free).ok_or_else(|| {
            let message = format!(
                "every address of subnet {} ({cidr}) is in use; free one, or use another subnet",
                subnet.id
            );
            Code::SubnetFull.at(field, message)
        })
    }

    /// Checks that an address is of the subnet, not kept back, and not in use.
    pub fn check_free(
        &self,
        subnet: &Subnet,
        address: IpAddr,
        field: &str,
        taken: &[IpAddr],
    ) -> Result<(), Refusal> {
        check_usable(subnet, address, field)?;
        if taken.contains(&address) {
            let message = format!("{address} stands twice in the request; give each address once");
            return Err(Code::AddressRepeated.at(field, message));
        }
        let Some(user) = self.user(subnet, address) else { return Ok(()) };
        let message = format!("{address} is in use by {}; choose another one, or free it first", user.id());
        Err(Code::AddressInUse.at(field, message).blocked_by([user]))
    }

    fn user(&self, subnet: &Subnet, address: IpAddr) -> Option<ResourceKey> {
        self.world.address_user(subnet.vpc, address).map(ResourceKey::from)
    }
}

/// An instance's interface and a VIP have one.
pub fn required() -> Refusal {
    Code::AddressRequired.at("/address", "it needs an address; choose one or leave the choice to us")
}

/// The addresses of one family from the first to the last.
fn between(first: IpAddr, last: IpAddr) -> impl Iterator<Item = IpAddr> {
    let bits = |address: IpAddr| -> u128 {
        match address {
            IpAddr::V4(address) => u32::from(address).into(),
            IpAddr::V6(address) => u128::from(address),
        }
    };
    let is_ipv4 = first.is_ipv4();
    (bits(first)..=bits(last)).map(move |bits| match u32::try_from(bits) {
        Ok(bits) if is_ipv4 => IpAddr::V4(bits.into()),
        _ => IpAddr::V6(bits.into()),
    })
}

fn check_usable(subnet: &Subnet, address: IpAddr, field: &str) -> Result<(), Refusal> {
    let Some((cidr, first, last)) = subnet.range(Family::of(address)) else {
        let message = format!(
            "{address} is not of subnet {} ({}), which has no IPv6 range; use one that was made with cidr6",
            subnet.id, subnet.cidr
        );
        return Err(Code::AddressOutsideSubnet.at(field, message));
    };
    if !cidr.contains(&address) {
        let message =
            format!("{address} is not of subnet {} ({cidr}); choose one of {first} to {last}", subnet.id);
        return Err(Code::AddressOutsideSubnet.at(field, message));
    }
    if (first..=last).contains(&address) && !is_gateway(subnet, address) {
        return Ok(());
    }
    let what = reservation(subnet, address, first);
    let message = format!("{address} is {what} of {cidr}; choose one of {first} to {last}");
    Err(Code::AddressReserved.at(field, message))
}

fn is_gateway(subnet: &Subnet, address: IpAddr) -> bool {
    address == subnet.gateway || subnet.gateway6.is_some_and(|gateway| address == gateway)
}

/// What an address of the subnet that may not be given out is kept back for.
fn reservation(subnet: &Subnet, address: IpAddr, first: IpAddr) -> &'static str {
    let is_network = match address {
        IpAddr::V4(address) => address == subnet.cidr.network(),
        IpAddr::V6(address) => subnet.cidr6.is_some_and(|cidr| address == cidr.network()),
    };
    match address {
        _ if is_gateway(subnet, address) => "the gateway",
        IpAddr::V4(_) if is_network => "the network address",
        IpAddr::V6(_) if is_network => "the anycast address of all routers",
        _ if address < first => "kept for the services",
        IpAddr::V4(_) => "the broadcast address",
        IpAddr::V6(_) => "one of the anycast addresses at the end",
    }
}
