//! The description of the API in `docs/` is the one that the server gives out.

#[test]
fn the_copy_in_docs_has_not_drifted() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let now = havip_server::openapi();
    if std::env::var_os("HAVIP_WRITE_OPENAPI").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let copy = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        copy == now,
        "docs/openapi.json is not what the server says: run `HAVIP_WRITE_OPENAPI=1 cargo test -p havip-server --test document`"
    );
}

#[test]
fn every_code_of_a_refusal_is_in_the_guide() {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md")).unwrap();
    for code in havip_admission::Code::ALL {
        assert!(guide.contains(&format!("| `{code}` |")), "docs/api.md does not explain {code}");
    }
}
