//! Every order in which a few things can happen on three hosts, and many random ones of more.
//!
//! `kernels` is about records alone, whatever agents do; `agents` has their timers. [`stateright`] visits every state
//! once. How far the usual run goes, and how far a longer one, is in the table of docs/model.md.

mod agents;
mod kernels;
mod names;

use agents::Agents;
use kernels::Kernels;
use names::{Way, ms};
use rand::{Rng, SeedableRng, rngs::StdRng};
use stateright::{Checker, Chooser, DiscoveryClassification, HasDiscoveries, Model};
use std::sync::{Mutex, atomic::Ordering};

/// Every claim, loss of maps and of a port, false release; whatever agents do.
#[test]
fn no_record_goes_backwards_and_all_hosts_agree_whatever_is_sent_lost_repeated_or_late() {
    let made = |claims| kernels::Budget { claims, map_losses: 0, port_losses: 0, false_releases: 0 };
    let all = |claims| kernels::Budget { map_losses: 1, port_losses: 1, ..made(claims) };
    let rivals = "two hosts made holders without knowing of each other";
    let late = "a port that is down is named as a holder";
    let mut searches = vec![
        (1, Way::Direct, made(5), vec![rivals]),
        (1, Way::Relayed, made(3), vec![rivals]),
        (1, Way::Direct, all(3), vec![rivals, late]),
        (1, Way::Relayed, all(2), vec![late]),
        (1, Way::Direct, kernels::Budget { false_releases: 1, ..all(2) }, vec![late]),
        // VIPs share nothing but ports and maps, as `tests/independence` shows.
        (2, Way::Direct, kernels::Budget { port_losses: 1, ..made(2) }, vec![late]),
    ];
    if is_long() {
        searches.extend([
            (1, Way::Direct, all(4), vec![rivals, late]),
            (1, Way::Relayed, all(3), vec![rivals, late]),
            (1, Way::Relayed, made(4), vec![rivals]),
            (1, Way::Relayed, kernels::Budget { port_losses: 1, ..made(4) }, vec![rivals, late]),
        ]);
    }
    for (vips, way, budget, expected) in searches {
        let model = Kernels { vips, way, budget, good: Mutex::default() };
        visit(&format!("{vips} VIPs, {way:?}, {budget:?}"), model, &expected);
    }
}

/// Agents with their timers, guests that answer, holds and retries.
#[test]
fn whoever_alone_has_the_address_holds_the_vip_in_the_end() {
    let made = |claims| agents::Budget { claims, ..agents::NOTHING };
    let held_back = |claims| agents::Budget { held_back: 1, ..made(claims) };
    let drops = |claims| agents::Budget { drops: 1, ..made(claims) };
    let ports = |claims| agents::Budget { port_losses: 1, ..made(claims) };
    let mut searches = vec![
        (Way::Direct, true, made(3), ms(150), vec!["both have the address"]),
        (Way::Direct, true, drops(2), ms(200), vec!["a doubt takes"]),
        (Way::Direct, false, held_back(2), ms(60), vec!["a claim is repeated"]),
        (Way::Relayed, true, held_back(2), ms(60), vec!["a claim is repeated"]),
        (Way::Direct, true, ports(2), ms(150), vec!["a take fills a vacancy"]),
    ];
    if is_long() {
        searches.extend([
            (Way::Direct, true, made(4), ms(150), vec![]),
            (Way::Direct, true, held_back(3), ms(30), vec![]),
            (Way::Direct, true, agents::Budget { held_back: 1, ..drops(2) }, ms(150), vec![]),
            (Way::Direct, true, agents::Budget { map_losses: 1, ..made(2) }, ms(150), vec![]),
            (Way::Direct, true, agents::Budget { partitions: 1, ..made(2) }, ms(150), vec![]),
        ]);
    }
    for (way, hold, budget, storm, expected) in searches {
        let what = format!("{way:?}, hold {hold}, {budget:?}, {storm:?}");
        let clocks = vec![[-1, 0, 1], [1, 0, -1]];
        visit(&what, Agents { way, hold, clocks, budget, storm, good: Mutex::default() }, &expected);
    }
}

/// Much more of the same, in random order, for as many steps as a search would never end with.
#[test]
fn random_storms_of_four_claims_losses_a_partition_and_lost_maps_end_well() {
    let (held_back, partitions, map_losses, port_losses) = (4, 1, 1, 1);
    let budget = agents::Budget { claims: 4, drops: 2, held_back, partitions, map_losses, port_losses };
    let steps = if is_long() { 5_000_000 } else { 60_000 };
    let clocks = (0..27).map(|at| [at % 3 - 1, at / 3 % 3 - 1, at / 9 - 1]).collect::<Vec<_>>();
    for (way, hold) in [(Way::Direct, true), (Way::Relayed, true), (Way::Direct, false)] {
        let what = format!("{way:?}, hold {hold}, {budget:?}, at random");
        let storm = ms(3000);
        let model = Agents { way, hold, clocks: clocks.clone(), budget, storm, good: Mutex::default() };
        let builder = model.checker().finish_when(HasDiscoveries::AnyFailures).target_state_count(steps);
        let checker = builder.spawn_simulation(SEED, Patience).join();
        println!("{what}: {} steps", checker.state_count());
        judge(&what, &checker, &[]);
    }
}

