//! One request on its way: an action of the table with its parameters.

use crate::{
    action::{Action, Does, resource_group, tag},
    error, name,
    permission::permission,
};
use havip_admission::{Code, Refusal};
use havip_dialect::{Call, Denied, Error, Home, Naming, Once, Params, Step, View, rename};
use havip_model::{Id, Map, ResourceGroupId, ResourceKey};
use serde_json::Value;
use std::sync::Arc;

/// An action with its parameters.
pub struct Ask {
    /// Which.
    pub action: &'static Action,
    /// With what.
    pub params: Params,
    /// Where.
    pub home: Arc<Home>,
}

impl Ask {
    /// An action with parameters that it knows.
    ///
    /// # Errors
    /// A parameter whose effect somebody would miss, a region that is not here.
    pub fn new(action: &'static Action, params: Params, home: Arc<Home>) -> Result<Self, Error> {
        if let Some(stranger) = params.stranger(&[action.honoured, action.harmless, COMMON]) {
            return Err(error::unsupported(&stranger));
        }
        if let Some(region) = params.text("RegionId").filter(|region| !home.knows_region(region)) {
            return Err(error::not_found("InvalidRegionId.NotFound", "region", region));
        }
        if params.text("ClientToken").is_some_and(|token| token.len() > 64 || !token.is_ascii()) {
            return Err(error::invalid("ClientToken must have 1 to 64 ASCII characters."));
        }
        Ok(Self { action, params, home })
    }

    /// One parameter that is not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.params.text(name)
    }

    /// One that must be there.
    pub fn required(&self, name: &str) -> Result<&str, Error> {
        self.params.required(name).map_err(error::of_parameter)
    }

    /// Yes or no.
    pub fn flag(&self, name: &str) -> Result<bool, Error> {
        Ok(self.params.flag(name).map_err(error::of_parameter)?.unwrap_or(false))
    }

    /// A number.
    pub fn number(&self, name: &str) -> Result<Option<u32>, Error> {
        self.params.parsed(name, "a whole number").map_err(error::of_parameter)
    }

    /// The texts of a comma list.
    pub fn commas(&self, name: &str) -> Vec<&str> {
        let parts = self.text(name).into_iter().flat_map(|text| text.split(','));
        parts.map(str::trim).filter(|part| !part.is_empty()).collect()
    }

    /// The texts of a JSON array in one parameter.
    pub fn array(&self, name: &str) -> Result<Option<Vec<String>>, Error> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let array = serde_json::from_str(text);
        array
            .map(Some)
            .map_err(|_| error::invalid(format!("{name} must be a JSON array of texts, such as [\"a\"].")))
    }

    /// A text that must not be what is refused for it: a choice of which only one can be had.
    pub fn only(&self, name: &str, choice: &str) -> Result<(), Error> {
        match self.text(name).filter(|text| !text.eq_ignore_ascii_case(choice)) {
            None => Ok(()),
            Some(text) => Err(error::invalid(format!("{name} can only be {choice} here, not {text:?}."))),
        }
    }

    /// The region that the client speaks of.
    pub fn region(&self) -> &str {
        self.text("RegionId").unwrap_or(&self.home.region)
    }

    /// The resource that a parameter names, which must be there.
    pub fn find<'a, K: Id, V>(
        &self,
        parameter: &str,
        naming: Naming,
        all: &'a Map<K, V>,
        code: &'static str,
    ) -> Result<&'a V, Error> {
        let id = self.required(parameter)?;
        naming.find(all, id).ok_or_else(|| error::not_found(code, parameter, id))
    }

    /// A name and a description, each checked as the cloud does.
    pub fn new_text(
        &self,
        parameter: &str,
        most: usize,
        code: &'static str,
    ) -> Result<Option<String>, Error> {
        let Some(text) = self.text(parameter) else { return Ok(None) };
        match text.chars().count() > most || text.starts_with("http://") || text.starts_with("https://") {
            true => Err(Error::new(
                400,
                code,
                format!(
                    "{parameter} must have 1 to {most} characters and must not begin with http:// or https://."
                ),
            )),
            false => Ok(Some(text.into())),
        }
    }
}

