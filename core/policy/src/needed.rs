//! What a request needs to be allowed: actions and resources by the names that policies use, whichever API asks.

use havip_admission::Request;
use havip_model::{Body, Id, ProjectId, ResourceGroupId, ResourceKey, World};
use std::borrow::Cow;

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// `vpc:CreateHaVip`.
    pub action: Cow<'static, str>,
    /// `acs:vpc:REGION:PROJECT:havip/havip-…`.
    pub resource: String,
    /// The resource group of that: what it is in, or is to be in; none of what is in none, and of all of a kind.
    pub group: Option<ResourceGroupId>,
}

/// What a request to the rules needs, each of which must be allowed; the world is what whoever asks sees.
pub fn needed(request: &Request, region: &str, project: ProjectId, world: &World) -> Vec<Needed> {
    let mut all = by_itself(request, region, project, world);
    // What is tagged as it is made is tagged all the same.
    let is_tagged = request.texts().is_some_and(|texts| !texts.tags.is_empty());
    let tagging = all.first().filter(|_| is_tagged).cloned();
    // One service for all kinds, as below.
    let of_vpc = |made: Needed| made.resource.replacen("acs:ecs:", "acs:vpc:", 1);
    all.extend(tagging.map(|made| Needed {
        action: "vpc:TagResources".into(),
        group: made.group,
        resource: of_vpc(made),
    }));
    all
}

/// The resource group that something is in; a group itself is in its own.
pub fn group_of(world: &World, key: ResourceKey) -> Option<ResourceGroupId> {
    match key {
        ResourceKey::ResourceGroup(id) => Some(id),
        ResourceKey::Host(_) | ResourceKey::EipPool(_) => None,
        key => world.get(key).map(|resource| resource.meta().group()),
    }
}

