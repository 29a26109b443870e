//! What each action needs to be allowed, by the names that policies use for all APIs.

/// The permission of an action; none if there is no such action.
pub fn permission(action: &str) -> Option<&'static str> {
    ALL.iter().find(|(name, _)| *name == action).map(|(_, permission)| *permission)
}

const ALL: &[(&str, &str)] = &[
    ("AllocateAddresses", "vpc:AllocateEipAddress"),
    ("DescribeAddresses", "vpc:DescribeEipAddresses"),
    ("AssociateAddress", "vpc:AssociateEipAddress"),
    ("DisassociateAddress", "vpc:UnassociateEipAddress"),
    ("ReleaseAddresses", "vpc:ReleaseEipAddress"),
    ("CreateHaVip", "vpc:CreateHaVip"),
    ("DeleteHaVip", "vpc:DeleteHaVip"),
    ("DescribeHaVips", "vpc:DescribeHaVips"),
    ("ModifyHaVipAttribute", "vpc:ModifyHaVipAttribute"),
    ("HaVipAssociateAddressIp", "vpc:AssociateEipAddress"),
    ("HaVipDisassociateAddressIp", "vpc:UnassociateEipAddress"),
    ("AssociateHaVipInstance", "vpc:AssociateHaVip"),
    ("DisassociateHaVipInstance", "vpc:UnassociateHaVip"),
    ("DescribeInstances", "ecs:DescribeInstances"),
    ("DescribeInstancesStatus", "ecs:DescribeInstances"),
    ("CreateNetworkInterface", "ecs:CreateNetworkInterface"),
    ("CreateAndAttachNetworkInterface", "ecs:CreateNetworkInterface"),
    ("AttachNetworkInterface", "ecs:AttachNetworkInterface"),
    ("DetachNetworkInterface", "ecs:DetachNetworkInterface"),
    ("DeleteNetworkInterface", "ecs:DeleteNetworkInterface"),
    ("DescribeNetworkInterfaces", "ecs:DescribeNetworkInterfaces"),
    ("CreateSecurityGroup", "ecs:CreateSecurityGroup"),
    ("CreateSecurityGroupWithPolicies", "ecs:CreateSecurityGroup"),
    ("DeleteSecurityGroup", "ecs:DeleteSecurityGroup"),
    ("ModifySecurityGroupAttribute", "ecs:ModifySecurityGroupAttribute"),
    ("DescribeSecurityGroups", "ecs:DescribeSecurityGroups"),
    ("DescribeSecurityGroupAssociationStatistics", "ecs:DescribeSecurityGroups"),
    ("DescribeSecurityGroupPolicies", "ecs:DescribeSecurityGroups"),
    // Each gives the group all its rules anew.
    ("CreateSecurityGroupPolicies", "ecs:ModifySecurityGroupRule"),
    ("DeleteSecurityGroupPolicies", "ecs:ModifySecurityGroupRule"),
    ("ReplaceSecurityGroupPolicy", "ecs:ModifySecurityGroupRule"),
    ("ModifySecurityGroupPolicies", "ecs:ModifySecurityGroupRule"),
    ("AssociateNetworkInterfaceSecurityGroups", "ecs:ModifyNetworkInterfaceAttribute"),
    ("DisassociateNetworkInterfaceSecurityGroups", "ecs:ModifyNetworkInterfaceAttribute"),
    ("AssociateSecurityGroups", "ecs:ModifyNetworkInterfaceAttribute"),
    ("DisassociateSecurityGroups", "ecs:ModifyNetworkInterfaceAttribute"),
    ("DescribeRegions", "ecs:DescribeRegions"),
    ("DescribeZones", "ecs:DescribeZones"),
    ("DescribeImages", "ecs:DescribeImages"),
    ("CreateDisasterRecoverGroup", "ecs:CreateDeploymentSet"),
    ("ModifyDisasterRecoverGroupAttribute", "ecs:ModifyDeploymentSetAttribute"),
    ("DeleteDisasterRecoverGroups", "ecs:DeleteDeploymentSet"),
    ("DescribeDisasterRecoverGroups", "ecs:DescribeDeploymentSets"),
    ("DescribeDisasterRecoverGroupQuota", "ecs:DescribeDeploymentSets"),
    ("ModifyInstancesDisasterRecoverGroup", "ecs:ModifyInstanceDeployment"),
    ("DeleteInstancesDisasterRecoverGroups", "ecs:ModifyInstanceDeployment"),
    ("RunInstances", "ecs:RunInstances"),
    ("StartInstances", "ecs:StartInstances"),
    ("StopInstances", "ecs:StopInstances"),
    ("RebootInstances", "ecs:RebootInstances"),
    ("DescribeUsedIpAddress", "vpc:DescribeVSwitches"),
    ("TerminateInstances", "ecs:DeleteInstances"),
    ("CreateSubnet", "vpc:CreateVSwitch"),
    ("DescribeSubnets", "vpc:DescribeVSwitches"),
    ("ModifySubnetAttribute", "vpc:ModifyVSwitchAttribute"),
    ("DeleteSubnet", "vpc:DeleteVSwitch"),
    ("DescribeVpcTaskResult", "vpc:DescribeVpcs"),
    ("DescribeTaskResult", "vpc:DescribeVpcs"),
    ("DescribeVpcLimits", "vpc:DescribeVpcs"),
    ("CreateVpc", "vpc:CreateVpc"),
    ("DescribeVpcs", "vpc:DescribeVpcs"),
    ("ModifyVpcAttribute", "vpc:ModifyVpcAttribute"),
    ("DeleteVpc", "vpc:DeleteVpc"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_action_has_one_permission() {
        let known: BTreeSet<&str> = crate::table().map(|(name, ..)| name).collect();
        assert_eq!(ALL.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), known);
        assert_eq!(ALL.len(), known.len());
    }
}
