//! What a client of this cloud sends, for tests and benches: signature V1 of everything in a form.

use crate::{name, v1};
use havip_dialect::{Asker, Clock, Params, format_time};
use havip_model::{SubnetId, VipId};

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

/// Asks for one HAVIP; and its name, which the answer has.
pub fn read(vip: VipId) -> (Params, String) {
    let id = name::HAVIP.show(vip);
    let filter = [("Filter.1.Key", "HaVipId"), ("Filter.1.Value.1", &*id)];
    (Params::of(&[("Action", "DescribeHaVips")]).or(&filter), id)
}

/// Makes a HAVIP with an address of the server's choice.
pub fn create(subnet: SubnetId) -> Params {
    Params::of(&[("Action", "CreateHaVip"), ("VSwitchId", &name::VSWITCH.show(subnet))])
}
