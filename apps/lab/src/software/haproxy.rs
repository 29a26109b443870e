//! HAProxy in front of the guest's own web server.

use crate::Guest;
use anyhow::Result;

impl Guest {
    /// Starts it on port 8080; what it asks is the nginx of [`Guest::serve`].
    pub fn start_haproxy(&self) -> Result<()> {
        let script = format!(
            "cat > /etc/haproxy/story.cfg <<'HAVIP_END'
{CONFIG}HAVIP_END
haproxy -f /etc/haproxy/story.cfg -D
"
        );
        self.begin("haproxy", &script)
    }
}

const CONFIG: &str = "global
    maxconn 100
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend web
    bind :8080
    default_backend own
backend own
    server nginx 127.0.0.1:80
";
