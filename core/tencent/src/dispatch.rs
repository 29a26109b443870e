//! From bytes to a call: parameters read, the signature checked, the action found.

use crate::{action, ask::Ask, authenticate::authenticate, error, error::error, reply::Writing};
use havip_dialect::{Call, Error, Gate, HttpRequest, ParamError, Params, Understood};

/// Whether a request speaks this dialect.
pub fn is_for_us(request: &HttpRequest, params: &Params) -> bool {
    let is_signed = request.header("authorization").is_some_and(|value| value.starts_with("TC3-"));
    is_signed || request.header("x-tc-action").is_some() || params.sent("SecretId").is_some()
}

/// Reads a request; whoever signed it is known in the end.
pub fn understand(request: &HttpRequest, mut gate: Gate) -> Understood {
    Understood { reply: Box::new(Writing), asked: read(request, &mut gate) }
}

fn read(request: &HttpRequest, gate: &mut Gate) -> Result<(String, Box<dyn Call>), Error> {
    let mut params = Params::default();
    match (request.method, request.has_kind("application/json")) {
        ("GET", _) => params.add_form(request.query.as_bytes()),
        (_, true) => params.add_json(request.body),
        (_, false) => params.add_form(request.body),
    }
    .map_err(error::of_form)?;
    let key = authenticate(request, &params, gate)?;
    let of_either = |parameter: &str, header: &str| {
        let value = request.header(header).or(params.text(parameter)).filter(|value| !value.is_empty());
        value.map(str::to_string).ok_or_else(|| error::of_parameter(ParamError::Missing(parameter.into())))
    };
    let name = of_either("Action", "x-tc-action")?;
    if of_either("Version", "x-tc-version")? != VERSION {
        return Err(error("NoSuchVersion", format!("The only version here is {VERSION}.")));
    }
    let shown: String = name.chars().take(64).collect();
    let unknown = || {
        error(
            "InvalidAction",
            format!("The action {shown:?} does not exist; see docs/tencent.md for those that do."),
        )
    };
    let action = action::all().find(|action| action.name == name).ok_or_else(unknown)?;
    let region = request.header("x-tc-region").or(params.text("Region")).unwrap_or_default().to_string();
    if !region.is_empty() && !gate.home.knows_region(&region) {
        return Err(error("UnsupportedRegion", format!("The region {region:?} is not here.")));
    }
    let ask = Ask::new(action, params, region, gate.home.clone())?;
    Ok((key, Box::new(ask)))
}

/// Of both services.
const VERSION: &str = "2017-03-12";
