//! What has become of requests that take a while.

use super::{Action, Does};
use crate::{
    ask::Ask,
    error,
    reply::{task_number, uuid},
};
use havip_dialect::{Error, View};
use havip_model::{Profile, Quota, ResourceKey, Status};
use serde_json::{Value, json};

pub const ACTIONS: &[Action] = &[
    Action {
        name: "DescribeVpcTaskResult",
        honoured: &["TaskId"],
        harmless: &[],
        does: Does::Read(of_request),
    },
    Action { name: "DescribeTaskResult", honoured: &["TaskId"], harmless: &[], does: Does::Read(of_number) },
    Action { name: "DescribeVpcLimits", honoured: &["LimitTypes"], harmless: &[], does: Does::Read(limits) },
];

/// A request's id is its task's.
fn of_request(ask: &Ask, view: &View) -> Result<Value, Error> {
    let id = ask.required("TaskId")?;
    let subjects = view.life.task(&|request_id| uuid(request_id) == id);
    let subjects = subjects.ok_or_else(|| error::not_found("task", id))?;
    let results: Vec<Value> =
        subjects.iter().map(|key| json!({"ResourceId": key.id(), "Status": state(view, *key)})).collect();
    Ok(json!({"Status": together(view, &subjects), "Output": "", "Result": results}))
}

/// Other actions answer a number.
fn of_number(ask: &Ask, view: &View) -> Result<Value, Error> {
    let text = ask.required("TaskId")?;
    let number: u64 = ask.params.parsed("TaskId", "a number").map_err(error::of_parameter)?.unwrap_or(0);
    let subjects = view.life.task(&|request_id| task_number(request_id) == number);
    let subjects = subjects.ok_or_else(|| error::not_found("task", text))?;
    Ok(json!({"TaskId": number, "Result": together(view, &subjects)}))
}

/// The least that has been reached of all.
fn together(view: &View, subjects: &[ResourceKey]) -> &'static str {
    let states: Vec<_> = subjects.iter().map(|key| state(view, *key)).collect();
    ["FAILED", "RUNNING"].into_iter().find(|state| states.contains(state)).unwrap_or("SUCCESS")
}

fn state(view: &View, key: ResourceKey) -> &'static str {
    if view.is_withdrawn(key) {
        return "RUNNING";
    }
    let Some(resource) = view.world.get(key) else { return "SUCCESS" };
    match view.status(key, resource.meta()) {
        Status::Creating | Status::Deleting => "RUNNING",
        Status::Available => "SUCCESS",
        Status::Failed => "FAILED",
    }
}

/// Of the limits that it names, those that are not endless here.
fn limits(ask: &Ask, view: &View) -> Result<Value, Error> {
    let wanted = ask.params.list("LimitTypes");
    if wanted.is_empty() {
        return Err(error::of_parameter(havip_dialect::ParamError::Missing("LimitTypes".into())));
    }
    let limits = view.quotas.limits(Profile::Tencent);
    let known = |kind: &str| match Quota::called(kind)? {
        (quota, Some(Profile::Tencent)) => Some(quota.of(&limits)),
        _ => None,
    };
    let set: Vec<Value> = wanted
        .into_iter()
        .filter_map(|kind| Some(json!({"LimitType": kind, "LimitValue": known(kind)?})))
        .collect();
    Ok(json!({"VpcLimitSet": set}))
}