fn by_itself(request: &Request, region: &str, project: ProjectId, world: &World) -> Vec<Needed> {
    let group_of_new = || {
        let is_group = matches!(request, Request::CreateResourceGroup(_));
        let texts = request.texts().filter(|_| !is_group)?;
        Some(texts.resource_group.unwrap_or(ResourceGroupId::default_of(project)))
    };
    let need = |action: &'static str, of: Of| {
        let service = action.split(':').next().unwrap_or_default();
        let resource = arn(service, region, project, &of.relative());
        let group = match of {
            Of::New(_) => group_of_new(),
            Of::Known(key) => group_of(world, key),
        };
        Needed { action: action.into(), resource, group }
    };
    let new = |kind: &'static str| Of::New(kind);
    let of = |key: ResourceKey| Of::Known(key);
    let vip = |id| of(ResourceKey::Vip(id));
    let eni = |id| of(ResourceKey::Interface(id));
    let instance = |id| of(ResourceKey::Instance(id));
    let group = |id| of(ResourceKey::SecurityGroup(id));
    let set = |id| of(ResourceKey::DeploymentSet(id));
    let resource_group = |id| of(ResourceKey::ResourceGroup(id));
    use Request::*;
    match request {
        CreateVpc(_) => vec![need("vpc:CreateVpc", new("vpc"))],
        UpdateVpc(it) => vec![need("vpc:ModifyVpcAttribute", of(ResourceKey::Vpc(it.vpc)))],
        DeleteVpc(it) => vec![need("vpc:DeleteVpc", of(ResourceKey::Vpc(it.vpc)))],
        CreateSubnet(_) => vec![need("vpc:CreateVSwitch", new("vswitch"))],
        UpdateSubnet(it) => vec![need("vpc:ModifyVSwitchAttribute", of(ResourceKey::Subnet(it.subnet)))],
        DeleteSubnet(it) => vec![need("vpc:DeleteVSwitch", of(ResourceKey::Subnet(it.subnet)))],
        CreateSecurityGroup(_) => vec![need("ecs:CreateSecurityGroup", new("securitygroup"))],
        UpdateSecurityGroup(it) => vec![need("ecs:ModifySecurityGroupAttribute", group(it.group))],
        DeleteSecurityGroup(it) => vec![need("ecs:DeleteSecurityGroup", group(it.group))],
        AddRules(it) => vec![need("ecs:AuthorizeSecurityGroup", group(it.group))],
        RemoveRules(it) => vec![need("ecs:RevokeSecurityGroup", group(it.group))],
        ReplaceRules(it) => vec![need("ecs:ModifySecurityGroupRule", group(it.group))],
        CreateInterface(it) => {
            let create = need("ecs:CreateNetworkInterface", new("eni"));
            let attach = it.instance.map(|_| need("ecs:AttachNetworkInterface", new("eni")));
            [create].into_iter().chain(attach).collect()
        }
        UpdateInterface(it) => vec![need("ecs:ModifyNetworkInterfaceAttribute", eni(it.interface))],
        DeleteInterface(it) => vec![need("ecs:DeleteNetworkInterface", eni(it.interface))],
        AttachInterface(it) => vec![need("ecs:AttachNetworkInterface", eni(it.interface))],
        DetachInterface(it) => vec![need("ecs:DetachNetworkInterface", eni(it.interface))],
        AddAddresses(it) => vec![need("ecs:AssignPrivateIpAddresses", eni(it.interface))],
        RemoveAddresses(it) => vec![need("ecs:UnassignPrivateIpAddresses", eni(it.interface))],
        MoveAddresses(it) => vec![
            need("ecs:UnassignPrivateIpAddresses", eni(it.from)),
            need("ecs:AssignPrivateIpAddresses", eni(it.to)),
        ],
        // Whoever has them is not named.
        TakeAddresses(it) => vec![
            need("ecs:UnassignPrivateIpAddresses", new("eni")),
            need("ecs:AssignPrivateIpAddresses", eni(it.interface)),
        ],
        PlugInterface(it) => vec![need("havip:PlugInterface", eni(it.interface))],
        UnplugInterface(it) => vec![need("havip:UnplugInterface", eni(it.interface))],
        MigrateInterface(it) => vec![need("havip:MigrateInterface", eni(it.interface))],
        FinishMigration(it) => vec![need("havip:MigrateInterface", eni(it.interface))],
        CancelMigration(it) => vec![need("havip:MigrateInterface", eni(it.interface))],
        RunInstance(_) => vec![need("ecs:RunInstances", new("instance"))],
        UpdateInstance(it) => vec![need("ecs:ModifyInstanceAttribute", instance(it.instance))],
        StartInstance(it) => vec![need("ecs:StartInstances", instance(it.instance))],
        StopInstance(it) => vec![need("ecs:StopInstances", instance(it.instance))],
        RestartInstance(it) => vec![need("ecs:RebootInstances", instance(it.instance))],
        PowerOffInstance(it) => vec![need("ecs:StopInstances", instance(it.instance))],
        MigrateInstance(it) => vec![need("havip:MigrateInstance", instance(it.instance))],
        CancelInstanceMigration(it) => vec![need("havip:MigrateInstance", instance(it.instance))],
        DeleteInstance(it) => vec![need("ecs:DeleteInstances", instance(it.instance))],
        CreateVip(it) => {
            let create = need("vpc:CreateHaVip", new("havip"));
            let associate = it.associations.first().map(|_| need("vpc:AssociateHaVip", new("havip")));
            [create].into_iter().chain(associate).collect()
        }
        UpdateVip(it) => vec![need("vpc:ModifyHaVipAttribute", vip(it.vip))],
        RenewVip(it) => vec![need("havip:RenewVip", vip(it.vip))],
        DeleteVip(it) => vec![need("vpc:DeleteHaVip", vip(it.vip))],
        Associate(it) => vec![need("vpc:AssociateHaVip", vip(it.vip))],
        Dissociate(it) => vec![need("vpc:UnassociateHaVip", vip(it.vip))],
        // One name for all kinds, though the vendor has it in each service.
        TagResource(it) => {
            let set = (!it.set.is_empty()).then_some("vpc:TagResources");
            let remove = (it.remove_all || !it.remove.is_empty()).then_some("vpc:UnTagResources");
            let all = set.into_iter().chain(remove);
            all.map(|action| need(action, of(it.resource))).collect()
        }
        CreateDeploymentSet(_) => vec![need("ecs:CreateDeploymentSet", new("deploymentset"))],
        UpdateDeploymentSet(it) => vec![need("ecs:ModifyDeploymentSetAttribute", set(it.set))],
        DeleteDeploymentSet(it) => vec![need("ecs:DeleteDeploymentSet", set(it.set))],
        JoinDeploymentSet(it) => vec![need("ecs:ModifyInstanceDeployment", instance(it.instance))],
        LeaveDeploymentSet(it) => vec![need("ecs:ModifyInstanceDeployment", instance(it.instance))],
        CreateResourceGroup(_) => vec![need("resourcemanager:CreateResourceGroup", new("resourcegroup"))],
        UpdateResourceGroup(it) => {
            vec![need("resourcemanager:UpdateResourceGroup", resource_group(it.group))]
        }
        DeleteResourceGroup(it) => {
            vec![need("resourcemanager:DeleteResourceGroup", resource_group(it.group))]
        }
        // One name for all kinds, too; out of one group and into the other.
        MoveToGroup(it) => {
            let both = |key: &ResourceKey| {
                let out = need("vpc:MoveResourceGroup", of(*key));
                [Needed { group: Some(it.group), ..out.clone() }, out]
            };
            it.resources.iter().flat_map(both).collect()
        }
        AllocateEip(_) => vec![need("vpc:AllocateEipAddress", new("eip"))],
        UpdateEip(it) => vec![need("vpc:ModifyEipAddressAttribute", of(ResourceKey::Eip(it.eip)))],
        BindEip(it) => vec![need("vpc:AssociateEipAddress", of(ResourceKey::Eip(it.eip)))],
        UnbindEip(it) => vec![need("vpc:UnassociateEipAddress", of(ResourceKey::Eip(it.eip)))],
        ReleaseEip(it) => vec![need("vpc:ReleaseEipAddress", of(ResourceKey::Eip(it.eip)))],
        CreateRoute(_) => vec![need("vpc:CreateRouteEntry", new("routeentry"))],
        DeleteRoute(it) => vec![need("vpc:DeleteRouteEntry", of(ResourceKey::Route(it.route)))],
        // The administrators' and the server's own business, of which no policy decides.
        CreateEipPool(_) | UpdateEipPool(_) | DeleteEipPool(_) | JoinHost(_) | UpdateHost(_)
        | RemoveHost(_) => {
            vec![need("havip:Administrate", new("host"))]
        }
        MeasureMigration(it) => vec![need("havip:Administrate", eni(it.interface))],
        SettleInterface(it) => vec![need("havip:Administrate", eni(it.interface))],
    }
}

