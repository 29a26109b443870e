//! Interfaces over HTTP.

use super::{
    answer,
    ask::{Asked, ChangeHeaders, CreateHeaders, Empty, Params, Server},
    list::{Narrow, page},
    parse, rule,
};
use crate::service::{Caller, Fault};
use axum::{Json, extract::Path, response::Response};
use havip_admission::request::Choice;
use havip_admission::{Request, request};
use havip_api::{
    AddAddresses, Attach, CreateInterface, Interface, InterfaceFilter, Page, Plug, Problem, UpdateInterface,
    WithWait,
};
use havip_model::{InstanceId, InterfaceId, ResourceKey, SubnetId, VpcId};

/// Lists interfaces.
#[utoipa::path(get, path = "/v1/interfaces", tag = "Interfaces", params(InterfaceFilter), responses(
    (status = 200, body = Page<Interface>), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list_interfaces(
    server: Server,
    Params(filter): Params<InterfaceFilter>,
) -> Result<Json<Page<Interface>>, Fault> {
    let InterfaceFilter { vpc, subnet, instance, name, tag, resource_group, q, after, limit } = &filter;
    let vpc: Option<VpcId> = vpc.as_ref().map(|id| parse::id("vpc", id)).transpose()?;
    let subnet: Option<SubnetId> = subnet.as_ref().map(|id| parse::id("subnet", id)).transpose()?;
    let instance: Option<InstanceId> = instance.as_ref().map(|id| parse::id("instance", id)).transpose()?;
    let narrow = Narrow { name, tag, resource_group, q, after, limit: *limit };
    page(
        &server,
        narrow,
        |_, one: &havip_model::Interface| {
            vpc.is_none_or(|vpc| one.vpc == vpc)
                && subnet.is_none_or(|subnet| one.subnet == subnet)
                && instance.is_none_or(|instance| one.instance == Some(instance))
        },
        |shapes, one| shapes.interface(one),
    )
}

/// Makes an interface.
#[utoipa::path(post, path = "/v1/interfaces", tag = "Interfaces", params(WithWait, CreateHeaders), request_body = CreateInterface, responses(
    (status = 201, body = Interface), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn create_interface(
    server: Server,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<CreateInterface>,
) -> Result<Response, Fault> {
    let address = match body.without_address {
        true if body.address.is_some() => {
            let detail = "give an address or say without_address, not both";
            return Err(Fault::invalid("/without_address", "contradiction", detail));
        }
        true => Choice::Without,
        false => parse::choice("/address", body.address.as_ref())?,
    };
    let request = request::CreateInterface {
        subnet: parse::id("/subnet", &body.subnet)?,
        texts: parse::sorted_texts(&body.name, &body.description, body.tags, body.resource_group.as_ref())?,
        address,
        address6: parse::choice6(body.address6.as_ref(), body.without_address6)?,
        secondary: parse::addresses("/secondary_addresses", &body.secondary_addresses)?,
        mac: body.mac.as_ref().map(|mac| parse::mac("/mac", mac)).transpose()?,
        source_dest_check: body.source_dest_check,
        groups: rule::groups(&body.security_groups)?,
        instance: body.instance.as_ref().map(|id| parse::id("/instance", id)).transpose()?,
    };
    answer::create(&server, caller, request, parse::wait(params.wait.as_ref())?).await
}

/// One interface.
#[utoipa::path(get, path = "/v1/interfaces/{id}", tag = "Interfaces", params(("id" = String, Path, description = "The interface's id.")), responses(
    (status = 200, body = Interface), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn get_interface(server: Server, Path(id): Path<String>) -> Result<Response, Fault> {
    answer::resource(&server, ResourceKey::Interface(interface_id(&id)?), "interface", "interface_not_found")
}

