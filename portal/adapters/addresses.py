"""Which addresses of the network are outside: everything that the registries of special purposes do not name.

The lists are ours and not `ipaddress.is_global`, whose answer differs between Python releases. Sources: IANA's IPv4 and
IPv6 special-purpose address registries (RFC 6890), RFC 6598 (carrier-grade NAT), and the clouds' metadata services.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

INSIDE_4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's platform service, public only by its number
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
OUTSIDE_6 = IPv6Network("2000::/3")  # the only block from which global unicast addresses are given out
INSIDE_6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # Teredo, ORCHID, benchmarking and other protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
TRANSLATED = IPv6Network("64:ff9b::/96")  # RFC 6052: how an IPv6-only network reaches IPv4


def is_outside(address: str) -> bool:
    """Whether a numeric address belongs to the public internet; False for what is no address at all."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return _is_outside_4(found) if isinstance(found, IPv4Address) else _is_outside_6(found)


def _is_outside_4(address: IPv4Address) -> bool:
    return not any(address in block for block in INSIDE_4)


def _is_outside_6(address: IPv6Address) -> bool:
    if address.ipv4_mapped is not None:
        return _is_outside_4(address.ipv4_mapped)
    if address in TRANSLATED:
        return _is_outside_4(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in OUTSIDE_6 and not any(address in block for block in INSIDE_6)
