//! What each action needs to be allowed, by the names that policies use for all APIs.

/// The permission of an action of either cloud; none if there is no such action.
pub fn permission(action: &str) -> Option<&'static str> {
    ALL.iter().find(|(name, _)| *name == action).map(|(_, permission)| *permission)
}

const ALL: &[(&str, &str)] = &[
    ("CreateVPC", "vpc:CreateVpc"),
    ("DescribeVPC", "vpc:DescribeVpcs"),
    ("DeleteVPC", "vpc:DeleteVpc"),
    ("CreateSubnet", "vpc:CreateVSwitch"),
    ("DescribeSubnet", "vpc:DescribeVSwitches"),
    ("DeleteSubnet", "vpc:DeleteVSwitch"),
    ("AllocateVIP", "vpc:CreateHaVip"),
    ("DescribeVIP", "vpc:DescribeHaVips"),
    ("UpdateVIPAttribute", "vpc:ModifyHaVipAttribute"),
    ("UpdateVIPBindResource", "vpc:AssociateHaVip"),
    ("ReleaseVIP", "vpc:DeleteHaVip"),
    ("GetVIPPrice", "vpc:DescribeHaVips"),
    ("GetVIPDiffPrice", "vpc:DescribeHaVips"),
    ("UpdateVIPBandwidth", "vpc:ModifyHaVipAttribute"),
    ("CreateNIC", "ecs:CreateNetworkInterface"),
    ("DescribeNIC", "ecs:DescribeNetworkInterfaces"),
    ("AttachNIC", "ecs:AttachNetworkInterface"),
    ("DetachNIC", "ecs:DetachNetworkInterface"),
    ("DeleteNIC", "ecs:DeleteNetworkInterface"),
    // What is renamed is known by its id only; the rules' own names decide.
    ("ModifyNameAndRemark", "vpc:ModifyHaVipAttribute"),
    ("AllocateEIP", "vpc:AllocateEipAddress"),
    ("DescribeEIP", "vpc:DescribeEipAddresses"),
    ("BindEIP", "vpc:AssociateEipAddress"),
    ("UnBindEIP", "vpc:UnassociateEipAddress"),
    ("ReleaseEIP", "vpc:ReleaseEipAddress"),
    ("CreateSecurityGroup", "ecs:CreateSecurityGroup"),
    ("DeleteSecurityGroup", "ecs:DeleteSecurityGroup"),
    ("DescribeSecurityGroup", "ecs:DescribeSecurityGroups"),
    ("DescribeSecurityGroupResource", "ecs:DescribeSecurityGroups"),
    ("CreateSecurityGroupRule", "ecs:AuthorizeSecurityGroup"),
    ("UpdateSecurityGroupRule", "ecs:ModifySecurityGroupRule"),
    ("DeleteSecurityGroupRule", "ecs:RevokeSecurityGroup"),
    ("BindSecurityGroup", "ecs:ModifyNetworkInterfaceAttribute"),
    ("UnBindSecurityGroup", "ecs:ModifyNetworkInterfaceAttribute"),
    ("CreateVMInstance", "ecs:RunInstances"),
    ("DescribeVMInstance", "ecs:DescribeInstances"),
    ("StartVMInstance", "ecs:StartInstances"),
    ("StopVMInstance", "ecs:StopInstances"),
    ("RestartVMInstance", "ecs:RebootInstances"),
    ("PoweroffVMInstance", "ecs:StopInstances"),
    ("DeleteVMInstance", "ecs:DeleteInstances"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_action_has_one_permission() {
        let known: BTreeSet<&str> =
            [true, false].into_iter().flat_map(crate::action::all).map(|action| action.name).collect();
        assert_eq!(ALL.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), known);
        assert_eq!(ALL.len(), known.len());
    }
}