/// Lets time pass more often than not, lest everything happens at once.
#[derive(Clone)]
struct Patience;

impl Chooser<Agents> for Patience {
    type State = StdRng;

    fn new_state(&self, seed: u64) -> StdRng {
        StdRng::seed_from_u64(seed)
    }

    fn choose_initial_state(&self, random: &mut StdRng, initial: &[agents::State]) -> usize {
        random.random_range(0..initial.len())
    }

    fn choose_action(&self, random: &mut StdRng, _: &agents::State, steps: &[agents::Step]) -> usize {
        // The first step is that time passes, or that what is under way arrives.
        if random.random_range(0..10) < 8 { 0 } else { random.random_range(0..steps.len()) }
    }
}

const SEED: u64 = 20261127;

/// `HAVIP_MODEL_SEARCH="agents way=relayed hold=0 claims=3 storm=500"` and the like: for whoever has hours.
#[test]
#[ignore = "as long as one likes: run it with HAVIP_MODEL_SEARCH, alone, with --no-capture"]
fn a_search_with_bounds_of_ones_own_finds_nothing() {
    let bounds = std::env::var("HAVIP_MODEL_SEARCH").expect("HAVIP_MODEL_SEARCH says what to search");
    let number = |name: &str| -> u64 {
        let prefix = format!("{name}=");
        let found = bounds.split(' ').find_map(|word| word.strip_prefix(&prefix));
        found.map_or(0, |value| value.parse().expect("a bound is a number"))
    };
    let small = |name: &str| number(name) as u8;
    let way = if bounds.contains("way=relayed") { Way::Relayed } else { Way::Direct };
    if bounds.starts_with("kernels") {
        let budget = kernels::Budget {
            claims: small("claims"),
            map_losses: small("map_losses"),
            port_losses: small("port_losses"),
            false_releases: small("false_releases"),
        };
        return visit(
            &bounds,
            Kernels { vips: number("vips").max(1) as usize, way, budget, good: Mutex::default() },
            &[],
        );
    }
    let budget = agents::Budget {
        claims: small("claims"),
        drops: small("drops"),
        held_back: small("held_back"),
        partitions: small("partitions"),
        map_losses: small("map_losses"),
        port_losses: small("port_losses"),
    };
    let (hold, storm) = (number("hold") > 0, ms(number("storm")));
    let clocks = vec![[-1, 0, 1], [1, 0, -1]];
    let model = Agents { way, hold, clocks: clocks.clone(), budget, storm, good: Mutex::default() };
    match number("steps") {
        0 => visit(&bounds, model, &[]),
        steps => {
            let builder = model.checker().finish_when(HasDiscoveries::AnyFailures);
            let checker = builder.target_state_count(steps as usize);
            let checker = checker.spawn_simulation(number("seed"), Patience).join();
            println!("{bounds}: {} steps", checker.state_count());
            judge(&bounds, &checker, &[]);
        }
    }
}

/// The longer searches: `HAVIP_MODEL=long`.
fn is_long() -> bool {
    std::env::var("HAVIP_MODEL").is_ok_and(|how| how == "long")
}

/// Visits every state, says how many there were, and fails with the way to the first that is wrong.
fn visit<M>(what: &str, model: M, expected: &[&'static str])
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + std::fmt::Debug + std::hash::Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + std::fmt::Debug + PartialEq + Send + 'static,
{
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
    println!("{what}: {} states", checker.unique_state_count());
    judge(what, &checker, expected);
}

/// Goes this way once more, and tells what the hosts do.
fn retrace<M: Model>(model: &M, steps: &[M::Action], property: &'static str)
where
    M::State: PartialEq + std::hash::Hash,
    M::Action: Clone + std::fmt::Debug,
{
    agents::TELLS.store(true, Ordering::Relaxed);
    // The first beginning from which the way can be gone is as good as any.
    for mut state in model.init_states() {
        for step in steps {
            println!("           == {step:?}");
            let Some(next) = model.next_state(&state, step.clone()) else { break };
            state = next;
        }
        let holds = (model.property(property).condition)(model, &state);
        println!("           == it holds: {holds}");
        if !holds {
            break;
        }
    }
    agents::TELLS.store(false, Ordering::Relaxed);
}

/// Fails with the way to what is wrong, or if something expected was never seen.
fn judge<M>(what: &str, checker: &impl Checker<M>, expected: &[&'static str])
where
    M: Model,
    M::State: Clone + std::fmt::Debug + std::hash::Hash + PartialEq,
    M::Action: Clone + std::fmt::Debug + PartialEq,
{
    let found = checker.discoveries();
    for (property, path) in &found {
        if matches!(checker.discovery_classification(property), DiscoveryClassification::Counterexample) {
            let (end, steps) = (path.last_state(), path.clone().into_actions());
            retrace(checker.model(), &steps, property);
            panic!("{what}: {property:?} does not hold after {steps:?}\n{end:#?}");
        }
    }
    for property in expected {
        assert!(found.contains_key(property), "{what}: never seen: {property}");
    }
}
