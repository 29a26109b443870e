//! Instances over HTTP.

use super::{
    answer,
    ask::{Asked, ChangeHeaders, CreateHeaders, Empty, Params, Server},
    list::{Narrow, page},
    parse, rule,
};
use crate::service::{Caller, Fault};
use axum::{Json, extract::Path, response::Response};
use havip_admission::{Request, request};
use havip_api::{
    Console, ConsoleRange, Exec, ExecResult, Instance, InstanceFilter, MigrateInstance, Page, Problem,
    RunInstance, Stop, Update, WithWait,
};
use havip_model::{DeploymentSetId, HostId, HostNumber, InstanceId, ResourceKey, SubnetId, VpcId};
use havip_stream::proto::{self, command::Body as Order};
use std::time::Duration;

/// Lists instances.
#[utoipa::path(get, path = "/v1/instances", tag = "Instances", params(InstanceFilter), responses(
    (status = 200, body = Page<Instance>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_instances(
    server: Server,
    Params(filter): Params<InstanceFilter>,
) -> Result<Json<Page<Instance>>, Fault> {
    let InstanceFilter { vpc, subnet, host, deployment_set, name, tag, resource_group, q, after, limit } =
        &filter;
    let vpc: Option<VpcId> = vpc.as_ref().map(|id| parse::id("vpc", id)).transpose()?;
    let subnet: Option<SubnetId> = subnet.as_ref().map(|id| parse::id("subnet", id)).transpose()?;
    let host: Option<HostId> = host.as_ref().map(|id| parse::id("host", id)).transpose()?;
    let set: Option<DeploymentSetId> =
        deployment_set.as_ref().map(|id| parse::id("deployment_set", id)).transpose()?;
    let narrow = Narrow { name, tag, resource_group, q, after, limit: *limit };
    page(
        &server,
        narrow,
        |durable, one: &havip_model::Instance| {
            let world = server.world(durable);
            let mut interfaces = world.interfaces_of(one.id);
            let is_there = vpc.is_none() && subnet.is_none()
                || interfaces.any(|interface| {
                    vpc.is_none_or(|vpc| interface.vpc == vpc)
                        && subnet.is_none_or(|subnet| interface.subnet == subnet)
                });
            let of_host = |number| world.hosts.get(&number).map(|host| host.id);
            let is_of_set = set.is_none() || one.deployment_set == set;
            is_there && is_of_set && host.is_none_or(|host| of_host(one.host) == Some(host))
        },
        |shapes, one| shapes.instance(one),
    )
}

/// Makes an instance with its first interface, and starts it.
#[utoipa::path(post, path = "/v1/instances", tag = "Instances", params(WithWait, CreateHeaders), request_body = RunInstance, responses(
    (status = 201, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn run_instance(
    server: Server,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<RunInstance>,
) -> Result<Response, Fault> {
    let host = match &body.host {
        // Which hosts there are is the administrators' business.
        Some(_) if !server.asker.is_administrator => return Err(Fault::administrators_only()),
        Some(host) => Some(server.read(|durable| parse::host(&durable.state.world, "/host", host))?),
        None => None,
    };
    let request = request::RunInstance {
        texts: parse::sorted_texts(&body.name, &body.description, body.tags, body.resource_group.as_ref())?,
        subnet: parse::id("/subnet", &body.subnet)?,
        address: parse::choice("/address", body.address.as_ref())?,
        address6: parse::choice6(body.address6.as_ref(), body.without_address6)?,
        mac: body.mac.as_ref().map(|mac| parse::mac("/mac", mac)).transpose()?,
        source_dest_check: body.source_dest_check,
        groups: rule::groups(&body.security_groups)?,
        driver: body.driver.into(),
        image: body.image,
        init: body.init.into(),
        device: body.device,
        host,
        deployment_set: body.deployment_set.map(|id| parse::id("/deployment_set", &id)).transpose()?,
        cpu_millis: body.cpu_millis,
        memory_mib: body.memory_mib,
        user_data: body.user_data,
    };
    answer::create(&server, caller, request, parse::wait(params.wait.as_ref())?).await
}

/// One instance.
#[utoipa::path(get, path = "/v1/instances/{id}", tag = "Instances", params(("id" = String, Path, description = "The instance's id.")), responses(
    (status = 200, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_instance(server: Server, Path(id): Path<String>) -> Result<Response, Fault> {
    answer::resource(&server, ResourceKey::Instance(instance_id(&id)?), "instance", "instance_not_found")
}

/// Changes an instance's name and description.
#[utoipa::path(patch, path = "/v1/instances/{id}", tag = "Instances", params(("id" = String, Path, description = "The instance's id."), WithWait, ChangeHeaders),
    request_body = Update, responses((status = 200, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_instance(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<Update>,
) -> Result<Response, Fault> {
    let texts = parse::new_texts(body.name, body.description);
    let of = |instance| request::UpdateInstance { instance, texts };
    change(&server, caller, &id, of, params.wait.as_ref()).await
}

/// Deletes an instance with its first interface and unbinds both everywhere.
#[utoipa::path(delete, path = "/v1/instances/{id}", tag = "Instances", params(("id" = String, Path, description = "The instance's id."), WithWait, ChangeHeaders),
    responses((status = 204, description = "It is gone everywhere."), (status = 202, description = "It is being withdrawn."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_instance(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let instance = instance_id(&id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    answer::delete(
        &server,
        caller,
        ResourceKey::Instance(instance),
        request::DeleteInstance { instance },
        wait,
    )
    .await
}

/// Starts an instance.
#[utoipa::path(post, path = "/v1/instances/{id}/start", tag = "Instances", params(("id" = String, Path, description = "The instance's id."), WithWait, ChangeHeaders),
    responses((status = 200, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn start_instance(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let of = |instance| request::StartInstance { instance };
    change(&server, caller, &id, of, params.wait.as_ref()).await
}

/// Asks an instance that runs to end, as `stop` does, and starts it anew.
#[utoipa::path(post, path = "/v1/instances/{id}/restart", tag = "Instances", params(("id" = String, Path, description = "The instance's id."), WithWait, ChangeHeaders),
    responses((status = 200, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn restart_instance(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let of = |instance| request::RestartInstance { instance };
    change(&server, caller, &id, of, params.wait.as_ref()).await
}

/// Asks an instance to end; what is left after ten seconds is killed.
#[utoipa::path(post, path = "/v1/instances/{id}/stop", tag = "Instances", params(("id" = String, Path, description = "The instance's id."), Stop, ChangeHeaders),
    responses((status = 200, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn stop_instance(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<Stop>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let of = |instance| request::StopInstance { instance, gives_up_share: params.give_up_share };
    change(&server, caller, &id, of, params.wait.as_ref()).await
}

/// Ends an instance at once, as if its power failed.
#[utoipa::path(post, path = "/v1/instances/{id}/power-off", tag = "Instances", params(("id" = String, Path, description = "The instance's id."), Stop, ChangeHeaders),
    responses((status = 200, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn power_off_instance(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<Stop>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let of = |instance| request::PowerOffInstance { instance, gives_up_share: params.give_up_share };
    change(&server, caller, &id, of, params.wait.as_ref()).await
}

/// Lets a machine of the driver `qemu` go on at another host while it runs: its host sends it there. What became of it
/// is said by its interfaces, and by its own reason if it stays.
#[utoipa::path(post, path = "/v1/instances/{id}/migrate", tag = "Instances", params(("id" = String, Path, description = "The instance's id."), WithWait, ChangeHeaders),
    request_body = MigrateInstance, responses((status = 200, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn migrate_instance(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<MigrateInstance>,
) -> Result<Response, Fault> {
    let instance = instance_id(&id)?;
    let host = server.read(|durable| parse::host(&durable.state.world, "/host", &body.host))?;
    let request = request::MigrateInstance { instance, host };
    let wait = parse::wait(params.wait.as_ref())?;
    answer::update(&server, caller, ResourceKey::Instance(instance), request, wait).await
}

/// Leaves a machine that is on its way to another host where it is.
#[utoipa::path(post, path = "/v1/instances/{id}/cancel-migration", tag = "Instances", params(("id" = String, Path, description = "The instance's id."), WithWait, ChangeHeaders),
    responses((status = 200, body = Instance), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn cancel_instance_migration(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let of = |instance| request::CancelInstanceMigration { instance };
    change(&server, caller, &id, of, params.wait.as_ref()).await
}

/// Runs a program inside an instance and waits for its end.
#[utoipa::path(post, path = "/v1/instances/{id}/exec", tag = "Instances", params(("id" = String, Path, description = "The instance's id.")), request_body = Exec, responses(
    (status = 200, body = ExecResult), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn exec_instance(
    server: Server,
    Path(id): Path<String>,
    Asked { caller, body }: Asked<Exec>,
) -> Result<Json<ExecResult>, Fault> {
    let (id, host) = placed(&server, &id)?;
    if body.argv.first().is_none_or(String::is_empty) {
        return Err(Fault::invalid("/argv", "nothing_to_do", "argv names a program and its arguments"));
    }
    let timeout_ms = match body.timeout_ms.unwrap_or(USUAL_TIMEOUT_MS) {
        limit @ 1..=LONGEST_TIMEOUT_MS => limit,
        other => {
            let detail = format!("timeout_ms is 1 to {LONGEST_TIMEOUT_MS}, not {other}");
            return Err(Fault::invalid("/timeout_ms", "out_of_range", detail));
        }
    };
    let order =
        proto::Exec { instance: id.to_string(), argv: body.argv, stdin: body.stdin.into_bytes(), timeout_ms };
    let limit = Duration::from_millis(timeout_ms.into()) + AGENT_TIME;
    server.note_order(&caller, id.to_string()).await?;
    let result = server.tracker().command(host, Order::Exec(order), limit).await?;
    Ok(Json(ExecResult {
        exit_code: result.exit_code,
        stdout: text(&result.stdout),
        stderr: text(&result.stderr),
    }))
}

/// What an instance wrote.
#[utoipa::path(get, path = "/v1/instances/{id}/console", tag = "Instances", params(("id" = String, Path, description = "The instance's id."), ConsoleRange), responses(
    (status = 200, body = Console), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn read_console(
    server: Server,
    Path(id): Path<String>,
    Params(range): Params<ConsoleRange>,
) -> Result<Json<Console>, Fault> {
    let (id, host) = placed(&server, &id)?;
    let most = match range.most.unwrap_or(USUAL_CONSOLE) {
        most @ 1..=LARGEST_CONSOLE => most,
        other => {
            let detail = format!("most is 1 to {LARGEST_CONSOLE}, not {other}");
            return Err(Fault::invalid("most", "out_of_range", detail));
        }
    };
    // The greatest offset asks for the end.
    let offset = range.offset.unwrap_or(u64::MAX);
    let order = proto::ReadConsole { instance: id.to_string(), offset, most };
    let result = server.tracker().command(host, Order::Console(order), AGENT_TIME).await?;
    let next_offset = result.offset + result.stdout.len() as u64;
    Ok(Json(Console { text: text(&result.stdout), offset: result.offset, next_offset }))
}

/// An instance and the host that runs it.
fn placed(server: &Server, id: &str) -> Result<(InstanceId, HostNumber), Fault> {
    let instance = instance_id(id)?;
    let host =
        server.read(|durable| server.world(durable).instances.get(&instance).map(|instance| instance.host));
    let host = host.ok_or_else(|| Fault::not_found("instance", "instance_not_found", id))?;
    Ok((instance, host))
}

/// At most a MiB; what is not UTF-8 is replaced.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(LARGEST_OUTPUT)]).into_owned()
}

/// Changes the instance of this id in the path, and answers with it.
async fn change<R: Into<Request>>(
    server: &Server,
    caller: Caller,
    id: &str,
    request: impl FnOnce(InstanceId) -> R,
    wait: Option<&String>,
) -> Result<Response, Fault> {
    let instance = instance_id(id)?;
    answer::update(server, caller, ResourceKey::Instance(instance), request(instance), parse::wait(wait)?)
        .await
}

/// The instance that a path names.
pub fn instance_id(id: &str) -> Result<InstanceId, Fault> {
    parse::path_id("instance", "instance_not_found", id)
}

const USUAL_TIMEOUT_MS: u32 = 10_000;
const LONGEST_TIMEOUT_MS: u32 = 600_000;
const USUAL_CONSOLE: u32 = 64 << 10;
const LARGEST_CONSOLE: u32 = 1 << 20;
const LARGEST_OUTPUT: usize = 1 << 20;
/// What an agent may need besides the program's own time.
const AGENT_TIME: Duration = Duration::from_secs(5);
