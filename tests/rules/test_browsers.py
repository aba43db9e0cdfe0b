import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.browsers import browser_in_words

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/131.0.0.0 Safari/537.36", "Chrome on Windows"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/131.0.0.0 Safari/537.36 Edg/131.0", "Edge on Windows"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/17.1 Safari/605.1", "Safari on macOS"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1) {WEBKIT} CriOS/119.0 Safari/604.1", "Chrome on iPhone"),
        (f"Mozilla/5.0 (Linux; Android 14) {WEBKIT} SamsungBrowser/23.0 Chrome/115.0 Safari/537.36",
         "Samsung Internet on Android"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/131.0.0.0 Safari/537.36", "Chrome on ChromeOS"),
        ("curl/8.5.0", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)  # fmt: skip
def test_a_browser_is_named_as_its_owner_knows_it(user_agent: str, words: str) -> None:
    assert browser_in_words(user_agent) == words


@given(st.text(max_size=300))
def test_whatever_a_browser_says_of_itself_its_name_here_is_short_and_ours(user_agent: str) -> None:
    assert len(browser_in_words(user_agent)) <= 40
