//! VIPs.

use super::{Decision, check, nothing_to_do, set_texts};
use crate::{Code, Refusal, request::*};
use havip_model::{
    Association, Binding, Counter, EipTarget, Incarnation, NextHop, Profile, ResourceKey, Subnet, Vip,
    VipKey, Vpc,
};
use std::net::IpAddr;

impl Decision<'_> {
    pub fn create_vip(&mut self, request: &CreateVip) -> Result<ResourceKey, Refusal> {
        let subnet = self.find::<Subnet>(request.subnet, "/subnet")?;
        let vpc = self.find::<Vpc>(subnet.vpc, "/subnet")?;
        let meta = self.meta(&request.texts)?;
        self.check_vip_room(vpc, request.profile)?;
        let address = self.pick_some(subnet, request.address)?;
        let advert_sources = advert_sources(&request.advert_sources)?;
        let incarnation = self.number(Counter::Incarnation, u64::MAX >> 1)?;
        let mut vip = Vip {
            id: self.fresh_id(&self.whole.vips),
            meta,
            vpc: vpc.id,
            subnet: subnet.id,
            key: VipKey { vni: vpc.vni, address },
            incarnation: Incarnation(incarnation),
            binding: request.binding.unwrap_or(usual_binding(request.profile)),
            contention: request.contention,
            assist: request.assist,
            profile: request.profile,
            associations: Vec::new(),
            advert_sources,
        };
        for (position, (target, mode)) in request.associations.iter().enumerate() {
            self.check_association(&vip, *target, &format!("/associations/{position}"))?;
            vip.associations.push(Association { target: *target, mode: *mode, created_at: self.facts.now });
        }
        Ok(self.put(vip))
    }

    fn check_vip_room(&self, vpc: &Vpc, profile: Profile) -> Result<(), Refusal> {
        let limits = self.facts.quotas.limits(profile);
        if limits.vips_per_project == 0 {
            let message = "the project may have no VIPs; have the quota vips_per_project raised";
            return Err(Code::VipsNotAllowed.at("", message));
        }
        if self.world.vip_count(vpc.id) >= limits.vips_per_vpc {
            let message = format!(
                "VPC {} has {} VIPs, the most it may have; delete one, or have the quota vips_per_vpc raised",
                vpc.id, limits.vips_per_vpc
            );
            return Err(Code::TooManyVipsInVpc.at("/subnet", message));
        }
        if self.world.vips.len() >= limits.vips_per_project {
            let message = format!(
                "the project has {} VIPs, the most it may have; delete one, or have the quota vips_per_project raised",
                limits.vips_per_project
            );
            return Err(Code::TooManyVipsInProject.at("", message));
        }
        Ok(())
    }

    pub fn update_vip(&mut self, request: &UpdateVip) -> Result<ResourceKey, Refusal> {
        let vip = self.find::<Vip>(request.vip, "/vip")?;
        let UpdateVip { texts, contention, assist, advert_sources: sources, .. } = request;
        if (texts, contention, assist, sources) == (&NewTexts::default(), &None, &None, &None) {
            return Err(nothing_to_do("a name, a description, contention, assist or advert_sources"));
        }
        check::texts(texts.name.as_deref(), texts.description.as_deref())?;
        let sources = sources.as_deref().map(advert_sources).transpose()?;
        Ok(self.edit::<Vip>(vip.id, |vip| {
            set_texts(&mut vip.meta, texts);
            vip.contention = contention.unwrap_or(vip.contention);
            vip.assist = assist.unwrap_or(vip.assist);
            if let Some(sources) = sources {
                vip.advert_sources = sources;
            }
        }))
    }

    /// A new incarnation outranks every claim before, those of clocks far ahead included (C5).
    pub fn renew_vip(&mut self, request: &RenewVip) -> Result<ResourceKey, Refusal> {
        let vip = self.find::<Vip>(request.vip, "/vip")?;
        let incarnation = self.number(Counter::Incarnation, u64::MAX >> 1)?;
        Ok(self.edit::<Vip>(vip.id, |vip| vip.incarnation = Incarnation(incarnation)))
    }

    pub fn delete_vip(&mut self, request: &DeleteVip) -> Result<ResourceKey, Refusal> {
        let vip = self.find::<Vip>(request.vip, "/vip")?;
        let targets = vip.associations.iter().map(|association| association.target.into());
        let eip = self.world.eips_to(EipTarget::Vip(vip.id)).next();
        let routes: Vec<_> = self.world.routes_via(NextHop::Vip(vip.id)).map(|route| route.id).collect();
        let eip_key = eip.map(|eip| ResourceKey::Eip(eip.id));
        let blockers: Vec<_> =
            targets.chain(eip_key).chain(routes.iter().copied().map(ResourceKey::Route)).collect();
        if !blockers.is_empty() && !request.unbind {
            let names: Vec<_> = blockers.iter().map(ResourceKey::id).collect();
            let message = format!(
                "VIP {} is in use by {}; end the association(s), unbind the EIP and delete the route(s), \
                 or delete it with unbind=true",
                vip.id,
                names.join(", ")
            );
            return Err(Code::VipInUse.at("/vip", message).blocked_by(blockers));
        }
        if let Some(eip) = eip {
            self.unbind(eip.id);
        }
        routes.into_iter().for_each(|route| {
            self.delete(ResourceKey::Route(route));
        });
        Ok(self.delete(ResourceKey::Vip(vip.id)))
    }
}

/// Tencent's VIPs may be claimed by the whole subnet; all others by those associated.
fn usual_binding(profile: Profile) -> Binding {
    match profile {
        Profile::Tencent => Binding::Subnet,
        Profile::Native | Profile::Alibaba | Profile::Ucloudstack => Binding::Associated,
    }
}

fn advert_sources(addresses: &[IpAddr]) -> Result<Vec<IpAddr>, Refusal> {
    if addresses.len() > MOST_ADVERT_SOURCES {
        let message = format!(
            "{} sources of adverts were given, a VIP may have {MOST_ADVERT_SOURCES}; \
             instances that take part should be associated instead",
            addresses.len()
        );
        return Err(Code::TooManyAdvertSources.at("/advert_sources", message));
    }
    for (position, address) in addresses.iter().enumerate() {
        let field = format!("/advert_sources/{position}");
        check::unicast(*address, &field)?;
        if addresses.get(..position).is_some_and(|earlier| earlier.contains(address)) {
            let message = format!("{address} stands twice in the request; give each address once");
            return Err(Code::AddressRepeated.at(field, message));
        }
    }
    Ok(addresses.to_vec())
}

/// Each is an entry of a map in every switch of the VPC.
const MOST_ADVERT_SOURCES: usize = 20;
