//! VPCs.

use super::{Action, Does, done, resource_group, tag};
use crate::{ask::Ask, error, name, page::page};
use havip_admission::{Code, Refusal, request};
use havip_dialect::{Clock, Error, Step, View, format_time};
use havip_model::{Resource, ResourceKey, Status, Vpc};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateVpc",
        product: None,
        honoured: &[
            "CidrBlock",
            "VpcName",
            "Description",
            "Tag.Key",
            "Tag.Value",
            "ResourceGroupId",
            "ClientToken",
            "DryRun",
            "EnableIpv6",
            "Ipv6CidrBlock",
        ],
        harmless: &[],
        does: Does::Change { plan: create, answer: created, refused: create_refused },
    },
    Action {
        name: "DeleteVpc",
        product: None,
        honoured: &["VpcId", "ClientToken", "DryRun", "ForceDelete"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done, refused: delete_refused },
    },
    Action {
        name: "ModifyVpcAttribute",
        product: None,
        honoured: &["VpcId", "VpcName", "Description"],
        harmless: &[],
        does: Does::Change { plan: modify, answer: done, refused: |_| None },
    },
    Action {
        name: "DescribeVpcs",
        product: None,
        honoured: &[
            "VpcId",
            "VpcName",
            "Tag.Key",
            "Tag.Value",
            "ResourceGroupId",
            "IsDefault",
            "PageNumber",
            "PageSize",
            "DryRun",
        ],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "DescribeVpcAttribute",
        product: None,
        honoured: &["VpcId", "DryRun"],
        harmless: &["IsDefault"],
        does: Does::Read(describe_one),
    },
];

fn create(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    if ask.flag("EnableIpv6")? && ask.text("Ipv6CidrBlock").is_none() {
        return Err(error::invalid(
            "EnableIpv6 needs Ipv6CidrBlock here, a range of your own such as fd00:20::/56.",
        ));
    }
    let cidr =
        |text: &str| error::invalid(format!("CidrBlock {text:?} is not a range such as 172.16.0.0/12."));
    let text = ask.text("CidrBlock").unwrap_or("172.16.0.0/12");
    let cidr6 = ask.text("Ipv6CidrBlock").map(|text| text.parse().map_err(|_| cidr(text))).transpose()?;
    let request = request::CreateVpc {
        texts: request::Texts::from(texts(ask)?)
            .tagged(tag::given(ask)?)
            .grouped(resource_group::given(ask, view)?),
        region: ask.home.region.clone(),
        cidr: text.parse().map_err(|_| cidr(text))?,
        cidr6,
    };
    Ok(vec![request.into()])
}

fn created(_: &Ask, view: &View, made: &[ResourceKey]) -> Value {
    let Some(ResourceKey::Vpc(id)) = made.first() else { return json!({}) };
    let group = view.world.vpcs.get(id).map(|vpc| resource_group::shown(&vpc.meta));
    json!({
        "VpcId": name::VPC.show(*id),
        "VRouterId": name::ROUTER.show(*id),
        "RouteTableId": name::ROUTE_TABLE.show(*id),
        "ResourceGroupId": group,
    })
}

fn create_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    (refusal.code == Code::InvalidText).then_some((400, "InvalidVpcName.Malformed"))
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    if ask.flag("ForceDelete")? {
        return Err(error::invalid("ForceDelete is not supported here; delete what is in the VPC first."));
    }
    Ok(vec![request::DeleteVpc { vpc: find(ask, view)?.id }.into()])
}

fn delete_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    let first = refusal.blocked_by.first();
    (refusal.code == Code::VpcInUse).then_some(match first {
        Some(ResourceKey::Route(_)) => (400, "DependencyViolation.RouteEntry"),
        Some(ResourceKey::SecurityGroup(_)) => (400, "DependencyViolation.SecurityGroup"),
        _ => (400, "DependencyViolation.VSwitch"),
    })
}

