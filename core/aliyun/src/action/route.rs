//! Routes: each VPC has one table, the system's.

use super::{Action, Does, done, resource_group};
use crate::{ask::Ask, error, name, page::page};
use havip_admission::{Code, Refusal, request};
use havip_dialect::{Clock, Error, Step, View, format_time};
use havip_model::{NextHop, ResourceKey, Route, Status, Vpc};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "DescribeRouteTableList",
        product: None,
        honoured: &[
            "VpcId",
            "RouteTableId",
            "RouterId",
            "RouterType",
            "RouteTableType",
            "ResourceGroupId",
            "PageNumber",
            "PageSize",
        ],
        harmless: &[],
        does: Does::Read(describe_list),
    },
    Action {
        name: "DescribeRouteTables",
        product: None,
        honoured: &[
            "RouteTableId",
            "VRouterId",
            "RouterId",
            "RouterType",
            "ResourceGroupId",
            "PageNumber",
            "PageSize",
        ],
        harmless: &[],
        does: Does::Read(describe_tables),
    },
    Action {
        name: "DescribeRouteEntryList",
        product: None,
        honoured: &[
            "RouteTableId",
            "DestinationCidrBlock",
            "NextHopId",
            "NextHopType",
            "RouteEntryId",
            "RouteEntryName",
            "RouteEntryType",
            "IpVersion",
            "MaxResult",
            "NextToken",
        ],
        harmless: &[],
        does: Does::Read(describe_entries),
    },
    Action {
        name: "CreateRouteEntry",
        product: None,
        honoured: &[
            "RouteTableId",
            "DestinationCidrBlock",
            "NextHopId",
            "NextHopType",
            "RouteEntryName",
            "Description",
            "ClientToken",
            "DryRun",
        ],
        harmless: &[],
        does: Does::Change { plan: create, answer: created, refused: create_refused },
    },
    Action {
        name: "DeleteRouteEntry",
        product: None,
        honoured: &["RouteEntryId", "RouteTableId", "DestinationCidrBlock", "NextHopId", "DryRun"],
        harmless: &["ClientToken"],
        does: Does::Change { plan: delete, answer: done, refused: |_| None },
    },
];

fn create(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let vpc = table(ask, view)?;
    let text = ask.required("DestinationCidrBlock")?;
    let malformed = |_| {
        Error::new(
            400,
            "InvalidCidrBlock.Malformed",
            format!("DestinationCidrBlock {text:?} is not a range such as 10.9.0.0/16."),
        )
    };
    let destination = text.parse().map_err(malformed)?;
    let id = ask
        .text("NextHopId")
        .ok_or_else(|| Error::new(400, "InvalidNexthopTypeAndList.BothNull", "NextHopId is missing."))?;
    let missing = || error::not_found("InvalidNextHopId.NotFound", "next hop", id);
    let kind = ask.text("NextHopType").unwrap_or("Instance");
    let mut steps = vec![];
    let next_hop = match kind {
        "HaVip" => {
            let vip = name::HAVIP.find(&view.world.vips, id);
            let vip = vip.ok_or_else(|| error::not_found("InvalidHaVipId.NotFound", "HAVIP", id))?;
            if vip.vpc != vpc.id {
                let message = "The HAVIP is of another VPC than the route table.";
                return Err(Error::new(400, "Mismatch.HaVipIdAndRouteTableId", message));
            }
            NextHop::Vip(vip.id)
        }
        "NetworkInterface" => {
            NextHop::Interface(name::INTERFACE.find(&view.world.interfaces, id).ok_or_else(missing)?.id)
        }
        "Instance" => {
            let instance = name::INSTANCE.find(&view.world.instances, id).ok_or_else(missing)?;
            NextHop::Interface(view.world.primary_interface(instance.id).ok_or_else(missing)?.id)
        }
        other => {
            return Err(error::invalid(format!(
                "NextHopType can be Instance, HaVip or NetworkInterface here, not {other:?}."
            )));
        }
    };
    if let NextHop::Interface(interface) = next_hop {
        // The cloud's machines may take part in routing; ours must be told that theirs may.
        let request = request::UpdateInterface {
            interface,
            texts: Default::default(),
            source_dest_check: Some(false),
            groups: None,
        };
        let is_checked =
            view.world.interfaces.get(&interface).is_some_and(|interface| interface.source_dest_check);
        steps.extend(is_checked.then(|| request.into()));
    }
    let texts = request::Texts {
        name: ask.new_text("RouteEntryName", 128, "InvalidName.Malformed")?.unwrap_or_default(),
        description: ask.new_text("Description", 256, "InvalidDescription.Malformed")?.unwrap_or_default(),
        ..request::Texts::default()
    };
    let request = request::CreateRoute { vpc: vpc.id, texts, destination, next_hop };
    steps.push(Step::saying(request, vec![(HOP, kind.into())]));
    Ok(steps)
}

