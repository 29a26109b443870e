//! One request on its way: an action of the table with its parameters.

use crate::{
    action::{Action, Does},
    error,
    error::error,
    name,
    permission::permission,
    tag,
};
use havip_admission::{Code, Refusal};
use havip_dialect::{Call, Denied, Error, Home, Naming, Once, Params, Step, View, rename};
use havip_model::{Id, Map, ResourceKey};
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
    region: String,
}

impl Ask {
    /// An action with parameters that it knows.
    ///
    /// # Errors
    /// A parameter whose effect somebody would miss.
    pub fn new(
        action: &'static Action,
        params: Params,
        region: String,
        home: Arc<Home>,
    ) -> Result<Self, Error> {
        if let Some(stranger) = params.stranger(&[action.honoured, action.harmless, COMMON]) {
            return Err(error::unsupported(&stranger));
        }
        if params.text("ClientToken").is_some_and(|token| token.len() > 64 || !token.is_ascii()) {
            return Err(error("InvalidParameterValue", "ClientToken must have 1 to 64 ASCII characters."));
        }
        Ok(Self { action, params, home, region })
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

    /// A number, or a text of one.
    pub fn number(&self, name: &str) -> Result<Option<u32>, Error> {
        self.params.parsed(name, "a whole number").map_err(error::of_parameter)
    }

    /// An IPv4 address.
    pub fn address(&self, name: &str) -> Result<Option<std::net::Ipv4Addr>, Error> {
        let address = |text: &str| text.parse().map_err(|_| error::malformed(name, text));
        self.text(name).map(address).transpose()
    }

    /// A name of at most 60 characters.
    pub fn name(&self, name: &str) -> Result<Option<String>, Error> {
        match self.text(name) {
            Some(text) if text.chars().count() > 60 => Err(error(
                "InvalidParameterValue.TooLong",
                format!("{name} must have at most 60 characters."),
            )),
            text => Ok(text.map(Into::into)),
        }
    }

    /// The resource that a parameter names, which must be there.
    pub fn find<'a, K: Id, V>(
        &self,
        parameter: &str,
        naming: Naming,
        all: &'a Map<K, V>,
    ) -> Result<&'a V, Error> {
        look_up(parameter, self.required(parameter)?, naming, all)
    }

    /// The region that the client speaks of.
    pub fn region(&self) -> &str {
        if self.region.is_empty() { &self.home.region } else { &self.region }
    }
}

/// The resource of an id, which must be there.
pub fn look_up<'a, K: Id, V>(
    parameter: &str,
    id: &str,
    naming: Naming,
    all: &'a Map<K, V>,
) -> Result<&'a V, Error> {
    match naming.fits(id) {
        true => naming.find(all, id).ok_or_else(|| error::not_found(parameter, id)),
        false => Err(error::malformed(parameter, id)),
    }
}

impl Call for Ask {
    fn action(&self) -> &'static str {
        self.action.name
    }

    fn permission(&self) -> &'static str {
        permission(self.action.name).expect("the table of permissions has every action")
    }

    fn is_change(&self) -> bool {
        matches!(self.action.does, Does::Change { .. })
    }

    fn once(&self) -> Option<Once> {
        let token = self.text("ClientToken").filter(|_| self.is_change())?;
        let name = format!("tencent/{}/{}/{token}", self.region(), self.action.name);
        Some(Once::new(name, &self.params, OF_TRANSPORT))
    }

    fn rehearsed(&self) -> Option<Error> {
        let is_dry = self.params.flag("DryRun").ok().flatten().unwrap_or(false);
        is_dry.then(|| error("DryRunOperation", "Request validation has been passed with DryRun flag set."))
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
            Does::Change { refused, .. } => refused(refusal.code),
            Does::Read(_) => None,
        };
        let own = own.or_else(|| tag::usual(refusal.code));
        error(own.unwrap_or_else(|| usual(refusal.code)), rename(&refusal.message, name::RENAMED))
    }

    fn token_reused(&self) -> Error {
        error("InvalidParameterValue", "The ClientToken was used for a request with other parameters.")
    }

    fn denied(&self, denied: Denied) -> Error {
        match denied {
            Denied::KeyDisabled => error("AuthFailure.SecretIdNotFound", "The SecretId is disabled."),
            Denied::Throttled(wait) => {
                let message = "Your current request times exceed the limit; ask again in a second.";
                error("RequestLimitExceeded", message).retry_after(wait)
            }
            Denied::Forbidden(why) => {
                error("AuthFailure.UnauthorizedOperation", format!("You are not authorized: {why}."))
            }
        }
    }

    fn unavailable(&self) -> Error {
        error("InternalError", "The server cannot now; ask again.")
    }
}

/// The words for refusals that mean the same in every action.
fn usual(code: Code) -> &'static str {
    use Code::*;
    match code {
        TooManyAssociations
        | TooManyVipsOfInstance
        | TooManyVipsInVpc
        | TooManyVipsInProject
        | VipsNotAllowed
        | TooManyVipRoutes
        | TooManyAddresses
        | TooManyInterfaces
        | TooManyGroups
        | TooManyGroupsInVpc => "LimitExceeded",
        SubnetFull | PoolFull | NoHost | HostNotLive | HostFull => "ResourceInsufficient",
        VpcInUse | SubnetInUse | InterfaceAttached | VipInUse => "ResourceInUse",
        AddressInUse => "InvalidParameterValue.Duplicate",
        CidrOverlaps => "InvalidParameterValue.SubnetConflict",
        CidrOutsideVpc => "InvalidParameterValue.SubnetRange",
        AddressOutsideSubnet | AddressReserved | CidrHasHostBits | CidrSize | CidrNotUsable | InvalidText => {
            "InvalidParameterValue"
        }
        NumbersExhausted => "InternalError",
        code if code.kind() == havip_admission::Kind::NotFound => "ResourceNotFound",
        _ => "UnsupportedOperation",
    }
}

/// What may stand in every request: who asks and how.
const COMMON: &[&str] = &[
    "Action",
    "Version",
    "Region",
    "Timestamp",
    "Nonce",
    "SecretId",
    "Signature",
    "SignatureMethod",
    "RequestClient",
    "Language",
    "Token",
];

/// What differs between a request and its repetition.
const OF_TRANSPORT: &[&str] = &[
    "Timestamp",
    "Nonce",
    "SecretId",
    "Signature",
    "SignatureMethod",
    "RequestClient",
    "Language",
    "ClientToken",
];
