//! Words with a fixed choice, as the API spells them.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

macro_rules! word {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every word.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// As the API spells it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.as_str()) }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| {
                    let choice: Vec<_> = Self::ALL.iter().map(|word| word.as_str()).collect();
                    format!("{text:?} is none of {}", choice.join(", "))
                })
            }
        }
    };
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $model:ident {
        $($(#[$variant_doc:meta])* $variant:ident $word:literal,)*
    })*) => {$(
        word! { $(#[$doc])* $name { $($(#[$variant_doc])* $variant $word,)* } }

            impl From<havip_model::$model> for $name {
                fn from(value: havip_model::$model) -> Self {
                    match value { $(havip_model::$model::$variant => Self::$variant,)* }
                }
            }
            impl From<$name> for havip_model::$model {
                fn from(value: $name) -> Self {
                    match value { $($name::$variant => Self::$variant,)* }
                }
            }
    )*};
}

words! {
    /// How far the world is with a resource.
    Status = Status {
        /// Some live host that needs it has not acknowledged it yet.
        Creating "creating",
        /// Every live host that needs it has acknowledged it.
        Available "available",
        /// A host refused it, or did not acknowledge within ten seconds.
        Failed "failed",
        /// Being withdrawn from the hosts.
        Deleting "deleting",
    }
    /// What runs an instance.
    Driver = Driver {
        /// A light sandbox of kernel namespaces.
        Namespace "namespace",
        /// A machine of its own, on a tap: the boundary between tenants.
        Qemu "qemu",
        /// The guest exists already; only its tap or veth is plugged.
        External "external",
    }
    /// What the first process of a sandbox is.
    InitSystem = InitSystem {
        /// One that starts the user data, and ends everybody when it is asked to.
        Minimal "minimal",
        /// The host's systemd.
        Systemd "systemd",
    }
    /// What the user wants of an instance.
    Power = PowerState {
        /// It runs, and again after its host's reboot.
        Running "running",
        /// Asked to end, or its power button pressed, then killed.
        Stopped "stopped",
        /// Killed at once.
        PoweredOff "powered-off",
    }
    /// What an instance does, as its host last reported.
    InstanceState = InstanceState {
        /// Not reported yet.
        Pending "pending",
        /// Its first process runs.
        Running "running",
        /// Asked to end.
        Stopping "stopping",
        /// Nothing of it runs.
        Stopped "stopped",
        /// Its host could not start it.
        Failed "failed",
    }
    /// Whether a port may send and receive, as wanted.
    PortState = PortState {
        /// Nothing passes.
        Inactive "inactive",
        /// Everything passes that the rules allow.
        Active "active",
        /// Passes until the destination has taken over.
        MigratingOut "migrating-out",
    }
    /// What an association permits.
    AssociationMode = AssociationMode {
        /// Claim the VIP and, while holding it, send and receive as the VIP.
        Claim "claim",
        /// Send from the VIP without holding it (direct-return balancing).
        DirectReturn "direct-return",
    }
    /// Which of the two Internet protocols an address is of.
    Family = Family {
        /// Such as 10.20.1.100.
        Ipv4 "ipv4",
        /// Such as fd00:20:0:1::100.
        Ipv6 "ipv6",
    }
    /// Who may claim a VIP.
    Binding = Binding {
        /// The associated ones.
        Associated "associated",
        /// Any interface of the subnet.
        Subnet "subnet",
    }
    /// What happens to a claim by a port that has just lost the VIP.
    Contention = Contention {
        /// Both ports are asked; if both have the address, the present holder keeps it for a while.
        Hold "hold",
        /// It is followed at once.
        Follow "follow",
    }
    /// The API whose limits and rules a VIP keeps.
    Profile = Profile {
        /// Havip's own.
        Native "native",
        /// Alibaba Cloud.
        Alibaba "alibaba",
        /// Tencent Cloud.
        Tencent "tencent",
        /// UCloudStack.
        Ucloudstack "ucloudstack",
    }
    /// Why a VIP moved.
    MoveCause = MoveCause {
        /// A guest announced it.
        Claim "claim",
        /// A port answered an ask while nobody held it.
        Asked "asked",
        /// The recorded holder did not answer a doubt.
        Doubted "doubted",
        /// The holder was released, and its host does not say why.
        Released "released",
        /// A released holder was alive and took it back.
        TakenBack "taken-back",
        /// An answered-over claimant repeated its claim.
        Repeated "repeated",
        /// Learned from another host by repair.
        Repaired "repaired",
        /// The host that held it was lost.
        HostLost "host-lost",
        /// The holder's port went down or was unplugged.
        PortDown "port-down",
        /// A guest announced it after the switch had told it that the holder is dead.
        Assisted "assisted",
        /// It claimed it again and, of the two, it alone answered, or its turn had come.
        Contested "contested",
        /// The holder may not claim the VIP any more.
        Disassociated "disassociated",
        /// The holder's interface or instance was deleted.
        Deleted "deleted",
        /// The same port, on the host that its guest has migrated to.
        Migrated "migrated",
    }
}

word! {
    /// Whether a host is there.
    HostState {
        /// Its agent's stream is open.
        Live "live",
        /// Its stream is closed, or it has not been heard for three seconds.
        Lost "lost",
    }
}

word! {
    /// Where the switch was given a frame.
    TraceHook {
        /// By a guest.
        Port "port",
        /// By another host.
        Overlay "overlay",
        /// By the outside network, on an edge.
        Edge "edge",
        /// By the agent's DHCP service.
        Dhcp "dhcp",
        /// By nobody: it made it, or copied it.
        Switch "switch",
    }
}

word! {
    /// Where a packet would end.
    PathOutcome {
        /// In an interface.
        Delivered "delivered",
        /// Outside.
        Outside "outside",
        /// The gateway, which is the switch itself, answers it.
        Answered "answered",
        /// A host would drop it.
        Dropped "dropped",
    }
}

word! {
    /// Where a packet that was sent ended.
    LiveOutcome {
        /// An interface was given it.
        Delivered "delivered",
        /// It left by an edge.
        Outside "outside",
        /// The gateway, which is the switch itself, answered it.
        Answered "answered",
        /// A switch took it for something that is for itself.
        Used "used",
        /// A host dropped it, for a reason.
        Dropped "dropped",
        /// It was lost between two hosts, or before any.
        Lost "lost",
        /// It went to a host that was not looked on at.
        Unknown "unknown",
    }
}

word! {
    /// What a packet is.
    PathProtocol {
        /// A ping.
        Icmp "icmp",
        /// TCP.
        Tcp "tcp",
        /// UDP.
        Udp "udp",
    }
}

word! {
    /// What the switch decided about a frame.
    TraceVerdict {
        /// It went on: to a port, to another host, or outside.
        Sent "sent",
        /// The switch answered it itself, as it answers ARP.
        Answered "answered",
        /// The switch took it for what it says: a claim, an advert for others, a message of a host.
        Used "used",
        /// It ended here, for a reason.
        Dropped "dropped",
        /// The same, and its sender was told by ICMP.
        Refused "refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_spelled_alike_in_json_and_in_text() {
        for cause in MoveCause::ALL {
            assert_eq!(serde_json::to_string(cause).unwrap(), format!("\"{cause}\""));
            assert_eq!(cause.to_string().parse(), Ok(*cause));
        }
        for power in Power::ALL {
            assert_eq!(serde_json::to_string(power).unwrap(), format!("\"{power}\""));
        }
        assert_eq!("gone".parse::<HostState>(), Err("\"gone\" is none of live, lost".to_string()));
    }
}
