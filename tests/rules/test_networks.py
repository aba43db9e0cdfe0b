from ipaddress import IPv6Address

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.rules.networks import network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_ipv6_subscriber_is_one_network_however_many_addresses_they_use(address: str | None, network: str) -> None:
    assert network_of(address) == network


@given(st.ip_addresses(v=6).filter(lambda address: not address.ipv4_mapped), st.integers(0, 2**64 - 1))
def test_changing_the_host_part_changes_nothing(address: IPv6Address, host: int) -> None:
    prefix = int(address) >> 64 << 64
    assume(not IPv6Address(prefix | host).ipv4_mapped)
    assert network_of(str(address)) == network_of(str(IPv6Address(prefix | host)))
