"""Which requests count as coming from one network, where we limit how often a network may ask."""

from ipaddress import IPv6Address, ip_address, ip_network

IPV6_PREFIX = 64  # what one subscriber gets: every address of it is theirs to change (RFC 6177)


def network_of(address: str | None) -> str:
    """The network an address belongs to: itself for IPv4, its /64 for IPv6, "unknown" for no address."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), IPV6_PREFIX), strict=False))
