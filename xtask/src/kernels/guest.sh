#!/bin/sh
# The first process of the small machine that tests boot: configures itself from its seed, runs its user data,
# turns itself off when its power button is pressed.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in $(cat /modules); do
	modprobe -q "$module"
done
for partition in /dev/vd[a-z][1-9]; do
	mount -t vfat -o ro "$partition" /seed 2>/dev/null && [ -e /seed/meta-data ] && break
done
hostname "$(sed -n 's/^local-hostname: //p' /seed/meta-data)"
ip link set lo up
address=$(sed -n 's/.*addresses: \["\([^"]*\)".*/\1/p' /seed/network-config | head -n 1)
gateway=$(sed -n 's/.*via: "\([^"]*\)".*/\1/p' /seed/network-config | head -n 1)
ip link set eth0 up
[ -n "$address" ] && ip address add "$address" dev eth0
[ -n "$gateway" ] && ip route add default via "$gateway"
mkdir -p /etc/acpi/PWRF /var/log
printf '#!/bin/sh\necho "the power button was pressed" >/dev/console\npoweroff -f\n' >/etc/acpi/PWRF/00000080
chmod 755 /etc/acpi/PWRF/00000080
acpid
echo "$(hostname) runs Linux $(uname -r) with an MTU of $(cat /sys/class/net/eth0/mtu)"
sh /seed/user-data
echo "$(hostname) has run its user data"
while :; do
	sleep 3600
done
