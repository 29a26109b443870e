//! Who holds a VIP: the claim rules as a pure machine, the model that the switch is tested against.