impl Call for Ask {
    fn action(&self) -> &'static str {
        self.action.name
    }

    fn permission(&self) -> &'static str {
        permission(self.action.name).expect("the table of permissions has every action")
    }

    fn group_read(&self, view: &View) -> Option<ResourceGroupId> {
        resource_group::of_read(self, view)
    }

    fn is_change(&self) -> bool {
        matches!(self.action.does, Does::Change { .. })
    }

    fn once(&self) -> Option<Once> {
        let token = self.text("ClientToken").filter(|_| self.is_change())?;
        let name = format!("aliyun/{}/{}/{token}", self.region(), self.action.name);
        Some(Once::new(name, &self.params, OF_TRANSPORT))
    }

    fn rehearsed(&self) -> Option<Error> {
        let is_batch = ["StartInstances", "StopInstances", "DeleteInstances"].contains(&self.action.name);
        let code = if is_batch { "DRYRUN.SUCCESS" } else { "DryRunOperation" };
        let message = "Request validation has been passed with DryRun flag set.";
        let is_dry = self.params.flag("DryRun").ok().flatten().unwrap_or(false);
        is_dry.then(|| Error::new(400, code, message))
    }

    fn plan(&self, view: &View) -> Result<Vec<Step>, Error> {
        // What is neither true nor false must not be taken for "do it".
        self.flag("DryRun")?;
        match self.action.does {
            Does::Change { plan, .. } => plan(self, view),
            Does::Read(_) => Ok(vec![]),
        }
    }

    fn answer(&self, view: &View, made: &[ResourceKey]) -> Result<Value, Error> {
        match self.action.does {
            Does::Change { answer, .. } => Ok(answer(self, view, made)),
            Does::Read(read) => read(self, view),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Error {
        let own = match self.action.does {
            Does::Change { refused, .. } => refused(refusal),
            Does::Read(_) => None,
        };
        let of_tags = || tag::usual(self, refusal.code);
        let (status, code) = own.or_else(of_tags).unwrap_or_else(|| usual(refusal.code));
        Error::new(status, code, rename(&refusal.message, name::RENAMED))
    }

    fn token_reused(&self) -> Error {
        Error::new(
            400,
            "IdempotentParameterMismatch",
            "The ClientToken was used for a request with other parameters.",
        )
    }

    fn denied(&self, denied: Denied) -> Error {
        match denied {
            Denied::KeyDisabled => {
                Error::new(403, "InvalidAccessKeyId.Inactive", "Specified access key is disabled.")
            }
            Denied::Throttled(wait) => {
                let message = "Request was denied due to user flow control.";
                Error::new(400, "Throttling.User", message).retry_after(wait)
            }
            Denied::Forbidden(why) => Error::new(
                403,
                "Forbidden.RAM",
                format!("User not authorized to operate on the specified resource: {why}."),
            ),
        }
    }

    fn unavailable(&self) -> Error {
        Error::new(
            503,
            "ServiceUnavailable",
            "The request has failed due to a temporary failure of the server; ask again.",
        )
    }
}

/// The words for refusals that mean the same in every action.
fn usual(code: Code) -> (u16, &'static str) {
    use Code::*;
    match code {
        VpcNotFound => (404, "InvalidVpcId.NotFound"),
        SubnetNotFound => (404, "InvalidVSwitchId.NotFound"),
        VipNotFound => (404, "InvalidHaVipId.NotFound"),
        EipNotFound => (404, "InvalidAllocationId.NotFound"),
        InstanceNotFound => (404, "InvalidInstanceId.NotFound"),
        InterfaceNotFound => (404, "InvalidEniId.NotFound"),
        RouteNotFound => (404, "InvalidRouteEntry.NotFound"),
        SecurityGroupNotFound => (404, "InvalidSecurityGroupId.NotFound"),
        NoHost | HostNotLive | HostFull => (403, "OperationDenied.NoStock"),
        AlreadyInState => (403, "IncorrectInstanceStatus"),
        NumbersExhausted => (500, "InternalError"),
        _ => (400, "InvalidParameter"),
    }
}

/// What may stand in every request: who asks and how, or what the cloud itself pays no attention to.
const COMMON: &[&str] = &[
    "Action",
    "Version",
    "Format",
    "AccessKeyId",
    "Signature",
    "SignatureMethod",
    "SignatureVersion",
    "SignatureNonce",
    "SignatureType",
    "SecurityToken",
    "Timestamp",
    "RegionId",
    "OwnerId",
    "OwnerAccount",
    "ResourceOwnerId",
    "ResourceOwnerAccount",
    "SourceIp",
    "SecureTransport",
];

/// What differs between a request and its repetition.
const OF_TRANSPORT: &[&str] = &[
    "AccessKeyId",
    "Signature",
    "SignatureMethod",
    "SignatureVersion",
    "SignatureNonce",
    "SignatureType",
    "Timestamp",
    "Format",
    "ClientToken",
];
