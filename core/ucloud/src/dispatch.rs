//! From bytes to a call: parameters read, the signature checked, the action found.

use crate::{action, ask::Ask, authenticate::authenticate, error, error::error, reply::Writing};
use havip_dialect::{Call, Error, Gate, HttpRequest, Params, Understood, WrongForm};

/// Whether a request speaks one of these dialects.
pub fn is_for_us(request: &HttpRequest, params: &Params) -> bool {
    request.path == STACK || params.sent("PublicKey").is_some()
}

/// Reads a request; whoever signed it is known in the end.
pub fn understand(request: &HttpRequest, gate: Gate) -> Understood {
    let merged = merge(request);
    let action = merged.as_ref().ok().and_then(|params| params.text("Action")).unwrap_or_default();
    let reply = Box::new(Writing::of(action));
    let asked = merged.map_err(error::of_form).and_then(|params| read(params, request.path == STACK, &gate));
    Understood { reply, asked }
}

fn read(params: Params, is_stack: bool, gate: &Gate) -> Result<(String, Box<dyn Call>), Error> {
    let name = params.text("Action").ok_or_else(|| error(160, "Missing Action"))?.to_string();
    let key = authenticate(&params, gate)?;
    let shown: String = name.chars().take(64).collect();
    let action = action::all(is_stack).find(|action| action.name == name);
    let action = action.ok_or_else(|| error(161, format!("Action [{shown}] not found")))?;
    if let Some(region) = params.text("Region").filter(|region| !gate.home.knows_region(region)) {
        return Err(error(293, format!("Region [{region}] is not here")));
    }
    if let Some(zone) = params.text("Zone").filter(|zone| !gate.home.knows_zone(zone)) {
        return Err(error(293, format!("Zone [{zone}] is not here")));
    }
    Ok((key, Box::new(Ask::new(action, params, is_stack, gate.home.clone())?)))
}

/// Parameters of the query, and of the body, a form or a JSON object.
fn merge(request: &HttpRequest) -> Result<Params, WrongForm> {
    let mut params = Params::default();
    params.add_form(request.query.as_bytes())?;
    match request.has_kind("application/json") {
        true => params.add_json(request.body)?,
        false => params.add_form(request.body)?,
    }
    Ok(params)
}

/// Where UCloudStack is asked.
pub const STACK: &str = "/api";
