//! One host's switch: loaded, pinned, attached.

use crate::{
    attach::{self, Attach, Role},
    entries::{self, Entitlements},
    error::{AttachError, MapError, OpenError},
    layout::{self, Plain},
    network,
    pins::Pins,
    programs,
};
use havip_groups::Compiled;
use havip_model::{Edition, HostNumber, MacAddr};
use libbpf_rs::{MapCore, MapFlags, MapHandle, Object, PrintLevel, libbpf_sys};
use nix::time::{ClockId, clock_gettime};
use std::{
    collections::{BTreeMap, HashMap, hash_map::RandomState},
    hash::{BuildHasher, Hasher},
    net::Ipv4Addr,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    sync::{Mutex, MutexGuard},
    time::Duration,
};

/// What a switch must know before anything else.
#[derive(Debug, Clone)]
pub struct Options {
    /// Names the pins: 1 to 32 of a-z, 0-9 and `-`.
    pub name: String,
    /// This host.
    pub host: HostNumber,
    /// This host's VXLAN address.
    pub underlay: Ipv4Addr,
    /// The external-mode VXLAN device.
    pub overlay_ifindex: u32,
    /// How programs are attached.
    pub attach: Attach,
    /// How large the maps are.
    pub capacity: Capacity,
}

/// How many entries the maps take; only a new switch obeys it, a pinned one keeps its maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// VIPs and EIPs with a record.
    pub records: u32,
    /// Addresses of all VPCs that this host needs.
    pub addresses: u32,
    /// Entitlements: (VIP, port) pairs.
    pub entitlements: u32,
    /// Ports of this host, and hosts.
    pub ports: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { records: 65_536, addresses: 262_144, entitlements: 262_144, ports: 4096 }
    }
}

/// The outside network of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The device.
    pub ifindex: u32,
    /// Its MAC, with which the edge answers for EIPs.
    pub mac: MacAddr,
    /// Its own address, if it has one.
    pub address: Option<Ipv4Addr>,
}

/// A loaded switch. Dropping it leaves the programs, maps and records at work.
pub struct Switch {
    pub(crate) pins: Pins,
    pub(crate) attach: Attach,
    pub(crate) capacity: Capacity,
    pub(crate) programs: Mutex<Object>,
    maps: HashMap<String, MapHandle>,
    pub(crate) entitlements: Mutex<Entitlements>,
    /// What the maps of security groups hold: keys are known by their contents alone.
    groups: Mutex<BTreeMap<Edition, Compiled>>,
    settings: Mutex<layout::Settings>,
    clock: Mutex<layout::Clock>,
}

