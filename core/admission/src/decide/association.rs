//! Who may claim a VIP.

use super::Decision;
use crate::{Code, Refusal, request::*};
use havip_model::{
    Association, Instance, InstanceId, Interface, InterfaceId, ResourceKey, Target, Vip, VipId,
};

impl Decision<'_> {
    pub fn associate(&mut self, request: &Associate) -> Result<ResourceKey, Refusal> {
        let vip = self.find::<Vip>(request.vip, "/vip")?;
        self.check_association(vip, request.target, "/target")?;
        let association =
            Association { target: request.target, mode: request.mode, created_at: self.facts.now };
        Ok(self.edit::<Vip>(vip.id, |vip| vip.associations.push(association)))
    }

    pub fn dissociate(&mut self, request: &Dissociate) -> Result<ResourceKey, Refusal> {
        let vip = self.find::<Vip>(request.vip, "/vip")?;
        if !is_associated(vip, request.target) {
            let message =
                format!("{} is not associated with VIP {}; nothing to end", name(request.target), vip.id);
            return Err(Code::NotAssociated.at("/target", message));
        }
        self.end_association(vip.id, request.target);
        Ok(ResourceKey::Vip(vip.id))
    }

    /// Whether one more target may be associated with a VIP as it is decided so far.
    pub fn check_association(&self, vip: &Vip, target: Target, field: &str) -> Result<(), Refusal> {
        let instance = match target {
            Target::Instance(id) => self.check_instance(vip, id, field)?,
            Target::Interface(id) => self.check_interface(vip, id, field)?,
        };
        if is_associated(vip, target) {
            let message =
                format!("{} is associated with VIP {} already; nothing to do", name(target), vip.id);
            return Err(Code::AlreadyAssociated.at(field, message));
        }
        let kind = |target| matches!(target, Target::Instance(_));
        if let Some(other) = vip.associations.iter().find(|other| kind(other.target) != kind(target)) {
            let message = format!(
                "VIP {} is associated with {}, and one VIP has either instances or interfaces; \
                 associate the same kind, or end the other associations first",
                vip.id,
                name(other.target)
            );
            return Err(Code::MixedTargets.at(field, message).blocked_by([other.target.into()]));
        }
        let limits = self.facts.quotas.limits(vip.profile);
        if vip.associations.len() >= limits.associations_per_vip {
            let message = format!(
                "VIP {} has {} associations, the most a VIP may have; end one, or have the quota \
                 associations_per_vip raised",
                vip.id, limits.associations_per_vip
            );
            return Err(Code::TooManyAssociations.at(field, message));
        }
        match instance {
            Some(instance) => {
                // Those of a VIP that is only being made are not in the world yet.
                let is_new = !self.world.vips.contains_key(&vip.id);
                let same = |other: &&Association| self.instance_of(other.target) == Some(instance);
                let staged = if is_new { vip.associations.iter().filter(same).count() } else { 0 };
                self.check_vips_of_instance(instance, staged + 1, limits.vips_per_instance, field)
            }
            None => Ok(()),
        }
    }

    fn instance_of(&self, target: Target) -> Option<InstanceId> {
        match target {
            Target::Instance(id) => Some(id),
            Target::Interface(id) => self.world.interfaces.get(&id)?.instance,
        }
    }

    /// Whether an instance may be associated with so many VIPs more.
    pub fn check_vips_of_instance(
        &self,
        id: InstanceId,
        more: usize,
        most: usize,
        field: &str,
    ) -> Result<(), Refusal> {
        let has = self.world.vip_count_of_instance(id);
        if more == 0 || has + more <= most {
            return Ok(());
        }
        let message = format!(
            "instance {id} and its interfaces are associated with {has} VIPs, and {most} is the most; \
             end one association, or have the quota vips_per_instance raised"
        );
        Err(Code::TooManyVipsOfInstance.at(field, message))
    }

    /// An instance needs an interface in the VIP's subnet.
    fn check_instance(&self, vip: &Vip, id: InstanceId, field: &str) -> Result<Option<InstanceId>, Refusal> {
        let instance = self.find::<Instance>(id, field)?;
        let mut interfaces = self.world.interfaces_of(instance.id).peekable();
        if interfaces.peek().is_none_or(|interface| interface.vpc != vip.vpc) {
            let message =
                format!("instance {id} is not in VPC {}, as VIP {} is; use one that is", vip.vpc, vip.id);
            return Err(Code::OtherVpc.at(field, message));
        }
        if interfaces.all(|interface| interface.subnet != vip.subnet) {
            let message = format!(
                "instance {id} has no interface in subnet {}, where VIP {} is; attach one there, or use another instance",
                vip.subnet, vip.id
            );
            return Err(Code::OtherSubnet.at(field, message));
        }
        Ok(Some(id))
    }

    fn check_interface(
        &self,
        vip: &Vip,
        id: InterfaceId,
        field: &str,
    ) -> Result<Option<InstanceId>, Refusal> {
        let interface = self.find::<Interface>(id, field)?;
        if interface.vpc != vip.vpc {
            let message =
                format!("interface {id} is not in VPC {}, as VIP {} is; use one that is", vip.vpc, vip.id);
            return Err(Code::OtherVpc.at(field, message));
        }
        if interface.subnet != vip.subnet {
            let message = format!(
                "interface {id} is not in subnet {}, as VIP {} is; use one that is",
                vip.subnet, vip.id
            );
            return Err(Code::OtherSubnet.at(field, message));
        }
        Ok(interface.instance)
    }

    /// Ends the association of one target with one VIP.
    pub fn end_association(&mut self, vip: VipId, target: Target) {
        self.edit::<Vip>(vip, |vip| vip.associations.retain(|association| association.target != target));
    }

    /// Ends all associations of a target that goes.
    pub fn end_associations(&mut self, target: Target) {
        let vips: Vec<_> = self.world.vips_of(target).map(|vip| vip.id).collect();
        vips.into_iter().for_each(|vip| self.end_association(vip, target));
    }
}

fn is_associated(vip: &Vip, target: Target) -> bool {
    vip.associations.iter().any(|association| association.target == target)
}

fn name(target: Target) -> String {
    ResourceKey::from(target).id()
}
