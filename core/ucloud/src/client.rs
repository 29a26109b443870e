//! What a client of these clouds sends, for tests and benches.

use crate::authenticate::sign;
use havip_dialect::{Asker, Params};

/// The parameters of a request, signed; UCloud's are sent to `/`, UCloudStack's to `/api`.
pub fn signed(params: Params, asker: &Asker) -> Params {
    let mut all = params.or(&[("PublicKey", asker.key), ("Region", "local")]);
    let signature = sign(&all, asker.secret);
    all.extend([("Signature".to_owned(), signature)]);
    all
}