impl Switch {
    /// Loads the programs with new or pinned maps, and swaps the programs of an earlier life.
    ///
    /// Mounts bpffs if it is not. A map of another layout is made anew beside the old one; records never are.
    /// If a configuration map was, or all of them as another version has left this switch, it is empty: the devices
    /// then keep the old programs, which have the old maps, until [`Self::take_over`].
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        Self::open_pinned(options, Pins::named(&options.name)?)
    }

    /// The same as a version with another schema would do it; for tests.
    #[doc(hidden)]
    pub fn open_as(options: &Options, schema: u32) -> Result<Self, OpenError> {
        Self::open_pinned(options, Pins::of_schema(&options.name, schema)?)
    }

    fn open_pinned(options: &Options, pins: Pins) -> Result<Self, OpenError> {
        libbpf_rs::set_print(Some((PrintLevel::Info, log)));
        pins.make()?;
        pins.carry_over()?;

        let object = programs::load(&pins, &options.capacity, programs::Mode::USUAL)?;
        let maps = object
            .maps()
            .map(|map| Ok((map.name().to_string_lossy().into_owned(), MapHandle::try_from(&map)?)))
            .collect::<libbpf_rs::Result<_>>()
            .map_err(OpenError::Load)?;

        let mut switch = Self {
            pins,
            attach: options.attach.decided(),
            capacity: options.capacity,
            programs: Mutex::new(object),
            maps,
            entitlements: Mutex::default(),
            groups: Mutex::default(),
            settings: Mutex::new(layout::Settings::zeroed()),
            clock: Mutex::new(layout::Clock::zeroed()),
        };
        switch.adopt(options)?;
        if !switch.is_behind() {
            switch.swap_programs()?;
        }
        Ok(switch)
    }

    /// Whether devices still have the programs of an earlier life, with its maps, as those of this one were empty.
    pub fn is_behind(&self) -> bool {
        self.pins.is_behind()
    }

    /// Gives every device this life's program: now that its maps are filled, no packet misses anything.
    pub fn take_over(&self) -> Result<(), OpenError> {
        if self.is_behind() {
            self.swap_programs()?;
            self.pins.forget_earlier().map_err(|source| OpenError::Pin { path: self.pins.maps(), source })?;
        }
        Ok(())
    }

    /// Whether a device has a program of this switch, of whichever life.
    pub fn guards(&self, ifindex: u32) -> bool {
        self.attached_role(ifindex).is_some()
    }

    /// Takes over what the pinned maps hold.
    fn adopt(&mut self, options: &Options) -> Result<(), OpenError> {
        let kept: layout::Settings = self.single("settings")?;
        let network = network::cookie().map_err(OpenError::Network)?;
        if ![0, network].contains(&kept.network) {
            return Err(OpenError::OtherNetwork(options.name.clone()));
        }
        *self.settings.get_mut().expect("nobody else has it yet") = layout::Settings {
            host: options.host.get(),
            underlay: options.underlay.octets(),
            overlay_ifindex: options.overlay_ifindex,
            network,
            ..kept
        };
        *self.clock.get_mut().expect("nobody else has it yet") = self.single("clock")?;
        let entitlements = Entitlements::read(self)?;
        *self.entitlements.get_mut().expect("nobody else has it yet") = entitlements;
        let groups = entries::groups::read(self)?;
        *self.groups.get_mut().expect("nobody else has it yet") = groups;
        if self.single::<u64>("flow_seed")? == 0 {
            // The hasher of the standard library has fresh keys from the system's randomness.
            let seed = RandomState::new().build_hasher().finish();
            self.write("flow_seed", &0u32.to_ne_bytes(), &seed.to_ne_bytes())?;
        }
        self.change_settings(|_| {})?;
        Ok(())
    }

    /// Lets a device in as a port; its [`Entry::Port`](havip_reconcile::table::Entry) says which.
    pub fn attach_port(&self, ifindex: u32) -> Result<(), AttachError> {
        self.attach(ifindex, Role::Port)
    }

    /// Lets announcements and packets of other hosts in.
    pub fn attach_overlay(&self) -> Result<(), AttachError> {
        let ifindex = self.settings.lock().expect("no holder of the lock panics").overlay_ifindex;
        self.attach(ifindex, Role::Overlay)
    }

    /// Joins the fabric to the outside network.
    pub fn attach_edge(&self, edge: Edge) -> Result<(), AttachError> {
        self.change_settings(|settings| {
            settings.edge_ifindex = edge.ifindex;
            settings.edge_mac = edge.mac.0;
            settings.edge_address = edge.address.map_or([0; 4], |address| address.octets());
        })
        .map_err(|source| settings_failed(edge.ifindex, source))?;
        self.attach(edge.ifindex, Role::Edge)
    }

    /// Gives guests a DHCP service: their requests leave by this device, and what comes in by it goes to the
    /// port with the frame's destination MAC.
    pub fn attach_dhcp(&self, ifindex: u32) -> Result<(), AttachError> {
        self.change_settings(|settings| settings.dhcp_ifindex = ifindex)
            .map_err(|source| settings_failed(ifindex, source))?;
        self.attach(ifindex, Role::Dhcp)
    }

    /// Keeps what guests ask by DHCP from the host's stack: by the far end of the pair only who listens at the device
    /// itself hears it.
    pub fn attach_agent(&self, ifindex: u32) -> Result<(), AttachError> {
        self.attach(ifindex, Role::Agent)
    }

    /// Sets the device down, then takes the program off it; a device that is gone is fine.
    pub fn detach_port(&self, ifindex: u32) -> Result<(), AttachError> {
        self.detach(ifindex)
    }

    /// Says how far 1970 is from boot: boot time + offset = time since 1970, in nanoseconds.
    pub fn set_clock(&self, offset_ns: i64) -> Result<(), MapError> {
        self.change_clock(|clock| clock.offset_ns = offset_ns)
    }

    /// Tells the kernel that an agent is at work; without it for 1 s every claim is followed at once.
    pub fn beat(&self) -> Result<(), MapError> {
        self.change_clock(|clock| clock.beat_at = boot_time().as_nanos() as u64)
    }

    fn change_clock(&self, change: impl FnOnce(&mut layout::Clock)) -> Result<(), MapError> {
        let mut clock = self.clock.lock().expect("no holder of the lock panics");
        change(&mut clock);
        self.write("clock", &0u32.to_ne_bytes(), clock.bytes())
    }

    fn change_settings(&self, change: impl FnOnce(&mut layout::Settings)) -> Result<(), MapError> {
        let mut settings = self.settings.lock().expect("no holder of the lock panics");
        change(&mut settings);
        self.write("settings", &0u32.to_ne_bytes(), settings.bytes())
    }

    pub(crate) fn groups(&self) -> MutexGuard<'_, BTreeMap<Edition, Compiled>> {
        self.groups.lock().expect("no holder of the lock panics")
    }

    pub(crate) fn map(&self, name: &str) -> &MapHandle {
        self.maps.get(name).expect("the object has every map that this crate names")
    }

    /// Lends a loaded program.
    #[doc(hidden)]
    pub fn with_program<T>(&self, name: &str, act: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        let programs = self.programs.lock().expect("no holder of the lock panics");
        let program = programs.progs_mut().find(|program| program.name() == name);
        act(program.expect("the object has every program that this crate names").as_fd())
    }

    /// Runs a program once on this frame, for orders and for tests; `context` is a `struct __sk_buff`.
    #[doc(hidden)]
    pub fn run(
        &self,
        name: &str,
        frame: &[u8],
        context: Option<&mut [u8]>,
    ) -> libbpf_rs::Result<(u32, Vec<u8>)> {
        let programs = self.programs.lock().expect("no holder of the lock panics");
        let program = programs.progs_mut().find(|program| program.name() == name);
        let mut out = vec![0; 4096.max(frame.len() + 256)];
        let output = program.expect("the object has every program that this crate names").test_run(
            libbpf_rs::ProgramInput {
                data_in: Some(frame),
                data_out: Some(&mut out),
                context_in: context,
                ..Default::default()
            },
        )?;
        let length = output.data.map_or(0, |data| data.len());
        let verdict = output.return_value;
        out.truncate(length);
        Ok((verdict, out))
    }

    pub(crate) fn single<T: Plain>(&self, map: &'static str) -> Result<T, MapError> {
        self.read(map, &0u32.to_ne_bytes(), MapFlags::ANY).map(|found| found.unwrap_or(T::zeroed()))
    }

    pub(crate) fn read<T: Plain>(
        &self,
        map: &'static str,
        key: &[u8],
        flags: MapFlags,
    ) -> Result<Option<T>, MapError> {
        let bytes = self.map(map).lookup(key, flags).map_err(|source| MapError::Kernel {
            what: "read",
            map,
            source,
        })?;
        bytes.map(|bytes| T::read(&bytes).ok_or(MapError::Foreign { map })).transpose()
    }

    pub(crate) fn write(&self, map: &'static str, key: &[u8], value: &[u8]) -> Result<(), MapError> {
        let handle = self.map(map);
        assert_eq!(
            (key.len(), value.len()),
            (handle.key_size() as usize, handle.value_size() as usize),
            "{map}"
        );
        // SAFETY: key and value have the sizes that the kernel reads.
        let result = unsafe {
            libbpf_sys::bpf_map_update_elem(
                handle.as_fd().as_raw_fd(),
                key.as_ptr().cast(),
                value.as_ptr().cast(),
                MapFlags::ANY.bits(),
            )
        };
        match -result {
            0 => Ok(()),
            // Hash, trie, memory.
            libc::E2BIG | libc::ENOSPC | libc::ENOMEM => {
                Err(MapError::Full { map, capacity: handle.max_entries() })
            }
            code => Err(MapError::Kernel {
                what: "write",
                map,
                source: libbpf_rs::Error::from_raw_os_error(code),
            }),
        }
    }

    /// Absent is as good as removed.
    pub(crate) fn delete(&self, map: &'static str, key: &[u8]) -> Result<(), MapError> {
        match self.map(map).delete(key) {
            Err(source) if source.kind() != libbpf_rs::ErrorKind::NotFound => {
                Err(MapError::Kernel { what: "remove from", map, source })
            }
            _ => Ok(()),
        }
    }
}

