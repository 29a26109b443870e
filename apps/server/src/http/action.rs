//! What each route is for who may do it: its action, as policies and the audit name it, and whose business it is.

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    /// Its name: of the service of a cloud where it is the same thing there, so that a policy means both.
    pub name: &'static str,
    /// Whose business it is.
    pub reach: Reach,
}

impl Action {
    /// Whether it ends as requests to the rules, which know what exactly is asked for.
    pub fn is_judged_by_the_rules(&self, method: &str) -> bool {
        let is_done_here = self.name.starts_with("havip:") && self.name != "havip:RenewVip";
        method != "GET" && !is_done_here && self.name != "ecs:RunCommand"
    }
}

/// Whether a request asks for a change, of what is stored or in an instance.
pub fn is_change(method: &str, action: &str) -> bool {
    !matches!(method, "GET" | "HEAD") && !matches!(action, "havip:TestPolicy" | "unknown")
}

/// Whose business an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Of everybody in the project whose resources it is about.
    Project,
    /// Of administrators: hosts, pools, projects, users.
    Administrators,
}

/// The action of a route; none if the route does not exist.
pub fn of(method: &str, path: &str) -> Option<Action> {
    // Whoever may not read does not learn how much there is to read either.
    let method = if method == "HEAD" { "GET" } else { method };
    let is_it = |row: &&(&str, &str, &str, Reach)| row.0 == method && row.1 == path;
    ROUTES.iter().find(is_it).map(|(_, _, name, reach)| Action { name, reach: *reach })
}

use Reach::{Administrators as A, Project as P};

