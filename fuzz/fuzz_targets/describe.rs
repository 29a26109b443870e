#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| havip_wire::law::describe(bytes));