/// Changes an interface.
#[utoipa::path(patch, path = "/v1/interfaces/{id}", tag = "Interfaces", params(("id" = String, Path, description = "The interface's id."), WithWait, ChangeHeaders),
    request_body = UpdateInterface, responses((status = 200, body = Interface), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn update_interface(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<UpdateInterface>,
) -> Result<Response, Fault> {
    let interface = interface_id(&id)?;
    let request = request::UpdateInterface {
        interface,
        texts: parse::new_texts(body.name, body.description),
        source_dest_check: body.source_dest_check,
        groups: body.security_groups.as_deref().map(rule::groups).transpose()?,
    };
    answer::update(
        &server,
        caller,
        ResourceKey::Interface(interface),
        request,
        parse::wait(params.wait.as_ref())?,
    )
    .await
}

/// Deletes an interface that no route leads to, and unbinds it everywhere.
#[utoipa::path(delete, path = "/v1/interfaces/{id}", tag = "Interfaces", params(("id" = String, Path, description = "The interface's id."), WithWait, ChangeHeaders),
    responses((status = 204, description = "It is gone everywhere."), (status = 202, description = "It is being withdrawn."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn delete_interface(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let interface = interface_id(&id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    answer::delete(
        &server,
        caller,
        ResourceKey::Interface(interface),
        request::DeleteInterface { interface },
        wait,
    )
    .await
}

/// Attaches an interface to an instance.
#[utoipa::path(post, path = "/v1/interfaces/{id}/attach", tag = "Interfaces", params(("id" = String, Path, description = "The interface's id."), WithWait, ChangeHeaders),
    request_body = Attach, responses((status = 200, body = Interface), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn attach_interface(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<Attach>,
) -> Result<Response, Fault> {
    let interface = interface_id(&id)?;
    let instance = parse::id("/instance", &body.instance)?;
    let request = request::AttachInterface { interface, instance, device: body.device };
    answer::update(
        &server,
        caller,
        ResourceKey::Interface(interface),
        request,
        parse::wait(params.wait.as_ref())?,
    )
    .await
}

/// Detaches an interface from its instance; its associations stay.
#[utoipa::path(post, path = "/v1/interfaces/{id}/detach", tag = "Interfaces", params(("id" = String, Path, description = "The interface's id."), WithWait, ChangeHeaders),
    responses((status = 200, body = Interface), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn detach_interface(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let interface = interface_id(&id)?;
    let request = request::DetachInterface { interface };
    answer::update(
        &server,
        caller,
        ResourceKey::Interface(interface),
        request,
        parse::wait(params.wait.as_ref())?,
    )
    .await
}

/// Plugs an interface's existing device into a host's switch.
#[utoipa::path(post, path = "/v1/interfaces/{id}/plug", tag = "Interfaces", params(("id" = String, Path, description = "The interface's id."), WithWait, ChangeHeaders),
    request_body = Plug, responses((status = 200, body = Interface), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn plug_interface(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<Plug>,
) -> Result<Response, Fault> {
    let interface = interface_id(&id)?;
    let host = server.read(|durable| parse::host(&durable.state.world, "/host", &body.host))?;
    let request = request::PlugInterface { interface, host, device: body.device };
    answer::update(
        &server,
        caller,
        ResourceKey::Interface(interface),
        request,
        parse::wait(params.wait.as_ref())?,
    )
    .await
}

/// Takes an interface's device out of its host's switch.
#[utoipa::path(post, path = "/v1/interfaces/{id}/unplug", tag = "Interfaces", params(("id" = String, Path, description = "The interface's id."), WithWait, ChangeHeaders),
    responses((status = 200, body = Interface), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn unplug_interface(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    tell(&server, caller, &id, &params, |interface| request::UnplugInterface { interface }).await
}

/// Prepares a device of another host for the interface's guest, which moves there while it runs; the port there becomes
/// active with the guest's first frame, or when the migration is finished by hand.
#[utoipa::path(post, path = "/v1/interfaces/{id}/migrate", tag = "Interfaces", params(("id" = String, Path, description = "The interface's id."), WithWait, ChangeHeaders),
    request_body = Plug, responses((status = 200, body = Interface), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn migrate_interface(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<Plug>,
) -> Result<Response, Fault> {
    let interface = interface_id(&id)?;
    let host = server.read(|durable| parse::host(&durable.state.world, "/host", &body.host))?;
    let request = request::MigrateInterface { interface, host, device: body.device };
    let wait = parse::wait(params.wait.as_ref())?;
    answer::update(&server, caller, ResourceKey::Interface(interface), request, wait).await
}

/// Says that the interface's guest has arrived where it was on its way to.
#[utoipa::path(post, path = "/v1/interfaces/{id}/finish-migration", tag = "Interfaces", params(("id" = String, Path, description = "The interface's id."), WithWait, ChangeHeaders),
    responses((status = 200, body = Interface), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn finish_migration(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    tell(&server, caller, &id, &params, |interface| request::FinishMigration { interface, is_seen: false })
        .await
}

/// Leaves the interface's guest where it is.
#[utoipa::path(post, path = "/v1/interfaces/{id}/cancel-migration", tag = "Interfaces", params(("id" = String, Path, description = "The interface's id."), WithWait, ChangeHeaders),
    responses((status = 200, body = Interface), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn cancel_migration(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    tell(&server, caller, &id, &params, |interface| request::CancelMigration { interface }).await
}

/// Gives an interface further addresses: named, chosen, or taken from another interface.
#[utoipa::path(post, path = "/v1/interfaces/{id}/addresses", tag = "Interfaces", params(("id" = String, Path, description = "The interface's id."), WithWait, ChangeHeaders),
    request_body = AddAddresses, responses((status = 200, body = Interface), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn add_addresses(
    server: Server,
    Path(id): Path<String>,
    Params(params): Params<WithWait>,
    Asked { caller, body }: Asked<AddAddresses>,
) -> Result<Response, Fault> {
    let interface = interface_id(&id)?;
    let addresses = parse::addresses("/addresses", &body.addresses)?;
    let request: Request = match &body.from {
        Some(_) if body.automatic > 0 => {
            let detail = "addresses taken from another interface must be named; leave automatic out";
            return Err(Fault::invalid("/automatic", "contradiction", detail));
        }
        _ if body.automatic == 0 && body.family.is_some() => {
            let detail = "family says which addresses to choose; say how many (automatic), or leave it out";
            return Err(Fault::invalid("/family", "contradiction", detail));
        }
        _ if body.reassign && (body.from.is_some() || body.automatic > 0) => {
            let detail =
                "reassign takes the named addresses from whoever has them; leave from and automatic out";
            return Err(Fault::invalid("/reassign", "contradiction", detail));
        }
        None if body.reassign => request::TakeAddresses { interface, addresses }.into(),
        Some(from) => {
            request::MoveAddresses { from: parse::id("/from", from)?, to: interface, addresses }.into()
        }
        None => {
            let (automatic, family) =
                (body.automatic as usize, body.family.map(Into::into).unwrap_or_default());
            request::AddAddresses { interface, addresses, automatic, family }.into()
        }
    };
    answer::update(
        &server,
        caller,
        ResourceKey::Interface(interface),
        request,
        parse::wait(params.wait.as_ref())?,
    )
    .await
}

/// Takes a secondary address from an interface.
#[utoipa::path(delete, path = "/v1/interfaces/{id}/addresses/{address}", tag = "Interfaces",
    params(("id" = String, Path, description = "The interface's id."), ("address" = String, Path, description = "The address."), WithWait, ChangeHeaders),
    responses((status = 204, description = "The interface has it no more."), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn remove_address(
    server: Server,
    Path((id, address)): Path<(String, String)>,
    Params(params): Params<WithWait>,
    Asked { caller, .. }: Asked<Empty>,
) -> Result<Response, Fault> {
    let interface = interface_id(&id)?;
    let address = parse::path_id("address", "address_not_on_interface", &address)?;
    let request = request::RemoveAddresses { interface, addresses: vec![address] };
    let wait = parse::wait(params.wait.as_ref())?;
    answer::take_away(&server, caller, ResourceKey::Interface(interface), request, wait).await
}

/// Carries out what needs no more than the interface's id.
async fn tell<R: Into<Request>>(
    server: &Server,
    caller: Caller,
    id: &str,
    params: &WithWait,
    request: impl FnOnce(InterfaceId) -> R,
) -> Result<Response, Fault> {
    let interface = interface_id(id)?;
    let wait = parse::wait(params.wait.as_ref())?;
    answer::update(server, caller, ResourceKey::Interface(interface), request(interface), wait).await
}

fn interface_id(id: &str) -> Result<InterfaceId, Fault> {
    parse::path_id("interface", "interface_not_found", id)
}
