//! The hosts' own keys, by which they seal what they tell each other.

use super::*;

/// The number and secret of the key that a host seals with.
fn sealing(live: &support::agent::Live) -> Option<(u32, Vec<u8>)> {
    let keys = live.with(|following| following.seal_keys.clone())?;
    let key = keys.keys.iter().find(|key| key.id == keys.sending)?;
    Some((key.id, key.secret.clone()))
}

#[test]
fn hosts_get_a_key_before_anything_else_and_another_one_when_all_have_followed() {
    let scene = Scene::start();
    eventually("the first key is in force", || scene.client.host_keys().ok().filter(|keys| keys.required));
    let members = [scene.join("h1"), scene.join("h2")];
    let [one, other] = members.map(|member| {
        let following = scene.follow(&member);
        assert!(following.seal_keys.is_some(), "the keys come before the first commit");
        following.live(&scene)
    });
    let (first, secret) = sealing(&one).unwrap();
    assert_eq!((first, sealing(&other)), (1, Some((first, secret.clone()))));

    // One host that does not follow holds the change up, and is named.
    other.with(|following| following.takes_keys = false);
    assert_eq!(scene.client.rotate_host_keys().unwrap().accepted, [1, 2]);
    let waiting = eventually("host h2 alone is waited for", || {
        Some(scene.client.host_keys().unwrap()).filter(|keys| keys.waiting_for == ["h2"])
    });
    assert_eq!((waiting.sealing, waiting.is_changing), (Some(1), true));
    assert_eq!(sealing(&one), Some((1, secret.clone())));
    let refused = scene.client.rotate_host_keys().unwrap_err();
    assert!(refused.to_string().contains("being changed already"), "{refused}");

    other.with(|following| {
        following.takes_keys = true;
        following.keys_stage = following.seal_keys.as_ref().map_or(0, |keys| keys.stage);
    });
    let done = eventually("the key is changed", || {
        Some(scene.client.host_keys().unwrap()).filter(|keys| !keys.is_changing)
    });
    assert_eq!((done.sealing, done.accepted.as_slice(), done.required), (Some(2), &[2][..], true));
    let (second, new_secret) = eventually("both have it", || {
        sealing(&one).filter(|(id, _)| *id == 2).filter(|key| sealing(&other).as_ref() == Some(key))
    });
    assert!(second == 2 && new_secret != secret);
}

#[test]
fn the_secret_of_a_key_is_neither_shown_nor_stored_in_the_clear() {
    let scene = Scene::start();
    eventually("the first key is in force", || scene.client.host_keys().ok().filter(|keys| keys.required));
    let live = scene.follow(&scene.join("h1")).live(&scene);
    let (_, secret) = sealing(&live).unwrap();

    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut seen = 0;
    for file in std::fs::read_dir(&scene.config.data).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!holds(&secret) && !holds(hex.as_bytes()));
        seen += usize::from(holds(b"seal-key"));
    }
    assert!(seen > 0, "the sealed key is in one of the files");
    for path in ["/v1/hosts/keys", "/v1/hosts", "/v1/events"] {
        let (_, _, body) = scene.raw("GET", path, &[("Authorization", &scene.bearer())], "");
        assert!(!body.contains(&hex), "{path}");
    }
}
