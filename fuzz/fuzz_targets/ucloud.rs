#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    havip_dialect::law::every_request_is_answered(havip_ucloud::understand, bytes)
});
