//! VPCs.

use super::{Action, Does, done};
use crate::{
    ask::Ask,
    error,
    list::{Narrow, part},
    name, tag,
};
use havip_admission::{Code, request};
use havip_dialect::{Clock, Error, Step, View, format_time};
use havip_model::{Resource, ResourceKey, Vpc};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "CreateVpc",
        honoured: &["VpcName", "CidrBlock", "EnableMulticast", "Tags.Key", "Tags.Value"],
        harmless: &[],
        does: Does::Change { plan: create, answer: created, refused: create_refused },
    },
    Action {
        name: "DescribeVpcs",
        honoured: &["VpcIds", "Filters.Name", "Filters.Values", "Offset", "Limit"],
        harmless: &[],
        does: Does::Read(describe),
    },
    Action {
        name: "ModifyVpcAttribute",
        honoured: &["VpcId", "VpcName"],
        harmless: &[],
        does: Does::Change { plan: modify, answer: done, refused: |_| None },
    },
    Action {
        name: "DeleteVpc",
        honoured: &["VpcId"],
        harmless: &[],
        does: Does::Change { plan: delete, answer: done, refused: |_| None },
    },
];

fn create(ask: &Ask, _: &View) -> Result<Vec<Step>, Error> {
    ask.required("VpcName")?;
    let text = ask.required("CidrBlock")?;
    if ask.flag("EnableMulticast")? {
        return Err(error::error(
            "UnsupportedOperation",
            "There is no multicast between instances here, but for VRRP.",
        ));
    }
    let request = request::CreateVpc {
        texts: request::Texts {
            name: ask.name("VpcName")?.unwrap_or_default(),
            tags: tag::given(ask)?,
            ..request::Texts::default()
        },
        region: ask.home.region.clone(),
        cidr: text.parse().map_err(|_| error::malformed("CidrBlock", text))?,
        cidr6: None,
    };
    Ok(vec![request.into()])
}

fn created(_: &Ask, view: &View, made: &[ResourceKey]) -> Value {
    let vpc = made.iter().find_map(|key| match key {
        ResourceKey::Vpc(id) => view.world.vpcs.get(id),
        _ => None,
    });
    vpc.map_or_else(|| json!({}), |vpc| json!({"Vpc": show(vpc)}))
}

fn create_refused(code: Code) -> Option<&'static str> {
    (code == Code::CidrSize).then_some("InvalidParameterValue.Range")
}

fn modify(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vpc = find(ask, view)?.id;
    let texts = request::NewTexts { name: ask.name("VpcName")?, description: None };
    match texts.name {
        Some(_) => Ok(vec![request::UpdateVpc { vpc, texts, cidr6: None }.into()]),
        None => Ok(vec![]),
    }
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    Ok(vec![request::DeleteVpc { vpc: find(ask, view)?.id }.into()])
}

fn describe(ask: &Ask, view: &View) -> Result<Value, Error> {
    let narrow = Narrow::read(ask, "VpcIds", name::VPC, &["vpc-id", "vpc-name", "cidr-block", "is-default"])?;
    let fuzzy = narrow.wanted("vpc-name");
    let passes = |vpc: &&Vpc| {
        narrow.pass(&name::VPC.show(vpc.id), &vpc.meta, |filter| match filter {
            "vpc-id" => vec![name::VPC.show(vpc.id)],
            // A part of the name is enough.
            "vpc-name" => fuzzy
                .unwrap_or_default()
                .iter()
                .filter(|part| vpc.meta.name.contains(*part))
                .cloned()
                .collect(),
            "cidr-block" => vec![vpc.cidr.to_string()],
            _ => vec!["false".into()],
        })
    };
    let withdrawn = view.withdrawn().filter_map(|resource| match resource {
        Resource::Vpc(vpc) => Some(vpc),
        _ => None,
    });
    let rows: Vec<&Vpc> = name::VPC
        .among(&view.world.vpcs, narrow.ids("vpc-id"))
        .into_iter()
        .chain(withdrawn)
        .filter(passes)
        .collect();
    part(ask, "VpcSet", rows, |vpc| &vpc.meta, |vpc| show(vpc))
}

fn show(vpc: &Vpc) -> Value {
    json!({
        "VpcId": name::VPC.show(vpc.id),
        "VpcName": vpc.meta.name,
        "CidrBlock": vpc.cidr.to_string(),
        "Ipv6CidrBlock": vpc.cidr6.map(|cidr| cidr.to_string()).unwrap_or_default(),
        "Ipv6CidrBlockSet": [],
        "CreatedTime": format_time(vpc.meta.created_at, Clock::Plain),
        "IsDefault": false,
        "EnableMulticast": false,
        "EnableDhcp": true,
        "DhcpOptionsId": "",
        "DnsServerSet": [],
        "DomainName": "",
        "AssistantCidrSet": [],
        "TagSet": crate::reply::tags(&vpc.meta),
    })
}

fn find<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Vpc, Error> {
    ask.find("VpcId", name::VPC, &view.world.vpcs)
}
