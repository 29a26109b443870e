//! The prober over time: what it sends, whom it loses, whom it finds again.

use havip_liveness::{Action, Event, Prober};
use havip_model::HostNumber;
use std::time::Duration;

fn host(number: u32) -> HostNumber {
    HostNumber::new(number).unwrap()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Ticks on time until `until`; these hosts answer each echo after 1 ms. Returns what else was done, with its time.
fn run(prober: &mut Prober, until: Duration, answering: &[u32]) -> Vec<(u128, Action)> {
    let mut done = vec![];
    while let Some(at) = prober.next_deadline().filter(|at| *at <= until) {
        for action in prober.handle(at, Event::DeadlineReached) {
            match action {
                Action::SendEcho { host, .. } if answering.contains(&host.get()) => {
                    let heard = prober.handle(at + ms(1), Event::Heard(host));
                    done.extend(heard.into_iter().map(|action| (at.as_millis() + 1, action)));
                }
                Action::SendEcho { .. } | Action::Ask { .. } => {}
                other => done.push((at.as_millis(), other)),
            }
        }
    }
    done
}

fn prober(peers: impl IntoIterator<Item = u32>) -> Prober {
    let mut prober = Prober::new();
    for peer in peers {
        assert_eq!(prober.handle(ms(1000), Event::PeerAdded(host(peer))), []);
    }
    prober
}

#[test]
fn a_prober_without_peers_sleeps() {
    let mut prober = prober([1]);
    prober.handle(ms(1000), Event::PeerRemoved(host(1)));
    assert_eq!(prober.next_deadline(), None);
    assert_eq!(prober.handle(ms(2000), Event::DeadlineReached), []);
    assert_eq!(prober.handle(ms(2000), Event::Heard(host(1))), []);
}

#[test]
fn every_peer_gets_an_echo_every_50_ms_with_its_send_stamp() {
    let mut prober = prober([1, 2]);
    for tick in 0..4 {
        let at = ms(1000 + 50 * tick);
        let nonce = at.as_nanos() as u64;
        let both = [1, 2].map(|number| Action::SendEcho { host: host(number), nonce });
        assert_eq!(prober.handle(at, Event::DeadlineReached), both);
        assert_eq!(prober.handle(at + ms(49), Event::DeadlineReached), [], "woken early");
        prober.handle(at + ms(1), Event::Heard(host(1)));
        prober.handle(at + ms(1), Event::Heard(host(2)));
    }
}

#[test]
fn a_host_that_dies_is_lost_at_its_third_miss_and_alive_when_heard_again() {
    let mut prober = prober([1, 2, 3]);
    assert_eq!(run(&mut prober, ms(1999), &[1, 2, 3]), []);

    // Host 2 answered the echo of 1950 for the last time; those of 2000, 2050 and 2100 it misses.
    let lost = Action::Lost { host: host(2), since: ms(1951) };
    assert_eq!(run(&mut prober, ms(5000), &[1, 3]), [(2150, lost)]);
    assert!(!prober.liveness().trouble_is_here);
    assert!(!prober.liveness().believes_alive(host(2)));

    let alive = Action::Alive { host: host(2) };
    assert_eq!(run(&mut prober, ms(6000), &[1, 2, 3]), [(5051, alive)]);
    assert!(prober.liveness().believes_alive(host(2)));
}

#[test]
fn two_misses_and_any_frame_are_no_loss() {
    let mut prober = prober([1]);
    for _ in 0..20 {
        let until = prober.next_deadline().unwrap() + ms(100);
        assert_eq!(run(&mut prober, until, &[]), []);
        assert_eq!(prober.handle(until + ms(30), Event::Heard(host(1))), []);
    }
}

#[test]
fn a_prober_that_was_late_itself_discards_its_misses() {
    let mut prober = prober([1, 2, 3]);
    run(&mut prober, ms(2000), &[1, 2, 3]);
    // Its process gets the processor only every 80 ms; nothing that it did not hear counts.
    for round in 0..50 {
        let at = ms(2080 + 80 * round);
        let actions = prober.handle(at, Event::DeadlineReached);
        assert!(actions.iter().all(|action| matches!(action, Action::SendEcho { .. })), "{actions:?}");
    }
    // On time again, it finds out within three intervals.
    let from = prober.next_deadline().unwrap();
    let lost: Vec<_> =
        run(&mut prober, from + ms(100), &[1, 3]).into_iter().map(|(_, action)| action).collect();
    assert!(matches!(lost[..], [Action::Lost { .. }]), "{lost:?}");
}

#[test]
fn when_most_peers_vanish_together_the_trouble_is_here_until_they_are_heard() {
    let mut prober = prober(1..=5);
    run(&mut prober, ms(2000), &[1, 2, 3, 4, 5]);
    assert_eq!(run(&mut prober, ms(60_000), &[4, 5]).len(), 3);
    let liveness = prober.liveness();
    assert_eq!(liveness.lost.len(), 3);
    assert!(liveness.trouble_is_here && liveness.believes_alive(host(1)));

    run(&mut prober, ms(61_000), &[3, 4, 5]);
    let liveness = prober.liveness();
    assert!(!liveness.trouble_is_here && !liveness.believes_alive(host(1)));
}

#[test]
fn peers_that_die_one_after_another_are_believed_dead() {
    let mut prober = prober(1..=3);
    run(&mut prober, ms(2000), &[1, 2, 3]);
    run(&mut prober, ms(4000), &[2, 3]);
    run(&mut prober, ms(6000), &[3]);
    run(&mut prober, ms(8000), &[]);
    assert!(!prober.liveness().trouble_is_here);
    assert_eq!(prober.liveness().lost.len(), 3);
}

#[test]
fn the_first_of_many_to_be_lost_is_not_acted_on_while_the_others_are_about_to_be() {
    let mut prober = prober(1..=4);
    run(&mut prober, ms(1999), &[1, 2, 3, 4]);
    // The cable breaks at 2001: host 1 has been heard at 2001, the others have not since 1951.
    let actions = prober.handle(ms(2000), Event::DeadlineReached);
    assert_eq!(actions.len(), 4);
    prober.handle(ms(2001), Event::Heard(host(1)));
    prober.handle(ms(2001), Event::Heard(host(2)));
    prober.handle(ms(2001), Event::Heard(host(3)));
    assert_eq!(run(&mut prober, ms(2150), &[]).len(), 1);
    assert!(prober.liveness().trouble_is_here);
}

#[test]
fn others_are_asked_at_the_first_miss_and_not_again_until_the_host_was_heard() {
    let mut prober = prober([1, 2, 3]);
    run(&mut prober, ms(1999), &[1, 2, 3]);
    let asks = |prober: &mut Prober, rounds: usize, answering: &[u32]| {
        let mut asked = vec![];
        for _ in 0..rounds {
            let at = prober.next_deadline().unwrap();
            for action in prober.handle(at, Event::DeadlineReached) {
                match action {
                    Action::Ask { about } => asked.push((at.as_millis(), about)),
                    Action::SendEcho { host, .. } if answering.contains(&host.get()) => {
                        prober.handle(at + ms(1), Event::Heard(host));
                    }
                    _ => {}
                }
            }
        }
        asked
    };
    // The echo of 2000 is not answered: known at 2050.
    assert_eq!(asks(&mut prober, 10, &[1, 3]), [(2050, host(2))]);
    assert_eq!(asks(&mut prober, 2, &[1, 2, 3]), []);
    assert_eq!(asks(&mut prober, 2, &[1, 3]), [(2650, host(2))]);
}

#[test]
fn whether_somebody_answers_is_known_at_the_first_miss_of_the_last_one() {
    let mut prober = prober([1, 2]);
    run(&mut prober, ms(1999), &[1, 2]);
    assert!(prober.liveness().somebody_answers);
    run(&mut prober, ms(2049), &[1]);
    assert_eq!(prober.silent_since(host(2)), None);
    run(&mut prober, ms(3000), &[1]);
    assert!(prober.liveness().somebody_answers);
    assert_eq!(prober.silent_since(host(2)), Some(ms(1951)));
    run(&mut prober, ms(3100), &[]);
    assert!(!prober.liveness().somebody_answers);
}
