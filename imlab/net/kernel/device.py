"""A TUN device: a network card whose wire is a file descriptor (Documentation/networking/tuntap.rst in Linux).

Opened with IFF_NO_PI, without IFF_VNET_HDR and without TUNSETOFFLOAD: each read is one whole IP packet of at most
``mtu`` bytes, checksum filled in, never a batch that the kernel hopes a card will cut (TSO, GSO). So each packet is
lost, delayed and counted alone. What a link costs is counted in these bytes: IP header and up, no Ethernet.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

from imlab.errors import DoorError

DOOR = "/dev/net/tun"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
TUNSETPERSIST = 0x400454CB
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFMTU, SIOCSIFTXQLEN = 0x8914, 0x8916, 0x891C, 0x8922, 0x8943
IFF_UP = 0x1
BEFORE_THE_FORWARDER = 4096  # packets the kernel keeps until we read them; 500, its default, is 6 ms of a busy sender


def open_tun(name: str, address: str, netmask: str, mtu: int) -> int:
    """A device in the namespace of this thread, with its address, up; it goes when the descriptor is closed."""
    try:
        descriptor = os.open(DOOR, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DoorError(f"{DOOR}: {error.strerror}; it needs root and the kernel module tun (modprobe tun)") from error
    try:
        fcntl.ioctl(descriptor, TUNSETIFF, _request(name, struct.pack("H", IFF_TUN | IFF_NO_PI)))
        _configure(name, address, netmask, mtu)
    except OSError as error:
        os.close(descriptor)
        raise DoorError(f"device {name} with {address}: {error.strerror}") from error
    return descriptor


def _configure(name: str, address: str, netmask: str, mtu: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        with suppress(PermissionError):  # the root of a user namespace may not: then overruns come sooner, and are told
            fcntl.ioctl(control, SIOCSIFTXQLEN, _request(name, struct.pack("i", BEFORE_THE_FORWARDER)))
        fcntl.ioctl(control, SIOCSIFMTU, _request(name, struct.pack("i", mtu)))
        fcntl.ioctl(control, SIOCSIFADDR, _request(name, _address(address)))
        fcntl.ioctl(control, SIOCSIFNETMASK, _request(name, _address(netmask)))
        fcntl.ioctl(control, SIOCSIFFLAGS, _request(name, struct.pack("H", IFF_UP)))


def leave_to_namespace(descriptor: int) -> None:
    """From now on the device does not go with its descriptor but with its namespace.

    The kernel takes a device back in 28 ms of waiting, one after the other, while whoever closes it stands by;
    the devices of namespaces that end it takes back all at once, when it has the time.
    """
    fcntl.ioctl(descriptor, TUNSETPERSIST, 1)


def raise_loopback() -> None:
    """127.0.0.1 answers in the namespace of this thread."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, _request("lo", struct.pack("H", IFF_UP)))


def overruns(name: str) -> int:
    """Packets that the kernel threw away before we read them, for a thread in the device's namespace."""
    for line in Path("/proc/thread-self/net/dev").read_text().splitlines():
        device, _, counters = line.partition(":")
        if device.strip() == name:
            return int(counters.split()[11])  # proc(5): of what is sent, the drops
    raise DoorError(f"no device {name} in this namespace")


def _request(name: str, value: bytes) -> bytes:
    """struct ifreq of netdevice(7)."""
    return struct.pack("16s24s", name.encode(), value)


def _address(address: str) -> bytes:
    """struct sockaddr_in of ip(7)."""
    return struct.pack("HH4s", socket.AF_INET, 0, socket.inet_aton(address))
