//! Named regressions: short stories that the rules must get right.

use crate::world::{World, ms};

#[test]
fn a_claim_is_followed_on_every_host() {
    let mut world = World::started(3, &[0, 1, 2]);
    world.claim(0, 0, 5);
    world.run(ms(10));
    assert_eq!([0, 1, 2].map(|host| world.holder(host, 0)), [Some(0); 3]);
    world.elect(1, 0);
    world.run(ms(10));
    assert_eq!([0, 1, 2].map(|host| world.holder(host, 0)), [Some(1); 3]);
}
