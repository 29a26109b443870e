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

#[test]
fn debug_case() {
    use crate::step::Step::*;
    let mut w = World::new(4422582097036476804, &[0,0,0], &[0,0,3,3,3]);
    w.start_all();
    w.run(ms(300));
    w.network.loss = 27;
    w.network.delay_micros = 500;
    for s in [Claim{guest:2,vip:0,times:5}, StopHost{host:3}, StartHost{host:1}, StopServer, Partition{side:81}, Claim{guest:0,vip:0,times:1},Claim{guest:0,vip:0,times:1},Claim{guest:0,vip:0,times:1},Claim{guest:0,vip:0,times:1},Claim{guest:0,vip:0,times:1},StartHost{host:3}] { w.step(s); }
    w.run(ms(200));
    w.trace = true;
    w.calm();
        for guest in 0..w.guests.len() {
            w.drop_address(guest, 0);
        }
    w.link(0, true);
    w.entitle(0, crate::world::port_number(0), true);
    w.run(ms(400));
    w.claim(0,0,1);
    w.run(ms(12000));
}
