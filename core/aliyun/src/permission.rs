//! What each action needs to be allowed, as RAM names it: singular and plural are one, and whatever describes a part
//! of a thing falls under the list of such things.

/// The permission of an action; none if there is no such action.
pub fn permission(action: &str) -> Option<&'static str> {
    ALL.iter().find(|(actions, _)| actions.contains(&action)).map(|(_, permission)| *permission)
}

/// Every permission with the actions that need it.
pub const ALL: &[(&[&str], &str)] = &[
    (&["CreateVpc"], "vpc:CreateVpc"),
    (&["DeleteVpc"], "vpc:DeleteVpc"),
    (&["ModifyVpcAttribute"], "vpc:ModifyVpcAttribute"),
    (&["DescribeVpcs", "DescribeVpcAttribute"], "vpc:DescribeVpcs"),
    (&["CreateVSwitch"], "vpc:CreateVSwitch"),
    (&["DeleteVSwitch"], "vpc:DeleteVSwitch"),
    (&["ModifyVSwitchAttribute"], "vpc:ModifyVSwitchAttribute"),
    (&["DescribeVSwitches", "DescribeVSwitchAttributes"], "vpc:DescribeVSwitches"),
    (&["CreateHaVip"], "vpc:CreateHaVip"),
    (&["DeleteHaVip"], "vpc:DeleteHaVip"),
    (&["ModifyHaVipAttribute"], "vpc:ModifyHaVipAttribute"),
    (&["AssociateHaVip"], "vpc:AssociateHaVip"),
    (&["UnassociateHaVip"], "vpc:UnassociateHaVip"),
    (&["DescribeHaVips"], "vpc:DescribeHaVips"),
    (&["AllocateEipAddress"], "vpc:AllocateEipAddress"),
    (&["AssociateEipAddress"], "vpc:AssociateEipAddress"),
    (&["UnassociateEipAddress"], "vpc:UnassociateEipAddress"),
    (&["ReleaseEipAddress"], "vpc:ReleaseEipAddress"),
    (&["DescribeEipAddresses"], "vpc:DescribeEipAddresses"),
    (&["DescribeRouteTableList", "DescribeRouteTables"], "vpc:DescribeRouteTables"),
    (&["DescribeRouteEntryList"], "vpc:DescribeRouteEntries"),
    (&["CreateRouteEntry"], "vpc:CreateRouteEntry"),
    (&["DeleteRouteEntry"], "vpc:DeleteRouteEntry"),
    // One for both products: a tag is a tag.
    (&["TagResources"], "vpc:TagResources"),
    (&["UnTagResources", "UntagResources"], "vpc:UnTagResources"),
    (&["ListTagResources"], "vpc:ListTagResources"),
    // One for both, too.
    (&["MoveResourceGroup", "JoinResourceGroup"], "vpc:MoveResourceGroup"),
    (&["RunInstances"], "ecs:RunInstances"),
    (&["StartInstance", "StartInstances"], "ecs:StartInstances"),
    (&["StopInstance", "StopInstances"], "ecs:StopInstances"),
    (&["DeleteInstance", "DeleteInstances"], "ecs:DeleteInstances"),
    (
        &[
            "DescribeInstances",
            "DescribeInstanceStatus",
            "DescribeInstanceAttribute",
            "DescribeInstanceAttachmentAttributes",
            "DescribeInstanceMaintenanceAttributes",
        ],
        "ecs:DescribeInstances",
    ),
    (&["CreateDeploymentSet"], "ecs:CreateDeploymentSet"),
    (&["ModifyDeploymentSetAttribute"], "ecs:ModifyDeploymentSetAttribute"),
    (&["ModifyInstanceDeployment"], "ecs:ModifyInstanceDeployment"),
    (&["DeleteDeploymentSet"], "ecs:DeleteDeploymentSet"),
    (&["DescribeDeploymentSets"], "ecs:DescribeDeploymentSets"),
    (&["DescribeUserData"], "ecs:DescribeUserData"),
    (&["DescribeInstanceRamRole"], "ecs:DescribeInstanceRamRole"),
    (&["DescribeDisks"], "ecs:DescribeDisks"),
    (&["CreateNetworkInterface"], "ecs:CreateNetworkInterface"),
    (&["AttachNetworkInterface"], "ecs:AttachNetworkInterface"),
    (&["DetachNetworkInterface"], "ecs:DetachNetworkInterface"),
    (&["DeleteNetworkInterface"], "ecs:DeleteNetworkInterface"),
    (&["DescribeNetworkInterfaces"], "ecs:DescribeNetworkInterfaces"),
    (&["CreateSecurityGroup"], "ecs:CreateSecurityGroup"),
    (&["DeleteSecurityGroup"], "ecs:DeleteSecurityGroup"),
    (&["ModifySecurityGroupAttribute"], "ecs:ModifySecurityGroupAttribute"),
    (
        &["DescribeSecurityGroups", "DescribeSecurityGroupAttribute", "DescribeSecurityGroupReferences"],
        "ecs:DescribeSecurityGroups",
    ),
    // What a group's rules are, and whose groups: the rules' own names decide, whichever API asks.
    (
        &["AuthorizeSecurityGroup", "AuthorizeSecurityGroupEgress", "ModifySecurityGroupPolicy"],
        "ecs:AuthorizeSecurityGroup",
    ),
    (&["RevokeSecurityGroup", "RevokeSecurityGroupEgress"], "ecs:RevokeSecurityGroup"),
    (&["ModifySecurityGroupRule", "ModifySecurityGroupEgressRule"], "ecs:ModifySecurityGroupRule"),
    (&["JoinSecurityGroup", "LeaveSecurityGroup"], "ecs:ModifyNetworkInterfaceAttribute"),
    (&["DescribeRegions"], "ecs:DescribeRegions"),
    (&["DescribeZones"], "ecs:DescribeZones"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_action_has_one_permission_and_every_permission_an_action() {
        let table: Vec<&str> = ALL.iter().flat_map(|(actions, _)| actions.iter().copied()).collect();
        let known: BTreeSet<&str> = crate::table().map(|(name, ..)| name).collect();
        assert_eq!(table.iter().copied().collect::<BTreeSet<_>>(), known);
        assert_eq!(table.len(), known.len());
    }
}
