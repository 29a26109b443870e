//! Looking on at packets.

use anyhow::{Context, Result, ensure};
use havip_lab::Scene;
use havip_tests::{VIP, pair, program};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

/// From a frame to its line: the server asks five times a second.
const SHOWN: Duration = Duration::from_secs(10);

/// `havip host trace` at work, its lines read as they come.
struct Tracing {
    program: Child,
    lines: mpsc::Receiver<Value>,
}

impl Tracing {
    fn begin(scene: &Scene, words: &[&str]) -> Result<Self> {
        Self::of(scene, &[&["host", "trace"][..], words].concat())
    }

    fn of(scene: &Scene, words: &[&str]) -> Result<Self> {
        let mut program = Command::new(program())
            .env("HAVIP_LAB", scene.lab.name().to_string())
            .args(words)
            .args(["--seconds", "60", "-o", "json"])
            .stdout(Stdio::piped())
            .spawn()?;
        let out: ChildStdout = program.stdout.take().context("it is piped")?;
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let Ok(frame) = serde_json::from_str(&line) else { return };
                if send.send(frame).is_err() {
                    return;
                }
            }
        });
        Ok(Self { program, lines })
    }

    /// Does something until a line tells of it.
    fn until(&self, mut act: impl FnMut() -> Result<()>, is_it: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + SHOWN;
        let mut seen = vec![];
        while Instant::now() < deadline {
            act()?;
            while let Ok(frame) = self.lines.recv_timeout(Duration::from_millis(500)) {
                if is_it(&frame) {
                    return Ok(frame);
                }
                seen.push(format!("{} {}", frame["verdict"], frame["summary"]));
            }
        }
        anyhow::bail!("not shown; seen: {seen:#?}")
    }
}

impl Drop for Tracing {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn a_trace_shows_what_a_port_sends_and_is_given_with_verdict_and_reason() -> Result<()> {
    let scene = pair().start(program())?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    let interface = scene.lab.api(|client| client.instance(&blue.id))?.interfaces[0].id.clone();
    let host = scene.host_id(havip_lab::names::HostName::Host(1))?;
    let trace = Tracing::begin(&scene, &[&host, "--interface", &interface])?;
    let says =
        |frame: &Value, words: &str| frame["summary"].as_str().is_some_and(|told| told.contains(words));
    let ping = || blue.run(&["ping", "-c", "1", "-W", "1", &green.address.to_string()]).map(drop);

    let sent = trace.until(ping, |frame| frame["from"]["name"] == "blue" && says(frame, "echo request"))?;
    ensure!((&sent["verdict"], &sent["hook"]) == (&"sent".into(), &"port".into()), "{sent}");
    ensure!(sent["to"]["name"].as_str().is_some_and(|name| name.starts_with("host ")), "{sent}");
    let given = trace.until(ping, |frame| frame["to"]["name"] == "blue" && says(frame, "echo reply"))?;
    ensure!((&given["verdict"], &given["hook"]) == (&"sent".into(), &"overlay".into()), "{given}");
    ensure!(given["from"]["host"].is_string() && given["to"]["interface"] == interface.as_str(), "{given}");

    let ask = || blue.shell("ip neighbour flush dev eth0; ping -c 1 -W 1 10.20.1.1 || true").map(drop);
    let asked = trace.until(ask, |frame| says(frame, "who-has 10.20.1.1 "))?;
    ensure!(asked["verdict"] == "answered", "{asked}");

    // Not associated: the first announcement is refused, and says so here before any event does.
    let claim = trace.until(|| blue.announce(VIP), |frame| says(frame, "ARP announcement 10.20.1.100"))?;
    ensure!(
        (&claim["verdict"], &claim["reason"]) == (&"dropped".into(), &"claim_not_associated".into()),
        "{claim}"
    );
    ensure!(claim["frame"].as_str().is_some_and(|bytes| bytes.len() == 2 * 42), "{claim}");

    let mut second = Tracing::begin(&scene, &[&host])?;
    ensure!(!second.program.wait()?.success(), "two looked on at once");
    Ok(())
}

/// What a program prints, if it succeeds.
fn prints(program: &str, words: &[&str]) -> Result<String> {
    let done = Command::new(program).args(words).output().with_context(|| program.to_owned())?;
    ensure!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8(done.stdout)?)
}

/// `havip host trace` of host 1 into a file until it has so many frames, while this is done over and over.
fn record(scene: &Scene, file: &str, words: &[&str], mut act: impl FnMut() -> Result<()>) -> Result<String> {
    let host = scene.host_id(havip_lab::names::HostName::Host(1))?;
    let mut program = Command::new(program())
        .env("HAVIP_LAB", scene.lab.name().to_string())
        .args(["host", "trace", &host, "--seconds", "60", "--write", file])
        .args(words)
        .stderr(Stdio::piped())
        .spawn()?;
    let deadline = Instant::now() + SHOWN;
    while program.try_wait()?.is_none() {
        ensure!(Instant::now() < deadline, "the frames did not come");
        act()?;
    }
    let done = program.wait_with_output()?;
    let said = String::from_utf8(done.stderr)?;
    ensure!(done.status.success(), "{said}");
    Ok(said)
}