fn created(_: &Ask, _: &View, made: &[ResourceKey]) -> Value {
    match made.last() {
        Some(ResourceKey::Route(id)) => json!({"RouteEntryId": name::ROUTE.show(*id)}),
        _ => json!({}),
    }
}

fn create_refused(refusal: &Refusal) -> Option<(u16, &'static str)> {
    Some(match refusal.code {
        Code::RouteExists => (400, "RouteConflict.AlreadyExist"),
        Code::DestinationInSubnet | Code::CidrNotUsable => (400, "InvalidCIDRBlock.Duplicate"),
        Code::CidrHasHostBits => (400, "InvalidCidrBlock.Malformed"),
        Code::TooManyVipRoutes => (400, "QuotaExceeded.HaVipRouteEntry"),
        Code::OtherVpc => (404, "InvalidNextHopId.NotFound"),
        _ => return None,
    })
}

fn delete(ask: &Ask, view: &View) -> Result<Vec<Step>, Error> {
    let missing = |code| Error::new(400, code, "The specified route entry does not exist.");
    let route = match ask.text("RouteEntryId") {
        Some(_) if ask.text("DestinationCidrBlock").is_some() || ask.text("RouteTableId").is_some() => {
            let code = "ParamExclusive.RouteEntryIdAndRouteTableIdOrDestCidrBlock";
            return Err(Error::new(
                400,
                code,
                "RouteEntryId excludes RouteTableId and DestinationCidrBlock.",
            ));
        }
        Some(id) => {
            name::ROUTE.find(&view.world.routes, id).ok_or_else(|| missing("InvalidRouteEntryId.NotFound"))?
        }
        None => {
            let (vpc, destination) = (table(ask, view)?, ask.required("DestinationCidrBlock")?);
            if view.world.subnets_of(vpc.id).any(|subnet| subnet.cidr.to_string() == destination) {
                return Err(Error::new(400, "OperationDenied", "A system route cannot be deleted."));
            }
            let is_it = |route: &&Route| {
                route.destination.to_string() == destination
                    && ask.text("NextHopId").is_none_or(|id| next_hop(view, route).1 == id)
            };
            view.world.routes_of(vpc.id).find(is_it).ok_or_else(|| missing("InvalidRouteEntry.NotFound"))?
        }
    };
    Ok(vec![request::DeleteRoute { route: route.id }.into()])
}

fn describe_list(ask: &Ask, view: &View) -> Result<Value, Error> {
    let rows = tables(ask, view, "RouterId")?;
    page(
        ask,
        ("RouterTableList", "RouterTableListType"),
        50,
        rows,
        |vpc| &vpc.meta,
        |vpc| {
            json!({
                "RouteTableId": name::ROUTE_TABLE.show(vpc.id),
                "RouteTableName": "",
                "Description": "",
                "RouteTableType": "System",
                "RouterId": name::ROUTER.show(vpc.id),
                "RouterType": "VRouter",
                "AssociateType": "VSwitch",
                "Status": "Available",
                "VpcId": name::VPC.show(vpc.id),
                "VSwitchIds": {"VSwitchId": vswitches(view, vpc)},
                "GatewayIds": {"GatewayIds": []},
                "CreationTime": format_time(vpc.meta.created_at, Clock::Seconds),
                "ResourceGroupId": resource_group::shown(&vpc.meta),
                "RoutePropagationEnable": false,
                "Tags": {"Tag": []},
            })
        },
    )
}

fn describe_tables(ask: &Ask, view: &View) -> Result<Value, Error> {
    let router = if ask.text("VRouterId").is_some() { "VRouterId" } else { "RouterId" };
    let rows = tables(ask, view, router)?;
    page(
        ask,
        ("RouteTables", "RouteTable"),
        50,
        rows,
        |vpc| &vpc.meta,
        |vpc| {
            json!({
                "RouteTableId": name::ROUTE_TABLE.show(vpc.id),
                "RouteTableType": "System",
                "VRouterId": name::ROUTER.show(vpc.id),
                "Status": "Available",
                "VSwitchIds": {"VSwitchId": vswitches(view, vpc)},
                "CreationTime": format_time(vpc.meta.created_at, Clock::Seconds),
                "ResourceGroupId": resource_group::shown(&vpc.meta),
                "RouteEntrys": {"RouteEntry": entries(view, vpc)},
            })
        },
    )
}

