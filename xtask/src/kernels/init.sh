#!/bin/sh
# The first process on a kernel under test: runs what /plan says, tells by its last line how it went, turns off.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin RUST_BACKTRACE=1 RUST_TEST_THREADS=2
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
for module in $(cat /modules); do
	modprobe -q "$module"
done
ip link set lo up
echo "== Linux $(uname -r)"
verdict=passed
# What the verifier says against a program is more than a test tells.
mount -t bpf bpf /sys/fs/bpf
mkdir /sys/fs/bpf/first
echo "== every program, $(cut -d. -f1 /proc/uptime) s"
bpftool prog loadall /switch.bpf.o /sys/fs/bpf/first type tc 2>/tmp/said || {
	verdict=failed
	tail -n 60 /tmp/said
}
bpftool prog show | grep -c " name " | sed "s/$/ programs loaded/"
rm -r /sys/fs/bpf/first
while read -r name arguments; do
	echo "== $name $(cut -d. -f1 /proc/uptime) s"
	# shellcheck disable=SC2086 # several arguments
	"/tests/$name" $arguments || verdict=failed
done </plan
dmesg | grep -E 'WARNING:|BUG:|Oops|refcount_t' && verdict=failed
echo "== havip-kernels: $verdict after $(cut -d. -f1 /proc/uptime) s"
poweroff -f
