//! Answering others: what counts, and when nothing can be said.

use havip_liveness::Witness;
use havip_model::HostNumber;
use std::time::Duration;

fn host(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn only_what_is_heard_after_the_question_answers_it() {
    let mut witness = Witness::new();
    let first = witness.asked(ms(1000), host(2)).unwrap();
    let second = witness.asked(ms(1010), host(2)).unwrap();
    let other = witness.asked(ms(1010), host(3)).unwrap();
    assert_eq!(witness.heard(ms(999), host(2)), [], "the asker heard it then, too");
    assert_eq!(witness.heard(ms(1005), host(2)), [first]);
    assert_eq!(witness.heard(ms(1020), host(2)), [second]);
    assert_eq!(witness.heard(ms(1021), host(2)), []);
    assert_eq!(witness.deadline_reached(ms(1084)), []);
    assert_eq!(witness.next_deadline(), Some(ms(1085)));
    assert_eq!(witness.deadline_reached(ms(1085)), [other], "an echo has had its time");
    assert_eq!(witness.next_deadline(), None);
}

#[test]
fn a_host_that_was_late_itself_answers_nothing() {
    let mut witness = Witness::new();
    let question = witness.asked(ms(1000), host(2)).unwrap();
    assert_eq!(witness.was_late(), [question]);
    assert_eq!((witness.heard(ms(1001), host(2)), witness.deadline_reached(ms(9000))), (vec![], vec![]));
}

#[test]
fn questions_are_bounded() {
    let mut witness = Witness::new();
    assert_eq!((0..1000).filter_map(|_| witness.asked(ms(0), host(2))).count(), 256);
    assert_eq!(witness.deadline_reached(ms(75)).len(), 256);
    assert!(witness.asked(ms(75), host(2)).is_some());
}