#[test]
fn a_file_for_wireshark_has_only_what_was_looked_for_and_says_what_became_of_each_frame() -> Result<()> {
    let scene = pair().start(program())?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    let to = green.address.to_string();
    let vpc = scene.lab.api(|client| client.all_vpcs(&Default::default()))?[0].meta.clone();
    let files = tempfile::tempdir()?;
    let file = |name: &str| files.path().join(name).display().to_string();

    // A connection that nobody takes among pings and ARP that nobody wants to see: a SYN, and the reset.
    let connects = format!("ping -c 3 -i 0.05 {to}; (exec 3<>/dev/tcp/{to}/8443) || true");
    let connect = || blue.run(&["bash", "-c", &connects]).map(drop);
    let words = ["--proto", "tcp", "--port", "8443", "--address", &to, "--vpc", &vpc.id, "-n", "2"];
    let said = record(&scene, &file("tcp"), &words, connect)?;
    ensure!(said == "2 frames, none lost\n", "{said}");
    let fields = ["-T", "fields", "-e", "tcp.dstport", "-e", "frame.interface_name", "-e", "frame.comment"];
    let seen = prints("tshark", &[&["-r", &file("tcp")][..], &fields].concat())?;
    let lines: Vec<Vec<&str>> = seen.lines().map(|line| line.split('\t').collect()).collect();
    ensure!(lines.len() == 2 && lines[0][0] == "8443" && lines[1][0] != "8443", "{seen}");
    let named = format!("VPC {} ({})", vpc.name, vpc.id);
    ensure!(lines[0][1].starts_with("port ") && lines[1][1] == "overlay", "{seen}");
    ensure!(lines[0][2].starts_with(&format!("sent; {named}; from blue, port ")), "{seen}");
    ensure!(lines[1][2].contains("; to blue, port "), "{seen}");

    // What is refused, with the reason.
    let claim = || blue.announce(VIP);
    record(&scene, &file("drops"), &["--verdict", "dropped", "--address", "10.20.1.100", "-n", "1"], claim)?;
    let seen = prints("tshark", &["-r", &file("drops"), "-T", "fields", "-e", "frame.comment"])?;
    ensure!(seen.starts_with(&format!("dropped: claim_not_associated; {named}; from blue, port ")), "{seen}");
    let counted = prints("capinfos", &["-M", "-c", &file("drops")])?;
    ensure!(counted.contains("Number of packets:") && counted.trim_end().ends_with('1'), "{counted}");
    Ok(())
}

#[test]
fn the_flow_log_of_a_vpc_has_what_its_hosts_accept_and_reject_beside_a_trace() -> Result<()> {
    let scene = pair().start(program())?;
    let (blue, green) = (&scene["blue"], &scene["green"]);
    let vpc = scene.lab.api(|client| client.all_vpcs(&Default::default()))?[0].meta.id.clone();
    green.serve("green")?;
    let log = Tracing::of(&scene, &["vpc", "flow-log", &vpc])?;
    // Programs are swapped under the log, and it goes on.
    let host = scene.host_id(havip_lab::names::HostName::Host(1))?;
    let trace = Tracing::begin(&scene, &[&host, "--verdict", "refused"])?;

    let url = havip_tests::url(green.address);
    let fetch = || blue.eventually_fetches(&url, "green", SHOWN).map(drop);
    let is_request = |flow: &Value| flow["destination_port"] == 80 && flow["accepted"] == true;
    let sent = log.until(fetch, |flow| is_request(flow) && flow["from"]["name"] == "blue")?;
    ensure!((&sent["protocol"], &sent["to"]) == (&6.into(), &Value::Null), "{sent}");
    let given = log.until(fetch, |flow| is_request(flow) && flow["to"]["name"] == "green")?;
    ensure!(
        given["from"].is_null() && given["packets"].as_u64().is_some_and(|packets| packets > 1),
        "{given}"
    );

    let lost = || blue.shell("ping -c 1 -W 1 10.20.9.77 || true").map(drop);
    let rejected = log.until(lost, |flow| flow["destination"] == "10.20.9.77")?;
    ensure!(
        (&rejected["accepted"], &rejected["reason"]) == (&false.into(), &"no_route".into()),
        "{rejected}"
    );
    trace.until(lost, |frame| frame["reason"] == "no_route")?;
    Ok(())
}