/// Takes a switch apart: ports are set down, programs and pins removed. Returns what could not be undone.
///
/// A switch that does not exist is fine. Of one that belongs to another network namespace only the pins are
/// removed: the numbers of its devices are those of other devices here.
pub fn detach_all(name: &str) -> Result<(), Vec<OpenError>> {
    let pins = Pins::named(name).map_err(|error| vec![error])?;
    let mut failures = vec![];
    for version in pins.of_other_versions().iter().chain([&pins]).filter(|pins| is_of_this_network(pins)) {
        failures.extend(release_devices(version));
    }
    let path = pins.maps();
    failures.extend(pins.remove().into_iter().map(|source| OpenError::Pin { path: path.clone(), source }));
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// Whether the devices of a pinned switch are devices of the calling thread's network namespace.
fn is_of_this_network(pins: &Pins) -> bool {
    let settings = MapHandle::from_pinned_path(pins.maps().join("settings")).ok();
    let kept = settings.and_then(|map| map.lookup(&0u32.to_ne_bytes(), MapFlags::ANY).ok()?);
    let kept = kept.and_then(|bytes| layout::Settings::read(&bytes));
    kept.is_some_and(|kept| network::cookie().is_ok_and(|here| here == kept.network))
}

/// Sets ports down and takes our programs off; returns what failed.
fn release_devices(pins: &Pins) -> Vec<OpenError> {
    let mut failures = vec![];
    let mut devices: HashMap<u32, Option<Role>> =
        pins.linked().into_iter().map(|index| (index, None)).collect();
    if let Ok(attachments) = MapHandle::from_pinned_path(pins.maps().join("attachments")) {
        devices.extend(attach::attached(&attachments).into_iter().map(|(index, role)| (index, Some(role))));
    }
    for (ifindex, role) in devices {
        failures.extend(attach::release(pins, ifindex, role).err().map(OpenError::from));
    }
    failures
}

/// Time since boot, as the kernel's programs read it.
pub(crate) fn boot_time() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).expect("every kernel has this clock")
}

fn settings_failed(ifindex: u32, source: MapError) -> AttachError {
    AttachError { what: "announce the device", ifindex, source: std::io::Error::other(source) }
}

fn log(level: PrintLevel, message: String) {
    match level {
        PrintLevel::Warn => tracing::warn!(message = message.trim_end(), "libbpf"),
        PrintLevel::Info | PrintLevel::Debug => tracing::debug!(message = message.trim_end(), "libbpf"),
    }
}
