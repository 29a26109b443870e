use super::*;
use crate::compile::{Desired, tests as compiled};
use havip_model::HostNumber;
use proptest::prelude::*;

/// Does a step, and says whether every active port has its own addresses after it.
fn step(table: &mut Table, step: Step) -> bool {
    match step {
        Step::Put(key, entry) => _ = table.insert(key, entry),
        Step::Remove(key) => _ = table.remove(&key).expect("only what is there is removed"),
    }
    table.iter().all(|(key, entry)| match (key, entry) {
        (EntryKey::Port(number), Entry::Port(port)) => is_sound(table, *number, port),
        _ => true,
    })
}

proptest! {
    #[test]
    fn the_steps_lead_to_what_is_desired_and_no_port_is_ever_active_without_its_addresses(
        before in proptest::collection::vec(compiled::change(), 0..40),
        after in proptest::collection::vec(compiled::change(), 0..20),
    ) {
        let mut desired = Desired::new(HostNumber::MIN);
        for change in before {
            compiled::apply(&mut desired, change);
        }
        let observed = desired.table().clone();
        let touched: BTreeSet<EntryKey> =
            after.into_iter().flat_map(|change| compiled::apply(&mut desired, change)).collect();

        for steps in [plan(desired.table(), &observed), plan_for(&touched, desired.table(), &observed)] {
            let mut table = observed.clone();
            for one in steps {
                prop_assert!(step(&mut table, one.clone()), "{:?}", one);
            }
            prop_assert_eq!(&table, desired.table());
        }
    }

    #[test]
    fn what_is_as_desired_needs_no_step(changes in proptest::collection::vec(compiled::change(), 0..40)) {
        let mut desired = Desired::new(HostNumber::MIN);
        for change in changes {
            compiled::apply(&mut desired, change);
        }
        prop_assert_eq!(plan(desired.table(), desired.table()), vec![]);
    }
}
