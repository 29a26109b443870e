//! What the documentation says of actions and parameters is what the table has.

#[test]
fn every_action_and_parameter_is_in_the_documentation_and_no_other() {
    let page = include_str!("../../../docs/tencent.md");
    let code = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let rows = havip_tencent::table();
    let rows: Vec<String> = rows
        .map(|(name, honoured, harmless)| format!("| `{name}` | {} | {} |", code(honoured), code(harmless)))
        .collect();
    let missing: Vec<_> = rows.iter().filter(|row| !page.contains(*row)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let is_action = |line: &&str| line.matches('|').count() == 4 && line.starts_with("| `");
    assert_eq!(page.lines().filter(is_action).count(), rows.len(), "a row that is no action's any more");
}