fn describe_entries(ask: &Ask, view: &View) -> Result<Value, Error> {
    let vpc = table(ask, view)?;
    let most = ask.number("MaxResult")?.unwrap_or(100).clamp(1, 500) as usize;
    let from =
        ask.params.parsed::<usize>("NextToken", "what the page before gave").map_err(error::of_parameter)?;
    let is = |name: &str, value: &str| ask.text(name).is_none_or(|wanted| wanted == value);
    let passes = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_string();
        is("DestinationCidrBlock", &text("DestinationCidrBlock"))
            && is("NextHopId", &text("InstanceId"))
            && is("NextHopType", &text("NextHopType"))
            && is("RouteEntryId", &text("RouteEntryId"))
            && is("RouteEntryName", &text("RouteEntryName"))
            && is("RouteEntryType", &text("Type"))
            && is("IpVersion", &text("IpVersion"))
    };
    let all: Vec<Value> = entries(view, vpc).into_iter().filter(passes).collect();
    let (total, from) = (all.len(), from.unwrap_or(0));
    let next = from.saturating_add(most);
    let shown: Vec<Value> = all.into_iter().skip(from).take(most).collect();
    let next = if next < total { next.to_string() } else { String::new() };
    Ok(json!({"RouteEntrys": {"RouteEntry": shown}, "NextToken": next, "TotalCount": total}))
}

/// The VPCs, one table each.
fn tables<'a>(ask: &Ask, view: &View<'a>, router: &str) -> Result<Vec<&'a Vpc>, Error> {
    ask.only("RouterType", "VRouter")?;
    let is = |name: &str, value: String| ask.text(name).is_none_or(|wanted| wanted == value);
    let wants_system = ask.text("RouteTableType").is_none_or(|kind| kind == "System");
    let passes = |vpc: &&Vpc| {
        wants_system
            && is("VpcId", name::VPC.show(vpc.id))
            && is("RouteTableId", name::ROUTE_TABLE.show(vpc.id))
            && is(router, name::ROUTER.show(vpc.id))
            && resource_group::holds(ask, &vpc.meta)
    };
    Ok(view.world.vpcs.values().filter(passes).collect())
}

/// The system's entries, one per vSwitch, then the others.
fn entries(view: &View, vpc: &Vpc) -> Vec<Value> {
    let table = name::ROUTE_TABLE.show(vpc.id);
    let system = view.world.subnets_of(vpc.id).map(|subnet| {
        let hop = ("local", String::new());
        entry(&table, (String::new(), "System"), &subnet.cidr.to_string(), &hop, "Available", ("", ""))
    });
    let custom = view.world.routes_of(vpc.id).map(|route| {
        let status = match view.status(ResourceKey::Route(route.id), &route.meta) {
            Status::Available => "Available",
            Status::Creating | Status::Deleting => "Pending",
            Status::Failed => "Failed",
        };
        let texts = (route.meta.name.as_str(), route.meta.description.as_str());
        let id = (name::ROUTE.show(route.id), "Custom");
        entry(&table, id, &route.destination.to_string(), &next_hop(view, route), status, texts)
    });
    system.chain(custom).collect()
}

fn entry(
    table: &str,
    (id, kind): (String, &str),
    destination: &str,
    (hop_kind, hop): &(&str, String),
    status: &str,
    (name, description): (&str, &str),
) -> Value {
    json!({
        "RouteEntryId": id,
        "RouteEntryName": name,
        "Description": description,
        "RouteTableId": table,
        "DestinationCidrBlock": destination,
        "Type": kind,
        "Status": status,
        "NextHopType": hop_kind,
        "InstanceId": hop,
        "IpVersion": if destination.contains(':') { "ipv6" } else { "ipv4" },
        "NextHops": {"NextHop": [{"NextHopId": hop, "NextHopType": hop_kind, "Enabled": 1, "Weight": 0}]},
    })
}

/// Kind and id, as the route was made.
fn next_hop(view: &View, route: &Route) -> (&'static str, String) {
    match route.next_hop {
        NextHop::Vip(id) => ("HaVip", name::HAVIP.show(id)),
        NextHop::Interface(id) => {
            let was_instance = route.meta.said.get(HOP).is_some_and(|kind| kind == "Instance");
            let instance = view.world.interfaces.get(&id).and_then(|interface| interface.instance);
            match instance.filter(|_| was_instance) {
                Some(instance) => ("Instance", name::INSTANCE.show(instance)),
                None => ("NetworkInterface", name::INTERFACE.show(id)),
            }
        }
    }
}

fn vswitches(view: &View, vpc: &Vpc) -> Vec<String> {
    view.world.subnets_of(vpc.id).map(|subnet| name::VSWITCH.show(subnet.id)).collect()
}

fn table<'a>(ask: &Ask, view: &View<'a>) -> Result<&'a Vpc, Error> {
    ask.find("RouteTableId", name::ROUTE_TABLE, &view.world.vpcs, "InvalidRouteTableId.NotFound")
}

const HOP: &str = "aliyun.next-hop-type";
