from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.comparison import (
    NOBODY,
    Choice,
    Comparison,
    GrantFacts,
    Holder,
    HolderKind,
    ReviewHeading,
    SharedAccount,
    compare,
)

RIGHT, RENEW, REPLACE, BOTH, CANCEL = (
    Choice.USE_RIGHT_LOGIN, Choice.RENEW_OTHER, Choice.REPLACE, Choice.KEEP_BOTH, Choice.CANCEL,
)  # fmt: skip
OTHER_CONNECTION = UUID("01993e5e-6c1a-7b1e-8a55-2f1a3c4d5e6f")
OWN = Holder(HolderKind.OWN, OTHER_CONNECTION, None, "Business")
BENS = Holder(HolderKind.COLLEAGUE, OTHER_CONNECTION, "Ben", "Sales")
FOREIGN = Holder(HolderKind.FOREIGN, OTHER_CONNECTION)
PAGE, SHOP, BLOG = SharedAccount("1", "Page"), SharedAccount("2", "Shop"), SharedAccount("3", "Blog")


def facts(
    subject: str | None = "ana", scopes: str = "read post", accounts: tuple[SharedAccount, ...] = (PAGE, SHOP)
) -> GrantFacts:
    return GrantFacts(subject, "ana@example.com", frozenset(scopes.split()), accounts)


def compared(before: GrantFacts | None, after: GrantFacts, holder: Holder = NOBODY) -> Comparison:
    return compare(before, after, required_scopes=["read"], holder=holder)


def test_the_same_login_that_lost_nothing_needs_no_review() -> None:
    same = compared(facts(), facts())
    claims = (same.is_first, same.learned_subject, same.has_lost, same.is_held_elsewhere, same.needs_review)
    assert same.is_same_subject
    assert claims == (False,) * 5
    assert same.choices == ()
    assert (same.accounts_kept, same.accounts_lost, same.accounts_new) == ((PAGE, SHOP), (), ())


def test_more_than_before_needs_no_review() -> None:
    more = compared(facts(), facts(scopes="read post delete", accounts=(BLOG, PAGE, SHOP)))
    assert (more.gained, more.accounts_new, more.accounts_kept) == (frozenset({"delete"}), (BLOG,), (PAGE, SHOP))
    assert not more.needs_review


@pytest.mark.parametrize(
    ("before", "after", "same", "learned"),
    [
        ("ana", "ana", True, False),
        ("ana", "ben", False, False),
        ("ana", "Ana", False, False),
        (None, "ana", True, True),
        (None, None, True, False),
        ("ana", None, False, False),
        ("ana", "", False, False),
    ],
)
def test_the_subject_tells_whether_the_same_person_came_back(
    before: str | None, after: str | None, same: bool, learned: bool
) -> None:
    comparison = compared(facts(before), facts(after))
    assert (comparison.is_same_subject, comparison.learned_subject) == (same, learned)
    assert comparison.needs_review is not same


@pytest.mark.parametrize(
    ("after", "required", "optional"),
    [("post", {"read"}, set()), ("read", set(), {"post"}), ("", {"read"}, {"post"}), ("read post", set(), set())],
)
def test_lost_scopes_are_told_apart_by_whether_they_are_required(
    after: str, required: set[str], optional: set[str]
) -> None:
    comparison = compared(facts(), facts(scopes=after))
    assert (comparison.required_lost, comparison.optional_lost) == (required, optional)
    assert comparison.needs_review is bool(required or optional)


def test_a_required_scope_that_never_was_there_is_missing_but_not_lost() -> None:
    comparison = compared(facts(scopes="post"), facts(scopes="post"))
    assert (comparison.required_missing, comparison.required_lost) == ({"read"}, frozenset())
    assert not comparison.needs_review


def test_accounts_are_compared_by_id_and_shown_by_their_new_names() -> None:
    renamed = SharedAccount("1", "Page (renamed)")
    comparison = compared(facts(), facts(accounts=(BLOG, renamed)))
    assert comparison.accounts_kept == (renamed,)
    assert comparison.accounts_lost == (SHOP,)
    assert comparison.accounts_new == (BLOG,)
    assert comparison.heading is ReviewHeading.NO_LONGER_SHARED


def test_a_first_connection_compares_with_nothing() -> None:
    first = compared(None, facts(scopes="post"))
    assert first.is_first
    assert first.is_same_subject
    assert first.learned_subject is False
    assert (first.gained, first.accounts_new, first.accounts_kept) == ({"post"}, (PAGE, SHOP), ())
    assert (first.required_lost, first.optional_lost, first.accounts_lost) == (frozenset(), frozenset(), ())
    assert first.required_missing == {"read"}
    assert not first.needs_review


