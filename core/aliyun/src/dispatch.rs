//! From bytes to a call: parameters put together, the signature checked, the action found.

use crate::{action, ask::Ask, authenticate::authenticate, error, reply::Writing};
use havip_dialect::{Call, Error, Gate, HttpRequest, Params, Understood, WrongForm};

/// Whether a request speaks this dialect; asked only of what others have not taken.
pub fn is_for_us(request: &HttpRequest, params: &Params) -> bool {
    let is_signed = request.header("authorization").is_some_and(|value| value.starts_with("ACS3-"));
    is_signed
        || request.header("x-acs-action").is_some()
        || params.sent("AccessKeyId").is_some()
        || params.sent("SignatureNonce").is_some()
}

/// Reads a request; whoever signed it is known in the end.
pub fn understand(request: &HttpRequest, mut gate: Gate) -> Understood {
    let merged = merge(request);
    let params = merged.as_ref().cloned().unwrap_or_default();
    let reply = Box::new(Writing::of(request, &params));
    let asked = merged.map_err(error::of_form).and_then(|params| read(request, params, &mut gate));
    Understood { reply, asked }
}

fn read(request: &HttpRequest, params: Params, gate: &mut Gate) -> Result<(String, Box<dyn Call>), Error> {
    let key = authenticate(request, &params, gate)?;
    let of_either = |parameter: &str, header: &str| {
        let missing = || error::of_parameter(havip_dialect::ParamError::Missing(parameter.into()));
        let value = params.text(parameter).or(request.header(header)).filter(|value| !value.is_empty());
        value.map(str::to_string).ok_or_else(missing)
    };
    let name = of_either("Action", "x-acs-action")?;
    let version = of_either("Version", "x-acs-version")?;
    if ![VPC, ECS].contains(&version.as_str()) {
        return Err(Error::new(
            404,
            "InvalidVersion",
            format!("Specified parameter Version {version:?} is not valid."),
        ));
    }
    let action = action::all().find(|action| {
        action.name == name && (action.product.is_none() || action.product == Some(version.as_str()))
    });
    let unknown = || {
        let name: String = name.chars().take(64).collect();
        Error::new(
            404,
            "InvalidAction.NotFound",
            format!("Specified api {name:?} is not found, please check your url and method."),
        )
    };
    let ask = Ask::new(action.ok_or_else(unknown)?, params, gate.home.clone())?;
    Ok((key, Box::new(ask)))
}

/// Parameters of the query, and of the body where it is a form.
fn merge(request: &HttpRequest) -> Result<Params, WrongForm> {
    let mut params = Params::default();
    params.add_form(request.query.as_bytes())?;
    if request.has_kind("application/x-www-form-urlencoded") {
        params.add_form(request.body)?;
    }
    Ok(params)
}

/// The version of the API for networks.
pub const VPC: &str = "2016-04-28";
/// The version of the API for servers.
pub const ECS: &str = "2014-05-26";
