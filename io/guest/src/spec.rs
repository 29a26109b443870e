//! What an instance's sandbox should be.

use havip_model::{InitSystem, InstanceId};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A sandbox to be started.
///
/// Its network interfaces are not here: the caller moves them in between the two phases of the start, see
/// [`crate::Prepared`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Whose it is; also the name of its directory.
    pub instance: InstanceId,
    /// The name it has for itself: at most 63 letters, digits and hyphens.
    pub host_name: String,
    /// What its first process is.
    #[serde(default)]
    pub init: InitSystem,
    /// Run at each start: by `/bin/sh`, or by what its first line names with `#!`. May be empty.
    pub user_data: String,
    /// Processors, in thousandths; 0 for no limit.
    pub cpu_millis: u32,
    /// Memory, in MiB; 0 for no limit.
    pub memory_mib: u32,
    /// Directories and files of the host that the guest must not see, beside the sandboxes' own directory,
    /// `/root`, `/home` and the host's keys, which are always hidden.
    pub hidden: Vec<PathBuf>,
}

impl Spec {
    /// Why the sandbox cannot be made, if it cannot.
    pub(crate) fn objection(&self) -> Option<String> {
        if let why @ Some(_) = not_a_host_name(&self.host_name) {
            return why;
        }
        if let Some(path) = self.hidden.iter().find(|path| !path.is_absolute()) {
            return Some(format!("the hidden path {} is not absolute", path.display()));
        }
        None
    }
}

/// Why a guest cannot have this name, if it cannot.
pub(crate) fn not_a_host_name(name: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let fits = (1..=63).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-');
    (!fits).then(|| format!("{name:?} is not a host name: 1 to 63 letters, digits and hyphens"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_and_hidden_paths_that_make_no_sense_are_refused() {
        let instance = InstanceId::new(havip_model::Body::from_entropy([1; 16]));
        let good = Spec {
            instance,
            host_name: "web-1".into(),
            init: InitSystem::Minimal,
            user_data: String::new(),
            cpu_millis: 0,
            memory_mib: 0,
            hidden: vec![],
        };
        assert_eq!(good.objection(), None);
        for name in ["", "-a", "a b", "a/b", "a\n", &"a".repeat(64)] {
            assert!(Spec { host_name: name.into(), ..good.clone() }.objection().is_some(), "{name:?}");
        }
        assert!(Spec { hidden: vec!["relative".into()], ..good }.objection().is_some());
    }
}