#[rustfmt::skip]
const ROUTES: &[(&str, &str, &str, Reach)] = &[
    ("GET", "/v1/vpcs", "vpc:DescribeVpcs", P),
    ("POST", "/v1/vpcs", "vpc:CreateVpc", P),
    ("GET", "/v1/vpcs/{id}", "vpc:DescribeVpcs", P),
    ("PATCH", "/v1/vpcs/{id}", "vpc:ModifyVpcAttribute", P),
    ("DELETE", "/v1/vpcs/{id}", "vpc:DeleteVpc", P),
    ("GET", "/v1/vpcs/{id}/flow-log", "havip:FollowFlowLog", P),
    ("GET", "/v1/subnets", "vpc:DescribeVSwitches", P),
    ("POST", "/v1/subnets", "vpc:CreateVSwitch", P),
    ("GET", "/v1/subnets/{id}", "vpc:DescribeVSwitches", P),
    ("PATCH", "/v1/subnets/{id}", "vpc:ModifyVSwitchAttribute", P),
    ("DELETE", "/v1/subnets/{id}", "vpc:DeleteVSwitch", P),
    ("GET", "/v1/routes", "vpc:DescribeRouteEntries", P),
    ("POST", "/v1/routes", "vpc:CreateRouteEntry", P),
    ("GET", "/v1/routes/{id}", "vpc:DescribeRouteEntries", P),
    ("DELETE", "/v1/routes/{id}", "vpc:DeleteRouteEntry", P),
    ("GET", "/v1/security-groups", "ecs:DescribeSecurityGroups", P),
    ("POST", "/v1/security-groups", "ecs:CreateSecurityGroup", P),
    ("GET", "/v1/security-groups/{id}", "ecs:DescribeSecurityGroups", P),
    ("PATCH", "/v1/security-groups/{id}", "ecs:ModifySecurityGroupAttribute", P),
    ("DELETE", "/v1/security-groups/{id}", "ecs:DeleteSecurityGroup", P),
    ("POST", "/v1/security-groups/{id}/rules", "ecs:AuthorizeSecurityGroup", P),
    ("PUT", "/v1/security-groups/{id}/rules", "ecs:ModifySecurityGroupRule", P),
    ("DELETE", "/v1/security-groups/{id}/rules/{rule}", "ecs:RevokeSecurityGroup", P),
    ("GET", "/v1/interfaces", "ecs:DescribeNetworkInterfaces", P),
    ("POST", "/v1/interfaces", "ecs:CreateNetworkInterface", P),
    ("GET", "/v1/interfaces/{id}", "ecs:DescribeNetworkInterfaces", P),
    ("PATCH", "/v1/interfaces/{id}", "ecs:ModifyNetworkInterfaceAttribute", P),
    ("DELETE", "/v1/interfaces/{id}", "ecs:DeleteNetworkInterface", P),
    ("POST", "/v1/interfaces/{id}/attach", "ecs:AttachNetworkInterface", P),
    ("POST", "/v1/interfaces/{id}/detach", "ecs:DetachNetworkInterface", P),
    ("POST", "/v1/interfaces/{id}/addresses", "ecs:AssignPrivateIpAddresses", P),
    ("DELETE", "/v1/interfaces/{id}/addresses/{address}", "ecs:UnassignPrivateIpAddresses", P),
    // What is plugged is a device of a host.
    ("POST", "/v1/interfaces/{id}/plug", "havip:PlugInterface", A),
    ("POST", "/v1/interfaces/{id}/unplug", "havip:UnplugInterface", A),
    ("POST", "/v1/interfaces/{id}/migrate", "havip:MigrateInterface", A),
    ("POST", "/v1/interfaces/{id}/finish-migration", "havip:MigrateInterface", A),
    ("POST", "/v1/interfaces/{id}/cancel-migration", "havip:MigrateInterface", A),
    ("GET", "/v1/instances", "ecs:DescribeInstances", P),
    ("POST", "/v1/instances", "ecs:RunInstances", P),
    ("GET", "/v1/instances/{id}", "ecs:DescribeInstances", P),
    ("PATCH", "/v1/instances/{id}", "ecs:ModifyInstanceAttribute", P),
    ("DELETE", "/v1/instances/{id}", "ecs:DeleteInstances", P),
    ("POST", "/v1/instances/{id}/start", "ecs:StartInstances", P),
    ("POST", "/v1/instances/{id}/stop", "ecs:StopInstances", P),
    ("POST", "/v1/instances/{id}/restart", "ecs:RebootInstances", P),
    ("POST", "/v1/instances/{id}/power-off", "ecs:StopInstances", P),
    ("POST", "/v1/instances/{id}/migrate", "havip:MigrateInstance", A),
    ("POST", "/v1/instances/{id}/cancel-migration", "havip:MigrateInstance", A),
    ("POST", "/v1/instances/{id}/exec", "ecs:RunCommand", P),
    ("GET", "/v1/instances/{id}/console", "ecs:GetInstanceConsoleOutput", P),
    ("GET", "/v1/vips", "vpc:DescribeHaVips", P),
    ("POST", "/v1/vips", "vpc:CreateHaVip", P),
    ("POST", "/v1/vips/batch-delete", "vpc:DeleteHaVip", P),
    ("GET", "/v1/vips/{id}", "vpc:DescribeHaVips", P),
    ("PATCH", "/v1/vips/{id}", "vpc:ModifyHaVipAttribute", P),
    ("DELETE", "/v1/vips/{id}", "vpc:DeleteHaVip", P),
    ("GET", "/v1/vips/{id}/associations", "vpc:DescribeHaVips", P),
    ("POST", "/v1/vips/{id}/associations", "vpc:AssociateHaVip", P),
    ("DELETE", "/v1/vips/{id}/associations/{target}", "vpc:UnassociateHaVip", P),
    ("GET", "/v1/vips/{id}/history", "vpc:DescribeHaVips", P),
    ("GET", "/v1/vips/{id}/why", "vpc:DescribeHaVips", P),
    ("POST", "/v1/vips/{id}/renew", "havip:RenewVip", P),
    ("POST", "/v1/vips/{id}/drill", "havip:DrillVip", P),
    ("GET", "/v1/eip-pools", "vpc:DescribePublicIpAddressPools", P),
    ("POST", "/v1/eip-pools", "havip:CreateEipPool", A),
    ("GET", "/v1/eip-pools/{id}", "vpc:DescribePublicIpAddressPools", P),
    ("PATCH", "/v1/eip-pools/{id}", "havip:UpdateEipPool", A),
    ("DELETE", "/v1/eip-pools/{id}", "havip:DeleteEipPool", A),
    ("GET", "/v1/eips", "vpc:DescribeEipAddresses", P),
    ("POST", "/v1/eips", "vpc:AllocateEipAddress", P),
    ("GET", "/v1/eips/{id}", "vpc:DescribeEipAddresses", P),
    ("PATCH", "/v1/eips/{id}", "vpc:ModifyEipAddressAttribute", P),
    ("DELETE", "/v1/eips/{id}", "vpc:ReleaseEipAddress", P),
    ("POST", "/v1/eips/{id}/bind", "vpc:AssociateEipAddress", P),
    ("POST", "/v1/eips/{id}/unbind", "vpc:UnassociateEipAddress", P),
    ("GET", "/v1/hosts", "havip:ListHosts", A),
    ("POST", "/v1/hosts/tokens", "havip:CreateHostToken", A),
    ("GET", "/v1/hosts/keys", "havip:GetHostKeys", A),
    ("POST", "/v1/hosts/keys", "havip:RotateHostKeys", A),
    ("GET", "/v1/hosts/{id}", "havip:GetHost", A),
    ("PATCH", "/v1/hosts/{id}", "havip:UpdateHost", A),
    ("DELETE", "/v1/hosts/{id}", "havip:RemoveHost", A),
    ("GET", "/v1/hosts/{id}/drops", "havip:GetHostDrops", A),
    ("GET", "/v1/hosts/{id}/trace", "havip:TraceHost", A),
    ("GET", "/v1/path", "havip:FindPath", P),
    ("POST", "/v1/path", "havip:ProbePath", P),
    ("GET", "/v1/events", "havip:ListEvents", P),
    ("GET", "/v1/events/watch", "havip:ListEvents", P),
    // Whoever is no administrator has only what is of its project.
    ("GET", "/v1/audit", "havip:ListAuditEntries", P),
    ("GET", "/v1/tags", "vpc:ListTagResources", P),
    ("PATCH", "/v1/tags/{id}", "vpc:TagResources", P),
    ("GET", "/v1/deployment-sets", "ecs:DescribeDeploymentSets", P),
    ("POST", "/v1/deployment-sets", "ecs:CreateDeploymentSet", P),
    ("GET", "/v1/deployment-sets/{id}", "ecs:DescribeDeploymentSets", P),
    ("PATCH", "/v1/deployment-sets/{id}", "ecs:ModifyDeploymentSetAttribute", P),
    ("DELETE", "/v1/deployment-sets/{id}", "ecs:DeleteDeploymentSet", P),
    ("PUT", "/v1/instances/{id}/deployment-set", "ecs:ModifyInstanceDeployment", P),
    ("DELETE", "/v1/instances/{id}/deployment-set", "ecs:ModifyInstanceDeployment", P),
    ("GET", "/v1/resource-groups", "resourcemanager:ListResourceGroups", P),
    ("POST", "/v1/resource-groups", "resourcemanager:CreateResourceGroup", P),
    ("GET", "/v1/resource-groups/{id}", "resourcemanager:ListResourceGroups", P),
    ("PATCH", "/v1/resource-groups/{id}", "resourcemanager:UpdateResourceGroup", P),
    ("DELETE", "/v1/resource-groups/{id}", "resourcemanager:DeleteResourceGroup", P),
    ("POST", "/v1/resource-groups/{id}/move", "vpc:MoveResourceGroup", P),
    ("GET", "/v1/quotas", "havip:ListQuotas", P),
    ("PUT", "/v1/quotas/{name}", "havip:SetQuota", A),
    ("GET", "/v1/quota-requests", "havip:ListQuotaRequests", P),
    ("POST", "/v1/quota-requests", "havip:RequestQuota", P),
    ("GET", "/v1/quota-requests/{id}", "havip:GetQuotaRequest", P),
    ("POST", "/v1/quota-requests/{id}/decide", "havip:DecideQuota", A),
    ("GET", "/v1/projects", "havip:ListProjects", P),
    ("POST", "/v1/projects", "havip:CreateProject", A),
    ("GET", "/v1/projects/{id}", "havip:GetProject", P),
    ("PATCH", "/v1/projects/{id}", "havip:UpdateProject", A),
    ("DELETE", "/v1/projects/{id}", "havip:DeleteProject", A),
    ("GET", "/v1/users", "havip:ListUsers", P),
    ("POST", "/v1/users", "havip:CreateUser", A),
    ("GET", "/v1/users/{id}", "havip:GetUser", P),
    ("PATCH", "/v1/users/{id}", "havip:UpdateUser", A),
    ("DELETE", "/v1/users/{id}", "havip:DeleteUser", A),
    ("POST", "/v1/users/{id}/policies", "havip:AttachPolicy", A),
    ("DELETE", "/v1/users/{id}/policies/{policy}", "havip:DetachPolicy", A),
    ("GET", "/v1/policies", "havip:ListPolicies", A),
    ("POST", "/v1/policies", "havip:CreatePolicy", A),
    ("GET", "/v1/policies/{id}", "havip:GetPolicy", A),
    ("PATCH", "/v1/policies/{id}", "havip:UpdatePolicy", A),
    ("DELETE", "/v1/policies/{id}", "havip:DeletePolicy", A),
    ("POST", "/v1/policies/test", "havip:TestPolicy", P),
    // Whoever is no administrator has only its own.
    ("GET", "/v1/access-keys", "havip:ListAccessKeys", P),
    ("POST", "/v1/access-keys", "havip:CreateAccessKey", P),
    ("GET", "/v1/access-keys/{id}", "havip:GetAccessKey", P),
    ("PATCH", "/v1/access-keys/{id}", "havip:UpdateAccessKey", P),
    ("DELETE", "/v1/access-keys/{id}", "havip:DeleteAccessKey", P),
    ("POST", "/v1/access-keys/{id}/rotate", "havip:RotateAccessKey", P),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_has_an_action_and_every_action_a_route() {
        let document = serde_json::to_value(super::super::document()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let described: BTreeSet<(String, &str)> = paths
            .iter()
            .filter(|(path, _)| *path != "/v1/health")
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.as_str()))
            })
            .collect();
        let known: BTreeSet<(String, &str)> =
            ROUTES.iter().map(|(method, path, ..)| ((*method).to_string(), *path)).collect();
        assert_eq!(described, known);
        assert_eq!(known.len(), ROUTES.len());
    }
}
