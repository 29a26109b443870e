//! PostgreSQL: a primary, a synchronous standby that streams from it, and a writer that counts.

use crate::{Guest, eventually};
use anyhow::{Context, Result, ensure};
use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

/// What keepalived runs when its instance becomes master: a standby becomes the primary; a primary stays it.
pub const PROMOTE: &str =
    "in_recovery=$(psql -U postgres -h /run/postgresql -Atc 'select pg_is_in_recovery()')
if [ \"$in_recovery\" = t ]; then
    setpriv --reuid postgres --regid postgres --init-groups \\
        /usr/lib/postgresql/15/bin/pg_ctl promote -D /srv/postgres/data -w
fi";

impl Guest {
    /// Makes a database and starts it; it knows of no standby yet.
    pub fn start_postgres(&self) -> Result<()> {
        let script = format!(
            "{BEGIN}
postgres initdb -D data -A trust -U postgres --no-sync --no-instructions --wal-segsize=1
cat >> data/postgresql.conf <<'HAVIP_END'
listen_addresses = '*'
unix_socket_directories = '/run/postgresql'
shared_buffers = 16MB
HAVIP_END
echo 'host all,replication postgres 10.20.0.0/16 trust' >> data/pg_hba.conf
postgres pg_ctl -D data -w -l log start
psql -U postgres -h /run/postgresql -c 'create table written (n int primary key)'
"
        );
        self.begin("postgres", &script)
    }

    /// Starts a standby; from then on the primary acknowledges only what the standby has on its disk, too.
    pub fn follow_postgres(&self, primary: &Guest) -> Result<()> {
        let script = format!(
            "{BEGIN}
postgres pg_basebackup -h {primary} -U postgres -D data -R -X stream -c fast --no-sync
postgres pg_ctl -D data -w -l log start
psql -U postgres -h {primary} -c \"alter system set synchronous_standby_names = '*'\" -c 'select pg_reload_conf()'
",
            primary = primary.address
        );
        self.begin("postgres", &script)?;
        // The default of `synchronous_commit` then waits for the standby's disk.
        eventually(Duration::from_secs(10), || {
            let state = primary.query("select sync_state from pg_stat_replication")?;
            ensure!(state == "sync", "the standby is {state:?}, not synchronous");
            Ok(())
        })
    }

    /// What the database of this guest answers.
    pub fn query(&self, sql: &str) -> Result<String> {
        let answer =
            self.run(&["psql", "-U", "postgres", "-h", "/run/postgresql", "-Atc", sql])?.succeeded()?;
        Ok(answer.trim().to_owned())
    }

    /// Begins to write 1, 2, 3, … into the database at this address, each in a connection of its own.
    pub fn start_writing(&self, to: Ipv4Addr) -> Result<()> {
        // A connection whose other end is gone would wait for TCP's own timers; a number whose fate is unknown is
        // not written again.
        let script = format!(
            "n=0
while :; do
    n=$((n + 1))
    timeout 2 psql -q -U postgres -h {to} -c \"insert into written values ($n)\" 2>/dev/null && echo $n
done &
"
        );
        self.begin("written", &script)
    }

    /// The numbers that were acknowledged so far.
    pub fn acknowledged(&self) -> Result<BTreeSet<u32>> {
        // The last line may not be whole.
        let log = self.log_of("written")?;
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        numbers(whole)
    }

    /// The numbers that the database of this guest has.
    pub fn stored(&self) -> Result<BTreeSet<u32>> {
        numbers(&self.query("select n from written")?)
    }
}

fn numbers(text: &str) -> Result<BTreeSet<u32>> {
    text.lines().map(|line| line.parse().with_context(|| format!("{line:?} is no number"))).collect()
}

/// The data are in the guest's own layer; the server refuses to run as root.
const BEGIN: &str = "set -e
postgres() { setpriv --reuid postgres --regid postgres --init-groups \"$@\"; }
PATH=$PATH:/usr/lib/postgresql/15/bin
mkdir -p /srv/postgres /run/postgresql
chown postgres:postgres /srv/postgres /run/postgresql
cd /srv/postgres";