fn modify(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let (vpc, texts) = (find(ask, view)?.id, texts(ask)?);
    match texts == request::NewTexts::default() {
        true => Ok(vec![]),
        false => Ok(vec![request::UpdateVpc { vpc, texts, cidr6: None }.into()]),
    }
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let ids = ask.commas("VpcId");
    if ids.len() > 20 {
        return Err(Error::new(400, "InvalidVpcIdNumber.NotSupported", "VpcId may name at most 20 VPCs."));
    }
    let tags = tag::Wanted::read(ask, "Tag")?;
    // There is no default VPC here.
    let wants_default = ask.flag("IsDefault")?;
    let passes = |vpc: &&Vpc| {
        !wants_default
            && (ids.is_empty() || ids.contains(&name::VPC.show(vpc.id).as_str()))
            && ask.text("VpcName").is_none_or(|name| vpc.meta.name == name)
            && tags.hold(&vpc.meta)
            && resource_group::holds(ask, &vpc.meta)
    };
    let withdrawn = view.withdrawn().filter_map(|resource| match resource {
        Resource::Vpc(vpc) => Some(vpc),
        _ => None,
    });
    let rows: Vec<&Vpc> =
        name::VPC.among(&view.world.vpcs, &ids).into_iter().chain(withdrawn).filter(passes).collect();
    page(ask, ("Vpcs", "Vpc"), 50, rows, |vpc| &vpc.meta, |vpc| show(ask, view, vpc))
}

fn describe_one(ask: &Ask, view: &View) -> Result<Value, Error> {
    let vpc = find(ask, view)?;
    let mut shown = show(ask, view, vpc);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("ClassicLinkEnabled".into(), false.into());
        fields.insert("SupportIpv4Gateway".into(), false.into());
        fields.insert("Ipv4GatewayId".into(), "".into());
        fields.insert("AssociatedCens".into(), json!({"AssociatedCen": []}));
        fields.insert("AssociatedPropagationSources".into(), json!({"AssociatedPropagationSources": []}));
        let count = view.world.subnets_of(vpc.id).count();
        let resources =
            json!({"CloudResourceSetType": [{"ResourceType": "VSwitch", "ResourceCount": count}]});
        fields.insert("CloudResources".into(), resources);
    }
    Ok(shown)
}

fn show(ask: &Ask, view: &View, vpc: &Vpc) -> Value {
    let mut vswitches: Vec<String> =
        view.world.subnets_of(vpc.id).map(|subnet| name::VSWITCH.show(subnet.id)).collect();
    vswitches.sort();
    let status = match view.status(ResourceKey::Vpc(vpc.id), &vpc.meta) {
        Status::Available => "Available",
        Status::Creating | Status::Deleting => "Pending",
        Status::Failed => "Failed",
    };
    let cidr6 = vpc.cidr6.map(|cidr| cidr.to_string()).unwrap_or_default();
    json!({
        "VpcId": name::VPC.show(vpc.id),
        "VpcName": vpc.meta.name,
        "Description": vpc.meta.description,
        "Status": status,
        "CidrBlock": vpc.cidr.to_string(),
        "Ipv6CidrBlock": cidr6,
        "Ipv6CidrBlocks": {"Ipv6CidrBlock": []},
        "EnabledIpv6": vpc.cidr6.is_some(),
        "CreationTime": format_time(vpc.meta.created_at, Clock::Seconds),
        "RegionId": ask.region(),
        "VRouterId": name::ROUTER.show(vpc.id),
        "RouterTableIds": {"RouterTableIds": [name::ROUTE_TABLE.show(vpc.id)]},
        "VSwitchIds": {"VSwitchId": vswitches},
        "IsDefault": false,
        "ResourceGroupId": resource_group::shown(&vpc.meta),
        "CenStatus": "Detached",
        "DhcpOptionsSetId": "",
        "DhcpOptionsSetStatus": "",
        "DnsHostnameStatus": "DISABLED",
        "NatGatewayIds": {"NatGatewayIds": []},
        "SecondaryCidrBlocks": {"SecondaryCidrBlock": []},
        "UserCidrs": {"UserCidr": []},
        "Tags": tag::of_vpc(&vpc.meta),
    })
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Vpc, Error> {
    ask.find("VpcId", name::VPC, &view.world.vpcs, "InvalidVpcId.NotFound")
}

fn texts(ask: &Ask) -> Result<request::NewTexts, Error> {
    Ok(request::NewTexts {
        name: ask.new_text("VpcName", 128, "InvalidVpcName.Malformed")?,
        // Spelled so by the vendor.
        description: ask.new_text("Description", 256, "InvalidVpcDiscription.Malformed")?,
    })
}