enum Of {
    /// It has no id yet.
    New(&'static str),
    Known(ResourceKey),
}

impl Of {
    fn relative(&self) -> String {
        match self {
            Self::New(kind) => format!("{kind}/*"),
            Self::Known(key) => relative(*key),
        }
    }
}

/// A resource of a service: `acs:vpc:REGION:PROJECT:havip/havip-…`.
pub fn arn(service: &str, region: &str, project: ProjectId, relative: &str) -> String {
    format!("acs:{service}:{region}:{project}:{relative}")
}

/// The resource of an action: a known one by its id, or `kind/*` for all of a kind that the action is about.
pub fn resource_of(action: &str, known: Option<ResourceKey>, region: &str, project: ProjectId) -> String {
    let service = action.split(':').next().unwrap_or_default();
    arn(service, region, project, &known.map_or_else(|| "*".into(), relative))
}

/// All resources of the kind that an action is about.
pub fn all_of(action: &str, region: &str, project: ProjectId) -> String {
    let (service, verb) = action.split_once(':').unwrap_or((action, ""));
    let kinds = [
        ("DeploymentSet", "deploymentset"),
        ("HaVip", "havip"),
        ("VSwitch", "vswitch"),
        ("PublicIpAddressPool", "publicipaddresspool"),
        ("Eip", "eip"),
        ("RouteTable", "routetable"),
        ("RouteEntr", "routeentry"),
        ("SecurityGroup", "securitygroup"),
        ("NetworkInterface", "eni"),
        ("Instance", "instance"),
        ("Vpc", "vpc"),
    ];
    let kind = match service {
        "resourcemanager" => "resourcegroup",
        _ => kinds.iter().find(|(word, _)| verb.contains(word)).map_or("", |(_, kind)| kind),
    };
    let relative = if kind.is_empty() { "*".to_string() } else { format!("{kind}/*") };
    arn(service, region, project, &relative)
}

/// The kind and the id by which policies know a resource: RAM's, with the body that every API shares.
fn relative(key: ResourceKey) -> String {
    let show = |kind: &str, prefix: &str, body: Body| format!("{kind}/{prefix}-{}", body.as_str());
    match key {
        ResourceKey::DeploymentSet(id) => show("deploymentset", "ds", id.body_of()),
        ResourceKey::ResourceGroup(id) => show("resourcegroup", "rg", id.body_of()),
        ResourceKey::Vpc(id) => show("vpc", "vpc", id.body_of()),
        ResourceKey::Subnet(id) => show("vswitch", "vsw", id.body_of()),
        ResourceKey::Instance(id) => show("instance", "i", id.body_of()),
        ResourceKey::Interface(id) => show("eni", "eni", id.body_of()),
        ResourceKey::SecurityGroup(id) => show("securitygroup", "sg", id.body_of()),
        ResourceKey::Vip(id) => show("havip", "havip", id.body_of()),
        ResourceKey::EipPool(id) => show("publicipaddresspool", "pippool", id.body_of()),
        ResourceKey::Eip(id) => show("eip", "eip", id.body_of()),
        ResourceKey::Route(id) => show("routeentry", "rte", id.body_of()),
        ResourceKey::Host(number) => format!("host/{number}"),
    }
}