@pytest.mark.parametrize(
    ("before", "after", "holder", "heading", "choices"),
    [
        # another login
        (facts(), facts("ben"), NOBODY, ReviewHeading.DIFFERENT_ACCOUNT, (RIGHT, REPLACE, BOTH, CANCEL)),
        (facts(), facts("ben"), OWN, ReviewHeading.DIFFERENT_ACCOUNT, (RIGHT, RENEW, REPLACE, CANCEL)),
        (facts(), facts("ben"), BENS, ReviewHeading.DIFFERENT_ACCOUNT, (RIGHT, REPLACE, BOTH, CANCEL)),
        (facts(), facts("ben"), FOREIGN, ReviewHeading.DIFFERENT_ACCOUNT, (RIGHT, REPLACE, BOTH, CANCEL)),
        # the same login, held by another connection meanwhile
        (facts(), facts(), OWN, ReviewHeading.ALREADY_CONNECTED, (RIGHT, RENEW, REPLACE, CANCEL)),
        (facts(), facts(), BENS, ReviewHeading.ALREADY_CONNECTED, (RIGHT, REPLACE, CANCEL)),
        (facts(), facts(scopes="read"), FOREIGN, ReviewHeading.ALREADY_CONNECTED, (RIGHT, REPLACE, CANCEL)),
        # a first connection to a login that is held
        (None, facts(), OWN, ReviewHeading.ALREADY_CONNECTED, (RIGHT, RENEW, CANCEL)),
        (None, facts(), BENS, ReviewHeading.ALREADY_CONNECTED, (RIGHT, REPLACE, CANCEL)),
        (None, facts(), FOREIGN, ReviewHeading.ALREADY_CONNECTED, (RIGHT, REPLACE, CANCEL)),
        # the same login with less
        (facts(), facts(scopes="read"), NOBODY, ReviewHeading.NO_LONGER_SHARED, (RIGHT, REPLACE, CANCEL)),
        (facts(), facts(accounts=(PAGE,)), NOBODY, ReviewHeading.NO_LONGER_SHARED, (RIGHT, REPLACE, CANCEL)),
    ],
)
def test_the_review_says_what_happened_and_offers_what_applies(
    before: GrantFacts | None,
    after: GrantFacts,
    holder: Holder,
    heading: ReviewHeading,
    choices: tuple[Choice, ...],
) -> None:
    comparison = compared(before, after, holder)
    assert comparison.needs_review
    assert (comparison.heading, comparison.choices) == (heading, choices)


def test_the_words_of_the_review_are_the_contract() -> None:
    assert [heading.value for heading in ReviewHeading] == [
        "You signed in to a different account",
        "This login is already connected",
        "Something is no longer shared",
    ]
    assert {choice.value: choice.label for choice in Choice} == {
        "use_right_login": "Use the right login",
        "renew_other": "Renew the other connection",
        "replace": "Replace",
        "keep_both": "Keep both",
        "cancel": "Cancel",
    }


@pytest.mark.parametrize(("name", "nickname"), [("Eve", None), (None, "Their page"), ("Eve", "Their page")])
def test_a_holder_in_another_organization_is_never_named(name: str | None, nickname: str | None) -> None:
    with pytest.raises(ValueError, match=r"^another organization's holder is never named$"):
        Holder(HolderKind.FOREIGN, OTHER_CONNECTION, name, nickname)


accounts = st.lists(
    st.builds(SharedAccount, st.sampled_from("12345"), st.text(max_size=3)), max_size=5, unique_by=lambda each: each.id
).map(tuple)
grants = st.builds(
    GrantFacts,
    st.none() | st.sampled_from(("ana", "ben")),
    st.just("label"),
    st.frozensets(st.sampled_from("abcde")),
    accounts,
)
holders = st.sampled_from((NOBODY, OWN, BENS, FOREIGN))


@given(st.none() | grants, grants, st.frozensets(st.sampled_from("abcde")), holders)
def test_nothing_appears_or_vanishes_in_a_comparison(
    before: GrantFacts | None, after: GrantFacts, required: frozenset[str], holder: Holder
) -> None:
    comparison = compare(before, after, required_scopes=required, holder=holder)
    had = before.scopes if before else frozenset[str]()
    assert (had - comparison.required_lost - comparison.optional_lost) | comparison.gained == after.scopes
    assert not comparison.required_lost & comparison.optional_lost
    assert comparison.required_lost <= required
    assert not comparison.optional_lost & required
    assert set(comparison.accounts_kept) | set(comparison.accounts_new) == set(after.accounts)
    assert {each.id for each in (*comparison.accounts_kept, *comparison.accounts_lost)} == {
        each.id for each in (before.accounts if before else ())
    }


@given(st.none() | grants, grants, holders)
def test_a_review_always_begins_with_the_safe_choice_and_ends_with_cancel(
    before: GrantFacts | None, after: GrantFacts, holder: Holder
) -> None:
    comparison = compare(before, after, required_scopes=(), holder=holder)
    if comparison.needs_review:
        assert comparison.choices[0] is RIGHT
        assert comparison.choices[-1] is CANCEL
        assert len(comparison.choices) >= 3
    else:
        assert comparison.choices == ()
        assert before is None or before.subject in {None, after.subject}
