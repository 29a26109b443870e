//! Clients of the native API and of each cloud's, on a connection of their own that they keep.

use anyhow::{Context, Result, ensure};
use havip_api::KeyFile;
use havip_dialect::{Asker, Params};
use havip_model::Timestamp;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, UNIX_EPOCH},
};

/// Whose words are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Havip's own: `/v1`.
    Native,
    /// Alibaba Cloud's, signature V1.
    Aliyun,
    /// Tencent Cloud's, signature v1.
    Tencent,
    /// UCloud's.
    Ucloud,
    /// UCloudStack's.
    UcloudStack,
}

/// Every API, the baseline first.
pub const ALL: [Api; 5] = [Api::Native, Api::Aliyun, Api::Tencent, Api::Ucloud, Api::UcloudStack];

/// A connection to the server, by an access key.
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
    key: KeyFile,
}

impl Connection {
    /// From the namespace of the thread that calls.
    pub fn open(host: &str, key: &KeyFile) -> Result<Self> {
        let stream = TcpStream::connect(host).with_context(|| format!("nobody listens on {host}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), host: host.to_owned(), key: key.clone() })
    }

    /// Reads one VIP, which has this id in the native API.
    pub fn read(&mut self, api: Api, vip: &str) -> Result<()> {
        let id = vip.parse()?;
        let (params, id) = match api {
            Api::Native => (Params::default(), vip.to_owned()),
            Api::Aliyun => havip_aliyun::client::read(id),
            Api::Tencent => havip_tencent::client::read(id),
            Api::Ucloud => havip_ucloud::client::read(id),
            Api::UcloudStack => havip_ucloud::client::read_of_stack(id),
        };
        let shown = match api {
            Api::Native => self.native("GET", &format!("/v1/vips/{vip}"), "")?,
            _ => self.ask(api, params)?,
        };
        ensure!(shown.contains(&id), "{api:?} does not show {id}: {shown}");
        Ok(())
    }

    /// Makes a VIP in this VPC and subnet, both by their native ids.
    pub fn create(&mut self, api: Api, vpc: &str, subnet: &str) -> Result<()> {
        let (vpc, id) = (vpc.parse()?, subnet.parse()?);
        let params = match api {
            Api::Native => {
                return self.native("POST", "/v1/vips", &format!(r#"{{"subnet":"{subnet}"}}"#)).map(drop);
            }
            Api::Aliyun => havip_aliyun::client::create(id),
            Api::Tencent => havip_tencent::client::create(vpc, id),
            Api::Ucloud => havip_ucloud::client::create(vpc, id),
            Api::UcloudStack => havip_ucloud::client::create_of_stack(vpc, id),
        };
        self.ask(api, params).map(drop)
    }

    fn ask(&mut self, api: Api, params: Params) -> Result<String> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let key = self.key.clone();
        let asker = Asker {
            key: &key.access_key_id,
            secret: &key.access_key_secret,
            at: Timestamp(UNIX_EPOCH.elapsed()?.as_millis() as u64),
            nonce: NEXT.fetch_add(1, Ordering::Relaxed),
        };
        let (path, signed) = match api {
            Api::Native => unreachable!("it has no actions"),
            Api::Aliyun => ("/", havip_aliyun::client::signed(params, &asker)),
            Api::Tencent => ("/", havip_tencent::client::signed(params, &self.host, &asker)),
            Api::Ucloud => ("/", havip_ucloud::client::signed(params, &asker)),
            Api::UcloudStack => ("/api", havip_ucloud::client::signed(params, &asker)),
        };
        let (status, said) =
            self.send("POST", path, "Content-Type: application/x-www-form-urlencoded", &signed.form())?;
        // Tencent and UCloud refuse with 200.
        let refused =
            said.contains("\"Error\":{") || said.contains("\"RetCode\":") && !said.contains("\"RetCode\":0");
        ensure!(status == 200 && !refused, "{api:?}: {status} {said}");
        Ok(said)
    }

    fn native(&mut self, method: &str, path: &str, body: &str) -> Result<String> {
        let KeyFile { access_key_id, access_key_secret } = &self.key;
        let bearer = format!(
            "Authorization: Bearer {access_key_id}.{access_key_secret}\r\nContent-Type: application/json"
        );
        let (status, said) = self.send(method, path, &bearer, body)?;
        ensure!((200..300).contains(&status), "{method} {path}: {status} {said}");
        Ok(said)
    }

    fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Result<(u16, String)> {
        let (host, length) = (&self.host, body.len());
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(text.as_bytes())?;
        let (mut status, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            ensure!(self.stream.read_line(&mut line)? > 0, "the server hung up");
            let line = line.trim_end();
            match line.split_once(": ") {
                _ if line.is_empty() => break,
                None => status = line.split(' ').nth(1).map(str::parse).transpose()?,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse()?
                }
                Some(_) => {}
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        Ok((status.context("an answer has a status")?, String::from_utf8(answer)?))
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
