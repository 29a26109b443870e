//! Packets: Ethernet, ARP, IP, ICMP, UDP, VXLAN, ND, VRRP and our announcement, decoded and encoded.
