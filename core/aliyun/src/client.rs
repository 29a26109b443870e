//! What a client of this cloud sends, for tests and benches: signature V1 of everything in a form.

use crate::v1;
use havip_dialect::{Asker, Clock, Params, format_time};

/// The parameters of a request by `POST`, signed. Which product the action is of its version says, of VPC if absent.
pub fn signed(params: Params, asker: &Asker) -> Params {
    let (nonce, at) = (asker.nonce.to_string(), format_time(asker.at, Clock::Seconds));
    let mut all = params.or(&[
        ("Version", "2016-04-28"),
        ("Format", "JSON"),
        ("AccessKeyId", asker.key),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("SignatureNonce", &nonce),
        ("Timestamp", &at),
    ]);
    let signature = v1::sign(asker.secret, &v1::string_to_sign("POST", &all));
    all.extend([("Signature".to_owned(), signature)]);
    all
}
