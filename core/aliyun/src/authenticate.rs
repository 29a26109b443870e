//! Who asks: the signature, the time and the nonce of a request.

use crate::{error, v1, v3};
use havip_dialect::{Error, Gate, HttpRequest, Params, Seen, hex, is_same, parse_utc, sha256};

/// The access key that signed the request.
pub fn authenticate(request: &HttpRequest, params: &Params, gate: &mut Gate) -> Result<String, Error> {
    let authorization = request.header("authorization").filter(|text| text.starts_with("ACS3-"));
    let signed = match authorization {
        Some(text) => by_header(request, params, text, gate),
        None => by_parameters(request, params, gate),
    }?;
    match gate.nonces.take(&signed.key, &signed.nonce, signed.made, gate.now.saturating_sub(WINDOW)) {
        Seen::New => Ok(signed.key),
        Seen::Before => {
            Err(Error::new(400, "SignatureNonceUsed", "Specified signature nonce was used already."))
        }
        Seen::TooLongAgo => Err(expired()),
    }
}

/// A request whose signature is right.
struct Signed {
    key: String,
    nonce: String,
    made: u64,
}

fn by_parameters(request: &HttpRequest, params: &Params, gate: &Gate) -> Result<Signed, Error> {
    for name in
        ["AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp"]
    {
        params.required(name).map_err(error::of_parameter)?;
    }
    let get = |name| params.text(name).unwrap_or_default();
    let method = get("SignatureMethod");
    if method != "HMAC-SHA1" || get("SignatureVersion") != "1.0" {
        let message =
            format!("The signature method {method:?} is not known; use HMAC-SHA1 with SignatureVersion 1.0.");
        return Err(Error::new(400, "InvalidSignatureMethod", message));
    }
    no_session_token(get("SecurityToken"))?;
    let made = timestamp(get("Timestamp"), gate.now)?;
    let secret = (gate.secret_of)(get("AccessKeyId")).ok_or_else(unknown_key)?;
    let text = v1::string_to_sign(request.method, params);
    match is_same(&v1::sign(&secret, &text), get("Signature")) {
        true => Ok(Signed { key: get("AccessKeyId").into(), nonce: get("SignatureNonce").into(), made }),
        false => Err(mismatch(&text)),
    }
}

fn by_header(request: &HttpRequest, params: &Params, text: &str, gate: &Gate) -> Result<Signed, Error> {
    let Some(rest) = text.strip_prefix(v3::ALGORITHM).filter(|rest| rest.starts_with(' ')) else {
        let message = format!("Only the signature algorithm {} is known here.", v3::ALGORITHM);
        return Err(Error::new(400, "InvalidSignatureMethod", message));
    };
    let incomplete =
        |what: &str| Error::new(400, "IncompleteSignature", format!("The Authorization header {what}."));
    let authorization = v3::Authorization::read(rest.trim())
        .ok_or_else(|| incomplete("must have Credential, SignedHeaders and Signature, each once"))?;
    if let Some(name) = authorization.unsigned() {
        return Err(incomplete(&format!("must sign {name}")));
    }
    let get = |name: &str| {
        let missing = || error::of_parameter(havip_dialect::ParamError::Missing(name.into()));
        request.header(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    };
    let session = request.header("x-acs-security-token").unwrap_or_default();
    no_session_token(if session.is_empty() {
        params.text("SecurityToken").unwrap_or_default()
    } else {
        session
    })?;
    let made = timestamp(get("x-acs-date")?, gate.now)?;
    let (nonce, digest) = (get("x-acs-signature-nonce")?, get("x-acs-content-sha256")?);
    let secret = (gate.secret_of)(authorization.key).ok_or_else(unknown_key)?;
    let canonical = v3::canonical_request(request, &authorization.headers, digest);
    let expected = v3::sign(&secret, &v3::string_to_sign(&canonical));
    // The digest is signed, so after this nobody has changed the body either.
    match is_same(&expected, authorization.signature) && digest == hex(&sha256(request.body)) {
        true => Ok(Signed { key: authorization.key.into(), nonce: nonce.into(), made }),
        false => Err(mismatch(&v3::string_to_sign(&canonical))),
    }
}

fn timestamp(text: &str, now: u64) -> Result<u64, Error> {
    let malformed = || {
        Error::new(
            400,
            "InvalidTimeStamp.Format",
            "Specified time stamp must be in UTC, like 2024-01-02T03:04:05Z.",
        )
    };
    let made = parse_utc(text).ok_or_else(malformed)?;
    match made.abs_diff(now) <= WINDOW {
        true => Ok(made),
        false => Err(expired()),
    }
}

fn expired() -> Error {
    Error::new(
        400,
        "InvalidTimeStamp.Expired",
        "Specified time stamp or date value is expired; look at this machine's clock.",
    )
}

/// Nobody hands out sessions here, so a token is somebody else's.
fn no_session_token(token: &str) -> Result<(), Error> {
    match token.is_empty() {
        true => Ok(()),
        false => Err(Error::new(
            400,
            "InvalidSecurityToken.Malformed",
            "Temporary credentials are not known here; use an access key.",
        )),
    }
}

fn unknown_key() -> Error {
    Error::new(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
}

/// Clients compare what follows the first colon with their own text, to tell a wrong secret from a wrong text.
fn mismatch(text: &str) -> Error {
    let message =
        format!("Specified signature is not matched with our calculation. server string to sign is:{text}");
    Error::new(400, "SignatureDoesNotMatch", message)
}

/// How far the client's clock may be off, and how long a nonce is remembered; seconds.
const WINDOW: u64 = 15 * 60;
